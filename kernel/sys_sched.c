/* SPDX-License-Identifier: MIT */
/* kernel/sys_sched.c - RING 0 - where a thread runs.
 *
 * Path:  syscall.c > [sys_sched.c] > sched.c
 * Locks: proc->lock around its threads.
 */
#include "kernel/forward.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"

SYSCALL(sched_yield)
{
	thread_yield();
	return 0;
}

/* A thread of the process that was looked at; it leaves a CPU that it may not run on when it next goes to ring 3. */
SYSCALL(thread_bind)
{
	uint64_t set = a3 & (BIT(ncpus) - 1);
	struct thread *t;
	struct proc *p;

	if (current_proc()->port != pm_port) return -EPERM;
	if (!set) return -EINVAL;
	p = proc_find(a0);
	if (!p) return -ESRCH;
	spin_lock(&p->lock);
	t = p->start_ns == a1 ? thread_of_locked(p, a2) : NULL;
	if (t) thread_bind(t, set);
	spin_unlock(&p->lock);
	proc_unref(p);
	return t ? 0 : -ESRCH;
}
