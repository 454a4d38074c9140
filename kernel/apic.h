/* SPDX-License-Identifier: MIT */
/* kernel/apic.h - RING 0 - interrupts: the local APIC, and vectors. */
#ifndef KERNEL_APIC_H
#define KERNEL_APIC_H

#include "kernel/klib.h"

#define VECTOR_TIMER    0x20
					/* BOOT_COM1_VECTOR, BOOT_DISK_VECTOR, BOOT_SPURIOUS_VECTOR */
#define VECTOR_KICK      0xf0           /* from another CPU: look at your queue (smp.h) */
#define VECTOR_SHOOTDOWN 0xf1

void apic_cpu_init(void);               /* on each CPU */
#define APIC_NMI        0x400u          /* delivery mode (SDM 3A 10.6.1) */
void apic_send(uint32_t apic_id, uint32_t what);        /* a vector, or APIC_NMI */
void apic_eoi(void);
void apic_timer_set(uint64_t ns);       /* one interrupt after this time, or after a second if that is sooner */

#endif
