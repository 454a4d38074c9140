/* SPDX-License-Identifier: MIT */
/* kernel/clock.h - RING 0 - between time.c (the timer interrupt), sched.c (whose time is over). */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include "kernel/klib.h"

void time_init(void);
void clock_interrupt(void);
void clock_want(uint64_t when); /* interrupts off: the timer is to interrupt this CPU by then (time_mono() ns) */
uint64_t sched_deadline(void);  /* when the running thread should be preempted; ~0: nobody waits */
void sched_tick(void);
void clock_spin(uint64_t ns);
void sched_init(void);          /* the boot thread becomes this CPU's idle thread */
void sched_cpu_init(void);      /* on a further CPU: cpu->idle, on whose stack it runs */
void sched_idle(void) __attribute__((noreturn));

#endif
