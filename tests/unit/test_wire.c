/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_wire.c - HOST - mlock, mlockall and populate: what they bring in, keep, count and refuse. */
#include "tests/unit/mmworld.h"

#define BASE 0x10000000ull

static int lock(struct fix *f, uaddr_t at, uint64_t pages)
{
	return map_lock(f->map, at, at + PG(pages), MCL_CURRENT, false);
}

static int unlock(struct fix *f, uaddr_t at, uint64_t pages)
{
	return map_lock(f->map, at, at + PG(pages), 0, false);
}

static bool present(struct fix *f, uaddr_t va)
{
	return pmap_get(&f->map->pmap, va) & PTE_P;
}

static void locking_brings_every_page_in(void **st)
{
	struct fix *f = *st;
	uaddr_t anon = map_anon(f, 3, MAP_PRIVATE), file = map_file(f, 8, RW, MAP_SHARED);

	assert_int_equal(lock(f, anon, 3), 0);
	assert_int_equal(lock(f, file, 8), 0);
	for (unsigned i = 0; i < 3; i++) assert_true(pte_writable(f->map, anon + PG(i)));
	for (unsigned i = 0; i < 8; i++) assert_true(present(f, file + PG(i)));
	assert_int_equal(f->vmo->ndirty, 0);            /* a lock is no store */
	assert_int_equal(f->map->locked, PG(11));
}

static void a_locked_private_file_mapping_gets_its_copies_at_once(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_PRIVATE);

	assert_int_equal(lock(f, at, 2), 0);
	assert_ptr_not_equal(phys_to_page(pmap_get(&f->map->pmap, at) & PTE_ADDR), page_at(f->vmo, 0));
	assert_int_equal(user_load(f->map, at + PG(1)), 'b');
}

static void onfault_locks_without_bringing_in(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 3, MAP_PRIVATE);

	assert_int_equal(map_lock(f->map, at, at + PG(3), MCL_CURRENT | MCL_ONFAULT, false), 0);
	assert_int_equal(f->map->locked, PG(3));
	assert_false(present(f, at));
}

static void a_range_with_a_hole_is_not_locked_at_all(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 5, MAP_PRIVATE);

	map_unmap(f->map, at + PG(2), PG(1));
	assert_int_equal(lock(f, at, 5), -ENOMEM);
	assert_int_equal(unlock(f, at, 5), -ENOMEM);
	assert_int_equal(f->map->locked, 0);
}

static void the_limit_counts_what_is_locked_already_once(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 8, MAP_PRIVATE);

	host_limit[RLIMIT_MEMLOCK] = PG(4);
	assert_int_equal(lock(f, at, 5), -ENOMEM);
	assert_int_equal(lock(f, at, 3), 0);
	assert_int_equal(lock(f, at + PG(1), 3), 0);
	assert_int_equal(f->map->locked, PG(4));
	assert_int_equal(lock(f, at, 5), -ENOMEM);
	assert_int_equal(f->map->locked, PG(4));
}

static void without_a_limit_to_use_locking_is_not_permitted_but_unlocking_is(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 2, MAP_PRIVATE);

	host_limit[RLIMIT_MEMLOCK] = 0;
	assert_int_equal(lock(f, at, 1), -EPERM);
	assert_int_equal(map_lock(f->map, 0, USER_TOP, MCL_CURRENT, true), -EPERM);
	assert_int_equal(unlock(f, at, 1), 0);
	assert_int_equal(map_lock(f->map, 0, USER_TOP, 0, true), 0);
}

static void unlocking_a_part_keeps_the_rest_locked(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 6, MAP_PRIVATE);

	lock(f, at, 6);
	assert_int_equal(unlock(f, at + PG(2), 2), 0);
	assert_int_equal(entries_of(f->map), 3);
	assert_int_equal(f->map->locked, PG(4));
	map_unmap(f->map, at, PG(6));
	assert_int_equal(f->map->locked, 0);
}

