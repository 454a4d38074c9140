/* links: mm/pmap.c mm/frame.c tests/unit/stub_kernel.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_pmap_kernel.c - HOST - the kernel's own tables: what is writable or executable, by every alias. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "boot/bootinfo.h"

/* The C library's start-up code has a __data_start of its own. */
#define __data_start image_data
#include "mm/pmap_kernel.c"
#undef __data_start

/* An image of nine pages, as linker.ld lays it out: text, rodata, data and bss, with the guard page in bss. */
#define IMAGE_PAGES  9
#define MEMORY_PAGES 2048u
#define LOADER_FIRST 512u               /* as much as a big page holds */
#define LOADER_LAST  1023u
#define HOLE_FIRST   1200u
__asm__(".section .bss\n"
        ".balign 4096\n"
        ".globl __text_start, __text_end, __rodata_start, __rodata_end, image_data, __bss_end, __boot_stack_guard\n"
        "__text_start: .skip 3 * 4096\n"
        "__text_end: __rodata_start: .skip 2 * 4096\n"
        "__rodata_end: image_data: .skip 2 * 4096\n"
        "__boot_stack_guard: .skip 2 * 4096\n"
        "__bss_end:\n"
        ".text\n");

#define IMAGE_PHYS (600 * PAGE_SIZE)

static unsigned loads, flushes;
void tlb_load(struct pmap *pm) { loads += pm == &kernel_pmap; }
void tlb_flush_global(void) { flushes++; }
void tlb_shootdown(struct pmap *pm, uint64_t start, uint64_t n) { (void)pm, (void)start, (void)n; }
void tlb_leave(struct pmap *pm) { (void)pm; }

static struct boot_range memory_range(uint64_t first, uint64_t last, uint32_t kind)
{
	return (struct boot_range){ first * PAGE_SIZE, (last + 1 - first) * PAGE_SIZE, kind, 0 };
}

/* 8 MiB, at an address where a big page may begin; and 6 MiB behind it that nobody touches. */
static int kernel_setup(void **st)
{
	static struct bootinfo bi = { .magic = BOOTINFO_MAGIC, .nranges = 5 };

	(void)st;
	direct_base = (uintptr_t)aligned_alloc(HUGE_SIZE, MEMORY_PAGES * PAGE_SIZE);
	bi.range[0] = memory_range(0, LOADER_FIRST - 1, BOOT_RAM_FREE);
	bi.range[1] = memory_range(LOADER_FIRST, LOADER_LAST, BOOT_RAM_LOADER);
	bi.range[2] = memory_range(LOADER_LAST + 1, HOLE_FIRST - 1, BOOT_RAM_FREE);
	bi.range[3] = memory_range(MEMORY_PAGES - 1, MEMORY_PAGES - 1, BOOT_RAM_FIRMWARE);
	bi.range[4] = memory_range(4096 + 5, 4096 + 1535, BOOT_RAM_LOADER);
	bi.kernel_phys = IMAGE_PHYS - ((uintptr_t)__text_start - KERNEL_BASE);
	frame_init(&bi);
	pmap_kernel_init();
	return 0;
}

static pte_t image_pte(const char *at)
{
	return *pmap_slot(&kernel_pmap, (uintptr_t)at, 1, false);
}

static int kernel_teardown(void **st)
{
	(void)st;
	free((void *)direct_base);
	return 0;
}

/* The PTE of a page, or the PDE of a big one: address and rights of the page. */
static pte_t direct_pte(paddr_t pa)
{
	pte_t *slot = pmap_slot(&kernel_pmap, direct_base + pa, 1, false);

	if (slot) return *slot;
	slot = pmap_slot(&kernel_pmap, direct_base + pa, 2, false);
	return slot && (*slot & PTE_PS) ? (*slot & ~PTE_PS) + pa % HUGE_SIZE : 0;
}

