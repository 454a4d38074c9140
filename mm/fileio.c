/* SPDX-License-Identifier: MIT */
/* mm/fileio.c - RING 0 - read() and write(): copies between a user's buffer and the pages that mappings see too.
 *
 * Path:  sys_file.c > [fileio.c] > pagecache.c > (miss) pager.c
 * Locks: none while bytes are copied: the buffer may lie in a mapping of the same file, and fault.
 *
 * F1  A page is shown to others only with valid bytes: a page written in full is filled before it is inserted.
 * F2  After the copy the page is dirtied once more: writeback may have begun, or truncation come, while bytes moved.
 */
#include "kernel/thread.h"
#include "mm/vmo.h"

/* Copy out as far as pages and the end of file allow. */
int64_t pcache_read(struct vmo *v, uint64_t pos, struct io io, struct readahead *ra)
{
	uint64_t done = 0;
	int rc = 0;

	while (io.len > 0 && !rc) {
		uint64_t size = __atomic_load_n(&v->size, __ATOMIC_ACQUIRE), at = pos + done, n, left;
		struct page *p;

		if (at >= size) break;
		n = MIN(MIN(io.len, size - at), PAGE_SIZE - (at & PAGE_MASK));
		rc = pcache_get(v, at >> PAGE_SHIFT, ra, &p);
		if (rc) break;
		left = io_copy(&io, (char *)page_virt(p) + (at & PAGE_MASK), n);
		page_unref(p);
		done += n - left;
		io_advance(&io, n - left);
		if (left) rc = -EFAULT;
	}
	if (done && ra) vmo_touch(v, VMOC_ATIME);
	return done || rc == -ENXIO ? (int64_t)done : rc;       /* ENXIO: cut off meanwhile */
}

/* Write into one page.  One that need not be read first, since all of it is written or it lies past the end of file, is
 * gathered in a page of our own, which joins the object when it is complete (F1).  *n: bytes wanted, then bytes done.
 * -EAGAIN: the page has to be read after all, or has left the object */
static int write_try(struct vmo *v, uint64_t at, const struct io *io, uint64_t *n, bool whole)
{
	uint64_t index = at >> PAGE_SHIFT, want = *n;
	struct page *p;
	bool fresh;
	int rc = 0;

	thread_pause();
	spin_lock(&v->lock);
	fresh = !page_at(v, index) && (index >= vmo_pages_locked(v) || whole);
	if (fresh) p = frame_alloc(PAGE_OBJECT, FRAME_ZERO);
	else rc = pcache_get_locked(v, index, NULL, &p);
	if (!fresh && !rc) {
		page_ref(p);
		v->write_end = at + want;
	}
	spin_unlock(&v->lock);
	if (fresh && !p) return reclaim_wait() ? -ENOMEM : -EAGAIN;
	if (rc) return rc == -ENXIO ? -EAGAIN : rc;

	*n -= io_copy(io, (char *)page_virt(p) + (at & PAGE_MASK), want);
	spin_lock(&v->lock);
	v->write_end = 0;
	/* unless somebody brought it in meanwhile, or the rest of the page is on the disk */
	if (fresh && *n > 0 && !page_at(v, index) && (*n == want || index >= vmo_pages_locked(v))) {
		page_ref(p);                    /* ours becomes the object's */
		pcache_insert_locked(v, p, index, PG_CLEAN);
	}
	if (p->vmo == v) page_dirty_locked(v, p);       /* F2: with 0 bytes done a part of a word may have been copied */
	rc = *n == 0 ? -EFAULT : p->vmo == v ? 0 : -EAGAIN;
	if (!rc && at + *n > v->size) {
		v->size = at + *n;
		vmo_touch(v, VMOC_SIZE);
	}
	spin_unlock(&v->lock);
	page_unref(p);
	return rc;
}

static int write_page(struct vmo *v, uint64_t at, const struct io *io, uint64_t *n)
{
	uint64_t want = *n;
	int rc = -EAGAIN;

	for (bool whole = want == PAGE_SIZE; rc == -EAGAIN; whole = false) {
		*n = want;
		rc = vmo_room(v, at >> PAGE_SHIFT);
		if (!rc) rc = write_try(v, at, io, n, whole);
	}
	return rc;
}

/* No pager and no fault ever waits for the turn. */
void writer_enter(struct vmo *v)
{
	SPIN_HELD(&v->lock);
	while (v->writer) waitq_sleep(&v->wait, &v->lock, WAIT_FOREVER, false);
	v->writer = current_thread();
}

void writer_leave(struct vmo *v, bool wrote)
{
	SPIN_HELD(&v->lock);
	v->writer = NULL;
	if (wrote) vmo_touch(v, VMOC_MTIME | VMOC_CTIME);
	waitq_wake_all(&v->wait);
}

/* Page by page, as far as it goes: up to the object's and the caller's limit.  Bytes done, or why there are none. */
static int64_t write_pages(struct vmo *v, uint64_t pos, struct io io, uint64_t limit)
{
	uint64_t old = __atomic_load_n(&v->size, __ATOMIC_RELAXED), done = 0;
	uint64_t end = v->flags & VMO_NOGROW ? old : MIN(v->max_size, limit);
	int rc = 0;

	if (v->flags & VMO_READONLY) return -EROFS;
	if (pos >= end) return v->flags & VMO_NOGROW ? -ENOSPC : -EFBIG;
	io.len = MIN(io.len, end - pos);
	if (pos + io.len > old) rc = vmo_zero(v, old, ROUND_UP(old, PAGE_SIZE));
	while (!rc && io.len > 0) {
		uint64_t n = MIN(io.len, PAGE_SIZE - ((pos + done) & PAGE_MASK));

		rc = write_page(v, pos + done, &io, &n);
		if (rc) break;
		done += n;
		io_advance(&io, n);
	}
	split_resized(v);
	return done ? (int64_t)done : rc;
}

int64_t pcache_write(struct vmo *v, uint64_t *pos, struct io io, uint64_t limit)
{
	int64_t n;

	if (io.len == 0) return 0;
	writer_enter(v);
	if (io.flags & O_APPEND) *pos = __atomic_load_n(&v->size, __ATOMIC_RELAXED);
	n = write_pages(v, *pos, io, limit);
	writer_leave(v, n > 0);
	if (v->pager) writeback_throttle();
	return n;
}

int vmo_resize(struct vmo *v, uint64_t size)
{
	int rc;

	writer_enter(v);
	rc = vmo_set_size(v, size, true);
	writer_leave(v, false);
	return rc;
}
