/* links: fs/gpt.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_gpt.c - HOST - partition tables: good ones, damaged ones, and what a truncated image leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fs/gpt.h"

#define SECTORS 256u
#define ENTRIES 2u              /* where the first copy's entries are; the second's are before its header */
static uint8_t *disk;           /* of exactly its size, so that ASan sees a read behind it */
static struct gpt_part part[GPT_PARTS];
static char why[128];

static void put(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) p[i] = (uint8_t)(v >> 8 * i);
}

static void seal(uint64_t lba, uint64_t entries)
{
	uint8_t *h = disk + lba * 512;

	put(h + 88, gpt_crc32(disk + entries * 512, 128 * 128), 4);
	put(h + 16, 0, 4);
	put(h + 16, gpt_crc32(h, 92), 4);
}

static void header(uint64_t lba, uint64_t entries)
{
	uint8_t *h = disk + lba * 512;

	memcpy(h, "EFI PART", 8);
	put(h + 8, 0x10000, 4);
	put(h + 12, 92, 4);
	put(h + 24, lba, 8);
	put(h + 72, entries, 8);
	put(h + 80, 128, 4);
	put(h + 84, 128, 4);
	seal(lba, entries);
}

static void entry(unsigned i, uint64_t first, uint64_t last)
{
	for (unsigned copy = 0; copy < 2; copy++) {
		uint8_t *e = disk + (copy ? SECTORS - 33 : ENTRIES) * 512 + i * 128;

		memset(e, 0xab, 16);
		put(e + 32, first, 8);
		put(e + 40, last, 8);
	}
	seal(1, ENTRIES);
	seal(SECTORS - 1, SECTORS - 33);
}

static int fresh(void **st)
{
	(void)st;
	disk = calloc(SECTORS, 512);
	header(1, ENTRIES);
	header(SECTORS - 1, SECTORS - 33);
	entry(0, 40, 99);
	entry(1, 100, 199);
	why[0] = 0;
	return 0;
}

static int done(void **st)
{
	(void)st;
	free(disk);
	return 0;
}

static int read_it(uint64_t sectors)
{
	return gpt_read(disk, sectors, part, why, sizeof(why));
}

static void expect_both(void)
{
	assert_int_equal(part[0].first, 40);
	assert_int_equal(part[0].count, 60);
	assert_int_equal(part[1].first, 100);
	assert_int_equal(part[1].count, 100);
	assert_int_equal(part[2].count, 0);
}

static void crc32_is_the_one_of_the_standard(void **st)
{
	(void)st;
	assert_int_equal(gpt_crc32("123456789", 9), 0xcbf43926);
}

static void a_good_table_gives_its_partitions(void **st)
{
	(void)st;
	assert_int_equal(read_it(SECTORS), 0);
	expect_both();
}

static void the_second_copy_serves_when_the_first_is_damaged(void **st)
{
	(void)st;
	disk[512 + 40] ^= 1;
	assert_int_equal(read_it(SECTORS), 0);
	expect_both();
	memset(disk + 512, 0, 512);
	assert_int_equal(read_it(SECTORS), 0);
	expect_both();
}

static void damaged_entries_are_not_believed(void **st)
{
	(void)st;
	disk[ENTRIES * 512 + 32] ^= 1;
	assert_int_equal(read_it(SECTORS), 0);  /* the second copy */
	disk[(SECTORS - 33) * 512 + 32] ^= 1;
	assert_int_equal(read_it(SECTORS), -EINVAL);
	assert_non_null(strstr(why, "entries' checksum"));
}

static void a_disk_without_a_table_is_no_error(void **st)
{
	(void)st;
	memset(disk, 0, SECTORS * 512);
	assert_int_equal(read_it(SECTORS), -ENOENT);
	assert_int_equal(read_it(0), -ENOENT);
	assert_int_equal(read_it(3), -ENOENT);
}

static void a_truncated_image_shows_what_is_cut(void **st)
{
	(void)st;
	assert_int_equal(read_it(150), 0);
	assert_false(part[0].cut);
	assert_true(part[1].cut);
	assert_int_equal(part[1].count, 50);
	assert_int_equal(read_it(90), 0);
	assert_true(part[0].cut && part[1].cut);
	assert_int_equal(part[1].count, 0);
}

static void impossible_partitions_are_not_there(void **st)
{
	(void)st;
	entry(2, 50, 49);
	entry(3, 0, 10);
	entry(4, UINT64_MAX, UINT64_MAX);
	entry(5, 10, UINT64_MAX);
	assert_int_equal(read_it(SECTORS), 0);
	assert_int_equal(part[2].count + part[3].count + part[4].count, 0);
	assert_int_equal(part[5].count, SECTORS - 10);
	assert_true(part[5].cut);
}

/* A header whose checksum is right, but whose sizes would lead out of the disk. */
static void sizes_are_checked_even_under_a_good_checksum(void **st)
{
	static const struct { unsigned at, bytes; uint64_t v; } bad[] = {
		{12, 4, 91}, {12, 4, 513}, {12, 4, UINT32_MAX}, {24, 8, 2}, {72, 8, 0}, {72, 8, SECTORS},
		{72, 8, UINT64_MAX}, {72, 8, SECTORS - 10}, {80, 4, 0}, {80, 4, UINT32_MAX}, {84, 4, 0}, {84, 4, 100},
		{84, 4, 132}, {84, 4, UINT32_MAX},
	};

	(void)st;
	memset(disk + (SECTORS - 1) * 512, 0, 512);     /* no second copy */
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		header(1, ENTRIES);
		put(disk + 512 + bad[i].at, bad[i].v, bad[i].bytes);
		put(disk + 512 + 16, 0, 4);
		put(disk + 512 + 16, gpt_crc32(disk + 512, 92), 4);
		assert_int_equal(read_it(SECTORS), -EINVAL);
	}
}

static void random_bytes_under_a_good_checksum_do_no_harm(void **st)
{
	(void)st;
	srand(1);
	for (int n = 0; n < 300; n++) {
		header(1, ENTRIES);
		for (int k = 0; k < 8; k++) disk[512 + 72 + rand() % 20] = (uint8_t)rand();
		for (int k = 0; k < 64; k++) disk[ENTRIES * 512 + rand() % 512] = (uint8_t)rand();
		seal(1, ENTRIES);
		read_it(SECTORS);
		for (int i = 0; i < GPT_PARTS; i++) assert_true(part[i].first + part[i].count <= SECTORS);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fresh, done)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32_is_the_one_of_the_standard), T(a_good_table_gives_its_partitions),
		T(the_second_copy_serves_when_the_first_is_damaged), T(damaged_entries_are_not_believed),
		T(a_disk_without_a_table_is_no_error), T(a_truncated_image_shows_what_is_cut),
		T(impossible_partitions_are_not_there), T(sizes_are_checked_even_under_a_good_checksum),
		T(random_bytes_under_a_good_checksum_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
