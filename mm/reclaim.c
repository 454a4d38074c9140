/* SPDX-License-Identifier: MIT */
/* mm/reclaim.c - RING 0 - memory runs out: clean file pages leave by second chance, over all objects.
 *
 * Path:  the thread, when little is free;  fault.c, fileio.c (none left) > [reclaim.c]
 * The clock's hand goes from object to object and, in each, from page to page.  Whoever brings a page in, or finds it
 * there (a fault, a read, a write), knows nothing of it.
 * Locks: vmo->lock for a page; vmo.c's list lock when the hand goes on to another object.
 *
 * C1  The hand is on an object of the list of all, or between its end and its beginning.
 * C2  Only a CLEAN page that nobody holds, of an object with a pager, not locked by mlock, may leave.
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

	if (p->state != PG_CLEAN || __atomic_load_n(&p->refs, __ATOMIC_ACQUIRE) != 1) return false;
	used = page_clear(p, PTE_A) || (p->flags & PFL_REFERENCED);
	p->flags &= ~PFL_REFERENCED;
	if (used || vmo_range_locked(v, page_index(p), page_index(p))) return false;
	pcache_remove_locked(v, p);
	return true;
}

/* The hand goes on over the pages of v, until `want` are freed: how many.  *end: it has been over the last one. */
static uint32_t object_reclaim(struct vmo *v, uint32_t want, bool *end)
{
	uint32_t freed = 0;
	struct page *p;

	for (*end = !v->pager; !*end && freed < want;) {
		SPIN_HELD(&v->lock);
		p = page_next(v, &v->hand, 0);
		if (p && page_evict_locked(v, p)) freed++;
		*end = !p;
		v->hand = p ? v->hand + 1 : 0;
	}
	return freed;
}

/* Go on from where the hand is, at least twice round; how many pages were freed. */
static uint32_t reclaim_pages(uint32_t want)
{
	uint32_t freed = 0, rounds = 0;
	bool end = false;

	while (freed < want && rounds < 3) {
		struct vmo *v = vmo_under_hand(end);

		end = true;
		if (v) freed += object_reclaim(v, want - freed, &end);
		else rounds++;
		if (v) vmo_unref(v);
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
