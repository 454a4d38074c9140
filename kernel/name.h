/* SPDX-License-Identifier: MIT */
/* kernel/name.h - RING 0 - requests to the file server (abi/name.h): a path copied in, its directory found, one message.
 *
 * Use: request_begin() copies the path and finds its directory; arguments go to r.k.m.arg; request_end() sends and
 *      lets go of all.  It takes what went wrong so far, so that a system call is three lines.  Calls that give no object
 *      are sent by the process manager (user/pm/request.c).
 */
#ifndef KERNEL_NAME_H
#define KERNEL_NAME_H

#include "abi/name.h"
#include "kernel/file.h"

/* A message with a path, lent from kernel memory or, if it is short, in the message: the file server never sees it
 * change under it. */
struct request {
	struct kmsg k;
	struct file *dir;               /* a reference; NULL: the root, or none */
	char *big;                      /* for a path that does not fit into the message */
};

/* -EFAULT, -ENAMETOOLONG, -ENOMEM, -ENOENT: it is empty and may not be; -EBADF, -ENOTDIR */
int request_begin(struct request *, int dirfd, uaddr_t path, bool empty_ok);
int request_fd(struct request *, int fd);               /* the open file itself.  -EBADF */
int request_end(struct request *, int rc, uint32_t op);

int name_sync(uint64_t node);                           /* metadata to the disk; 0: of everything */

/* filedev.c: one message with the caller's identity.  0, the reply's status, -EIO, -ERESTART (interruptible) */
int name_call(struct kmsg *, uint32_t op, bool interruptible);

#endif
