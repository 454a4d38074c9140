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
/* What a server found missing of its caller's memory, lent where it is: [addr, addr + len).  0, -EFAULT */
int pages_bring(struct map *, uaddr_t addr, uint64_t len, bool write);

#endif
