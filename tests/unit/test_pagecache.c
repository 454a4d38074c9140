/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmfix.c */
/* tests/unit/test_pagecache.c - HOST - the page cache's states, with a scripted pager. */
#include "tests/unit/mmfix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/stub_kernel.h"

static struct page *get(struct fix *f, uint64_t index)
{
	struct page *p;

	assert_int_equal(pcache_get(f->vmo, index, NULL, &p), 0);
	page_unref(p);
	return p;
}

static void dirty(struct fix *f, uint64_t index, uint8_t byte)
{
	struct page *p = get(f, index);

	spin_lock(&f->vmo->lock);
	*(uint8_t *)page_virt(p) = byte;
	page_dirty_locked(f->vmo, p);
	spin_unlock(&f->vmo->lock);
}

static int sync_all(struct fix *f, unsigned wb, uint32_t *seen)
{
	return vmo_sync(f->vmo, 0, ~0ull, wb, seen);
}

static void a_page_is_filled_once(void **st)
{
	struct fix *f = *st;

	assert_int_equal(*(uint8_t *)page_virt(get(f, 2)), 'c');
	get(f, 2);
	assert_int_equal(world.fills, 1);
	assert_int_equal(page_at(f->vmo, 2)->state, PG_CLEAN);
}

static void a_failed_fill_gives_its_errno_and_can_be_tried_again(void **st)
{
	struct fix *f = *st;
	struct page *p;

	world.fill_status = -EIO;
	assert_int_equal(pcache_get(f->vmo, 1, NULL, &p), -EIO);
	assert_null(page_at(f->vmo, 1));
	world.fill_status = 0;
	assert_int_equal(*(uint8_t *)page_virt(get(f, 1)), 'b');
}

static void past_the_end_there_is_no_page(void **st)
{
	struct fix *f = *st;
	struct page *p;

	assert_int_equal(pcache_get(f->vmo, 8, NULL, &p), -ENXIO);
	assert_int_equal(world.fills, 0);
}

static void the_tail_past_the_end_of_file_is_filled_with_zeros(void **st)
{
	struct fix *f = *st;
	uint8_t *bytes;

	f->vmo->size = PAGE_SIZE + 10;
	bytes = page_virt(get(f, 1));
	assert_int_equal(bytes[9], 'b');
	assert_int_equal(bytes[10], 0);
	assert_int_equal(bytes[PAGE_SIZE - 1], 0);
}

static void read_ahead_doubles_for_a_sequential_reader_only(void **st)
{
	struct readahead ra = {0};

	(void)st;
	assert_int_equal(readahead_window(&ra, 0), 4);
	assert_int_equal(readahead_window(&ra, 4), 8);
	assert_int_equal(readahead_window(&ra, 12), 16);
	assert_int_equal(readahead_window(&ra, 1000), 1);
	ra.advice = MADV_RANDOM;
	assert_int_equal(readahead_window(&ra, 1001), 1);
}

static void neighbouring_dirty_pages_go_out_in_one_request(void **st)
{
	struct fix *f = *st;

	for (int i = 2; i < 6; i++) dirty(f, i, 'X');
	assert_int_equal(sync_all(f, WB_WAIT | WB_COMMIT | WB_DATASYNC, NULL), 0);
	assert_int_equal(world.writes, 1);
	assert_int_equal(world.write_pages, 4);
	assert_int_equal(world.commits, 1);
	assert_int_equal(disk_byte(5 * PAGE_SIZE), 'X');
	assert_int_equal(page_at(f->vmo, 3)->state, PG_CLEAN);
}

static void only_the_range_is_written(void **st)
{
	struct fix *f = *st;

	dirty(f, 1, 'X');
	dirty(f, 3, 'Y');
	assert_int_equal(vmo_sync(f->vmo, 3, 3, WB_WAIT, NULL), 0);
	assert_int_equal(disk_byte(PAGE_SIZE), 'b');
	assert_int_equal(disk_byte(3 * PAGE_SIZE), 'Y');
	assert_int_equal(page_at(f->vmo, 1)->state, PG_DIRTY);
}

static void nothing_dirty_and_nothing_new_asks_nobody(void **st)
{
	struct fix *f = *st;

	sync_all(f, WB_WAIT | WB_COMMIT | WB_DATASYNC, NULL);
	world.commits = 0;
	assert_int_equal(sync_all(f, WB_WAIT | WB_COMMIT | WB_DATASYNC, NULL), 0);
	assert_int_equal(world.commits, 0);
}

static void what_was_written_without_a_flush_is_still_committed_by_the_next_sync(void **st)
{
	struct fix *f = *st;

	dirty(f, 0, 'X');
	sync_all(f, WB_WAIT, NULL);
	assert_int_equal(world.commits, 0);
	sync_all(f, WB_WAIT | WB_COMMIT | WB_DATASYNC, NULL);
	assert_int_equal(world.commits, 1);
}

