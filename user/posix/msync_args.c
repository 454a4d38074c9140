/* SPDX-License-Identifier: MIT */
/* user/posix/msync_args.c - MS4 to MS8, MS14: what msync refuses, and that it then does nothing; ranges with holes. */
#include "written.h"

TEST(MS4, sync_with_async_is_refused)
{
	int fd = new_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	p[0] = 'x';
	expect_error(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	expect_error(msync(p, PAGE, MS_SYNC | MS_ASYNC | MS_INVALIDATE), EINVAL);
	expect(p[0] == 'x');
}

TEST(MS4, sync_with_async_writes_nothing)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	expect_error(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	expect_error(msync(p, PAGE, MS_SYNC | MS_ASYNC | MS_INVALIDATE), EINVAL);
	expect(split_world() ? byte_at(fd, 0) != 'x' : is_resident(p));
	expect(!is_clean(fd, p));
	expect(msync(p, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p));
}

TEST(MS4, sync_with_async_is_refused_where_nothing_is_mapped_too)
{
	int fd = new_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	must(munmap(p, PAGE) == 0);
	expect_error(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	expect_error(msync(p, PAGE, MS_SYNC), ENOMEM);
}

TEST(MS5, no_flag_acts_as_async)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	expect(!is_clean(fd, p));
	expect(msync(p, PAGE, 0) == 0);
	expect(is_clean(fd, p));
	expect(byte_at(fd, 0) == 'x');
}

TEST(MS5, invalidate_alone_writes_first)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	expect(!is_clean(fd, p));
	expect(msync(p, PAGE, MS_INVALIDATE) == 0);
	expect(is_clean(fd, p));
	expect(p[0] == 'x' && byte_at(fd, 0) == 'x');
}

TEST(MS5, no_flag_looks_for_holes_too)
{
	int fd = new_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	must(munmap(p + PAGE, PAGE) == 0);
	expect(msync(p, PAGE, 0) == 0);
	expect_error(msync(p, 2 * PAGE, 0), ENOMEM);
	expect_error(msync(p, 2 * PAGE, MS_INVALIDATE), ENOMEM);
}

TEST(MS6, every_unknown_flag_is_refused)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	for (int bit = 3; bit < 32; bit++) {
		expect_error(msync(p, PAGE, (int)(1u << bit)), EINVAL);
		expect_error(msync(p, PAGE, MS_SYNC | (int)(1u << bit)), EINVAL);
	}
	expect(!is_clean(fd, p));
	expect(msync(p, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p));
}

TEST(MS6, all_flags_at_once_are_refused)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	expect_error(msync(p, PAGE, -1), EINVAL);
	expect_error(msync(p, PAGE, MS_ASYNC | MS_INVALIDATE | 0x10), EINVAL);
	expect(!is_clean(fd, p) && p[0] == 'x');
}

TEST(MS6, an_unknown_flag_is_refused_even_for_no_bytes)
{
	int fd = new_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	expect_error(msync(p, 0, 0x100), EINVAL);
	expect_error(msync(p, 0, MS_SYNC | MS_ASYNC), EINVAL);
	expect(msync(p, 0, MS_SYNC) == 0);
}

TEST(MS7, an_address_inside_a_page_is_refused)
{
	static const int offset[] = {1, 8, 512, 2048, 4095};
	int fd;
	char *p = clean_pages(&fd, 2);

	p[0] = p[PAGE] = 'x';
	for (int i = 0; i < 5; i++) {
		expect_error(msync(p + offset[i], PAGE - offset[i], MS_SYNC), EINVAL);
		expect_error(msync(p + offset[i], PAGE, MS_ASYNC), EINVAL);
		expect_error(msync(p + offset[i], 1, MS_INVALIDATE), EINVAL);
	}
	expect(!is_clean(fd, p) && !is_clean(fd, p + PAGE));
	expect(msync(p, 2 * PAGE, MS_SYNC) == 0);
}

TEST(MS7, an_address_inside_a_page_is_refused_where_nothing_is_mapped_too)
{
	int fd = new_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	expect_error(msync(p + 1, 0, MS_SYNC), EINVAL);
	must(munmap(p, PAGE) == 0);
	expect_error(msync(p + 1, PAGE, MS_SYNC), EINVAL);
	expect_error(msync(p, PAGE, MS_SYNC), ENOMEM);
}

TEST(MS8, nothing_mapped_at_all_is_no_memory)
{
	int fd = new_file("f", 4 * PAGE);
	char *p = map_file(fd, 4 * PAGE);

	expect(msync(p, 4 * PAGE, MS_SYNC) == 0);
	must(munmap(p, 4 * PAGE) == 0);
	expect_error(msync(p, 4 * PAGE, MS_SYNC), ENOMEM);
	expect_error(msync(p, 4 * PAGE, MS_ASYNC), ENOMEM);
	expect_error(msync(p, 1, MS_INVALIDATE), ENOMEM);
	expect_error(msync(NULL, PAGE, MS_SYNC), ENOMEM);
}

