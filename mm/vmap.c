/* SPDX-License-Identifier: MIT */
/* mm/vmap.c - RING 0 - kernel addresses outside the direct map: stacks, tables of more than a page.
 *
 * Path:  kmem.c > [vmap.c] > pmap.c, frame.c
 * Use:   kalloc_pages/kfree_pages, for kalloc() alone.
 * Locks: vmap_lock around the bit map; not held together with the tables' lock, which has the same rank.
 *
 * V1  Below each piece lies a page that is not mapped: a stack or table that grows over its end faults.
 * V2  An address is given out again only after the TLBs were shot down.
 * V3  A piece lies in a slot of addresses of its own, which is one bit; all that is mapped in the slot is the piece. */
#include "kernel/cpu.h"
#include "mm/page.h"
#include "mm/pmap.h"

#define SLOT_PAGES 128u                 /* of addresses: the guard page, and a piece of up to 127 */
#define SLOTS      32768u               /* 16 GiB of addresses: as many pieces */
#define PTE_KDATA  (PTE_P | PTE_W | PTE_G | PTE_NX)

static struct spinlock vmap_lock = SPINLOCK_INIT(RANK_PMAP, "vmap");
static uint64_t used[SLOTS / 64];       /* [vmap_lock] bit per slot */

/* The address behind the guard page of a free slot (V1); 0: there is none. */
static uint64_t slot_take(void)
{
	SPIN_HELD(&vmap_lock);
	for (uint64_t i = 0; i < ARRAY_LEN(used); i++) {
		uint64_t free = ~used[i], bit = free & -free;   /* its lowest */

		used[i] |= bit;
		if (bit) return VMAP_BASE + ((i * 64 + __builtin_ctzll(bit)) * SLOT_PAGES + 1) * PAGE_SIZE;
	}
	return 0;
}

/* Only after the PTEs are gone from tables and TLBs (V2). */
static void slot_give(uint64_t va)
{
	uint64_t i = (va - VMAP_BASE) / PAGE_SIZE / SLOT_PAGES;

	SPIN_HELD(&vmap_lock);
	INVARIANT("V2", used[i / 64] & BIT(i % 64));
	used[i / 64] &= ~BIT(i % 64);
}

void kfree_pages(void *p)
{
	pmap_walk(&kernel_pmap, (uintptr_t)p, (uintptr_t)p + (SLOT_PAGES - 1) * PAGE_SIZE, NULL, NULL);
	slot_give((uintptr_t)p);
}

/* n pages of zeros at neighbouring addresses: single frames, so that a full or scattered memory does no harm.
 * => spinlocks of a lower rank may be held; never sleeps */
void *kalloc_pages(uint64_t n)
{
	uint64_t va = n < SLOT_PAGES ? slot_take() : 0;

	for (uint64_t i = 0; va && i < n; i++) {
		struct page *p = frame_alloc(PAGE_KERNEL, FRAME_ZERO);

		if (p && !pmap_set(&kernel_pmap, va + i * PAGE_SIZE, page_phys(p) | PTE_KDATA)) continue;
		if (p) page_unref(p);
		kfree_pages((void *)va);        /* finds those that were entered */
		return NULL;
	}
	return (void *)va;
}

/* For the panic, which may come while a lock is held: reads the tables without one.  A page here that is not
 * mapped is a guard page, or a stack that is gone: both mean a stack pointer that went wrong. */
bool pmap_is_guard(uint64_t va)
{
	const pte_t *slot;

	if (va < VMAP_BASE || va >= VMAP_BASE + SLOTS * SLOT_PAGES * PAGE_SIZE) return false;
	slot = pmap_slot(&kernel_pmap, va, 1, false);
	return !slot || !(*slot & PTE_P);
}
