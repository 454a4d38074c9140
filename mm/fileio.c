/* SPDX-License-Identifier: MIT */
/* mm/fileio.c - RING 0 - what calls do to a file's bytes: read() and write() copy between a user's buffer and the pages
 * that mappings see too; fallocate() makes sure of room and punches holes.
 *
 * Path:  sys_file.c, sys_name.c, mapops.c (MADV_REMOVE) > [fileio.c] > pagecache.c > (miss) pager.c
 * Locks: none while bytes are copied (the buffer may lie in a mapping of the same file, and fault) or a pager works: who
 *        changes a file has his turn.
 *
 * F1  A page is shown to others only with valid bytes: a page written in full is filled before it is inserted.
 * F2  After the copy the page is dirtied once more: writeback may have begun, or truncation come, while bytes moved.
 * V4  While [punch_lo, punch_hi) of an object is not empty, no page of it comes into the cache: the pager is freeing
 *     the blocks below, and a page filled from them would show bytes that are gone, or be written to a block that is
 *     somebody else's by then.
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
	if (p->vmo == v) page_dirty_locked(v, p);       /* F2; with 0 bytes done, too: a part of a word may be there */
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

/* POSIX: writes to a file do not mix.  A turn, not a lock: no pager and no fault ever waits for it. */
static void writer_enter(struct vmo *v)
{
	SPIN_HELD(&v->lock);
	while (v->writer) waitq_sleep(&v->wait, &v->lock, WAIT_FOREVER, false);
	v->writer = current_thread();
}

static void writer_leave(struct vmo *v, bool wrote)
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
