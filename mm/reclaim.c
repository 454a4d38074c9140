/* SPDX-License-Identifier: MIT */
/* mm/reclaim.c - RING 0 - memory runs out: clean file pages leave by second chance, over all objects.
 *
 * Path:  the thread, when little is free;  fault.c, fileio.c (none left) > [reclaim.c]
 * The clock's hand goes over all pages of memory.  Whoever brings a page in, or finds it there (a fault, a read, a
 * write), knows nothing of it.
 * Locks: vmo->lock of the object that has the page under the hand.
 *
 * C1  Only a CLEAN page that nobody holds, of an object with a pager, not locked by mlock, may leave.
 */
#include "kernel/thread.h"
#include "mm/map.h"

#define RECLAIM_BATCH 64u               /* pages to free in one go */
#define RECLAIM_PERIOD (50ull * 1000 * 1000)    /* ns between two looks of the thread */
#define RECLAIM_PAUSE  (10 * RECLAIM_PERIOD)    /* the same, when little was found */
#define RECLAIM_TRIES 100               /* rounds of 10 ms before we say that there is no memory */

/* Second chance: a page that was used since the hand passed stays. => vmo->lock held */
static bool page_evict_locked(struct vmo *v, struct page *p)
{
	bool used;

	if (!v->pager || p->state != PG_CLEAN || __atomic_load_n(&p->refs, __ATOMIC_ACQUIRE) != 1) return false;
	used = page_clear(p, PTE_A) || (p->flags & PFL_REFERENCED);
	p->flags &= ~PFL_REFERENCED;
	if (used || vmo_range_locked(v, page_index(p), page_index(p))) return false;
	pcache_remove_locked(v, p);
	return true;
}

/* Go on from where the hand is, twice round at most; how many pages were freed. */
static uint32_t reclaim_pages(uint32_t want)
{
	static uint64_t hand;           /* atomic */
	uint32_t freed = 0;

	for (uint64_t n = 0; n < 2 * page_array_len && freed < want; n++) {
		struct page *p = &page_array[__atomic_fetch_add(&hand, 1, __ATOMIC_RELAXED) % page_array_len];
		struct vmo *v = p->use == PAGE_OBJECT ? vmo_lock_of(p) : NULL;

		if (!v) continue;
		if (page_evict_locked(v, p)) freed++;
		spin_unlock(&v->lock);
		thread_pause();
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
		thread_sleep(10 * 1000 * 1000);
	}
	return -ENOMEM;
}

/* Nobody wakes it: who takes a page may hold any lock.  What it looked for in vain it does not look for so soon again. */
void reclaim_thread(void)
{
	bool found = true;

	current_thread()->reserve = true;
	for (;;) {
		thread_sleep(found ? RECLAIM_PERIOD : RECLAIM_PAUSE);
		found = !frames_low() || reclaim_pages(RECLAIM_BATCH * 4) >= RECLAIM_BATCH;
		if (!found) sync_round(0, false);
		found |= __atomic_load_n(&dirty_pages, __ATOMIC_RELAXED) > 0;
	}
}
