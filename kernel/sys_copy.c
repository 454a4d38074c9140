/* SPDX-License-Identifier: MIT */
/* kernel/sys_copy.c - RING 0 - bytes from one descriptor to another.
 *
 * Path:  syscall.c > [sys_copy.c] > mm/fileio.c, pipe.c, filedev.c
 * Locks: file->lock of a descriptor whose offset moves, at the end: never both ends', so the order does not matter.
 */
#include "kernel/syscalls.h"
#include "mm/vmo.h"

/* Where an end of a copy begins, and in the end is: at an offset of the caller's, or at the descriptor's (as on Linux). */
static int place_in(const struct file *f, uaddr_t user, uint64_t *pos)
{
	*pos = __atomic_load_n(&f->offset, __ATOMIC_RELAXED);
	if (user && copy_in(pos, user, sizeof(*pos))) return -EFAULT;
	return (int64_t)*pos < 0 ? -EINVAL : 0;
}

static int place_out(struct file *f, uaddr_t user, uint64_t pos)
{
	if (user) return copy_out(user, &pos, sizeof(pos));
	MUTEX_HELD(&f->lock);
	f->offset = pos;
	return 0;
}

/* A page at a time.  Bytes, or the error if there are none.  to NULL: it has no places. */
static int64_t copy_bytes(struct file *out, uint64_t *to, struct file *in, uint64_t from, uint64_t len)
{
	char *page = kalloc(PAGE_SIZE);
	int64_t n = page ? 0 : -ENOMEM, took = 0;
	uint64_t done = 0;

	while (page && done < len && took == n) {
		uint64_t at = from + done;
		struct io io = {.buf = (uintptr_t)page, .len = MIN(len - done, PAGE_SIZE), .kernel = true};

		n = io.len = file_rw(in, &at, io);
		if (n <= 0) break;
		io.write = true;
		io.flags = out->flags;
		took = file_rw(out, to, io);
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
	if (!n) n = copy_bytes(out, out->vmo ? &to : NULL, in, from, len);
	if (n > 0 && place_out(in, from_at, from + n)) n = -EFAULT;
	if (n > 0 && out->vmo && place_out(out, to_at, to)) n = -EFAULT;
	return n;
}

SYSCALL(sendfile, to, from, from_at, len) { return copy(from, from_at, to, 0, len, false); }

SYSCALL(copy_file_range, from, from_at, to, to_at, len, flags)
{
	return flags ? -EINVAL : copy(from, from_at, to, to_at, len, true);
}
