/* SPDX-License-Identifier: MIT */
/* mm/space.c - RING 0 - fallocate: room made sure of, holes punched; and pages brought in ahead of their use.
 *
 * Path:  sys_name.c, mapops.c (MADV_REMOVE) > [space.c] > pager.c  ~message~>  fs/ext2_pager.c
 * Locks: the writer's turn of the object (fileio.c); vmo->lock; none while the pager works.
 *
 * V4  While [punch_lo, punch_hi) of an object is not empty, no page of it comes into the cache: the pager is freeing
 *     the blocks below, and a page filled from them would show bytes that are gone, or be written to a block that is
 *     somebody else's by then.
 */
#include "kernel/thread.h"
#include "mm/vmo.h"

/* Whole pages [first, end) leave the cache, then their blocks go. */
static int punch_pages(struct vmo *v, uint64_t first, uint64_t end)
{
	uint64_t off = first << PAGE_SHIFT, len = (end - first) << PAGE_SHIFT;
	struct kmsg k = {.m = {.op = PAGER_PUNCH, .arg = {0, off, len}}};
	int rc;

	if (first >= end) return 0;
	spin_lock(&v->lock);
	v->punch_lo = first;
	v->punch_hi = end;
	v->grant_lo = v->grant_hi = 0;
	vmo_cut_locked(v, first, end - 1);
	spin_unlock(&v->lock);
	rc = v->split_of ? vmo_punch(v->split_of, off, len) : pager_ask(v, &k);
	SPIN_HELD(&v->lock);
	v->punch_lo = v->punch_hi = 0;
	v->changes++;
	waitq_wake_all(&v->wait);
	return rc;
}

int vmo_punch(struct vmo *v, uint64_t off, uint64_t len)
{
	uint64_t size, end, first, last;
	int rc = 0;

	if (v->flags & VMO_READONLY) return -EROFS;
	if (v->flags & VMO_NOGROW) return -EOPNOTSUPP;
	writer_enter(v);
	size = __atomic_load_n(&v->size, __ATOMIC_RELAXED);
	end = MIN(off + len, size);
	if (off < end) {
		/* the last page is whole if the hole reaches the end of file */
		first = ROUND_UP(off, PAGE_SIZE);
		last = end == size ? ROUND_UP(end, PAGE_SIZE) : ROUND_DOWN(end, PAGE_SIZE);
		rc = vmo_zero(v, off, MIN(first, end));
		if (!rc && last >= first) rc = vmo_zero(v, MAX(last, off), end);
		if (!rc) rc = punch_pages(v, first >> PAGE_SHIFT, last >> PAGE_SHIFT);
	}
	writer_leave(v, !rc);
	return rc;
}

/* A page that is a hole is made dirty: writing its zeros gives it a block. */
static int allocate_page(struct vmo *v, uint64_t index)
{
	struct page *p;
	int rc = vmo_room(v, index);

	if (rc) return rc;
	thread_pause();
	SPIN_HELD(&v->lock);
	rc = pcache_get_locked(v, index, NULL, &p);
	if (!rc && !(p->flags & PFL_BACKED)) page_dirty_locked(v, p);
	return rc == -ENXIO ? 0 : rc;
}

int vmo_allocate(struct vmo *v, uint64_t off, uint64_t len, bool keep_size)
{
	uint64_t end = off + len, last = ROUND_UP(end, PAGE_SIZE) >> PAGE_SHIFT, old, pages, i = off >> PAGE_SHIFT;
	int rc = 0;

	if (v->flags & VMO_READONLY) return -EROFS;
	if (v->flags & VMO_NOGROW) return -EOPNOTSUPP;
	if (end > v->max_size) return -EFBIG;
	writer_enter(v);                /* what others append meanwhile would be cut off if it fails */
	old = __atomic_load_n(&v->size, __ATOMIC_RELAXED);
	if (!keep_size && end > old) rc = vmo_set_size(v, end, false);
	pages = ROUND_UP(keep_size ? MIN(end, old) : end, PAGE_SIZE) >> PAGE_SHIFT;
	for (; i < pages && !rc; i++) {
		rc = allocate_page(v, i);
		if (i % 64 == 63) writeback_throttle();
	}
	/* past the end of file there is no page to write: room is promised to the object as long as it is in use */
	for (; v->pager && i < last && !rc; i = __atomic_load_n(&v->grant_hi, __ATOMIC_RELAXED)) rc = vmo_room(v, i);
	if (!rc) vmo_touch(v, VMOC_CTIME);
	else if (!keep_size && end > old) vmo_set_size(v, old, true);
	writer_leave(v, false);
	return rc == -ENOMEM ? -ENOSPC : rc;
}
