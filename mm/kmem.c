/* SPDX-License-Identifier: MIT */
/* mm/kmem.c - RING 0 - kernel objects: small ones in slabs, each one page cut into slots of one size.
 *
 * Path:  vmo.c, map.c, proc.c ... > [kmem.c] > frame.c
 * Use:   kalloc(size) gives zeroed memory, aligned to 16 bytes (more than half a page: to a page); kfree() finds the
 *        size.  Above a page: vmap.c.
 * Locks: one for each CPU's slabs, which kfree() on another CPU takes too; inside it those of frame.c.
 *
 * K1  A slab's struct page says that it is one (KPAGE_SLAB), of which CPU, and of which size its slots are.
 * K2  A slab is on its class's list, of the CPU that made it, exactly while it has a free slot.
 * K3  A list has at most one slab without a used slot, which stayed since it was alone there: kalloc/kfree in a loop
 *     takes no page each time.
 * K4  Debug: nothing is stored past the size asked for, or into a freed slot. */
#include "kernel/cpu.h"
#include "mm/page.h"
#include "mm/pmap.h"

/* For k slots in a page the greatest multiple of 16: 128, 64, 42, 32, 21, 16, 10, 7, 5, 4, 3, 2 and 1 of them. */
const uint16_t slot_size[] = { 32, 64, 96, 128, 192, 256, 400, 576, 816, 1024, 1360, 2048, PAGE_SIZE };
#define WHOLE (SLOT_CLASSES - 1)        /* the last class */

struct pool pools[] = { [0 ... MAX_CPUS - 1] = { .lock = SPINLOCK_INIT(RANK_KMEM, "kmem") } };

static struct page *slab_of(void *p) { return phys_to_page(virt_to_phys(p)); }

/* The smallest slot that holds size, which is a page at most. */
static unsigned class_of(size_t size)
{
	unsigned c = 0;

	while (c < WHOLE && slot_size[c] < size + DEBUG_TAIL)
		c++;
	return c;
}

/* A new slab of class c with all slots free; false: no page.  The free list is threaded from the last slot to the
 * first, so that objects made one after the other are neighbours. */
static bool slab_create_locked(struct pool *o, unsigned c)
{
	struct page *s = frame_alloc(PAGE_KERNEL, 0);
	char *slot;

	if (!s) return false;
	DEBUG_CALL(page_poison(s));
	s->flags = KPAGE_SLAB;
	s->slab = (struct slab){ .pool = o, .class = (uint16_t)c };
	slot = (char *)page_virt(s) + PAGE_SIZE - PAGE_SIZE % slot_size[c];
	while (slot > (char *)page_virt(s)) {
		slot -= slot_size[c];
		*(void **)slot = s->slab.free;
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
	unsigned c = class_of(size);
	void *p;

	if (size > PAGE_SIZE) return kalloc_pages(ROUND_UP(size, PAGE_SIZE) / PAGE_SIZE);
	p = slot_take(&pools[this_cpu()->id], c);
	if (!p) return NULL;
	DEBUG_CALL(slot_given(p, slot_size[c], size));
	return memset(p, 0, size);
}

/* kfree: the object goes back; NULL is allowed.
 * => any spinlock of a lower rank may be held */
void kfree(void *p)
{
	struct page *s = slab_of(p);

	if (!p) return;
	if ((uintptr_t)p >= VMAP_BASE) {
		kfree_pages(p);
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
