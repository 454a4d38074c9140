/* SPDX-License-Identifier: MIT */
/* kernel/sys_stat.c - RING 0 - stat, statx: what the file server says, in the words of each call.
 *
 * Path:  syscall.c > [sys_stat.c] > name.h  ~NAME_STAT~>  fs/srv_stat.c
 * Locks: the object's while its size is read.
 */
#include "kernel/name.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/vmo.h"

#define STAT_SIZE  144                  /* struct stat, struct statx of Linux x86-64 */
#define STATX_SIZE 256

/* Pipes, memfds and the like are the kernel's alone: what it knows goes into the question. */
static void describe(struct request *r, const struct file *f)
{
	uint64_t *arg = r->k.m.arg;

	arg[2] = f->mode | (uint64_t)f->ino << 32;
	if (!f->vmo) return;
	spin_lock(&f->vmo->lock);
	arg[3] = f->vmo->size;
	arg[4] = f->vmo->npages * (PAGE_SIZE / 512);
	spin_unlock(&f->vmo->lock);
}

/* The server writes into kernel memory; the user gets it only whole.  rc: what went wrong so far */
static long stat_end(struct request *r, int rc, uint64_t flags, uint32_t size, uaddr_t to)
{
	char buf[STATX_SIZE] = {0};

	if (!rc && r->dir && !r->dir->node) describe(r, r->dir);
	r->k.m.arg[1] = flags;
	r->k.m.lend[1] = (struct ipc_lend){(uint64_t)buf, size, LEND_WRITE};
	rc = request_end(r, rc, NAME_STAT);
	return rc ? rc : copy_out(to, buf, size);
}

static long stat_path(int dirfd, uaddr_t path, uint64_t flags, uint32_t size, uaddr_t to)
{
	struct request r;
	int rc = request_begin(&r, dirfd, path, flags & AT_EMPTY_PATH);

	return stat_end(&r, rc, flags, size, to);
}

static long stat_fd(int fd, uaddr_t to)
{
	struct request r;
	int rc = request_fd(&r, fd);

	return stat_end(&r, rc, AT_EMPTY_PATH, STAT_SIZE, to);
}

SYSCALL(stat) { return stat_path(AT_FDCWD, a0, 0, STAT_SIZE, a1); }
SYSCALL(lstat) { return stat_path(AT_FDCWD, a0, AT_SYMLINK_NOFOLLOW, STAT_SIZE, a1); }
SYSCALL(fstat) { return stat_fd(a0, a1); }

SYSCALL(newfstatat)
{
	if (a3 & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)) return -EINVAL;
	return stat_path(a0, a1, a3, STAT_SIZE, a2);
}

/* statx(2): all of STATX_BASIC_STATS is there, whatever was asked for. */
SYSCALL(statx)
{
	const uint32_t known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;

	if ((a2 & ~(uint64_t)known) || (a2 & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE || (a3 & STATX__RESERVED))
		return -EINVAL;
	return stat_path(a0, a1, a2, STATX_SIZE, a4);
}
