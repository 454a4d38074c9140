/* SPDX-License-Identifier: MIT */
/* user/pm/name.c - RING 3 - calls that make, remove, change and read names; mounts.
 *
 * Path:  main.c > [name.c] > request.c  ~message~>  fs/srv_name.c, srv_mount.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/name.h"
#include "user/pm/pm.h"

#define MGC_VAL  0xc0ed0000u            /* what mount(2) once wanted in its flags */
#define MGC_MASK 0xffff0000u
#define SOURCE_MAX 2048
#define TYPE_MAX 64

/* ---- one path */

static long make_dir(struct call *c, int dirfd, uint64_t path, uint64_t mode)
{
	return req_one(c, NAME_MKDIR, dirfd, path, 0, mode & 07777 & ~c->me.umask, 0);
}

long pm_mkdir(struct call *c) { return make_dir(c, AT_FDCWD, c->arg[0], c->arg[1]); }
long pm_mkdirat(struct call *c) { return make_dir(c, (int)c->arg[0], c->arg[1], c->arg[2]); }

static long make_node(struct call *c, int dirfd, uint64_t path, uint64_t mode, uint64_t dev)
{
	return req_one(c, NAME_MKNOD, dirfd, path, dev, mode & ~c->me.umask & 0xffff, 0);
}

long pm_mknod(struct call *c) { return make_node(c, AT_FDCWD, c->arg[0], c->arg[1], c->arg[2]); }
long pm_mknodat(struct call *c) { return make_node(c, (int)c->arg[0], c->arg[1], c->arg[2], c->arg[3]); }

long pm_unlink(struct call *c) { return req_one(c, NAME_UNLINK, AT_FDCWD, c->arg[0], 0, 0, 0); }
long pm_rmdir(struct call *c) { return req_one(c, NAME_UNLINK, AT_FDCWD, c->arg[0], AT_REMOVEDIR, 0, 0); }

long pm_unlinkat(struct call *c)
{
	if (c->arg[2] & ~(uint64_t)AT_REMOVEDIR) return -EINVAL;
	return req_one(c, NAME_UNLINK, (int)c->arg[0], c->arg[1], c->arg[2], 0, 0);
}

/* ---- two paths */

/* Old and new name, each with its directory: rename and link. */
static long two(struct call *c, uint32_t op, int olddir, uint64_t old, int newdir, uint64_t new, uint64_t flags)
{
	int rc;

	req_begin();
	rc = req_path(c, olddir, old, flags & AT_EMPTY_PATH);
	if (!rc) rc = req_path(c, newdir, new, false);
	req.m.arg[2] = flags;
	return req_send(c, rc, op);
}

static long rename_at(struct call *c, uint64_t flags)
{
	return two(c, NAME_RENAME, (int)c->arg[0], c->arg[1], (int)c->arg[2], c->arg[3], flags);
}

long pm_rename(struct call *c) { return two(c, NAME_RENAME, AT_FDCWD, c->arg[0], AT_FDCWD, c->arg[1], 0); }
long pm_renameat(struct call *c) { return rename_at(c, 0); }
long pm_renameat2(struct call *c) { return rename_at(c, (uint32_t)c->arg[4]); }

long pm_link(struct call *c) { return two(c, NAME_LINK, AT_FDCWD, c->arg[0], AT_FDCWD, c->arg[1], 0); }

