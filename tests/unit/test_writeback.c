/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_writeback.c - HOST - what is gathered into a write, what is written again, who hears of failures. */
#include "tests/unit/mmworld.h"

#define SYNC (WB_WAIT | WB_COMMIT | WB_DATASYNC)

static int sync_all(struct fix *f, unsigned wb)
{
	return vmo_sync(f->vmo, 0, ~0ull, wb, NULL);
}

static void dirty_range(struct vmo *v, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++) dirty_page(v, i, 'X');
}

static void a_gap_ends_a_run(void **st)
{
	struct fix *f = *st;

	dirty_range(f->vmo, 0, 1);
	get_page(f->vmo, 2);
	dirty_range(f->vmo, 3, 4);
	dirty_range(f->vmo, 6, 6);
	assert_int_equal(sync_all(f, WB_WAIT), 0);
	assert_int_equal(world.writes, 3);
	assert_int_equal(world.write_pages, 5);
}

static void a_run_ends_where_the_range_ends(void **st)
{
	struct fix *f = *st;

	dirty_range(f->vmo, 0, 7);
	assert_int_equal(vmo_sync(f->vmo, 2, 5, WB_WAIT, NULL), 0);
	assert_int_equal(world.writes, 1);
	assert_int_equal(world.write_pages, 4);
	assert_int_equal(state_of(f->vmo, 1), PG_DIRTY);
	assert_int_equal(state_of(f->vmo, 6), PG_DIRTY);
}

static void what_is_written_cannot_be_stored_to_unseen(void **st)
{
	struct fix *f = *st;
	uaddr_t one = map_file(f, 8, RW, MAP_SHARED), two = map_file(f, 8, RW, MAP_SHARED);

	user_store(f->map, one, 'A');
	user_store(f->map, two, 'B');
	assert_int_equal(sync_all(f, WB_WAIT), 0);
	assert_false(pte_writable(f->map, one));
	assert_false(pte_writable(f->map, two));
	user_store(f->map, two, 'C');
	assert_int_equal(state_of(f->vmo, 0), PG_DIRTY);
}

static void a_long_run_is_cut(void **st)
{
	struct fix *f = *st;
	struct vmo *v = vmo_create(&pager_port, 9, 0, PG(400), 0);
	static char page[PAGE_SIZE];
	uint64_t pos = 0;

	(void)f;
	v->grant_hi = 400;
	for (unsigned i = 0; i < RUN_MAX + 72; i++, pos += PAGE_SIZE)
		assert_int_equal(user_write(v, &pos, page, PAGE_SIZE, false, ~0ull), PAGE_SIZE);
	script.on_sleep = take_runs;
	assert_int_equal(vmo_sync(v, 0, ~0ull, WB_WAIT, NULL), 0);
	assert_int_equal(nruns, 2);
	assert_int_equal(run_pages[1], RUN_MAX);
	assert_int_equal(run_pages[0], 72);
	assert_int_equal(v->ndirty, 0);
	vmo_unref(v);
}

static void a_servers_own_pages_are_left_to_it(void **st)
{
	struct fix *f = *st;

	dirty_range(f->vmo, 0, 6);
	page_at(f->vmo, 0)->flags |= PFL_OWNER;
	page_at(f->vmo, 3)->flags |= PFL_OWNER;
	page_at(f->vmo, 6)->flags |= PFL_OWNER;
	assert_int_equal(sync_all(f, SYNC), 0);
	assert_int_equal(world.writes, 2);
	assert_int_equal(world.write_pages, 4);
	assert_int_equal(state_of(f->vmo, 3), PG_DIRTY);
	assert_int_equal(vmo_sync(f->vmo, 3, 3, WB_WAIT, NULL), 0);
	assert_int_equal(vmo_invalidate(f->vmo, 0, 7), 0);
	assert_int_equal(f->vmo->npages, 3);            /* nor are they thrown away */
	for (unsigned i = 0; i < 7; i += 3) page_at(f->vmo, i)->flags &= ~PFL_OWNER;
	sync_all(f, WB_WAIT);
}