static void a_failed_write_leaves_the_page_dirty_and_each_holder_hears_once(void **st)
{
	struct fix *f = *st;
	uint32_t one = 0, two = 0;

	dirty(f, 0, 'X');
	world.write_status = -EIO;
	assert_int_equal(sync_all(f, WB_WAIT, &one), -EIO);
	assert_int_equal(page_at(f->vmo, 0)->state, PG_DIRTY);
	world.write_status = 0;
	assert_int_equal(sync_all(f, WB_WAIT, &two), -EIO);
	assert_int_equal(sync_all(f, WB_WAIT, &one), 0);
	assert_int_equal(sync_all(f, WB_WAIT, &two), 0);
	assert_int_equal(disk_byte(0), 'X');
}

static void a_failed_commit_is_asked_again(void **st)
{
	struct fix *f = *st;

	dirty(f, 0, 'X');
	world.commit_status = -EIO;
	assert_int_equal(sync_all(f, WB_WAIT | WB_COMMIT | WB_DATASYNC, NULL), -EIO);
	world.commit_status = 0;
	assert_int_equal(sync_all(f, WB_WAIT | WB_COMMIT | WB_DATASYNC, NULL), 0);
	assert_int_equal(world.commits, 2);
}

static void store_during_writeback_is_not_lost(void **st)
{
	struct fix *f = *st;

	dirty(f, 0, 'A');
	begin_write(f->vmo, 0);
	dirty(f, 0, 'B');                       /* while the write is in flight */
	world_run();
	assert_int_equal(page_at(f->vmo, 0)->state, PG_DIRTY);  /* 'B' is still owed */
}

static void a_sync_waits_for_an_earlier_write_in_flight(void **st)
{
	struct fix *f = *st;

	dirty(f, 0, 'A');
	begin_write(f->vmo, 0);
	assert_int_equal(sync_all(f, WB_WAIT, NULL), 0);
	assert_int_equal(page_at(f->vmo, 0)->state, PG_CLEAN);
	assert_int_equal(world.writes, 1);
}

static void bytes_past_the_end_of_file_are_never_written(void **st)
{
	struct fix *f = *st;

	f->vmo->size = 100;
	dirty(f, 0, 'X');
	((uint8_t *)page_virt(page_at(f->vmo, 0)))[200] = 'Z';
	sync_all(f, WB_WAIT, NULL);
	assert_int_equal(disk_byte(99), 'a');
	assert_int_equal(disk_byte(200), 0);
}

static void invalidation_writes_dirty_pages_first_and_then_reads_the_disk(void **st)
{
	struct fix *f = *st;

	dirty(f, 0, 'X');
	get(f, 1);
	world.disk[PAGE_SIZE] = 'N';            /* the disk changed underneath */
	assert_int_equal(*(uint8_t *)page_virt(get(f, 1)), 'b');
	assert_int_equal(vmo_invalidate(f->vmo, 0, 7), 0);
	assert_int_equal(f->vmo->npages, 0);
	assert_int_equal(*(uint8_t *)page_virt(get(f, 0)), 'X');
	assert_int_equal(*(uint8_t *)page_virt(get(f, 1)), 'N');
}

static void invalidation_keeps_what_could_not_be_written(void **st)
{
	struct fix *f = *st;

	dirty(f, 0, 'X');
	world.write_status = -EIO;
	assert_int_equal(vmo_invalidate(f->vmo, 0, 7), -EIO);
	assert_int_equal(*(uint8_t *)page_virt(page_at(f->vmo, 0)), 'X');
	world.write_status = 0;
}

static void truncation_drops_pages_and_growth_reads_zeros(void **st)
{
	struct fix *f = *st;

	dirty(f, 3, 'X');
	assert_int_equal(vmo_set_size(f->vmo, 2 * PAGE_SIZE + 5, true), 0);
	assert_null(page_at(f->vmo, 3));
	assert_int_equal(world.sizes, 1);
	for (unsigned i = 3; i < DISK_PAGES; i++) world.hole[i] = true;
	assert_int_equal(vmo_set_size(f->vmo, 8 * PAGE_SIZE, true), 0);
	assert_int_equal(((uint8_t *)page_virt(get(f, 2)))[4], 'c');
	assert_int_equal(((uint8_t *)page_virt(get(f, 2)))[5], 0);
	assert_int_equal(*(uint8_t *)page_virt(get(f, 3)), 0);
}

static void what_was_cut_off_within_a_page_is_zero_on_the_disk_too(void **st)
{
	struct fix *f = *st;

	assert_int_equal(vmo_set_size(f->vmo, 10, true), 0);
	assert_int_equal(sync_all(f, WB_WAIT, NULL), 0);
	assert_int_equal(disk_byte(9), 'a');
	assert_int_equal(disk_byte(10), 0);
}

static void truncation_waits_for_a_write_in_flight(void **st)
{
	struct fix *f = *st;

	dirty(f, 5, 'X');
	begin_write(f->vmo, 5);
	assert_int_equal(vmo_set_size(f->vmo, PAGE_SIZE, true), 0);
	assert_int_equal(world.writes, 1);
	assert_null(page_at(f->vmo, 5));
}

