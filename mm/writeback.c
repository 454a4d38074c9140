/* SPDX-License-Identifier: MIT */
/* mm/writeback.c - RING 0 - what is owed to the disk: msync, fsync, vm_write, and the thread that cleans.
 *
 * Path:  sys_mem.c (msync), sys_name.c (fsync) > [writeback.c] > pager.c  ~message~>  fs/ext2_pager.c ~> driver
 *        fs/blkclient.c  ~SYS_vm_write~>  [writeback.c] > pager.c  ~message~>  driver
 * Locks: takes vmo->lock, for vm_write first the map's mutex; none is held while a run or a commit is under way.
 *
 * msync speaks in pages; with blocks smaller than a page, a page of the disk can hold one block of metadata and
 * three of some file's data, which are newer in that file's object.  So the file server names bytes: vm_write.
 *
 * W1  A page is write-protected in every page table, and every TLB knows, before its write begins.
 * W2  Bytes past the end of file are zeroed before they could be written.
 * W3  COMMIT is sent only after the writes it is to cover are complete (P5 rests on this).
 * W4  Pages dirtied through a server's own mapping (PFL_OWNER) are written by its vm_write() alone: the file server
 *     decides what of its metadata reaches the disk before what.
 */
#include "kernel/thread.h"
#include "mm/map.h"

#define WRITEBACK_PERIOD (1000ull * 1000 * 1000)        /* ns between rounds of the thread */
#define DIRTY_LIMIT      (frame_total * 2 / 5)          /* pages; the thread starts early, at half of it */
#define RECLAIM_PERIOD   (WRITEBACK_PERIOD / 20)        /* between two looks at how much memory is free */
#define RECLAIM_PAUSE    (WRITEBACK_PERIOD / 2)         /* when none was found, before the next one */

/* What vm_write() names, in bytes of the object. */
struct extent {
	uint64_t start, end;
	bool     keep_dirty;            /* VMX_KEEP_DIRTY */
};

/* Of a run of vm_write's the extent's bytes alone are written; what else its last page has may still be owed. */
static void run_trim(struct run *r, const struct extent *x)
{
	uint64_t start = r->first << PAGE_SHIFT, end = (r->first + r->npages) << PAGE_SHIFT;

	r->off = MAX(x->start, start) - start;
	r->len = MIN(x->end, end) - start - r->off;
	if (x->keep_dirty && x->end <= end) r->page[r->npages - 1]->flags |= PFL_REDIRTIED;
}

/* The next run of dirty pages of [*first, last]; NULL: no memory.  => vmo->lock held; *first is moved past them.
 * false: there are no more. */
static bool writeback_gather_locked(struct vmo *v, uint64_t *first, uint64_t last, const struct extent *x,
                                    struct run **out)
{
	struct page *p;
	struct run *r;

	while ((p = page_next(v, first, BIT(PG_DIRTY))) && *first <= last && !x && (p->flags & PFL_OWNER))
		(*first)++;             /* W4 */
	*out = NULL;
	if (!p || *first > last) return false;
	r = *out = run_create_locked(v, PAGER_WRITE, *first);
	if (!r) return true;
	last = dirty_end_locked(v, *first, MIN(last, *first + RUN_MAX - 1));
	pages_clear(v, *first, last, PTE_W);    /* W1 */
	for (; *first <= last && (p = page_at(v, *first)) && (x || !(p->flags & PFL_OWNER)); (*first)++) {
		page_zero_tail_locked(p);       /* W2 */
		page_set_state(p, PG_WRITING);
		page_ref(p);
		r->page[r->npages++] = p;
	}
	if (x) run_trim(r, x);
	return true;
}

/* Start writing every dirty page of [first, last]; x: it is vm_write's, for its owner (W4). */
static void writeback_start_range(struct vmo *v, uint64_t first, uint64_t last, const struct extent *x)
{
	struct thread *t = current_thread();
	bool reserve = t->reserve;
	struct run *r;

	t->reserve = true;              /* cleaning memory needs memory */
	for (bool more = true; more;) {
		spin_lock(&v->lock);
		more = writeback_gather_locked(v, &first, last, x, &r);
		spin_unlock(&v->lock);
		if (r) run_post(r);
		/* even the reserve is out: runs in flight give back */
		else if (more && reclaim_pages(RECLAIM_BATCH) == 0) thread_sleep(1000 * 1000);
	}
	t->reserve = reserve;
}

