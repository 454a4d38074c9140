/* SPDX-License-Identifier: MIT */
/* user/pm/time.c - RING 3 - the date, what clocks there are, and what processes used.
 *
 * Path:  main.c > [time.c] > kernel's facts, time_set
 */
#define _GNU_SOURCE                     /* RUSAGE_THREAD */
#include <errno.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#include "user/pm/pm.h"

#define NS 1000000000ll
#define SEC_MAX (INT64_MAX / NS / 2)    /* 146 years */
#define TICK_NS 10000000ull             /* AT_CLKTCK is 100 */
#define RUSAGE_SIZE 144                 /* Linux's structure; musl's has room behind it */

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

/* ---- the date */

bool timespec_ns(const struct timespec *ts, uint64_t *ns)
{
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= NS) return false;
	*ns = (uint64_t)((ts->tv_sec < SEC_MAX ? ts->tv_sec : SEC_MAX) * NS + ts->tv_nsec);
	return true;
}

static long date_set(const struct call *c, int64_t sec, int64_t ns)
{
	if (c->me.attr.euid) return -EPERM;
	return q_time_set((sec < SEC_MAX ? sec : SEC_MAX) * NS + ns);
}

long pm_clock_settime(struct call *c)
{
	struct timespec ts;

	if ((int)c->arg[0] != CLOCK_REALTIME) return -EINVAL;
	if (mem_in(c, &ts, c->arg[1], sizeof(ts))) return -EFAULT;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec >= NS) return -EINVAL;
	if (c->me.attr.euid) return -EPERM;
	/* as on Linux: the machine was not booted before 1970 */
	if (ts.tv_sec < SEC_MAX && ts.tv_sec * NS + ts.tv_nsec < now_ns(CLOCK_MONOTONIC)) return -EINVAL;
	return date_set(c, ts.tv_sec, ts.tv_nsec);
}

long pm_settimeofday(struct call *c)
{
	struct timeval tv;
	bool set = c->arg[0];

	if (set && mem_in(c, &tv, c->arg[0], sizeof(tv))) return -EFAULT;
	if (set && (tv.tv_sec < 0 || tv.tv_usec < 0 || tv.tv_usec >= 1000000)) return -EINVAL;
	if (c->me.attr.euid) return -EPERM;
	return set ? date_set(c, tv.tv_sec, tv.tv_usec * 1000) : 0;
}

/* Programs ask the vDSO; who does not comes here. */
long pm_gettimeofday(struct call *c)
{
	int64_t now = now_ns(CLOCK_REALTIME);
	struct timeval tv = {now / NS, now % NS / 1000};
	int32_t zone[2] = {0, 0};

	if (c->arg[0] && mem_out(c, c->arg[0], &tv, sizeof(tv))) return -EFAULT;
	return c->arg[1] ? mem_out(c, c->arg[1], zone, sizeof(zone)) : 0;
}

long pm_time(struct call *c)
{
	int64_t now = now_ns(CLOCK_REALTIME) / NS;

	return c->arg[0] && mem_out(c, c->arg[0], &now, sizeof(now)) ? -EFAULT : now;
}

/* ---- what a clock says now: programs see most of them in the vDSO */

int64_t clock_read(const struct call *c, int clock)
{
	struct facts_proc f;
	uint32_t id;
	long n;

	if (clock == CLOCK_PROCESS_CPUTIME_ID) clock = CPU_CLOCK(0, 2);
	if (clock == CLOCK_THREAD_CPUTIME_ID) clock = CPU_CLOCK(0, CLOCK_OF_THREAD | 2);
	if (clock >= 0) return clock <= CLOCK_BOOTTIME ? now_ns(clock) : -EINVAL;
	if ((clock & 3) == 3) return -EINVAL;
	id = ~(uint32_t)(clock >> 3);
	if (clock & CLOCK_OF_THREAD) n = q_facts(FACTS_PROC, c->me.pid, id ? id : c->tid, &f, sizeof(f));
	else n = proc_look(c, id, &f) ? 0 : (long)sizeof(f);
	if (n <= 0) return -EINVAL;
	return (int64_t)(f.used.cpu_ns - ((clock & 3) == 1 ? f.used.sys_ns : 0));
}

