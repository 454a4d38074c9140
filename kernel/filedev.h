/* SPDX-License-Identifier: MIT */
/* kernel/filedev.h - RING 0 - descriptors that are not memory: devices of the file server, and the kernel's log. */
#ifndef KERNEL_FILEDEV_H
#define KERNEL_FILEDEV_H

#include "kernel/file.h"

void device_open(struct file *);                        /* it is one */
struct file *log_open(void);                            /* NULL: no memory */

#endif
