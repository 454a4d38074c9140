/* SPDX-License-Identifier: MIT */
/* mm/pager.c - RING 0 - the kernel's end of the pager protocol: runs, reservations, commits.
 *
 * Path:  pagecache.c, writeback.c > [pager.c]  ~message~>  fs/ext2_pager.c ~> drivers/virtio-blk ~run_done~> [pager.c]
 * Use:   run_create_locked(), put held busy pages in it, unlock, run_post().  The rest happens in run_finish_locked().
 * Locks: vmo->lock guards the counters of a run; none is held while a message is under way.
 *
 * R1  Every sector of a run's part is completed exactly once; the last one finishes the run.
 * R2  An unfinished run with no handle left (its message counts as one) can not be completed by anybody: what remains
 *     fails with -EIO.  Until then the device may still write to its pages.
 */
#include "kernel/thread.h"
#include "mm/vmo.h"

#define SECTOR 512u
#define RESERVE_WINDOW 256u             /* pages asked for at once, so that a grant is not a message per page */

int pager_ask(struct vmo *v, struct kmsg *k)
{
	int rc;

	if (!v->pager) return 0;
	k->m.arg[0] = v->cookie;
	rc = ipc_call(v->pager, k, false);
	return rc ? rc : k->m.status;
}

static void run_destroy(struct kobj *o)
{
	struct run *r = container_of(o, struct run, obj);

	INVARIANT("R1", r->left == 0);
	vmo_unref(r->vmo);
	kfree(r);
}

/* Past the end of file a page is zero: for who sees it, and on the disk.  What a write() is just putting there stays. */
void page_zero_tail_locked(struct page *p)
{
	uint64_t start = page_index(p) << PAGE_SHIFT, end = MAX(p->vmo->size, p->vmo->write_end);
	uint64_t keep = MIN(MAX(end, start) - start, PAGE_SIZE);

	memset((char *)page_virt(p) + keep, 0, PAGE_SIZE - keep);
}

/* What a FILL leaves behind: valid pages with a zeroed tail, or none. */
static void run_finish_fill_locked(struct run *r, struct page *p, uint32_t i)
{
	struct vmo *v = r->vmo;

	if (r->status) {
		v->fill_errno = r->status;
		v->fill_fails++;
		pcache_remove_locked(v, p);
		return;
	}
	page_zero_tail_locked(p);
	if (!r->zeroed[i]) p->flags |= PFL_BACKED;
	page_set_state(p, PG_CLEAN);
}

/* A failed write leaves the page DIRTY: still owed; the holders of the object will hear of it. */
static void run_finish_write_locked(struct run *r, struct page *p)
{
	bool owed = r->status || (p->flags & PFL_REDIRTIED);

	/* MS_ASYNC may have come meanwhile, and does not wait: the second write begins in the thread's next round */
	if ((p->flags & (PFL_REDIRTIED | PFL_OWNER)) == PFL_REDIRTIED) r->vmo->due = 0;
	if (!r->status) p->flags |= PFL_BACKED;
	if (!owed) p->flags &= ~PFL_OWNER;
	p->flags &= ~PFL_REDIRTIED;
	page_set_state(p, owed ? PG_DIRTY : PG_CLEAN);
}

/* All of the run is where it belongs, or failed.  => vmo->lock held; once it is dropped, the caller lets go of the
 * reference that run_post() took over */
static void run_finish_locked(struct run *r)
{
	struct vmo *v = r->vmo;
	bool wrote = r->op == PAGER_WRITE;

	if (r->status && wrote) {               /* of a view its file's holders hear */
		__atomic_store_n(&vmo_file(v)->wb_errno, r->status, __ATOMIC_RELAXED);
		__atomic_add_fetch(&vmo_file(v)->wb_err, 1, __ATOMIC_RELEASE);
	}
	if (wrote) v->changes++;
	*(wrote ? &this_cpu()->pages_out : &this_cpu()->pages_in) += r->npages;
	for (uint32_t i = 0; i < r->npages; i++) {
		if (wrote) run_finish_write_locked(r, r->page[i]);
		else run_finish_fill_locked(r, r->page[i], i);
		page_unref(r->page[i]);
	}
	r->left = 0;
	vmo_release_check_locked(v);
}

