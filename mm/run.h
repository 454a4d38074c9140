/* SPDX-License-Identifier: MIT */
/* mm/run.h - RING 0 - a run: neighbouring busy pages of one object on their way from or to the disk (pager.c). */
#ifndef MM_RUN_H
#define MM_RUN_H

#include "abi/pager.h"
#include "kernel/ipc.h"
#include "mm/vmo.h"

#define RUN_MAX 128u                    /* pages */

struct run {
	struct kobj obj;                /* handles in servers keep it alive */
	struct vmo *vmo;                /* [c] a reference */
	uint32_t op;                    /* [c] PAGER_FILL or PAGER_WRITE */
	uint64_t first;                 /* [c] page index */
	uint32_t npages;                /* [c] */
	uint64_t off, len;              /* [c] the part of the run, in bytes, that is to be moved and completed */
	uint64_t left;                  /* [v] bytes not completed; 0: it has finished, or is not posted yet */
	int      status;                /* [v] first error */
	struct kmsg msg;
	struct page *page[RUN_MAX];     /* [c] held */
	uint8_t  done[RUN_MAX];         /* [v] a bit per sector of 512 bytes that was completed */
	uint8_t  zeroed[RUN_MAX];       /* [v] FILL: part of the page is a hole */
};      /* [v] vmo->lock */

/* For the Quire calls (kernel/sys_ipc.c, device.c).  off and len: bytes in the run, multiples of 512.  -EINVAL. */
int run_done(struct run *, uint64_t off, uint64_t len, int status);
/* Physical pieces of [off, off+len) or of its beginning, neighbours merged; at most max.  n or -EINVAL. */
int run_segments(struct run *, uint64_t off, uint64_t len, struct dev_seg *, uint32_t max);

#endif
