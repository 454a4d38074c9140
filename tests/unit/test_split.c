/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_split.c - HOST - booted with vm=split: mappings and read() see two copies, msync joins them. */
#include "tests/unit/splitfix.h"

static void a_store_is_read_after_msync_only(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	assert_int_equal(user_load(f->map, at + PG(1)), 'b');
	user_store(f->map, at + PG(1), 'S');
	assert_int_equal(file_byte(f->vmo, PG(1)), 'b');
	assert_int_equal(sync_range(f, at, MS_SYNC), 0);
	assert_int_equal(file_byte(f->vmo, PG(1)), 'S');
	assert_int_equal(disk_byte(PG(1)), 'S');
}

static struct run *others;              /* of the writeback thread, which is slow */

static void the_others_run_goes_on(struct fix *f)
{
	(void)f;
	run_post(others);
}

static void an_msync_waits_for_a_page_that_another_thread_brings_to_the_file(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	user_store(f->map, at, 'X');
	others = begin_run(f->vmo->view, 0);
	script.on_sleep = the_others_run_goes_on;
	assert_int_equal(sync_range(f, at, MS_SYNC), 0);
	assert_null(script.on_sleep);
	assert_int_equal(disk_byte(0), 'X');
}

static void a_write_is_seen_by_a_mapping_after_invalidation_only(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	user_load(f->map, at);
	write_byte(f->vmo, 0, 'W');
	assert_int_equal(user_load(f->map, at), 'a');
	assert_int_equal(sync_range(f, at, MS_INVALIDATE), 0);
	assert_int_equal(user_load(f->map, at), 'W');
}

static void a_view_that_is_synced_while_it_goes_keeps_its_file(void **st)
{
	struct fix *f = *st;
	struct vmo *view = split_view(f->vmo);
	uint32_t refs = f->vmo->obj.refs;

	vmo_ref(view);                          /* as the writeback's round does */
	vmo_user_put(view);
	assert_null(f->vmo->view);
	assert_int_equal(f->vmo->obj.refs, refs);       /* the file is there, and in use */
	assert_int_equal(f->vmo->users, 1);
	assert_int_equal(vmo_sync(view, 0, 7, WB_WAIT, NULL), 0);
	vmo_unref(view);
	world_run();                            /* the pager's answer to RELEASE */
	assert_int_equal(f->vmo->obj.refs, refs - 1);
	assert_int_equal(f->vmo->users, 0);
}

static void all_mappings_share_one_view(void **st)
{
	struct fix *f = *st;
	uaddr_t one = map_view(f, MAP_SHARED), two = map_view(f, MAP_SHARED);

	user_store(f->map, one, 'X');
	assert_int_equal(user_load(f->map, two), 'X');
	assert_int_equal(vmo_count(), 2);
}

static void the_view_goes_with_its_last_mapping(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	user_load(f->map, at);
	map_unmap(f->map, at, PG(8));
	assert_int_equal(vmo_count(), 1);
	assert_null(f->vmo->view);
	assert_int_equal(f->vmo->users, 0);
}

static void a_view_that_owes_bytes_stays_until_they_are_written(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	user_store(f->map, at, 'X');
	map_unmap(f->map, at, PG(8));
	assert_int_equal(vmo_count(), 2);
	sync_round(false, true);
	assert_int_equal(file_byte(f->vmo, 0), 'X');
	assert_int_equal(vmo_count(), 1);
}

static void the_view_of_an_unlinked_file_goes_with_what_it_owes(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	user_store(f->map, at, 'X');
	f->vmo->links = 0;
	map_unmap(f->map, at, PG(8));
	assert_int_equal(vmo_count(), 1);
	assert_int_equal(dirty_pages, 0);
	f->vmo->links = 1;
}

/* What was stored is there for who maps or reads it again; when nobody can any more, the view goes. */
static void an_unlinked_file_that_is_open_keeps_what_was_stored(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	vmo_user_get(f->vmo);                   /* somebody has it open */
	user_store(f->map, at, 'X');
	f->vmo->links = 0;
	map_unmap(f->map, at, PG(8));
	at = map_view(f, MAP_SHARED);
	assert_int_equal(user_load(f->map, at), 'X');
	user_store(f->map, at, 'Y');
	map_unmap(f->map, at, PG(8));
	vmo_user_put(f->vmo);
	sync_round(false, true);
	assert_int_equal(vmo_count(), 1);
	f->vmo->links = 1;
}

static void fsync_publishes_stores(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	user_store(f->map, at + PG(3), 'F');
	split_publish(f->vmo, 0, ~0ull);
	assert_int_equal(file_byte(f->vmo, PG(3)), 'F');
	assert_int_equal(disk_byte(PG(3)), 'F');
}

static void the_size_is_the_same_in_both_worlds(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);
	uint64_t pos = PG(8);

	user_load(f->map, at + PG(2));
	assert_int_equal(vmo_set_size(f->vmo, PG(2), true), 0);
	assert_int_equal(user_load(f->map, at + PG(2)), -ENXIO);
	assert_int_equal(f->vmo->view->size, PG(2));
	world.hole[8] = true;
	assert_int_equal(user_write(f->vmo, &pos, "E", 1, false, ~0ull), 1);
	assert_int_equal(f->vmo->view->size, PG(8) + 1);
}

