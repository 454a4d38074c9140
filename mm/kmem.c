/* SPDX-License-Identifier: MIT */
/* mm/kmem.c - RING 0 - kernel objects: small ones in slabs, each one page cut into slots of one size.
 *
 * Path:  vmo.c, map.c, proc.c ... > [kmem.c] > frame.c
 * Use:   kalloc(size) gives zeroed memory, aligned to 16 bytes (more than SLOT_MAX: to a page); kfree() finds the size.
 *        Above a page: vmap.c.
 * Locks: one for each CPU's slabs, which kfree() on another CPU takes too; not held while a page is taken from or given
 *        to frame.c.
 *
 * K1  The header of a slot's slab is at the start of its page, so no slot is page-aligned and a page-aligned
 *     pointer is a whole page.
 * K2  A slab is on its class's list, of the CPU that made it, exactly while it has a free slot.
 * K3  A list has at most one slab without a used slot, which stayed since it was alone there: kalloc/kfree in a loop
 *     takes no page each time.
 * K4  Debug: nothing is stored past the size asked for, or into a freed slot. */
#include "kernel/cpu.h"
#include "mm/frame.h"
#include "mm/pmap.h"

#define SLAB_MAGIC 0x51534c41u
#define FREE_FILL  0x6b                 /* bytes of a free slot, debug */
#define TAIL_FILL  0xfd                 /* bytes past the size asked for, debug */
#define SLOT_MAX   2016u

struct slab {
	uint32_t magic;                 /* [c] */
	uint16_t class;                 /* [c] index into slot_size */
	uint16_t used;                  /* [k] slots given out */
	struct pool *pool;              /* [c] whose it is */
	void    *free;                  /* [k] first free slot; each begins with a pointer to the next */
	struct list link;               /* [k] on class_list, or alone: full */
} __attribute__((aligned(64)));         /* [k] pool->lock */

/* For k slots in the 4032 bytes behind the header the greatest multiple of 16: 126, 63, 42, 31, 21, 15, 10, 7, 5, 4,
 * 3 and 2 of them.  A run (2) loses little. */
static const uint16_t slot_size[] = { 32, 64, 96, 128, 192, 256, 400, 576, 800, 1008, 1344, SLOT_MAX };
#define NCLASSES ARRAY_LEN(slot_size)

#ifdef QUIRE_DEBUG
#define TAIL_MIN 8u                     /* the last word of a slot holds the size that was asked for */
#else
#define TAIL_MIN 0u
#endif

/* A CPU's slabs.  Aligned: no line of memory goes to and fro between CPUs that work on their own. */
static struct pool {
	struct spinlock lock;
	struct list class_list[NCLASSES];       /* [k] slabs with a free slot; zeroed: never used yet */
} __attribute__((aligned(64))) pools[] = { [0 ... MAX_CPUS - 1] = { .lock = SPINLOCK_INIT(RANK_KMEM, "kmem") } };

/* K1 makes this work: a slot lies in the page of its header. */
static struct slab *slab_of(void *p) { return (struct slab *)((uintptr_t)p & ~PAGE_MASK); }

#ifdef QUIRE_DEBUG
/* A slot is given out: nobody may have stored into it since it was freed (its first word is the list); from here on
 * the bytes behind the object are watched. */
static void slot_guard(void *p, unsigned class, size_t size)
{
	uint8_t *b = p;
	unsigned end = slot_size[class] - TAIL_MIN;

	for (unsigned i = sizeof(void *); i < end + TAIL_MIN; i++)
		INVARIANT("K4", b[i] == FREE_FILL);
	memset(b + size, TAIL_FILL, end - size);
	*(uint64_t *)(b + end) = size;
}

/* A slot comes back: p is the start of one, and nothing was stored behind the object. */
static void slot_verify(void *p, struct slab *s)
{
	uint8_t *b = p;
	unsigned end = slot_size[s->class] - TAIL_MIN;
	uint64_t size = *(uint64_t *)(b + end);

	INVARIANT("K4", size <= end);
	INVARIANT("K4", (size_t)(b - (uint8_t *)(s + 1)) % slot_size[s->class] == 0);
	for (uint64_t i = size; i < end; i++)
		INVARIANT("K4", b[i] == TAIL_FILL);
	memset(b, FREE_FILL, slot_size[s->class]);
}
#else
static void slot_guard(void *p, unsigned class, size_t size) { }
static void slot_verify(void *p, struct slab *s) { }
#endif

/* The smallest slot that holds size; kalloc() saw to it that there is one. */
static unsigned class_of(size_t size)
{
	unsigned c = 0;

	while (slot_size[c] < size + TAIL_MIN)
		c++;
	return c;
}

/* A new slab of class c with all slots free, on no list yet; NULL: no page.  The free list is threaded from the last
 * slot to the first, so that objects made one after the other are neighbours. */
