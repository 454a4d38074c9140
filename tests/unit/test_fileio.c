/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_fileio.c - HOST - read() and write() when something goes wrong, or comes between. */
#include "tests/unit/mmworld.h"

static char buf[4 * PAGE_SIZE];

static int64_t put(struct fix *f, uint64_t pos, uint64_t n)
{
	memset(buf, 'W', sizeof(buf));
	return user_write(f->vmo, &pos, buf, n, false, ~0ull);
}

static int64_t take(struct fix *f, uint64_t pos, uint64_t n)
{
	memset(buf, 0, sizeof(buf));
	return user_read(f->vmo, pos, buf, n, NULL);
}

static uint8_t byte_at(struct fix *f, uint64_t off)
{
	uint8_t b = 0xee;

	assert_int_equal(kernel_read(f->vmo, off, &b, 1), 1);
	return b;
}

static void truncate_all(struct fix *f)
{
	assert_int_equal(vmo_set_size(f->vmo, 0, true), 0);
}

static void truncate_to_one(struct fix *f)
{
	assert_int_equal(vmo_set_size(f->vmo, PG(1), true), 0);
}

static void drop_all(struct fix *f)
{
	assert_int_equal(vmo_invalidate(f->vmo, 0, ~0ull), 0);
}

static void a_read_ends_where_the_file_is_cut_off_meanwhile(void **st)
{
	struct fix *f = *st;

	get_page(f->vmo, 0);
	script.on_sleep = truncate_to_one;
	assert_int_equal(take(f, 0, PG(3)), PG(1));
	assert_int_equal(buf[PAGE_SIZE - 1], 'a');
	assert_int_equal(buf[PAGE_SIZE], 0);
	assert_int_equal(take(f, PG(1), 1), 0);
	vmo_set_size(f->vmo, PG(4), true);
	script.on_sleep = truncate_to_one;
	assert_int_equal(take(f, PG(2), 1), 0);
}

static void a_read_that_fails_later_gives_what_it_has(void **st)
{
	struct fix *f = *st;

	get_page(f->vmo, 0);
	world.fill_status = -EIO;
	assert_int_equal(take(f, 0, PG(2)), PG(1));
	assert_int_equal(take(f, PG(1), 1), -EIO);
	assert_false(f->vmo->changed & VMOC_SIZE);
}

static void a_buffer_that_ends_gets_what_fits(void **st)
{
	struct fix *f = *st;

	script.fault_at = (uaddr_t)buf + PG(1) + 10;
	assert_int_equal(take(f, 0, PG(3)), PG(1) + 10);
	assert_int_equal(put(f, PG(1) - 100, PG(2)), PG(1) + 10);
	script.fault_at = (uaddr_t)buf;
	assert_int_equal(take(f, 0, PG(3)), -EFAULT);
	assert_int_equal(put(f, PG(4), PG(1)), -EFAULT);
	assert_int_equal(put(f, 4, 2), -EFAULT);
	assert_int_equal(byte_at(f, PG(2) - 91), 'W');
	assert_int_equal(byte_at(f, PG(2) - 90), 'b');
}

static void a_whole_page_whose_buffer_ends_is_read_after_all(void **st)
{
	struct fix *f = *st;

	script.fault_at = (uaddr_t)buf + 100;
	assert_int_equal(put(f, PG(2), PG(1)), 100);
	assert_int_equal(world.fills, 1);
	assert_int_equal(byte_at(f, PG(2) + 99), 'W');
	assert_int_equal(byte_at(f, PG(2) + 100), 'c');
}

static void past_the_end_a_part_of_a_page_is_enough(void **st)
{
	struct fix *f = *st;

	world.hole[8] = true;
	script.fault_at = (uaddr_t)buf + 100;
	assert_int_equal(put(f, PG(8), PG(1)), 100);
	assert_int_equal(f->vmo->size, PG(8) + 100);
	assert_int_equal(byte_at(f, PG(8) + 99), 'W');
}

static void no_bytes_are_no_write(void **st)
{
	struct fix *f = *st;

	assert_int_equal(put(f, 0, 0), 0);
	assert_int_equal(f->vmo->changed, 0);
}

static void a_disk_is_as_long_as_it_is_and_may_be_read_only(void **st)
{
	struct fix *f = *st;

	f->vmo->flags = VMO_NOGROW;
	assert_int_equal(put(f, PG(8), 1), -ENOSPC);
	assert_int_equal(put(f, PG(7) + 4000, 200), 96);
	assert_int_equal(vmo_set_size(f->vmo, 0, true), -EINVAL);
	f->vmo->flags = VMO_READONLY;
	assert_int_equal(put(f, 0, 1), -EROFS);
	assert_int_equal(vmo_set_size(f->vmo, 0, true), -EROFS);
	assert_int_equal(take(f, 0, 1), 1);
	assert_false(f->vmo->changed & VMOC_ATIME);
	f->vmo->flags = 0;
}

