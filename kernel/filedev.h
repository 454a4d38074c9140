/* SPDX-License-Identifier: MIT */
/* kernel/filedev.h - RING 0 - descriptors that are not memory: devices of the file server, and the kernel's log. */
#ifndef KERNEL_FILEDEV_H
#define KERNEL_FILEDEV_H

#include "kernel/file.h"

/* Bytes done or -errno; the buffer is a user's (kbuf NULL) or, for writing, the kernel's. */
int64_t device_rw(struct file *, uaddr_t buf, const char *kbuf, uint64_t len, bool write);
int device_poll(struct file *);                         /* POLL* that hold now */
int64_t log_write(struct file *, uaddr_t buf, const char *kbuf, uint64_t len);

#endif
