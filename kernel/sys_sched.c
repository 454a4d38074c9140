/* SPDX-License-Identifier: MIT */
/* kernel/sys_sched.c - RING 0 - system calls about scheduling: there is one policy, SCHED_OTHER, and all are equal.
 *
 * Path:  syscall.c > [sys_sched.c] > sched.c
 * Locks: none; who reads another process's number holds a reference.
 */
#include "kernel/proc.h"
#include "kernel/smp.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"

#define POLICIES ((int)BIT(SCHED_OTHER) | (int)BIT(SCHED_FIFO) | (int)BIT(SCHED_RR) | (int)BIT(SCHED_BATCH) | (int)BIT(SCHED_IDLE))
#define SCHED_RESET_ON_FORK 0x40000000
#define QUANTUM_NS 10000000
#define NICE_MIN (-20)
#define NICE_MAX 19

SYSCALL(sched_yield)
{
	thread_yield();
	return 0;
}

/* ---- affinity: of the current thread, of one of its process, or of another process's first */

/* => a reference, in *tid the thread; NULL: -ESRCH */
static struct proc *thread_find(uint32_t *tid)
{
	struct siginfo probe = {0};
	struct proc *p = current_proc();

	if (!*tid) *tid = current_thread()->tid;
	if (signal_queue_thread(p, *tid, &probe, NULL, 0)) return proc_find(*tid);
	proc_ref(p);
	return p;
}

/* set 0: only ask.  What it is afterwards; 0: there is no such thread */
static uint64_t affinity(struct proc *p, uint32_t tid, uint64_t set)
{
	uint64_t now = 0;

	spin_lock(&p->lock);
	list_for(l, &p->threads) {
		struct thread *t = container_of(l, struct thread, proc_link);

		if (t->tid != tid) continue;
		if (set) thread_bind(t, set);
		now = t->affinity;
	}
	spin_unlock(&p->lock);
	return now & (BIT(ncpus) - 1);
}

static bool may_schedule(const struct proc *p)
{
	const struct proc *self = current_proc();

	return !self->euid || self->euid == p->uid || self->euid == p->euid;
}

SYSCALL(sched_getaffinity)
{
	uint32_t tid = a0;
	uint64_t mask;
	struct proc *p;

	if (a1 < sizeof(mask) || a1 % sizeof(mask)) return -EINVAL;
	p = (int)a0 < 0 ? NULL : thread_find(&tid);
	mask = p ? affinity(p, tid, 0) : 0;
	if (p) proc_unref(p);
	if (!mask) return (int)a0 < 0 ? -EINVAL : -ESRCH;
	return copy_out(a2, &mask, sizeof(mask)) ? -EFAULT : (long)sizeof(mask);
}

SYSCALL(sched_setaffinity)
{
	uint32_t tid = a0;
	uint64_t mask = 0;
	struct proc *p;
	long rc = 0;

	if (copy_in(&mask, a2, MIN(a1, sizeof(mask)))) return -EFAULT;
	mask &= BIT(ncpus) - 1;
	p = (int)a0 < 0 ? NULL : thread_find(&tid);
	if (!p) return -ESRCH;
	if (!may_schedule(p)) rc = -EPERM;
	else if (!mask) rc = -EINVAL;
	else if (!affinity(p, tid, mask)) rc = -ESRCH;
	proc_unref(p);
	if (!rc) thread_yield();
	return rc;
}

SYSCALL(getcpu)
{
	uint32_t cpu = this_cpu()->id, node = 0;

	if (a0 && copy_out(a0, &cpu, sizeof(cpu))) return -EFAULT;
	return a1 ? copy_out(a1, &node, sizeof(node)) : 0;
}


/* ---- policies and priorities: known, and refused */

/* 0, -EINVAL, -ESRCH; the process has a reference if p is not NULL */
static int sched_target(int pid, struct proc **p)
{
	if (pid < 0) return -EINVAL;
	*p = proc_find(pid ? (uint32_t)pid : current_proc()->pid);
	return *p ? 0 : -ESRCH;
}