/* Is nobody left who could complete the run?  (R2) */
static void run_orphan_check(struct kobj *o)
{
	struct run *r = container_of(o, struct run, obj);
	bool orphan;

	spin_lock(&r->vmo->lock);
	orphan = r->left > 0 && __atomic_load_n(&o->handles, __ATOMIC_ACQUIRE) == 0;
	if (orphan && !r->status) r->status = -EIO;
	if (orphan) run_finish_locked(r);
	spin_unlock(&r->vmo->lock);
	if (orphan) kobj_unref(o);
}

/* The pager answered: "queued", or an errno for what it could not pass on. */
static void run_replied(struct kmsg *k)
{
	struct run *r = container_of(k, struct run, msg);
	struct vmo *v = r->vmo;

	spin_lock(&v->lock);
	v->unqueued--;
	if (k->m.status && !r->status) r->status = k->m.status;
	waitq_wake_all(&v->wait);
	spin_unlock(&v->lock);
	kobj_unhandle(&r->obj);         /* the message's */
}

struct run *run_create_locked(struct vmo *v, uint32_t op, uint64_t first)
{
	struct run *r = kalloc(sizeof(*r));

	if (!r) return NULL;
	kobj_init(&r->obj, KOBJ_RUN, run_destroy);
	r->obj.no_handles = run_orphan_check;
	vmo_ref(v);
	r->vmo = v;
	r->op = op;
	r->first = first;
	return r;
}

/* run_post: send a run to its pager.  r->len 0: all of its pages.  The caller's reference lives to its end. */
void run_post(struct run *r)
{
	struct vmo *v = r->vmo;

	if (r->len == 0) r->len = (uint64_t)r->npages << PAGE_SHIFT;
	r->left = r->len;
	if (v->split_of) {
		split_run(r);
		return;
	}
	spin_lock(&v->lock);
	v->unqueued++;
	r->msg.m = (struct ipc_msg){
		.op = r->op,
		.arg = {v->cookie, (r->first << PAGE_SHIFT) + r->off, r->len, v->size, r->off},
	};
	spin_unlock(&v->lock);
	r->msg.obj[0] = &r->obj;
	r->msg.done = run_replied;
	kobj_handle(&r->obj);           /* the message's */
	if (ipc_post(v->pager, &r->msg)) return;
	r->msg.m.status = -EIO;
	run_replied(&r->msg);
}

/* Is it a part of the run that is not completed yet?  Once the run has finished its pages may be anybody's. */
static bool run_part_due_locked(const struct run *r, uint64_t off, uint64_t len)
{
	if (r->left == 0 || off % SECTOR || len % SECTOR || len == 0) return false;
	if (off < r->off || len > r->len || off - r->off > r->len - len) return false;
	for (uint64_t s = off / SECTOR; s < (off + len) / SECTOR; s++)
		if (r->done[s / 8] & BIT(s % 8)) return false;
	return true;
}

/* run_done: bytes [off, off+len) of the run are where they belong, or failed with status, or (RUN_ZERO) are a hole.
 * => no lock held; from the driver's or file server's system call.  -EINVAL: no part of it, or completed before (R1) */
int run_done(struct run *r, uint64_t off, uint64_t len, int status)
{
	bool hole = status == RUN_ZERO, last;

	spin_lock(&r->vmo->lock);
	if (!run_part_due_locked(r, off, len) || (hole && r->op != PAGER_FILL)) {
		spin_unlock(&r->vmo->lock);
		return -EINVAL;
	}
	for (uint64_t s = off / SECTOR; s < (off + len) / SECTOR; s++) {
		r->done[s / 8] |= BIT(s % 8);
		if (!hole) continue;
		memset((char *)page_virt(r->page[s / 8]) + s % 8 * SECTOR, 0, SECTOR);
		r->zeroed[s / 8] = 1;
	}
	if (!hole && status && !r->status) r->status = status < 0 && status > -4096 ? status : -EIO;
	r->left -= len;
	last = r->left == 0;
	if (last) run_finish_locked(r);
	spin_unlock(&r->vmo->lock);
	if (last) kobj_unref(&r->obj);
	return 0;
}

int run_segments(struct run *r, uint64_t off, uint64_t len, struct dev_seg *seg, uint32_t max)
{
	uint32_t n = 0;

	SPIN_HELD(&r->vmo->lock);
	if (!run_part_due_locked(r, off, len)) return -EINVAL;
	for (uint64_t at = off, bytes; at < off + len; at += bytes) {
		if (n == max) break;
		bytes = MIN(off + len - at, PAGE_SIZE - (at & PAGE_MASK));
		seg[n++] = (struct dev_seg){page_phys(r->page[at >> PAGE_SHIFT]) + (at & PAGE_MASK), bytes};
	}
	return n;
}

