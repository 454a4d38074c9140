/* SPDX-License-Identifier: MIT */
/* kernel/clock.h - RING 0 - between time.c (the timer interrupt) and sched.c (whose time is over). */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include "kernel/klib.h"

void time_init(void);
void clock_interrupt(void);
void clock_program(void);       /* set the APIC timer to the next event */
uint64_t sched_deadline(void);  /* when the running thread should be preempted; ~0: nobody waits */
void sched_tick(void);
void sched_init(void);          /* the boot thread becomes this CPU's idle thread */
void sched_idle(void) __attribute__((noreturn));
void thread_preempt(void);      /* on the way back to ring 3: another one's turn */

#endif
