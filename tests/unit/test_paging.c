/* links: tests/checks/*.c tests/unit/stub_kernel.c mm/pmap.c mm/frame.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_paging.c - HOST - the page tables that the loader makes (what is writable or executable, by every
 * alias), and how the kernel takes them over.
 *
 * Tables are pieces of the heap, known by their own addresses, as in the firmware's identity map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "boot/bootinfo.h"
#include "kernel/cpu.h"
#include "tests/checks/check.h"

/* boot/loader.h without the firmware's headers; what ends a start is a panic. */
#define BOOT_LOADER_H
typedef uint64_t UINT64;
typedef uint32_t UINT32;
typedef uint8_t UINT8;
#define PAGE PAGE_SIZE
#define MIB  (1024ull * 1024)
struct blob { void *data; size_t len; };
struct image { UINT64 phys, len, base, entry, readonly; };
struct extent { UINT64 start, end; int firmware; };
#define TABLES 512
#define RAM_PAGES 1536
static char *tables, *tables_next;
static void *page_alloc(unsigned n) { return (tables_next += n * PAGE) - n * PAGE; }
static int elf_segment(const struct blob *, unsigned i, UINT64 *va, UINT64 *len, UINT32 *flags);
static void *efi = &tables;
#undef fail
#define fail(what, which) panic("%s %s", which, what)
#undef PTE_P
#undef PTE_W
#undef PTE_PS
#undef PTE_G
#undef PTE_NX
#undef PTE_ADDR
#include "boot/paging.c"

#define IMAGE_BASE (KERNEL_BASE + MIB)
#define IMAGE_PHYS (600 * PAGE)
#define JUMP_VA    0x7d123040ull
#define CPU_PAGE   (0x9e * PAGE)

/* As linker.ld lays it out: text, rodata, data with bss, the guard page that no segment has, the boot stack. */
static const struct { unsigned first, pages, flags; } segments[] = {
	{ 0, 3, PF_X | 4 }, { 3, 2, 4 }, { 5, 2, PF_W | 4 }, { 8, 1, PF_W | 4 },
};
#define IMAGE_PAGES 9

static int elf_segment(const struct blob *file, unsigned i, UINT64 *va, UINT64 *len, UINT32 *flags)
{
	(void)file;
	if (i == ARRAY_LEN(segments)) return 0;
	*va = IMAGE_BASE + segments[i].first * PAGE;
	*len = segments[i].pages * PAGE;
	*flags = segments[i].flags;
	return 1;
}

static const struct image image = { IMAGE_PHYS, IMAGE_PAGES * PAGE, IMAGE_BASE, IMAGE_BASE, 5 * PAGE };

/* 4.7 MiB, at an address where a big page may begin; the firmware's page; memory behind a hole, big pages aside. */
static const struct extent memory[] = {
	{ 0, 1200 * PAGE, 0 }, { 2047 * PAGE, 2048 * PAGE, 1 }, { 4101 * PAGE, 5632 * PAGE, 0 },
};

static unsigned flushes;
void write_cr3(uint64_t at) { flushes += at == kernel_pmap.root; }
uint64_t read_cr3(void) { return (uintptr_t)root - direct_base; }

static int group_setup(void **st)
{
	static struct bootinfo bi = { .nranges = 2, .page_array = PAGE, .npages = RAM_PAGES };
	char *ram = aligned_alloc(PAGE, RAM_PAGES * PAGE);

	(void)st;
	memset(ram, 0xa5, RAM_PAGES * PAGE);
	tables = tables_next = ram + (RAM_PAGES - TABLES) * PAGE;
	memset(tables, 0, TABLES * PAGE);
	direct_base = (uintptr_t)ram;
	memset(phys_to_virt(PAGE), 0, 31 * PAGE);
	bi.range[0] = (struct boot_range){ 32 * PAGE, (RAM_PAGES - TABLES - 32) * PAGE, BOOT_RAM_FREE, 0 };
	bi.range[1] = (struct boot_range){ (RAM_PAGES - TABLES) * PAGE, TABLES * PAGE, BOOT_RAM_LOADER, 0 };
	frame_init(&bi);
	return paging_build(NULL, &image, memory, ARRAY_LEN(memory), JUMP_VA) != (UINT64)root;
}

