/* SPDX-License-Identifier: MIT */
/* fs/call_attr.c - RING 3 - calls about what a file is, beside stat(): its mode, owner, times; may I.
 *
 * Path:  call.c > [call_attr.c] > vfs_attr.c, where the rules of each change are, vfs_perm.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "fs/call.h"

#define SEC_MAX 9000000000              /* that nanoseconds since the epoch can tell */

/* rc, vn: of call_file() or call_fd(), whose reference ends here. */
static long mode_set(const struct call *c, int rc, struct vnode *vn, uint64_t mode)
{
	if (rc) return rc;
	rc = vfs_chmod(vn, mode & 07777, c->cred);
	vnode_put(vn);
	return rc;
}

static long chmod_at(const struct call *c, int dirfd, uint64_t path, uint64_t mode)
{
	struct vnode *vn;
	int rc = call_file(c, dirfd, path, 0, &vn);

	return mode_set(c, rc, vn, mode);
}

long call_chmod(const struct call *c) { return chmod_at(c, AT_FDCWD, c->arg[0], c->arg[1]); }
long call_fchmodat(const struct call *c) { return chmod_at(c, (int)c->arg[0], c->arg[1], c->arg[2]); }

long call_fchmod(const struct call *c)
{
	struct vnode *vn;
	int rc = call_fd(c, (int)c->arg[0], &vn);

	return mode_set(c, rc, vn, c->arg[1]);
}

/* The same. */
static long owner_set(const struct call *c, int rc, struct vnode *vn, uint64_t uid, uint64_t gid)
{
	if (rc) return rc;
	rc = vfs_chown(vn, (uint32_t)uid, (uint32_t)gid, c->cred);
	vnode_put(vn);
	return rc;
}

static long chown_at(const struct call *c, int dirfd, uint64_t path, uint64_t uid, uint64_t gid, unsigned flags)
{
	struct vnode *vn;
	int rc = call_file(c, dirfd, path, flags, &vn);

	return owner_set(c, rc, vn, uid, gid);
}

long call_chown(const struct call *c) { return chown_at(c, AT_FDCWD, c->arg[0], c->arg[1], c->arg[2], 0); }

long call_lchown(const struct call *c)
{
	return chown_at(c, AT_FDCWD, c->arg[0], c->arg[1], c->arg[2], AT_SYMLINK_NOFOLLOW);
}

long call_fchownat(const struct call *c)
{
	if (c->arg[4] & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
	return chown_at(c, (int)c->arg[0], c->arg[1], c->arg[2], c->arg[3], (unsigned)c->arg[4]);
}

long call_fchown(const struct call *c)
{
	struct vnode *vn;
	int rc = call_fd(c, (int)c->arg[0], &vn);

	return owner_set(c, rc, vn, c->arg[1], c->arg[2]);
}

/* POSIX access(): by the real ids, on the way there too.  Mode 0, F_OK: that it is there is enough. */
static long access_at(const struct call *c, int dirfd, uint64_t path, uint64_t mode, uint64_t flags)
{
	const uint64_t known = AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
	struct call real = *c;
	struct vnode *vn;
	int rc;

	if ((mode & ~(uint64_t)(R_OK | W_OK | X_OK)) || (flags & ~known)) return -EINVAL;
	if (!(flags & AT_EACCESS)) real.cred.uid = c->who->uid, real.cred.gid = c->who->gid;
	vfs_caller.cred = real.cred;
	rc = call_file(&real, dirfd, path, (unsigned)flags, &vn);
	if (rc) return rc;
	rc = perm_check(vn, (unsigned)mode, real.cred);
	vnode_put(vn);
	return rc;
}

long call_access(const struct call *c) { return access_at(c, AT_FDCWD, c->arg[0], c->arg[1], 0); }
long call_faccessat(const struct call *c) { return access_at(c, (int)c->arg[0], c->arg[1], c->arg[2], 0); }
long call_faccessat2(const struct call *c) { return access_at(c, (int)c->arg[0], c->arg[1], c->arg[2], c->arg[3]); }

/* ---- times */

static const struct timespec now = {0, UTIME_NOW};

static int64_t time_arg(const struct timespec *t)
{
	if (t->tv_nsec == UTIME_NOW) return TIME_NOW;
	if (t->tv_nsec == UTIME_OMIT) return TIME_OMIT;
	return t->tv_sec * 1000000000 + t->tv_nsec;
}

static bool time_ok(const struct timespec *t)
{
	if (t->tv_nsec == UTIME_NOW || t->tv_nsec == UTIME_OMIT) return true;
	return t->tv_nsec >= 0 && t->tv_nsec < 1000000000 && t->tv_sec > -SEC_MAX && t->tv_sec < SEC_MAX;
}

/* path 0: the open file dirfd itself (futimens). */
static long times_set(const struct call *c, int dirfd, uint64_t path, const struct timespec t[2], uint64_t flags)
{
	struct vnode *vn;
	int rc;

	if (flags & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
	if (!time_ok(&t[0]) || !time_ok(&t[1])) return -EINVAL;
	if (!path && flags) return -EINVAL;
	rc = path ? call_file(c, dirfd, path, (unsigned)flags, &vn) : call_fd(c, dirfd, &vn);
	if (rc) return rc;
	rc = vfs_utimens(vn, time_arg(&t[0]), time_arg(&t[1]), c->cred);
	vnode_put(vn);
	return rc;
}

long call_utimensat(const struct call *c)
{
	struct timespec t[2] = {now, now};

	if (c->arg[2] && mem_in(c, t, c->arg[2], sizeof(t))) return -EFAULT;
	if (t[0].tv_nsec == UTIME_OMIT && t[1].tv_nsec == UTIME_OMIT) return 0;
	return times_set(c, (int)c->arg[0], c->arg[1], t, c->arg[3]);
}

/* Microseconds.  dirfd, or a path that may be none (futimesat(2)) */
static long utimes_at(const struct call *c, int dirfd, uint64_t path, uint64_t times)
{
	struct timespec t[2] = {now, now};
	struct timeval v[2];

	if (times && mem_in(c, v, times, sizeof(v))) return -EFAULT;
	for (int i = 0; i < 2 && times; i++) {
		if (v[i].tv_usec < 0 || v[i].tv_usec >= 1000000) return -EINVAL;
		t[i] = (struct timespec){v[i].tv_sec, v[i].tv_usec * 1000};
	}
	return times_set(c, dirfd, path, t, 0);
}

long call_utimes(const struct call *c) { return c->arg[0] ? utimes_at(c, AT_FDCWD, c->arg[0], c->arg[1]) : -EFAULT; }
long call_futimesat(const struct call *c) { return utimes_at(c, (int)c->arg[0], c->arg[1], c->arg[2]); }

long call_utime(const struct call *c)
{
	struct timespec t[2] = {now, now};
	int64_t sec[2];

	if (!c->arg[0] || (c->arg[1] && mem_in(c, sec, c->arg[1], sizeof(sec)))) return -EFAULT;
	for (int i = 0; i < 2 && c->arg[1]; i++) t[i] = (struct timespec){sec[i], 0};
	return times_set(c, AT_FDCWD, c->arg[0], t, 0);
}
