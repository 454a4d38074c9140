/* SPDX-License-Identifier: MIT */
/* kernel/smp.h - RING 0 - further CPUs: started, interrupted, asked to forget translations. */
#ifndef KERNEL_SMP_H
#define KERNEL_SMP_H

#include "kernel/klib.h"

struct cpu;
struct pmap;

void smp_start(void);           /* every CPU that ACPI lists */
void smp_stop_others(void);     /* panic: they halt for good */
void cpu_kick(struct cpu *);    /* it looks at its run queue, timer and signals soon; also a CPU that idles */

/* What another CPU is to do about translations; the asker waits, and answers others meanwhile. */
struct shootdown {
	struct pmap *pmap;
	uint64_t start, npages; /* npages 0: stop using these tables: they are about to be freed */
};
void shootdown_send(struct shootdown *, uint64_t cpus);         /* returns when all of them (bit per id) did it */
void shootdown_poll(void);      /* do what others asked; wherever a CPU waits with interrupts off */

#endif
