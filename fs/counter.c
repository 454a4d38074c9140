/* SPDX-License-Identifier: MIT */
/* fs/counter.c - RING 3 - eventfd(2) and timerfd_create(2): counts, and when they change by themselves.
 *
 * Path:  counterdev.c > [counter.c]
 * A timer does not ring for nobody: its expirations are counted from the clock when somebody asks.
 *
 * C1  count <= COUNT_MAX for what was written.
 * C2  After counter_expire(now) the next expiration is later than now.
 */
#include "fs/counter.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

/* -EINVAL: flags that are not known, or a clock. */
int counter_make(struct counter *c, bool timed, uint64_t first, uint32_t flags)
{
	int clock = (int)first;

	if (flags & ~(uint32_t)(EFD_CLOEXEC | EFD_NONBLOCK | (timed ? 0 : EFD_SEMAPHORE))) return -EINVAL;
	if (timed && clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME) return -EINVAL;

	*c = (struct counter){.timed = timed, .semaphore = flags & EFD_SEMAPHORE};
	if (timed) c->clock = c->runs_on = clock;
	else c->count = (uint32_t)first;
	return 0;
}

void counter_expire(struct counter *c, uint64_t now)
{
	uint64_t n = 1;

	if (!c->expires || now < c->expires) return;
	if (c->interval) n += (now - c->expires) / c->interval;
	c->expires = c->interval ? c->expires + n * c->interval : 0;    /* C2 */
	c->count += n;
}

bool counter_writable(const struct counter *c, uint64_t n) { return n <= COUNT_MAX - c->count; }       /* C1 */

uint64_t counter_next(const struct counter *c) { return c->semaphore && c->count ? 1 : c->count; }

int counter_poll(const struct counter *c)
{
	return (c->count ? POLLIN : 0) | (!c->timed && counter_writable(c, 1) ? POLLOUT : 0);
}

/* What expired before counts no more (timerfd_settime(2)). */
void counter_set(struct counter *c, bool absolute, uint64_t value, uint64_t interval, uint64_t now)
{
	c->count = 0;
	c->expires = value && !absolute ? now + value : value;
	c->interval = interval;
}

uint64_t counter_left(const struct counter *c, uint64_t now)
{
	return c->expires > now ? c->expires - now : c->expires != 0;
}
