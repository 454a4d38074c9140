/* SPDX-License-Identifier: MIT */
/* mm/frame.c - RING 0 - physical pages: the free list, each CPU's spare pages, the reserve, a page's last reference.
 *
 * Path:  fault.c, pagecache.c, kmem.c, pmap.c > [frame.c]
 * Use:   frame_alloc() gives a page with refs 1; page_unref() or frame_free() takes it back.
 * Locks: a CPU's spare_lock, then frame_lock, which guards the list: once for a batch of pages.  Both are near the end
 *        of the order: everybody may call with locks held.  The reclaimer is woken after they are dropped.
 *
 * F1  A FREE page has refs 0, no object, and is on the free list once; a SPARE one on one CPU's list.
 * F2  A page in use is freed once, by its last reference.
 * F3  An OBJECT page is freed only after it left its object (vmo NULL); no page while it is on a list (link alone).
 * F4  The last frame_reserve pages go to threads marked `reserve` alone (servers, and who cleans memory): cleaning
 *     memory must not wait for clean memory.
 * F5  With fewer than frame_low on the list no CPU keeps what it frees or takes more than it needs; nobody is told that
 *     there is none while another CPU has spare pages. */
#include "boot/bootinfo.h"
#include "kernel/cpu.h"
#include "kernel/thread.h"
#include "mm/frame.h"

/* The reserve is 1/64 of memory within these bounds: a server's request, the run it moves and the tables it touches
 * take some tens of pages; more than 4 MiB would only lie idle. */
#define RESERVE_MIN 64u
#define RESERVE_MAX 1024u
#define SPARE_BATCH 32u                         /* pages that go between the list and a CPU at once */
#define SPARE_MAX   (2 * SPARE_BATCH)
#define POISON      0x6b6b6b6b6b6b6b6bull       /* what a freed page holds in debug builds */
#define PAGE_POISONED 1u                        /* flags of a FREE page: it does */

struct page *page_array;
uint64_t page_array_len;
uint64_t frame_reserve, frame_low;
const struct bootinfo *frame_bootinfo;

static struct spinlock frame_lock = SPINLOCK_INIT(RANK_FRAME, "frame");
static struct list free_list = LIST_INIT(free_list);    /* [frame_lock] */
static uint64_t nfree;                                  /* [frame_lock] */
static uint64_t ntotal;                                 /* [c] pages that were ever free */

/* By 8 bytes: `rep stosb` runs a byte at a time under TCG.  The empty asm hides a constant pattern, or the
 * compiler would see a memset() here. */
static void page_fill(struct page *p, uint64_t pattern)
{
	uint64_t *w = page_virt(p);

	__asm__ volatile("" : "+r"(pattern));
	for (uint64_t *end = w + PAGE_SIZE / 8; w < end; w += 4)
		w[0] = w[1] = w[2] = w[3] = pattern;
}

#ifdef QUIRE_DEBUG
static void poison_put(struct page *p)
{
	page_fill(p, POISON);
	p->flags = PAGE_POISONED;
}

/* A store to a page after it was freed shows when the page is given out again.  Pages that never were in use
 * hold anything. */
static void poison_verify(struct page *p)
{
	const uint64_t *w = page_virt(p);

	if (p->flags != PAGE_POISONED) return;
	for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
		INVARIANT("F1", w[i] == POISON);
}
#else
static void poison_put(struct page *p) { }
static void poison_verify(struct page *p) { }
#endif

/* In rising order, so that early allocations are low and neighbours. */
static void range_add(const struct boot_range *r)
{
	for (paddr_t pa = r->start; pa < r->start + r->len; pa += PAGE_SIZE) {
		struct page *p = phys_to_page(pa);

		p->use = PAGE_FREE;
		list_push_back(&free_list, &p->link);
		nfree++;
	}
}

/* frame_init: take over the memory that the loader describes.
 * => called once, with the loader's page tables: all memory is at direct_base
 * => what is not BOOT_RAM_FREE, holes included, stays KERNEL pages that are never freed: zeros in the array */
