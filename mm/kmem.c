/* SPDX-License-Identifier: MIT */
/* mm/kmem.c - RING 0 - kernel objects: small ones in slabs, each one page cut into slots of one size; larger ones, and
 * stacks, in pages of their own at kernel addresses outside the direct map.
 *
 * Path:  vmo.c, map.c, proc.c ... > [kmem.c] > frame.c, pmap.c
 * Use:   kalloc(size) gives zeroed memory, aligned to 16 bytes (more than half a page: to a page); kfree() finds the
 *        size.
 * Locks: one for each CPU's slabs, which kfree() on another CPU takes too; inside it those of frame.c.
 *
 * K1  A slab's struct page says that it is one (KPAGE_SLAB), of which CPU, and of which size its slots are.
 * K2  A slab is on its class's list, of the CPU that made it, exactly while it has a free slot.
 * K3  A list has at most one slab without a used slot, which stayed since it was alone there: kalloc/kfree in a loop
 *     takes no page each time.
 * K4  Debug: nothing is stored past the size asked for, or into a freed slot.
 * K5  Below each piece of pages lies one that is not mapped: a stack or table that grows over its end faults.
 * K6  A piece lies in a range of addresses of its own, which is one bit; all that is mapped in the range is the piece.
 *     The range is given out again only after the TLBs were shot down. */
#include "kernel/cpu.h"
#include "mm/page.h"
#include "mm/pmap.h"

/* For k slots in a page the greatest multiple of 16: 128, 64, 42, 32, 21, 16, 10, 7, 5, 4, 3, 2 and 1 of them. */
const uint16_t slot_size[] = { 32, 64, 96, 128, 192, 256, 400, 576, 816, 1024, 1360, 2048, PAGE_SIZE };
#define WHOLE (SLOT_CLASSES - 1)        /* the last class */
#define RANGE_PAGES 128u                /* of addresses: the guard page, and a piece of up to 127 */
#define RANGES      (VMAP_BYTES / PAGE_SIZE / RANGE_PAGES)
#define PTE_KDATA   (PTE_P | PTE_W | PTE_G | PTE_NX)

struct pool pools[] = { [0 ... MAX_CPUS - 1] = { .lock = SPINLOCK_INIT(RANK_KMEM, "kmem") } };
static uint64_t taken[RANGES / 64];     /* atomic: a bit for each range */

static void pages_free(void *p)
{
	uint64_t i = ((uintptr_t)p - VMAP_BASE) / PAGE_SIZE / RANGE_PAGES, was;

	pmap_walk(&kernel_pmap, (uintptr_t)p, (uintptr_t)p + (RANGE_PAGES - 1) * PAGE_SIZE, NULL, NULL);
	was = __atomic_fetch_and(&taken[i / 64], ~BIT(i % 64), __ATOMIC_RELEASE);
	INVARIANT("K6", was & BIT(i % 64));
}

/* The address behind the guard page of a free range (K5); 0: there is none. */
static uint64_t range_take(void)
{
	for (uint64_t i = 0; i < ARRAY_LEN(taken); i++) {
		uint64_t free = ~__atomic_load_n(&taken[i], __ATOMIC_RELAXED), bit = free & -free;      /* its lowest */

		if (!bit || __atomic_fetch_or(&taken[i], bit, __ATOMIC_ACQUIRE) & bit) continue;  /* another CPU was quicker */
		return VMAP_BASE + ((i * 64 + __builtin_ctzll(bit)) * RANGE_PAGES + 1) * PAGE_SIZE;
	}
	return 0;
}

/* n pages of zeros at neighbouring addresses: single frames, so that a full or scattered memory does no harm. */
static void *pages_alloc(uint64_t n)
{
	uint64_t va = n < RANGE_PAGES ? range_take() : 0;

	for (uint64_t i = 0; va && i < n; i++) {
		struct page *p = frame_alloc(PAGE_KERNEL, FRAME_ZERO);

		if (p && !pmap_set(&kernel_pmap, va + i * PAGE_SIZE, page_phys(p) | PTE_KDATA)) continue;
		if (p) page_unref(p);
		pages_free((void *)va);         /* finds those that were entered */
		return NULL;
	}
	return (void *)va;
}

/* A new slab of class c with all slots free; false: no page.  The free list is threaded from the last slot to the
 * first, so that objects made one after the other are neighbours. */
static bool slab_create_locked(struct pool *o, unsigned c)
{
	struct page *s = frame_alloc(PAGE_KERNEL, 0);

	if (!s) return false;
	DEBUG_CALL(page_poison(s));
	s->flags = KPAGE_SLAB;
	s->slab = (struct slab){ .pool = o, .class = (uint16_t)c };
	for (unsigned n = PAGE_SIZE / slot_size[c]; n-- > 0;) {
		void **slot = page_virt(s) + n * slot_size[c];

		*slot = s->slab.free;
		s->slab.free = slot;
	}
	list_push_front(&o->class_list[c], &s->link);
	return true;
}

/* A free slot; NULL: no page. */
static void *slot_take(struct pool *o, unsigned c)
{
	struct list *slabs = &o->class_list[c];
	struct page *s;
	void *p;

	SPIN_HELD(&o->lock);
	if (!slabs->next) list_init(slabs);
	if (list_empty(slabs) && !slab_create_locked(o, c)) return NULL;
	s = container_of(slabs->next, struct page, link);
	p = s->slab.free;
	s->slab.used++;
	s->slab.free = *(void **)p;
	if (!s->slab.free) list_remove(&s->link);       /* K2 */
	return p;
}

/* kalloc: size bytes of zeros.
 * => any spinlock of a lower rank may be held; never sleeps
 * => NULL: no page free (above the reserve, unless the current thread may use it) */
void *kalloc(size_t size)
{
	unsigned c = 0;
	void *p;

	if (size > PAGE_SIZE) return pages_alloc(ROUND_UP(size, PAGE_SIZE) / PAGE_SIZE);
	while (c < WHOLE && slot_size[c] < size + DEBUG_TAIL) c++;
	p = slot_take(&pools[this_cpu()->id], c);
	if (!p) return NULL;
	DEBUG_CALL(slot_given(p, slot_size[c], size));
	return memset(p, 0, size);
}

/* kfree: the object goes back; NULL is allowed.
 * => any spinlock of a lower rank may be held */
void kfree(void *p)
{
	struct page *s = phys_to_page(virt_to_phys(p));

	if (!p) return;
	if ((uintptr_t)p >= VMAP_BASE) {
		pages_free(p);
		return;
	}
	INVARIANT("K1", s && s->use == PAGE_KERNEL && s->flags == KPAGE_SLAB && s->slab.used > 0);
	DEBUG_CALL(slot_freed(p, slot_size[s->slab.class]));

	SPIN_HELD(&s->slab.pool->lock);
	if (!s->slab.free) list_push_front(&s->slab.pool->class_list[s->slab.class], &s->link);
	*(void **)p = s->slab.free;
	s->slab.free = p;
	if (--s->slab.used > 0 || s->link.next == s->link.prev) return; /* K3: alone, both are the list's head */
	list_remove(&s->link);
	page_unref(s);
}
