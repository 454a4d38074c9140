/* SPDX-License-Identifier: MIT */
/* mm/frame.c - RING 0 - physical pages: the free list, each CPU's spare pages, the reserve, a page's last reference.
 *
 * Path:  fault.c, pagecache.c, kmem.c, pmap.c > [frame.c]
 * Use:   frame_alloc() gives a page with refs 1; page_unref() takes it back.
 * Locks: of a CPU's spare pages, then that of all others: once for a batch of pages.  Both are near the end of the
 *        order: everybody may call with locks held.
 *
 * F1  A FREE page has refs 0, no object, and is once on one list: everybody's, or a CPU's.
 * F2  A page in use is freed once, by its last reference.
 * F3  An OBJECT page is freed only after it left its object (vmo NULL); no page while it is on a list (link alone).
 * F4  The last frame_reserve pages go to threads marked `reserve` alone (servers, and who cleans memory): cleaning
 *     memory must not wait for clean memory.
 * F5  With fewer than frame_low on the list no CPU keeps what it frees or takes more than it needs; nobody is told that
 *     there is none while another CPU has spare pages. */
#include "kernel/thread.h"
#include "mm/page.h"

/* The reserve is 1/64 of memory within these bounds: a server's request, the run it moves and the tables it touches
 * take some tens of pages; more than 4 MiB would only lie idle. */
#define RESERVE_MIN 64u
#define RESERVE_MAX 1024u

struct page *page_array;
uint64_t page_array_len;
uint64_t frame_total, frame_reserve, frame_low;
const struct bootinfo *frame_bootinfo;

struct frames frames_all = { SPINLOCK_INIT(RANK_FRAME, "frame"), LIST_INIT(frames_all.pages), 0 };

/* frame_init: take over the memory that the loader describes, in rising order: early allocations are neighbours.
 * => called once, with the loader's page tables: all memory is at direct_base
 * => what is not BOOT_RAM_FREE, holes included, stays KERNEL pages that are never freed: zeros in the array */
void frame_init(const struct bootinfo *bi)
{
	_Static_assert(sizeof(struct page) == BOOT_PAGE_BYTES, "the loader leaves room for so much");

	frame_bootinfo = bi;
	page_array = phys_to_virt(bi->page_array);
	page_array_len = bi->npages;
	for (const struct boot_range *r = bi->range; r < bi->range + bi->nranges; r++) {
		for (paddr_t pa = r->start; r->kind == BOOT_RAM_FREE && pa < r->start + r->len; pa += PAGE_SIZE) {
			phys_to_page(pa)->use = PAGE_FREE;
			list_push_back(&frames_all.pages, &phys_to_page(pa)->link);
			frames_all.n++;
		}
	}
	for (struct cpu *c = cpus; c < cpus + MAX_CPUS; c++)
		c->spares = (struct frames){ SPINLOCK_INIT(RANK_SPARE, "spare pages"), LIST_INIT(c->spares.pages), 0 };
	frame_total = frames_all.n;
	frame_reserve = MIN(MAX(frame_total / 64, RESERVE_MIN), RESERVE_MAX);
	frame_low = 2 * frame_reserve;
}

/* Asked without the lock.  The mark is twice the reserve, so that nobody eats into the reserve with a spare page in the
 * moment between the look and the taking (F4). */
bool frames_low(void) { return __atomic_load_n(&frames_all.n, __ATOMIC_RELAXED) < frame_low; }

static void page_move(struct frames *from, struct list *which, struct frames *to, struct list *behind)
{
	list_remove(which);
	list_insert(which, behind);
	from->n--;
	to->n++;
}

/* A CPU that has no page gets a batch, one that has too many keeps a batch; with few on the list it keeps none (F5).
 * What was used last is in front, so the back is given up; a batch keeps its order: neighbours make one piece for a
 * device.
 * => spares->lock held */
static void spares_settle_locked(struct frames *spares)
{
	struct frames *all = &frames_all;
	uint64_t want = frames_low() ? 0 : SPARES_MAX / 2;

	if (want > 0 && spares->n > 0 && spares->n <= SPARES_MAX) return;
	SPIN_HELD(&all->lock);
	while (spares->n > want) page_move(spares, spares->pages.prev, all, &all->pages);
	while (spares->n < want && all->n > frame_low) page_move(all, all->pages.next, spares, spares->pages.prev);
}

/* One of a CPU's own or of everybody's pages, of which `keep` have to stay: the count alone says whether the caller may
 * have one, the list makes no difference between pages. */
static struct page *page_take(struct frames *f, enum page_use use, uint64_t keep)
{
	struct page *p;

	SPIN_HELD(&f->lock);
	if (f != &frames_all) spares_settle_locked(f);
	if (f->n <= keep) return NULL;
	f->n--;
	p = container_of(list_pop_front(&f->pages), struct page, link);
	INVARIANT("F1", p->use == PAGE_FREE && p->refs == 0);
	p->use = use;
	p->refs = 1;
	return p;
}

/* frame_alloc: a page for use (not FREE); refs 1, on no list.  NULL: none left, or only the reserve.
 * => any spinlock of a lower rank may be held; never sleeps
 * => without FRAME_ZERO its bytes are anything: the caller fills all of it */
struct page *frame_alloc(enum page_use use, unsigned flags)
{
	const struct thread *t = current_thread();
	uint64_t keep = t->reserve && !(flags & FRAME_SPARING) ? 0 : frame_reserve;        /* F4 */
	struct page *p = page_take(&this_cpu()->spares, use, 0);

	if (!p) p = page_take(&frames_all, use, keep);
	for (struct cpu *c = cpus; !p && c < cpus + ncpus; c++) {       /* few are left: nobody keeps any (F5) */
		SPIN_HELD(&c->spares.lock);
		spares_settle_locked(&c->spares);
	}
	if (!p) p = page_take(&frames_all, use, keep);
	if (!p) return NULL;
	DEBUG_CALL(page_given(p));
	p->flags = 0;
	if (flags & FRAME_ZERO) memset(page_virt(p), 0, PAGE_SIZE);
	return p;
}

/* page_unref: drop a reference; the last one frees the page.
 * => any spinlock of a lower rank may be held
 * => a KERNEL page: nobody reaches it by a PTE or a device any more
 * ACQ_REL: what other holders stored before they let go is done before the page can be given out again. */
void page_unref(struct page *p)
{
	uint32_t left = __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL);
	struct frames *spares = &this_cpu()->spares;

	INVARIANT("F2", left != UINT32_MAX);    /* it was 0: freed twice */
	if (left) return;
	INVARIANT("F3", p->vmo == NULL && list_empty(&p->link));
	DEBUG_CALL(page_poison(p));
	SPIN_HELD(&spares->lock);
	p->use = PAGE_FREE;
	list_push_front(&spares->pages, &p->link);      /* likely still in this CPU's cache: out first */
	spares->n++;
	spares_settle_locked(spares);
}

/* A snapshot, which may be a little wrong. */
uint64_t frame_free_count(void)
{
	uint64_t n = __atomic_load_n(&frames_all.n, __ATOMIC_RELAXED);

	for (uint32_t i = 0; i < ncpus; i++) n += __atomic_load_n(&cpus[i].spares.n, __ATOMIC_RELAXED);
	return n;
}