static void what_was_stored_during_a_write_is_written_again_by_the_next_sync(void **st)
{
	struct fix *f = *st;

	dirty_page(f->vmo, 0, 'A');
	dirty_page(f->vmo, 1, 'C');
	begin_write(f->vmo, 0);
	dirty_page(f->vmo, 0, 'B');
	begin_write(f->vmo, 1);
	assert_int_equal(sync_all(f, WB_WAIT), 0);
	assert_int_equal(world.writes, 3);
	assert_int_equal(disk_byte(0), 'B');
	assert_int_equal(state_of(f->vmo, 0), PG_CLEAN);
}

static void finish_and_cut(struct fix *f)
{
	world_run();
	spin_lock(&f->vmo->lock);
	vmo_cut_locked(f->vmo, 0, 0);
	spin_unlock(&f->vmo->lock);
}

static void a_page_cut_off_while_its_second_write_is_awaited_is_not_missed(void **st)
{
	struct fix *f = *st;

	dirty_page(f->vmo, 0, 'A');
	begin_write(f->vmo, 0);
	dirty_page(f->vmo, 0, 'B');
	script.on_sleep = finish_and_cut;
	assert_int_equal(sync_all(f, WB_WAIT), 0);
	assert_int_equal(world.writes, 1);
	assert_int_equal(f->vmo->npages, 0);
}

static void an_asynchronous_sync_leaves_the_second_write_to_the_thread(void **st)
{
	struct fix *f = *st;

	host_now += 10000000000;                        /* the machine did not start just now */
	dirty_page(f->vmo, 0, 'A');
	dirty_page(f->vmo, 1, 'B');
	begin_write(f->vmo, 0);
	begin_write(f->vmo, 1);
	dirty_page(f->vmo, 0, 'C');
	assert_int_equal(vmo_sync(f->vmo, 0, 0, 0, NULL), 0);
	world_run();
	assert_int_equal(state_of(f->vmo, 0), PG_DIRTY);
	thread_rounds(writeback_thread, 2);              /* though the page is young */
	world_run();
	assert_int_equal(disk_byte(0), 'C');
	assert_int_equal(state_of(f->vmo, 0), PG_CLEAN);
}

static void only_the_range_is_waited_for(void **st)
{
	struct fix *f = *st;

	dirty_page(f->vmo, 0, 'A');
	dirty_page(f->vmo, 5, 'B');
	begin_write(f->vmo, 5);
	assert_int_equal(vmo_wait(f->vmo, 0, 4, NULL), 0);
	assert_int_equal(state_of(f->vmo, 5), PG_WRITING);
	assert_int_equal(vmo_wait(f->vmo, 0, 5, NULL), 0);
	assert_int_equal(state_of(f->vmo, 5), PG_CLEAN);
	assert_int_equal(state_of(f->vmo, 0), PG_DIRTY);
}

static void waiting_tells_each_holder_of_a_failure_once(void **st)
{
	struct fix *f = *st;
	uint32_t one = 0, two = 0;

	dirty_page(f->vmo, 0, 'A');
	world.write_status = -ENOSPC;
	begin_write(f->vmo, 0);
	assert_int_equal(vmo_wait(f->vmo, 0, ~0ull, &one), -ENOSPC);
	assert_int_equal(vmo_wait(f->vmo, 0, ~0ull, &one), 0);
	assert_int_equal(vmo_wait(f->vmo, 0, ~0ull, &two), -ENOSPC);
	world.write_status = 0;
	assert_int_equal(vmo_sync(f->vmo, 0, ~0ull, SYNC, &one), 0);
	assert_int_equal(disk_byte(0), 'A');
}

static void a_failed_write_is_not_committed(void **st)
{
	struct fix *f = *st;
	uint32_t seen = 0;

	dirty_page(f->vmo, 0, 'A');
	world.write_status = -EIO;
	assert_int_equal(vmo_sync(f->vmo, 0, ~0ull, SYNC, &seen), -EIO);
	assert_int_equal(world.commits, 0);
	world.write_status = 0;
}

static struct vmo *syncs_too;

