/* SPDX-License-Identifier: MIT */
/* fs/server.h - RING 3 - what the parts of the file server that speak with the kernel share.
 *
 * A handler gets the request and an empty reply, fills the reply's arg[] and handle[], and returns its status:
 * 0, -errno, or LATER when it has kept the token and will answer by itself.  What it found missing of the memory that
 * came with the request makes it -EAGAIN (user/lib/server.h).
 */
#ifndef FS_SERVER_H
#define FS_SERVER_H

#include "abi/name.h"
#include "abi/quire.h"
#include "fs/vfs_int.h"
#include "user/lib/server.h"

#define LATER 1

typedef int (*handler)(const struct ipc_msg *in, struct ipc_msg *out);

/* srv_*.c, libc.c, devfs.c: the tables of abi/name.h and abi/pager.h.  NULL: none of theirs */
handler srv_name_handler(uint32_t op);
handler srv_file_handler(uint32_t op);
handler srv_lock_handler(uint32_t op);
handler srv_pager_handler(uint32_t op);
handler srv_host_handler(uint32_t op);
handler dev_handler(uint32_t op);

void name_closed(uint64_t node, uint64_t description);          /* srv_name.c */

/* srv_name.c, for srv_file.c: arguments out of messages */
struct cred msg_cred(const struct ipc_msg *);
struct vnode *msg_node(const struct ipc_msg *, uint64_t node);   /* of a descriptor; no reference.  NULL: -EBADF */

#define DEV_NAME_MAX 16

/* disks.c: every disk, and every partition of it, by its name in /dev */
struct disk_node {
	char     name[DEV_NAME_MAX];
	bool     whole;                 /* a disk, not a partition */
	bool     cut;                   /* a partition that goes on beyond the end of the disk */
	uint32_t object;                /* the disk object, also a partition's */
	uint64_t start;                 /* where on the disk it begins, in bytes */
	uint64_t number;                /* st_rdev */
	struct disk disk;
};
#define DISK_NODES_MAX 64
extern struct disk_node disk_nodes[DISK_NODES_MAX];
extern unsigned ndisk_nodes;
void disks_open(void);
struct disk_node *disk_by_name(const char *name);               /* "vda2" or "/dev/vda2"; NULL */
struct disk_node *disk_by_number(uint64_t number);              /* st_rdev; NULL */
int mount_disk(const char *name, const char *target, struct vnode *covers, bool readonly);

/* blkclient.c: `off` bytes into the disk whose driver has this port */
int disk_init(struct disk *, uint32_t port, uint8_t *map, uint64_t off, uint64_t len, bool readonly);
/* as BLK_STATS has them, of the whole disk; 0: driver dead */
void disk_stats(const struct disk *, uint64_t stats[5]);

/* devfs.c */
int devfs_mount(struct mount *);
int devfs_open(struct vnode *, struct ipc_msg *out);            /* fills the reply of open(); -ENXIO: none of ours */
uint64_t devfs_start(const struct vnode *);
extern char dev_piece[DEV_PIECE];       /* what a message moves, as long as it is worked on */
int dev_take(const struct ipc_msg *in, struct ipc_msg *out);    /* of DEV_WRITE, into that: out->arg[0] bytes */
/* Of ioctl(): what is asked; its argument points to it. */
uint32_t ioctl_request(const struct ipc_msg *in);
int ioctl_give(const struct ipc_msg *in, const void *p, size_t n);
int ioctl_take(const struct ipc_msg *in, void *p, size_t n);

/* counterdev.c */
int counter_message(struct vnode *, const struct ipc_msg *in, struct ipc_msg *out);     /* DEV_*; -EBADF: no counter */
uint64_t counters_run(void);            /* => when it is to be called again: ns of CLOCK_MONOTONIC; 0: no need */

/* sysv_shm.c */
void shm_sweep(void);           /* segments that were removed, and that nobody uses any more, go */

/* ttydev.c */
void ttydev_init(void);
void ttydev_notify(uint64_t bits);      /* NOTIFY_CONSOLE, NOTIFY_SESSION */
bool ttydev_controls(uint32_t pid);     /* is this the process's controlling terminal? */
int ttydev_message(const struct ipc_msg *in, struct ipc_msg *out);      /* DEV_* */
int ttydev_ioctl(const struct ipc_msg *in);

#endif
