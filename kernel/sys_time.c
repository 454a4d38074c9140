/* SPDX-License-Identifier: MIT */
/* kernel/sys_time.c - RING 0 - sleeping.  What time it is programs see in the vDSO, or ask the process manager (user/pm/time.c).
 *
 * Path:  syscall.c > [sys_time.c] > time.c;  ~PM_CALL~>  user/pm
 * Locks: none.
 */
#include "abi/pm.h"
#include "kernel/forward.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"

#define NS 1000000000ll
#define SEC_MAX (INT64_MAX / NS / 2)    /* longer sleeps than 146 years end then */

int thread_sleep_until(uint64_t until, bool interruptible)
{
	int rc;

	do rc = sched_sleep(NULL, until, interruptible);
	while (rc == 0);
	return rc;
}

void thread_sleep(uint64_t ns) { thread_sleep_until(time_mono() + ns, false); }

/* Interrupted by a handler it tells what is left; after a mere stop it goes on to the same end. */
static long sleep_until(uint64_t until, uaddr_t left)
{
	if (thread_sleep_until(until, true) == -ETIMEDOUT) return 0;
	if (deadline_out(left, 1, until)) return -EFAULT;
	current_thread()->sleep_until = until;
	return -ERESTARTNOHAND;
}

int time_in(uaddr_t from, uint32_t unit, uint64_t *ns)
{
	struct timespec ts;

	if (copy_in(&ts, from, sizeof(ts))) return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= NS / unit) return -EINVAL;
	*ns = MIN(ts.sec, SEC_MAX) * NS + ts.nsec * unit;
	return 0;
}

int deadline_in(uaddr_t from, uint32_t unit, uint64_t *deadline)
{
	uint64_t ns = 0;
	int rc = from ? time_in(from, unit, &ns) : 0;

	*deadline = from ? time_mono() + ns : WAIT_FOREVER;
	return rc;
}

int deadline_out(uaddr_t to, uint32_t unit, uint64_t deadline)
{
	int64_t left = MAX((int64_t)(deadline - time_mono()), 0);
	struct timespec ts = {left / NS, left % NS / unit};

	return to ? copy_out(to, &ts, sizeof(ts)) : 0;
}

/* Until a clock that may be set, or stands still while nothing runs: the process manager says how long to sleep before it
 * is asked again (PM_SLEEP). */
static long sleep_and_ask(uint64_t clock, uint64_t flags, uaddr_t time, uint64_t end)
{
	for (;;) {
		struct kmsg k = {0};
		long ns = pm_forward(pm_port, &k, (uint64_t[6]){clock, flags, time, end});

		objs_drop(k.obj);
		if (ns <= 0) return ns;
		end = k.m.arg[1];
		if (thread_sleep_until(time_mono() + ns, true) != -EINTR) continue;
		current_thread()->sleep_until = end;
		return -ERESTARTNOHAND;
	}
}

SYSCALL(clock_nanosleep)
{
	bool steady = (int)a0 == CLOCK_MONOTONIC || (int)a0 == CLOCK_BOOTTIME, absolute = a1 & TIMER_ABSTIME;
	uint64_t end = current_thread()->sleep_until, ns;
	int rc;

	current_thread()->sleep_until = 0;
	if (!steady && ((int)a0 != CLOCK_REALTIME || absolute)) return sleep_and_ask(a0, a1, a2, end);
	rc = time_in(a2, 1, &ns);
	if (rc) return rc;
	if (absolute) return sleep_until(ns, 0);
	return sleep_until(end ? end : time_mono() + ns, a3);
}

SYSCALL(nanosleep) { return sys_clock_nanosleep(CLOCK_REALTIME, 0, a0, a1, 0, 0); }
