/* SPDX-License-Identifier: MIT */
/* mm/vmap.c - RING 0 - kernel addresses outside the direct map: stacks with guard pages, big tables, device registers.
 *
 * Path:  thread.c, proc.c, device.c, apic.c > [vmap.c] > pmap.c, frame.c
 * Use:   pmap_kstack_alloc/free, kalloc_pages/kfree_pages, pmap_map_device.
 * Locks: vmap_lock around the bit maps; not held together with the tables' lock, which has the same rank.
 *
 * V1  Below each piece lies a page that is not mapped: a stack or table that grows over its end faults.
 * V2  An address is given out again only after the TLBs were shot down. */
#include "kernel/cpu.h"
#include "mm/frame.h"
#include "mm/pmap.h"

#define REGION_PAGES 65536u             /* 256 MiB of addresses each */
#define DEVICE_BASE  0xffffc00000000000ull
#define DEVICE_LEN   (BIT(46) / 4)
#define KSTACK_BASE  0xffffd00000000000ull
#define PTE_KDATA    (PTE_P | PTE_W | PTE_G | PTE_NX)

struct region {
	uint64_t base;                          /* [c] */
	uint32_t next;                          /* [l] search from here: the piece behind the last one given out */
	uint64_t used[REGION_PAGES / 64];       /* [l] bit per page, guard pages included */
};      /* [l] vmap_lock */

static struct spinlock vmap_lock = SPINLOCK_INIT(RANK_PMAP, "vmap");
static struct region kstacks = { .base = KSTACK_BASE };
static struct region pieces = { .base = 0xffffe00000000000ull };
static uint64_t device_next = DEVICE_BASE;      /* [vmap_lock] */

static bool page_used(const struct region *r, uint32_t i) { return r->used[i / 64] >> i % 64 & 1; }

/* First of n free neighbours at or after `from`; REGION_PAGES: none. */
static uint32_t region_search(const struct region *r, uint32_t from, uint32_t n)
{
	for (uint32_t i = from, run = 0; i < REGION_PAGES; i++) {
		run = page_used(r, i) ? 0 : run + 1;
		if (run == n) return i + 1 - n;
	}
	return REGION_PAGES;
}

/* Addresses for n pages and the guard page below them (V1); 0: the region is full. */
static uint64_t region_take(struct region *r, uint32_t n)
{
	uint32_t i;

	spin_lock(&vmap_lock);
	i = region_search(r, r->next, n + 1);
	if (i == REGION_PAGES) i = region_search(r, 0, n + 1);
	for (uint32_t k = i; i < REGION_PAGES && k <= i + n; k++)
		r->used[k / 64] |= BIT(k % 64);
	if (i < REGION_PAGES) r->next = (i + n + 1) % REGION_PAGES;
	spin_unlock(&vmap_lock);

	return i < REGION_PAGES ? r->base + (i + 1ull) * PAGE_SIZE : 0;
}

/* Only after the PTEs are gone from tables and TLBs (V2). */
static void region_give(struct region *r, uint64_t va, uint32_t n)
{
	uint32_t i = (va - r->base) / PAGE_SIZE - 1;

	spin_lock(&vmap_lock);
	for (uint32_t k = i; k <= i + n; k++) {
		INVARIANT("V2", page_used(r, k));
		r->used[k / 64] &= ~BIT(k % 64);
	}
	spin_unlock(&vmap_lock);
}

/* For pmap_walk(): takes the PTE away and keeps its page, which is freed after the shootdown. */
static pte_t pte_collect(pte_t pte, uaddr_t va, void *arg)
{
	(void)va;
	list_push_back(arg, &phys_to_page(pte & PTE_ADDR)->link);
	return 0;
}

/* Unmap what is mapped of n pages, and give pages and addresses back. */
static void region_free(struct region *r, uint64_t va, uint32_t n)
{
	struct list pages = LIST_INIT(pages), *l;

	pmap_walk(&kernel_pmap, va, va + n * PAGE_SIZE, pte_collect, &pages);
	while ((l = list_pop_front(&pages)))
		frame_free(container_of(l, struct page, link));
	region_give(r, va, n);
}

/* n pages of zeros at neighbouring addresses: single frames, so that a full or scattered memory does no harm. */
static void *region_alloc(struct region *r, uint32_t n)
{
	uint64_t va = region_take(r, n);

	for (uint32_t i = 0; va && i < n; i++) {
		struct page *p = frame_alloc(PAGE_KERNEL, FRAME_ZERO | frame_flags_current());
		pte_t old;

		if (p && !pmap_set(&kernel_pmap, va + i * PAGE_SIZE, page_phys(p) | PTE_KDATA, &old)) continue;
		if (p) frame_free(p);
		region_free(r, va, n);          /* finds those that were entered */
		return NULL;
	}
	return (void *)va;
}

/* Both may be called with spinlocks of a lower rank held, and never sleep. */
void *kalloc_pages(uint32_t n) { return region_alloc(&pieces, n); }
void *pmap_kstack_alloc(uint32_t pages) { return region_alloc(&kstacks, pages); }
void pmap_kstack_free(void *stack, uint32_t pages) { region_free(&kstacks, (uintptr_t)stack, pages); }

void kfree_pages(void *p, uint32_t n)
{
	if (p) region_free(&pieces, (uintptr_t)p, n);
}

/* For the panic, which may come while a lock is held: reads the tables without one.  A page of this region that is not
 * mapped is a guard page, or a stack that is gone: both mean a stack pointer that went wrong. */
bool pmap_is_guard(uint64_t va)
{
	const pte_t *slot;

	if (va < KSTACK_BASE || va >= KSTACK_BASE + REGION_PAGES * PAGE_SIZE) return false;
	slot = pmap_slot(&kernel_pmap, va, 1, false);
	return !slot || !(*slot & PTE_P);
}

/* pmap_map_device: [pa, pa + len) at a kernel address, for ever; pa need not be aligned, nor covered by the direct map.
 * => uncached unless cacheable: reads and writes of registers reach the device one by one (SDM 3A 11.3)
 * => NULL: no table page, or no addresses left */
void *pmap_map_device(paddr_t pa, uint64_t len, bool cacheable)
{
	paddr_t first = pa & ~PAGE_MASK;
	uint64_t size = ROUND_UP(pa + len, PAGE_SIZE) - first, va;
	pte_t rights = PTE_KDATA | (cacheable ? 0 : PTE_PCD | PTE_PWT), old;

	spin_lock(&vmap_lock);
	va = device_next;
	if (size > DEVICE_BASE + DEVICE_LEN - va - PAGE_SIZE) va = 0;
	else device_next += size + PAGE_SIZE;
	spin_unlock(&vmap_lock);

	for (uint64_t at = 0; va && at < size; at += PAGE_SIZE)
		if (pmap_set(&kernel_pmap, va + at, (first + at) | rights, &old)) return NULL;
	return va ? (void *)(va + (pa & PAGE_MASK)) : NULL;
}
