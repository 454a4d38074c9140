/* SPDX-License-Identifier: MIT */
/* user/pm/timerfd.c - RING 3 - timerfd_settime and timerfd_gettime: the timers are the file server's, which has the files.
 *
 * Path:  main.c > [timerfd.c] > request.c  ~NAME_TIMER_*~>  fs/counterdev.c
 */
#include <errno.h>
#include <sys/timerfd.h>

#include "abi/name.h"
#include "user/pm/timer.h"

/* => req.m.arg[0] ns left, [1] interval: as it was.  -EBADF, -EINVAL: no timerfd */
static long timerfd_request(struct call *c, uint32_t op, bool absolute, uint64_t value, uint64_t interval)
{
	long rc;

	req_begin();
	rc = req_fd(c, (int)c->arg[0], false);
	if (!rc && !req.m.arg[0]) rc = -EINVAL;         /* a pipe, or the like */
	req.m.arg[1] = absolute;
	req.m.arg[2] = value;
	req.m.arg[3] = interval;
	return req_send(c, rc, op);
}

static long timerfd_out(struct call *c, uint64_t to)
{
	long rc = timerfd_request(c, NAME_TIMER_GET, false, 0, 0);
	struct itimerspec it = to_itimerspec(req.m.arg[0], req.m.arg[1]);

	return rc ? rc : mem_out(c, to, &it, sizeof(it));
}

long pm_timerfd_gettime(struct call *c) { return timerfd_out(c, c->arg[1]); }

/* TFD_TIMER_CANCEL_ON_SET is not offered.  Others that set a timer come through here, one after the other, so that it is
 * still as it was told. */
long pm_timerfd_settime(struct call *c)
{
	struct itimerspec new;
	uint64_t value, interval;
	long rc = 0;

	if (mem_in(c, &new, c->arg[2], sizeof(new))) return -EFAULT;
	if ((c->arg[1] & ~(uint64_t)TFD_TIMER_ABSTIME) || !itimerspec_ns(&new, &value, &interval)) return -EINVAL;
	if (c->arg[3]) rc = timerfd_out(c, c->arg[3]);
	return rc ? rc : timerfd_request(c, NAME_TIMER_SET, c->arg[1] & TFD_TIMER_ABSTIME, value, interval);
}
