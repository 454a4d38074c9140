/* SPDX-License-Identifier: MIT */
/* fs/srv_file.c - RING 3 - the name protocol (abi/name.h): messages about files that exist.
 *
 * Path:  user/pm/attr.c, name.c, kernel/sys_name.c  ~message~>  server.c > [srv_file.c] > vfs_attr.c, vfs_dir.c
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "abi/name.h"
#include "fs/server.h"

#define READDIR_MAX 32768u      /* bytes of records in one reply */

/* Rights are checked below, in vfs_attr.c, where the rules of each change are. */
static int file_chmod(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;
	int rc = msg_file(in, in->arg[1], &vn);

	(void)out;
	if (rc) return rc;
	rc = vfs_chmod(vn, in->arg[2], msg_cred(in));
	vnode_put(vn);
	return rc;
}

static int file_chown(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;
	int rc = msg_file(in, in->arg[1], &vn);

	(void)out;
	if (rc) return rc;
	rc = vfs_chown(vn, in->arg[2], in->arg[3], msg_cred(in));
	vnode_put(vn);
	return rc;
}

static int file_written(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn = vnode_by_number(in->arg[0]);

	(void)out;
	return vn ? vfs_written(vn) : -EBADF;
}

static int file_utimens(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;
	int rc = msg_file(in, in->arg[1], &vn);

	(void)out;
	if (rc) return rc;
	rc = vfs_utimens(vn, (int64_t)in->arg[2], (int64_t)in->arg[3], msg_cred(in));
	vnode_put(vn);
	return rc;
}

/* POSIX access(): by the real ids, on the way there too; the kernel sends these then. */
static int file_access(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;
	int rc;

	(void)out;
	if (in->arg[2] & ~7ull) return -EINVAL;
	rc = msg_file(in, in->arg[1], &vn);
	if (rc) return rc;
	rc = perm_check(vn, in->arg[2], msg_cred(in));          /* 0, F_OK: that it is there is enough */
	vnode_put(vn);
	return rc;
}

/* The position is the file system's own (d_off of the last record): it stays good while entries come and go. */
static int file_readdir(const struct ipc_msg *in, struct ipc_msg *out)
{
	static char buf[READDIR_MAX];
	struct vnode *dir = vnode_by_number(in->arg[0]);
	size_t len = in->lend[0].len < sizeof(buf) ? in->lend[0].len : sizeof(buf), used = 0;
	uint64_t next = 0;
	int rc;

	if (!dir) return -EBADF;
	rc = vfs_readdir(dir, in->arg[1], buf, len, &used, &next);
	if (!rc && used) rc = q_lend_write(in->token, 0, 0, buf, used);
	out->arg[0] = used;
	out->arg[1] = next;
	return rc;
}

/* The path is found by climbing, each time: no directory remembers its name, which a rename would make a lie. */
static int file_getcwd(const struct ipc_msg *in, struct ipc_msg *out)
{
	static char buf[PATH_MAX];
	struct vnode *dir = msg_node(in, in->arg[0]);
	size_t len = in->lend[0].len < sizeof(buf) ? in->lend[0].len : sizeof(buf), n = 0;
	int rc = dir ? vfs_getcwd(dir, cred_root(msg_cred(in)), buf, len, &n) : -EBADF;

	if (rc) return rc;
	out->arg[0] = n;
	return q_lend_write(in->token, 0, 0, buf, n);
}

/* The data has been written by the kernel already.  A node stands for its whole file system: a directory's entries,
 * their inodes and bitmaps have an order that only all of it together keeps. */
static int file_sync(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;

	(void)out;
	if (in->arg[0] == 0) return vfs_sync(true);
	vn = vnode_by_number(in->arg[0]);
	if (!vn) return -EBADF;
	return vn->ops->sync && !vn->mnt->readonly ? vn->ops->sync(vn->mnt, true) : 0;
}

handler srv_file_handler(uint32_t op)
{
	switch (op) {
	case NAME_CHMOD:   return file_chmod;
	case NAME_CHOWN:   return file_chown;
	case NAME_UTIMENS: return file_utimens;
	case NAME_WRITTEN: return file_written;
	case NAME_ACCESS:  return file_access;
	case NAME_READDIR: return file_readdir;
	case NAME_GETCWD:  return file_getcwd;
	case NAME_SYNC:    return file_sync;
	default:           return NULL;
	}
}
