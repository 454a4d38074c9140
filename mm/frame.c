/* SPDX-License-Identifier: MIT */
/* mm/frame.c - RING 0 - physical pages: the free list, the reserve, and the last reference of a page.
 *
 * Path:  fault.c, pagecache.c, kmem.c, pmap.c > [frame.c]
 * Use:   frame_alloc() gives a page with refs 1; page_unref() or frame_free() takes it back.
 * Locks: frame_lock, near the end of the order: everybody may call with locks held.  The reclaimer is woken
 *        after it is dropped.
 *
 * F1  A FREE page has refs 0, no object, and is on the free list once.
 * F2  A page in use is freed once, by its last reference.
 * F3  An OBJECT page is freed only after it left its object (vmo NULL) and the reclaimer's clock (link alone).
 * F4  The last frame_reserve pages go to FRAME_RESERVE alone: cleaning memory must not wait for clean memory. */
#include "boot/bootinfo.h"
#include "kernel/cpu.h"
#include "kernel/thread.h"
#include "mm/frame.h"

/* The reserve is 1/64 of memory within these bounds: a server's request, the run it moves and the tables it touches
 * take some tens of pages; more than 4 MiB would only lie idle. */
#define RESERVE_MIN 64u
#define RESERVE_MAX 1024u
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
static void poison_put(struct page *p) { (void)p; }
static void poison_verify(struct page *p) { (void)p; }
#endif

/* The page array goes to the highest free range that holds it: low memory is what old devices and the start of
 * further CPUs need.  The range is cut by it. */
static paddr_t page_array_place(struct boot_range *r, uint32_t n, uint64_t bytes)
{
	for (uint32_t i = n; i-- > 0;) {
		if (r[i].kind != BOOT_RAM_FREE || r[i].len < bytes) continue;
		r[i].len -= bytes;
		return r[i].start + r[i].len;
	}
	panic("too little memory: %llu KiB in one piece are needed to describe it; give the machine 64 MiB",
	      (unsigned long long)bytes / 1024);
}

/* In rising order, so that early allocations are low and neighbours. */
static void range_add(const struct boot_range *r)
{
	for (uint64_t pfn = r->start >> PAGE_SHIFT; pfn < (r->start + r->len) >> PAGE_SHIFT; pfn++) {
		struct page *p = &page_array[pfn];

		if (pfn == 0) continue;         /* physical 0 means "none" to some */
		p->use = PAGE_FREE;
		p->refs = 0;
		list_push_back(&free_list, &p->link);
		nfree++;
	}
}

/* frame_init: take over the memory that the loader describes.
 * => called once, with the loader's page tables: all memory is at direct_base
 * => what is not BOOT_RAM_FREE, holes included, becomes KERNEL pages that are never freed */
void frame_init(const struct bootinfo *bi)
{
	static struct boot_range range[BOOT_RANGES_MAX];        /* a copy: the array is cut out of it */
	uint32_t n = MIN(bi->nranges, BOOT_RANGES_MAX);
	uint64_t top = 0, bytes;

	frame_bootinfo = bi;
	for (uint32_t i = 0; i < n; i++) {
		range[i] = bi->range[i];
		if (range[i].kind != BOOT_RAM_FIRMWARE) top = MAX(top, range[i].start + range[i].len);
	}
	page_array_len = top >> PAGE_SHIFT;
	bytes = ROUND_UP(page_array_len * sizeof(struct page), PAGE_SIZE);
	page_array = phys_to_virt(page_array_place(range, n, bytes));
	memset(page_array, 0, bytes);
	for (uint64_t i = 0; i < page_array_len; i++) {
		page_array[i].use = PAGE_KERNEL;
		page_array[i].refs = 1;
		list_init(&page_array[i].link);
	}

	for (uint32_t i = 0; i < n; i++)
		if (range[i].kind == BOOT_RAM_FREE) range_add(&range[i]);
	ntotal = nfree;
	frame_reserve = MIN(MAX(ntotal / 64, RESERVE_MIN), RESERVE_MAX);
	frame_low = 2 * frame_reserve;
}

/* Off the list, not known to anybody yet: no lock. */
static void page_prepare(struct page *p, unsigned flags)
{
	poison_verify(p);
	if (flags & FRAME_ZERO) page_fill(p, 0);
	p->vmo = NULL;
	p->index = 0;
	p->state = p->flags = 0;
}