TEST(MS8, both_sides_of_a_hole_are_written)
{
	int fd;
	char *p = clean_pages(&fd, 3);

	p[0] = p[2 * PAGE] = 'x';
	must(munmap(p + PAGE, PAGE) == 0);
	expect_error(msync(p, 3 * PAGE, MS_SYNC), ENOMEM);
	expect(is_clean(fd, p) && is_clean(fd, p + 2 * PAGE));
	expect(byte_at(fd, 0) == 'x' && byte_at(fd, 2 * PAGE) == 'x');
}

TEST(MS8, both_sides_of_a_hole_are_taken_up_by_async_too)
{
	int fd;
	char *p = clean_pages(&fd, 3);

	p[0] = p[2 * PAGE] = 'x';
	must(munmap(p + PAGE, PAGE) == 0);
	expect_error(msync(p, 3 * PAGE, MS_ASYNC), ENOMEM);
	expect(is_clean(fd, p) && is_clean(fd, p + 2 * PAGE));
	expect(byte_at(fd, 0) == 'x' && byte_at(fd, 2 * PAGE) == 'x');
}

TEST(MS8, both_sides_of_a_hole_are_invalidated)
{
	int fd;
	char *p = clean_pages(&fd, 3);

	p[0] = p[2 * PAGE] = 'x';
	must(munmap(p + PAGE, PAGE) == 0);
	expect_error(msync(p, 3 * PAGE, MS_SYNC | MS_INVALIDATE), ENOMEM);
	expect(!is_resident(p) && !is_resident(p + 2 * PAGE));
	expect(p[0] == 'x' && p[2 * PAGE] == 'x');
}

TEST(MS8, a_hole_at_the_start_or_at_the_end_is_found)
{
	int fd;
	char *p = clean_pages(&fd, 3);

	must(munmap(p, PAGE) == 0 && munmap(p + 2 * PAGE, PAGE) == 0);
	p[PAGE] = 'x';
	expect_error(msync(p, 2 * PAGE, MS_SYNC), ENOMEM);
	expect(is_clean(fd, p + PAGE));
	expect_error(msync(p + PAGE, PAGE + 1, MS_SYNC), ENOMEM);
	expect(is_clean(fd, p + PAGE));
	expect(msync(p + PAGE, PAGE, MS_SYNC) == 0);
}

TEST(MS8, several_holes_are_one_error_and_all_parts_are_written)
{
	int fd;
	char *p = clean_pages(&fd, 9);

	for (int i = 0; i < 9; i += 2) p[i * PAGE] = 'x';
	for (int i = 1; i < 9; i += 2) must(munmap(p + i * PAGE, PAGE) == 0);
	expect_error(msync(p, 9 * PAGE, MS_SYNC), ENOMEM);
	for (int i = 0; i < 9; i += 2) expect(is_clean(fd, p + i * PAGE));
	expect(msync(p + 8 * PAGE, PAGE, MS_SYNC) == 0);
}

TEST(MS8, a_hole_leaves_no_error_behind)
{
	int fd;
	char *p = clean_pages(&fd, 2);

	must(munmap(p + PAGE, PAGE) == 0);
	p[0] = 'x';
	expect_error(msync(p, 2 * PAGE, MS_SYNC), ENOMEM);
	expect(msync(p, PAGE, MS_SYNC) == 0 && fsync(fd) == 0);
}

TEST(MS8, a_range_that_wraps_around_is_no_memory)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	expect_error(msync(p, -(size_t)p, MS_SYNC), ENOMEM);
	expect_error(msync(p, -(size_t)p + PAGE, MS_SYNC), ENOMEM);
	expect_error(msync(p, -(size_t)(2 * PAGE), MS_SYNC), ENOMEM);
	expect(msync(p, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p));
}

TEST(MS8, the_longest_lengths_do_not_round_to_nothing)
{
	int fd = new_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	expect_error(msync(p, SIZE_MAX, MS_SYNC), ENOMEM);
	expect_error(msync(p, SIZE_MAX - PAGE + 2, MS_SYNC), ENOMEM);
	expect_error(msync(p, SIZE_MAX - PAGE + 1, MS_SYNC), ENOMEM);
}

TEST(MS8, addresses_that_no_process_has_are_no_memory)
{
	expect_error(msync((void *)0xffffffff80000000u, PAGE, MS_SYNC), ENOMEM);
	expect_error(msync((void *)0xffff800000000000u, PAGE, MS_ASYNC), ENOMEM);
	expect_error(msync((void *)0x0000800000000000u, PAGE, MS_INVALIDATE), ENOMEM);
	expect_error(msync((void *)0xfffffffffffff000u, PAGE, MS_SYNC), ENOMEM);
	expect_error(msync((void *)0x00007fffffffe000u, 4 * PAGE, MS_SYNC), ENOMEM);
}

TEST(MS14, no_bytes_are_synced_with_success)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	expect(msync(p, 0, MS_SYNC) == 0 && msync(p, 0, MS_ASYNC) == 0);
	expect(msync(p, 0, MS_SYNC | MS_INVALIDATE) == 0);
	expect(is_resident(p) && !is_clean(fd, p));
}

TEST(MS14, no_bytes_need_no_mapping)
{
	int fd = new_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	must(munmap(p, PAGE) == 0);
	expect(msync(p, 0, MS_SYNC) == 0 && msync(p, 0, MS_INVALIDATE) == 0);
	expect_error(msync(p, 1, MS_SYNC), ENOMEM);
}
