/* SPDX-License-Identifier: MIT */
/* user/pm/timer_calls.c - RING 3 - setitimer, alarm and POSIX timers.
 *
 * Path:  main.c > [timer_calls.c] > timer.c
 */
#define _GNU_SOURCE                     /* SIGEV_THREAD_ID */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "user/pm/timer.h"

#define SEC_MAX (INT64_MAX / NS / 2)    /* 146 years */
#define NSIG_MAX 64
#define RLIMIT_SIGPENDING_ 11           /* musl has no name for it */

/* ---- interval timers: ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF */

static const int itimer_clock[3] = {CLOCK_MONOTONIC, CLOCK_PROCESS_USER, CLOCK_PROCESS_CPUTIME_ID};
static const int itimer_signal[3] = {SIGALRM, SIGVTALRM, SIGPROF};

static struct timer *itimer(const struct call *c, int which) { return timer_find(&c->me, -1 - which); }

static struct timeval to_timeval(uint64_t ns) { return (struct timeval){(time_t)(ns / NS), (long)(ns % NS / 1000)}; }

static struct itimerval itimer_get(const struct call *c, int which)
{
	const struct timer *t = itimer(c, which);
	uint64_t left = 0, interval = 0;

	if (t) timer_left(t, &left, &interval);
	return (struct itimerval){to_timeval(interval), to_timeval(left && left < 1000 ? 1000 : left)};
}

static long itimer_set(const struct call *c, int which, uint64_t value, uint64_t interval)
{
	struct timer *t = itimer(c, which);

	if (!t && !value) return 0;
	if (!t) t = timer_new(&c->me, c->tid, -1 - which);
	if (!t) return -ENOMEM;
	t->signo = itimer_signal[which];
	timer_set(t, itimer_clock[which], value ? (uint64_t)timer_clock(t, itimer_clock[which]) + value : 0, interval);
	return 0;
}

static bool timeval_ns(const struct timeval *tv, uint64_t *ns)
{
	if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= 1000000) return false;
	*ns = ((uint64_t)tv->tv_sec < SEC_MAX ? (uint64_t)tv->tv_sec : SEC_MAX) * NS + (uint64_t)tv->tv_usec * 1000;
	return true;
}

long pm_getitimer(struct call *c)
{
	struct itimerval it;

	if (c->arg[0] > ITIMER_PROF) return -EINVAL;
	it = itimer_get(c, (int)c->arg[0]);
	return mem_out(c, c->arg[1], &it, sizeof(it));
}

long pm_setitimer(struct call *c)
{
	struct itimerval it = {0}, old;
	uint64_t value, interval;

	if (c->arg[0] > ITIMER_PROF) return -EINVAL;
	if (c->arg[1] && mem_in(c, &it, c->arg[1], sizeof(it))) return -EFAULT;
	if (!timeval_ns(&it.it_value, &value) || !timeval_ns(&it.it_interval, &interval)) return -EINVAL;
	old = itimer_get(c, (int)c->arg[0]);
	if (c->arg[2] && mem_out(c, c->arg[2], &old, sizeof(old))) return -EFAULT;
	return itimer_set(c, (int)c->arg[0], value, interval);
}

long pm_alarm(struct call *c)
{
	struct timeval old = itimer_get(c, ITIMER_REAL).it_value;
	long rc = itimer_set(c, ITIMER_REAL, (uint32_t)c->arg[0] * NS, 0);

	if (rc) return rc;
	return old.tv_sec + (old.tv_usec >= 500000 || (!old.tv_sec && old.tv_usec));
}

/* ---- POSIX timers */

struct sigevent_k { uint64_t value; int32_t signo, notify, tid, pad[11]; };     /* as Linux's kernel */

/* The clocks a timer can have: the usual ones, and the process's and thread's own CPU time. */
static bool clock_may_ring(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
	       clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
}

/* By its own number, too: the C library asks for its own CPU time like that. */
static int clock_own(const struct call *c, int clock)
{
	if (clock == CPU_CLOCK(0, 2) || clock == CPU_CLOCK(c->me.pid, 2)) return CLOCK_PROCESS_CPUTIME_ID;
	if (clock == CPU_CLOCK(0, CLOCK_OF_THREAD | 2) || clock == CPU_CLOCK(c->tid, CLOCK_OF_THREAD | 2))
		return CLOCK_THREAD_CPUTIME_ID;
	return clock;
}

