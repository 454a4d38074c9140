/* SPDX-License-Identifier: MIT */
/* kernel/apic.h - RING 0 - interrupts: the local APIC, vectors and who handles them. */
#ifndef KERNEL_APIC_H
#define KERNEL_APIC_H

#include "kernel/klib.h"

struct cpu;

#define VECTOR_TIMER    0x20
#define VECTOR_FIRST    0x30            /* handed out by irq_alloc; the first one to COM1 (BOOT_COM1_VECTOR) */
#define VECTOR_LAST     0xef
#define VECTOR_KICK      0xf0           /* from another CPU: look at your queue (smp.h) */
#define VECTOR_SHOOTDOWN 0xf1
#define VECTOR_SPURIOUS 0xff

void apic_init(void);
void apic_cpu_init(void);               /* on each CPU */
void apic_send(uint32_t apic_id, int vector);
void apic_send_nmi(uint32_t apic_id);
void apic_eoi(void);
void apic_timer_set(uint64_t ns);       /* one interrupt after this time, or after a second if that is sooner */
/* fn(arg) runs with interrupts off, on the CPU that got it.  The vector, or -ENOSPC. */
int irq_alloc(void (*fn)(void *), void *arg);
void irq_free(int vector);              /* fn is not running any more, nor will it; not called by fn */
void irq_dispatch(int vector);          /* nothing if nobody wants it */

#endif
