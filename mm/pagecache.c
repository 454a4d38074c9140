/* SPDX-License-Identifier: MIT */
/* mm/pagecache.c - RING 0 - the one cache of file pages: read, write and mmap meet here.
 *
 * Path:  trap.c > fault.c > [pagecache.c] > pager.c  ~message~>  fs/ext2_pager.c
 * Use:   pcache_get() returns a held page; copy or map it; page_unref().
 * Locks: takes vmo->lock; never held while a pager works (P2).
 *
 * When memory runs out clean pages leave by second chance.  The clock's hand goes over all pages of memory: whoever
 * brings a page in, or finds it there (a fault, a read, a write), knows nothing of it.
 *
 * P1  One (vmo, index) has at most one page: the object's tree is the only way to it.
 * P2  FILLING and WRITING pages belong to a run: not freed, not moved; whoever needs them sleeps on vmo->wait.
 * P3  A PTE is writable only while its page is DIRTY, or WRITING and REDIRTIED.
 * P4  A page leaves its object only from CLEAN, by a failed fill, or by truncation.
 * P5  msync(MS_SYNC) is 0 only after a device flush that followed the last write.
 * P6  The marks in the tree are the states: a page that is DIRTY or WRITING has that bit, the others none.
 * C1  Only a CLEAN page that nobody holds, of an object with a pager, not locked by mlock, is reclaimed.
 */
#include "kernel/thread.h"
#include "mm/map.h"

#define RA_FIRST 4u                     /* pages */
#define WRITEBACK_AGE (5ull * 1000 * 1000 * 1000)       /* ns that a page may stay dirty */
#define RECLAIM_TRIES 100               /* rounds of 10 ms before we say that there is no memory */
#define TO(s) BIT(PG_##s)
static const uint8_t state_next[PG_NSTATES] = {
	[PG_ABSENT]  = TO(FILLING) | TO(CLEAN),
	[PG_FILLING] = TO(CLEAN) | TO(ABSENT),
	[PG_CLEAN]   = TO(DIRTY) | TO(ABSENT),
	[PG_DIRTY]   = TO(WRITING) | TO(ABSENT) | TO(CLEAN),
	[PG_WRITING] = TO(CLEAN) | TO(DIRTY),
};

uint64_t dirty_pages;

/* Count the object's debt to its pager, and how long it may wait.  An object without one owes nothing to a disk. */
static void debt_change(struct vmo *v, int more)
{
	v->ndirty += more;
	if (v->ndirty == 0) v->due = WAIT_FOREVER;
	else if (v->due == WAIT_FOREVER) v->due = time_mono() + WRITEBACK_AGE;
	if (v->pager) __atomic_add_fetch(&dirty_pages, more, __ATOMIC_RELAXED);
}

/* page_set_state: the one setter (table in page.h).  => vmo->lock held; the page is in the tree, also when it
 * comes from or goes to ABSENT.  Sleepers are woken when a run lets go of the page. */
void page_set_state(struct page *p, enum page_state to)
{
	struct vmo *v = p->vmo;
	enum page_state from = p->state;
	int more = !!(BIT(to) & PG_OWED) - !!(BIT(from) & PG_OWED);

	if (!(state_next[from] & BIT(to)))
		panic("invariant P2 broken: page %lx of object %lx: state %u -> %u", page_index(p), v->cookie, from, to);
	p->state = to;
	tree_mark(&p->node, BIT(to) & PG_OWED);
	if (more) debt_change(v, more);
	if (from == PG_FILLING || from == PG_WRITING) waitq_wake_all(&v->wait);
}

/* Give a page (refs 1, its caller's) to the object.  The reference becomes the object's. */
void pcache_insert_locked(struct vmo *v, struct page *p, uint64_t index, enum page_state state)
{
	INVARIANT("P1", !page_at(v, index));
	p->node = (struct tree_node){.start = index, .last = index};
	tree_insert(&v->pages, &p->node);
	p->vmo = v;
	p->flags = PFL_REFERENCED;
	v->npages++;
	page_set_state(p, state);
}

/* Take a page out of its object (P4).  => its state allows ABSENT; every PTE goes; holders keep the bare page. */
void pcache_remove_locked(struct vmo *v, struct page *p)
{
	page_clear(p, PTE_P);
	page_set_state(p, PG_ABSENT);
	if (p->flags & PFL_LEAVING) waitq_wake_all(&v->wait);
	tree_remove(&v->pages, &p->node);
	list_init(&p->link);            /* where the node was */
	v->npages--;
	p->vmo = NULL;
	page_unref(p);
}

void page_dirty_locked(struct vmo *v, struct page *p)
{
	INVARIANT("P1", p->vmo == v);
	if (p->state == PG_CLEAN) page_set_state(p, PG_DIRTY);
	if (p->state == PG_WRITING) p->flags |= PFL_REDIRTIED;
	v->changes++;
}

struct page *page_next(const struct vmo *v, uint64_t *index, uint8_t state)
{
	struct page *p = container_of(tree_first_marked(&v->pages, *index, state), struct page, node);

	if (p) *index = page_index(p);
	return p;
}

