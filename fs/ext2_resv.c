/* SPDX-License-Identifier: MIT */
/* fs/ext2_resv.c - RING 3 - room on disk that is promised to pages without blocks.
 *
 * Path:  ext2_pager.c > [ext2_resv.c] > ext2_map.c, ext2_order.c
 *
 * G1  A page that the kernel may dirty has blocks, or blocks promised to it: writing it back cannot find a full disk.
 * G2  Promises take memory for the pages that have one, wherever in the file they are: 64 neighbours a record.
 */
#include <errno.h>
#include <stdlib.h>

#include "fs/ext2.h"

#define PAGE 4096u

struct resv {
	struct resv *next;
	const struct ext2_inode *in;
	uint64_t first;                 /* page, a multiple of 64: bit 0 */
	uint64_t pages, indirect;       /* not 0; those that brought room for indirect blocks */
};

/* Blocks that a page may need: its own, and at worst one indirect block on each level. */
uint64_t resv_cost(const struct ext2 *fs, bool indirect)
{
	return PAGE / fs->block_size + (indirect ? 3 : 0);
}

/* Where the pointer to the page's record is; *result is NULL if there is none. */
static struct resv **resv_find(struct ext2 *fs, const struct ext2_inode *in, uint64_t page)
{
	struct resv **p = &fs->resv[(in->vn->ino * 31 + page / 64) % RESV_BUCKETS];

	while (*p && ((*p)->in != in || (*p)->first != page / 64 * 64)) p = &(*p)->next;
	return p;
}

bool resv_has(struct ext2 *fs, const struct ext2_inode *in, uint64_t page)
{
	const struct resv *r = *resv_find(fs, in, page);

	return r && (r->pages >> page % 64 & 1);
}

/* The record's bits of pages [from, to). */
static uint64_t bits_of(const struct resv *r, uint64_t from, uint64_t to)
{
	uint64_t low = from > r->first ? from - r->first : 0, high = to > r->first ? to - r->first : 0;

	if (low >= 64 || low >= high) return 0;
	return (~0ull << low) & (high < 64 ? (1ull << high) - 1 : ~0ull);
}

/* Pages lose their promise.  true: none of the record is left, and it is gone */
static bool resv_cut(struct ext2 *fs, struct ext2_inode *in, struct resv **p, uint64_t gone)
{
	struct resv *r = *p;

	gone &= r->pages;
	in->nresv -= __builtin_popcountll(gone);
	fs->reserved -= __builtin_popcountll(gone & ~r->indirect) * resv_cost(fs, false);
	fs->reserved -= __builtin_popcountll(gone & r->indirect) * resv_cost(fs, true);
	r->pages &= ~gone;
	r->indirect &= ~gone;
	if (r->pages) return false;
	*p = r->next;
	free(r);
	return true;
}

/* Pages [from, to).  keep: those that brought room for indirect blocks. */
static void resv_range(struct ext2 *fs, struct ext2_inode *in, uint64_t from, uint64_t to, bool keep)
{
	for (unsigned i = 0; in->nresv && i < RESV_BUCKETS; i++) {
		for (struct resv **p = &fs->resv[i], *r; (r = *p);) {
			uint64_t gone = r->in == in ? bits_of(r, from, to) & ~(keep ? r->indirect : 0) : 0;

			if (!gone || !resv_cut(fs, in, p, gone)) p = &r->next;
		}
	}
}

void resv_drop(struct ext2 *fs, struct ext2_inode *in, uint64_t from, uint64_t to)
{
	struct resv **p = resv_find(fs, in, from);

	if (to > from + 1) resv_range(fs, in, from, to, false);
	else if (*p) resv_cut(fs, in, p, bits_of(*p, from, to));
}

/* resv_punch: a hole.  A promise that brought room for indirect blocks stays: its neighbours rely on it. */
void resv_punch(struct ext2 *fs, struct ext2_inode *in, uint64_t from, uint64_t to)
{
	resv_range(fs, in, from, to, true);
}

/* resv_sectors: of 512 bytes, promised to pages below size; more than are dirty, since room is promised in advance. */
uint64_t resv_sectors(const struct ext2_inode *in, uint64_t size)
{
	const struct ext2 *fs = fs_of(in->vn);
	uint64_t n = 0;

	for (unsigned i = 0; in->nresv && i < RESV_BUCKETS; i++) {
		for (const struct resv *r = fs->resv[i]; r; r = r->next) {
			if (r->in == in)
				n += __builtin_popcountll(r->pages & bits_of(r, 0, (size + PAGE - 1) / PAGE));
		}
	}
	return n * (PAGE / 512);
}

/* Which indirect block of the lowest level a page's blocks are in; -1: none, they are direct. */
static int64_t leaf_of(const struct ext2 *fs, uint64_t page)
{
	uint64_t n = PAGE / fs->block_size, last = page * n + n - 1;

	return last < EXT2_NDIR ? -1 : (int64_t)((last - EXT2_NDIR) / fs->per_block);
}

/* Does this page have to bring room for indirect blocks too?  Not if its neighbour below has, or has blocks already. */
static bool needs_indirect(struct ext2 *fs, struct ext2_inode *in, uint64_t page)
{
	int64_t leaf = leaf_of(fs, page);
	uint32_t b;

	if (leaf < 0) return false;
	if (page == 0 || leaf_of(fs, page - 1) != leaf) return true;
	return !resv_has(fs, in, page - 1) && (map_get(fs, in, page * (PAGE / fs->block_size) - 1, &b) || !b);
}

static bool page_has_blocks(struct ext2 *fs, struct ext2_inode *in, uint64_t page)
{
	uint32_t n = PAGE / fs->block_size, b;

	for (uint32_t i = 0; i < n; i++) {
		if (map_get(fs, in, page * n + i, &b) || !b) return false;
	}
	return true;
}

/* resv_set: 0: from now on G1 holds for this page; -ENOSPC, -EFBIG, -ENOMEM */
int resv_set(struct ext2 *fs, struct ext2_inode *in, uint64_t page)
{
	struct resv **p, *r;
	uint64_t cost;
	bool indirect;

	if (page >= 1ull << 32) return -EFBIG;
	if (resv_has(fs, in, page) || page_has_blocks(fs, in, page)) return 0;
	indirect = needs_indirect(fs, in, page);
	cost = resv_cost(fs, indirect);
	if (blocks_free(fs) < cost && (!fs->npending || order_commit(fs, true) || blocks_free(fs) < cost))
		return -ENOSPC;
	p = resv_find(fs, in, page);
	r = *p ? *p : calloc(1, sizeof(*r));
	if (!r) return -ENOMEM;

	if (!*p) *r = (struct resv){.in = in, .first = page / 64 * 64};
	*p = r;
	r->pages |= 1ull << page % 64;
	if (indirect) r->indirect |= 1ull << page % 64;
	in->nresv++;
	fs->reserved += cost;
	return 0;
}
