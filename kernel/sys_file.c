/* SPDX-License-Identifier: MIT */
/* kernel/sys_file.c - RING 0 - read, write and their family, on whatever a descriptor is.
 *
 * Path:  syscall.c > [sys_file.c] > file->ops: mm/fileio.c (objects), sys_name.c (devices), pipe.c
 * Locks: file->lock while the offset of a regular file or directory is in use: two processes that share a descriptor
 *        take turns (POSIX 2.9.7).  No server ever waits for it.  Devices and pipes have no offset and take none.
 */
#include "kernel/syscalls.h"
#include "mm/vmo.h"

#define SECTOR 512u                     /* what O_DIRECT wants offsets, lengths and buffers to be multiples of */

/* POSIX: past RLIMIT_FSIZE a write fails with EFBIG and the process gets SIGXFSZ. */
int64_t fsize_exceeded(int64_t rc, uint64_t pos)
{
	if (rc == -EFBIG && pos >= current_proc()->rlimit[RLIMIT_FSIZE][0])
		signal_send(current_proc(), SIGXFSZ);
	return rc;
}

/* O_DIRECT: the cache lets go of these pages, so that a read asks the disk, and a write is not only in memory. */
static int direct_settle(struct file *f, uint64_t pos, uint64_t len)
{
	uint64_t first = pos >> PAGE_SHIFT, last = (pos + len - 1) >> PAGE_SHIFT;
	int rc = vmo_sync(f->vmo, first, last, WB_WAIT, &f->err_seen);

	return rc ? rc : vmo_invalidate(f->vmo, first, last);
}

/* O_SYNC, O_DSYNC: what was written is on the disk before write() returns. */
static int64_t write_synced(struct file *f, uint32_t flags, uint64_t pos, int64_t n)
{
	unsigned wb = WB_WAIT | WB_COMMIT;
	int rc = 0;

	if (n > 0 && (flags & O_DIRECT)) rc = direct_settle(f, pos - n, n);
	if (rc || n <= 0 || !(flags & O_SYNC)) return rc ? rc : n;
	if ((flags & O_SYNC) == O_DSYNC) wb |= WB_DATASYNC;
	rc = vmo_sync(f->vmo, (pos - n) >> PAGE_SHIFT, (pos - 1) >> PAGE_SHIFT, wb, &f->err_seen);
	return rc ? rc : n;
}

/* Who writes to a program must not become its owner by that: set-id bits go first. */
static int write_ids(struct file *f)
{
	KMSG_HELD struct kmsg k = {.m = {.arg = {f->node}}};

	return f->vmo->set_ids && current_proc()->fsuid ? name_call(&k, NAME_WRITTEN, false) : 0;
}

/* Regular files and disks; a partition is a part of its disk's object.  *pos moves on. */
static int64_t vmo_rw(struct file *f, uint64_t *pos, struct io io)
{
	uint64_t limit = current_proc()->rlimit[RLIMIT_FSIZE][0], at = f->base + *pos;
	bool direct = (io.flags & O_DIRECT) && !io.kernel;
	int64_t n = 0;

	if (*pos > INT64_MAX - io.len) return io.write ? -EFBIG : -EINVAL;
	if (direct && (*pos | io.buf | io.len) % SECTOR) return -EINVAL;
	if (f->limit && *pos >= f->limit) return io.write && io.len ? -ENOSPC : 0;
	if (f->limit) {
		io.len = MIN(io.len, f->limit - *pos);
		io.flags &= ~(uint32_t)O_APPEND;
	}
	if (io.write && io.len > 0) n = write_ids(f);
	if (direct && !io.write && io.len > 0) n = direct_settle(f, at, io.len);
	if (n < 0) return n;
	n = io.write ? pcache_write(f->vmo, &at, io, limit) : pcache_read(f->vmo, at, io, &f->ra);
	if (n < 0) return io.write ? fsize_exceeded(n, at) : n;
	*pos = at + n - f->base;
	return io.write ? write_synced(f, io.flags, at + n, n) : n;
}

const struct file_ops vmo_ops = {.rw = vmo_rw};

static bool has_offset(const struct file *f) { return f->vmo || (f->namef & NAMEF_SEEK); }

/* ---- vectors */

/* All is copied and checked before any byte moves.  Bytes; -EINVAL, -EFAULT */
static int64_t vector_in(struct iovec *v, uaddr_t from, uint64_t count)
{
	uint64_t total = 0;

	if (copy_in(v, from, count * sizeof(*v))) return -EFAULT;
	for (; count > 0; v++, count--) {
		total += v->len;
		if (v->len > INT64_MAX || total > INT64_MAX) return -EINVAL;
		if (!user_range_ok(v->base, v->len)) return -EFAULT;
	}
	return total;
}

