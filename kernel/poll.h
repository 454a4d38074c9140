/* SPDX-License-Identifier: MIT */
/* kernel/poll.h - RING 0 - waiting for one of many descriptors: what a thing that can be waited for does.
 *
 * It has a pollhead, which each of its files points to (file->pollhead), and a poll operation (file->ops->poll) that
 * tells what holds now.  Whatever may make that more calls poll_wake(): who waits then asks again.
 */
#ifndef KERNEL_POLL_H
#define KERNEL_POLL_H

#include "kernel/klib.h"

struct pollhead { struct list watches; };       /* [poll_lock] */
static inline void pollhead_init(struct pollhead *h) { list_init(&h->watches); }
/* => under the lock that the poll operation takes, or after a change that it sees; locks up to RANK_HANDLE held */
void poll_wake(struct pollhead *);

#endif
