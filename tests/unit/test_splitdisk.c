/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_splitdisk.c - HOST - vm=split: holes, room, failures and cuts between a view, its file and the disk. */
#include "tests/unit/splitfix.h"

static void a_store_into_a_hole_asks_for_room_and_keeps_it_a_hole_otherwise(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	world.hole[2] = true;
	assert_int_equal(user_load(f->map, at + PG(2)), 0);
	world.reserve_status = -ENOSPC;
	assert_int_equal(user_store(f->map, at + PG(2), 'X'), -ENOSPC);
	world.reserve_status = 0;
	assert_int_equal(user_store(f->map, at + PG(2), 'X'), 0);
	assert_int_equal(world.reserves, 2);
	assert_int_equal(sync_range(f, at, MS_SYNC), 0);
	assert_int_equal(disk_byte(PG(2)), 'X');
}

static void a_failed_read_is_the_faults(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	world.fill_status = -EIO;
	assert_int_equal(user_load(f->map, at), -EIO);
	world.fill_status = 0;
	assert_int_equal(user_load(f->map, at), 'a');
}

static void a_failed_write_is_told_to_who_mapped_it(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	user_store(f->map, at, 'X');
	world.write_status = -EIO;
	assert_int_equal(sync_range(f, at, MS_SYNC), -EIO);
	world.write_status = 0;
	assert_int_equal(sync_range(f, at, MS_SYNC), 0);
	assert_int_equal(disk_byte(0), 'X');
}

/* The file's page is gone, and cannot be read again to take the bytes. */
static void a_copy_that_fails_is_told_to_who_mapped_it(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	user_store(f->map, at, 'X');
	spin_lock(&f->vmo->lock);
	pcache_remove_locked(f->vmo, page_at(f->vmo, 0));
	spin_unlock(&f->vmo->lock);
	world.fill_status = -EIO;
	assert_int_equal(sync_range(f, at, MS_SYNC), -EIO);
	assert_int_equal(sync_range(f, at, MS_SYNC | MS_INVALIDATE), -EIO);
	world.fill_status = 0;
	assert_int_equal(sync_range(f, at, MS_SYNC), 0);
	assert_int_equal(disk_byte(0), 'X');
}

static void a_store_that_the_file_cannot_take_stays_owed(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	user_store(f->map, at + PG(1), 'X');
	user_store(f->map, at + PG(1), 'Y');
	assert_int_equal(state_of(f->vmo->view, 1), PG_DIRTY);
	f->vmo->flags |= VMO_READONLY;
	split_publish(f->vmo, 0, ~0ull);
	assert_int_equal(state_of(f->vmo->view, 1), PG_DIRTY);
	f->vmo->flags &= ~VMO_READONLY;
	split_publish(f->vmo, 0, ~0ull);
	assert_int_equal(state_of(f->vmo->view, 1), PG_CLEAN);
	assert_int_equal(file_byte(f->vmo, PG(1)), 'Y');
}

static void cut_the_file_alone(struct fix *f)
{
	f->vmo->size = PG(1);
}

static void a_page_cut_off_while_the_view_reads_it_is_zero(void **st)
{
	struct fix *f = *st;
	struct page *p;

	map_view(f, MAP_SHARED);
	memory_take(0, false);                              /* what is given back is not zero */
	memory_give();
	script.on_sleep = cut_the_file_alone;
	get_page(f->vmo->view, 0);
	assert_int_equal(pcache_get(f->vmo->view, 3, NULL, &p), 0);
	assert_int_equal(*(uint8_t *)page_virt(p), 0);
	page_unref(p);
	f->vmo->size = PG(8);
}

/* The view hears of a cut a moment later; its pages may be on their way to the file just then. */
static void pages_published_while_the_file_is_cut_wait_for_nothing_and_bring_no_size_back(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_view(f, MAP_SHARED);

	world.hole[2] = true;
	for (unsigned k = 0; k < 3; k++) user_store(f->map, at + PG(k), 'X' + k);
	f->vmo->size = PG(1) + 7;
	f->vmo->grant_lo = f->vmo->grant_hi = world.reserves = 0;
	assert_int_equal(vmo_sync(f->vmo->view, 0, 7, WB_WAIT, NULL), 0);
	assert_int_equal(world.reserves, 0);            /* nor ask for room behind the end */
	assert_int_equal(f->vmo->size, PG(1) + 7);
	assert_int_equal(file_byte(f->vmo, 0), 'X');
	assert_int_equal(file_byte(f->vmo, PG(1)), 'Y');
	f->vmo->size = PG(8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		S(a_store_into_a_hole_asks_for_room_and_keeps_it_a_hole_otherwise),
		S(a_failed_read_is_the_faults),
		S(a_failed_write_is_told_to_who_mapped_it),
		S(a_copy_that_fails_is_told_to_who_mapped_it),
		S(a_store_that_the_file_cannot_take_stays_owed),
		S(a_page_cut_off_while_the_view_reads_it_is_zero),
		S(pages_published_while_the_file_is_cut_wait_for_nothing_and_bring_no_size_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