static void a_page_that_cannot_be_had_is_no_memory(void **st)
{
	struct fix *f = *st;
	uaddr_t file = map_file(f, 9, RW, MAP_SHARED), none = map_anon(f, 1, MAP_PRIVATE);

	map_protect(f->map, none, PG(1), PROT_NONE);
	assert_int_equal(lock(f, file, 9), -ENOMEM);    /* the last page is past the end of file */
	assert_int_equal(lock(f, none, 1), -ENOMEM);
}

static void without_memory_to_split_nothing_is_locked(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 6, MAP_PRIVATE);

	memory_take(0, false);
	assert_int_equal(lock(f, at + PG(1), 2), -ENOMEM);
	memory_give();
	assert_int_equal(f->map->locked, 0);
}

static void locked_pages_survive_reclaim(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, PROT_READ, MAP_SHARED);

	lock(f, at + PG(2), 1);
	user_load(f->map, at + PG(5));
	assert_int_equal(reclaim_wait(), 0);
	assert_int_equal(reclaim_wait(), -ENOMEM);
	assert_int_equal(f->vmo->npages, 1);
	assert_true(present(f, at + PG(2)));
	unlock(f, at + PG(2), 1);
	assert_int_equal(reclaim_wait(), 0);
	assert_false(present(f, at + PG(2)));
}

static void invalidating_a_locked_page_is_refused_whoever_locked_it(void **st)
{
	struct fix *f = *st;
	uaddr_t one = map_file(f, 8, RW, MAP_SHARED), two = map_file(f, 8, RW, MAP_SHARED), anon;

	lock(f, one + PG(3), 1);
	anon = map_anon(f, 1, MAP_PRIVATE);
	assert_int_equal(map_sync(f->map, two, two + PG(8), MS_INVALIDATE), -EBUSY);
	assert_int_equal(map_sync(f->map, two, two + PG(3), MS_INVALIDATE), 0);
	assert_int_equal(map_sync(f->map, one, one + PG(8), MS_INVALIDATE | MS_SYNC), -EBUSY);
	assert_int_equal(map_sync(f->map, anon, anon + PG(1), MS_INVALIDATE), 0);
	lock(f, anon, 1);
	assert_int_equal(map_sync(f->map, anon, anon + PG(1), MS_INVALIDATE), -EBUSY);
}

static void a_page_locked_while_others_are_invalidated_stays(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	lock(f, at + PG(3), 1);
	get_page(f->vmo, 4);
	assert_int_equal(vmo_invalidate(f->vmo, 0, ~0ull), 0);
	assert_int_equal(state_of(f->vmo, 3), PG_CLEAN);
	assert_int_equal(state_of(f->vmo, 4), PG_ABSENT);
}

static void mlockall_locks_all_that_is_there(void **st)
{
	struct fix *f = *st;
	uaddr_t anon = map_anon(f, 2, MAP_PRIVATE), none = map_at(f, BASE, 1, RW, 0);
	uaddr_t file = map_file(f, 9, RW, MAP_SHARED);

	map_protect(f->map, none, PG(1), PROT_NONE);
	assert_int_equal(map_lock(f->map, 0, USER_TOP, MCL_CURRENT, true), 0);
	assert_int_equal(f->map->locked, f->map->size);
	assert_true(present(f, anon + PG(1)));
	assert_true(present(f, file + PG(7)));
	assert_int_equal(map_lock(f->map, 0, USER_TOP, 0, true), 0);
	assert_int_equal(f->map->locked, 0);
}

static void mlockall_over_the_limit_locks_nothing(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 4, MAP_PRIVATE);

	host_limit[RLIMIT_MEMLOCK] = PG(3);
	assert_int_equal(map_lock(f->map, 0, USER_TOP, MCL_CURRENT | MCL_FUTURE, true), -ENOMEM);
	assert_int_equal(f->map->locked, 0);
	assert_int_equal(f->map->lock_future, 0);
	assert_false(present(f, at));
}