long pm_linkat(struct call *c)
{
	if (c->arg[4] & ~(uint64_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return -EINVAL;
	return two(c, NAME_LINK, (int)c->arg[0], c->arg[1], (int)c->arg[2], c->arg[3], c->arg[4]);
}

/* The target is any text but none, and begins nowhere. */
static long symlink_at(struct call *c, uint64_t target, int dirfd, uint64_t path)
{
	int rc, n;

	req_begin();
	rc = req_path(c, dirfd, path, false);
	if (rc) return rc;
	n = mem_text(c, req.path[1], target, PATH_MAX);
	req.m.lend[1] = (struct ipc_lend){(uint64_t)req.path[1], (uint64_t)n, LEND_READ};
	return req_send(c, n < 0 ? n : n ? 0 : -ENOENT, NAME_SYMLINK);
}

long pm_symlink(struct call *c) { return symlink_at(c, c->arg[0], AT_FDCWD, c->arg[1]); }
long pm_symlinkat(struct call *c) { return symlink_at(c, c->arg[0], (int)c->arg[1], c->arg[2]); }

/* ---- answers with bytes */

/* The reply's, of which there are at most `size`. */
static long give(const struct call *c, uint64_t to, uint64_t size)
{
	uint64_t n = req.m.arg[0];

	if (n > size) return -EIO;
	return mem_out(c, to, req.path[1], n) ? -EFAULT : (long)n;
}

static long readlink_at(struct call *c, int dirfd, uint64_t path, uint64_t to, uint64_t size)
{
	long rc;

	if ((int64_t)size <= 0) return -EINVAL;
	if (size > PATH_MAX) size = PATH_MAX;
	req_begin();
	rc = req_path(c, dirfd, path, dirfd != AT_FDCWD);
	req.m.lend[1] = (struct ipc_lend){(uint64_t)req.path[1], size, LEND_WRITE};
	rc = req_send(c, rc, NAME_READLINK);
	return rc ? rc : give(c, to, size);
}

long pm_readlink(struct call *c) { return readlink_at(c, AT_FDCWD, c->arg[0], c->arg[1], c->arg[2]); }
long pm_readlinkat(struct call *c) { return readlink_at(c, (int)c->arg[0], c->arg[1], c->arg[2], c->arg[3]); }

long pm_getcwd(struct call *c)
{
	long rc;

	req_begin();
	req.path[0][0] = 0;
	rc = req_start(c, AT_FDCWD);
	req.m.lend[0] = (struct ipc_lend){(uint64_t)req.path[1], PATH_MAX, LEND_WRITE};
	rc = req_send(c, rc, NAME_GETCWD);
	if (!rc && req.m.arg[0] > c->arg[1]) rc = -ERANGE;
	return rc ? rc : give(c, c->arg[0], PATH_MAX);
}

/* ---- mounts: what programs wrote goes to the disk first; pages that are owed would keep the file system busy */

/* "source\0fstype", either may be missing.  Its length, -EFAULT, -ENAMETOOLONG */
static int mount_what(const struct call *c, char *to)
{
	int n = c->arg[0] ? mem_text(c, to, c->arg[0], SOURCE_MAX) : 0, m;

	if (n < 0) return n;
	to[n] = to[n + 1] = 0;
	m = c->arg[2] ? mem_text(c, to + n + 1, c->arg[2], TYPE_MAX) : 0;
	return m < 0 ? m : n + 1 + m;
}

long pm_mount(struct call *c)
{
	uint64_t flags = c->arg[3];
	int n, rc;

	req_begin();
	n = mount_what(c, req.path[0]);
	if (n < 0) return n;
	req.m.lend[0] = (struct ipc_lend){(uint64_t)req.path[0], (uint64_t)n, LEND_READ};
	rc = req_start(c, AT_FDCWD);
	if (!rc) rc = req_path(c, AT_FDCWD, c->arg[1], false);
	if (!rc && (flags & MS_REMOUNT) && !c->me.attr.fsuid) sync();
	req.m.arg[2] = (flags & MGC_MASK) == MGC_VAL ? flags & ~(uint64_t)MGC_MASK : flags;
	return req_send(c, rc, NAME_MOUNT);
}

long pm_umount2(struct call *c)
{
	if (!c->me.attr.fsuid) sync();
	return req_one(c, NAME_UMOUNT, AT_FDCWD, c->arg[0], 0, c->arg[1], 0);
}
