/* SPDX-License-Identifier: MIT */
/* mm/anon.c - RING 0 - private pages: zero fill, copy on write, fork.  Page tables alone hold them.
 *
 * Path:  trap.c > fault.c > [anon.c] > pmap.c
 * Locks: map->lock held throughout; pmap->lock inside pmap.c.
 *
 * A1  A PTE on an ANON page is one of its references.
 * A2  A PTE on an ANON page is writable only while the page has one reference.
 */
#include "mm/frame.h"
#include "mm/map.h"
#include "mm/pagecache.h"

pte_t pte_make(const struct entry *e, const struct page *p, bool writable)
{
	pte_t pte = page_phys(p) | PTE_P | PTE_U | PTE_A;

	if (writable) pte |= PTE_W | PTE_D;
	if (!(e->prot & PROT_EXEC)) pte |= PTE_NX;
	return pte;
}

/* Let go of what a replaced PTE referred to. */
static void pte_drop(pte_t old)
{
	struct page *p = old ? phys_to_page(old & PTE_ADDR) : NULL;

	if (p && p->use == PAGE_ANON) page_unref(p);
}

static int anon_enter(struct map *m, struct entry *e, uaddr_t va, struct page *p)
{
	pte_t old;
	int rc = pmap_set(&m->pmap, va, pte_make(e, p, e->prot & PROT_WRITE), &old);

	if (rc) page_unref(p);
	else pte_drop(old);
	return rc;
}

int anon_copy_locked(struct map *m, struct entry *e, uaddr_t va, struct page *from)
{
	struct page *p = frame_alloc(PAGE_ANON, frame_flags_current());

	if (!p) return -ENOMEM;
	memcpy(page_virt(p), page_virt(from), PAGE_SIZE);
	return anon_enter(m, e, va, p);
}

int anon_fault_locked(struct map *m, struct entry *e, uaddr_t va, bool write)
{
	pte_t pte = pmap_get(&m->pmap, va), old;
	struct page *p = pte ? phys_to_page(pte & PTE_ADDR) : NULL;

	if (!p) {
		p = frame_alloc(PAGE_ANON, FRAME_ZERO | frame_flags_current());
		return p ? anon_enter(m, e, va, p) : -ENOMEM;
	}
	if (write && __atomic_load_n(&p->refs, __ATOMIC_ACQUIRE) > 1) return anon_copy_locked(m, e, va, p);
	return pmap_set(&m->pmap, va, pte_make(e, p, write), &old);     /* the last sharer: nothing to copy */
}

static pte_t zap_pte(pte_t pte, uaddr_t va, void *arg)
{
	struct page *p = phys_to_page(pte & PTE_ADDR);
	struct zap *z = arg;

	(void)va;
	if (p && p->use == PAGE_ANON && __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) == 0)
		list_push_back(&z->pages, &p->link);
	return 0;
}

void map_zap(struct map *m, uaddr_t start, uaddr_t end)
{
	struct zap z;
	struct list *l;

	list_init(&z.pages);
	pmap_walk(&m->pmap, start, end, zap_pte, &z);
	while ((l = list_pop_front(&z.pages))) {
		struct page *p = container_of(l, struct page, link);

		p->refs = 1;
		page_unref(p);
	}
}

#define FORK_CHUNK 64u                  /* pages copied per walk, so that no lock is held for two page tables at once */

struct fork_chunk {
	uaddr_t start;
	pte_t   pte[FORK_CHUNK];
	bool    any;
};

/* Note the PTE for the child and take the parent's right to write (A2). */
static pte_t fork_pte(pte_t pte, uaddr_t va, void *arg)
{
	struct page *p = phys_to_page(pte & PTE_ADDR);
	struct fork_chunk *c = arg;

	if (!p || p->use != PAGE_ANON) return pte;      /* the object's own page: the child faults it in */
	page_ref(p);
	c->pte[(va - c->start) >> PAGE_SHIFT] = pte & ~PTE_W;
	c->any = true;
	return pte & ~PTE_W;
}

int anon_fork(struct map *to, struct map *from, const struct entry *e)
{
	struct fork_chunk c;
	int rc = 0;

	for (c.start = e->anode.start; c.start <= e->anode.last; c.start += FORK_CHUNK << PAGE_SHIFT) {
		memset(c.pte, 0, sizeof(c.pte));
		c.any = false;
		pmap_walk(&from->pmap, c.start, MIN(c.start + (FORK_CHUNK << PAGE_SHIFT), e->anode.last + 1), fork_pte, &c);
		for (uint32_t i = 0; c.any && i < FORK_CHUNK; i++) {
			pte_t old;

			if (c.pte[i] && !rc) rc = pmap_set(&to->pmap, c.start + (i << PAGE_SHIFT), c.pte[i], &old);
			if (c.pte[i] && rc) pte_drop(c.pte[i]);
		}
		if (rc) return rc;
	}
	return 0;
}