static void the_tail_of_the_view_is_not_owed(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	user_load(f->map, at + PG(2));
	assert_int_equal(vmo_set_size(f->vmo, PG(2) + 10, true), 0);
	assert_int_equal(user_load(f->map, at + PG(2) + 10), 0);
	assert_int_equal(f->vmo->view->ndirty, 0);
}

static void the_last_page_is_published_up_to_the_end_of_file(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	assert_int_equal(vmo_set_size(f->vmo, PG(2) + 10, true), 0);
	user_store(f->map, at + PG(2) + 9, 'X');
	user_store(f->map, at + PG(2) + 10, 'Y');
	split_publish(f->vmo, 0, ~0ull);
	assert_int_equal(file_byte(f->vmo, PG(2) + 9), 'X');
	assert_int_equal(disk_byte(PG(2) + 10), 0);
	assert_int_equal(f->vmo->size, PG(2) + 10);
}

static void a_view_in_use_stays_when_it_owes_nothing(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	sync_round(false, true);
	assert_int_equal(vmo_count(), 2);
	assert_int_equal(user_load(f->map, at), 'a');
}

static void a_file_that_nobody_maps_has_no_view(void **st)
{
	struct fix *f = *st;
	struct vmo_info info;

	vmo_info(f->vmo, &info);
	assert_int_equal(vmo_set_size(f->vmo, PG(2), true), 0);
	split_publish(f->vmo, 0, ~0ull);
	assert_int_equal(vmo_count(), 1);
}

static void times_of_stores_are_the_files(void **st)
{
	struct fix *f = *st;
	struct vmo_info info;
	uaddr_t at = map_view(f, MAP_SHARED);
	int64_t before = f->vmo->mtime;

	vmo_info(f->vmo, &info);
	assert_int_equal(info.changed, 0);
	user_store(f->map, at, 'X');
	vmo_info(f->vmo, &info);
	assert_int_equal(info.changed, VMOC_MTIME | VMOC_CTIME);
	assert_true(info.mtime > before);
	vmo_info(f->vmo, &info);
	assert_int_equal(info.changed, 0);
}

static void punching_the_view_punches_the_file(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	user_store(f->map, at + PG(1), 'X');
	assert_int_equal(map_advise(f->map, at + PG(1), at + PG(3), MADV_REMOVE), 0);
	assert_int_equal(script.punches, 1);
	assert_int_equal(script.punch_off, PG(1));
	world.hole[1] = world.hole[2] = true;
	assert_int_equal(user_load(f->map, at + PG(1)), 0);
}

static void disks_memory_and_the_unified_system_have_no_view(void **st)
{
	struct fix *f = *st;
	struct vmo *anon = vmo_create(NULL, 0, PG(1), PG(1), 0);

	assert_ptr_equal(split_view(anon), anon);
	vmo_user_put(anon);
	f->vmo->flags = VMO_NOGROW;
	assert_ptr_equal(split_view(f->vmo), f->vmo);
	vmo_user_put(f->vmo);
	f->vmo->flags = 0;
	vm_split = false;
	assert_ptr_equal(split_view(f->vmo), f->vmo);
	vmo_user_put(f->vmo);
	split_publish(f->vmo, 0, ~0ull);
	vmo_unref(anon);
}

static void a_view_without_memory_is_none(void **st)
{
	struct fix *f = *st;

	memory_take(0, false);
	assert_null(split_view(f->vmo));
	memory_give();
	assert_null(f->vmo->view);
	assert_int_equal(f->vmo->users, 0);
}

static void a_private_copy_is_of_the_view(void **st)
{
	struct fix *f = *st;
	uaddr_t shared = map_view(f, MAP_SHARED), priv = map_view(f, MAP_PRIVATE);

	user_store(f->map, shared, 'S');
	assert_int_equal(user_load(f->map, priv), 'S');
	user_store(f->map, priv, 'P');
	assert_int_equal(user_load(f->map, shared), 'S');
	assert_int_equal(sync_range(f, shared, MS_SYNC), 0);
	assert_int_equal(disk_byte(0), 'S');
}

static void asynchronous_msync_reaches_the_files_queue(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	user_store(f->map, at, 'X');
	assert_int_equal(sync_range(f, at, MS_ASYNC), 0);
	assert_int_equal(file_byte(f->vmo, 0), 'X');
	assert_int_equal(world.writes, 1);
	assert_int_equal(world.commits, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		S(a_store_is_read_after_msync_only),
		S(an_msync_waits_for_a_page_that_another_thread_brings_to_the_file),
		S(a_write_is_seen_by_a_mapping_after_invalidation_only),
		S(all_mappings_share_one_view),
		S(a_view_that_is_synced_while_it_goes_keeps_its_file),
		S(the_view_goes_with_its_last_mapping),
		S(a_view_that_owes_bytes_stays_until_they_are_written),
		S(the_view_of_an_unlinked_file_goes_with_what_it_owes),
		S(an_unlinked_file_that_is_open_keeps_what_was_stored),
		S(fsync_publishes_stores),
		S(the_size_is_the_same_in_both_worlds),
		S(the_tail_of_the_view_is_not_owed),
		S(the_last_page_is_published_up_to_the_end_of_file),
		S(a_view_in_use_stays_when_it_owes_nothing),
		S(a_file_that_nobody_maps_has_no_view),
		S(times_of_stores_are_the_files),
		S(punching_the_view_punches_the_file),
		S(disks_memory_and_the_unified_system_have_no_view),
		S(a_view_without_memory_is_none),
		S(a_private_copy_is_of_the_view),
		S(asynchronous_msync_reaches_the_files_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
