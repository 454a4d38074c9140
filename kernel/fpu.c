/* SPDX-License-Identifier: MIT */
/* kernel/fpu.c - RING 0 - x87, SSE, AVX and AVX-512 state saved and restored (SDM 1 ch. 13; FXSAVE without XSAVE).
 *
 * Each user thread has an area of one page.  It is saved and restored at every switch of user threads: simple, and
 * under TCG cheaper than a trap.  Ring 0 itself is compiled without these registers.
 *
 * X1  An area fits its page: the loader lets XCR0 enable nothing that would make it larger (boot/control.c).
 */
#include "boot/bootinfo.h"
#include "kernel/cpu.h"
#include "kernel/thread.h"
#include "mm/frame.h"

#define XSTATE_BV   512                 /* offset of the XSAVE header */

static bool has_xsave(void) { return frame_bootinfo->control.cr4 & BOOT_CR4_OSXSAVE; }
uint32_t fpu_area_size(void) { return frame_bootinfo->control.fpu_area; }
uint64_t fpu_features(void) { return frame_bootinfo->control.xcr0; }

void fpu_area_init(void *area)
{
	uint16_t fcw = 0x37f;
	uint32_t mxcsr = 0x1f80;

	memset(area, 0, fpu_area_size());
	memcpy(area, &fcw, 2);
	memcpy((char *)area + 24, &mxcsr, 4);
}

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
	uint64_t header[8];
	uint32_t mxcsr;

	memcpy(&mxcsr, (const char *)area + 24, 4);
	if (mxcsr & ~0xffffu) return false;
	if (!has_xsave()) return true;
	memcpy(header, (const char *)area + XSTATE_BV, sizeof(header));
	if (header[0] & ~fpu_features()) return false;
	for (int i = 1; i < 8; i++) {
		if (header[i]) return false;
	}
	return true;
}

void thread_fpu_fork(struct thread *to, struct thread *from)
{
	if (from == current_thread()) fpu_save(from->fpu);
	memcpy(to->fpu, from->fpu, fpu_area_size());
}

void thread_fpu_reset(void)
{
	fpu_area_init(current_thread()->fpu);
	fpu_restore(current_thread()->fpu);
}
