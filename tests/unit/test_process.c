/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_process.c - HOST - what a process's address space does: brk, stacks that grow, fork, devices. */
#include "tests/unit/mmworld.h"

#define BASE 0x10000000ull

static void a_break_that_cannot_be_had_stays_where_it_is(void **st)
{
	struct fix *f = *st;
	uaddr_t now;

	f->map->program.brk_start = f->map->program.brk = BASE;
	map_at(f, BASE + PG(8), 1, RW, 0);
	now = map_brk(f->map, BASE + PG(4) + 5);
	assert_int_equal(now, BASE + PG(4) + 5);
	now = map_brk(f->map, BASE - 1);
	assert_int_equal(now, BASE + PG(4) + 5);
	now = map_brk(f->map, USER_TOP);
	assert_int_equal(now, BASE + PG(4) + 5);
	now = map_brk(f->map, BASE + PG(9));            /* somebody is there */
	assert_int_equal(now, BASE + PG(4) + 5);
	now = map_brk(f->map, BASE + PG(5));            /* within the last page */
	assert_int_equal(now, BASE + PG(5));
	assert_int_equal(f->map->size, PG(6));
	memory_take(0, false);
	now = map_brk(f->map, BASE + PG(6));
	assert_int_equal(now, BASE + PG(5));
	memory_give();
}

static void a_stack_grows_down_to_where_it_is_used(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 2, RW, MAP_GROWSDOWN);

	assert_int_equal(user_store(f->map, at - PG(3) + 7, 'X'), 0);
	assert_int_equal(entries_of(f->map), 1);
	assert_int_equal(f->map->size, PG(5));
	assert_int_equal(user_load(f->map, at - PG(2)), 0);
	assert_int_equal(user_load(f->map, at - PG(3) + 7), 'X');
}

static void a_stack_stays_within_its_limits(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 2, RW, MAP_GROWSDOWN | MAP_LOCKED);

	host_limit[RLIMIT_STACK] = PG(4);
	assert_int_equal(user_store(f->map, at - PG(3), 'X'), -EFAULT);
	host_limit[RLIMIT_STACK] = host_limit[RLIMIT_AS] = PG(8);
	host_limit[RLIMIT_MEMLOCK] = PG(3);
	assert_int_equal(user_store(f->map, at - PG(2), 'X'), -EFAULT);
	assert_int_equal(user_store(f->map, at - PG(1), 'X'), 0);
	host_limit[RLIMIT_AS] = PG(3);
	assert_int_equal(user_store(f->map, at - PG(2), 'X'), -EFAULT);
	assert_int_equal(f->map->locked, PG(3));
}

static void a_stack_keeps_its_distance(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 1, RW, MAP_GROWSDOWN), low = map_at(f, PG(280), 1, RW, MAP_GROWSDOWN);

	map_at(f, at - PG(300), 1, RW, 0);
	assert_int_equal(user_store(f->map, at - PG(43), 1), 0);        /* 256 pages stay free */
	assert_int_equal(user_store(f->map, at - PG(44), 1), -EFAULT);
	assert_int_equal(user_store(f->map, low - PG(8), 1), 0);
	assert_int_equal(user_store(f->map, low - PG(9), 1), -EFAULT);  /* the lowest addresses are nobody's */
	assert_int_equal(user_store(f->map, at + PG(8), 1), -EFAULT);
	map_at(f, at + PG(100), 1, RW, 0);
	assert_int_equal(user_store(f->map, at + PG(50), 1), -EFAULT);  /* below what is no stack */
}

static void a_child_inherits_the_break_but_no_locks(void **st)
{
	struct fix *f = *st;
	struct map *child;

	map_at(f, BASE, 2, RW, MAP_LOCKED);
	f->map->program.brk = f->map->program.brk_start = BASE + PG(8);
	map_lock(f->map, 0, USER_TOP, MCL_FUTURE, true);
	child = map_fork(f->map);
	assert_int_equal(child->locked, 0);
	assert_int_equal(child->lock_future, 0);
	assert_int_equal(child->program.brk, BASE + PG(8));
	map_check(child);
	map_put(child);
}

