/* SPDX-License-Identifier: MIT */
/* tests/unit/stub_kernel.h - HOST - what a unit test of ring 0 may ask of its stand-in for the kernel. */
#ifndef UNIT_STUB_KERNEL_H
#define UNIT_STUB_KERNEL_H

#include "kernel/klib.h"

/* Called where a thread of the kernel would sleep: it lets the scripted world advance.  NULL: sleeping fails. */
extern void (*host_sleep_hook)(void);
extern uint64_t host_limit[16];          /* by RLIMIT_*; mm_setup() makes them infinite */
extern int host_sleep_status;           /* what an interruptible sleep ends with: 0, or -EINTR for a signal */
/* The expression must panic; a line of the test that is reached says so.  For tests that include cmocka.h. */
#define expect_panic(expr) expect_assert_failure(expr)

extern uint32_t host_cpu;               /* whom the thread runs on, of ncpus; each has its own data (cpus[]) */
extern uint64_t host_now;               /* time_mono(); each call adds a microsecond */

/* "Physical memory" of this many pages, with frame.c and pmap.c on it (both are to be linked).  It is made once in a
 * program; further calls keep what there is. */
void host_mm_init(unsigned pages);
void host_mm_done(void);
void host_kernel_tables(void);          /* the first two levels, as the loader makes them */

#endif