/* How many pages to ask for at a miss: doubles while the reader is sequential. */
uint32_t readahead_window(struct readahead *ra, uint64_t index)
{
	/* a miss at the first page, or inside what the last window should have covered, counts as sequential */
	bool sequential = index == ra->next || (ra->window && index > ra->next - ra->window && index < ra->next);
	uint32_t n;

	if (ra->advice == MADV_RANDOM) return 1;
	if (ra->advice == MADV_SEQUENTIAL) n = RA_MAX;
	else if (!sequential) n = 1;
	else n = ra->window ? MIN(ra->window * 2, RA_MAX) : RA_FIRST;
	ra->window = n;
	ra->next = index + n;
	return n;
}

/* Start to bring in the absent page at index and, if the pager is asked, its neighbours as far as they are absent and
 * within the object, n in all at most.
 * => vmo->lock held, dropped and taken again.  How many pages; 0: no memory */
static uint32_t pcache_fill(struct vmo *v, uint64_t index, uint32_t n)
{
	struct run *r = v->pager ? run_create_locked(v, PAGER_FILL, index) : NULL;
	uint32_t i = 0;
	struct page *p;

	if (!v->pager) {                /* nothing to read */
		p = frame_alloc(PAGE_OBJECT, FRAME_ZERO);
		if (p) pcache_insert_locked(v, p, index, PG_CLEAN);
		return p != NULL;
	}
	if (!r) return 0;
	for (; i < n && index + i < vmo_pages_locked(v); i++) {
		if (page_at(v, index + i) || punching(v, index + i)) break;
		/* read-ahead must not eat the last pages: only the first one may use the reserve */
		p = frame_alloc(PAGE_OBJECT, i == 0 ? 0 : FRAME_SPARING);
		if (!p) break;
		pcache_insert_locked(v, p, index + i, PG_FILLING);
		page_ref(p);
		r->page[r->npages++] = p;
	}
	if (i == 0) {
		kobj_unref(&r->obj);
		return 0;
	}
	spin_unlock(&v->lock);
	run_post(r);
	spin_lock(&v->lock);
	return i;
}

/* pcache_get_locked: the page of (vmo, index), its contents valid (CLEAN, DIRTY or WRITING).
 * => vmo->lock held, dropped and taken again if the page has to be waited for
 * => 0; -ENXIO past the end of the object; -EIO and other errors of the pager; -ENOMEM.  No signal ends the wait */
int pcache_get_locked(struct vmo *v, uint64_t index, struct readahead *ra, struct page **out)
{
	uint32_t fails = v->fill_fails;
	struct page *p;
	int rc = 0;

	while (!rc) {
		p = *out = page_at(v, index);
		if (p && p->state != PG_FILLING && !(p->flags & PFL_LEAVING)) {
			p->flags |= PFL_REFERENCED;
			break;
		}
		if (p || punching(v, index)) {
			rc = waitq_sleep(&v->wait, &v->lock, WAIT_FOREVER, false);
		} else if (index >= vmo_pages_locked(v)) {
			rc = -ENXIO;
		} else if (fails != v->fill_fails) {
			rc = v->fill_errno;     /* the fill that we waited for failed */
		} else if (pcache_fill(v, index, ra ? readahead_window(ra, index) : 1) == 0) {
			spin_unlock(&v->lock);
			rc = reclaim_wait();
			spin_lock(&v->lock);
		}
	}
	return rc;
}

/* pcache_get: the same page, held: it stays what it is, but may leave the object.
 * => no lock held; may sleep.  The caller calls page_unref(). */
int pcache_get(struct vmo *v, uint64_t index, struct readahead *ra, struct page **out)
{
	int rc;

	thread_pause();
	SPIN_HELD(&v->lock);
	rc = pcache_get_locked(v, index, ra, out);
	if (!rc) page_ref(*out);
	return rc;
}

void vmo_prefetch(struct vmo *v, uint64_t first, uint64_t last)
{
	SPIN_HELD(&v->lock);
	last = MIN(last + 1, vmo_pages_locked(v));      /* from here on: the first page not wanted */
	/* to the end, or until there is no memory to spare: it is only advice */
	for (uint32_t n = 1; v->pager && first < last && n > 0; first += n) {
		if (page_at(v, first) || punching(v, first)) n = 1;
		else n = pcache_fill(v, first, MIN(last - first, (uint64_t)RUN_MAX));
	}
}

/* A page that was used since the hand passed stays. => vmo->lock held */
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

uint32_t reclaim_pages(uint32_t want)
{
	static uint64_t hand;           /* atomic */
	uint32_t freed = 0;

	for (uint64_t n = 0; n < 2 * page_array_len && freed < want; n++) {
		struct page *p = &page_array[__atomic_fetch_add(&hand, 1, __ATOMIC_RELAXED) % page_array_len];
		struct vmo *v = p->use == PAGE_OBJECT && p->state == PG_CLEAN ? vmo_lock_of(p) : NULL;

		if (v && page_evict_locked(v, p)) freed++;
		if (v) spin_unlock(&v->lock);
		thread_pause();         /* most pages may be nobody's business */
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