void frame_init(const struct bootinfo *bi)
{
	_Static_assert(sizeof(struct page) == BOOT_PAGE_BYTES, "the loader leaves room for so much");

	frame_bootinfo = bi;
	page_array = phys_to_virt(bi->page_array);
	page_array_len = bi->npages;
	for (uint32_t i = 0; i < bi->nranges; i++)
		if (bi->range[i].kind == BOOT_RAM_FREE) range_add(&bi->range[i]);
	ntotal = nfree;
	for (uint32_t i = 0; i < MAX_CPUS; i++) {
		spin_init(&cpus[i].spare_lock, RANK_SPARE, "spare pages");
		list_init(&cpus[i].spares);
		cpus[i].nspares = 0;
	}
	frame_reserve = MIN(MAX(ntotal / 64, RESERVE_MIN), RESERVE_MAX);
	frame_low = 2 * frame_reserve;
}

/* Asked without the lock.  The mark is twice the reserve, so that nobody eats into the reserve with a spare page in the
 * moment between the look and the taking (F4). */
static bool frames_low(void) { return __atomic_load_n(&nfree, __ATOMIC_RELAXED) < frame_low; }

/* The first page of a list that is not empty; its lock is held. */
static inline struct page *page_take_locked(struct list *pages, enum page_use was, enum page_use use)
{
	struct page *p = container_of(list_pop_front(pages), struct page, link);

	INVARIANT("F1", p->use == was && p->refs == 0);
	p->use = use;
	p->refs = use != PAGE_SPARE;
	return p;
}

/* => spare_lock held */
static void spares_refill_locked(struct cpu *c)
{
	SPIN_HELD(&frame_lock);
	for (; nfree > frame_low && c->nspares < SPARE_BATCH; c->nspares++, nfree--)    /* F5 */
		list_push_back(&c->spares, &page_take_locked(&free_list, PAGE_FREE, PAGE_SPARE)->link);
}

/* All but `keep` go back to the list, the longest unused first.  => spare_lock held */
static void spares_drain_locked(struct cpu *c, uint32_t keep)
{
	if (c->nspares <= keep) return;
	SPIN_HELD(&frame_lock);
	for (; c->nspares > keep; c->nspares--, nfree++) {
		struct page *p = container_of(c->spares.prev, struct page, link);

		list_remove(&p->link);
		p->use = PAGE_FREE;
		list_push_front(&free_list, &p->link);
	}
}

/* What any CPU keeps.  => no spare_lock held */
static void spares_drain_all(void)
{
	for (struct cpu *c = cpus; c < cpus + ncpus; c++) {
		if (__atomic_load_n(&c->nspares, __ATOMIC_RELAXED) == 0) continue;
		spin_lock(&c->spare_lock);
		spares_drain_locked(c, 0);
		spin_unlock(&c->spare_lock);
	}
}

/* One of this CPU's own, after a look at the list if there is none.  NULL: little is free (F5) */
static struct page *spare_take(enum page_use use)
{
	struct cpu *c = this_cpu();

	SPIN_HELD(&c->spare_lock);
	if (frames_low()) spares_drain_locked(c, 0);
	else if (c->nspares == 0) spares_refill_locked(c);
	if (c->nspares == 0) return NULL;
	c->nspares--;
	return page_take_locked(&c->spares, PAGE_SPARE, use);
}

/* One of the list, of which `keep` have to stay. */
static struct page *list_take(enum page_use use, uint64_t keep)
{
	SPIN_HELD(&frame_lock);
	/* The count alone says whether the caller may have one: the list itself makes no difference between pages. */
	if (nfree <= keep) return NULL;
	nfree--;
	return page_take_locked(&free_list, PAGE_FREE, use);
}

/* Off the list, not known to anybody yet: no lock. */
static void page_prepare(struct page *p, unsigned flags)
{
	poison_verify(p);
	if (flags & FRAME_ZERO) page_fill(p, 0);
	p->vmo = NULL;
	p->state = p->flags = 0;
}

