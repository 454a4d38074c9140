/* SPDX-License-Identifier: MIT */
/* fs/srv_stat.c - RING 3 - the name protocol (abi/name.h): NAME_STAT and NAME_STATFS, in Linux's structures.
 *
 * Path:  kernel/sys_name.c, user/pm/attr.c  ~message~>  server.c > [srv_stat.c] > vfs_attr.c
 * Node 0 is a pipe, the kernel's alone: it tells what it knows, the rest is the same for all.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/statfs.h>

#include "abi/name.h"
#include "fs/server.h"

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

static bool is_kernels(const struct ipc_msg *in)
{
	return in->arg[0] == 0 && (in->arg[1] & AT_EMPTY_PATH) && in->lend[0].len == 0;
}

static struct stat stat_of_kernels(const struct ipc_msg *in)
{
	struct stat st = {.st_dev = KERNEL_DEV, .st_nlink = 1, .st_blksize = 4096};

	st.st_mode = (mode_t)in->arg[2];
	st.st_ino = in->arg[2] >> 32;
	st.st_uid = msg_cred(in).uid;
	st.st_gid = msg_cred(in).gid;
	st.st_atim = st.st_mtim = st.st_ctim = time_spec(now_ns());
	return st;
}

/* stat, lstat, fstat, fstatat, statx: one message; the at-flags and the room for the answer tell them apart. */
static int file_stat(const struct ipc_msg *in, struct ipc_msg *out)
{
	bool root = false;
	struct xstat x;
	struct stat st;
	struct vnode *vn;
	int rc = is_kernels(in) ? 0 : msg_file(in, in->arg[1], &vn);

	(void)out;
	if (rc) return rc;
	if (is_kernels(in)) {
		st = stat_of_kernels(in);
	} else {
		root = vn == vn->mnt->root;
		rc = vfs_stat(vn, &st);
		vnode_put(vn);
	}
	if (rc) return rc;
	if (in->lend[1].len != sizeof(x)) return dev_give(in, 1, &st, sizeof(st));
	x = xstat_of(&st, root);
	return dev_give(in, 1, &x, sizeof(x));
}

static int file_statfs(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct statfs s = {.f_type = PIPEFS_MAGIC, .f_bsize = 4096, .f_namelen = 255};
	struct vnode *vn;
	int rc;

	(void)out;
	if (is_kernels(in)) return dev_give(in, 1, &s, sizeof(s));
	rc = msg_file(in, in->arg[1], &vn);
	if (rc) return rc;
	rc = vfs_statfs(vn, &s);
	vnode_put(vn);
	return rc ? rc : dev_give(in, 1, &s, sizeof(s));
}

handler srv_stat_handler(uint32_t op)
{
	return op == NAME_STAT ? file_stat : op == NAME_STATFS ? file_statfs : NULL;
}