static void without_room_nothing_is_written(void **st)
{
	struct fix *f = *st;

	get_page(f->vmo, 0);
	world.hole[1] = true;
	world.reserve_status = -ENOSPC;
	assert_int_equal(put(f, PG(1) - 10, 20), 10);
	assert_int_equal(put(f, PG(1), 10), -ENOSPC);
	assert_int_equal(f->vmo->ndirty, 1);
	world.reserve_status = 0;
	script.grant = 512;                             /* less than a page is no room */
	assert_int_equal(put(f, PG(1), 10), -ENOSPC);
	script.call_status = -EPIPE;
	assert_int_equal(put(f, PG(1), 10), -EPIPE);
}

static void what_a_grant_covers_is_not_asked_for_again(void **st)
{
	struct fix *f = *st;

	for (unsigned i = 0; i < 8; i++) world.hole[i] = true;
	script.grant = PG(2);
	assert_int_equal(put(f, PG(2), PG(1)), PG(1));
	assert_int_equal(put(f, PG(3), PG(1)), PG(1));
	assert_int_equal(world.reserves, 1);
	assert_int_equal(put(f, PG(4), PG(1)), PG(1));
	assert_int_equal(put(f, PG(1), PG(1)), PG(1));
	assert_int_equal(world.reserves, 3);
}

static void a_page_that_leaves_during_the_copy_is_written_anew(void **st)
{
	struct fix *f = *st;

	get_page(f->vmo, 2);
	script.on_copy = drop_all;
	assert_int_equal(put(f, PG(2) + 5, 10), 10);
	assert_int_equal(state_of(f->vmo, 2), PG_DIRTY);
	assert_int_equal(byte_at(f, PG(2) + 4), 'c');
	assert_int_equal(byte_at(f, PG(2) + 5), 'W');
}

static void a_file_cut_off_during_the_copy_grows_again(void **st)
{
	struct fix *f = *st;

	script.on_copy = truncate_all;
	for (unsigned i = 0; i < DISK_PAGES; i++) world.hole[i] = true;
	assert_int_equal(put(f, PG(2) + 5, 10), 10);
	assert_int_equal(f->vmo->size, PG(2) + 15);
	assert_int_equal(byte_at(f, PG(2) + 4), 0);
	assert_int_equal(byte_at(f, PG(2) + 5), 'W');
}

static void write_back(struct fix *f)
{
	assert_int_equal(vmo_sync(f->vmo, 0, ~0ull, WB_WAIT, NULL), 0);
}

/* The bytes are in the page already, and the size does not count them yet. */
static void what_is_being_appended_is_not_taken_for_the_tail(void **st)
{
	struct fix *f = *st;

	assert_int_equal(vmo_set_size(f->vmo, PG(2) + 5, true), 0);
	assert_int_equal(put(f, PG(2), 1), 1);
	script.on_copy = write_back;
	assert_int_equal(put(f, PG(2) + 5, 10), 10);
	for (unsigned i = 5; i < 15; i++) assert_int_equal(byte_at(f, PG(2) + i), 'W');
	write_back(f);
	assert_int_equal(disk_byte(PG(2) + 14), 'W');
	assert_int_equal(disk_byte(PG(2) + 15), 0);
}

static void a_page_cut_off_before_it_is_read_is_written_fresh(void **st)
{
	struct fix *f = *st;

	script.on_sleep = truncate_all;
	for (unsigned i = 0; i < DISK_PAGES; i++) world.hole[i] = true;
	assert_int_equal(put(f, PG(2) + 5, 10), 10);
	assert_int_equal(f->vmo->size, PG(2) + 15);
}

static void somebody_reads_it(struct fix *f)
{
	get_page(f->vmo, 2);
}

static void somebody_begins_to_read_it(struct fix *f)
{
	vmo_prefetch(f->vmo, 2, 2);
}

static void a_page_that_comes_in_during_the_copy_takes_the_bytes(void **st)
{
	struct fix *f = *st;

	script.on_copy = somebody_reads_it;
	assert_int_equal(put(f, PG(2), PG(1)), PG(1));
	assert_int_equal(state_of(f->vmo, 2), PG_DIRTY);
	assert_int_equal(byte_at(f, PG(2)), 'W');
}

