/* SPDX-License-Identifier: MIT */
/* mm/vmwrite.c - RING 0 - vm_write: the file server puts exact bytes of its mapped metadata on the disk.
 *
 * msync speaks in pages; with blocks smaller than a page, a page of the disk can hold one block of metadata and
 * three of some file's data, which are newer in that file's object.  So the file server names bytes.
 *
 * Path:  fs/blkclient.c  ~SYS_vm_write~>  [vmwrite.c] > pager.c  ~message~>  driver
 * Locks: map mutex for the look-up, then vmo->lock; none while the write is under way.
 */
#include "mm/pagecache.h"

#include "kernel/thread.h"
#include "mm/map.h"

/* The one object of all extents, a reference; their addresses become offsets in it. */
static int extents_check(struct map *m, struct vm_extent *x, uint32_t n, struct vmo **v)
{
	MUTEX_HELD(&m->lock);
	for (; n > 0; n--, x++) {
		const struct entry *e = map_find_locked(m, x->addr);

		if (x->addr % 512 || x->len % 512 || x->len == 0) return -EINVAL;
		if (!e || !(e->flags & ENTRY_OWNER) || x->addr + (x->len - 1) > e->anode.last) return -EFAULT;
		if (*v && e->vmo != *v) return -EINVAL;
		*v = e->vmo;
		x->addr = (entry_index(e, x->addr) << PAGE_SHIFT) + (x->addr & PAGE_MASK);
	}
	if (*v) vmo_ref(*v);
	return 0;
}

/* Wait until a run lets go of the page at index. => vmo->lock held, may be dropped meanwhile */
static struct page *page_settled_locked(struct vmo *v, uint64_t index)
{
	struct page *p;

	while ((p = radix_get(&v->pages, index)) && (p->state == PG_WRITING || p->state == PG_FILLING))
		waitq_sleep(&v->wait, &v->lock, WAIT_FOREVER, false);
	return p;
}

static void extent_forget(struct vmo *v, const struct vm_extent *x)
{
	spin_lock(&v->lock);
	for (uint64_t i = x->addr >> PAGE_SHIFT; i <= (x->addr + x->len - 1) >> PAGE_SHIFT; i++) {
		struct page *p = page_settled_locked(v, i);

		if (!p || p->state != PG_DIRTY) continue;
		page_clear(p, PTE_W);
		p->flags &= ~PFL_OWNER;
		page_set_state(p, PG_CLEAN);
	}
	spin_unlock(&v->lock);
}

/* Take the dirty pages from off on into one run, as far as they are neighbours; *off moves on. NULL: none there. */
static struct run *extent_gather_locked(struct vmo *v, uint64_t *off, uint64_t end, bool keep)
{
	uint64_t index = *off >> PAGE_SHIFT;
	struct page *p = page_settled_locked(v, index);
	struct run *r;

	if (!p || p->state != PG_DIRTY) {
		*off = MIN(end, (index + 1) << PAGE_SHIFT);     /* clean: on the disk already */
		return NULL;
	}
	r = writeback_run_locked(v, index, (end - 1) >> PAGE_SHIFT, true);
	if (!r) return NULL;
	r->off = *off & PAGE_MASK;
	r->len = MIN(end, (index + r->npages) << PAGE_SHIFT) - *off;
	*off += r->len;
	if (keep && *off == end) r->page[r->npages - 1]->flags |= PFL_KEEP_DIRTY;
	return r;
}

static void extent_write(struct vmo *v, const struct vm_extent *x)
{
	uint64_t off = x->addr, end = off + x->len, before;
	struct run *r;

	while (off < end) {
		before = off;
		spin_lock(&v->lock);
		r = extent_gather_locked(v, &off, end, x->flags & VMX_KEEP_DIRTY);
		spin_unlock(&v->lock);
		if (r) run_post(r);
		else if (off == before) thread_sleep(1000 * 1000);      /* no memory: runs in flight give back */
	}
}

/* vm_write: start all extents, then wait for all writes of their object. */
int vm_write(struct map *m, struct vm_extent *x, uint32_t n)
{
	struct vmo *v = NULL;
	uint32_t seen;
	int rc = extents_check(m, x, n, &v);

	if (rc || !v) return rc;

	seen = __atomic_load_n(&v->wb_err, __ATOMIC_RELAXED);
	for (; n > 0; n--, x++) {
		if (x->flags & VMX_FORGET) extent_forget(v, x);
		else extent_write(v, x);
	}
	rc = vmo_wait(v, 0, ~0ull, &seen);
	vmo_unref(v);
	return rc;
}
