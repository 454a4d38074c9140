/* SPDX-License-Identifier: MIT */
/* fs/counter.h - RING 3 - what counts: an eventfd (what was written to it) and a timerfd (its expirations).
 *
 * Pure: it knows no messages and reads no clock, so that the unit test can be both.  Times are ns.
 */
#ifndef FS_COUNTER_H
#define FS_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#define COUNT_MAX (UINT64_MAX - 1)      /* eventfd(2) */

struct counter {
	uint64_t count;
	bool semaphore, timed;          /* a read takes 1; a timerfd */
	int clock;                      /* of a timerfd: timerfd_create()'s */
	int runs_on;                    /* the clock that `expires` is of: what is relative does not change with the date */
	uint64_t expires;               /* 0: not armed */
	uint64_t interval;
};

int counter_make(struct counter *, bool timed, uint64_t first, uint32_t flags);        /* of timerfd_create(), eventfd2() */
void counter_expire(struct counter *, uint64_t now);    /* before anything else is asked; now: of runs_on */
bool counter_writable(const struct counter *, uint64_t n);      /* has it room for n? */
uint64_t counter_next(const struct counter *);          /* what a read takes; 0: it waits */
int counter_poll(const struct counter *);               /* POLLIN, POLLOUT */
/* timerfd_settime(): now of runs_on, which is set before; value 0: not armed. */
void counter_set(struct counter *, bool absolute, uint64_t value, uint64_t interval, uint64_t now);
uint64_t counter_left(const struct counter *, uint64_t now);   /* timerfd_gettime(): until it expires next; 0: never */

#endif