/* For the writes that are under way now, from page to page: one that begins behind our back is not ours to wait for.
 * PFL_REDIRTIED: only for those of pages that have to be written once more: stored to meanwhile (what was stored before
 * this call is promised), or vm_write has other bytes of them to write. */
static void writes_wait(struct vmo *v, uint64_t first, uint64_t last, uint8_t flags)
{
	struct page *p;

	SPIN_HELD(&v->lock);
	while ((p = page_next(v, &first, BIT(PG_WRITING))) && first <= last) {
		if ((p->flags & flags) == flags) waitq_sleep(&v->wait, &v->lock, WAIT_FOREVER, false);
		else first++;
	}
}

int vmo_wait(struct vmo *v, uint64_t first, uint64_t last, uint32_t *err_seen)
{
	writes_wait(v, first, last, 0);
	SPIN_HELD(&v->lock);            /* two threads with one descriptor: one of them is told */
	if (!err_seen || *err_seen == __atomic_load_n(&v->wb_err, __ATOMIC_ACQUIRE)) return 0;
	*err_seen = v->wb_err;          /* a failed write that its holder has not heard of is told once */
	return v->wb_errno;
}

/* vmo_sync: see vmo.h.  The whole of msync, fsync and fdatasync for one object:
 *   1. start writing the dirty pages; 2. wait for them and for earlier writes of the range;
 *   3. report failed writes; 4. commit: metadata, then one device flush. */
int vmo_sync(struct vmo *v, uint64_t first, uint64_t last, unsigned wb, uint32_t *err_seen)
{
	int rc;

	if (!v->pager) return 0;
	if (wb & WB_WAIT) writes_wait(v, first, last, PFL_REDIRTIED);
	writeback_start_range(v, first, last, NULL);
	if (v->split_of) {              /* also what another thread is bringing there just now */
		writes_wait(v, first, last, 0);
		return vmo_sync(v->split_of, first, last, wb, err_seen);
	}
	if (!(wb & WB_WAIT)) {
		SPIN_HELD(&v->lock);    /* MS_ASYNC: they are in the device's queue, whether or not they are done */
		while (v->unqueued > 0) waitq_sleep(&v->wait, &v->lock, WAIT_FOREVER, false);
		return 0;
	}
	rc = vmo_wait(v, first, last, err_seen);
	if (rc || !(wb & WB_COMMIT)) return rc;
	/* nothing written or changed since the last flush: nothing to make durable.  fsync also covers what only the
	 * file server knows of (a name, a mode), so it always asks. */
	if ((wb & WB_DATASYNC) && __atomic_load_n(&v->changes, __ATOMIC_RELAXED) ==
	                          __atomic_load_n(&v->committed, __ATOMIC_RELAXED)) return 0;
	return vmo_commit(v, wb & WB_DATASYNC ? COMMIT_DATASYNC : 0);   /* W3 */
}

/* Nobody needs these pages' contents: they are clean. */
static void extent_forget(struct vmo *v, uint64_t first, uint64_t last)
{
	struct page *p;

	writes_wait(v, first, last, 0);
	SPIN_HELD(&v->lock);
	for (; (p = page_next(v, &first, BIT(PG_DIRTY))) && first <= last; first++) {
		page_clear(p, PTE_W);
		p->flags &= ~PFL_OWNER;
		page_set_state(p, PG_CLEAN);
	}
}

/* vm_write: start to write [addr, addr + len) of a server's own mapping; len 0: wait for all writes of its object.  How
 * many of these have failed before, or until now: so a server that starts many and then waits knows whether one did. */
