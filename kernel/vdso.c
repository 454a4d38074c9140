/* SPDX-License-Identifier: MIT */
/* kernel/vdso.c - RING 0 - the vDSO: two pages that all programs share, the clock's parameters and code that reads them.
 *
 * Path:  main.c, exec.c > [vdso.c] > mm/map.c;  time.c > [vdso.c] when the date is set
 * Locks: none: the object is made once; its first page changes by single stores (abi/vdso.h). */
#include "boot/bootinfo.h"
#include "kernel/time.h"
#include "mm/frame.h"
#include "mm/map.h"

static struct vmo *vdso;

/* => a thread's context: it may sleep for memory */
void vdso_init(void)
{
	const void *code = phys_to_virt(frame_bootinfo->vdso);

	vdso = vmo_create(NULL, 0, 2 * PAGE_SIZE, 2 * PAGE_SIZE, 0);
	if (!vdso || pcache_write_kernel(vdso, PAGE_SIZE, code, PAGE_SIZE, 2 * PAGE_SIZE) < 0)
		panic("no memory for the vDSO");
	vdso_update();
}

void vdso_update(void)
{
	if (vdso) pcache_write_kernel(vdso, 0, &time_clock, sizeof(time_clock), PAGE_SIZE);
}

int vdso_map(struct map *m, uaddr_t *at)
{
	uaddr_t clock = 0;
	int rc = map_map(m, &clock, 2 * PAGE_SIZE, PROT_READ | PROT_EXEC, PROT_READ | PROT_EXEC, MAP_SHARED, vdso, 0);

	*at = clock + PAGE_SIZE;
	return rc;
}