static void the_image_is_mapped_with_the_rights_of_its_sections(void **st)
{
	(void)st;
	assert_int_equal(image_pte(__text_start) & (PTE_P | PTE_W | PTE_NX | PTE_U), PTE_P);
	assert_int_equal(image_pte(__rodata_start) & (PTE_P | PTE_W | PTE_NX), PTE_P | PTE_NX);
	assert_int_equal(image_pte(image_data) & (PTE_P | PTE_W | PTE_NX), PTE_P | PTE_W | PTE_NX);
	assert_int_equal(image_pte(__text_start) & PTE_ADDR, IMAGE_PHYS);
	assert_int_equal(image_pte(__bss_end - 1) & PTE_ADDR, IMAGE_PHYS + 8 * PAGE_SIZE);
}

static void the_boot_stack_has_a_guard_page(void **st)
{
	(void)st;
	assert_int_equal(image_pte(__boot_stack_guard), 0);
	assert_true(image_pte(__boot_stack_guard + PAGE_SIZE) & PTE_P);
}

static void no_alias_of_text_or_rodata_is_writable(void **st)
{
	(void)st;
	for (unsigned i = 0; i < IMAGE_PAGES; i++) {
		pte_t pte = direct_pte(IMAGE_PHYS + i * PAGE_SIZE);

		assert_int_equal(pte & PTE_ADDR, IMAGE_PHYS + i * PAGE_SIZE);
		assert_true(pte & PTE_NX);
		assert_int_equal(!(pte & PTE_W), i < 5);
	}
}

static void all_memory_is_in_the_direct_map_and_never_executable(void **st)
{
	(void)st;
	for (uint64_t pfn = 1; pfn < HOLE_FIRST; pfn += 7) {
		assert_int_equal(direct_pte(pfn * PAGE_SIZE) & PTE_ADDR, pfn * PAGE_SIZE);
		assert_true(direct_pte(pfn * PAGE_SIZE) & PTE_NX);
	}
	assert_int_equal(direct_pte(HOLE_FIRST * PAGE_SIZE), 0);
}

static void firmware_is_read_only(void **st)
{
	(void)st;
	assert_int_equal(direct_pte((MEMORY_PAGES - 1) * PAGE_SIZE) & (PTE_P | PTE_W), PTE_P);
}

static void big_pages_are_used_where_they_fit(void **st)
{
	pte_t *pde = pmap_slot(&kernel_pmap, direct_base + 9 * HUGE_SIZE, 2, false);

	(void)st;
	assert_int_equal(*pde & (PTE_P | PTE_PS | PTE_W | PTE_NX), PTE_P | PTE_PS | PTE_W | PTE_NX);
	assert_int_equal(*pde & PTE_ADDR, 9 * HUGE_SIZE);
	assert_non_null(pmap_slot(&kernel_pmap, direct_base + 8 * HUGE_SIZE, 1, false));        /* begins too late */
	assert_non_null(pmap_slot(&kernel_pmap, direct_base + IMAGE_PHYS, 1, false));           /* holds text */
}

static void the_upper_half_is_filled_once_and_for_all(void **st)
{
	const pte_t *root = phys_to_virt(kernel_pmap.root);
	struct pmap pm;

	(void)st;
	for (unsigned i = 256; i < 512; i++) assert_true(root[i] & PTE_P);
	assert_int_equal(pmap_init(&pm), 0);
	assert_memory_equal((pte_t *)phys_to_virt(pm.root) + 256, root + 256, 256 * sizeof(pte_t));
	pmap_destroy(&pm);
}

static void the_new_tables_are_loaded_and_the_old_ones_forgotten(void **st)
{
	(void)st;
	assert_int_equal(loads, 1);
	assert_int_equal(flushes, 1);
	assert_ptr_equal(this_cpu()->pmap, &kernel_pmap);
	assert_int_equal(kernel_pmap.cpus, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_image_is_mapped_with_the_rights_of_its_sections),
		cmocka_unit_test(the_boot_stack_has_a_guard_page),
		cmocka_unit_test(no_alias_of_text_or_rodata_is_writable),
		cmocka_unit_test(all_memory_is_in_the_direct_map_and_never_executable),
		cmocka_unit_test(firmware_is_read_only),
		cmocka_unit_test(big_pages_are_used_where_they_fit),
		cmocka_unit_test(the_upper_half_is_filled_once_and_for_all),
		cmocka_unit_test(the_new_tables_are_loaded_and_the_old_ones_forgotten),
	};

	return cmocka_run_group_tests(tests, kernel_setup, kernel_teardown);
}
