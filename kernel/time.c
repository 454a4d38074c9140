/* SPDX-License-Identifier: MIT */
/* kernel/time.c - RING 0 - what time it is, here and in the vDSO: two pages that all programs share, the clock's parameters
 *                          and code that reads them.
 *
 * Path:  sched.c, proc.c ... > [time.c];  main.c, exec.c > [time.c] > mm/map.c
 * Locks: none: the vDSO is made once; its first page changes by single stores (abi/vdso.h). */
#include "boot/bootinfo.h"
#include "kernel/thread.h"
#include "mm/map.h"

struct vdso_clock time_clock;
static struct vmo *vdso;

uint64_t time_mono(void)
{
	return (unsigned __int128)(rdtsc() - time_clock.tsc_base) * time_clock.tsc_mult >> 32;
}

int64_t time_real(void)
{
	return time_clock.real_base + (int64_t)time_mono();
}

static int64_t vdso_write(uint64_t at, const void *from, uint64_t len)
{
	struct io io = {.buf = (uintptr_t)from, .len = len, .write = true, .kernel = true};

	return pcache_write(vdso, &at, io, 2 * PAGE_SIZE);
}

void time_real_set(int64_t ns)
{
	time_clock.real_base = ns - (int64_t)time_mono();
	vdso_write(0, &time_clock, sizeof(time_clock));         /* a program that asks the vDSO hears it from now on */
}

/* ---- the vDSO */

/* => a thread's context: it may sleep for memory */
void vdso_init(void)
{
	const void *code = phys_to_virt(frame_bootinfo->vdso);

	vdso = vmo_create(NULL, 0, 2 * PAGE_SIZE, 2 * PAGE_SIZE, 0);
	if (!vdso || vdso_write(PAGE_SIZE, code, PAGE_SIZE) < 0 || vdso_write(0, &time_clock, sizeof(time_clock)) < 0)
		panic("no memory for the vDSO");
}

int vdso_map(struct map *m)
{
	const uint32_t prot = PROT_READ | PROT_EXEC;
	uaddr_t at = VDSO_AT - PAGE_SIZE;

	return map_map(m, &at, 2 * PAGE_SIZE, prot, prot, MAP_SHARED | MAP_FIXED, vdso, 0);
}
