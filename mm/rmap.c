/* SPDX-License-Identifier: MIT */
/* mm/rmap.c - RING 0 - from a page to every PTE that maps it: write-protect, unmap, was it used?
 *
 * Path:  writeback.c, pagecache.c, reclaim.c > [rmap.c] > pmap.c
 * Use:   vmo->lock is held, so no entry of the object comes, goes or moves, and no PTE on the page is made.
 * Locks: vmo->lock held by the caller; takes pmap->lock of each map, one after the other.
 *
 * M1  An entry in vmo->entries maps page index i at anode.start + (i - vnode.start) pages, whatever its PTE says now.
 * M2  A PTE that refers to a page of the object is found through vmo->entries.  All other PTEs of these entries are on
 *     private copies, ANON pages.
 * M3  A walk over neighbouring pages is one round of TLB shootdowns for each map, however many they are.
 */
#include "mm/map.h"

struct rmap_walk {
	pte_t   clear;          /* bits to take away; PTE_P: the whole PTE */
	pte_t   had;            /* out: the bits that PTEs had */
	bool    copies;         /* private copies too */
};

static pte_t rmap_pte(pte_t pte, uaddr_t va, void *arg)
{
	struct rmap_walk *w = arg;
	struct page *p = phys_to_page(pte & PTE_ADDR);

	if (p && p->use == PAGE_ANON && !w->copies) return pte;
	w->had |= pte;
	return w->clear & PTE_P ? 0 : pte & ~w->clear;
}

static void rmap_walk(struct vmo *v, uint64_t first, uint64_t last, struct rmap_walk *w)
{
	tree_for(n, &v->entries, first, last) {
		struct entry *e = container_of(n, struct entry, vnode);
		uint64_t lo = MAX(first, n->start), hi = MIN(last, n->last);

		pmap_walk(&e->map->pmap, entry_va(e, lo), entry_va(e, hi + 1), rmap_pte, w);
	}
}

pte_t pages_clear(struct vmo *v, uint64_t first, uint64_t last, pte_t bits)
{
	struct rmap_walk w = {.clear = bits};

	rmap_walk(v, first, last, &w);
	return w.had & bits;
}

/* Truncation: nothing past the new end stays mapped, private copies included (a reference gets SIGBUS: POSIX mmap). */
void vmo_unmap_range_locked(struct vmo *v, uint64_t first, uint64_t last)
{
	rmap_walk(v, first, last, &(struct rmap_walk){.clear = PTE_P, .copies = true});
}

bool vmo_range_locked(struct vmo *v, uint64_t first, uint64_t last)
{
	tree_for(n, &v->entries, first, last) {
		if (container_of(n, struct entry, vnode)->flags & ENTRY_LOCKED) return true;
	}
	return false;
}
