/* SPDX-License-Identifier: MIT */
/* kernel/sys_time.c - RING 0 - sleeping.  What time it is programs see in the vDSO, or ask the process manager (user/pm/time.c).
 *
 * Path:  syscall.c > [sys_time.c] > time.c;  ~PM_CALL~>  user/pm
 * Locks: none.
 */
#include "abi/pm.h"
#include "kernel/syscalls.h"

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

int deadline_in(uaddr_t from, uint32_t unit, int64_t since, uint64_t *deadline)
{
	struct timespec ts;

	*deadline = WAIT_FOREVER;
	if (!from) return 0;
	if (copy_in(&ts, from, sizeof(ts))) return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= NS / unit) return -EINVAL;
	*deadline = MAX(since + MIN(ts.sec, SEC_MAX) * NS + ts.nsec * unit, 0);
	return 0;
}

int deadline_out(uaddr_t to, uint32_t unit, uint64_t deadline)
{
	int64_t left = MAX((int64_t)(deadline - time_mono()), 0);
	struct timespec ts = {left / NS, left % NS / unit};

	return to ? copy_out(to, &ts, sizeof(ts)) : 0;
}

/* Of a clock that may be set, or stands still while nothing runs, the process manager says how long to sleep before it
 * is asked again (PM_SLEEP). */
static long ask_left(const uint64_t a[6], uint64_t *end)
{
	KMSG_HELD struct kmsg k = {0};
	long ns = pm_forward(pm_port, &k, a);

	*end = k.m.arg[1];
	return ns;
}

/* Interrupted by a handler it tells what is left; after a mere stop it goes on to the same end. */
SYSCALL(clock_nanosleep)
{
	bool absolute = a1 & TIMER_ABSTIME, real = (int)a0 == CLOCK_REALTIME && !absolute;
	bool steady = real || (int)a0 == CLOCK_MONOTONIC || (int)a0 == CLOCK_BOOTTIME;
	struct thread *t = current_thread();
	uint64_t end = t->sleep_until;
	long ns;

	t->sleep_until = 0;
	if (steady && !a2) return -EFAULT;
	ns = steady && !end ? deadline_in(a2, 1, absolute ? 0 : time_mono(), &end) : 0;
	if (ns) return ns;
	do {
		ns = steady ? (long)(end - time_mono()) : ask_left((uint64_t[]){a0, a1, a2, end, 0, 0}, &end);
		if (ns <= 0) return steady ? 0 : ns;
	} while (thread_sleep_until(time_mono() + ns, true) != -EINTR);
	if (steady && !absolute && deadline_out(a3, 1, end)) return -EFAULT;
	t->sleep_until = end;
	return -ERESTARTNOHAND;
}

SYSCALL(nanosleep) { return sys_clock_nanosleep(CLOCK_REALTIME, 0, a0, a1, 0, 0); }
