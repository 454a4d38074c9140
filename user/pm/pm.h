/* SPDX-License-Identifier: MIT */
/* user/pm/pm.h - RING 3 - what the parts of the process manager share: a call, its caller, and others' attributes. */
#ifndef PM_PM_H
#define PM_PM_H

#include <stdbool.h>
#include <stddef.h>

#include "abi/facts.h"
#include "abi/quire.h"

struct call {
	uint64_t token;
	uint32_t nr, tid;               /* Linux's number; the calling thread */
	const uint64_t *arg;
	struct facts_proc me;           /* the caller, as it was when the call came */
};

typedef long (*call_fn)(struct call *);         /* => as Linux's call: a result, or -errno */

/* The caller's memory.  0, -EFAULT */
int mem_in(const struct call *, void *to, uint64_t at, size_t n);
int mem_out(const struct call *, uint64_t at, const void *from, size_t n);

/* Processes.  0, -ESRCH; pid 0: the caller */
int proc_look(const struct call *, uint32_t pid, struct facts_proc *);
bool proc_next(uint32_t *pid, struct facts_proc *);     /* the living one after *pid; false: no more */
/* A part of f->attr, changed here, is made so: `part` and n say which.  -ESRCH: it ended meanwhile */
int attr_set(const struct facts_proc *f, const void *part, size_t n);

/* sched.c */
long pm_sched_setscheduler(struct call *), pm_sched_setparam(struct call *), pm_sched_getscheduler(struct call *),
	pm_sched_getparam(struct call *), pm_sched_rr_get_interval(struct call *), pm_sched_get_priority_max(struct call *),
	pm_sched_get_priority_min(struct call *), pm_getpriority(struct call *), pm_setpriority(struct call *);

#endif
