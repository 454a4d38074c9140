/* SPDX-License-Identifier: MIT */
/* kernel/fpu.h - RING 0 - floating-point and vector state: XSAVE areas of one page. */
#ifndef KERNEL_FPU_H
#define KERNEL_FPU_H

#include "kernel/klib.h"

void fpu_init(bool xsave, uint64_t supported);          /* per CPU: XCR0 */
void fpu_area_init(void *area);                 /* the state of a new program (fcw 0x37f, mxcsr 0x1f80) */
bool fpu_area_ok(const void *area);                     /* may it be restored without a fault? (signal frames) */

#endif
