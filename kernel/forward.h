/* SPDX-License-Identifier: MIT */
/* kernel/forward.h - RING 0 - system calls that the process manager answers. */
#ifndef KERNEL_FORWARD_H
#define KERNEL_FORWARD_H

struct port;

extern struct port *pm_port, *names_port;       /* its two processes', from the start; dead when they are */

#endif
