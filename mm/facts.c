/* SPDX-License-Identifier: MIT */
/* mm/facts.c - RING 0 - facts about memory (abi/facts.h): what is mapped where, and by whom its pages are shared.
 *
 * Path:  kernel/sys_facts.c > [facts.c] > pmap.c, tree.c
 * Locks: map->lock while an address space is looked at; inside it vmo->lock, let go of every COUNT_STEP pages.  Totals
 *        of the machine are read without locks: each number was true at some moment of the call. */
#include "mm/map.h"

#define COUNT_STEP 64u                  /* pages looked at without a break */

/* By use and state of every page of memory. */
int frame_facts(struct facts_memory *f)
{
	for (uint64_t i = 0; i < page_array_len; i++) {
		const struct page *p = &page_array[i];
		uint8_t use = p->use;

		f->pages[use][use == PAGE_OBJECT ? p->state : use == PAGE_KERNEL ? p->flags & 3 : 0]++;     /* it may be freed just now */
	}
	return sizeof(*f);
}

static void count(struct facts_pages *f, uint32_t sharers, bool dirty, pte_t pte)
{
	f->rss++;
	f->pss += PAGE_SIZE / sharers;
	f->part[sharers > 1][dirty]++;
	if (pte & PTE_A) f->referenced++;
}

/* Private pages: their references are the PTEs that share them (A1). */
static pte_t count_anon(pte_t pte, uaddr_t va, void *arg)
{
	const struct page *p = phys_to_page(pte & PTE_ADDR);
	struct facts_pages *f = arg;

	if (!p || p->use != PAGE_ANON) return pte;
	f->anon++;
	count(f, MAX(__atomic_load_n(&p->refs, __ATOMIC_RELAXED), 1u), true, pte);
	return pte;
}

/* The PTE of an entry for page index i of its object, if it is on this page. */
static pte_t pte_on(const struct entry *e, uint64_t i, const struct page *p)
{
	pte_t pte = pmap_get(&e->map->pmap, entry_va(e, i));

	return (pte & PTE_ADDR) == page_phys(p) ? pte : 0;
}

/* => vmo->lock held: no entry comes or goes */
static uint32_t sharers_locked(struct vmo *v, uint64_t i, const struct page *p)
{
	uint32_t sharers = 0;

	tree_for(n, &v->entries, i, i) sharers += pte_on(container_of(n, struct entry, vnode), i, p) != 0;
	return sharers;
}

/* The pages of its object that an entry has mapped. */
static void count_object(struct entry *e, struct facts_pages *f)
{
	struct vmo *v = e->vmo;
	uint32_t steps = 0;
	struct page *p;

	SPIN_HELD(&v->lock);
	for (uint64_t i = e->vnode.start; (p = page_next(v, &i, 0)) && i <= e->vnode.last; i++) {
		pte_t pte = pte_on(e, i, p);

		if (pte) count(f, sharers_locked(v, i, p), p->state == PG_DIRTY || p->state == PG_WRITING, pte);
		if (++steps % COUNT_STEP) continue;
		spin_unlock(&v->lock);
		spin_lock(&v->lock);
	}
}

/* map_facts: the entry that contains or follows address from.  pages: those of its object are counted too. */
int map_facts(struct map *m, uaddr_t from, bool pages, struct facts_entry *f)
{
	struct entry *e;
	struct vmo *v;

	MUTEX_HELD(&m->lock);
	e = map_first_locked(m, from, USER_TOP);
	if (!e) return 0;
	v = e->vmo;
	*f = (struct facts_entry){.start = e->anode.start, .end = e->anode.last + 1, .prot = e->prot,
	                          .max_prot = e->max_prot, .flags = e->flags};
	if (v) {
		f->offset = e->vnode.start << PAGE_SHIFT;
		f->node = v->cookie;
		f->object = v->flags & VMO_NOGROW ? FACTS_DISK : v->cookie ? FACTS_FILE : FACTS_SHARED;
	}
	if (e->flags & ENTRY_DEVICE) return sizeof(*f);
	pmap_walk(&m->pmap, f->start, f->end, count_anon, &f->pages);
	if (v && pages) count_object(e, &f->pages);
	return sizeof(*f);
}
