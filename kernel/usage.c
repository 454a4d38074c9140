/* SPDX-License-Identifier: MIT */
/* kernel/usage.c - RING 0 - what threads and processes used so far.
 *
 * Path:  sys_facts.c, sys_time.c, proc.c > [usage.c]
 * Locks: proc->lock around what threads that have ended used.
 */
#include "kernel/proc.h"

void usage_add(struct usage *to, const struct usage *u)
{
	to->cpu_ns += u->cpu_ns;
	to->sys_ns += u->sys_ns;
	to->minflt += u->minflt;
	to->majflt += u->majflt;
	to->nvcsw += u->nvcsw;
	to->nivcsw += u->nivcsw;
	to->maxrss = MAX(to->maxrss, u->maxrss);
}

struct usage thread_usage(struct thread *t)
{
	struct usage u = t->used;

	u.cpu_ns = thread_cpu_ns(t);
	if (t->sys_since) u.sys_ns += u.cpu_ns - t->sys_since;
	u.sys_ns = MIN(u.sys_ns, u.cpu_ns);
	return u;
}

struct usage proc_usage(struct proc *p)
{
	struct usage u, one;

	spin_lock(&p->lock);
	u = p->used;
	list_for(l, &p->threads) {
		one = thread_usage(container_of(l, struct thread, proc_link));
		usage_add(&u, &one);
	}
	spin_unlock(&p->lock);
	return u;
}

uint64_t proc_cpu_ns(struct proc *p) { return proc_usage(p).cpu_ns; }