static void a_page_on_its_way_is_waited_for(void **st)
{
	struct fix *f = *st;

	script.on_copy = somebody_begins_to_read_it;
	assert_int_equal(put(f, PG(2), PG(1)), PG(1));
	assert_int_equal(state_of(f->vmo, 2), PG_DIRTY);
	assert_int_equal(byte_at(f, PG(3) - 1), 'W');
}

static void an_unreadable_page_cannot_be_written_in_part(void **st)
{
	struct fix *f = *st;

	world.fill_status = -EIO;
	assert_int_equal(put(f, PG(2) + 1, 5), -EIO);
	assert_int_equal(put(f, PG(2), PG(1)), PG(1));
}

static void a_tail_that_cannot_be_zeroed_stops_the_write(void **st)
{
	struct fix *f = *st;

	assert_int_equal(vmo_set_size(f->vmo, PG(3) + 7, true), 0);
	vmo_invalidate(f->vmo, 0, ~0ull);
	world.fill_status = -EIO;
	assert_int_equal(put(f, PG(5), 10), -EIO);
	assert_int_equal(f->vmo->size, PG(3) + 7);
}

static void the_other_writer_leaves(struct fix *f)
{
	f->vmo->writer = NULL;
}

static void writers_take_turns(void **st)
{
	struct fix *f = *st;

	get_page(f->vmo, 0);
	f->vmo->writer = current_thread();              /* somebody else */
	script.on_sleep = the_other_writer_leaves;
	assert_int_equal(put(f, 0, 10), 10);
	assert_null(script.on_sleep);
}

/* With a little more memory at a time, and none to be had by waiting. */
static void a_write_without_memory_says_so_and_loses_nothing(void **st)
{
	struct fix *f = *st;
	int64_t n = -ENOMEM;

	for (unsigned left = 0; n < 0; left++) {
		vmo_invalidate(f->vmo, 0, ~0ull);
		memory_take(left, false);
		n = put(f, PG(2), PG(1));
		memory_give();
		assert_true(n == PG(1) || n == -ENOMEM);
		assert_int_equal(byte_at(f, PG(2)), n < 0 ? 'c' : 'W');
		assert_in_range(left, 0, 10);
	}
}

static void a_write_takes_memory_from_clean_pages(void **st)
{
	struct fix *f = *st;
	struct page *p;

	for (unsigned i = 0; i < 8; i++) get_page(f->vmo, i);
	for (uint64_t i = 0; (p = page_next(f->vmo, &i, 0)); i++) p->flags &= ~PFL_REFERENCED;
	f->vmo->size = PG(9);
	world.hole[8] = true;
	memory_take(0, false);
	assert_int_equal(put(f, PG(8), PG(1)), PG(1));
	memory_give();
	assert_int_equal(byte_at(f, PG(8)), 'W');
}

static void bytes_of_the_kernel_are_written_like_a_users(void **st)
{
	struct fix *f = *st;

	assert_int_equal(kernel_write(f->vmo, PG(1) - 2, "WXYZ", 4, ~0ull), 4);
	assert_int_equal(byte_at(f, PG(1) + 1), 'Z');
	assert_int_equal(kernel_write(f->vmo, PG(1), "WXYZ", 4, PG(1) + 2), 2);
	assert_int_equal(kernel_write(f->vmo, PG(1), "WXYZ", 4, PG(1)), -EFBIG);
	assert_true(f->vmo->changed & VMOC_MTIME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_read_ends_where_the_file_is_cut_off_meanwhile),
		T(a_read_that_fails_later_gives_what_it_has),
		T(a_buffer_that_ends_gets_what_fits),
		T(a_whole_page_whose_buffer_ends_is_read_after_all),
		T(past_the_end_a_part_of_a_page_is_enough),
		T(no_bytes_are_no_write),
		T(a_disk_is_as_long_as_it_is_and_may_be_read_only),
		T(without_room_nothing_is_written),
		T(what_a_grant_covers_is_not_asked_for_again),
		T(a_page_that_leaves_during_the_copy_is_written_anew),
		T(a_file_cut_off_during_the_copy_grows_again),
		T(what_is_being_appended_is_not_taken_for_the_tail),
		T(a_page_cut_off_before_it_is_read_is_written_fresh),
		T(a_page_that_comes_in_during_the_copy_takes_the_bytes),
		T(a_page_on_its_way_is_waited_for),
		T(an_unreadable_page_cannot_be_written_in_part),
		T(a_tail_that_cannot_be_zeroed_stops_the_write),
		T(writers_take_turns),
		T(a_write_without_memory_says_so_and_loses_nothing),
		T(a_write_takes_memory_from_clean_pages),
		T(bytes_of_the_kernel_are_written_like_a_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
