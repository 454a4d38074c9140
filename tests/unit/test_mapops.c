/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_mapops.c - HOST - msync, madvise and mincore along a range of mappings. */
#include "tests/unit/mmworld.h"

#define BASE 0x10000000ull

static int sync_range(struct fix *f, uaddr_t at, uint64_t pages, int flags)
{
	return map_sync(f->map, at, at + PG(pages), flags);
}

static int advise(struct fix *f, uaddr_t at, uint64_t pages, int advice)
{
	return map_advise(f->map, at, at + PG(pages), advice);
}

static void each_mapping_hears_of_a_failed_write_once(void **st)
{
	struct fix *f = *st;
	uaddr_t one = map_file(f, 8, RW, MAP_SHARED), two = map_file(f, 8, RW, MAP_SHARED), late;

	user_store(f->map, one, 'X');
	world.write_status = -EIO;
	assert_int_equal(sync_range(f, one, 8, MS_SYNC), -EIO);
	world.write_status = 0;
	late = map_file(f, 8, RW, MAP_SHARED);
	assert_int_equal(sync_range(f, one, 8, MS_SYNC), 0);
	assert_int_equal(sync_range(f, two, 8, MS_SYNC), -EIO);
	assert_int_equal(sync_range(f, two, 8, MS_SYNC), 0);
	assert_int_equal(sync_range(f, late, 8, MS_SYNC), 0);
	assert_int_equal(disk_byte(0), 'X');
}

static void the_first_error_of_a_range_is_told_and_the_rest_is_written(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	map_protect(f->map, at + PG(4), PG(4), PROT_READ);      /* two entries of one object */
	user_store(f->map, at, 'X');
	world.commit_status = -ENOSPC;
	assert_int_equal(sync_range(f, at, 9, MS_SYNC), -ENOSPC);
	assert_int_equal(world.commits, 2);
}

static void cut_while_syncing(struct fix *f, struct kmsg *k)
{
	(void)k;
	map_unmap(f->map, 0, USER_TOP);
}

static void a_mapping_that_goes_during_its_msync_is_not_looked_at_again(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	user_store(f->map, at, 'X');
	script.on_call = cut_while_syncing;
	assert_int_equal(sync_range(f, at, 8, MS_SYNC), 0);
	assert_int_equal(disk_byte(0), 'X');
}

static void replace_while_syncing(struct fix *f, struct kmsg *k)
{
	(void)k;
	map_at(f, BASE, 2, RW, 0);
}

static void an_entry_that_took_its_place_keeps_its_own_errors(void **st)
{
	struct fix *f = *st;
	uaddr_t at = BASE;

	assert_int_equal(map_map(f->map, &at, PG(2), RW, RW, MAP_SHARED | MAP_FIXED, f->vmo, 0), 0);
	user_store(f->map, at, 'X');
	script.on_call = replace_while_syncing;
	assert_int_equal(sync_range(f, at, 2, MS_SYNC), 0);
	assert_null(map_find_locked(f->map, BASE)->vmo);
}

static void msync_marks_stores_that_came_after_the_first_fault(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	user_store(f->map, at, 'X');
	f->vmo->changed = 0;
	user_store(f->map, at, 'Y');            /* no fault: nobody saw it */
	assert_int_equal(f->vmo->changed, 0);
	assert_int_equal(sync_range(f, at, 8, MS_ASYNC), 0);
	assert_int_equal(f->vmo->changed, VMOC_MTIME | VMOC_CTIME);
	f->vmo->changed = 0;
	vmo_mark_stores(f->vmo, 0, 7);
	assert_int_equal(f->vmo->changed, 0);
	dirty_page(f->vmo, 5, 'Z');
	vmo_mark_stores(f->vmo, 1, 4);
	assert_int_equal(f->vmo->changed, 0);
}