static int group_teardown(void **st)
{
	(void)st;
	free((void *)direct_base);
	return 0;
}

/* The PTE of a page, or the PDE of a big one: address and rights of the page; 0: none */
static UINT64 pte_below(UINT64 *t, UINT64 va)
{
	for (int l = 4;; l--) {
		UINT64 e = t[va >> (12 + 9 * (l - 1)) & 511];

		if (l == 1 || !e) return e;
		if (e & PTE_PS) return (e & ~PTE_PS) + (va & (HUGE - 1) & PTE_ADDR);
		t = (UINT64 *)(e & PTE_ADDR);
	}
}

static UINT64 pte_of(UINT64 va) { return pte_below(root, va); }

static void the_image_is_mapped_with_the_rights_of_its_segments(void **st)
{
	(void)st;
	assert_int_equal(pte_of(IMAGE_BASE), IMAGE_PHYS | PTE_P | PTE_G);
	assert_int_equal(pte_of(IMAGE_BASE + 3 * PAGE), (IMAGE_PHYS + 3 * PAGE) | PTE_P | PTE_G | PTE_NX);
	assert_int_equal(pte_of(IMAGE_BASE + 5 * PAGE), (IMAGE_PHYS + 5 * PAGE) | PTE_P | PTE_W | PTE_G | PTE_NX);
	assert_int_equal(pte_of(IMAGE_BASE + 8 * PAGE), (IMAGE_PHYS + 8 * PAGE) | PTE_P | PTE_W | PTE_G | PTE_NX);
}

static void the_boot_stack_has_a_guard_page(void **st)
{
	(void)st;
	assert_int_equal(pte_of(IMAGE_BASE + 7 * PAGE), 0);
}

static void no_alias_of_text_or_rodata_is_writable(void **st)
{
	(void)st;
	for (unsigned i = 0; i < IMAGE_PAGES; i++) {
		UINT64 pte = pte_of(DIRECT_BASE + IMAGE_PHYS + i * PAGE);

		assert_int_equal(pte & PTE_ADDR, IMAGE_PHYS + i * PAGE);
		assert_true(pte & PTE_NX);
		assert_int_equal(!(pte & PTE_W), i < 5);
	}
}

static void all_memory_is_in_the_direct_map_and_never_executable(void **st)
{
	(void)st;
	for (UINT64 pfn = 0; pfn < 1200; pfn += 7) {
		assert_int_equal(pte_of(DIRECT_BASE + pfn * PAGE) & PTE_ADDR, pfn * PAGE);
		assert_true(pte_of(DIRECT_BASE + pfn * PAGE) & PTE_NX);
	}
	assert_int_equal(pte_of(DIRECT_BASE + 1200 * PAGE), 0);
}

static void firmware_is_read_only(void **st)
{
	(void)st;
	assert_int_equal(pte_of(DIRECT_BASE + 2047 * PAGE) & (PTE_P | PTE_W | PTE_NX), PTE_P | PTE_NX);
}

/* As a big page: the table of the level below is not there. */
static int is_big(UINT64 pa) { return !!(*slot(DIRECT_BASE + pa, 2) & PTE_PS); }

static void big_pages_are_used_where_they_fit(void **st)
{
	(void)st;
	assert_true(is_big(0));
	assert_false(is_big(HUGE));             /* holds text */
	assert_false(is_big(8 * HUGE));         /* begins too late */
	assert_true(is_big(9 * HUGE));
}

static void registers_are_uncached_and_over_a_boundary_both_pages(void **st)
{
	UINT64 rights = PTE_P | PTE_W | PTE_UC | PTE_G | PTE_NX;

	(void)st;
	paging_reserve();
	efi = NULL;
	paging_registers(0xfee00ffc, 8);
	assert_int_equal(pte_of(DIRECT_BASE + 0xfee00000), 0xfee00000 | rights);
	assert_int_equal(pte_of(DIRECT_BASE + 0xfee01000), 0xfee01000 | rights);
	assert_int_equal(pte_of(DIRECT_BASE + 0xfee02000), 0);
	paging_registers(0xe000000000ull, 1);
	assert_int_equal(pte_of(DIRECT_BASE + 0xe000000000ull), 0xe000000000ull | rights);
}

