/* SPDX-License-Identifier: MIT */
/* kernel/timer.h - RING 0 - timers on a clock, that may repeat: timerfd, RLIMIT_CPU. */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "kernel/lock.h"
#include "kernel/time.h"

struct proc;

struct ctimer {
	struct timer timer;
	struct spinlock lock;   /* RANK_HANDLE */
	struct proc *proc;      /* [c] whose CPU time it counts, and who gets the signal */
	int clock;              /* [l] */
	uint64_t expires;       /* [l] ns of its clock; 0: not armed */
	uint64_t interval;      /* [l] */
	uint64_t pause;         /* [fire] ns that the next ring waits at least */
	/* [c] No lock held; may be in an interrupt.  => has somebody taken the one before, and will take this? */
	bool (*fire)(struct ctimer *, uint64_t expirations);
};      /* [l] lock; only one at a time may set it: who does has a mutex */

void ctimer_init(struct ctimer *, struct proc *, bool (*fire)(struct ctimer *, uint64_t));
void ctimer_set(struct ctimer *, int clock, uint64_t expires, uint64_t interval);      /* 0: not armed, and it will not fire */
void ctimer_get(struct ctimer *, uint64_t *left, uint64_t *interval);

/* sys_time.c.  Beside Linux's clocks: what a process used in ring 3 */
#define CLOCK_PROCESS_USER 100
int64_t clock_of(int clock, struct proc *, uint32_t tid);       /* ns; -EINVAL */

#endif
