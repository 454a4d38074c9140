/* SPDX-License-Identifier: MIT */
/* kernel/forward.h - RING 0 - system calls that the process manager answers. */
#ifndef KERNEL_FORWARD_H
#define KERNEL_FORWARD_H

#include "kernel/klib.h"

struct kmsg;
struct map;
struct port;

extern struct port *pm_port, *names_port, *exec_port;   /* its processes', from the start; dead when they are */
/* PM_CALL with k, of which at most the target is set.  0: answered, k->obj are the caller's; -EINTR, -EIO, -EFAULT */
int forward_call(struct port *, const uint64_t arg[6], struct kmsg *k);
int pages_bring(struct map *, uaddr_t addr, uint64_t len, bool write); /* what it found missing.  0, -EFAULT */

#endif
