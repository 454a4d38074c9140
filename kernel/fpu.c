/* SPDX-License-Identifier: MIT */
/* kernel/fpu.c - RING 0 - x87, SSE, AVX and AVX-512 state saved and restored (SDM 1 ch. 13; FXSAVE without XSAVE).
 *
 * Each user thread has an area of one page.  It is saved and restored at every switch of user threads: simple, and
 * under TCG cheaper than a trap.  Ring 0 itself is compiled without these registers.
 *
 * X1  An area fits its page: the loader lets XCR0 enable nothing that would make it larger (boot/control.c).
 */
#include "boot/bootinfo.h"
#include "kernel/thread.h"
#include "mm/page.h"

/* SDM 1 10.5.1, 13.4.2: what of an area has to be looked at. */
struct area {
	uint8_t  x87[24];
	uint32_t mxcsr;
	uint8_t  xmm[484];
	uint64_t components, reserved[7];       /* the header of XSAVE; without it zeros, as the rest of the page */
};

static bool has_xsave(void) { return frame_bootinfo->control.cr4 & BOOT_CR4_OSXSAVE; }
uint32_t fpu_area_size(void) { return frame_bootinfo->control.fpu_area; }
uint64_t fpu_features(void) { return frame_bootinfo->control.xcr0; }
const void *fpu_start(void) { return frame_bootinfo->control.fpu_start; }

void fpu_save(void *area)
{
	uint32_t which = fpu_features();

	if (has_xsave()) __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(which), "d"(0) : "memory");
	else __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

void fpu_restore(const void *area)
{
	uint32_t which = fpu_features();

	if (has_xsave()) __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(which), "d"(0) : "memory");
	else __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

/* SDM 1 13.8: reserved header bits, unknown components or reserved MXCSR bits would fault. */
bool fpu_area_ok(const void *area)
{
	const struct area *a = area;

	for (size_t i = 0; i < ARRAY_LEN(a->reserved); i++)
		if (a->reserved[i]) return false;
	return !(a->mxcsr & ~0xffffu) && !(a->components & ~fpu_features());
}
