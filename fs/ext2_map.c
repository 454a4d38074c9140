/* SPDX-License-Identifier: MIT */
/* fs/ext2_map.c - RING 3 - from a block's index in the file to its place on disk: direct, and one to three levels of
 * indirect blocks, which are read and edited in the mapped disk.
 */
#include <errno.h>
#include <string.h>

#include "fs/ext2.h"

/* How to get to block `index`: slot[0] is in the inode, the others in indirect blocks.  Levels, or -EFBIG. */
static int path_of(const struct ext2 *fs, uint64_t index, uint32_t slot[4])
{
	uint64_t n = fs->per_block;

	if (index < EXT2_NDIR) {
		slot[0] = index;
		return 1;
	}
	index -= EXT2_NDIR;
	if (index < n) {
		slot[0] = 12, slot[1] = index;
		return 2;
	}
	index -= n;
	if (index < n * n) {
		slot[0] = 13, slot[1] = index / n, slot[2] = index % n;
		return 3;
	}
	index -= n * n;
	if (index >= n * n * n) return -EFBIG;
	slot[0] = 14, slot[1] = index / (n * n), slot[2] = index / n % n, slot[3] = index % n;
	return 4;
}

/* i_blocks has 32 bits of 512 bytes: 2 TiB is the other limit. */
uint64_t map_max_size(const struct ext2 *fs)
{
	uint64_t n = fs->per_block, max = (EXT2_NDIR + n + n * n + n * n * n) * fs->block_size;

	return max < (1ull << 41) - 4096 ? max : (1ull << 41) - 4096;
}

int map_get(struct ext2 *fs, struct ext2_inode *in, uint64_t index, uint32_t *block)
{
	uint32_t slot[4], b;
	int n = path_of(fs, index, slot);

	*block = 0;
	if (n < 0) return n;
	b = in->raw->block[slot[0]];
	for (int i = 1; i < n && b; i++) {
		if (!block_ok(fs, b)) return corrupt(fs, "an indirect block is out of range");
		b = ((uint32_t *)block_at(fs, b))[slot[i]];
	}
	if (b && !block_ok(fs, b)) return corrupt(fs, "a block of a file is out of range");
	*block = b;
	return 0;
}

static uint32_t goal_of(const struct ext2 *fs, const struct ext2_inode *in)
{
	if (in->last) return in->last + 1;
	return fs->first_block + (uint32_t)((in->vn->ino - 1) / fs->geo.inodes_per_group) * fs->geo.blocks_per_group;
}

static int take(struct ext2 *fs, struct ext2_inode *in, bool reserved, uint32_t *out)
{
	int rc = block_alloc(fs, goal_of(fs, in), reserved, out);

	if (rc) return rc;
	in->last = *out;
	in->raw->blocks += fs->block_size / 512;
	inode_dirty(in);
	return 0;
}

int map_alloc(struct ext2 *fs, struct ext2_inode *in, uint64_t index, bool reserved, uint32_t *block)
{
	uint32_t slot[4], *at, b = 0;
	int n = path_of(fs, index, slot), rc;

	if (n < 0) return n;
	at = &in->raw->block[slot[0]];
	for (int i = 1; i <= n; i++) {
		b = *at;
		if (b && !block_ok(fs, b)) return corrupt(fs, "a block of a file is out of range");
		if (!b) {
			rc = take(fs, in, reserved, &b);
			if (rc) return rc;
			if (i < n) {
				memset(block_at(fs, b), 0, fs->block_size);
				meta_dirty(fs, b, META_MAP);
			}
			*at = b;
			meta_dirty_at(fs, at, i == 1 ? META_INODE : META_MAP);
		} else {
			in->last = b;
		}
		if (i < n) at = (uint32_t *)block_at(fs, b) + slot[i];
	}
	*block = b;
	return 0;
}

#define TO_END (~0ull)

/* Free what lies in [from, to) (relative to this subtree) below *at; depth 0: a data block.  Indirect blocks go only
 * with everything behind them (to == TO_END): those of a hole may be what a neighbour's reservation counts on.  On a
 * damaged disk *at may lie in the block that it names, and change on the way. */
static int cut(struct ext2 *fs, struct ext2_inode *in, uint32_t *at, int depth, uint64_t from, uint64_t to, bool *gone)
{
	uint32_t b = *at, *p;
	uint64_t span = 1;
	bool empty = true;
	int rc = 0;

	*gone = b == 0;
	if (!b) return 0;
	if (!block_ok(fs, b)) return corrupt(fs, "a block of a file is out of range");
	for (int i = 1; i < depth; i++) span *= fs->per_block;
	p = depth ? block_at(fs, b) : NULL;
	for (uint64_t i = 0; depth && i < fs->per_block && !rc; i++) {
		uint64_t start = i * span;
		bool sub = p[i] == 0;

		if (!sub && start + span > from && start < to)
			rc = cut(fs, in, &p[i], depth - 1, from > start ? from - start : 0,
			         to == TO_END ? to : to - start, &sub);
		if (!sub) empty = false;
	}
	if (rc || (depth && (!empty || to != TO_END)) || (!depth && from > 0)) return rc;
	block_free(fs, b);
	in->raw->blocks -= fs->block_size / 512;
	*at = 0;
	meta_dirty_at(fs, at, (uint8_t *)at >= (uint8_t *)in->raw && (uint8_t *)at < (uint8_t *)(in->raw + 1) ?
	              META_INODE : META_MAP);
	*gone = true;
	return 0;
}

int map_cut(struct ext2 *fs, struct ext2_inode *in, uint64_t from)
{
	return map_punch(fs, in, from, TO_END);
}

int map_punch(struct ext2 *fs, struct ext2_inode *in, uint64_t from, uint64_t to)
{
	uint64_t n = fs->per_block, start[4] = {0, EXT2_NDIR, EXT2_NDIR + n, EXT2_NDIR + n + n * n};
	bool gone;
	int rc = 0;

	for (uint64_t i = from; i < EXT2_NDIR && i < to && !rc; i++)
		rc = cut(fs, in, &in->raw->block[i], 0, 0, to, &gone);
	for (int d = 1; d <= 3 && !rc && to > start[d]; d++)
		rc = cut(fs, in, &in->raw->block[11 + d], d, from > start[d] ? from - start[d] : 0,
		         to == TO_END ? to : to - start[d], &gone);
	in->last = 0;
	inode_dirty(in);
	return rc;
}
