/* SPDX-License-Identifier: MIT */
/* fs/ext2_block.c - RING 3 - blocks and inodes taken from and given back to the bitmaps. */
#include <errno.h>
#include <string.h>

#include "fs/ext2.h"

static bool get_bit(const uint8_t *map, uint32_t i) { return map[i / 8] & 1u << i % 8; }
static void set_bit(uint8_t *map, uint32_t i) { map[i / 8] |= 1u << i % 8; }
static void clear_bit(uint8_t *map, uint32_t i) { map[i / 8] &= ~(1u << i % 8); }

static uint32_t group_of(const struct ext2 *fs, uint32_t b) { return (b - fs->first_block) / fs->geo.blocks_per_group; }
static uint32_t group_first(const struct ext2 *fs, uint32_t g)
{
	return fs->first_block + g * fs->geo.blocks_per_group;
}

static uint32_t group_len(const struct ext2 *fs, uint32_t g)
{
	uint32_t left = fs->nblocks - group_first(fs, g);

	return left < fs->geo.blocks_per_group ? left : fs->geo.blocks_per_group;
}

/* Not the superblock, a bitmap or an inode table: a corrupt image must not make us write those. */
bool block_ok(const struct ext2 *fs, uint32_t b)
{
	const struct ext2_group *g;
	uint32_t table = (fs->geo.inodes_per_group * fs->inode_size + fs->block_size - 1) / fs->block_size;

	if (b <= fs->first_block || b >= fs->nblocks) return false;
	g = &fs->place[group_of(fs, b)];
	if (b == g->block_bitmap || b == g->inode_bitmap) return false;
	return b < g->inode_table || b >= g->inode_table + table;
}

uint64_t blocks_free(const struct ext2 *fs)
{
	uint64_t out = fs->reserved + fs->npending;

	return fs->sb->free_blocks_count > out ? fs->sb->free_blocks_count - out : 0;
}

static bool take(struct ext2 *fs, uint32_t g, uint32_t from, uint32_t *out)
{
	uint8_t *map = block_at(fs, fs->place[g].block_bitmap);
	uint32_t first = group_first(fs, g), len = group_len(fs, g);

	for (uint32_t i = from; i < len; i++) {
		if (i % 8 == 0 && map[i / 8] == 0xff) {
			i += 7;
			continue;
		}
		if (get_bit(map, i) || get_bit(fs->pending, first + i) || !block_ok(fs, first + i)) continue;
		set_bit(map, i);
		fs->group[g].free_blocks--;
		fs->sb->free_blocks_count--;
		meta_dirty(fs, fs->place[g].block_bitmap, META_MAP);
		meta_dirty_at(fs, &fs->group[g], META_MAP);
		meta_dirty_at(fs, fs->sb, META_MAP);
		*out = first + i;
		return true;
	}
	return false;
}

/* The first free block from goal on, then in its group, then in the others.  If that helps, pending frees
 * are committed. */
int block_alloc(struct ext2 *fs, uint32_t goal, bool reserved, uint32_t *out)
{
	uint32_t g = goal > fs->first_block && goal < fs->nblocks ? group_of(fs, goal) : 0;
	uint32_t from = goal > fs->first_block && goal < fs->nblocks ? goal - group_first(fs, g) : 0;

	if (!reserved && blocks_free(fs) == 0 && (!fs->npending || order_commit(fs, true) || blocks_free(fs) == 0))
		return -ENOSPC;
	for (int pass = 0; pass < 2; pass++) {
		if (take(fs, g, from, out)) return 0;
		for (uint32_t i = 0; i < fs->ngroups; i++) {
			if (take(fs, (g + i) % fs->ngroups, 0, out)) return 0;
		}
		if (!fs->npending || order_commit(fs, true)) break;
	}
	return -ENOSPC;
}

void block_free(struct ext2 *fs, uint32_t b)
{
	uint32_t g = group_of(fs, b), i = b - group_first(fs, g);
	uint8_t *map = block_at(fs, fs->place[g].block_bitmap);

	if (!get_bit(map, i)) {
		corrupt(fs, "a block is freed twice");
		return;
	}
	clear_bit(map, i);
	set_bit(fs->pending, b);
	fs->npending++;
	fs->group[g].free_blocks++;
	fs->sb->free_blocks_count++;
	meta_forget(fs, b);
	meta_dirty(fs, fs->place[g].block_bitmap, META_MAP);
	meta_dirty_at(fs, &fs->group[g], META_MAP);
	meta_dirty_at(fs, fs->sb, META_MAP);
}

static void inode_count(struct ext2 *fs, uint32_t g, int by, bool dir)
{
	fs->group[g].free_inodes -= by;
	fs->sb->free_inodes_count -= by;
	if (dir) fs->group[g].used_dirs += by;
	meta_dirty(fs, fs->place[g].inode_bitmap, META_MAP);
	meta_dirty_at(fs, &fs->group[g], META_MAP);
	meta_dirty_at(fs, fs->sb, META_MAP);
}

static int inode_find(struct ext2 *fs, uint32_t near, bool dir, uint32_t *ino)
{
	uint32_t per = fs->geo.inodes_per_group, first = fs->geo.rev_level ? fs->geo.first_ino : 11;

	for (uint32_t k = 0; k < fs->ngroups; k++) {
		uint32_t g = (near + k) % fs->ngroups;
		uint8_t *map = block_at(fs, fs->place[g].inode_bitmap);

		for (uint32_t i = 0; i < per; i++) {
			uint32_t n = g * per + i + 1;

			if (n < first || get_bit(map, i) || get_bit(fs->pending_inodes, n - 1)) continue;
			set_bit(map, i);
			inode_count(fs, g, 1, dir);
			*ino = n;
			return 0;
		}
	}
	return -ENOSPC;
}

/* Those that were freed are free for good only when that is on the disk. */
int inode_alloc(struct ext2 *fs, uint32_t near, bool dir, uint32_t *ino)
{
	int rc = inode_find(fs, near, dir, ino);

	if (rc && fs->npending_inodes && !order_commit(fs, true)) rc = inode_find(fs, near, dir, ino);
	return rc;
}

void inode_release(struct ext2 *fs, uint32_t ino, bool dir)
{
	uint32_t g = (ino - 1) / fs->geo.inodes_per_group, i = (ino - 1) % fs->geo.inodes_per_group;
	uint8_t *map = block_at(fs, fs->place[g].inode_bitmap);

	if (!get_bit(map, i)) {
		corrupt(fs, "an inode is freed twice");
		return;
	}
	clear_bit(map, i);
	set_bit(fs->pending_inodes, ino - 1);
	fs->npending_inodes++;
	inode_count(fs, g, -1, dir);
}