static struct slab *slab_create(struct pool *o, unsigned c)
{
	struct page *page = frame_alloc(PAGE_KERNEL, 0);
	struct slab *s;
	char *slot;

	if (!page) return NULL;
	page->flags = KPAGE_SLAB;
	s = page_virt(page);
	*s = (struct slab){ .magic = SLAB_MAGIC, .class = (uint16_t)c, .pool = o };
	list_init(&s->link);
	slot = (char *)s + PAGE_SIZE - (PAGE_SIZE - sizeof(*s)) % slot_size[c];
	while (slot > (char *)(s + 1)) {
		slot -= slot_size[c];
		if (TAIL_MIN) memset(slot, FREE_FILL, slot_size[c]);
		*(void **)slot = s->free;
		s->free = slot;
	}
	return s;
}

/* The first free slot of s, which has one (K2); its pool's lock is held. */
static void *slab_take(struct slab *s)
{
	void *p = s->free;

	s->used++;
	s->free = *(void **)p;
	if (!s->free) list_remove(&s->link);    /* K2 */
	return p;
}

/* kalloc: size bytes of zeros.
 * => any spinlock of a lower rank may be held; never sleeps
 * => NULL: no page free (above the reserve, unless the current thread may use it) */
void *kalloc(size_t size)
{
	struct pool *o = &pools[this_cpu()->id];
	unsigned c;
	void *p;

	if (size > PAGE_SIZE) return kalloc_pages(ROUND_UP(size, PAGE_SIZE) / PAGE_SIZE);
	if (size + TAIL_MIN > SLOT_MAX) {
		struct page *page = frame_alloc(PAGE_KERNEL, FRAME_ZERO);

		return page ? page_virt(page) : NULL;
	}
	c = class_of(size);
	spin_lock(&o->lock);
	if (!o->class_list[c].next) list_init(&o->class_list[c]);
	if (list_empty(&o->class_list[c])) {
		struct slab *s;

		spin_unlock(&o->lock);          /* another CPU may free a slot meanwhile: then there are two slabs */
		s = slab_create(o, c);
		if (!s) return NULL;
		spin_lock(&o->lock);
		list_push_front(&o->class_list[c], &s->link);
	}
	p = slab_take(container_of(o->class_list[c].next, struct slab, link));
	spin_unlock(&o->lock);

	slot_guard(p, c, size);
	memset(p, 0, size);
	return p;
}

/* kfree: the object goes back; NULL is allowed.
 * => any spinlock of a lower rank may be held
 * The page of a slab that became empty is freed after the lock is dropped: the slab is off the list, so nobody
 * finds it any more. */
void kfree(void *p)
{
	struct slab *s = slab_of(p), *empty = NULL;
	struct pool *o;

	if (!p) return;
	if ((uintptr_t)p >= VMAP_BASE) {
		kfree_pages(p);
		return;
	}
	if (p == s) {                           /* K1 */
		page_unref(phys_to_page(virt_to_phys(p)));
		return;
	}
	INVARIANT("K1", s->magic == SLAB_MAGIC && s->used > 0);
	slot_verify(p, s);

	o = s->pool;
	spin_lock(&o->lock);
	if (!s->free) list_push_front(&o->class_list[s->class], &s->link);
	*(void **)p = s->free;
	s->free = p;
	if (--s->used == 0 && s->link.next != s->link.prev) {   /* K3: both would be the list's head */
		list_remove(&s->link);
		empty = s;
	}
	spin_unlock(&o->lock);

	if (!empty) return;
	empty->magic = 0;
	page_unref(phys_to_page(virt_to_phys(empty)));
}

static void pool_check(struct pool *o)
{
	SPIN_HELD(&o->lock);
	for (unsigned c = 0; c < NCLASSES; c++) {
		unsigned nempty = 0, slots = (PAGE_SIZE - sizeof(struct slab)) / slot_size[c];

		if (!o->class_list[c].next) continue;
		list_for(pos, &o->class_list[c]) {
			struct slab *s = container_of(pos, struct slab, link);
			unsigned n = 0;

			INVARIANT("K1", s->magic == SLAB_MAGIC && s->class == c && s->pool == o);
			for (void **f = s->free; f; f = *f) {
				INVARIANT("K1", slab_of(f) == s);
				INVARIANT("K2", ++n <= slots);
			}
			INVARIANT("K2", n > 0 && n + s->used == slots);
			nempty += s->used == 0;
		}
		INVARIANT("K3", nempty <= 1);
	}
}

/* K1 to K3 for all slabs that have a free slot.  Full ones are on no list; their users know them. */
void kmem_check(void)
{
	for (uint32_t i = 0; i < ncpus; i++) pool_check(&pools[i]);
}