long pm_clock_getres(struct call *c)
{
	struct timespec ts = {0, 1};

	if (clock_read(c, (int)c->arg[0]) < 0) return -EINVAL;
	return c->arg[1] ? mem_out(c, c->arg[1], &ts, sizeof(ts)) : 0;
}

long pm_clock_gettime(struct call *c)
{
	int64_t now = clock_read(c, (int)c->arg[0]);
	struct timespec ts = {now / NS, now % NS};

	return now < 0 ? now : mem_out(c, c->arg[1], &ts, sizeof(ts));
}

/* PM_SLEEP: the date may be set meanwhile; CPU time goes by only while a thread runs, on every CPU at most. */
long pm_clock_nanosleep(struct call *c)
{
	int clock = (int)c->arg[0];
	int64_t now = clock_read(c, clock);
	struct timespec ts;
	uint64_t ns, left;

	if (now < 0 || clock == CLOCK_THREAD_CPUTIME_ID || (clock < 0 && clock & CLOCK_OF_THREAD)) return -EINVAL;
	if (clock >= CLOCK_MONOTONIC_RAW && clock <= CLOCK_MONOTONIC_COARSE) return -EOPNOTSUPP;
	if (mem_in(c, &ts, c->arg[2], sizeof(ts))) return -EFAULT;
	if (!timespec_ns(&ts, &ns)) return -EINVAL;
	c->more = c->arg[3] ? c->arg[3] : c->arg[1] & TIMER_ABSTIME ? ns : (uint64_t)now + ns;
	if (c->more <= (uint64_t)now) return 0;
	left = c->more - (uint64_t)now;
	if (clock == CLOCK_REALTIME) return left < NS ? (long)left : NS;
	left /= machine_cpus();
	return (long)(left > CPU_LOOK ? left : CPU_LOOK);
}

/* ---- what was used */

static struct timeval timeval_of(uint64_t ns)
{
	return (struct timeval){(int64_t)ns / NS, (int64_t)ns % NS / 1000};
}

struct rusage usage_of(const struct usage *u, uint64_t rss_peak)
{
	uint64_t pages = rss_peak > u->maxrss ? rss_peak : u->maxrss;

	return (struct rusage){
		.ru_utime = timeval_of(u->cpu_ns - u->sys_ns), .ru_stime = timeval_of(u->sys_ns), .ru_maxrss = (long)pages * 4,
		.ru_minflt = (long)(u->minflt - u->majflt), .ru_majflt = (long)u->majflt,
		.ru_nvcsw = (long)u->nvcsw, .ru_nivcsw = (long)u->nivcsw,
	};
}

long pm_getrusage(struct call *c)
{
	int who = (int)c->arg[0];
	uint32_t tid = who == RUSAGE_THREAD ? c->tid : 0;
	struct rusage r;

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD) return -EINVAL;
	if (who != RUSAGE_CHILDREN && q_facts(FACTS_PROC, c->me.pid, tid, &c->me, sizeof(c->me)) <= 0) return -ESRCH;
	r = who == RUSAGE_CHILDREN ? usage_of(&c->me.attr.child_used, 0) : usage_of(&c->me.used, c->me.rss_peak);
	return mem_out(c, c->arg[1], &r, RUSAGE_SIZE);
}

long pm_times(struct call *c)
{
	const struct usage *u = &c->me.used, *children = &c->me.attr.child_used;
	uint64_t tms[4] = {(u->cpu_ns - u->sys_ns) / TICK_NS, u->sys_ns / TICK_NS,
	                   (children->cpu_ns - children->sys_ns) / TICK_NS, children->sys_ns / TICK_NS};

	if (c->arg[0] && mem_out(c, c->arg[0], tms, sizeof(tms))) return -EFAULT;
	return now_ns(CLOCK_MONOTONIC) / (int64_t)TICK_NS;
}