/* frame_alloc: a page for use (not FREE); refs 1, on no list.  NULL: none left, or only the reserve.
 * => any spinlock of a lower rank may be held; never sleeps
 * => without FRAME_ZERO its bytes are anything: the caller fills all of it */
struct page *frame_alloc(enum page_use use, unsigned flags)
{
	struct page *p = NULL;
	bool low;

	spin_lock(&frame_lock);
	/* The count alone says whether the caller may have one: the list itself makes no difference between pages. */
	if (nfree > ((flags & FRAME_RESERVE) ? 0 : frame_reserve)) {    /* F4 */
		p = container_of(list_pop_front(&free_list), struct page, link);
		nfree--;
		INVARIANT("F1", p->use == PAGE_FREE && p->refs == 0);
		p->use = use;
		p->refs = 1;
	}
	low = nfree < frame_low;
	spin_unlock(&frame_lock);

	if (low) reclaim_kick();
	if (!p) return NULL;
	page_prepare(p, flags);
	return p;
}

/* What a function that allocates on behalf of its caller adds to its flags. */
unsigned frame_flags_current(void)
{
	const struct thread *t = current_thread();      /* NULL until the first thread runs */

	return t && t->reserve ? FRAME_RESERVE : 0;
}

/* How many pages from p on are free, at most n. */
static uint32_t free_run(uint64_t pfn, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n && page_array[pfn + i].use == PAGE_FREE; i++) {}
	return i;
}

/* n neighbours, the first a multiple of align_pages (a power of two or not): a search of all memory under the lock, so
 * only for what a driver sets up once.  May use the reserve: its callers are servers. */
struct page *frame_alloc_contig(uint32_t n, uint64_t align_pages)
{
	struct page *found = NULL;

	spin_lock(&frame_lock);
	for (uint64_t pfn = 0; n && pfn + n <= page_array_len; pfn = ROUND_UP(pfn + 1, align_pages)) {
		if (free_run(pfn, n) < n) continue;
		found = &page_array[pfn];
		for (uint32_t i = 0; i < n; i++) {
			list_remove(&found[i].link);
			found[i].use = PAGE_KERNEL;
			found[i].refs = 1;
		}
		nfree -= n;
		break;
	}
	spin_unlock(&frame_lock);

	for (uint32_t i = 0; found && i < n; i++)
		page_prepare(&found[i], FRAME_ZERO);
	return found;
}

/* p has refs 0 and nobody else knows it any more: only the list needs the lock. */
static void page_to_free_list(struct page *p)
{
	INVARIANT("F3", list_empty(&p->link));
	poison_put(p);
	spin_lock(&frame_lock);
	p->use = PAGE_FREE;
	list_push_front(&free_list, &p->link);  /* likely still in a cache: out first */
	nfree++;
	spin_unlock(&frame_lock);
}

/* frame_free: a KERNEL page goes back; its one reference is the caller's.
 * => any spinlock of a lower rank may be held
 * => nobody reaches it by a PTE or a device any more */
void frame_free(struct page *p)
{
	INVARIANT("F2", p >= page_array && p < page_array + page_array_len);
	INVARIANT("F2", p->use == PAGE_KERNEL && p->refs == 1);
	p->refs = 0;
	page_to_free_list(p);
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
	page_to_free_list(p);
}

uint64_t frame_total(void) { return ntotal; }
/* A snapshot: reclaim and the writer's brake ask often, and may be a little wrong. */
uint64_t frame_free_count(void) { return __atomic_load_n(&nfree, __ATOMIC_RELAXED); }

/* F1 for every page of the list: O(free pages), for tests and debug builds. */
void frame_check(void)
{
	uint64_t n = 0;

	spin_lock(&frame_lock);
	list_for(pos, &free_list) {
		const struct page *p = container_of(pos, struct page, link);

		INVARIANT("F1", p > page_array && p < page_array + page_array_len);
		INVARIANT("F1", p->use == PAGE_FREE && p->refs == 0 && pos->next->prev == pos);
		INVARIANT("F1", ++n <= nfree);
	}
	INVARIANT("F1", n == nfree);
	spin_unlock(&frame_lock);
}