int64_t vm_write(struct map *m, uaddr_t addr, uint64_t len, uint32_t flags)
{
	struct extent x = {.keep_dirty = flags & VMX_KEEP_DIRTY};
	uint64_t first, last;
	struct vmo *v = NULL;
	struct entry *e;
	uint32_t failed;

	if (addr % 512 || len % 512) return -EINVAL;
	mutex_lock(&m->lock);
	e = map_find_locked(m, addr);
	if (e && (e->flags & ENTRY_SHARED) && e->vmo->pager && len <= e->anode.last + 1 - addr) v = e->vmo;
	if (v) vmo_ref(v);
	if (v) x.start = (entry_index(e, addr) << PAGE_SHIFT) + (addr & PAGE_MASK);
	mutex_unlock(&m->lock);
	if (!v) return -EFAULT;

	x.end = x.start + len;
	first = x.start >> PAGE_SHIFT;
	last = (x.end - 1) >> PAGE_SHIFT;
	if (len == 0) writes_wait(v, 0, ~0ull, 0);
	failed = __atomic_load_n(&v->wb_err, __ATOMIC_RELAXED);
	if (len > 0 && (flags & VMX_FORGET)) {
		extent_forget(v, first, last);
	} else if (len > 0) {
		writes_wait(v, first, last, PFL_REDIRTIED);
		writeback_start_range(v, first, last, &x);
	}
	vmo_unref(v);
	return failed & INT32_MAX;
}

/* vmo_invalidate: every page of the range leaves the cache and every page table, so that the next reference reads
 * permanent storage.  Dirty bytes are written first, never dropped.  => nothing locked.  0 or the error of a write. */
int vmo_invalidate(struct vmo *v, uint64_t first, uint64_t last)
{
	uint64_t i = first;
	uint32_t seen;
	struct page *p;
	int rc = 0;

	if (!v->pager) return 0;
	spin_lock(&v->lock);
	seen = vmo_file(v)->wb_err;
	pages_clear(v, first, last, PTE_P);     /* in one round; who comes back meanwhile gets one of its own */
	while (!rc && (p = page_next(v, &i, 0)) && i <= last) {
		if (p->state == PG_CLEAN && !vmo_range_locked(v, i, i)) {
			pcache_remove_locked(v, p);
			i++;
		} else if (p->state == PG_CLEAN || (p->flags & PFL_OWNER)) {
			/* locked meanwhile: whoever did that may be waiting for it; or the file server's is
			 * the newest (W4) */
			p->flags &= ~PFL_LEAVING;
			waitq_wake_all(&v->wait);
			i++;
		} else if (p->state == PG_DIRTY) {
			/* whoever stores to it waits until it has gone: else it might never be clean */
			p->flags |= PFL_LEAVING;
			page_clear(p, PTE_P);
			spin_unlock(&v->lock);
			rc = vmo_sync(v, i, i, WB_WAIT, &seen);
			spin_lock(&v->lock);
		} else {
			waitq_sleep(&v->wait, &v->lock, WAIT_FOREVER, false);
		}
	}
	/* a page that cannot be written stays after all, and is there for those who waited */
	if (rc && (p = page_at(v, i))) p->flags &= ~PFL_LEAVING;
	waitq_wake_all(&v->wait);
	spin_unlock(&v->lock);
	return rc || !v->split_of ? rc : vmo_invalidate(v->split_of, first, last);
}

void sync_round(bool due, bool wait)
{
	uint64_t until = due ? time_mono() : WAIT_FOREVER - 1;    /* what is clean is due never */

	for (struct vmo *v = NULL; (v = vmo_next(v));) {
		if (__atomic_load_n(&v->due, __ATOMIC_RELAXED) <= until && (v->links || v->users))
			vmo_sync(v, 0, ~0ull, wait ? WB_WAIT : 0, NULL);
		if (v->split_of) split_idle(v);
	}
}

/* A writer over the limit waits until writeback caught up, for at most two seconds at a time. */
void writeback_throttle(void)
{
	for (int i = 0; i < 200 && __atomic_load_n(&dirty_pages, __ATOMIC_RELAXED) > DIRTY_LIMIT; i++) {
		if (i == 0) sync_round(false, false);
		thread_sleep(10 * 1000 * 1000);
	}
}

/* Nobody wakes it: who takes a page may hold any lock. */
void writeback_thread(void)
{
	uint64_t round = 0;

	current_thread()->reserve = true;
	for (;;) {
		thread_sleep(RECLAIM_PERIOD);
		if (frames_low() && reclaim_pages(4 * RECLAIM_BATCH) < RECLAIM_BATCH) {
			sync_round(false, false);
			if (dirty_pages == 0) thread_sleep(RECLAIM_PAUSE);      /* in vain: not so soon again */
		}
		if (time_mono() < round) continue;
		round = time_mono() + WRITEBACK_PERIOD;
		if (fs_port) port_notify(fs_port, NOTIFY_SECOND);
		sync_round(dirty_pages <= DIRTY_LIMIT / 2, false);
	}
}
