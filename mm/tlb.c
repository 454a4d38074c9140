/* SPDX-License-Identifier: MIT */
/* mm/tlb.c - RING 0 - what CPUs remember of page tables, and how they are made to forget it (SDM 3A 4.10).
 *
 * Path:  pmap.c, vmap.c > [tlb.c]
 * Use:   change the tables, drop their lock (but for pmap_destroy()), then tlb_shootdown(); when it returns no CPU uses
 *        the old PTEs.  npages 0: nor the tables, which go: never for those of a process that runs.
 * Locks: none.  Ring 0 is not preempted, so that the CPU stays the same from first to last line.
 *
 * L1  No model we run on has PCID: a load of CR3 forgets all but the global pages, which only the kernel has.
 * L2  A CPU that is not in pmap->cpus holds no translation of it (pmap_switch). */
#include "kernel/cpu.h"
#include "mm/pmap.h"

#define INVLPG_MAX 32u                  /* more pages than this: forget everything instead */

/* Kernel translations are everywhere, those of a user half only where it is loaded.  The caller's store to the PTE
 * is ordered before the read of cpus (both SEQ_CST); pmap_switch() orders them the other way round. */
void tlb_shootdown(struct pmap *pm, uint64_t start, uint64_t npages)
{
	struct cpu *cpu = this_cpu();
	bool kernel = pm == &kernel_pmap;
	uint64_t who = kernel ? BIT(ncpus) - 1 : __atomic_load_n(&pm->cpus, __ATOMIC_SEQ_CST);

	cpu->tlb_shootdowns++;
	tlb_flush(pm, start, npages);
	if (who & ~BIT(cpu->id)) shootdown_send(&(struct shootdown){.pmap = pm, .start = start, .npages = npages}, who);
}

/* Kernel pages are global, a load of CR3 would keep them (L1). */
void tlb_flush(struct pmap *pm, uint64_t start, uint64_t npages)
{
	bool kernel = pm == &kernel_pmap;

	if (!kernel && this_cpu()->pmap != pm) return;
	if (npages == 0) pmap_switch(NULL);
	if (npages > INVLPG_MAX && !kernel) {
		write_cr3(read_cr3());
		return;
	}
	for (uint64_t i = 0; i < npages; i++)
		invlpg(start + i * PAGE_SIZE);
}
