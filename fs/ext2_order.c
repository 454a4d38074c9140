/* SPDX-License-Identifier: MIT */
/* fs/ext2_order.c - RING 3 - what reaches the disk before what.
 *
 * O1  First bitmaps, counts and indirect blocks; then inodes that point to them; then directories that name the inodes.
 *     A device flush stands between two classes if the later one has anything to write.  So a name on disk leads to an
 *     inode on disk leads to its blocks, at every power cut.  An inode of which only times changed leads nowhere new: no
 *     flush before it, and no fdatasync or msync has to write it.
 *     A new block of a directory goes with the first, as its inode may lead to it: what it held before is never read as
 *     names.  Those in it may be on disk before their inodes, which are then free ones (O2): e2fsck takes such names away.
 * O2  What was freed is used again only after the freeing is on disk: until then an older state of the disk may be
 *     the true one, and it still uses the block.
 * O3  A freed metadata block is forgotten: it may be file data by the time of the write.
 * O4  With blocks smaller than a page only the dirty blocks of a page are written; file data next to them is newer in
 *     the file's own object.
 */
#include <stdlib.h>
#include <string.h>

#include "fs/ext2.h"

static bool bit(const uint8_t *map, uint32_t b)
{
	return map[b / 8] & 1u << b % 8;
}

void meta_dirty(struct ext2 *fs, uint32_t b, enum meta class)
{
	if (fs->mnt->readonly) return;
	for (int c = 0; c <= (int)class; c++)
		if (bit(fs->dirty[c], b)) return;       /* it goes as early as that, or earlier */
	fs->dirty[class][b / 8] |= 1u << b % 8;
	fs->ndirty[class]++;
}

void meta_dirty_at(struct ext2 *fs, const void *p, enum meta class)
{
	meta_dirty(fs, ((const uint8_t *)p - fs->disk->map) / fs->block_size, class);
}

static bool owed(const struct ext2 *fs, uint32_t b)
{
	bool is = false;

	for (int c = 0; c < META_CLASSES; c++) is |= bit(fs->dirty[c], b);
	return is;
}

static void meta_clean(struct ext2 *fs, uint32_t b, enum meta class)
{
	if (!bit(fs->dirty[class], b)) return;
	fs->dirty[class][b / 8] &= ~(1u << b % 8);
	fs->ndirty[class]--;
}

/* Is another block of the same page still to be written? */
static bool page_owed(const struct ext2 *fs, uint32_t b)
{
	uint32_t per_page = 4096 / fs->block_size, first = b / per_page * per_page;

	for (uint32_t i = first; i < first + per_page && i < fs->nblocks; i++) {
		if (owed(fs, i)) return true;
	}
	return false;
}

void meta_forget(struct ext2 *fs, uint32_t b)
{
	struct disk_extent x = {.off = (uint64_t)b * fs->block_size, .len = fs->block_size, .flags = VMX_FORGET};

	for (int c = 0; c < META_CLASSES; c++) meta_clean(fs, b, c);
	if (!page_owed(fs, b)) disk_write(fs->disk, &x, 1);
}

/* Write the blocks of one class; neighbours as one extent, pages with other debts stay dirty. */
static int class_write(struct ext2 *fs, enum meta class)
{
	uint32_t max = fs->ndirty[class], n = 0, bs = fs->block_size;
	struct disk_extent *x = max ? malloc(max * sizeof(*x)) : NULL;
	int rc;

	if (!max) return 0;
	if (!x) return -12;
	for (uint32_t b = 0; b < fs->nblocks && fs->ndirty[class]; b++) {
		if (b % 8 == 0 && !fs->dirty[class][b / 8]) {
			b += 7;
			continue;
		}
		if (!bit(fs->dirty[class], b)) continue;
		meta_clean(fs, b, class);
		meta_clean(fs, b, META_TIMES);
		x[n] = (struct disk_extent){(uint64_t)b * bs, bs, page_owed(fs, b) ? VMX_KEEP_DIRTY : 0};
		if (n > 0 && x[n - 1].off + x[n - 1].len == x[n].off && bs == 4096) x[n - 1].len += bs;
		else n++;
	}
	rc = disk_write(fs->disk, x, n);
	for (uint32_t i = 0; rc && i < n; i++) {        /* still owed */
		for (uint64_t o = x[i].off; o < x[i].off + x[i].len; o += bs) meta_dirty(fs, o / bs, class);
	}
	free(x);
	return rc;
}

int order_commit(struct ext2 *fs, bool flush)
{
	bool wrote = false;
	int rc = 0;

	for (int c = 0; c < META_CLASSES && !rc; c++) {
		if (!fs->ndirty[c]) continue;
		if (c > 0 && c != META_TIMES) rc = disk_flush(fs->disk);        /* O1: the class before, and the file data it points to */
		if (!rc) rc = class_write(fs, c);
		wrote = true;
	}
	if (!rc && (flush || (wrote && (fs->npending || fs->npending_inodes)))) rc = disk_flush(fs->disk);
	if (rc || !(flush || wrote)) return rc;
	if (fs->npending || fs->npending_inodes) {                             /* O2 */
		memset(fs->pending, 0, fs->nblocks / 8 + 1);
		memset(fs->pending_inodes, 0, fs->geo.inodes_count / 8 + 1);
		fs->npending = fs->npending_inodes = 0;
	}
	return 0;
}
