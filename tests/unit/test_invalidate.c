/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_invalidate.c - HOST - pages that leave the cache while others want, store to, write or cut them. */
#include "tests/unit/mmworld.h"

static uaddr_t mapped;

static void while_it_leaves(struct fix *f)
{
	assert_true(page_at(f->vmo, 0)->flags & PFL_LEAVING);
	assert_int_equal(pmap_get(&f->map->pmap, mapped), 0);
	assert_int_equal(user_load(f->map, mapped + PG(1)), 'b');       /* maps neighbours as well */
	assert_int_equal(pmap_get(&f->map->pmap, mapped), 0);
}

static void a_page_that_leaves_is_not_mapped_anew(void **st)
{
	struct fix *f = *st;

	mapped = map_file(f, 8, RW, MAP_SHARED);
	get_page(f->vmo, 1);
	user_store(f->map, mapped, 'X');
	script.on_sleep = while_it_leaves;
	assert_int_equal(vmo_invalidate(f->vmo, 0, 0), 0);
	assert_null(script.on_sleep);
	assert_int_equal(state_of(f->vmo, 0), PG_ABSENT);
	assert_int_equal(disk_byte(0), 'X');
	world.disk[0] = 'N';
	assert_int_equal(user_load(f->map, mapped), 'N');
}

static void let_it_go(struct fix *f)
{
	world_run();
	assert_int_equal(state_of(f->vmo, 0), PG_CLEAN);
	assert_true(page_at(f->vmo, 0)->flags & PFL_LEAVING);   /* written, and still nobody's */
	spin_lock(&f->vmo->lock);
	pcache_remove_locked(f->vmo, page_at(f->vmo, 0));
	spin_unlock(&f->vmo->lock);
}

static void store_to_what_leaves(struct fix *f)
{
	script.on_sleep = let_it_go;
	assert_int_equal(user_store(f->map, mapped, 'Y'), 0);
	assert_null(script.on_sleep);
}

static void a_store_waits_until_the_page_has_gone_and_is_not_lost(void **st)
{
	struct fix *f = *st;

	mapped = map_file(f, 8, RW, MAP_SHARED);
	user_store(f->map, mapped, 'X');
	user_store(f->map, mapped + 1, 'Z');
	script.on_sleep = store_to_what_leaves;
	assert_int_equal(vmo_invalidate(f->vmo, 0, 0), 0);
	assert_int_equal(disk_byte(0), 'Y');
	assert_int_equal(disk_byte(1), 'Z');
}

static void fail_and_cut(struct fix *f)
{
	world.write_status = -EIO;
	world_run();
	world.write_status = 0;
	spin_lock(&f->vmo->lock);
	vmo_cut_locked(f->vmo, 0, ~0ull);
	spin_unlock(&f->vmo->lock);
}

static void a_page_that_was_cut_off_meanwhile_needs_no_second_chance(void **st)
{
	struct fix *f = *st;

	dirty_page(f->vmo, 0, 'X');
	script.on_sleep = fail_and_cut;
	assert_int_equal(vmo_invalidate(f->vmo, 0, 7), -EIO);
	assert_int_equal(f->vmo->npages, 0);
}

static void a_page_that_could_not_be_written_serves_again(void **st)
{
	struct fix *f = *st;

	mapped = map_file(f, 8, RW, MAP_SHARED);
	user_store(f->map, mapped, 'X');
	world.write_status = -EIO;
	assert_int_equal(map_sync(f->map, mapped, mapped + PG(8), MS_INVALIDATE), -EIO);
	assert_int_equal(vmo_invalidate(f->vmo, 0, 7), -EIO);
	assert_int_equal(user_load(f->map, mapped), 'X');
	assert_int_equal(user_store(f->map, mapped, 'Y'), 0);
	world.write_status = 0;
	assert_int_equal(vmo_invalidate(f->vmo, 0, 7), 0);
	assert_int_equal(disk_byte(0), 'Y');
}

/* The lock's own read of the page waits until the invalidation lets go: here only its mark is set (MLOCK_ONFAULT). */
static void lock_what_leaves(struct fix *f)
{
	assert_true(page_at(f->vmo, 0)->flags & PFL_LEAVING);
	assert_int_equal(map_lock(f->map, mapped, mapped + PAGE_SIZE, MCL_CURRENT | MCL_ONFAULT, false), 0);
	world_run();
}

static void a_page_locked_while_it_leaves_stays_and_can_be_had(void **st)
{
	struct fix *f = *st;

	mapped = map_file(f, 8, RW, MAP_SHARED);
	user_store(f->map, mapped, 'X');
	script.on_sleep = lock_what_leaves;
	assert_int_equal(vmo_invalidate(f->vmo, 0, 0), 0);
	assert_null(script.on_sleep);
	assert_int_equal(state_of(f->vmo, 0), PG_CLEAN);
	assert_false(page_at(f->vmo, 0)->flags & PFL_LEAVING);
	assert_int_equal(user_load(f->map, mapped), 'X');
}

static void pages_on_their_way_are_waited_for(void **st)
{
	struct fix *f = *st;

	vmo_prefetch(f->vmo, 2, 3);
	assert_int_equal(state_of(f->vmo, 2), PG_FILLING);
	assert_int_equal(vmo_invalidate(f->vmo, 0, 7), 0);
	assert_int_equal(f->vmo->npages, 0);
	assert_int_equal(world.fills, 1);
}

static void only_the_range_leaves(void **st)
{
	struct fix *f = *st;

	for (unsigned i = 0; i < 8; i++) get_page(f->vmo, i);
	assert_int_equal(vmo_invalidate(f->vmo, 2, 4), 0);
	assert_int_equal(f->vmo->npages, 5);
	assert_int_equal(state_of(f->vmo, 5), PG_CLEAN);
}

static void whoever_holds_a_page_keeps_its_bytes(void **st)
{
	struct fix *f = *st;
	struct page *p;

	assert_int_equal(pcache_get(f->vmo, 0, NULL, &p), 0);
	assert_int_equal(vmo_invalidate(f->vmo, 0, 7), 0);
	assert_null(p->vmo);
	assert_int_equal(*(uint8_t *)page_virt(p), 'a');
	page_unref(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_page_that_leaves_is_not_mapped_anew),
		T(a_store_waits_until_the_page_has_gone_and_is_not_lost),
		T(a_page_that_was_cut_off_meanwhile_needs_no_second_chance),
		T(a_page_that_could_not_be_written_serves_again),
		T(a_page_locked_while_it_leaves_stays_and_can_be_had),
		T(pages_on_their_way_are_waited_for),
		T(only_the_range_leaves),
		T(whoever_holds_a_page_keeps_its_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