/* Linux's rules for the numbers; then anything but the one policy there is needs a right that nobody has. */
static long policy_set(int pid, int policy, uaddr_t param)
{
	bool real = policy == SCHED_FIFO || policy == SCHED_RR;
	struct proc *p;
	int32_t prio;
	int rc;

	if (!param || pid < 0 || policy < 0 || policy > SCHED_IDLE || !(POLICIES & BIT(policy))) return -EINVAL;
	if (copy_in(&prio, param, sizeof(prio))) return -EFAULT;
	rc = sched_target(pid, &p);
	if (rc) return rc;
	if (real ? prio < 1 || prio > 99 : prio != 0) rc = -EINVAL;
	else if (real || !may_schedule(p)) rc = -EPERM;
	proc_unref(p);
	return rc;
}

SYSCALL(sched_setscheduler) { return policy_set(a0, (int)a1 & ~SCHED_RESET_ON_FORK, a2); }
SYSCALL(sched_setparam) { return policy_set(a0, SCHED_OTHER, a1); }

SYSCALL(sched_getscheduler)
{
	struct proc *p;
	int rc = sched_target(a0, &p);

	if (!rc) proc_unref(p);
	return rc ? rc : SCHED_OTHER;
}

SYSCALL(sched_getparam)
{
	int32_t prio = 0;
	long rc = a1 ? sys_sched_getscheduler(a0, 0, 0, 0, 0, 0) : -EINVAL;

	return rc ? rc : copy_out(a1, &prio, sizeof(prio));
}

SYSCALL(sched_rr_get_interval)
{
	struct timespec ts = {0, QUANTUM_NS};
	long rc = sys_sched_getscheduler(a0, 0, 0, 0, 0, 0);

	return rc ? rc : copy_out(a1, &ts, sizeof(ts));
}

static long priority_limit(int policy, int real)
{
	if (policy < 0 || policy > SCHED_IDLE || !(POLICIES & BIT(policy))) return -EINVAL;
	return policy == SCHED_FIFO || policy == SCHED_RR ? real : 0;
}

SYSCALL(sched_get_priority_max) { return priority_limit(a0, 99); }
SYSCALL(sched_get_priority_min) { return priority_limit(a0, 1); }

/* ---- nice: kept, and shown */

#define PRIO_PROCESS 0
#define PRIO_PGRP    1
#define PRIO_USER    2

static bool nice_means(const struct proc *p, int which, uint32_t who)
{
	const struct proc *self = current_proc();

	if (which == PRIO_PROCESS) return p->pid == (who ? who : self->pid);
	if (which == PRIO_PGRP) return p->pgid == (who ? who : self->pgid);
	return p->uid == (who ? who : self->uid);
}

/* POSIX setpriority: lower numbers need a right. */
static int nice_set(struct proc *p, int nice)
{
	if (!may_schedule(p)) return -EPERM;
	if (nice < p->nice && current_proc()->euid) return -EACCES;
	p->nice = nice;
	return 0;
}

SYSCALL(getpriority)
{
	struct proc *p;
	long best = -ESRCH;

	if (a0 > PRIO_USER) return -EINVAL;
	for (uint32_t pid = 0; (p = proc_next(pid)); proc_unref(p)) {
		pid = p->pid;
		if (nice_means(p, a0, a1)) best = MAX(best, 20 - p->nice);      /* the system call never returns less than 1 */
	}
	return best;
}

SYSCALL(setpriority)
{
	int nice = MIN(MAX((int)a2, NICE_MIN), NICE_MAX);
	struct proc *p;
	long rc = -ESRCH;

	if (a0 > PRIO_USER) return -EINVAL;
	for (uint32_t pid = 0; (p = proc_next(pid)); proc_unref(p)) {
		pid = p->pid;
		if (nice_means(p, a0, a1) && (rc == -ESRCH || rc == 0)) rc = nice_set(p, nice);
	}
	return rc;
}
