/* SPDX-License-Identifier: MIT */
/* kernel/sys_dir.c - RING 0 - system calls about directories, links, times and mounts: messages to the file server.
 *
 * Path:  syscall.c > [sys_dir.c] > name.h  ~message~>  fs/server.c
 * Locks: file->lock of a directory while its entries are read: the position moves with the entries.
 */
#include "kernel/name.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"

/* ---- two paths */

/* Old and new name, each with its directory: rename and link. */
static long name_two(uint32_t op, int olddir, uaddr_t old, int newdir, uaddr_t new, uint64_t flags)
{
	struct request r;
	int rc = request_begin(&r, olddir, old, flags & AT_EMPTY_PATH);

	if (!rc) rc = request_path(&r, 1, new);
	if (!rc) rc = request_dir(&r, 1, newdir, false);
	r.k.m.arg[2] = flags;
	return request_end(&r, rc, op);
}

SYSCALL(rename) { return name_two(NAME_RENAME, AT_FDCWD, a0, AT_FDCWD, a1, 0); }
SYSCALL(renameat) { return name_two(NAME_RENAME, a0, a1, a2, a3, 0); }

SYSCALL(renameat2) { return name_two(NAME_RENAME, a0, a1, a2, a3, (uint32_t)a4); }

SYSCALL(link) { return name_two(NAME_LINK, AT_FDCWD, a0, AT_FDCWD, a1, 0); }

