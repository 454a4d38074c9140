/* links: boot/disk.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_disk.c - HOST - what the loader gives a disk's driver of its PCI function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/pci.h"

#define PAGE 4096ull
#define PG(n) ((n) * PAGE)

static struct function f;
static struct boot_disk d;
static struct dev_info *info;

/* QEMU's virtio-blk: ports in BAR 0, the MSI-X table and its pending bits in a page of BAR 1, registers in BAR 4. */
static int setup(void **st)
{
	(void)st;
	f = (struct function){ .config = 0xb0000000, .bdf = 24, .msix_cap = 0x98, .msix_bar = 1, .pba_bar = 1,
	                       .msix_entries = 3, .pba_off = 0x800,
	                       .bar = { [1] = { 0xc0000000, PG(1) }, [4] = { 0xc0001000, PG(4) } } };
	info = calloc(1, DEV_MEMORY_LEN);
	return info ? 0 : -1;
}

static int teardown(void **st)
{
	(void)st;
	free(info);
	return 0;
}

/* Each map of registers is one piece that the driver is told of, and lies behind the one before. */
static void check_maps(void)
{
	uint64_t at = DEV_MEMORY + DEV_MEMORY_LEN;

	assert_in_range(d.nmaps, 1, BOOT_DISK_MAPS);
	for (unsigned i = 1; i < d.nmaps; i++) {
		const struct dev_piece *p = &info->piece[i - 1];

		assert_int_equal(d.map[i].at, at);
		assert_int_equal(p->addr, at);
		assert_int_equal(p->len, d.map[i].len);
		assert_int_equal(d.map[i].start, f.bar[p->bar].base + p->off);
		assert_in_range(p->off + p->len, PAGE, f.bar[p->bar].len);
		at += p->len;
	}
	for (unsigned i = d.nmaps - 1; i < DEV_PIECES; i++) assert_int_equal(info->piece[i].len, 0);
}

/* D1 */
static bool is_mapped(uint64_t pa)
{
	for (unsigned i = 1; i < d.nmaps; i++)
		if (pa >= d.map[i].start && pa - d.map[i].start < d.map[i].len) return true;
	return false;
}

static void the_driver_gets_memory_and_registers(void **st)
{
	(void)st;
	disk_lay_out(&f, &d, info);
	assert_int_equal(d.map[0].at, DEV_MEMORY);
	assert_int_equal(d.map[0].start, (uintptr_t)info);
	assert_int_equal(d.map[0].len, DEV_MEMORY_LEN);
	assert_int_equal(info->phys, (uintptr_t)info);
	assert_int_equal(d.nmaps, 2);
	assert_int_equal(info->piece[0].bar, 4);
	assert_int_equal(info->piece[0].len, PG(4));
	assert_int_equal(info->msix_entries, BOOT_DISK_IRQS);
	check_maps();
}

static void the_msix_table_is_never_mapped(void **st)
{
	(void)st;
	f.msix_bar = 4;                 /* 16 bytes in the one page, 32 in the next */
	f.msix_off = PG(2) - 16;
	f.pba_bar = 4;
	f.pba_off = 0;
	disk_lay_out(&f, &d, info);
	assert_false(is_mapped(f.bar[4].base));
	assert_false(is_mapped(f.bar[4].base + PG(1)));
	assert_false(is_mapped(f.bar[4].base + PG(2)));
	assert_true(is_mapped(f.bar[4].base + PG(3)));
	assert_true(is_mapped(f.bar[1].base));
	assert_int_equal(d.nmaps, 3);
	check_maps();
}

static void a_table_amid_registers_parts_them(void **st)
{
	(void)st;
	f.msix_bar = f.pba_bar = 4;
	f.msix_off = PG(1);
	f.pba_off = PG(1) + 2048;
	disk_lay_out(&f, &d, info);
	assert_int_equal(d.nmaps, 4);   /* BAR 1, and what is around the table */
	assert_false(is_mapped(f.bar[4].base + PG(1)));
	check_maps();
}

static void neighbours_in_two_bars_are_two_pieces(void **st)
{
	(void)st;
	f.msix_cap = 0;
	f.msix_entries = 0;
	disk_lay_out(&f, &d, info);
	assert_int_equal(d.nmaps, 3);
	assert_int_equal(info->msix_entries, 0);
	check_maps();
}

static void a_part_of_a_page_is_not_mapped(void **st)
{
	(void)st;
	f.bar[4].len = 256;
	disk_lay_out(&f, &d, info);
	assert_int_equal(d.nmaps, 1);
	check_maps();
}

static void of_a_large_bar_the_beginning_is_mapped(void **st)
{
	(void)st;
	f.bar[4].len = 1ull << 40;
	disk_lay_out(&f, &d, info);
	assert_int_equal(d.nmaps, 2);
	assert_int_equal(d.map[1].len, 1024 * 1024);
	check_maps();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_driver_gets_memory_and_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(the_msix_table_is_never_mapped, setup, teardown),
		cmocka_unit_test_setup_teardown(a_table_amid_registers_parts_them, setup, teardown),
		cmocka_unit_test_setup_teardown(neighbours_in_two_bars_are_two_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(a_part_of_a_page_is_not_mapped, setup, teardown),
		cmocka_unit_test_setup_teardown(of_a_large_bar_the_beginning_is_mapped, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
