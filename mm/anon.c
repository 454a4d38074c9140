/* SPDX-License-Identifier: MIT */
/* mm/anon.c - RING 0 - private pages: zero fill, copy on write, fork.  Page tables alone hold them.
 *
 * Path:  trap.c > fault.c > [anon.c] > pmap.c
 * Locks: map->lock held throughout; pmap->lock inside pmap.c.
 *
 * A1  A PTE on an ANON page is one of its references; pmap.c lets go of it with the PTE.
 * A2  A PTE on an ANON page is writable only while the page has one reference.
 */
#include "mm/map.h"

pte_t pte_make(const struct entry *e, const struct page *p, bool writable)
{
	pte_t pte = page_phys(p) | PTE_P | PTE_U | PTE_A;

	if (writable) pte |= PTE_W | PTE_D;
	if (!(e->prot & PROT_EXEC)) pte |= PTE_NX;
	return pte;
}

/* anon_copy_locked: a private page at va, with the bytes of another one (NULL: zeros). */
int anon_copy_locked(struct map *m, struct entry *e, uaddr_t va, const struct page *from)
{
	struct page *p = frame_alloc(PAGE_ANON, from ? 0 : FRAME_ZERO);
	int rc;

	if (!p) return -ENOMEM;
	if (from) memcpy(page_virt(p), page_virt(from), PAGE_SIZE);
	rc = pmap_set(&m->pmap, va, pte_make(e, p, e->prot & PROT_WRITE));
	if (rc) page_unref(p);
	return rc;
}

int anon_fault_locked(struct map *m, struct entry *e, uaddr_t va, struct page *p, bool write)
{
	if (!p || (write && __atomic_load_n(&p->refs, __ATOMIC_ACQUIRE) > 1)) return anon_copy_locked(m, e, va, p);
	return pmap_set(&m->pmap, va, pte_make(e, p, write));   /* the last sharer: nothing to copy */
}

#define CHUNK 64u                       /* pages carried per walk: no lock is held for two page tables at once */

struct chunk {
	uaddr_t start;
	bool    move, any;
	pte_t   pte[CHUNK];
};

/* Note a private page's PTE for its other place; what is shared loses the right to write (A2).  An object's own page is
 * faulted in there. */
static pte_t carry_pte(pte_t pte, uaddr_t va, void *arg)
{
	struct page *p = phys_to_page(pte & PTE_ADDR);
	struct chunk *c = arg;

	if (!p || p->use != PAGE_ANON) return c->move ? 0 : pte;
	c->any = true;
	c->pte[(va - c->start) >> PAGE_SHIFT] = c->move ? pte : pte & ~PTE_W;
	page_ref(p);
	return c->move ? 0 : pte & ~PTE_W;
}

int anon_carry(struct map *to, uaddr_t at, struct map *from, const struct entry *e, bool move)
{
	int rc = 0;

	for (uaddr_t va = e->anode.start; va <= e->anode.last && !rc; va += CHUNK << PAGE_SHIFT) {
		struct chunk c = {.start = va, .move = move};

		pmap_walk(&from->pmap, va, MIN(va + (CHUNK << PAGE_SHIFT), e->anode.last + 1), carry_pte, &c);
		for (uint32_t i = 0; c.any && i < CHUNK; i++) {
			uaddr_t new = at + (va - e->anode.start) + (i << PAGE_SHIFT);

			if (c.pte[i] && !rc) rc = pmap_set(&to->pmap, new, c.pte[i]);
			if (c.pte[i] && rc) page_unref(phys_to_page(c.pte[i] & PTE_ADDR));
		}
	}
	return rc;
}
