/* SPDX-License-Identifier: MIT */
/* user/pm/pm.h - RING 3 - what the parts of the process manager share: a call, its caller, and others' attributes. */
#ifndef PM_PM_H
#define PM_PM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <time.h>

#include "abi/facts.h"
#include "abi/quire.h"
#include "user/lib/server.h"

struct call {
	uint64_t token;
	uint32_t nr, tid;               /* Linux's number; the calling thread */
	const uint64_t *arg;
	bool answered;                  /* by the function itself */
	uint64_t more;                  /* arg[1] of the answer */
	struct facts_proc me;           /* the caller, as it was when the call came */
};

typedef long (*call_fn)(struct call *);         /* => as Linux's call: a result, or -errno */

/* The caller's memory, by its own addresses: as user/lib/server.h says. */
int mem_in(const struct call *, void *to, uint64_t at, size_t n);
int mem_out(const struct call *, uint64_t at, const void *from, size_t n);
int mem_new(const struct call *, uint64_t at, const void *from, size_t n);      /* into the memory that execve makes */
int mem_text(const struct call *, char *to, uint64_t at, size_t size);        /* length without NUL; -EFAULT, -ENAMETOOLONG */

/* Processes.  0, -ESRCH.  pid 0: the caller, but for proc_facts() */
int proc_facts(uint32_t pid, struct facts_proc *);
int proc_look(const struct call *, uint32_t pid, struct facts_proc *);
int thread_look(struct call *);         /* c->me, with the times, mask and words of the calling thread */
bool proc_next(uint32_t *pid, struct facts_proc *);     /* the one after *pid, dead ones too; false: no more */
/* A part of f->attr, changed here, is made so: `part` and n say which.  -ESRCH: it ended meanwhile, or who asked was killed */
int attr_set(const struct call *, const struct facts_proc *f, const void *part, size_t n);

/* A call that waits begins again: its token and words, as they came. */
void serve_again(uint64_t token, const uint64_t arg[IPC_ARGS]);

/* CPU time of a process, or of a thread of the caller's, has a negative number: ~pid << 3, bit 2 for threads, then whether
 * all of it (2, 0) or what was used in ring 3 (1).  Number 0 is the caller. */
#define CPU_CLOCK(id, bits) ((int)(~(uint32_t)(id) << 3 | (bits)))
#define CLOCK_OF_THREAD 4

/* oom.c */
void memory_lack(void);                 /* who faults finds no page: another process ends for it */
void *pm_alloc(size_t n);               /* zeroed; NULL: programs can have none */

/* time.c */
struct rusage usage_of(const struct usage *, uint64_t rss_peak);
#define CPU_LOOK 4000000ul              /* ns: who waits for CPU time looks at it no more often */

#define PM(name) long pm_##name(struct call *)
/* sched.c */
PM(sched_setscheduler); PM(sched_setparam); PM(sched_getscheduler); PM(sched_getparam); PM(sched_rr_get_interval);
PM(sched_get_priority_max); PM(sched_get_priority_min); PM(getpriority); PM(setpriority);
PM(sched_setaffinity); PM(sched_getaffinity); PM(getcpu);
/* cred.c */
PM(getresuid); PM(getresgid); PM(setuid); PM(setgid); PM(setreuid); PM(setregid); PM(setresuid); PM(setresgid);
PM(setfsuid); PM(setfsgid); PM(getgroups); PM(setgroups); PM(capget); PM(capset);
/* clone.c, exec.c */
PM(clone); PM(clone3); PM(execve);
/* limits.c, settings.c */
int cpu_limit_set(const struct facts_proc *);           /* as it has it, from its birth or from now on.  -ENOMEM */
PM(getrlimit); PM(setrlimit); PM(prlimit64);
PM(prctl); PM(personality); PM(get_robust_list);
/* session.c */
PM(getpgrp); PM(getpgid); PM(getsid); PM(setpgid); PM(setsid);
/* kill.c */
PM(kill); PM(tkill); PM(tgkill); PM(rt_sigqueueinfo); PM(rt_tgsigqueueinfo); PM(rt_sigpending);
/* wait.c */
PM(wait4); PM(waitid);
/* time.c */
PM(clock_settime); PM(settimeofday); PM(gettimeofday); PM(time); PM(clock_getres); PM(clock_gettime);
PM(clock_nanosleep); PM(getrusage); PM(times);
int64_t clock_read(const struct call *, int clock);     /* ns; -EINVAL */
bool timespec_ns(const struct timespec *, uint64_t *ns);        /* false: it is no time */
/* timer_calls.c */
PM(getitimer); PM(setitimer); PM(alarm); PM(timer_create); PM(timer_settime); PM(timer_gettime); PM(timer_getoverrun);
PM(timer_delete);
/* machine.c */
PM(uname); PM(sethostname); PM(setdomainname); PM(sysinfo); PM(reboot);
uint32_t machine_cpus(void);

#endif