SYSCALL(linkat)
{
	if (a4 & ~(uint64_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return -EINVAL;
	return name_two(NAME_LINK, a0, a1, a2, a3, a4);
}

static long symlink_at(uaddr_t target, int dirfd, uaddr_t path)
{
	struct request r;
	int rc = request_begin(&r, dirfd, path, false);

	if (!rc) rc = request_path(&r, 1, target);
	if (!rc && r.k.m.lend[1].len == 0) rc = -ENOENT;
	return request_end(&r, rc, NAME_SYMLINK);
}

SYSCALL(symlink) { return symlink_at(a0, AT_FDCWD, a1); }
SYSCALL(symlinkat) { return symlink_at(a0, a1, a2); }

/* ---- answers with bytes */

static long readlink_at(int dirfd, uaddr_t path, uaddr_t buf, uint64_t size)
{
	struct request r;
	char *out;
	long rc;

	if ((int64_t)size <= 0) return -EINVAL;
	out = kalloc(PATH_MAX);
	if (!out) return -ENOMEM;
	rc = request_begin(&r, dirfd, path, dirfd != AT_FDCWD);
	size = MIN(size, (uint64_t)PATH_MAX);
	r.k.m.lend[1] = (struct ipc_lend){(uint64_t)out, size, LEND_WRITE};
	rc = request_end(&r, rc, NAME_READLINK);
	if (!rc && r.k.m.arg[0] > size) rc = -EIO;
	if (!rc) rc = copy_out(buf, out, r.k.m.arg[0]);
	kfree(out);
	return rc ? rc : (long)r.k.m.arg[0];
}

SYSCALL(readlink) { return readlink_at(AT_FDCWD, a0, a1, a2); }
SYSCALL(readlinkat) { return readlink_at(a0, a1, a2, a3); }

/* One page of entries at a time.  => file->lock held */
static long dir_read(struct file *f, uaddr_t buf, uint64_t size, char *page)
{
	struct kmsg k = {.m = {.arg = {f->node, f->offset}}};
	int rc;

	size = MIN(size, PAGE_SIZE);
	k.m.lend[0] = (struct ipc_lend){(uint64_t)page, size, LEND_WRITE};
	rc = name_call(&k, NAME_READDIR, false);
	if (rc) return rc;
	if (k.m.arg[0] > size) return -EIO;
	if (copy_out(buf, page, k.m.arg[0])) return -EFAULT;
	f->offset = k.m.arg[1];
	return k.m.arg[0];
}

SYSCALL(getdents64)
{
	struct file *f = fd_get(a0);
	char *page;
	long rc;

	if (!f) return -EBADF;
	page = f->kind == FILE_DIR ? kalloc(PAGE_SIZE) : NULL;
	rc = f->kind != FILE_DIR ? -ENOTDIR : -ENOMEM;
	if (page) {
		mutex_lock(&f->lock);
		rc = dir_read(f, a1, a2, page);
		mutex_unlock(&f->lock);
		kfree(page);
	}
	file_put(f);
	return rc;
}

SYSCALL(getcwd)
{
	char *out = kalloc(PATH_MAX);
	struct file *cwd = cwd_get();
	struct kmsg k = {.m = {.arg = {cwd ? cwd->node : NODE_ROOT}}};
	long rc = -ENOMEM;

	if (out) {
		k.m.lend[0] = (struct ipc_lend){(uint64_t)out, PATH_MAX, LEND_WRITE};
		rc = name_call(&k, NAME_GETCWD, false);
	}
	if (!rc && k.m.arg[0] > PATH_MAX) rc = -EIO;
	if (!rc && k.m.arg[0] > a1) rc = -ERANGE;
	if (!rc) rc = copy_out(a0, out, k.m.arg[0]);
	if (cwd) file_put(cwd);
	kfree(out);
	return rc ? rc : (long)k.m.arg[0];
}

/* ---- the current directory */

/* at: where a process keeps the directory.  rc: what went wrong so far */
static int dir_set(struct file **at, struct file *f, int rc)
{
	struct proc *p = current_proc();
	struct file *old = f;

	if (!rc) {
		mutex_lock(&p->files_lock);
		old = *at;
		*at = f;
		if (at == &p->root) p->root_node = f->node;
		mutex_unlock(&p->files_lock);
	}
	if (old) file_put(old);
	return rc;
}

/* A directory that may be searched; reading it is another right. */
static int dir_open(uaddr_t path, struct file **f)
{
	char *s = kalloc(PATH_MAX);
	int rc = s ? copy_in_str(s, path, PATH_MAX) : -ENOMEM;

	*f = NULL;
	if (rc >= 0) rc = file_open(s, O_PATH | O_DIRECTORY, f);
	if (!rc) rc = file_may_exec(s);
	kfree(s);
	return rc;
}

SYSCALL(chdir)
{
	struct file *f;
	int rc = dir_open(a0, &f);

	return dir_set(&current_proc()->cwd, f, rc);
}

SYSCALL(chroot)
{
	struct file *f;
	int rc = dir_open(a0, &f);

	if (!rc && current_proc()->euid) rc = -EPERM;
	return dir_set(&current_proc()->root, f, rc);
}

SYSCALL(fchdir)
{
	struct request r;
	int rc = request_fd(&r, a0);
	struct file *f = r.dir[0];

	if (rc) return rc;
	file_ref(f);
	r.k.m.arg[1] = AT_EMPTY_PATH | AT_EACCESS;
	r.k.m.arg[2] = 1;               /* X_OK */
	rc = request_end(&r, f->kind == FILE_DIR ? 0 : -ENOTDIR, NAME_ACCESS);
	return dir_set(&current_proc()->cwd, f, rc);
}

SYSCALL(umask) { return __atomic_exchange_n(&current_proc()->umask, a0 & 0777, __ATOMIC_RELAXED); }

/* ---- times */

static int64_t time_arg(const struct timespec *ts)
{
	if (ts->nsec == UTIME_NOW) return NAME_TIME_NOW;
	if (ts->nsec == UTIME_OMIT) return NAME_TIME_OMIT;
	return ts->sec * 1000000000 + ts->nsec;
}

static bool time_ok(const struct timespec *ts)
{
	if (ts->nsec == UTIME_NOW || ts->nsec == UTIME_OMIT) return true;
	return ts->nsec >= 0 && ts->nsec < 1000000000 && ts->sec > -9000000000 && ts->sec < 9000000000;
}

/* path 0: the open file dirfd itself (futimens). */
static long utimens(int dirfd, uaddr_t path, const struct timespec ts[2], uint64_t flags)
{
	if (flags & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
	if (!time_ok(&ts[0]) || !time_ok(&ts[1])) return -EINVAL;
	if (!path && flags) return -EINVAL;
	if (!path) return name_fd(NAME_UTIMENS, dirfd, time_arg(&ts[0]), time_arg(&ts[1]));
	return name_simple(NAME_UTIMENS, dirfd, path, flags, time_arg(&ts[0]), time_arg(&ts[1]));
}

SYSCALL(utimensat)
{
	struct timespec ts[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};

	if (a2 && copy_in(ts, a2, sizeof(ts))) return -EFAULT;
	if (ts[0].nsec == UTIME_OMIT && ts[1].nsec == UTIME_OMIT) return 0;
	return utimens(a0, a1, ts, a3);
}

/* Microseconds.  dirfd, or a path that may be none (futimesat(2)) */
static long utimes_at(int dirfd, uaddr_t path, uaddr_t times)
{
	struct timespec ts[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	struct timeval tv[2];

	if (times && copy_in(tv, times, sizeof(tv))) return -EFAULT;
	for (int i = 0; i < 2 && times; i++) {
		if (tv[i].usec < 0 || tv[i].usec >= 1000000) return -EINVAL;
		ts[i] = (struct timespec){tv[i].sec, tv[i].usec * 1000};
	}
	return utimens(dirfd, path, ts, 0);
}

SYSCALL(utimes) { return a0 ? utimes_at(AT_FDCWD, a0, a1) : -EFAULT; }
SYSCALL(futimesat) { return utimes_at(a0, a1, a2); }

SYSCALL(utime)
{
	struct timespec ts[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	int64_t sec[2];

	if (!a0 || (a1 && copy_in(sec, a1, sizeof(sec)))) return -EFAULT;
	for (int i = 0; i < 2 && a1; i++) ts[i] = (struct timespec){sec[i], 0};
	return utimens(AT_FDCWD, a0, ts, 0);
}

/* ---- mounts */

SYSCALL(mount)
{
	struct request r = {0};
	char *both = kalloc(PAGE_SIZE);                         /* "source\0fstype" */
	int n, m, rc;

	if (!both) return -ENOMEM;
	n = a0 ? copy_in_str(both, a0, PAGE_SIZE / 2) : 0;
	m = n >= 0 && a2 ? copy_in_str(both + n + 1, a2, 64) : 0;
	rc = n < 0 ? n : m < 0 ? m : request_path(&r, 1, a1);
	r.k.m.lend[0] = (struct ipc_lend){(uint64_t)both, n + 1 + m, LEND_READ};
	if (!rc) rc = request_dir(&r, 0, AT_FDCWD, true);
	if (!rc) rc = request_dir(&r, 1, AT_FDCWD, false);
	if (a3 & MS_REMOUNT) sys_sync(0, 0, 0, 0, 0, 0);
	r.k.m.arg[2] = (a3 & 0xffff0000) == MS_MGC_VAL ? a3 & 0xffff : a3;
	rc = request_end(&r, rc, NAME_MOUNT);
	kfree(both);
	return rc;
}

/* What programs wrote goes to the disk first: pages that are owed would keep the file system busy. */
SYSCALL(umount2)
{
	sys_sync(0, 0, 0, 0, 0, 0);
	return name_simple(NAME_UMOUNT, AT_FDCWD, a0, 0, a1, 0);
}
