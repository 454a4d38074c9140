/* SPDX-License-Identifier: MIT */
/* mm/pmap_kernel.c - RING 0 - the kernel's own address space, made once at boot in place of the loader's.
 *
 * Path:  main.c > [pmap_kernel.c] > pmap.c
 * Use:   pmap_kernel_init(), after frame_init().
 * Locks: none: one CPU, no threads yet.
 *
 *   0xffff800000000000  all memory (DIRECT_BASE), NX, 2 MiB pages; 4 KiB around the kernel image and at range ends
 *   0xffffc00000000000  device registers          vmap.c
 *   0xffffd00000000000  kernel stacks             vmap.c
 *   0xffffe00000000000  kalloc_pages()            vmap.c
 *   0xffffffff80000000  the kernel image, as linked
 *   The user half is empty: no address of ring 3 is valid without a process.
 *
 * W1  Nothing is writable and executable, by no alias: text and rodata are read-only in the direct map as well.
 * W2  All 256 root slots of this half are filled here and never change (pmap.c M3). */
#include "boot/bootinfo.h"
#include "kernel/cpu.h"
#include "mm/frame.h"
#include "mm/pmap.h"

#define HUGE_SIZE (512 * PAGE_SIZE)     /* what a PDE maps */
#define PTE_KERNEL (PTE_P | PTE_G)

/* linker.ld; sections are page-aligned */
extern char __text_start[], __text_end[], __rodata_start[], __rodata_end[], __data_start[], __bss_end[];
extern char __boot_stack_guard[];       /* a page of .bss */

struct pmap kernel_pmap = { .lock = SPINLOCK_INIT(RANK_PMAP, "kernel pmap") };

static paddr_t image_phys(const char *p) { return (uintptr_t)p - KERNEL_BASE + frame_bootinfo->kernel_phys; }

static void enter(uint64_t va, int level, pte_t pte)
{
	pte_t *slot = pmap_slot(&kernel_pmap, va, level, true);

	if (!slot) panic("too little memory for the kernel's page tables; give the machine 64 MiB");
	*slot = pte;
}

static void image_map(const char *start, const char *end, pte_t rights)
{
	for (const char *p = start; p < end; p += PAGE_SIZE)
		enter((uintptr_t)p, 1, image_phys(p) | rights | PTE_KERNEL);
}

/* Is any byte of [pa, pa + size) between the start of text and the end of rodata? */
static bool image_readonly(paddr_t pa, uint64_t size)
{
	return pa < image_phys(__rodata_end) && pa + size > image_phys(__text_start);
}

/* A 2 MiB page lies in one range: pages of different memory types must not share one (SDM 3A 11.11.9). */
static void direct_map(const struct boot_range *r)
{
	pte_t rights = PTE_KERNEL | PTE_NX | (r->kind == BOOT_RAM_FIRMWARE ? 0 : PTE_W);
	paddr_t end = r->start + r->len;

	for (paddr_t pa = r->start; pa < end;) {
		bool huge = pa % HUGE_SIZE == 0 && end - pa >= HUGE_SIZE && !image_readonly(pa, HUGE_SIZE);
		uint64_t va = direct_base + pa;

		if (huge) enter(va, 2, pa | rights | PTE_PS);
		else      enter(va, 1, pa | (image_readonly(pa, PAGE_SIZE) ? rights & ~PTE_W : rights));
		pa += huge ? HUGE_SIZE : PAGE_SIZE;
	}
}

void pmap_kernel_init(void)
{
	struct page *root = frame_alloc(PAGE_KERNEL, FRAME_ZERO);

	INVARIANT("W2", root != NULL);
	kernel_pmap.root = page_phys(root);
	kernel_pmap.cpus = BIT(this_cpu()->id);
	for (uint64_t va = DIRECT_BASE; va != 0; va += BIT(39))
		if (!pmap_slot(&kernel_pmap, va, 3, true)) panic("too little memory: give the machine 64 MiB");

	image_map(__text_start, __text_end, 0);
	image_map(__rodata_start, __rodata_end, PTE_NX);
	image_map(__data_start, __bss_end, PTE_W | PTE_NX);
	*pmap_slot(&kernel_pmap, (uintptr_t)__boot_stack_guard, 1, true) = 0;
	for (uint32_t i = 0; i < frame_bootinfo->nranges; i++)
		direct_map(&frame_bootinfo->range[i]);

	this_cpu()->pmap = &kernel_pmap;
	tlb_load(&kernel_pmap);
	tlb_flush_global();             /* the loader's identity page may be global */
}
