/* SPDX-License-Identifier: MIT */
/* kernel/servers.h - RING 0 - the boot modules: disks and their drivers, the file server, init. */
#ifndef KERNEL_SERVERS_H
#define KERNEL_SERVERS_H

#include "abi/ipc.h"
#include "kernel/klib.h"

struct bootinfo;
struct port;
struct vmo;

void servers_start(const struct bootinfo *);            /* returns when they are on the run queue */
/* By a driver: its disk is ready.  => the index; -ENODEV: not one of the drivers; -EBUSY: a second time; -ENOMEM */
int disk_register(struct port *, uint64_t sectors, uint64_t flags);
/* Waits until every driver registered or died.  => 0, with references in *vmo and *port; -ENXIO: past the last one;
 * -EIO: its driver died; -EINTR */
int disk_open(uint64_t index, struct disk_info *, struct vmo **vmo, struct port **port);
int fs_ready(struct port *);            /* -EPERM: not the file server; -EBUSY: a second time */
int fs_wait(void);                      /* 0: names are served; -EIO: the file server died; -EINTR */

#endif
