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

/* One end of a copy, and where it is: at an offset of its own, or at the descriptor's, which then moves. */
struct end { struct file *f; uint64_t pos; uaddr_t user_pos; };

static int end_open(struct end *e, int fd, uaddr_t user_pos)
{
	*e = (struct end){.f = fd_get(fd), .user_pos = user_pos};
	if (!e->f) return -EBADF;
	e->pos = __atomic_load_n(&e->f->offset, __ATOMIC_RELAXED);
	if (user_pos && copy_in(&e->pos, user_pos, sizeof(e->pos))) return -EFAULT;
	return (int64_t)e->pos < 0 ? -EINVAL : 0;
}

static int64_t end_close(struct end *e, int64_t n)
{
	if (!e->f) return n;
	if (n > 0 && e->user_pos && copy_out(e->user_pos, &e->pos, sizeof(e->pos))) n = -EFAULT;
	file_put(e->f);
	return n;
}

static int64_t end_rw(struct end *e, char *page, uint64_t len, bool write)
{
	return file_rw(e->f, e->user_pos ? &e->pos : NULL, (struct io){0, len, page, e->f->flags, write, false});
}

/* n bytes were read that nobody took. */
static void end_unread(struct end *e, uint64_t n)
{
	uint64_t *pos = e->user_pos ? &e->pos : &e->f->offset;

	mutex_lock(&e->f->lock);
	*pos -= MIN(n, *pos);
	mutex_unlock(&e->f->lock);
}

/* A page at a time.  Bytes, or the error if there are none. */
static int64_t copy_bytes(struct end *out, struct end *in, uint64_t len)
{
	char *page = kalloc(PAGE_SIZE);
	int64_t n = page ? 0 : -ENOMEM, took = 0;
	uint64_t done = 0;

	while (page && done < len && took == n) {
		n = end_rw(in, page, MIN(len - done, PAGE_SIZE), false);
		if (n <= 0) break;
		took = end_rw(out, page, n, true);
		if (took < n) end_unread(in, n - MAX(took, (int64_t)0));
		if (took > 0) done += took;
		writeback_throttle();
	}
	kfree(page);
	return done ? (int64_t)done : MIN(n, took);
}

/* ranges: copy_file_range(2), between regular files, and within one where the ranges do not overlap; else sendfile(2):
 * from a file to anything that can be written.  Not to a descriptor opened with O_APPEND. */
static int copy_check(const struct end *out, const struct end *in, uint64_t len, bool ranges)
{
	if (ranges && (in->f->kind == FILE_DIR || out->f->kind == FILE_DIR)) return -EISDIR;
	if (!file_readable(in->f) || !file_writable(out->f)) return -EBADF;
	if (in->f->kind != FILE_VMO || out->f->kind == FILE_DIR || in->f->limit || out->f->limit) return -EINVAL;
	if (out->f->flags & O_APPEND) return ranges ? -EBADF : -EINVAL;
	if (!ranges) return 0;
	if (out->f->kind != FILE_VMO) return -EINVAL;
	return in->f->vmo == out->f->vmo && in->pos < out->pos + len && out->pos < in->pos + len ? -EINVAL : 0;
}

static long copy(int from, uaddr_t from_pos, int to, uaddr_t to_pos, uint64_t len, bool ranges)
{
	struct end in, out = {0};
	int64_t n = end_open(&in, from, from_pos);

	len = MIN(len, RW_MAX);
	if (!n) n = end_open(&out, to, to_pos);
	if (!n) n = copy_check(&out, &in, len, ranges);
	if (!n) n = copy_bytes(&out, &in, len);
	n = end_close(&out, n);
	return end_close(&in, n);
}

SYSCALL(sendfile, to, from, from_pos, len) { return copy(from, from_pos, to, 0, len, false); }

SYSCALL(copy_file_range, from, from_pos, to, to_pos, len, flags)
{
	return flags ? -EINVAL : copy(from, from_pos, to, to_pos, len, true);
}
