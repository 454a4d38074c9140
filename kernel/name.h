/* SPDX-License-Identifier: MIT */
/* kernel/name.h - RING 0 - requests to the file server (abi/name.h): paths copied in, directories found, one message.
 *
 * Use: request_begin() copies the path and finds its directory; arguments go to r.k.m.arg; request_end() sends and
 *      lets go of all.  It takes what went wrong so far, so that a system call is three lines.
 */
#ifndef KERNEL_NAME_H
#define KERNEL_NAME_H

#include "abi/name.h"
#include "kernel/file.h"

/* A message with up to two paths, each lent from kernel memory: the file server never sees a path change under it.  The
 * first, if it is short, is in the message. */
struct request {
	struct kmsg k;
	struct file *dir[2];            /* references; NULL: the root, or none */
	char *big[2];                   /* for paths that do not fit below */
	char small[IPC_TEXT];           /* path 1 */
};

int request_begin(struct request *, int dirfd, uaddr_t path, bool empty_ok);    /* path 0, from arg[0] on */
int request_path(struct request *, int i, uaddr_t path);        /* into lend[i].  -EFAULT, -ENAMETOOLONG, -ENOMEM */
int request_dir(struct request *, int i, int dirfd, bool empty_ok);     /* its start into arg[i].  -EBADF, -ENOTDIR */
int request_fd(struct request *, int fd);               /* path 0 is the open file itself.  -EBADF */
int request_end(struct request *, int rc, uint32_t op);

/* One path, up to three plain arguments; AT_EMPTY_PATH in the flags allows "".  The same on an open file itself. */
int name_simple(uint32_t op, int dirfd, uaddr_t path, uint64_t flags, uint64_t x, uint64_t y);
int name_fd(uint32_t op, int fd, uint64_t x, uint64_t y);
int name_sync(uint64_t node);                           /* metadata to the disk; 0: of everything */

/* filedev.c: one message with the caller's identity.  0, the reply's status, -EIO, -ERESTART (interruptible) */
int name_call(struct kmsg *, uint32_t op, bool interruptible);

#endif