static void sync_too(void)
{
	world.during_commit = NULL;
	assert_int_equal(vmo_sync(syncs_too, 0, ~0ull, SYNC, NULL), 0);
}

/* Its own store went out with the other one's write, but no flush is over yet that covers it. */
static void who_syncs_while_another_one_commits_does_not_rely_on_that(void **st)
{
	struct fix *f = *st;

	dirty_page(f->vmo, 1, 'X');
	syncs_too = f->vmo;
	world.during_commit = sync_too;
	assert_int_equal(vmo_sync(f->vmo, 0, ~0ull, SYNC, NULL), 0);
	assert_int_equal(world.commits, 2);
	assert_int_equal(vmo_sync(f->vmo, 0, ~0ull, SYNC, NULL), 0);
	assert_int_equal(world.commits, 2);
}

static void fsync_always_asks_and_fdatasync_only_for_something_new(void **st)
{
	struct fix *f = *st;

	assert_int_equal(sync_all(f, SYNC), 0);
	assert_int_equal(world.last_commit_flags, COMMIT_DATASYNC);
	assert_int_equal(sync_all(f, SYNC), 0);
	assert_int_equal(world.commits, 1);
	assert_int_equal(sync_all(f, WB_WAIT | WB_COMMIT), 0);
	assert_int_equal(world.commits, 2);
	assert_int_equal(world.last_commit_flags, 0);
}

static void a_commit_that_does_not_arrive_is_owed_with_its_times(void **st)
{
	struct fix *f = *st;

	vmo_touch(f->vmo, VMOC_MTIME | VMOC_CTIME);
	script.call_status = -EPIPE;
	assert_int_equal(sync_all(f, SYNC), -EPIPE);
	assert_int_equal(f->vmo->changed, VMOC_MTIME | VMOC_CTIME);
	script.call_status = 0;
	assert_int_equal(sync_all(f, SYNC), 0);
	assert_int_equal(f->vmo->changed, 0);
}

static void memory_without_a_disk_owes_nothing(void **st)
{
	struct fix *f = *st;
	struct vmo *v = vmo_create(NULL, 0, PG(4), PG(4), VMO_EPHEMERAL);

	(void)f;
	dirty_page(v, 0, 'X');
	assert_int_equal(dirty_pages, 0);
	assert_int_equal(vmo_sync(v, 0, ~0ull, SYNC, NULL), 0);
	assert_int_equal(vmo_invalidate(v, 0, ~0ull), 0);
	assert_int_equal(v->npages, 1);
	vmo_unref(v);
}

static void give_memory(struct fix *f)
{
	(void)f;
	memory_give();
}

static void cleaning_waits_for_memory_when_even_the_reserve_is_out(void **st)
{
	struct fix *f = *st;

	dirty_range(f->vmo, 0, 3);
	memory_take(0, true);
	script.on_sleep = give_memory;
	assert_int_equal(sync_all(f, WB_WAIT), 0);
	assert_int_equal(world.write_pages, 4);
	assert_false(current_thread()->reserve);
}

static void cleaning_may_use_the_reserve(void **st)
{
	struct fix *f = *st;

	dirty_range(f->vmo, 0, 3);
	memory_take(0, false);
	assert_int_equal(sync_all(f, WB_WAIT), 0);
	memory_give();
	assert_int_equal(world.write_pages, 4);
	assert_int_equal(script.sleeps, 0);
}

static void ms_async_returns_when_the_pager_has_the_writes(void **st)
{
	struct fix *f = *st;

	dirty_range(f->vmo, 0, 0);
	dirty_range(f->vmo, 2, 2);
	assert_int_equal(sync_all(f, 0), 0);
	assert_int_equal(f->vmo->unqueued, 0);
	assert_int_equal(world.writes, 2);
}

static void pages_by_age(struct fix *f, unsigned seconds)
{
	world.writes = 0;
	thread_rounds(writeback_thread, seconds * 20);
	world_run();
	(void)f;
}

