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

/* Negative: CPU time of a process, or of a thread of the caller's: ~pid << 3, bit 2 for threads, then which part. */
bool clock_known(const struct call *c, int clock)
{
	uint32_t id = ~(uint32_t)(clock >> 3);
	struct facts_proc f;

	if (clock >= 0) return clock <= CLOCK_BOOTTIME;
	if ((clock & 3) == 3) return false;
	if (!(clock & 4)) return !proc_look(c, id, &f);
	return q_facts(FACTS_PROC, c->me.pid, id ? id : c->tid, &f, sizeof(f)) > 0;
}

long pm_clock_getres(struct call *c)
{
	struct timespec ts = {0, 1};

	if (!clock_known(c, (int)c->arg[0])) return -EINVAL;
	return c->arg[1] ? mem_out(c, c->arg[1], &ts, sizeof(ts)) : 0;
}

/* ---- what was used */

static struct timeval timeval_of(uint64_t ns)
{
	return (struct timeval){(int64_t)ns / NS, (int64_t)ns % NS / 1000};
}

static struct rusage usage_of(const struct usage *u, uint64_t rss_peak)
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
	struct rusage r;

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD) return -EINVAL;
	if (who == RUSAGE_THREAD && thread_look(c)) return -ESRCH;
	r = who == RUSAGE_CHILDREN ? usage_of(&c->me.child_used, 0) : usage_of(&c->me.used, c->me.rss_peak);
	return mem_out(c, c->arg[1], &r, RUSAGE_SIZE);
}

long pm_times(struct call *c)
{
	const struct usage *u = &c->me.used, *children = &c->me.child_used;
	uint64_t tms[4] = {(u->cpu_ns - u->sys_ns) / TICK_NS, u->sys_ns / TICK_NS,
	                   (children->cpu_ns - children->sys_ns) / TICK_NS, children->sys_ns / TICK_NS};

	if (c->arg[0] && mem_out(c, c->arg[0], tms, sizeof(tms))) return -EFAULT;
	return now_ns(CLOCK_MONOTONIC) / (int64_t)TICK_NS;
}
