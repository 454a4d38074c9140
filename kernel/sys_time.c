/* SPDX-License-Identifier: MIT */
/* kernel/sys_time.c - RING 0 - clocks, sleeping, and the alarm.
 *
 * Path:  syscall.c > [sys_time.c] > time.c
 * Locks: proc->lock around the interval of the alarm; it goes off in a timer interrupt.
 */
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"

#define NS 1000000000ll
#define SEC_MAX (INT64_MAX / NS / 2)    /* longer sleeps than 146 years end then */

static struct timespec to_timespec(int64_t ns) { return (struct timespec){ns / NS, ns % NS}; }

/* The time of a clock in ns; -EINVAL: no such clock. */
static int64_t clock_now(int clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE: return time_real();
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME: return time_mono();
	case CLOCK_PROCESS_CPUTIME_ID: return proc_cpu_ns(current_proc());
	case CLOCK_THREAD_CPUTIME_ID: return current_thread()->cpu_ns + time_mono() - current_thread()->run_since;
	}
	return -EINVAL;
}

SYSCALL(clock_gettime)
{
	int64_t now = clock_now(a0);
	struct timespec ts = to_timespec(now);

	return now < 0 ? now : copy_out(a1, &ts, sizeof(ts));
}

SYSCALL(clock_getres)
{
	struct timespec ts = {0, 1};

	if (clock_now(a0) < 0) return -EINVAL;
	return a1 ? copy_out(a1, &ts, sizeof(ts)) : 0;
}

SYSCALL(gettimeofday)
{
	int64_t now = time_real();
	struct timeval tv = {now / NS, now % NS / 1000};
	int32_t zone[2] = {0, 0};

	if (a0 && copy_out(a0, &tv, sizeof(tv))) return -EFAULT;
	return a1 ? copy_out(a1, zone, sizeof(zone)) : 0;
}

SYSCALL(time)
{
	int64_t now = time_real() / NS;

	return a0 && copy_out(a0, &now, sizeof(now)) ? -EFAULT : now;
}

/* ---- sleeping */

/* Until time_mono() reaches `until`.  0; -EINTR: a signal came */
static int sleep_until(uint64_t until)
{
	struct spinlock lock = SPINLOCK_INIT(RANK_HANDLE, "sleep");
	struct waitq wait;
	int rc;

	waitq_init(&wait);
	spin_lock(&lock);
	do rc = waitq_sleep(&wait, &lock, until, true);
	while (rc == 0);
	spin_unlock(&lock);
	return rc == -EINTR ? -EINTR : 0;
}

/* A relative sleep.  Interrupted by a handler it tells what is left; after a mere stop it goes on to the same end. */
static long sleep_for(uint64_t ns, uaddr_t left)
{
	struct thread *t = current_thread();
	uint64_t until = t->sleep_until ? t->sleep_until : time_mono() + ns, now;
	struct timespec ts;

	t->sleep_until = 0;
	if (!sleep_until(until)) return 0;
	now = time_mono();
	ts = to_timespec(until > now ? until - now : 0);
	if (left && copy_out(left, &ts, sizeof(ts))) return -EFAULT;
	t->sleep_until = until;
	return -ERESTARTNOHAND;
}

static int time_in(uaddr_t from, uint64_t *ns)
{
	struct timespec ts;

	if (copy_in(&ts, from, sizeof(ts))) return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= NS) return -EINVAL;
	*ns = MIN(ts.sec, SEC_MAX) * NS + ts.nsec;
	return 0;
}

SYSCALL(nanosleep)
{
	uint64_t ns;
	int rc = time_in(a0, &ns);

	return rc ? rc : sleep_for(ns, a1);
}

SYSCALL(clock_nanosleep)
{
	int64_t now = clock_now(a0);
	uint64_t ns, mono = time_mono();
	int rc = time_in(a2, &ns);

	if (now < 0 || a0 == CLOCK_THREAD_CPUTIME_ID || a0 == CLOCK_PROCESS_CPUTIME_ID) return -EINVAL;
	if (rc) return rc;
	if (!(a1 & TIMER_ABSTIME)) return sleep_for(ns, a3);
	if (ns <= (uint64_t)now) return 0;
	return sleep_until(mono + ns - now) ? -ERESTARTNOHAND : 0;      /* the end is absolute: it may start again */
}

/* ---- ITIMER_REAL */

struct itimerval { struct timeval interval, value; };

static void alarm_rings(void *arg)
{
	struct proc *p = arg;

	signal_send(p, SIGALRM, SI_KERNEL, 0);
	if (p->alarm_interval) timer_arm(&p->alarm, time_mono() + p->alarm_interval, alarm_rings, p);
}

static struct timeval to_timeval(uint64_t ns) { return (struct timeval){ns / NS, ns % NS / 1000}; }

/* What is left now. */
static struct itimerval alarm_get(struct proc *p)
{
	uint64_t when = p->alarm.when, now = time_mono(), left = when > now ? when - now : when ? 1000 : 0;

	return (struct itimerval){to_timeval(p->alarm_interval), to_timeval(left)};
}

static void alarm_set(struct proc *p, uint64_t ns, uint64_t interval)
{
	p->alarm_interval = 0;          /* so that one that rings right now does not come back */
	timer_cancel(&p->alarm);
	p->alarm_interval = interval;
	if (ns) timer_arm(&p->alarm, time_mono() + ns, alarm_rings, p);
}

static bool timeval_in(const struct timeval *tv, uint64_t *ns)
{
	if (tv->sec < 0 || tv->usec < 0 || tv->usec >= 1000000) return false;
	*ns = MIN(tv->sec, SEC_MAX) * NS + tv->usec * 1000;
	return true;
}

SYSCALL(getitimer)
{
	struct itimerval it = alarm_get(current_proc());

	return a0 ? -EINVAL : copy_out(a1, &it, sizeof(it));
}

SYSCALL(setitimer)
{
	struct proc *p = current_proc();
	struct itimerval it = {0}, old;
	uint64_t value, interval;

	if (a0) return -EINVAL;         /* ITIMER_REAL alone */
	if (a1 && copy_in(&it, a1, sizeof(it))) return -EFAULT;
	if (!timeval_in(&it.value, &value) || !timeval_in(&it.interval, &interval)) return -EINVAL;
	old = alarm_get(p);
	alarm_set(p, value, interval);
	return a2 ? copy_out(a2, &old, sizeof(old)) : 0;
}

SYSCALL(alarm)
{
	struct proc *p = current_proc();
	struct itimerval old = alarm_get(p);

	alarm_set(p, (uint32_t)a0 * (uint64_t)NS, 0);
	return old.value.sec + (old.value.usec > 0);
}