/* POSIX writev is one write: what is short goes to a pipe or a terminal as one piece. */
static int64_t write_gathered(struct file *f, uint64_t *pos, const struct iovec *v, uint64_t total)
{
	char *page = kalloc(PAGE_SIZE);
	int64_t n = page ? 0 : -ENOMEM;

	for (uint64_t at = 0; at < total && !n; at += v++->len) n = copy_in(page + at, v->base, v->len);
	if (!n) n = f->ops->rw(f, pos, (struct io){(uintptr_t)page, total, .write = true, .kernel = true});
	kfree(page);
	return n;
}

/* One after the other; stops at the first that is not done in full. */
static int64_t pieces_rw(struct file *f, uint64_t *pos, struct io io, const struct iovec *v, uint64_t count)
{
	uint64_t done = 0;
	int64_t n = 0;

	for (; count > 0; v++, count--) {
		io.buf = v->base;
		io.len = MIN(v->len, RW_MAX - done);
		if (!io.len) continue;
		n = f->ops->rw(f, pos, io);
		if (n > 0) done += n;
		if (n < (int64_t)io.len) break;
	}
	return done ? (int64_t)done : n;
}

static int64_t vector_rw(struct file *f, uint64_t *pos, struct io io)
{
	struct iovec few[8], *v = io.len <= ARRAY_LEN(few) ? few : kalloc(io.len * sizeof(*v)); /* few need no memory */
	int64_t n = v ? vector_in(v, io.buf, io.len) : -ENOMEM;

	if (n > 0 && io.write && n <= PIPE_BUF && !has_offset(f)) n = write_gathered(f, pos, v, n);
	else if (n > 0) n = pieces_rw(f, pos, io, v, io.len);
	if (v != few) kfree(v);
	return n;
}

/* ---- the calls */

/* Are descriptor, place and memory good for it?  -EBADF, -EISDIR, -EINVAL, -ESPIPE, -EFAULT */
static int rw_check(const struct file *f, const uint64_t *pos, const struct io *io)
{
	if (io->write ? !file_writable(f) : !file_readable(f)) return -EBADF;
	if (file_is_dir(f)) return -EISDIR;
	if (pos && (int64_t)*pos < 0) return -EINVAL;
	if (pos && f->polled) return -ESPIPE;
	if (io->len > (io->vector ? IOV_MAX : INT64_MAX)) return -EINVAL;
	return io->vector || io->kernel || user_range_ok(io->buf, io->len) ? 0 : -EFAULT;
}

int64_t file_rw(struct file *f, uint64_t *pos, struct io io)
{
	bool own = !pos && has_offset(f);
	int64_t n = rw_check(f, pos, &io);
	uint64_t none = 0;

	if (n) return n;
	if (!pos) pos = own ? &f->offset : &none;
	io.len = MIN(io.len, RW_MAX);
	if (own) mutex_lock(&f->lock);
	n = (io.vector ? vector_rw : f->ops->rw)(f, pos, io);
	if (own) mutex_unlock(&f->lock);
	return n;
}

static long fd_rw(int fd, uint64_t *pos, struct io io)
{
	FILE_HELD struct file *f = fd_get(fd);

	if (f) io.flags |= f->flags;
	return f ? file_rw(f, pos, io) : -EBADF;
}

SYSCALL(read, fd, buf, len) { return fd_rw(fd, NULL, (struct io){.buf = buf, .len = len}); }
SYSCALL(write, fd, buf, len) { return fd_rw(fd, NULL, (struct io){.buf = buf, .len = len, .write = true}); }
SYSCALL(pread64, fd, buf, len, pos) { return fd_rw(fd, &pos, (struct io){.buf = buf, .len = len}); }
SYSCALL(pwrite64, fd, buf, len, pos) { return fd_rw(fd, &pos, (struct io){.buf = buf, .len = len, .write = true}); }
SYSCALL(readv) { return sys_preadv2(a0, a1, a2, ~0ull, 0, 0); }
SYSCALL(writev) { return sys_pwritev2(a0, a1, a2, ~0ull, 0, 0); }
SYSCALL(preadv) { return (int64_t)a3 < 0 ? -EINVAL : sys_preadv2(a0, a1, a2, a3, 0, 0); }
SYSCALL(pwritev) { return (int64_t)a3 < 0 ? -EINVAL : sys_pwritev2(a0, a1, a2, a3, 0, 0); }

