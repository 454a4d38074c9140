/* SPDX-License-Identifier: MIT */
/* user/pm/sched.c - RING 3 - scheduling policies and priorities: there is one policy, SCHED_OTHER, and all are equal.
 * And on which CPUs a thread runs.
 *
 * Path:  main.c > [sched.c] > kernel's facts, proc_set, thread_bind
 */
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include "user/pm/pm.h"

#define SCHED_RESET_ON_FORK 0x40000000
#define QUANTUM_NS 10000000
#define NICE_MIN (-20)
#define NICE_MAX 19

static bool policy_known(int policy)
{
	return (policy >= SCHED_OTHER && policy <= SCHED_BATCH) || policy == SCHED_IDLE;
}

static bool policy_is_real_time(int policy) { return policy == SCHED_FIFO || policy == SCHED_RR; }

static bool may_schedule(const struct call *c, const struct facts_proc *f)
{
	uint32_t euid = c->me.attr.euid;

	return !euid || euid == f->attr.uid || euid == f->attr.euid;
}

/* ---- policies: known, and refused */

static int target(const struct call *c, struct facts_proc *f)
{
	int pid = (int)c->arg[0];

	return pid < 0 ? -EINVAL : proc_look(c, (uint32_t)pid, f);
}

/* Linux's rules for the numbers; then anything but the one policy there is needs a right that nobody has. */
static long policy_set(struct call *c, int policy, uint64_t param)
{
	bool real = policy_is_real_time(policy);
	struct facts_proc f;
	int32_t prio;
	int rc;

	if (!param || (int)c->arg[0] < 0 || !policy_known(policy)) return -EINVAL;
	if (mem_in(c, &prio, param, sizeof(prio))) return -EFAULT;
	rc = target(c, &f);
	if (rc) return rc;
	if (real ? prio < 1 || prio > 99 : prio != 0) return -EINVAL;
	return real || !may_schedule(c, &f) ? -EPERM : 0;
}

long pm_sched_setscheduler(struct call *c)
{
	return policy_set(c, (int)c->arg[1] & ~SCHED_RESET_ON_FORK, c->arg[2]);
}

long pm_sched_setparam(struct call *c) { return policy_set(c, SCHED_OTHER, c->arg[1]); }

long pm_sched_getscheduler(struct call *c)
{
	struct facts_proc f;
	int rc = target(c, &f);

	return rc ? rc : SCHED_OTHER;
}

long pm_sched_getparam(struct call *c)
{
	int32_t prio = 0;
	long rc = c->arg[1] ? pm_sched_getscheduler(c) : -EINVAL;

	return rc ? rc : mem_out(c, c->arg[1], &prio, sizeof(prio));
}

long pm_sched_rr_get_interval(struct call *c)
{
	struct timespec ts = {0, QUANTUM_NS};
	long rc = pm_sched_getscheduler(c);

	return rc ? rc : mem_out(c, c->arg[1], &ts, sizeof(ts));
}

static long priority_limit(int policy, int real)
{
	if (!policy_known(policy)) return -EINVAL;
	return policy_is_real_time(policy) ? real : 0;
}

long pm_sched_get_priority_max(struct call *c) { return priority_limit((int)c->arg[0], 99); }
long pm_sched_get_priority_min(struct call *c) { return priority_limit((int)c->arg[0], 1); }

/* ---- nice: kept, and shown */

static bool nice_means(const struct call *c, const struct facts_proc *f)
{
	uint32_t who = (uint32_t)c->arg[1];

	if (f->state == 'Z') return false;
	switch ((int)c->arg[0]) {
	case PRIO_PROCESS: return f->pid == (who ? who : c->me.pid);
	case PRIO_PGRP: return f->attr.pgid == (who ? who : c->me.attr.pgid);
	default: return f->attr.uid == (who ? who : c->me.attr.uid);
	}
}

long pm_getpriority(struct call *c)
{
	struct facts_proc f;
	long best = -ESRCH;

	if (c->arg[0] > PRIO_USER) return -EINVAL;
	for (uint32_t pid = 0; proc_next(&pid, &f);)    /* the system call never returns less than 1 */
		if (nice_means(c, &f) && 20 - f.attr.nice > best) best = 20 - f.attr.nice;
	return best;
}

/* POSIX setpriority: lower numbers need a right. */
static long nice_set(const struct call *c, struct facts_proc *f, int nice)
{
	if (!may_schedule(c, f)) return -EPERM;
	if (nice < f->attr.nice && c->me.attr.euid) return -EACCES;
	f->attr.nice = nice;
	return attr_set(c, f, &f->attr.nice, sizeof(f->attr.nice));
}

long pm_setpriority(struct call *c)
{
	int nice = (int)c->arg[2];
	struct facts_proc f;
	long rc = -ESRCH;

	if (c->arg[0] > PRIO_USER) return -EINVAL;
	if (nice < NICE_MIN) nice = NICE_MIN;
	if (nice > NICE_MAX) nice = NICE_MAX;
	for (uint32_t pid = 0; proc_next(&pid, &f);)
		if (nice_means(c, &f) && (rc == -ESRCH || rc == 0)) rc = nice_set(c, &f, nice);
	return rc;
}

/* ---- affinity: of a thread of the caller's, or of another process's first */

static int affinity_look(const struct call *c, uint32_t *tid, struct facts_proc *f)
{
	if ((int)c->arg[0] < 0) return -ESRCH;
	*tid = c->arg[0] ? (uint32_t)c->arg[0] : c->tid;
	if (q_facts(FACTS_PROC, c->me.pid, *tid, f, sizeof(*f)) > 0) return 0;
	return q_facts(FACTS_PROC, *tid, *tid, f, sizeof(*f)) > 0 ? 0 : -ESRCH;
}

long pm_sched_getaffinity(struct call *c)
{
	struct facts_proc f;
	uint32_t tid;
	long rc;

	if (c->arg[1] < sizeof(f.affinity) || c->arg[1] % sizeof(f.affinity) || (int)c->arg[0] < 0) return -EINVAL;
	rc = affinity_look(c, &tid, &f);
	if (rc) return rc;
	f.affinity &= (1ull << machine_cpus()) - 1;
	rc = mem_out(c, c->arg[2], &f.affinity, sizeof(f.affinity));
	return rc ? rc : (long)sizeof(f.affinity);
}

long pm_sched_setaffinity(struct call *c)
{
	struct facts_proc f;
	uint64_t set = 0;
	uint32_t tid;
	int rc;

	if (mem_in(c, &set, c->arg[2], c->arg[1] < sizeof(set) ? c->arg[1] : sizeof(set))) return -EFAULT;
	rc = affinity_look(c, &tid, &f);
	if (rc) return rc;
	return may_schedule(c, &f) ? q_thread_bind(f.pid, tid, set) : -EPERM;
}

long pm_getcpu(struct call *c)
{
	uint32_t node = 0;

	if (thread_look(c)) return -ESRCH;
	if (c->arg[0] && mem_out(c, c->arg[0], &c->me.cpu, sizeof(c->me.cpu))) return -EFAULT;
	return c->arg[1] ? mem_out(c, c->arg[1], &node, sizeof(node)) : 0;
}
