/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/vblk.h - RING 3 - the block device: start it, give it requests, hear of their end. */
#ifndef VBLK_H
#define VBLK_H

#include "drivers/virtio-blk/virtio.h"

#define DONE_BIT 1u                     /* of the port: the queue's interrupt */

struct vblk_request {
	uint32_t type;                  /* BLK_T_* */
	uint64_t sector;                /* of 512 bytes */
	uint32_t run;                   /* data: a handle, owned by the request */
	uint64_t off, len;              /* bytes in the run */
	void (*done)(struct vblk_request *, int status);        /* 0 or -errno */
	uint64_t token;                 /* flush: whom to answer */
};

int vblk_start(uint64_t *sectors, bool *readonly);      /* virtio 1.1 3.1.1; -errno */
/* Give it to the device.  0: it is the device's, r is copied; -EAGAIN: the queue is full; other errors: not taken. */
int vblk_submit(const struct vblk_request *);
void vblk_interrupt(void);              /* calls done() of all that finished */
bool vblk_has_flush(void);
uint64_t vblk_part_max(void);           /* bytes that fit one request whatever the pages */

#endif
