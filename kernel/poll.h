/* SPDX-License-Identifier: MIT */
/* kernel/poll.h - RING 0 - waiting for one of many descriptors: what a thing that can be waited for does.
 *
 * It has a pollhead, which each of its files points to (file->pollhead), and a poll operation (file->ops->poll) that
 * tells what holds now.  Whatever may make that more calls poll_wake(): who waits then asks again.
 */
#ifndef KERNEL_POLL_H
#define KERNEL_POLL_H

#include "kernel/lock.h"

struct pollhead {
	struct spinlock lock;           /* RANK_FUTEX */
	struct list watches;            /* [l] of those who wait */
};      /* [l] lock */
#define POLLHEAD_INIT(h) {SPINLOCK_INIT(RANK_FUTEX, "polls"), LIST_INIT((h).watches)}

static inline void pollhead_init(struct pollhead *h) { *h = (struct pollhead)POLLHEAD_INIT(*h); }
/* => under the lock that the poll operation takes, or after a change that it sees; locks up to RANK_HANDLE held */
void poll_wake(struct pollhead *);

#endif