/* frame_alloc: a page for use (not FREE); refs 1, on no list.  NULL: none left, or only the reserve.
 * => any spinlock of a lower rank may be held; never sleeps
 * => without FRAME_ZERO its bytes are anything: the caller fills all of it */
struct page *frame_alloc(enum page_use use, unsigned flags)
{
	const struct thread *t = current_thread();      /* NULL until the first thread runs */
	uint64_t keep = t && t->reserve && !(flags & FRAME_SPARING) ? 0 : frame_reserve;        /* F4 */
	struct page *p = spare_take(use);

	if (!p) p = list_take(use, keep);
	if (!p) {
		spares_drain_all();     /* F5 */
		p = list_take(use, keep);
	}
	if (frames_low()) reclaim_kick();
	if (p) page_prepare(p, flags);
	return p;
}

/* p has refs 0 and nobody else knows it any more: only the list needs the lock. */
static void page_to_spares(struct page *p)
{
	struct cpu *c = this_cpu();

	INVARIANT("F3", list_empty(&p->link));
	poison_put(p);
	SPIN_HELD(&c->spare_lock);
	p->use = PAGE_SPARE;
	list_push_front(&c->spares, &p->link);  /* likely still in this CPU's cache: out first */
	c->nspares++;
	if (frames_low()) spares_drain_locked(c, 0);            /* F5 */
	else if (c->nspares > SPARE_MAX) spares_drain_locked(c, SPARE_BATCH);
}

/* frame_free: a KERNEL page goes back; its one reference is the caller's.
 * => any spinlock of a lower rank may be held
 * => nobody reaches it by a PTE or a device any more */
void frame_free(struct page *p)
{
	INVARIANT("F2", p >= page_array && p < page_array + page_array_len);
	INVARIANT("F2", p->use == PAGE_KERNEL && p->refs == 1);
	p->refs = 0;
	page_to_spares(p);
}

/* page_unref: drop a reference on an ANON or OBJECT page; the last one frees it.
 * => any spinlock of a lower rank may be held
 * ACQ_REL: what other holders stored before they let go is done before the page can be given out again. */
void page_unref(struct page *p)
{
	uint32_t left = __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL);

	INVARIANT("F2", left != UINT32_MAX);    /* it was 0: freed twice */
	if (left) return;
	INVARIANT("F2", p->use == PAGE_ANON || p->use == PAGE_OBJECT);
	INVARIANT("F3", p->vmo == NULL);
	page_to_spares(p);
}

uint64_t frame_total(void) { return ntotal; }

/* A snapshot, which may be a little wrong. */
uint64_t frame_free_count(void)
{
	uint64_t n = __atomic_load_n(&nfree, __ATOMIC_RELAXED);

	for (uint32_t i = 0; i < ncpus; i++) n += __atomic_load_n(&cpus[i].nspares, __ATOMIC_RELAXED);
	return n;
}

static void list_check(const struct list *l, enum page_use use, uint64_t want)
{
	uint64_t n = 0;

	list_for(pos, l) {
		const struct page *p = container_of(pos, struct page, link);

		INVARIANT("F1", p > page_array && p < page_array + page_array_len);
		INVARIANT("F1", p->use == use && p->refs == 0 && pos->next->prev == pos);
		INVARIANT("F1", ++n <= want);
	}
	INVARIANT("F1", n == want);
}

/* F1 for every page of the lists: O(free pages). */
void frame_check(void)
{
	for (struct cpu *c = cpus; c < cpus + ncpus; c++) {
		spin_lock(&c->spare_lock);
		list_check(&c->spares, PAGE_SPARE, c->nspares);
		INVARIANT("F5", c->nspares <= SPARE_MAX);
		spin_unlock(&c->spare_lock);
	}
	SPIN_HELD(&frame_lock);
	list_check(&free_list, PAGE_FREE, nfree);
}
