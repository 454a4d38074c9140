/* SPDX-License-Identifier: MIT */
/* kernel/cpulimit.c - RING 0 - RLIMIT_CPU: SIGXCPU at the soft limit and each second from there, SIGKILL at the hard one.
 *
 * CPU time goes by only while a thread runs, so nobody knows when a limit is reached: it is looked at when it could be,
 * but not more often than CPU_LOOK.
 *
 * Path:  time.c clock_interrupt() > cpu_limit_look() > signal.c; forward.c, fork.c, proc.c > [cpulimit.c]
 * Locks: proc->cpu_limit_lock (a mutex) around setting it; a timer that is cancelled does not run any more.
 */
#include "kernel/proc.h"

#define NS 1000000000ull
#define CPU_LOOK 4000000ull             /* ns */

static void cpu_limit_look(void *arg)
{
	struct proc *p = arg;
	uint64_t now = proc_cpu_ns(p);

	if (now >= p->cpu_limit_next) {
		signal_send(p, now / NS >= p->rlimit[RLIMIT_CPU][1] ? SIGKILL : SIGXCPU);
		p->cpu_limit_next = (now / NS + 1) * NS;
	}
	timer_arm(&p->cpu_limit, time_mono() + MAX((p->cpu_limit_next - now) / ncpus, CPU_LOOK), cpu_limit_look, p);
}

void cpu_limit_set(struct proc *p)
{
	uint64_t soft = p->rlimit[RLIMIT_CPU][0];

	mutex_lock(&p->cpu_limit_lock);
	timer_cancel(&p->cpu_limit);
	p->cpu_limit_next = MAX(soft, 1ull) * NS;
	if (p->nthreads && soft < INT64_MAX / NS) cpu_limit_look(p);    /* without threads it ends */
	mutex_unlock(&p->cpu_limit_lock);
}
