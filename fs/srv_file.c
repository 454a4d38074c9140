/* SPDX-License-Identifier: MIT */
/* fs/srv_file.c - RING 3 - the name protocol (abi/name.h): messages about files that are open.
 *
 * Path:  kernel/sys_name.c  ~message~>  server.c > [srv_file.c] > vfs_attr.c, vfs_perm.c
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "abi/name.h"
#include "fs/server.h"

static int file_written(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn = vnode_by_number(in->arg[0]);

	(void)out;
	return vn ? vfs_written(vn) : -EBADF;
}

/* fsync() of a directory.  A node stands for its whole file system: a directory's entries,
 * their inodes and bitmaps have an order that only all of it together keeps. */
static int file_sync(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;

	(void)out;
	vn = vnode_by_number(in->arg[0]);
	if (!vn) return -EBADF;
	return vn->ops->sync && !vn->mnt->readonly ? vn->ops->sync(vn->mnt, true) : 0;
}

handler srv_file_handler(uint32_t op)
{
	switch (op) {
	case NAME_WRITTEN: return file_written;
	case NAME_SYNC:    return file_sync;
	default:           return NULL;
	}
}
