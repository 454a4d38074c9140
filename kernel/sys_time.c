/* SPDX-License-Identifier: MIT */
/* kernel/sys_time.c - RING 0 - clocks and sleeping.
 *
 * Path:  syscall.c > [sys_time.c] > time.c
 * Locks: proc->lock while threads' CPU time is read.
 */
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"

#define NS 1000000000ll
#define CLOCK_PROCESS_USER 100          /* beside Linux's: what a process used in ring 3 */
#define SEC_MAX (INT64_MAX / NS / 2)    /* longer sleeps than 146 years end then */

static struct timespec to_timespec(int64_t ns) { return (struct timespec){ns / NS, ns % NS}; }

/* CPU time of one thread of p; without p->lock.  -EINVAL: it has ended */
static int64_t thread_time(struct proc *p, uint32_t tid)
{
	int64_t ns = -EINVAL;

	spin_lock(&p->lock);
	list_for(l, &p->threads) {
		struct thread *t = container_of(l, struct thread, proc_link);

		if (t->tid == tid) ns = thread_cpu_ns(t);
	}
	spin_unlock(&p->lock);
	return ns;
}

/* ns; -EINVAL */
static int64_t clock_of(int clock, struct proc *p, uint32_t tid)
{
	struct usage u;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE: return time_real();
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME: return time_mono();
	case CLOCK_PROCESS_CPUTIME_ID: return proc_cpu_ns(p);
	case CLOCK_THREAD_CPUTIME_ID: return thread_time(p, tid);
	case CLOCK_PROCESS_USER:
		u = proc_usage(p);
		return u.cpu_ns - u.sys_ns;
	}
	return -EINVAL;
}

/* A clock as ring 3 names it.  Negative: CPU time of a process, or of a thread of ours: ~pid << 3, bit 2 for threads,
 * then whether all of it (2, 0) or what was used in ring 3 (1). */
static int64_t clock_now(int clock)
{
	uint32_t id = ~(clock >> 3), kind = clock & 3;
	struct proc *p;
	int64_t ns;

	if (clock >= CLOCK_PROCESS_USER) return -EINVAL;
	if (clock >= 0) return clock_of(clock, current_proc(), current_thread()->tid);
	if (kind == 3) return -EINVAL;
	if (clock & 4) return thread_time(current_proc(), id ? id : current_thread()->tid);
	p = proc_find(id ? id : current_proc()->pid);
	if (!p) return -EINVAL;
	ns = clock_of(kind == 1 ? CLOCK_PROCESS_USER : CLOCK_PROCESS_CPUTIME_ID, p, 0);
	proc_unref(p);
	return ns;
}

SYSCALL(clock_gettime)
{
	int64_t now = clock_now(a0);
	struct timespec ts = to_timespec(now);

	return now < 0 ? now : copy_out(a1, &ts, sizeof(ts));
}

/* ---- sleeping */

int thread_sleep_until(uint64_t until, bool interruptible)
{
	struct spinlock lock = SPINLOCK_INIT(RANK_HANDLE, "sleep");
	struct waitq wait;
	int rc;

	waitq_init(&wait);
	spin_lock(&lock);
	do rc = waitq_sleep(&wait, &lock, until, interruptible);
	while (rc == 0);
	spin_unlock(&lock);
	return rc;
}

void thread_sleep(uint64_t ns) { thread_sleep_until(time_mono() + ns, false); }

/* A relative sleep.  Interrupted by a handler it tells what is left; after a mere stop it goes on to the same end. */
static long sleep_for(uint64_t ns, uaddr_t left)
{
	struct thread *t = current_thread();
	uint64_t until = t->sleep_until ? t->sleep_until : time_mono() + ns, now;
	struct timespec ts;

	t->sleep_until = 0;
	if (thread_sleep_until(until, true) == -ETIMEDOUT) return 0;
	now = time_mono();
	ts = to_timespec(until > now ? until - now : 0);
	if (left && copy_out(left, &ts, sizeof(ts))) return -EFAULT;
	t->sleep_until = until;
	return -ERESTARTNOHAND;
}

int time_in(uaddr_t from, uint64_t *ns)
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

/* Until a clock that may be set, or stands still while nothing runs, says so: look again now and then. */
static long sleep_until_clock(int clock, uint64_t until)
{
	bool steady = clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME;
	int64_t now;

	while ((now = clock_now(clock)) >= 0 && (uint64_t)now < until) {
		uint64_t left = until - now;

		if (clock == CLOCK_REALTIME) left = MIN(left, (uint64_t)NS);
		else if (!steady) left = MAX(left / ncpus, 4000000ull);
		/* the end is absolute: it may start again */
		if (thread_sleep_until(time_mono() + left, true) == -EINTR) return -ERESTARTNOHAND;
	}
	return 0;
}

SYSCALL(clock_nanosleep)
{
	int clock = a0;
	int64_t now = clock_now(clock);
	uint64_t ns;
	int rc = time_in(a2, &ns);

	if (now < 0 || clock == CLOCK_THREAD_CPUTIME_ID || (clock < 0 && clock & 4)) return -EINVAL;
	if (clock >= CLOCK_MONOTONIC_RAW && clock <= CLOCK_MONOTONIC_COARSE) return -EOPNOTSUPP;
	if (rc) return rc;
	if (a1 & TIMER_ABSTIME) return sleep_until_clock(clock, ns);
	return clock >= 0 && clock != CLOCK_PROCESS_CPUTIME_ID ? sleep_for(ns, a3) : sleep_until_clock(clock, now + ns);
}
