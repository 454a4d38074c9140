/* SPDX-License-Identifier: MIT */
/* user/pm/timer.h - RING 3 - timers on any clock, that may repeat, and signal a process when they ring. */
#ifndef PM_TIMER_H
#define PM_TIMER_H

#include <time.h>

#include "abi/pm.h"
#include "user/pm/pm.h"

#define NS 1000000000ull
#define TIMER_CPU_SOFT (-4)             /* RLIMIT_CPU; -1 to -3 are setitimer()'s */
#define TIMER_CPU_HARD (-5)
#define CLOCK_PROCESS_USER 100          /* beside Linux's: what a process used in ring 3 */

struct timer {
	struct timer *next;
	uint32_t pid, execs;            /* whose it is; with an id from 0 on: of which of its programs */
	int32_t id;
	int signo;                      /* what it sends; 0: nothing (SIGEV_NONE) */
	uint32_t tid;                   /* to whom; 0: the process */
	uint64_t value;
	uint32_t thread;                /* CLOCK_THREAD_CPUTIME_ID: of this one */
	int made_with;                  /* timer_create()'s clock */
	int clock;
	uint64_t expires;               /* ns of the clock; 0: not armed */
	uint64_t interval;
	uint64_t look;                  /* when to look again: ns of CLOCK_MONOTONIC; UINT64_MAX: never */
	uint64_t pause;                 /* ns that the next ring waits at least */
	uint64_t overrun, before;       /* of the last signal sent, and of the one before it */
};

/* This process's timer with this number; NULL.  Numbers below 0 are interval timers, and limits. */
struct timer *timer_find(const struct facts_proc *, int32_t id);
struct timer *timer_new(const struct facts_proc *, uint32_t tid, int32_t id);   /* not armed; NULL: no memory */
void timer_free(struct timer *);
void timers_end(uint32_t pid);          /* this process has ended */
long timer_send(const struct timer *, int64_t overrun);         /* its signal: SYS_signal_post */
uint32_t timers_of(const struct facts_proc *, int32_t *last);       /* how many it has made that are there; the largest number */
/* expires 0: not armed. */
void timer_set(struct timer *, int clock, uint64_t expires, uint64_t interval);
void timer_left(const struct timer *, uint64_t *left, uint64_t *interval);
int64_t timer_clock(const struct timer *, int clock);           /* ns; -1: who used it is gone */
uint64_t mono_ns(void);
uint64_t timers_run(void);              /* those that are due ring.  => when the next may be: ns of CLOCK_MONOTONIC; 0: never */

#endif
