/* SPDX-License-Identifier: MIT */
/* kernel/time.h - RING 0 - clocks in nanoseconds, and timers. */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include "abi/vdso.h"
#include "kernel/klib.h"

struct cpu;

uint64_t time_mono(void);       /* ns since boot, from the calibrated TSC; never goes back */
int64_t time_real(void);        /* ns since the epoch: the RTC at boot + time_mono() */
void time_real_set(int64_t ns);
void time_init(void);
void clock_interrupt(void);
void clock_want(uint64_t when); /* interrupts off: the timer is to interrupt this CPU by then (time_mono() ns) */

/* vdso.c: the same clock for programs, without a system call. */
struct map;
extern struct vdso_clock time_clock;    /* real_base alone changes */
void vdso_init(void), vdso_update(void);
int vdso_map(struct map *, uaddr_t *at);        /* *at: AT_SYSINFO_EHDR; 0, -ENOMEM */

/* A timer calls fn(arg) once, with interrupts off and no lock held, on the CPU that armed it. */
struct timer {
	struct list link;       /* [t] cpu->timers */
	struct cpu *cpu;        /* that armed it last; NULL: never armed */
	uint64_t when;          /* [t] time_mono() ns; 0: not armed */
	void (*fn)(void *arg);
	void *arg;
};      /* [t] cpu->timer_lock */
void timer_arm(struct timer *, uint64_t when, void (*fn)(void *), void *arg);   /* armed already: cancels that first */
/* After it returns fn does not run any more: the caller holds no lock that fn takes.  fn itself may call both. */
void timer_cancel(struct timer *);

#endif