static void registers_in_memory_or_beyond_the_direct_map_are_refused(void **st)
{
	(void)st;
	expect_assert_failure(paging_registers(PAGE, 1));
	expect_assert_failure(paging_registers(1ull << 46, 1));
	expect_assert_failure(paging_registers(~0ull, 1));
}

static void tables_for_registers_may_run_out(void **st)
{
	(void)st;
	expect_assert_failure(for (UINT64 pa = 1ull << 40;; pa += 1ull << 30) paging_registers(pa, 1));
	efi = &tables;
}

/* The kernel's half as it is, for ever (M3), and no other page than theirs. */
static void further_cpus_begin_on_tables_with_the_kernels_half(void **st)
{
	UINT64 *cpu_root = page_alloc(1);
	unsigned mapped = 0;

	(void)st;
	memset(cpu_root, 0xa5, PAGE);
	paging_cpus(cpu_root, CPU_PAGE);
	assert_int_equal(pte_below(cpu_root, CPU_PAGE), CPU_PAGE | PTE_P | PTE_W);
	for (UINT64 va = 0; va < 2 * MIB; va += PAGE) mapped += pte_below(cpu_root, va) != 0;
	assert_int_equal(mapped, 1);
	for (unsigned i = 1; i < 512; i++) assert_int_equal(cpu_root[i], i < 256 ? 0 : root[i]);
	for (unsigned i = 256; i < 512; i++) assert_true(root[i] & PTE_P);
	assert_int_equal(pte_of(CPU_PAGE), 0);
	assert_int_equal(pte_below(cpu_root, JUMP_VA), 0);
}

static void the_kernel_takes_the_tables_over(void **st)
{
	struct pmap pm;

	(void)st;
	assert_int_equal(pte_of(JUMP_VA) & (PTE_ADDR | PTE_P | PTE_NX), (JUMP_VA & PTE_ADDR) | PTE_P);
	for (unsigned i = 0; i < TABLES * 512; i++) {           /* from here on by physical address */
		UINT64 *e = (UINT64 *)tables + i;

		if ((*e & PTE_ADDR) >= (uintptr_t)tables && (*e & PTE_ADDR) < (uintptr_t)tables_next) *e -= direct_base;
	}
	pmap_kernel_init();
	assert_int_equal(kernel_pmap.root, (uintptr_t)root - direct_base);
	for (unsigned i = 0; i < 512; i++) assert_int_equal(!!(root[i] & PTE_P), i >= 256);
	assert_int_equal(flushes, 1);
	assert_ptr_equal(this_cpu()->pmap, &kernel_pmap);
	assert_int_equal(kernel_pmap.cpus, 1);
	assert_int_equal(pmap_get(&kernel_pmap, IMAGE_BASE), IMAGE_PHYS | PTE_P | PTE_G);
	assert_int_equal(pmap_init(&pm), 0);
	assert_memory_equal((UINT64 *)phys_to_virt(pm.root) + 256, root + 256, 256 * sizeof(UINT64));
	pmap_destroy(&pm);
	frame_check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_image_is_mapped_with_the_rights_of_its_segments),
		cmocka_unit_test(the_boot_stack_has_a_guard_page),
		cmocka_unit_test(no_alias_of_text_or_rodata_is_writable),
		cmocka_unit_test(all_memory_is_in_the_direct_map_and_never_executable),
		cmocka_unit_test(firmware_is_read_only),
		cmocka_unit_test(big_pages_are_used_where_they_fit),
		cmocka_unit_test(registers_are_uncached_and_over_a_boundary_both_pages),
		cmocka_unit_test(registers_in_memory_or_beyond_the_direct_map_are_refused),
		cmocka_unit_test(tables_for_registers_may_run_out),
		cmocka_unit_test(further_cpus_begin_on_tables_with_the_kernels_half),
		cmocka_unit_test(the_kernel_takes_the_tables_over),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
