/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/vblk.h - RING 3 - the block device as the message loop sees it. */
#ifndef VBLK_H
#define VBLK_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/virtio-blk/virtio.h"
#include "user/lib/server.h"

/* Of MSI-X: requests have finished; the device has changed its configuration, or wants a reset. */
enum { ENTRY_QUEUE, ENTRY_CONFIG };
#define NOTIFY_CONFIG (1u << ENTRY_CONFIG)      /* bit of HANDLE_PORT */

/* The work of one message: some bytes of a run, or a flush.  It can take several device requests ("parts"). */
struct job {
	struct job *next;               /* main.c's queue */
	uint64_t token;                 /* whom to answer; 0: answered already */
	uint32_t type;                  /* BLK_T_* */
	uint32_t run;                   /* handle, ours to close */
	/* What has not been given to the device yet: where on the disk, where in the run, bytes. */
	uint64_t sector, off, len;
	unsigned parts;                 /* given to the device, not finished */
	bool flush_sent;
};

struct vblk_info { uint64_t sectors; bool readonly; bool flush; };

int vblk_start(struct vblk_info *);     /* virtio 1.1 3.1.1.  Says what is wrong; -errno */
int vblk_submit(struct job *);          /* as much of it as fits.  0: all; -EAGAIN: the queue is full; else it failed */
void vblk_interrupt(void);              /* requests have finished */
void vblk_config_interrupt(void);
void job_part_done(struct job *, uint64_t off, uint64_t len, int status);       /* main.c: called for each part */

#endif
