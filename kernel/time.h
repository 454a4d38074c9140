/* SPDX-License-Identifier: MIT */
/* kernel/time.h - RING 0 - clocks in nanoseconds, and timers. */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include "kernel/klib.h"

uint64_t time_mono(void);       /* ns since boot, from the calibrated TSC; never goes back */
int64_t time_real(void);        /* ns since the epoch: the RTC at boot + time_mono() */

/* A timer calls fn(arg) once, with interrupts off and no lock held, on the CPU that armed it. */
struct timer {
	struct list link;       /* [TIMER] */
	uint64_t when;          /* time_mono() ns; 0: not armed */
	void (*fn)(void *arg);
	void *arg;
};
void timer_arm(struct timer *, uint64_t when, void (*fn)(void *), void *arg);
void timer_cancel(struct timer *);      /* after it returns fn does not run any more */

#endif
