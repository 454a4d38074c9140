/* SPDX-License-Identifier: MIT */
/* kernel/time.h - RING 0 - clocks in nanoseconds. */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include "abi/vdso.h"
#include "kernel/klib.h"

uint64_t time_mono(void);       /* ns since boot, from the calibrated TSC; never goes back */
int64_t time_real(void);        /* ns since the epoch: the RTC at boot + time_mono() */
void time_real_set(int64_t ns);

/* The same clock for programs, without a system call. */
struct map;
extern struct vdso_clock time_clock;    /* measured by the loader; real_base alone changes */
void vdso_init(void);
int vdso_map(struct map *);                     /* at VDSO_AT; 0, -ENOMEM */

#endif