static void the_thread_writes_what_is_old_enough(void **st)
{
	struct fix *f = *st;

	vmo_user_get(f->vmo);
	dirty_page(f->vmo, 0, 'A');
	pages_by_age(f, 4);
	assert_int_equal(world.writes, 0);
	pages_by_age(f, 4);
	assert_int_equal(world.writes, 1);
	pages_by_age(f, 8);
	assert_int_equal(world.writes, 0);              /* nothing is owed any more */
	vmo_user_put(f->vmo);
}

static void the_thread_writes_at_once_when_much_is_dirty(void **st)
{
	struct fix *f = *st;

	dirty_page(f->vmo, 0, 'A');
	dirty_pages += frame_total;
	pages_by_age(f, 1);
	dirty_pages -= frame_total;
	assert_int_equal(world.writes, 1);
}

static void a_file_without_name_and_user_is_not_written(void **st)
{
	struct fix *f = *st;

	dirty_page(f->vmo, 0, 'A');
	f->vmo->links = 0;
	sync_round(false, true);
	assert_int_equal(world.writes, 0);
	vmo_user_get(f->vmo);                           /* somebody has it open */
	sync_round(false, true);
	assert_int_equal(world.writes, 1);
	vmo_user_put(f->vmo);
	f->vmo->links = 1;
}

static void sync_writes_every_object_and_waits(void **st)
{
	struct fix *f = *st;
	struct vmo *v = vmo_create(&pager_port, 8, PG(4), PG(4), 0);

	dirty_page(f->vmo, 0, 'A');
	dirty_page(v, 2, 'B');
	sync_round(false, true);
	assert_int_equal(state_of(f->vmo, 0), PG_CLEAN);
	assert_int_equal(state_of(v, 2), PG_CLEAN);
	assert_int_equal(disk_byte(PG(2)), 'B');
	vmo_unref(v);
}

static void an_object_that_is_dying_is_left_alone(void **st)
{
	struct fix *f = *st;

	dirty_page(f->vmo, 0, 'A');
	f->vmo->obj.refs = 0;
	sync_round(false, true);
	assert_int_equal(world.writes, 0);
	f->vmo->obj.refs = 1;
	sync_round(false, true);
	assert_int_equal(world.writes, 1);
}

static void a_writer_over_the_limit_is_slowed_but_not_for_ever(void **st)
{
	struct fix *f = *st;
	uint64_t before = host_now;

	dirty_page(f->vmo, 0, 'A');
	dirty_pages += frame_total;
	writeback_throttle();
	dirty_pages -= frame_total;
	assert_int_equal(world.writes, 1);
	assert_in_range(host_now - before, 1900000000, 2200000000);
	before = host_now;
	writeback_throttle();
	assert_int_equal(host_now, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_gap_ends_a_run),
		T(a_run_ends_where_the_range_ends),
		T(what_is_written_cannot_be_stored_to_unseen),
		T(a_long_run_is_cut),
		T(a_servers_own_pages_are_left_to_it),
		T(what_was_stored_during_a_write_is_written_again_by_the_next_sync),
		T(a_page_cut_off_while_its_second_write_is_awaited_is_not_missed),
		T(an_asynchronous_sync_leaves_the_second_write_to_the_thread),
		T(only_the_range_is_waited_for),
		T(waiting_tells_each_holder_of_a_failure_once),
		T(a_failed_write_is_not_committed),
		T(who_syncs_while_another_one_commits_does_not_rely_on_that),
		T(fsync_always_asks_and_fdatasync_only_for_something_new),
		T(a_commit_that_does_not_arrive_is_owed_with_its_times),
		T(memory_without_a_disk_owes_nothing),
		T(cleaning_waits_for_memory_when_even_the_reserve_is_out),
		T(cleaning_may_use_the_reserve),
		T(ms_async_returns_when_the_pager_has_the_writes),
		T(the_thread_writes_what_is_old_enough),
		T(the_thread_writes_at_once_when_much_is_dirty),
		T(a_file_without_name_and_user_is_not_written),
		T(sync_writes_every_object_and_waits),
		T(an_object_that_is_dying_is_left_alone),
		T(a_writer_over_the_limit_is_slowed_but_not_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