static void sizes_past_the_limit_are_refused(void **st)
{
	struct fix *f = *st;

	assert_int_equal(vmo_set_size(f->vmo, (1ull << 40) + 1, true), -EFBIG);
	assert_int_equal(f->vmo->size, 8 * PAGE_SIZE);
}

/* A fill that is in the pager's hands: for the rules of runs. */
static struct run *begin_fill(struct fix *f)
{
	struct page *p = frame_alloc(PAGE_OBJECT, 0);
	struct run *r;

	spin_lock(&f->vmo->lock);
	r = run_create_locked(f->vmo, PAGER_FILL, 0);
	pcache_insert_locked(f->vmo, p, 0, PG_FILLING);
	page_ref(p);
	r->page[r->npages++] = p;
	spin_unlock(&f->vmo->lock);
	run_post(r);
	world.queued = 0;
	return r;
}

static void each_sector_of_a_run_is_completed_once(void **st)
{
	struct fix *f = *st;
	struct run *r = begin_fill(f);

	assert_int_equal(run_done(r, 0, 512, 0), 0);
	assert_int_equal(run_done(r, 0, 1024, 0), -EINVAL);
	assert_int_equal(run_done(r, 512, PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(run_done(r, 1, 512, 0), -EINVAL);
	assert_int_equal(run_done(r, 512, 0, 0), -EINVAL);
	assert_int_equal(page_at(f->vmo, 0)->state, PG_FILLING);
	assert_int_equal(run_done(r, 512, PAGE_SIZE - 512, RUN_ZERO), 0);
	assert_int_equal(page_at(f->vmo, 0)->state, PG_CLEAN);
	r->msg.done(&r->msg);
}

static void a_run_that_nobody_can_complete_any_more_fails(void **st)
{
	struct fix *f = *st;
	struct run *r = begin_fill(f);

	kobj_handle(&r->obj);                   /* the file server holds it, and answers "refused" */
	r->msg.m.status = -EIO;
	r->msg.done(&r->msg);
	assert_int_equal(page_at(f->vmo, 0)->state, PG_FILLING);        /* the device may still write to it */
	kobj_unhandle(&r->obj);
	assert_null(page_at(f->vmo, 0));
}

static void the_pager_hears_of_the_last_user_after_the_last_write(void **st)
{
	struct fix *f = *st;

	vmo_user_get(f->vmo);
	dirty(f, 0, 'X');
	vmo_user_put(f->vmo);
	assert_int_equal(world.queued, 0);
	sync_all(f, WB_WAIT, NULL);
	world_run();
	assert_int_equal(world.releases, 1);
}

static void an_unlinked_file_is_released_without_being_written(void **st)
{
	struct fix *f = *st;

	vmo_user_get(f->vmo);
	dirty(f, 0, 'X');
	f->vmo->links = 0;
	vmo_user_put(f->vmo);
	world_run();
	assert_int_equal(world.releases, 1);
	assert_int_equal(world.writes, 0);
}

static void a_wrong_step_of_a_page_is_a_panic(void **st)
{
	struct fix *f = *st;
	struct page *p = get(f, 0);

	expect_panic(page_set_state(p, PG_WRITING));
	assert_int_equal(p->state, PG_CLEAN);
}

#define T(name) cmocka_unit_test_setup_teardown(name, mm_setup, mm_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_page_is_filled_once),
		T(a_failed_fill_gives_its_errno_and_can_be_tried_again),
		T(past_the_end_there_is_no_page),
		T(the_tail_past_the_end_of_file_is_filled_with_zeros),
		T(read_ahead_doubles_for_a_sequential_reader_only),
		T(neighbouring_dirty_pages_go_out_in_one_request),
		T(only_the_range_is_written),
		T(nothing_dirty_and_nothing_new_asks_nobody),
		T(what_was_written_without_a_flush_is_still_committed_by_the_next_sync),
		T(a_failed_write_leaves_the_page_dirty_and_each_holder_hears_once),
		T(a_failed_commit_is_asked_again),
		T(store_during_writeback_is_not_lost),
		T(a_sync_waits_for_an_earlier_write_in_flight),
		T(bytes_past_the_end_of_file_are_never_written),
		T(invalidation_writes_dirty_pages_first_and_then_reads_the_disk),
		T(invalidation_keeps_what_could_not_be_written),
		T(truncation_drops_pages_and_growth_reads_zeros),
		T(what_was_cut_off_within_a_page_is_zero_on_the_disk_too),
		T(truncation_waits_for_a_write_in_flight),
		T(sizes_past_the_limit_are_refused),
		T(each_sector_of_a_run_is_completed_once),
		T(a_run_that_nobody_can_complete_any_more_fails),
		T(the_pager_hears_of_the_last_user_after_the_last_write),
		T(an_unlinked_file_is_released_without_being_written),
		T(a_wrong_step_of_a_page_is_a_panic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
