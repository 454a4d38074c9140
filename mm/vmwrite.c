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

/* The object and byte offset behind a server's address, with a reference. */
static struct vmo *extent_object(struct map *m, const struct vm_extent *x, uint64_t *off)
{
	struct vmo *v = NULL;
	struct entry *e;

	mutex_lock(&m->lock);
	e = map_find_locked(m, x->addr);
	if (e && e->vmo && (e->flags & ENTRY_OWNER) && x->len && x->addr + (x->len - 1) <= e->anode.last) {
		v = e->vmo;
		vmo_ref(v);
		*off = (entry_index(e, x->addr) << PAGE_SHIFT) + (x->addr & PAGE_MASK);
	}
	mutex_unlock(&m->lock);
	return v;
}

/* Wait until a run lets go of the page at index. => vmo->lock held, may be dropped meanwhile */
static struct page *page_settled_locked(struct vmo *v, uint64_t index)
{
	struct page *p;

	while ((p = radix_get(&v->pages, index)) && (p->state == PG_WRITING || p->state == PG_FILLING))
		waitq_sleep(&v->wait, &v->lock, WAIT_FOREVER, false);
	return p;
}

static void forget_locked(struct vmo *v, uint64_t index)
{
	struct page *p = page_settled_locked(v, index);

	if (!p || p->state != PG_DIRTY) return;
	page_protect_all(p);
	p->flags &= ~PFL_OWNER;
	page_set_state(p, PG_CLEAN);
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

static void extent_write(struct vmo *v, const struct vm_extent *x, uint64_t off)
{
	uint64_t end = off + x->len, before;
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

/* *all: the one object of all extents, from the first one on with a reference; *seen: its failed writes before. */
static int extent_start(struct map *m, const struct vm_extent *x, struct vmo **all, uint32_t *seen)
{
	uint64_t off;
	struct vmo *v = extent_object(m, x, &off);
	int rc = 0;

	if (!v) return -EFAULT;
	if (!*all) {
		*all = v;
		vmo_ref(v);
		*seen = v->wb_err;
	}
	if (v != *all) {
		rc = -EINVAL;
	} else if (x->flags & VMX_FORGET) {
		spin_lock(&v->lock);
		for (uint64_t i = off >> PAGE_SHIFT; i <= (off + x->len - 1) >> PAGE_SHIFT; i++) forget_locked(v, i);
		spin_unlock(&v->lock);
	} else {
		extent_write(v, x, off);
	}
	vmo_unref(v);
	return rc;
}

/* vm_write: start all extents, then wait for all writes of their object. */
int vm_write(struct map *m, const struct vm_extent *x, uint32_t n)
{
	struct vmo *v = NULL;
	uint32_t seen = 0;
	int rc = 0, bad;

	for (uint32_t i = 0; i < n; i++) {
		if (x[i].addr % 512 || x[i].len % 512 || x[i].len == 0) return -EINVAL;
	}

	for (uint32_t i = 0; i < n && !rc; i++) rc = extent_start(m, &x[i], &v, &seen);
	if (!v) return rc;
	bad = vmo_wait(v, 0, ~0ull, &seen);
	vmo_unref(v);
	return rc ? rc : bad;
}
