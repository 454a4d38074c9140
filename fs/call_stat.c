/* SPDX-License-Identifier: MIT */
/* fs/call_stat.c - RING 3 - stat(), statfs() and their kin, in Linux's structures.
 *
 * Path:  call.c > [call_stat.c] > vfs_attr.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "fs/call.h"

#ifndef STATX__RESERVED
#define STATX__RESERVED 0x80000000u
#endif
#define PIPEFS_MAGIC 0x50495045         /* linux/magic.h */
#define KERNEL_DEV   0xffffu            /* st_dev of what the kernel alone has: no mount's */

/* struct statx of linux/stat.h. */
struct xtime { int64_t sec; uint32_t nsec; int32_t pad; };
struct xstat {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad0;
	uint64_t ino, size, blocks, attributes_mask;
	struct xtime atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id, spare[13];
};
enum { XSTAT_BASIC = 0x7ff, XSTAT_MNT_ID = 0x1000, XSTAT_ATTR_MOUNT_ROOT = 0x2000 };

/* The structures that go out are the kernel's of Linux x86-64; musl's are laid out the same. */
_Static_assert(sizeof(struct stat) == 144, "struct stat is Linux's");
_Static_assert(sizeof(struct xstat) == 256, "struct statx is Linux's");
_Static_assert(sizeof(struct statfs) == 120, "struct statfs is Linux's");

static struct xtime xtime(const struct timespec *t)
{
	return (struct xtime){.sec = t->tv_sec, .nsec = (uint32_t)t->tv_nsec};
}

static struct xstat xstat_of(const struct stat *st, bool mount_root)
{
	return (struct xstat){
		.mask = XSTAT_BASIC | XSTAT_MNT_ID, .blksize = (uint32_t)st->st_blksize,
		.attributes = mount_root ? XSTAT_ATTR_MOUNT_ROOT : 0, .attributes_mask = XSTAT_ATTR_MOUNT_ROOT,
		.nlink = (uint32_t)st->st_nlink, .uid = st->st_uid, .gid = st->st_gid, .mode = (uint16_t)st->st_mode,
		.ino = st->st_ino, .size = (uint64_t)st->st_size, .blocks = (uint64_t)st->st_blocks,
		.atime = xtime(&st->st_atim), .ctime = xtime(&st->st_ctim), .mtime = xtime(&st->st_mtim),
		.rdev_major = major(st->st_rdev), .rdev_minor = minor(st->st_rdev),
		.dev_major = major(st->st_dev), .dev_minor = minor(st->st_dev), .mnt_id = st->st_dev,
	};
}

/* A pipe is the kernel's alone: it tells what it knows, the rest is the same for all. */
static struct stat stat_of_kernels(const struct call *c, const struct facts_fd *f)
{
	struct stat st = {.st_dev = KERNEL_DEV, .st_nlink = 1, .st_blksize = 4096};

	st.st_mode = f->mode;
	st.st_ino = f->node;
	st.st_uid = c->cred.uid;
	st.st_gid = c->cred.gid;
	st.st_atim = st.st_mtim = st.st_ctim = time_spec(now_ns());
	return st;
}

/* rc: of call_where() or where_fd() */
static bool is_kernels(int rc, const struct where *w) { return rc == -EBADF && !w->len && w->fd.kind != FACTS_FD_NODE; }

static long stat_give(const struct call *c, const struct stat *st, bool mount_root, bool extended, uint64_t to)
{
	struct xstat x;

	if (!extended) return mem_out(c, to, st, sizeof(*st));
	x = xstat_of(st, mount_root);
	return mem_out(c, to, &x, sizeof(x));
}

static long stat_where(const struct call *c, int rc, struct where *w, unsigned at_flags, bool extended, uint64_t to)
{
	struct stat st;
	struct vnode *vn;
	bool root;

	if (is_kernels(rc, w)) {
		st = stat_of_kernels(c, &w->fd);
		return stat_give(c, &st, false, extended, to);
	}
	if (!rc) rc = where_file(c, w, at_flags, &vn);
	if (rc) return rc;
	root = vn == vn->mnt->root;
	rc = vfs_stat(vn, &st);
	vnode_put(vn);
	return rc ? rc : stat_give(c, &st, root, extended, to);
}

static struct where at;

static long stat_at(const struct call *c, int dirfd, uint64_t path, uint64_t flags, bool extended, uint64_t to)
{
	int rc = call_where(c, dirfd, path, flags & AT_EMPTY_PATH, &at);

	return stat_where(c, rc, &at, (unsigned)flags, extended, to);
}

long call_stat(const struct call *c) { return stat_at(c, AT_FDCWD, c->arg[0], 0, false, c->arg[1]); }
long call_lstat(const struct call *c) { return stat_at(c, AT_FDCWD, c->arg[0], AT_SYMLINK_NOFOLLOW, false, c->arg[1]); }

long call_fstat(const struct call *c)
{
	return stat_where(c, where_fd(c, (int)c->arg[0], &at), &at, 0, false, c->arg[1]);
}

long call_newfstatat(const struct call *c)
{
	if (c->arg[3] & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)) return -EINVAL;
	return stat_at(c, (int)c->arg[0], c->arg[1], c->arg[3], false, c->arg[2]);
}

/* statx(2): all of STATX_BASIC_STATS is there, whatever was asked for. */
long call_statx(const struct call *c)
{
	const uint64_t known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;
	uint64_t flags = c->arg[2];

	if ((flags & ~known) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE || (c->arg[3] & STATX__RESERVED))
		return -EINVAL;
	return stat_at(c, (int)c->arg[0], c->arg[1], flags, true, c->arg[4]);
}

static long statfs_where(const struct call *c, int rc, struct where *w)
{
	struct statfs s = {.f_type = PIPEFS_MAGIC, .f_bsize = 4096, .f_namelen = 255};
	struct vnode *vn;

	if (is_kernels(rc, w)) return mem_out(c, c->arg[1], &s, sizeof(s));
	if (!rc) rc = where_file(c, w, 0, &vn);
	if (rc) return rc;
	rc = vfs_statfs(vn, &s);
	vnode_put(vn);
	return rc ? rc : mem_out(c, c->arg[1], &s, sizeof(s));
}

long call_statfs(const struct call *c) { return statfs_where(c, call_where(c, AT_FDCWD, c->arg[0], false, &at), &at); }
long call_fstatfs(const struct call *c) { return statfs_where(c, where_fd(c, (int)c->arg[0], &at), &at); }