static bool thread_is_callers(const struct call *c, int tid)
{
	struct facts_proc f;

	return tid > 0 && q_facts(FACTS_PROC, c->me.pid, (uint32_t)tid, &f, sizeof(f)) > 0;
}

/* No sigevent: SIGALRM with the timer's number as its value (POSIX timer_create). */
static int sigevent_in(struct call *c, uint64_t from, struct sigevent_k *e)
{
	*e = (struct sigevent_k){.signo = SIGALRM};
	if (!from) return 0;
	if (mem_in(c, e, from, sizeof(*e))) return -EFAULT;
	if (e->notify == SIGEV_NONE) return 0;
	if (e->notify == SIGEV_THREAD_ID ? !thread_is_callers(c, e->tid) : e->notify > SIGEV_THREAD) return -EINVAL;
	return e->signo < 1 || e->signo > NSIG_MAX || e->notify < 0 ? -EINVAL : 0;
}

long pm_timer_create(struct call *c)
{
	int clock = clock_own(c, (int)c->arg[0]);
	struct sigevent_k e;
	struct timer *t;
	int32_t id;
	int rc = sigevent_in(c, c->arg[1], &e);

	if (!clock_may_ring(clock)) return clock_read(c, clock) >= 0 ? -EOPNOTSUPP : -EINVAL;
	if (rc) return rc;
	if (timers_of(&c->me, &id) >= c->me.attr.rlimit[RLIMIT_SIGPENDING_][0]) return -EAGAIN;      /* Q3 of signal.c */
	id = id < INT32_MAX ? id + 1 : 0;
	if (mem_out(c, c->arg[2], &id, sizeof(id))) return -EFAULT;
	t = timer_new(&c->me, c->tid, id);
	if (!t) return -EAGAIN;
	t->made_with = clock;
	t->signo = e.notify == SIGEV_NONE ? 0 : e.signo;
	t->tid = e.notify == SIGEV_THREAD_ID ? (uint32_t)e.tid : 0;
	t->value = c->arg[1] ? e.value : (uint64_t)id;
	return 0;
}

/* NULL: there is none */
static struct timer *posix_timer(const struct call *c)
{
	int32_t id = (int32_t)c->arg[0];

	return id < 0 ? NULL : timer_find(&c->me, id);
}

long pm_timer_delete(struct call *c)
{
	struct timer *t = posix_timer(c);

	if (!t) return -EINVAL;
	if (t->signo) timer_send(t, TIMER_REMOVE);
	timer_free(t);
	return 0;
}

/* Of the signal that was delivered last. */
long pm_timer_getoverrun(struct call *c)
{
	const struct timer *t = posix_timer(c);
	uint64_t n;

	if (!t) return -EINVAL;
	n = t->signo && timer_send(t, TIMER_ASK) == SIGNAL_PENDING ? t->before : t->overrun;
	return n < INT32_MAX ? (long)n : INT32_MAX;
}

static struct itimerspec spec_of(const struct timer *t)
{
	uint64_t left, interval;

	timer_left(t, &left, &interval);
	return (struct itimerspec){{(time_t)(interval / NS), (long)(interval % NS)}, {(time_t)(left / NS), (long)(left % NS)}};
}

long pm_timer_gettime(struct call *c)
{
	const struct timer *t = posix_timer(c);
	struct itimerspec spec;

	if (!t) return -EINVAL;
	spec = spec_of(t);
	return mem_out(c, c->arg[1], &spec, sizeof(spec));
}

/* What a relative time counts from does not change with the date. */
long pm_timer_settime(struct call *c)
{
	struct timer *t = posix_timer(c);
	bool absolute = c->arg[1] & TIMER_ABSTIME;
	struct itimerspec new, old;
	uint64_t value, interval;
	int clock;

	if (!c->arg[2]) return -EINVAL;
	if (mem_in(c, &new, c->arg[2], sizeof(new))) return -EFAULT;
	if (!timespec_ns(&new.it_value, &value) || !timespec_ns(&new.it_interval, &interval) || !t) return -EINVAL;
	old = spec_of(t);
	if (c->arg[3] && mem_out(c, c->arg[3], &old, sizeof(old))) return -EFAULT;
	clock = !absolute && t->made_with == CLOCK_REALTIME ? CLOCK_MONOTONIC : t->made_with;
	if (!absolute && value) value += (uint64_t)timer_clock(t, clock);
	timer_set(t, clock, value, interval);
	return 0;
}
