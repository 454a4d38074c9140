/* SPDX-License-Identifier: MIT */
/* kernel/servers.h - RING 0 - the boot modules: disks and their drivers, the file server, init. */
#ifndef KERNEL_SERVERS_H
#define KERNEL_SERVERS_H

struct bootinfo;

void servers_start(const struct bootinfo *);            /* returns when they are on the run queue */

#endif