static void mlockall_future_locks_what_comes(void **st)
{
	struct fix *f = *st;
	uaddr_t old = map_anon(f, 1, MAP_PRIVATE), at;

	map_protect(f->map, old, PG(1), PROT_READ);
	assert_int_equal(map_lock(f->map, 0, USER_TOP, MCL_FUTURE, true), 0);
	assert_int_equal(f->map->locked, 0);
	at = map_anon(f, 2, MAP_PRIVATE);
	assert_int_equal(f->map->locked, PG(2));
	assert_true(present(f, at + PG(1)));
	host_limit[RLIMIT_MEMLOCK] = PG(2);
	assert_int_equal(map_map(f->map, &(uaddr_t){0}, PG(1), RW, RW, ANON, NULL, 0), -EAGAIN);
	assert_int_equal(map_lock(f->map, 0, USER_TOP, 0, true), 0);
	assert_int_equal(map_map(f->map, &(uaddr_t){0}, PG(1), RW, RW, ANON, NULL, 0), 0);
}

static void mlockall_onfault_brings_nothing_in(void **st)
{
	struct fix *f = *st;
	uaddr_t old = map_anon(f, 1, MAP_PRIVATE), at;

	assert_int_equal(map_lock(f->map, 0, USER_TOP, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT, true), 0);
	at = map_file(f, 8, RW, MAP_SHARED);
	assert_int_equal(f->map->locked, PG(9));
	assert_false(present(f, old));
	assert_false(present(f, at));
}

static void registers_of_a_device_are_not_locked(void **st)
{
	struct fix *f = *st;
	uaddr_t at = BASE;

	assert_int_equal(map_device(f->map, at, 0xfee00000, PG(2), false), 0);
	assert_int_equal(lock(f, at, 2), 0);
	assert_int_equal(f->map->locked, 0);
}

static void populating_stops_at_a_hole_and_says_what_failed(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	map_unmap(f->map, at + PG(4), PG(1));
	assert_int_equal(map_populate(f->map, at, at + PG(8), true), -ENOMEM);
	assert_int_equal(f->vmo->ndirty, 4);
	assert_false(present(f, at + PG(5)));
	world.fill_status = -EIO;
	assert_int_equal(map_populate(f->map, at + PG(5), at + PG(8), false), -EIO);
}

static void populating_asks_for_a_right_that_the_mapping_has(void **st)
{
	struct fix *f = *st;

	map_at(f, BASE, 1, PROT_EXEC, 0);
	map_at(f, BASE + PG(1), 1, PROT_READ, 0);
	map_at(f, BASE + PG(2), 1, PROT_NONE, 0);
	assert_int_equal(map_populate(f->map, BASE, BASE + PG(2), false), 0);
	assert_false(pmap_get(&f->map->pmap, BASE) & PTE_NX);
	assert_int_equal(map_populate(f->map, BASE, BASE + PG(1), true), -EFAULT);
	assert_int_equal(map_populate(f->map, BASE + PG(2), BASE + PG(3), false), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(locking_brings_every_page_in),
		T(a_locked_private_file_mapping_gets_its_copies_at_once),
		T(onfault_locks_without_bringing_in),
		T(a_range_with_a_hole_is_not_locked_at_all),
		T(the_limit_counts_what_is_locked_already_once),
		T(without_a_limit_to_use_locking_is_not_permitted_but_unlocking_is),
		T(unlocking_a_part_keeps_the_rest_locked),
		T(a_page_that_cannot_be_had_is_no_memory),
		T(without_memory_to_split_nothing_is_locked),
		T(locked_pages_survive_reclaim),
		T(invalidating_a_locked_page_is_refused_whoever_locked_it),
		T(a_page_locked_while_others_are_invalidated_stays),
		T(mlockall_locks_all_that_is_there),
		T(mlockall_over_the_limit_locks_nothing),
		T(mlockall_future_locks_what_comes),
		T(mlockall_onfault_brings_nothing_in),
		T(registers_of_a_device_are_not_locked),
		T(populating_stops_at_a_hole_and_says_what_failed),
		T(populating_asks_for_a_right_that_the_mapping_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