/* Does a store into this page find room on disk without asking? */
bool vmo_has_room_locked(struct vmo *v, uint64_t index, const struct page *p)
{
	if (!v->pager || (v->flags & VMO_NOGROW)) return true;
	if (p && (p->flags & PFL_BACKED)) return true;
	return index >= v->grant_lo && index < v->grant_hi;
}

/* vmo_room: make sure of room on disk for the page: if it has none yet, the pager (of a view its file's) promises it.
 * => no lock held.  0, -ENOSPC, -EIO */
int vmo_room(struct vmo *v, uint64_t index)
{
	uint64_t off = index << PAGE_SHIFT, pages;
	struct kmsg k = {.m = {.op = PAGER_RESERVE, .arg = {0, off, RESERVE_WINDOW << PAGE_SHIFT}}};
	bool room;
	int rc;

	spin_lock(&v->lock);
	room = vmo_has_room_locked(v, index, page_at(v, index));
	spin_unlock(&v->lock);
	if (room) return 0;
	rc = v->split_of ? vmo_room(v->split_of, index) : pager_ask(v, &k);
	if (rc) return rc;
	pages = v->split_of ? 1 : MIN(k.m.arg[0] >> PAGE_SHIFT, RESERVE_WINDOW);        /* of a view: its file's */
	if (pages == 0) return -ENOSPC;
	SPIN_HELD(&v->lock);
	v->grant_lo = index;
	v->grant_hi = index + pages;
	v->released_due |= v->users > 0;
	return 0;
}

/* What the object's pager should know of size and times.  What of it had changed, until now */
static uint64_t vmo_attr_locked(struct vmo *v, struct ipc_msg *m)
{
	uint64_t changed = __atomic_exchange_n(&v->changed, 0, __ATOMIC_ACQUIRE);

	m->arg[2] = v->size;
	for (int i = 0; i < 3; i++) m->arg[3 + i] = changed & VMOC_ATIME << i ? v->time[i] : 0;
	return changed;
}

/* vmo_commit: make durable what was written, and what finds it again.  => no lock held; sleeps. */
int vmo_commit(struct vmo *v, unsigned commit_flags)
{
	struct kmsg k = {.m = {.op = PAGER_COMMIT, .arg = {0, commit_flags}}};
	uint64_t changes, changed;
	int rc;

	spin_lock(&v->lock);
	changed = vmo_attr_locked(v, &k.m);
	changes = v->changes;
	spin_unlock(&v->lock);

	rc = pager_ask(v, &k);
	SPIN_HELD(&v->lock);
	if (!rc) v->committed = MAX(v->committed, changes);     /* not before: others rely on it (P5) */
	else __atomic_or_fetch(&v->changed, changed, __ATOMIC_RELEASE);
	return rc;
}

static void vmo_release_done(struct kmsg *k)
{
	struct vmo *v = container_of(k, struct vmo, release_msg);

	spin_lock(&v->lock);
	v->release_busy = false;
	vmo_release_check_locked(v);    /* the last user may have gone again meanwhile */
	spin_unlock(&v->lock);
	vmo_unref(v);
}

/* Tell the pager that the last user went, once nothing is owed to it any more: a file's pages are written first, an
 * unlinked file's only have to be out of the device's hands, since its blocks will be used again. */
void vmo_release_check_locked(struct vmo *v)
{
	bool owed = v->links ? v->ndirty > 0 : tree_first_marked(&v->pages, 0, BIT(PG_WRITING)) != NULL;

	if (v->users || !v->pager || v->split_of || !v->released_due || owed || v->release_busy) return;
	v->released_due = false;
	v->grant_lo = v->grant_hi = 0;
	v->release_msg.m = (struct ipc_msg){.op = PAGER_RELEASE, .arg = {v->cookie}};
	vmo_attr_locked(v, &v->release_msg.m);
	v->release_msg.done = vmo_release_done;
	v->release_busy = ipc_post(v->pager, &v->release_msg);
	if (v->release_busy) vmo_ref(v);        /* vmo_release_done() needs the lock first */
}