static void dontneed_drops_private_pages_and_shows_the_file_again(void **st)
{
	struct fix *f = *st;
	uaddr_t anon = map_anon(f, 3, MAP_PRIVATE);
	uaddr_t file = map_file(f, 8, RW, MAP_PRIVATE), shared = map_file(f, 8, RW, MAP_SHARED);

	fill_with(f, anon, 3);
	user_store(f->map, file, 'P');
	user_store(f->map, shared + PG(1), 'S');
	assert_int_equal(advise(f, anon + PG(1), 1, MADV_DONTNEED), 0);
	assert_int_equal(advise(f, file, 8, MADV_DONTNEED), 0);
	assert_int_equal(advise(f, shared, 8, MADV_DONTNEED), 0);
	assert_int_equal(user_load(f->map, anon), 'A');
	assert_int_equal(user_load(f->map, anon + PG(1)), 0);
	assert_int_equal(user_load(f->map, file), 'a');
	assert_int_equal(user_load(f->map, shared + PG(1)), 'S');
}

static void what_is_locked_or_shared_is_not_freed(void **st)
{
	struct fix *f = *st;
	uaddr_t anon = map_anon(f, 1, MAP_PRIVATE), shared = map_anon(f, 1, MAP_SHARED);
	uaddr_t file = map_file(f, 8, RW, MAP_SHARED);

	fill_with(f, anon, 1);
	assert_int_equal(advise(f, file, 1, MADV_FREE), -EINVAL);
	assert_int_equal(advise(f, shared, 1, MADV_FREE), -EINVAL);
	map_lock(f->map, anon, anon + PG(1), MCL_CURRENT, false);
	assert_int_equal(advise(f, anon, 1, MADV_FREE), -EINVAL);
	assert_int_equal(advise(f, anon, 1, MADV_DONTNEED), -EINVAL);
	assert_int_equal(user_load(f->map, anon), 'A');
	map_lock(f->map, anon, anon + PG(1), 0, false);
	assert_int_equal(advise(f, anon, 1, MADV_FREE), 0);
	assert_int_equal(user_load(f->map, anon), 0);
}

static void advice_about_order_sets_the_read_ahead(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, PROT_READ, MAP_SHARED);

	assert_int_equal(advise(f, at, 8, MADV_RANDOM), 0);
	user_load(f->map, at);
	assert_int_equal(f->vmo->npages, 1);
	assert_int_equal(advise(f, at, 8, MADV_SEQUENTIAL), 0);
	user_load(f->map, at + PG(1));
	assert_int_equal(f->vmo->npages, 8);
	assert_int_equal(advise(f, at, 8, MADV_NORMAL), 0);
	assert_int_equal(advise(f, at, 8, MADV_COLD), 0);
}

static void advice_over_a_hole_is_followed_where_it_can_be(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 5, MAP_PRIVATE);

	fill_with(f, at, 5);
	map_unmap(f->map, at + PG(2), PG(1));
	assert_int_equal(advise(f, at, 5, MADV_DONTNEED), -ENOMEM);
	assert_int_equal(user_load(f->map, at), 0);
	assert_int_equal(user_load(f->map, at + PG(4)), 0);
	assert_int_equal(advise(f, at + PG(3), 3, MADV_NORMAL), -ENOMEM);
	assert_int_equal(advise(f, at, 5, MADV_POPULATE_READ), -ENOMEM);
	assert_int_equal(advise(f, at + PG(3), 3, MADV_POPULATE_READ), -ENOMEM);
	assert_int_equal(advise(f, BASE, 1, MADV_WILLNEED), -ENOMEM);
}

static void willneed_reads_without_waiting_and_maps_nothing(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED), priv = map_file(f, 8, RW, MAP_PRIVATE);

	get_page(f->vmo, 3);
	assert_int_equal(advise(f, priv, 8, MADV_WILLNEED), 0);
	assert_int_equal(advise(f, at + PG(1), 7, MADV_WILLNEED), 0);
	assert_int_equal(world.queued, 2);              /* on both sides of page 3 */
	assert_int_equal(state_of(f->vmo, 1), PG_FILLING);
	assert_int_equal(state_of(f->vmo, 0), PG_ABSENT);
	world_run();
	assert_int_equal(f->vmo->npages, 7);
	assert_int_equal(pmap_get(&f->map->pmap, at + PG(1)), 0);
}

