/* links: boot/acpi.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_acpi.c - HOST - the firmware's tables: what is taken from them, and that damaged ones do no harm.
 *
 * "Physical memory" is one piece of the heap, and the tables end where it ends: ASan sees a read past it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/machine.h"

#define RAM 1024u
#define RSDP 64u
#define XSDT 128u                       /* 4 entries: 36 + 32 bytes */
#define HPET 200u
#define MCFG 256u
#define FADT 320u
#define MADT (RAM - MADT_LEN)
#define MADT_LEN 66u                    /* an I/O APIC and an override, at the very end of memory */

static struct bootinfo bi;
static uint8_t *ram;

void *machine_memory(uint64_t pa) { return ram + pa; }

static struct chipset chipset;

static void read_tables(uint64_t rsdp)
{
	bi.machine.ncpus = 0;
	acpi_read(rsdp, &bi, &chipset);
}

static void put(unsigned at, uint64_t v, unsigned n) { memcpy(ram + at, &v, n); }

static void sum_set(unsigned at, unsigned len, unsigned where)
{
	uint8_t sum = 0;

	ram[at + where] = 0;
	for (unsigned i = 0; i < len; i++) sum += ram[at + i];
	ram[at + where] = -sum;
}

static void table(unsigned at, const char *sig, unsigned len)
{
	memcpy(ram + at, sig, 4);
	put(at + 4, len, 4);
	sum_set(at, len, 9);
}

static void madt_fill(void)
{
	put(MADT + 36, 0xfee01000, 4);
	ram[MADT + 44] = 1;             /* I/O APIC: length 12, address at 4, first interrupt at 8 */
	ram[MADT + 45] = 12;
	put(MADT + 48, 0xfec01000, 4);
	ram[MADT + 56] = 2;             /* override: ISA interrupt at 3, global at 4, flags at 8 */
	ram[MADT + 57] = 10;
	ram[MADT + 59] = 4;
	put(MADT + 60, 20, 4);
	put(MADT + 64, 0xf, 2);
	table(MADT, "APIC", MADT_LEN);
}

static int setup(void **st)
{
	(void)st;
	ram = calloc(1, RAM);
	bi = (struct bootinfo){ .nranges = 1, .range = {{ 0, RAM, BOOT_RAM_FIRMWARE, 0 }} };
	put(HPET + 44, 0xfed00000, 8);
	table(HPET, "HPET", 56);
	put(MCFG + 44, 0xb0000000, 8);
	ram[MCFG + 55] = 0xff;
	table(MCFG, "MCFG", 60);
	put(FADT + 64, 0x604, 4);
	put(FADT + 76, 0x608, 4);
	table(FADT, "FACP", 116);
	madt_fill();
	put(XSDT + 36, HPET, 8), put(XSDT + 44, MCFG, 8), put(XSDT + 52, FADT, 8), put(XSDT + 60, MADT, 8);
	table(XSDT, "XSDT", 68);
	memcpy(ram + RSDP, "RSD PTR ", 8);
	ram[RSDP + 15] = 2;
	put(RSDP + 24, XSDT, 8);
	sum_set(RSDP, 20, 8);
	sum_set(RSDP, 36, 32);
	return 0;
}

static int teardown(void **st)
{
	(void)st;
	free(ram);
	return 0;
}

static void tables_are_read(void **st)
{
	(void)st;
	read_tables(RSDP);

	assert_int_equal(chipset.hpet, 0xfed00000);
	assert_int_equal(chipset.ecam.base, 0xb0000000);
	assert_int_equal(chipset.ecam.last_bus, 0xff);
	assert_int_equal(bi.machine.pm1a, 0x604);
	assert_int_equal(chipset.pm_timer, 0x608);
	assert_int_equal(bi.machine.lapic, 0xfee01000);
	assert_int_equal(chipset.ioapic, 0xfec01000);
	assert_int_equal(chipset.gsi[4], 20);
	assert_int_equal(chipset.gsi_flags[4], 0xf);
	assert_int_equal(chipset.gsi[3], 3);
}

static void a_table_with_a_wrong_sum_is_not_used(void **st)
{
	(void)st;
	ram[HPET + 44] ^= 1;
	put(MCFG + 44, 0xc0000000, 8);
	read_tables(RSDP);

	assert_int_equal(chipset.hpet, 0);
	assert_int_equal(chipset.ecam.base, 0);
}

static void a_table_outside_memory_is_not_read(void **st)
{
	static const uint64_t bad[] = {RAM - 1, RAM - 35, RAM, 1ull << 40, ~0ull, ~0ull - 35};

	(void)st;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(XSDT + 60, bad[i], 8);
		table(XSDT, "XSDT", 68);
		read_tables(RSDP);
		read_tables(bad[i]);
	}
}

/* A valid sum around an entry that says 0 bytes, or more than there are. */
static void entries_of_any_length_end(void **st)
{
	(void)st;
	for (unsigned len = 0; len < 256; len++) {
		ram[MADT + 45] = len;
		table(MADT, "APIC", MADT_LEN);
		read_tables(RSDP);
	}
}

static void tables_of_any_length_are_survived(void **st)
{
	static const unsigned at[] = {XSDT, HPET, MCFG, FADT, MADT};

	(void)st;
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		uint32_t good;

		memcpy(&good, ram + at[i] + 4, 4);
		for (unsigned len = 10; at[i] + len <= RAM; len++) {
			put(at[i] + 4, len, 4);
			sum_set(at[i], len, 9);
			read_tables(RSDP);
		}
		put(at[i] + 4, good, 4);
		sum_set(at[i], good, 9);
	}
}

static void random_damage_with_valid_sums_is_survived(void **st)
{
	(void)st;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		ram[XSDT + random() % (RAM - XSDT)] = random();
		sum_set(XSDT, 68, 9), sum_set(HPET, 56, 9), sum_set(MCFG, 60, 9), sum_set(FADT, 116, 9);
		sum_set(MADT, MADT_LEN, 9);
		read_tables(RSDP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tables_are_read, setup, teardown),
		cmocka_unit_test_setup_teardown(a_table_with_a_wrong_sum_is_not_used, setup, teardown),
		cmocka_unit_test_setup_teardown(a_table_outside_memory_is_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(entries_of_any_length_end, setup, teardown),
		cmocka_unit_test_setup_teardown(tables_of_any_length_are_survived, setup, teardown),
		cmocka_unit_test_setup_teardown(random_damage_with_valid_sums_is_survived, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
