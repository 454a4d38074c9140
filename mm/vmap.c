/* SPDX-License-Identifier: MIT */
/* mm/vmap.c - RING 0 - kernel addresses outside the direct map: stacks, tables of more than a page.
 *
 * Path:  kmem.c > [vmap.c] > pmap.c, frame.c
 * Use:   kalloc_pages/kfree_pages, for kalloc() alone.
 * Locks: vmap_lock around the bit map; not held together with the tables' lock, which has the same rank.
 *
 * V1  Below each piece lies a page that is not mapped: a stack or table that grows over its end faults.
 * V2  An address is given out again only after the TLBs were shot down.
 * V3  The first page of a piece says in its index how many it has. */
#include "kernel/cpu.h"
#include "mm/frame.h"
#include "mm/pmap.h"

#define VMAP_PAGES 131072u              /* 512 MiB of addresses */
#define PTE_KDATA  (PTE_P | PTE_W | PTE_G | PTE_NX)

static struct spinlock vmap_lock = SPINLOCK_INIT(RANK_PMAP, "vmap");
static uint64_t used[VMAP_PAGES / 64];  /* [vmap_lock] bit per page, guard pages included */
static uint32_t next;                   /* [vmap_lock] search from here: the piece behind the last one given out */

static bool page_used(uint32_t i) { return used[i / 64] >> i % 64 & 1; }

/* First of n free neighbours at or after `from`; VMAP_PAGES: none. */
static uint32_t vmap_search(uint32_t from, uint64_t n)
{
	for (uint32_t i = from, run = 0; i < VMAP_PAGES; i++) {
		run = page_used(i) ? 0 : run + 1;
		if (run == n) return i + 1 - n;
	}
	return VMAP_PAGES;
}

/* Addresses for n pages and the guard page below them (V1); 0: no such room. */
static uint64_t vmap_take(uint64_t n)
{
	uint32_t i;

	spin_lock(&vmap_lock);
	i = vmap_search(next, n + 1);
	if (i == VMAP_PAGES) i = vmap_search(0, n + 1);
	for (uint32_t k = i; i < VMAP_PAGES && k <= i + n; k++)
		used[k / 64] |= BIT(k % 64);
	if (i < VMAP_PAGES) next = (i + n + 1) % VMAP_PAGES;
	spin_unlock(&vmap_lock);

	return i < VMAP_PAGES ? VMAP_BASE + (i + 1ull) * PAGE_SIZE : 0;
}

/* Only after the PTEs are gone from tables and TLBs (V2). */
static void vmap_give(uint64_t va, uint64_t n)
{
	uint32_t i = (va - VMAP_BASE) / PAGE_SIZE - 1;

	spin_lock(&vmap_lock);
	for (uint32_t k = i; k <= i + n; k++) {
		INVARIANT("V2", page_used(k));
		used[k / 64] &= ~BIT(k % 64);
	}
	spin_unlock(&vmap_lock);
}

/* For pmap_walk(): takes the PTE away and keeps its page, which is freed after the shootdown. */
static pte_t pte_collect(pte_t pte, uaddr_t va, void *arg)
{
	list_push_back(arg, &phys_to_page(pte & PTE_ADDR)->link);
	return 0;
}

/* Unmap what is mapped of n pages, and give pages and addresses back. */
static void piece_free(uint64_t va, uint64_t n)
{
	struct list pages = LIST_INIT(pages), *l;

	pmap_walk(&kernel_pmap, va, va + n * PAGE_SIZE, pte_collect, &pages);
	while ((l = list_pop_front(&pages)))
		frame_free(container_of(l, struct page, link));
	vmap_give(va, n);
}

/* n pages of zeros at neighbouring addresses: single frames, so that a full or scattered memory does no harm.
 * => spinlocks of a lower rank may be held; never sleeps */
void *kalloc_pages(uint64_t n)
{
	uint64_t va = vmap_take(n);

	for (uint64_t i = 0; va && i < n; i++) {
		struct page *p = frame_alloc(PAGE_KERNEL, FRAME_ZERO | frame_flags_current());

		if (p && i == 0) p->index = n;          /* V3 */
		if (p && !pmap_set(&kernel_pmap, va + i * PAGE_SIZE, page_phys(p) | PTE_KDATA, NULL)) continue;
		if (p) frame_free(p);
		piece_free(va, n);              /* finds those that were entered */
		return NULL;
	}
	return (void *)va;
}

void kfree_pages(void *p)
{
	piece_free((uintptr_t)p, phys_to_page(pmap_get(&kernel_pmap, (uintptr_t)p) & PTE_ADDR)->index);
}

/* For the panic, which may come while a lock is held: reads the tables without one.  A page here that is not
 * mapped is a guard page, or a stack that is gone: both mean a stack pointer that went wrong. */
bool pmap_is_guard(uint64_t va)
{
	const pte_t *slot;

	if (va < VMAP_BASE || va >= VMAP_BASE + VMAP_PAGES * PAGE_SIZE) return false;
	slot = pmap_slot(&kernel_pmap, va, 1, false);
	return !slot || !(*slot & PTE_P);
}