static void remove_punches_the_file_below(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED), priv = map_file(f, 8, RW, MAP_PRIVATE);

	user_store(f->map, at + PG(2), 'X');
	assert_int_equal(advise(f, priv, 1, MADV_REMOVE), -EACCES);
	assert_int_equal(advise(f, at + PG(2), 2, MADV_REMOVE), 0);
	assert_int_equal(script.punches, 1);
	assert_int_equal(script.punch_off, PG(2));
	assert_int_equal(script.punch_len, PG(2));
	assert_int_equal(f->vmo->size, PG(8));
	script.punch_status = -EIO;
	map_unmap(f->map, at + PG(1), PG(1));
	assert_int_equal(advise(f, at, 4, MADV_REMOVE), -EIO);
	assert_int_equal(script.punches, 2);            /* the first part's error ends it */
}

static void a_child_does_not_get_what_is_not_to_be_forked(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 4, MAP_PRIVATE);
	struct map *child;

	fill_with(f, at, 4);
	assert_int_equal(advise(f, at + PG(1), 2, MADV_DONTFORK), 0);
	assert_int_equal(advise(f, at + PG(2), 1, MADV_DOFORK), 0);
	child = map_fork(f->map);
	assert_int_equal(user_load(child, at), 'A');
	assert_int_equal(user_load(child, at + PG(1)), -EFAULT);
	assert_int_equal(user_load(child, at + PG(2)), 'C');
	map_put(child);
}

static void advice_that_needs_a_border_and_gets_no_memory_changes_nothing(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 4, MAP_PRIVATE);

	memory_take(0, false);
	assert_int_equal(advise(f, at + PG(1), 1, MADV_DONTFORK), -ENOMEM);
	memory_give();
	assert_int_equal(map_find_locked(f->map, at + PG(1))->flags & ENTRY_NOFORK, 0);
}

static void populating_by_advice_reads_or_writes(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	assert_int_equal(advise(f, at, 4, MADV_POPULATE_READ), 0);
	assert_int_equal(f->vmo->ndirty, 0);
	assert_true(pmap_get(&f->map->pmap, at + PG(3)) & PTE_P);
	assert_int_equal(advise(f, at, 4, MADV_POPULATE_WRITE), 0);
	assert_int_equal(f->vmo->ndirty, 4);
	map_protect(f->map, at, PG(1), PROT_NONE);
	assert_int_equal(advise(f, at, 4, MADV_POPULATE_READ), -EFAULT);
}

static void mincore_knows_pages_of_tables_and_of_the_cache(void **st)
{
	struct fix *f = *st;
	uaddr_t file = map_at(f, BASE, 4, RW, 0) + PG(4);

	assert_int_equal(map_map(f->map, &file, PG(4), RW, RW, MAP_SHARED | MAP_FIXED, f->vmo, PG(1)), 0);
	user_store(f->map, BASE + PG(1), 'X');
	get_page(f->vmo, 3);
	for (unsigned i = 0; i < 8; i++) assert_int_equal(map_resident(f->map, BASE + PG(i)), i == 1 || i == 6);
	assert_int_equal(map_resident(f->map, BASE + PG(8)), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_mapping_hears_of_a_failed_write_once),
		T(the_first_error_of_a_range_is_told_and_the_rest_is_written),
		T(a_mapping_that_goes_during_its_msync_is_not_looked_at_again),
		T(an_entry_that_took_its_place_keeps_its_own_errors),
		T(msync_marks_stores_that_came_after_the_first_fault),
		T(dontneed_drops_private_pages_and_shows_the_file_again),
		T(what_is_locked_or_shared_is_not_freed),
		T(advice_about_order_sets_the_read_ahead),
		T(advice_over_a_hole_is_followed_where_it_can_be),
		T(willneed_reads_without_waiting_and_maps_nothing),
		T(remove_punches_the_file_below),
		T(a_child_does_not_get_what_is_not_to_be_forked),
		T(advice_that_needs_a_border_and_gets_no_memory_changes_nothing),
		T(populating_by_advice_reads_or_writes),
		T(mincore_knows_pages_of_tables_and_of_the_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
