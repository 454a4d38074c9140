/* SPDX-License-Identifier: MIT */
/* kernel/forward.h - RING 0 - system calls that servers answer. */
#ifndef KERNEL_FORWARD_H
#define KERNEL_FORWARD_H

#include "kernel/klib.h"

struct kmsg;
struct port;

extern struct port *pm_port, *exec_port;        /* the process manager's, from the start; dead when it is */
/* A call as the current process made it, whose memory is lent whole if k lends nothing: its result or -errno (-EIO: the
 * server is dead); k is the reply, with references (KMSG_HELD).  interruptible: the end of the caller withdraws it
 * (-ERESTART), and other signals if the server says so (O2). */
long forward(struct port *, struct kmsg *k, bool interruptible);
/* The current call, with these arguments, to a process of the process manager; k may have a target. */
long pm_forward(struct port *, struct kmsg *k, const uint64_t arg[6]);
/* To the file server, with who asks.  -EDEADLK: it does */
long name_call(struct kmsg *k, uint32_t op, bool interruptible);
long name_forward(struct kmsg *k, bool interruptible);  /* the current call, with these arguments */

#endif