/* With a little more memory at a time. */
static void a_fork_that_finds_no_memory_leaves_the_parent_whole(void **st)
{
	struct fix *f = *st;
	struct map *child = NULL;

	map_at(f, BASE, 70, RW, 0);
	fill_with(f, BASE, 4);
	map_file(f, 8, RW, MAP_SHARED);
	for (unsigned left = 0; !child; left++) {
		memory_take(left, false);
		child = map_fork(f->map);
		memory_give();
		assert_in_range(left, 0, 20);
		for (unsigned i = 0; i < 4; i++) assert_int_equal(user_load(f->map, BASE + PG(i)), 'A' + i);
		assert_int_equal(f->vmo->users, child ? 2 : 1);
	}
	assert_int_equal(user_load(child, BASE + PG(3)), 'D');
	map_put(child);
}

static void a_device_is_mapped_at_once_and_uncached(void **st)
{
	struct fix *f = *st;
	uaddr_t at = BASE, rings = BASE + PG(2);
	struct map *child;

	assert_int_equal(map_device(f->map, at, 0xfee00000, PG(2), false), 0);
	assert_int_equal(map_device(f->map, rings, 0xfd000000, PG(1), true), 0);
	assert_int_equal(pmap_get(&f->map->pmap, at + PG(1)) & PTE_ADDR, 0xfee01000);
	assert_true(pmap_get(&f->map->pmap, at) & PTE_PCD);
	assert_false(pmap_get(&f->map->pmap, rings) & PTE_PCD);
	assert_int_equal(vm_fault(f->map, at, PROT_READ), -EACCES);
	assert_int_equal(map_protect(f->map, at, PG(1), PROT_READ), 0);
	assert_true(pte_writable(f->map, at));
	child = map_fork(f->map);
	assert_int_equal(pmap_get(&child->pmap, at), 0);
	map_put(child);
	map_unmap(f->map, at, PG(2));
	assert_int_equal(pmap_get(&f->map->pmap, at), 0);
}

static void a_device_beside_memory_is_an_entry_of_its_own(void **st)
{
	struct fix *f = *st;
	uaddr_t low = BASE, at = BASE + PG(2);

	assert_int_equal(map_map(f->map, &low, PG(2), RW, RW, ANON, NULL, 0), 0);
	assert_int_equal(map_device(f->map, at, 0xfee00000, PG(1), false), 0);
	assert_int_equal(entries_of(f->map), 2);
	assert_int_equal(user_store(f->map, BASE + PG(1), 'X'), 0);
	assert_int_equal(map_find_locked(f->map, BASE)->flags & ENTRY_DEVICE, 0);
}

static void a_device_without_memory_for_its_tables_is_not_mapped(void **st)
{
	struct fix *f = *st;
	uaddr_t low = BASE;
	int rc = -ENOMEM;

	assert_int_equal(map_map(f->map, &low, PG(2), RW, RW, ANON, NULL, 0), 0);
	for (unsigned left = 0; rc; left++) {
		uaddr_t at = BASE + PG(2);

		memory_take(left / 3, false);
		if (left % 3) memory_slots(sizeof(struct entry), left % 3);
		rc = map_device(f->map, at, 0xfee00000, PG(2), false);
		memory_give();
		if (rc) map_unmap(f->map, at, PG(2));
		assert_int_equal(f->map->size, PG(rc ? 2 : 4));
		assert_in_range(left, 0, 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_break_that_cannot_be_had_stays_where_it_is),
		T(a_stack_grows_down_to_where_it_is_used),
		T(a_stack_stays_within_its_limits),
		T(a_stack_keeps_its_distance),
		T(a_child_inherits_the_break_but_no_locks),
		T(a_fork_that_finds_no_memory_leaves_the_parent_whole),
		T(a_device_is_mapped_at_once_and_uncached),
		T(a_device_beside_memory_is_an_entry_of_its_own),
		T(a_device_without_memory_for_its_tables_is_not_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