/* preadv2(2): offset -1 is the descriptor's own; flags for this call alone. */
static long fd_rwv(int fd, uaddr_t iov, uint64_t count, uint64_t pos, uint64_t rwf, bool write)
{
	uint32_t flags = (rwf & RWF_SYNC ? O_SYNC : 0) | (rwf & RWF_DSYNC ? O_DSYNC : 0) | (rwf & RWF_APPEND ? O_APPEND : 0);

	if (rwf & ~(uint64_t)(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND)) return -EOPNOTSUPP;
	return fd_rw(fd, pos == ~0ull ? NULL : &pos, (struct io){iov, count, flags, write, .vector = true});
}

SYSCALL(preadv2) { return fd_rwv(a0, a1, a2, a3, a5, false); }
SYSCALL(pwritev2) { return fd_rwv(a0, a1, a2, a3, a5, true); }

/* ---- offset and size */

/* lseek(2): a file here is all data, so SEEK_DATA stays and SEEK_HOLE is the end. */
static int64_t seek_target(const struct file *f, int64_t off, int whence)
{
	int64_t size = f->limit ? f->limit : f->vmo ? __atomic_load_n(&f->vmo->size, __ATOMIC_RELAXED) : 0, base = 0;

	switch (whence) {
	case SEEK_SET: break;
	case SEEK_CUR: base = f->offset; break;
	case SEEK_END: base = size; break;
	case SEEK_DATA: return off < 0 || off >= size ? -ENXIO : off;
	case SEEK_HOLE: return off < 0 || off >= size ? -ENXIO : size;
	default: return -EINVAL;
	}
	if (__builtin_add_overflow(base, off, &base)) return -EOVERFLOW;
	return base < 0 ? -EINVAL : base;
}

SYSCALL(lseek)
{
	FILE_HELD struct file *f = fd_get(a0);
	int64_t to;

	if (!f) return -EBADF;
	if (!has_offset(f) && !file_is_dir(f)) return f->polled ? -ESPIPE : 0;
	MUTEX_HELD(&f->lock);
	to = seek_target(f, a1, a2);
	if (to >= 0) f->offset = to;
	return to;
}

/* POSIX: past RLIMIT_FSIZE SIGXFSZ. */
int file_set_size(struct file *f, uint64_t size)
{
	if (size > f->vmo->size && size > current_proc()->rlimit[RLIMIT_FSIZE][0]) return fsize_exceeded(-EFBIG, size);
	return vmo_resize(f->vmo, size);
}

/* ---- from one descriptor to another */

/* Where an end of a copy begins: at an offset of the caller's, or at the descriptor's, which goes on by len at once: who
 * shares it copies what follows.  Never both ends' locks. */
static int place_take(struct file *f, uaddr_t user, uint64_t len, uint64_t *pos)
{
	if (user && copy_in(pos, user, sizeof(*pos))) return -EFAULT;
	if (user) return (int64_t)*pos < 0 ? -EINVAL : 0;
	MUTEX_HELD(&f->lock);
	*pos = f->offset;
	f->offset += len;
	return 0;
}

/* And where it is after `done` of these bytes. */
static int place_give(struct file *f, uaddr_t user, uint64_t pos, uint64_t len, uint64_t done)
{
	pos += done;
	if (user) return done ? copy_out(user, &pos, sizeof(pos)) : 0;
	MUTEX_HELD(&f->lock);
	f->offset -= len - done;
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
	uint64_t from, to = 0, done;
	int64_t n;

	if (!in || !out) return -EBADF;
	len = MIN(len, RW_MAX);
	n = copy_check(out, in, ranges);
	if (!n) n = place_take(in, from_at, len, &from);
	if (n) return n;
	if (out->vmo) n = place_take(out, to_at, len, &to);     /* fails with nothing taken, and to_at then */
	if (!n && ranges && in->vmo == out->vmo && from < to + len && to < from + len) n = -EINVAL;
	if (!n) n = copy_bytes(out, out->vmo ? &to : NULL, in, from, len);
	done = MAX(n, 0);
	if (place_give(in, from_at, from, len, done)) n = -EFAULT;
	if (out->vmo && place_give(out, to_at, to - done, len, done)) n = -EFAULT;
	return n;
}

SYSCALL(sendfile, to, from, from_at, len) { return copy(from, from_at, to, 0, len, false); }

SYSCALL(copy_file_range, from, from_at, to, to_at, len, flags)
{
	return flags ? -EINVAL : copy(from, from_at, to, to_at, len, true);
}
