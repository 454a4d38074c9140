/* SPDX-License-Identifier: MIT */
/* fs/srv_file.c - RING 3 - the name protocol (abi/name.h): a file that runs as its owner is going to be written to.
 *
 * Path:  kernel/sys_file.c  ~message~>  server.c > [srv_file.c] > vfs_attr.c
 */
#include <errno.h>

#include "abi/name.h"
#include "fs/server.h"

static int file_written(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn = vnode_by_number(in->arg[0]);

	(void)out;
	return vn ? vfs_written(vn) : -EBADF;
}

handler srv_file_handler(uint32_t op) { return op == NAME_WRITTEN ? file_written : NULL; }
