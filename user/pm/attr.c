/* SPDX-License-Identifier: MIT */
/* user/pm/attr.c - RING 3 - calls about what a file is, beside stat(): its mode, owner, times; may I; its file system.
 *
 * Path:  main.c > [attr.c] > request.c  ~message~>  fs/srv_file.c, srv_stat.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <unistd.h>

#include "abi/name.h"
#include "user/pm/pm.h"

#define SEC_MAX 9000000000              /* that nanoseconds since the epoch can tell */

long pm_chmod(struct call *c) { return req_one(c, NAME_CHMOD, AT_FDCWD, c->arg[0], 0, c->arg[1] & 07777, 0); }
long pm_fchmodat(struct call *c) { return req_one(c, NAME_CHMOD, (int)c->arg[0], c->arg[1], 0, c->arg[2] & 07777, 0); }
long pm_fchmod(struct call *c) { return req_open(c, NAME_CHMOD, (int)c->arg[0], c->arg[1] & 07777, 0); }

static long chown_at(struct call *c, int dirfd, uint64_t path, uint64_t uid, uint64_t gid, uint64_t flags)
{
	return req_one(c, NAME_CHOWN, dirfd, path, flags, (uint32_t)uid, (uint32_t)gid);
}

long pm_chown(struct call *c) { return chown_at(c, AT_FDCWD, c->arg[0], c->arg[1], c->arg[2], 0); }
long pm_lchown(struct call *c) { return chown_at(c, AT_FDCWD, c->arg[0], c->arg[1], c->arg[2], AT_SYMLINK_NOFOLLOW); }
long pm_fchown(struct call *c) { return req_open(c, NAME_CHOWN, (int)c->arg[0], (uint32_t)c->arg[1], (uint32_t)c->arg[2]); }

long pm_fchownat(struct call *c)
{
	if (c->arg[4] & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
	return chown_at(c, (int)c->arg[0], c->arg[1], c->arg[2], c->arg[3], c->arg[4]);
}

static long access_at(struct call *c, int dirfd, uint64_t path, uint64_t mode, uint64_t flags)
{
	const uint64_t known = AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;

	if ((mode & ~(uint64_t)(R_OK | W_OK | X_OK)) || (flags & ~known)) return -EINVAL;
	return req_one(c, NAME_ACCESS, dirfd, path, flags, mode, 0);
}

long pm_access(struct call *c) { return access_at(c, AT_FDCWD, c->arg[0], c->arg[1], 0); }
long pm_faccessat(struct call *c) { return access_at(c, (int)c->arg[0], c->arg[1], c->arg[2], 0); }
long pm_faccessat2(struct call *c) { return access_at(c, (int)c->arg[0], c->arg[1], c->arg[2], c->arg[3]); }

/* ---- times */

static const struct timespec now = {0, UTIME_NOW};

static int64_t time_arg(const struct timespec *t)
{
	if (t->tv_nsec == UTIME_NOW) return NAME_TIME_NOW;
	if (t->tv_nsec == UTIME_OMIT) return NAME_TIME_OMIT;
	return t->tv_sec * 1000000000 + t->tv_nsec;
}

static bool time_ok(const struct timespec *t)
{
	if (t->tv_nsec == UTIME_NOW || t->tv_nsec == UTIME_OMIT) return true;
	return t->tv_nsec >= 0 && t->tv_nsec < 1000000000 && t->tv_sec > -SEC_MAX && t->tv_sec < SEC_MAX;
}

/* path 0: the open file dirfd itself (futimens). */
static long times_set(struct call *c, int dirfd, uint64_t path, const struct timespec t[2], uint64_t flags)
{
	uint64_t atime, mtime;

	if (flags & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
	if (!time_ok(&t[0]) || !time_ok(&t[1])) return -EINVAL;
	if (!path && flags) return -EINVAL;
	atime = (uint64_t)time_arg(&t[0]);
	mtime = (uint64_t)time_arg(&t[1]);
	if (!path) return req_open(c, NAME_UTIMENS, dirfd, atime, mtime);
	return req_one(c, NAME_UTIMENS, dirfd, path, flags, atime, mtime);
}

long pm_utimensat(struct call *c)
{
	struct timespec t[2] = {now, now};

	if (c->arg[2] && mem_in(c, t, c->arg[2], sizeof(t))) return -EFAULT;
	if (t[0].tv_nsec == UTIME_OMIT && t[1].tv_nsec == UTIME_OMIT) return 0;
	return times_set(c, (int)c->arg[0], c->arg[1], t, c->arg[3]);
}

/* Microseconds.  dirfd, or a path that may be none (futimesat(2)) */
static long utimes_at(struct call *c, int dirfd, uint64_t path, uint64_t times)
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

long pm_utimes(struct call *c) { return c->arg[0] ? utimes_at(c, AT_FDCWD, c->arg[0], c->arg[1]) : -EFAULT; }
long pm_futimesat(struct call *c) { return utimes_at(c, (int)c->arg[0], c->arg[1], c->arg[2]); }

long pm_utime(struct call *c)
{
	struct timespec t[2] = {now, now};
	int64_t sec[2];

	if (!c->arg[0] || (c->arg[1] && mem_in(c, sec, c->arg[1], sizeof(sec)))) return -EFAULT;
	for (int i = 0; i < 2 && c->arg[1]; i++) t[i] = (struct timespec){sec[i], 0};
	return times_set(c, AT_FDCWD, c->arg[0], t, 0);
}

/* ---- statfs */

/* rc: what went wrong so far.  The caller gets the structure only whole. */
static long statfs_end(struct call *c, long rc)
{
	struct statfs s;

	req.m.lend[1] = (struct ipc_lend){(uint64_t)&s, sizeof(s), LEND_WRITE};
	rc = req_send(c, rc, NAME_STATFS);
	return rc ? rc : mem_out(c, c->arg[1], &s, sizeof(s));
}

long pm_statfs(struct call *c)
{
	req_begin();
	return statfs_end(c, req_path(c, AT_FDCWD, c->arg[0], false));
}

long pm_fstatfs(struct call *c)
{
	req_begin();
	return statfs_end(c, req_fd(c, (int)c->arg[0], true));
}
