/* SPDX-License-Identifier: MIT */
/* abi/vdso.h - BOTH RINGS - what ring 0 tells the vDSO (user/vdso) in the page before it.
 *
 * ns since the boot = (TSC - tsc_base) * tsc_mult >> 32; the date is real_base later.  real_base alone changes, by one
 * store: there is nothing that could be read torn. */
#ifndef ABI_VDSO_H
#define ABI_VDSO_H

#include <stdint.h>

#define VDSO_AT 0x7fffffffd000ull      /* where the code is in every program; the clock's page is before it */

struct vdso_clock { uint64_t tsc_base, tsc_mult; int64_t real_base; };

#endif
