/* SPDX-License-Identifier: MIT */
/* mm/reclaim.c - RING 0 - memory runs out: clean file pages leave by second chance, over all objects.
 *
 * Path:  frame.c (low) > reclaim_kick() > the thread;  fault.c, fileio.c (none left) > [reclaim.c]
 * Locks: vmo->lock, then pageq_lock.  From the queue to the object: a page on the queue is in an object, which lives;
 *        a reference on it is taken under pageq_lock, then its lock, then all is looked at again.
 *
 * C1  A page is on the queue exactly while it is in an object.
 * C2  Only a CLEAN page that nobody holds, of an object with a pager, not locked by mlock, may leave.
 */
#include "mm/frame.h"
#include "mm/map.h"
#include "mm/pagecache.h"

#include "kernel/thread.h"

#define RECLAIM_BATCH 64u               /* pages to free in one go */
#define RECLAIM_PERIOD (50ull * 1000 * 1000)    /* ns between two looks of the thread */
#define RECLAIM_TRIES 100               /* rounds of 10 ms before we say that there is no memory */

static struct spinlock pageq_lock = SPINLOCK_INIT(RANK_PAGEQ, "page queue");
static struct list pageq = LIST_INIT(pageq);    /* the clock: the hand is at the front */
static uint64_t pageq_len;
static bool kicked;

void pageq_add(struct page *p)
{
	spin_lock(&pageq_lock);
	list_push_back(&pageq, &p->link);
	pageq_len++;
	spin_unlock(&pageq_lock);
}

void pageq_remove(struct page *p)
{
	spin_lock(&pageq_lock);
	list_remove(&p->link);
	pageq_len--;
	spin_unlock(&pageq_lock);
}

/* The page under the hand, held, with its object; it goes to the end of the queue. NULL: the queue is empty */
static struct page *clock_next(struct vmo **v)
{
	struct page *p = NULL;
	struct list *l;

	spin_lock(&pageq_lock);
	l = list_pop_front(&pageq);
	if (l) {
		list_push_back(&pageq, l);
		p = container_of(l, struct page, link);
		*v = p->vmo;
		if (vmo_try_ref(*v)) page_ref(p);
		else p = NULL;
	}
	spin_unlock(&pageq_lock);
	return p;
}

/* Second chance: a page that was used since the hand passed stays. => vmo->lock held; the caller holds the page */
static bool page_evict_locked(struct vmo *v, struct page *p)
{
	bool used;

	if (p->vmo != v || !v->pager || p->state != PG_CLEAN || __atomic_load_n(&p->refs, __ATOMIC_ACQUIRE) != 2) return false;
	used = page_referenced_all(p) || (p->flags & PFL_REFERENCED);
	p->flags &= ~PFL_REFERENCED;
	if (used || vmo_range_locked(v, p->index, p->index)) return false;
	pcache_remove_locked(v, p);
	return true;
}

/* Go round the clock at most twice; how many pages were freed. */
static uint32_t reclaim_pages(uint32_t want)
{
	uint64_t steps = 2 * __atomic_load_n(&pageq_len, __ATOMIC_RELAXED);
	uint32_t freed = 0;

	for (; steps > 0 && freed < want; steps--) {
		struct vmo *v;
		struct page *p = clock_next(&v);

		if (!p) continue;
		spin_lock(&v->lock);
		freed += page_evict_locked(v, p);
		spin_unlock(&v->lock);
		page_unref(p);
		vmo_unref(v);
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
	(void)arg;
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
