/* SPDX-License-Identifier: MIT */
/* fs/call_space.c - RING 3 - fsync(), ftruncate(), fallocate(), posix_fadvise(), readahead(), sync_file_range().
 *
 * Path:  call.c > [call_space.c]; what is asked of a file's pages ring 0 does then: kernel/sys_name.c file_then()
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "fs/call.h"

#define PAGE 4096ul

static bool fd_reads(const struct call *c) { return call_fd_open(c) && (c->who->fd_flags & 3) != O_WRONLY; }
static bool fd_writes(const struct call *c) { return call_fd_open(c) && (c->who->fd_flags & 3) != O_RDONLY; }

/* Whose pages the kernel has: a file, or a disk.  NULL: the descriptor is neither. */
static struct vnode *paged(const struct call *c)
{
	struct vnode *vn = vnode_by_number(c->who->fd_node);

	return vn && vn->object ? vn : NULL;
}

/* The pages of [off, off + len); len 0: to the end of the file. */
static long pages_then(const struct call *c, enum name_then then, uint64_t off, uint64_t len)
{
	off += devfs_start(paged(c));
	c->out->arg[2] = len && off + len > off ? (off + len - 1) / PAGE : UINT64_MAX / PAGE;
	return call_then(c, then, off / PAGE);
}

/* A directory: its whole file system, since its entries, their inodes and bitmaps have an order that only all of it
 * together keeps. */
static long sync_fd(const struct call *c, uint64_t how)
{
	const struct vnode *vn = vnode_by_number(c->who->fd_node);

	if (!call_fd_open(c)) return -EBADF;
	c->out->arg[3] = how;
	if (paged(c)) return pages_then(c, THEN_SYNC, 0, 0);
	if (!vn || !S_ISDIR(vn->mode)) return -EINVAL;
	return vn->ops->sync && !vn->mnt->readonly ? vn->ops->sync(vn->mnt, true) : 0;
}

long call_fsync(const struct call *c) { return sync_fd(c, WB_WAIT | WB_COMMIT); }
long call_fdatasync(const struct call *c) { return sync_fd(c, WB_WAIT | WB_COMMIT | WB_DATASYNC); }

long call_ftruncate(const struct call *c)
{
	struct vnode *vn = paged(c);
	int rc = vn && fd_writes(c) && (int64_t)c->arg[1] >= 0 ? 0 : -EINVAL;

	if (!call_fd_open(c)) return -EBADF;
	if (!rc && c->cred.uid) rc = vfs_written(vn);
	return rc ? rc : call_then(c, THEN_SIZE, c->arg[1]);
}

/* Neither end is past what a file can have; the object has a limit of its own. */
static long allocate(const struct call *c, uint64_t mode, uint64_t off, uint64_t len)
{
	struct vnode *vn = paged(c);
	int rc = c->cred.uid ? vfs_written(vn) : 0;

	c->out->arg[2] = len;
	c->out->arg[3] = !!(mode & FALLOC_FL_KEEP_SIZE);
	return rc ? rc : call_then(c, mode & FALLOC_FL_PUNCH_HOLE ? THEN_PUNCH : THEN_ROOM, off);
}

long call_fallocate(const struct call *c)
{
	const uint64_t known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, mode = c->arg[1];
	int64_t off = (int64_t)c->arg[2], len = (int64_t)c->arg[3];
	struct vnode *vn = paged(c);

	if (!fd_writes(c)) return -EBADF;
	if (off < 0 || len <= 0) return -EINVAL;
	if ((mode & ~known) || mode == FALLOC_FL_PUNCH_HOLE) return -EOPNOTSUPP;
	if (!vn || !S_ISREG(vn->mode)) return S_ISFIFO(c->who->fd_mode) ? -ESPIPE : -ENODEV;
	return off > INT64_MAX - len ? -EFBIG : allocate(c, mode, c->arg[2], c->arg[3]);
}

/* DONTNEED: what is dirty begins to be written, and what is clean and whole in the range goes (FA1). */
static long drop(const struct call *c, struct vnode *vn, uint64_t off, uint64_t len)
{
	struct stat st;
	int rc = vfs_stat(vn, &st);
	uint64_t *arg = c->out->arg;

	pages_then(c, THEN_DROP, off, len);
	arg[3] = arg[1] + !!(off % PAGE);
	arg[4] = arg[2];
	if (len && (off + len) % PAGE && off + len < (uint64_t)st.st_size) {
		if (arg[4]) arg[4]--;
		else arg[3] = 1;        /* none is whole */
	}
	return rc;
}

long call_fadvise64(const struct call *c)
{
	struct vnode *vn = paged(c);

	if (!call_fd_open(c)) return -EBADF;
	if (S_ISFIFO(c->who->fd_mode)) return -ESPIPE;
	if (c->arg[3] > POSIX_FADV_NOREUSE || (int64_t)c->arg[2] < 0) return -EINVAL;
	if (!vn) return 0;
	switch (c->arg[3]) {
	case POSIX_FADV_NORMAL:
	case POSIX_FADV_RANDOM:
	case POSIX_FADV_SEQUENTIAL: return call_then(c, THEN_ADVICE, c->arg[3]);
	case POSIX_FADV_WILLNEED:   return pages_then(c, THEN_FETCH, c->arg[1], c->arg[2]);
	case POSIX_FADV_DONTNEED:   return drop(c, vn, c->arg[1], c->arg[2]);
	default:                    return 0;
	}
}

long call_readahead(const struct call *c)
{
	if (!fd_reads(c)) return -EBADF;
	if (!paged(c)) return -EINVAL;
	return c->arg[2] ? pages_then(c, THEN_FETCH, c->arg[1], c->arg[2]) : 0;
}

/* sync_file_range(2): the pages alone, without what finds them and without a flush: no promise of durability. */
long call_sync_file_range(const struct call *c)
{
	const uint64_t wait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER, how = c->arg[3];
	int64_t off = (int64_t)c->arg[1], len = (int64_t)c->arg[2], end;

	if (!call_fd_open(c)) return -EBADF;
	if (how & ~(wait | SYNC_FILE_RANGE_WRITE)) return -EINVAL;
	if (off < 0 || len < 0 || __builtin_add_overflow(off, len, &end)) return -EINVAL;
	if (!paged(c)) return -ESPIPE;
	c->out->arg[3] = how & wait ? WB_WAIT : 0;
	return how ? pages_then(c, how & SYNC_FILE_RANGE_WRITE ? THEN_SYNC : THEN_WAIT, c->arg[1], c->arg[2]) : 0;
}
