/* SPDX-License-Identifier: MIT */
/* user/pm/limits.c - RING 3 - what a process may use at most: kept here, obeyed by ring 0, but for CPU time.
 *
 * Path:  main.c, family.c > [limits.c] > kernel's facts, proc_set; timer.c
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "user/pm/timer.h"

#define FD_MAX 1024                     /* kernel/file.h */

/* prlimit(2): of another process with all the same ids, or for root. */
static bool may_limit(const struct call *c, const struct facts_proc *f)
{
	const struct proc_attr *a = &c->me.attr, *b = &f->attr;

	return f->pid == c->me.pid || !a->euid ||
	       (a->uid == b->uid && a->uid == b->euid && a->uid == b->suid &&
	        a->gid == b->gid && a->gid == b->egid && a->gid == b->sgid);
}

/* RLIMIT_CPU: a signal after so many seconds (at least one, as on Linux), and each second from there. */
static int cpu_timer(const struct facts_proc *f, int32_t id, int signo, uint64_t seconds)
{
	bool limited = seconds < INT64_MAX / NS;
	struct timer *t = timer_find(f, id);

	if (!t && !limited) return 0;
	if (!t) t = timer_new(f, 0, id);
	if (!t) return -ENOMEM;
	t->signo = signo;
	timer_set(t, CLOCK_PROCESS_CPUTIME_ID, !limited ? 0 : seconds ? seconds * NS : NS, NS);
	return 0;
}

int cpu_limit_set(const struct facts_proc *f)
{
	const uint64_t *limit = f->attr.rlimit[RLIMIT_CPU];
	int rc = cpu_timer(f, TIMER_CPU_SOFT, SIGXCPU, limit[0]);

	return rc ? rc : cpu_timer(f, TIMER_CPU_HARD, SIGKILL, limit[1]);
}

static long limit(struct call *c, uint32_t pid, uint64_t which, uint64_t set, uint64_t get)
{
	struct facts_proc f;
	uint64_t new[2], old[2], *limit;

	if (which >= PROC_RLIMITS) return -EINVAL;
	if (set && mem_in(c, new, set, sizeof(new))) return -EFAULT;
	if (set && new[0] > new[1]) return -EINVAL;
	if (set && which == RLIMIT_NOFILE && new[1] > FD_MAX) return -EPERM;
	if (proc_look(c, pid, &f)) return -ESRCH;
	if (!may_limit(c, &f)) return -EPERM;
	limit = f.attr.rlimit[which];
	if (set && new[1] > limit[1] && c->me.attr.euid) return -EPERM;

	memcpy(old, limit, sizeof(old));
	if (get && mem_out(c, get, old, sizeof(old))) return -EFAULT;
	if (!set) return 0;
	memcpy(limit, new, sizeof(new));
	if (which == RLIMIT_CPU && cpu_limit_set(&f)) return -ENOMEM;
	return attr_set(c, &f, limit, sizeof(new));
}

long pm_getrlimit(struct call *c) { return limit(c, 0, c->arg[0], 0, c->arg[1]); }
long pm_setrlimit(struct call *c) { return limit(c, 0, c->arg[0], c->arg[1], 0); }
long pm_prlimit64(struct call *c) { return limit(c, (uint32_t)c->arg[0], c->arg[1], c->arg[2], c->arg[3]); }
