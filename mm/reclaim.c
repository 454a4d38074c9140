/* SPDX-License-Identifier: MIT */
/* mm/reclaim.c - RING 0 - memory runs out: clean file pages leave by second chance, over all objects.
 *
 * Path:  frame.c (low) > reclaim_kick() > the thread;  fault.c, fileio.c (none left) > [reclaim.c]
 * The clock is a queue per CPU, one after the other: a page goes on the queue of the CPU that brought it in.  Whoever
 * finds a page that is there (a fault, a read, a write) takes none of these locks.
 * Locks: vmo->lock, then a queue's.  From the queue to the object: a page on the queue is in an object, which lives;
 *        a reference on it is taken under the queue's lock, then the object's, then all is looked at again.
 *
 * C1  A page is on one queue exactly while it is in an object.
 * C2  Only a CLEAN page that nobody holds, of an object with a pager, not locked by mlock, may leave.
 */
#include "mm/frame.h"
#include "mm/map.h"
#include "mm/pagecache.h"

#include "kernel/cpu.h"
#include "kernel/thread.h"

#define RECLAIM_BATCH 64u               /* pages to free in one go */
#define RECLAIM_PERIOD (50ull * 1000 * 1000)    /* ns between two looks of the thread */
#define RECLAIM_TRIES 100               /* rounds of 10 ms before we say that there is no memory */

static struct pageq {
	struct spinlock lock;
	struct list pages;              /* the hand is at the front; zeroed: never used yet */
	uint64_t len;
} __attribute__((aligned(64))) pageqs[MAX_CPUS] = {
	[0 ... MAX_CPUS - 1] = { .lock = SPINLOCK_INIT(RANK_PAGEQ, "page queue") },
};
static uint32_t hand;                   /* atomic: the queue that the hand is on, modulo ncpus */
static bool kicked;

void pageq_add(struct page *p)
{
	struct pageq *q = &pageqs[p->queue = this_cpu()->id];

	spin_lock(&q->lock);
	if (!q->pages.next) list_init(&q->pages);
	list_push_back(&q->pages, &p->link);
	q->len++;
	spin_unlock(&q->lock);
}

void pageq_remove(struct page *p)
{
	struct pageq *q = &pageqs[p->queue];

	spin_lock(&q->lock);
	INVARIANT("C1", q->len > 0);
	list_remove(&p->link);
	q->len--;
	spin_unlock(&q->lock);
}

/* The page under the hand, held, with its object; it goes to the end of its queue. NULL: the queue is empty, or the
 * object is about to die */
static struct page *clock_next(struct pageq *q, struct vmo **v)
{
	struct page *p;
	struct list *l;

	SPIN_HELD(&q->lock);
	if (q->len == 0) return NULL;
	l = list_pop_front(&q->pages);
	list_push_back(&q->pages, l);
	p = container_of(l, struct page, link);
	*v = p->vmo;
	if (!vmo_try_ref(*v)) return NULL;
	page_ref(p);
	return p;
}

/* Second chance: a page that was used since the hand passed stays. => vmo->lock held; the caller holds the page */
static bool page_evict_locked(struct vmo *v, struct page *p)
{
	bool used;

	if (p->vmo != v || !v->pager || p->state != PG_CLEAN || __atomic_load_n(&p->refs, __ATOMIC_ACQUIRE) != 2)
		return false;
	used = page_referenced_all(p) || (p->flags & PFL_REFERENCED);
	p->flags &= ~PFL_REFERENCED;
	if (used || vmo_range_locked(v, p->index, p->index)) return false;
	pcache_remove_locked(v, p);
	return true;
}

/* Go round the clock at most twice, queue by queue; how many pages were freed. */
static uint32_t reclaim_pages(uint32_t want)
{
	uint32_t freed = 0;

	for (uint32_t i = 0; i < 2 * ncpus && freed < want; i++) {
		struct pageq *q = &pageqs[__atomic_fetch_add(&hand, 1, __ATOMIC_RELAXED) % ncpus];

		for (uint64_t n = __atomic_load_n(&q->len, __ATOMIC_RELAXED); n > 0 && freed < want; n--) {
			struct vmo *v;
			struct page *p = clock_next(q, &v);

			if (!p) continue;
			spin_lock(&v->lock);
			freed += page_evict_locked(v, p);
			spin_unlock(&v->lock);
			page_unref(p);
			vmo_unref(v);
		}
	}
	return freed;
}

/* reclaim_wait: see vmo.h.  Clean pages first; if there are none, dirty ones are being written: wait for those. */
int reclaim_wait(void)
{
	uint64_t free_before = frame_free_count();

	for (int i = 0; i < RECLAIM_TRIES; i++) {
		if (reclaim_pages(RECLAIM_BATCH) > 0) return 0;
		if (frame_free_count() > free_before + RECLAIM_BATCH) return 0;
		if (__atomic_load_n(&dirty_pages, __ATOMIC_RELAXED) == 0 && i > 3) break;
		reclaim_kick();
		thread_sleep(10 * 1000 * 1000);
	}
	return -ENOMEM;
}

/* frame.c saw few free pages.  It may hold any lock, so this leaves only a word for the thread, which looks often. */
void reclaim_kick(void)
{
	__atomic_store_n(&kicked, true, __ATOMIC_RELAXED);
}

static void reclaim_thread(void *arg)
{
	current_thread()->reserve = true;
	for (;;) {
		thread_sleep(RECLAIM_PERIOD);
		if (!__atomic_exchange_n(&kicked, false, __ATOMIC_RELAXED)) continue;
		if (reclaim_pages(RECLAIM_BATCH * 4) < RECLAIM_BATCH) writeback_all();
	}
}

void reclaim_start(void)
{
	thread_kernel("reclaim", reclaim_thread, NULL);
}
