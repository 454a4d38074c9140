/* SPDX-License-Identifier: MIT */
/* kernel/sys_copy.c - RING 0 - bytes from one descriptor to another.
 *
 * Path:  syscall.c > [sys_copy.c] > mm/fileio.c, pipe.c, filedev.c
 * Locks: file->lock of a descriptor whose offset is used, for each page: never both ends', so the order does not matter.
 */
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"
#include "mm/vmo.h"

/* One end of a copy: at an offset of its own, or at the descriptor's, which then moves. */
struct end { struct file *f; uint64_t pos; uaddr_t user_pos; };

static int end_open(struct end *e, int fd, uaddr_t user_pos)
{
	int rc = 0;

	*e = (struct end){.f = fd_get(fd), .user_pos = user_pos};
	if (!e->f) return -EBADF;
	if (user_pos) rc = copy_in(&e->pos, user_pos, sizeof(e->pos));
	else e->pos = __atomic_load_n(&e->f->offset, __ATOMIC_RELAXED);
	return rc ? rc : (int64_t)e->pos < 0 ? -EINVAL : 0;
}

static int64_t end_close(struct end *e, int64_t rc)
{
	if (!e->f) return rc;
	if (rc > 0 && e->user_pos && copy_out(e->user_pos, &e->pos, sizeof(e->pos))) rc = -EFAULT;
	file_put(e->f);
	return rc;
}

/* From the place where the end stands, up to the end of a page there. */
static int64_t end_read(struct end *e, char *page, uint64_t len)
{
	uint64_t *pos = e->user_pos ? &e->pos : &e->f->offset;
	int64_t n;

	if (!e->user_pos) mutex_lock(&e->f->lock);
	n = pcache_read(e->f->vmo, *pos, 0, page, MIN(len, PAGE_SIZE - (*pos & PAGE_MASK)), NULL);
	if (n > 0) *pos += n;
	if (!e->user_pos) mutex_unlock(&e->f->lock);
	return n;
}

/* n bytes were read that nobody took. */
static void end_unread(struct end *e, uint64_t n)
{
	if (e->user_pos) {
		e->pos -= n;
		return;
	}
	mutex_lock(&e->f->lock);
	e->f->offset -= MIN(n, e->f->offset);
	mutex_unlock(&e->f->lock);
}

/* A page at a time.  Bytes, or the error if there are none. */
static int64_t copy_bytes(struct end *out, struct end *in, uint64_t len)
{
	char *page = kalloc(PAGE_SIZE);
	int64_t n = page ? 0 : -ENOMEM, took = 0;
	uint64_t done = 0;

	while (page && done < len && took == n) {
		n = end_read(in, page, len - done);
		if (n <= 0) break;
		took = file_write_kernel(out->f, out->user_pos ? &out->pos : NULL, page, n);
		if (took < n) end_unread(in, n - MAX(took, (int64_t)0));
		if (took > 0) done += took;
		writeback_throttle();
	}
	kfree(page);
	return done ? (int64_t)done : took < 0 ? took : n < 0 ? n : 0;
}

static int copy_check(const struct end *out, const struct end *in)
{
	if (!file_readable(in->f) || !file_writable(out->f)) return -EBADF;
	if (in->f->kind != FILE_VMO || out->f->kind == FILE_DIR || in->f->limit || out->f->limit) return -EINVAL;
	return 0;
}

/* sendfile(2): from a file to anything that can be written; not to a descriptor opened with O_APPEND. */
SYSCALL(sendfile)
{
	struct end in, out = {0};
	int64_t rc = end_open(&in, a1, a2);

	if (!rc) rc = end_open(&out, a0, 0);
	if (!rc) rc = copy_check(&out, &in);
	if (!rc && (out.f->flags & O_APPEND)) rc = -EINVAL;
	if (!rc) rc = copy_bytes(&out, &in, MIN(a3, RW_MAX));
	rc = end_close(&out, rc);
	return end_close(&in, rc);
}

/* copy_file_range(2): between regular files, and within one where the ranges do not overlap. */
SYSCALL(copy_file_range)
{
	struct end in, out = {0};
	uint64_t len = MIN(a4, RW_MAX);
	int64_t rc = a5 ? -EINVAL : end_open(&in, a0, a1);

	if (a5) return rc;
	if (!rc) rc = end_open(&out, a2, a3);
	if (!rc && (in.f->kind == FILE_DIR || out.f->kind == FILE_DIR)) rc = -EISDIR;
	if (!rc) rc = copy_check(&out, &in);
	if (!rc && (out.f->flags & O_APPEND)) rc = -EBADF;
	if (!rc && out.f->kind != FILE_VMO) rc = -EINVAL;
	if (!rc && in.f->vmo == out.f->vmo && in.pos < out.pos + len && out.pos < in.pos + len) rc = -EINVAL;
	if (!rc) rc = copy_bytes(&out, &in, len);
	rc = end_close(&out, rc);
	return end_close(&in, rc);
}
