/* SPDX-License-Identifier: MIT */
/* fs/call_name.c - RING 3 - calls that make, remove, change and read names; what is in a directory.
 *
 * Path:  call.c > [call_name.c] > vfs_name.c, vfs_rename.c, vfs_dir.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>

#include "fs/call.h"

/* ---- one path */

static long make_dir(const struct call *c, int dirfd, uint64_t path, uint64_t mode)
{
	static struct where w;
	int rc = call_where(c, dirfd, path, false, &w);

	return rc ? rc : vfs_mkdir(w.start, w.path, w.len, mode & 07777 & ~c->who->umask, c->cred);
}

long call_mkdir(const struct call *c) { return make_dir(c, AT_FDCWD, c->arg[0], c->arg[1]); }
long call_mkdirat(const struct call *c) { return make_dir(c, (int)c->arg[0], c->arg[1], c->arg[2]); }

static long make_node(const struct call *c, int dirfd, uint64_t path, uint64_t mode)
{
	static struct where w;
	int rc = call_where(c, dirfd, path, false, &w);

	return rc ? rc : vfs_mknod(w.start, w.path, w.len, mode & ~c->who->umask & 0xffff, c->cred);
}

long call_mknod(const struct call *c) { return make_node(c, AT_FDCWD, c->arg[0], c->arg[1]); }
long call_mknodat(const struct call *c) { return make_node(c, (int)c->arg[0], c->arg[1], c->arg[2]); }

static long unlink_at(const struct call *c, int dirfd, uint64_t path, bool dir)
{
	static struct where w;
	int rc = call_where(c, dirfd, path, false, &w);

	return rc ? rc : vfs_unlink(w.start, w.path, w.len, dir, c->cred);
}

long call_unlink(const struct call *c) { return unlink_at(c, AT_FDCWD, c->arg[0], false); }
long call_rmdir(const struct call *c) { return unlink_at(c, AT_FDCWD, c->arg[0], true); }

long call_unlinkat(const struct call *c)
{
	if (c->arg[2] & ~(uint64_t)AT_REMOVEDIR) return -EINVAL;
	return unlink_at(c, (int)c->arg[0], c->arg[1], c->arg[2]);
}

/* ---- two paths: the old name, and the new one */

static long rename_at(const struct call *c, int olddir, uint64_t old, int newdir, uint64_t new, uint64_t flags)
{
	static struct where from, to;
	int rc = call_where(c, olddir, old, false, &from);

	if (!rc) rc = call_where(c, newdir, new, false, &to);
	if (rc) return rc;
	return vfs_rename((struct name_at){from.start, from.path, from.len},
	                  (struct name_at){to.start, to.path, to.len}, (unsigned)flags, c->cred);
}

long call_rename(const struct call *c) { return rename_at(c, AT_FDCWD, c->arg[0], AT_FDCWD, c->arg[1], 0); }

long call_renameat2(const struct call *c)
{
	return rename_at(c, (int)c->arg[0], c->arg[1], (int)c->arg[2], c->arg[3], c->arg[4]);
}

long call_renameat(const struct call *c)
{
	return rename_at(c, (int)c->arg[0], c->arg[1], (int)c->arg[2], c->arg[3], 0);
}

/* linkat() does not follow a last symlink, unless it is asked to: the contrary of all others.  AT_EMPTY_PATH wants a right
 * to read all (Linux). */
static long link_at(const struct call *c, int olddir, uint64_t old, int newdir, uint64_t new, unsigned flags)
{
	static struct where from, to;
	unsigned nofollow = flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW;
	struct vnode *target;
	int rc = call_where(c, olddir, old, flags & AT_EMPTY_PATH, &from);

	if (!rc) rc = call_where(c, newdir, new, false, &to);
	if (!rc && !from.len && c->cred.uid) rc = -ENOENT;
	if (!rc) rc = where_file(c, &from, nofollow, &target);
	if (rc) return rc;
	rc = vfs_link(target, to.start, to.path, to.len, c->cred);
	vnode_put(target);
	return rc;
}

long call_link(const struct call *c) { return link_at(c, AT_FDCWD, c->arg[0], AT_FDCWD, c->arg[1], 0); }

long call_linkat(const struct call *c)
{
	if (c->arg[4] & ~(uint64_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return -EINVAL;
	return link_at(c, (int)c->arg[0], c->arg[1], (int)c->arg[2], c->arg[3], (unsigned)c->arg[4]);
}

/* The target is any text but none: whether it leads somewhere is asked when somebody follows it. */
static long symlink_at(const struct call *c, uint64_t target, int dirfd, uint64_t path)
{
	static char text[PATH_MAX];
	static struct where w;
	int rc = call_where(c, dirfd, path, false, &w), n;

	if (rc) return rc;
	n = mem_text(c, text, target, PATH_MAX);
	if (n <= 0) return n ? n : -ENOENT;
	return vfs_symlink(w.start, w.path, w.len, text, (size_t)n, c->cred);
}

long call_symlink(const struct call *c) { return symlink_at(c, c->arg[0], AT_FDCWD, c->arg[1]); }
long call_symlinkat(const struct call *c) { return symlink_at(c, c->arg[0], (int)c->arg[1], c->arg[2]); }

/* ---- answers with bytes */

/* readlink(2) cuts, and says so by its result alone. */
static long readlink_at(const struct call *c, int dirfd, uint64_t path, uint64_t to, uint64_t size)
{
	static char target[PATH_MAX];
	unsigned empty_ok = dirfd != AT_FDCWD ? AT_EMPTY_PATH : 0;
	struct vnode *vn;
	size_t n = 0;
	int rc = (int64_t)size <= 0 ? -EINVAL : call_file(c, dirfd, path, AT_SYMLINK_NOFOLLOW | empty_ok, &vn);

	if (rc) return rc;
	rc = S_ISLNK(vn->mode) ? vn->ops->readlink(vn, target, sizeof(target), &n) : -EINVAL;
	vnode_put(vn);
	if (rc) return rc;
	if (n > size) n = size;
	return mem_out(c, to, target, n) ? -EFAULT : (long)n;
}

long call_readlink(const struct call *c) { return readlink_at(c, AT_FDCWD, c->arg[0], c->arg[1], c->arg[2]); }
long call_readlinkat(const struct call *c) { return readlink_at(c, (int)c->arg[0], c->arg[1], c->arg[2], c->arg[3]); }

/* The path is found by climbing, each time: no directory remembers its name, which a rename would make a lie. */
long call_getcwd(const struct call *c)
{
	static char buf[PATH_MAX];
	size_t n = 0;
	int rc = vfs_getcwd(vnode_by_number(c->cwd), cred_root(c->cred), buf, sizeof(buf), &n);

	if (!rc && n > c->arg[1]) rc = -ERANGE;
	if (rc) return rc;
	return mem_out(c, c->arg[0], buf, n) ? -EFAULT : (long)n;
}

/* The position is the file system's own (d_off of the last record): it stays good while entries come and go. */
long call_getdents64(const struct call *c)
{
	static char buf[32768];
	struct vnode *dir = vnode_by_number(c->who->fd_node);
	size_t len = c->arg[2] < sizeof(buf) ? c->arg[2] : sizeof(buf), used = 0;
	uint64_t next;
	int rc;

	if (!dir || !S_ISDIR(dir->mode)) return -ENOTDIR;
	rc = vfs_readdir(dir, c->who->file.offset, buf, len, &used, &next);
	if (rc) return rc;
	call_then(c, THEN_SEEK, next);
	return mem_out(c, c->arg[1], buf, used) ? -EFAULT : (long)used;
}
