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

/* Where an end of a copy begins: at an offset of the caller's, or at the descriptor's, which then moves. */
static int place_in(const struct file *f, uaddr_t user, uint64_t *pos)
{
	*pos = __atomic_load_n(&f->offset, __ATOMIC_RELAXED);
	if (user && copy_in(pos, user, sizeof(*pos))) return -EFAULT;
	return (int64_t)*pos < 0 ? -EINVAL : 0;
}

/* n bytes were read that nobody took. */
static void file_unread(struct file *f, uint64_t *pos, uint64_t n)
{
	if (!pos) pos = &f->offset;
	mutex_lock(&f->lock);
	*pos -= MIN(n, *pos);
	mutex_unlock(&f->lock);
}

/* A page at a time.  Bytes, or the error if there are none.  A place NULL: the descriptor's. */
static int64_t copy_bytes(struct file *out, uint64_t *to, struct file *in, uint64_t *from, uint64_t len)
{
	char *page = kalloc(PAGE_SIZE);
	int64_t n = page ? 0 : -ENOMEM, took = 0;
	uint64_t done = 0;

	while (page && done < len && took == n) {
		struct io io = {.buf = (uintptr_t)page, .len = MIN(len - done, PAGE_SIZE), .kernel = true};

		n = io.len = file_rw(in, from, io);
		if (n <= 0) break;
		io.write = true;
		io.flags = out->flags;
		took = file_rw(out, to, io);
		if (took < n) file_unread(in, from, n - MAX(took, (int64_t)0));
		if (took > 0) done += took;
	}
	kfree(page);
	return done ? (int64_t)done : MIN(n, took);
}

/* ranges: copy_file_range(2), between regular files, and within one where the ranges do not overlap; else sendfile(2):
 * from a file to anything that can be written.  Not to a descriptor opened with O_APPEND. */
static int copy_check(const struct file *out, const struct file *in, bool ranges)
{
	if (ranges && (file_is_dir(in) || file_is_dir(out))) return -EISDIR;
	if (!file_readable(in) || !file_writable(out)) return -EBADF;
	if (!in->vmo || file_is_dir(out) || in->limit || out->limit) return -EINVAL;
	if (out->flags & O_APPEND) return ranges ? -EBADF : -EINVAL;
	return ranges && !out->vmo ? -EINVAL : 0;
}

static long copy(int from_fd, uaddr_t from_at, int to_fd, uaddr_t to_at, uint64_t len, bool ranges)
{
	FILE_HELD struct file *in = fd_get(from_fd), *out = fd_get(to_fd);
	uint64_t from, to;
	int64_t n;

	if (!in || !out) return -EBADF;
	len = MIN(len, RW_MAX);
	n = place_in(in, from_at, &from);
	if (!n) n = place_in(out, to_at, &to);
	if (!n) n = copy_check(out, in, ranges);
	if (!n && ranges && in->vmo == out->vmo && from < to + len && to < from + len) n = -EINVAL;
	if (!n) n = copy_bytes(out, to_at ? &to : NULL, in, from_at ? &from : NULL, len);
	if (n > 0 && from_at && copy_out(from_at, &from, sizeof(from))) n = -EFAULT;
	if (n > 0 && to_at && copy_out(to_at, &to, sizeof(to))) n = -EFAULT;
	return n;
}

SYSCALL(sendfile, to, from, from_at, len) { return copy(from, from_at, to, 0, len, false); }

SYSCALL(copy_file_range, from, from_at, to, to_at, len, flags)
{
	return flags ? -EINVAL : copy(from, from_at, to, to_at, len, true);
}
