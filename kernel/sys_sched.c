/* SPDX-License-Identifier: MIT */
/* kernel/sys_sched.c - RING 0 - where a thread runs.
 *
 * Path:  syscall.c > [sys_sched.c] > sched.c
 * Locks: proc->lock around its threads.
 */
#include "kernel/proc.h"
#include "kernel/smp.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"

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
	if (signal_queue(p, *tid, &probe)) return proc_find(*tid);
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
