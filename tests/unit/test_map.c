/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_map.c - HOST - entries of an address space: where they go, how they split, join, change and go. */
#include "tests/unit/mmworld.h"

#define BASE 0x10000000ull

static struct entry *entry_at(struct fix *f, uaddr_t va)
{
	return map_find_locked(f->map, va);
}

static int try_map(struct fix *f, uaddr_t at, uint64_t len, uint32_t flags)
{
	return map_map(f->map, &at, len, RW, RW, flags, NULL, 0);
}

static void a_mapping_cut_in_the_middle_becomes_two_that_show_what_they_showed(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	assert_int_equal(map_unmap(f->map, at + PG(3), PG(2)), 0);
	assert_int_equal(entries_of(f->map), 2);
	assert_int_equal(f->map->size, PG(6));
	assert_int_equal(entry_at(f, at)->vnode.last, 2);
	assert_int_equal(entry_at(f, at + PG(5))->vnode.start, 5);
	assert_int_equal(f->vmo->users, 2);
	assert_int_equal(user_load(f->map, at + PG(7)), 'h');
	assert_int_equal(user_load(f->map, at + PG(2)), 'c');
}

static void unmapping_takes_all_entries_of_the_range_and_does_not_mind_holes(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	map_unmap(f->map, at + PG(2), PG(1));
	map_unmap(f->map, at + PG(5), PG(1));
	assert_int_equal(entries_of(f->map), 3);
	assert_int_equal(map_unmap(f->map, at + PG(1), PG(6)), 0);
	assert_int_equal(entries_of(f->map), 2);
	assert_int_equal(f->map->size, PG(2));
}

static void unmapping_needs_whole_pages_of_user_memory(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 1, MAP_PRIVATE);

	assert_int_equal(map_unmap(f->map, at + 1, PG(1)), -EINVAL);
	assert_int_equal(map_unmap(f->map, at, 0), -EINVAL);
	assert_int_equal(map_unmap(f->map, USER_TOP, PG(1)), -EINVAL);
	assert_int_equal(map_unmap(f->map, at, USER_TOP), -EINVAL);
	assert_int_equal(map_unmap(f->map, at, 1), 0);
	assert_int_equal(f->map->size, 0);
}

static void without_memory_for_a_second_entry_nothing_is_unmapped(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	memory_take(0, false);
	assert_int_equal(map_unmap(f->map, at + PG(3), PG(2)), -ENOMEM);
	memory_slots(sizeof(struct entry), 1);
	assert_int_equal(map_unmap(f->map, at + PG(3), PG(2)), -ENOMEM);        /* the first cut went well */
	memory_give();
	assert_int_equal(f->map->size, PG(8));
	for (unsigned i = 0; i < 8; i++) assert_int_equal(user_load(f->map, at + PG(i)), 'a' + i);
}

static void without_memory_for_a_second_entry_no_right_changes(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	memory_take(0, false);
	assert_int_equal(map_protect(f->map, at + PG(3), PG(2), PROT_NONE), -ENOMEM);
	memory_give();
	assert_int_equal(user_load(f->map, at + PG(3)), 'd');
}

static void a_failed_fixed_mapping_leaves_the_old_one_whole(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED), mid = at + PG(3);

	memory_take(0, false);
	assert_int_equal(try_map(f, mid, PG(1), ANON | MAP_FIXED), -ENOMEM);
	memory_slots(sizeof(struct entry), 1);
	assert_int_equal(try_map(f, mid, PG(1), ANON | MAP_FIXED), -ENOMEM);
	memory_give();
	assert_int_equal(f->map->size, PG(8));
	assert_int_equal(user_load(f->map, mid), 'd');
}

static void anonymous_neighbours_of_one_kind_are_one_entry(void **st)
{
	struct fix *f = *st;

	map_at(f, BASE, 2, RW, 0);
	map_at(f, BASE + PG(2), 3, RW, 0);
	assert_int_equal(entries_of(f->map), 1);
	assert_int_equal(entry_bytes(entry_at(f, BASE)), PG(5));
	fill_with(f, BASE, 5);
	map_unmap(f->map, BASE, PG(5));
	assert_int_equal(f->map->size, 0);
}

static void neighbours_of_another_kind_stay_apart(void **st)
{
	struct fix *f = *st;
	uaddr_t file = BASE, next = BASE + PG(3);

	assert_int_equal(map_map(f->map, &file, PG(1), RW, RW, MAP_PRIVATE | MAP_FIXED, f->vmo, 0), 0);
	map_at(f, BASE + PG(1), 1, RW, 0);                      /* behind a file */
	map_at(f, BASE + PG(2), 1, PROT_READ, 0);               /* other rights */
	assert_int_equal(map_map(f->map, &next, PG(1), PROT_READ, PROT_READ, ANON | MAP_FIXED, NULL, 0), 0);
	next = BASE + PG(4);
	assert_int_equal(map_map(f->map, &next, PG(1), PROT_READ, PROT_READ, MAP_PRIVATE | MAP_FIXED, f->vmo, 0), 0);
	map_at(f, BASE + PG(5), 1, RW, MAP_LOCKED);
	map_at(f, BASE + PG(6), 1, RW, 0);
	map_at(f, BASE + PG(16), 1, RW, MAP_GROWSDOWN);
	map_at(f, BASE + PG(17), 1, RW, MAP_GROWSDOWN);         /* a stack is not made longer at its top */
	assert_int_equal(entries_of(f->map), 9);
}

static void a_hint_is_followed_when_it_is_free(void **st)
{
	struct fix *f = *st;
	uaddr_t at = BASE, other = BASE, odd = BASE + PG(8) + 1, low = PAGE_SIZE;
	uaddr_t high = USER_TOP - PAGE_SIZE, top = USER_TOP;

	assert_int_equal(map_map(f->map, &at, PG(2), RW, RW, ANON, NULL, 0), 0);
	assert_int_equal(at, BASE);
	assert_int_equal(map_map(f->map, &other, PG(2), RW, RW, ANON, NULL, 0), 0);
	assert_int_not_equal(other, BASE);
	assert_int_equal(map_map(f->map, &odd, PG(1), RW, RW, ANON, NULL, 0), 0);
	assert_int_equal(odd % PAGE_SIZE, 0);
	assert_int_equal(map_map(f->map, &low, PG(1), RW, RW, ANON, NULL, 0), 0);
	assert_int_not_equal(low, PAGE_SIZE);
	assert_int_equal(map_map(f->map, &high, PG(2), RW, RW, ANON, NULL, 0), 0);
	assert_in_range(high, PAGE_SIZE, f->map->mmap_top);
	assert_int_equal(map_map(f->map, &top, PG(2), RW, RW, ANON, NULL, 0), 0);
	assert_in_range(top, PAGE_SIZE, f->map->mmap_top);
}

static void the_search_goes_down_from_the_top_into_the_first_gap_that_is_wide_enough(void **st)
{
	struct fix *f = *st;

	f->map->mmap_top = BASE + PG(100);
	map_at(f, BASE + PG(98), 4, RW, 0);                     /* across the top */
	map_at(f, BASE + PG(200), 1, RW, 0);                    /* above it */
	map_at(f, BASE + PG(94), 1, RW, 0);                     /* leaves 3 pages */
	map_at(f, BASE + PG(80), 1, RW, 0);
	assert_int_equal(map_search(f->map, PG(3)), BASE + PG(95));
	assert_int_equal(map_search(f->map, PG(4)), BASE + PG(90));
	assert_int_equal(map_search(f->map, PG(50)), BASE + PG(30));
	assert_int_equal(map_search(f->map, BASE + PG(81)), 0);
	assert_int_equal(try_map(f, 0, BASE + PG(81), ANON), -ENOMEM);
}

static void a_fixed_place_is_taken_or_refused_but_never_moved(void **st)
{
	struct fix *f = *st;

	map_at(f, BASE, 1, RW, 0);
	user_store(f->map, BASE, 'X');
	assert_int_equal(try_map(f, BASE, PG(1), ANON | MAP_FIXED_NOREPLACE), -EEXIST);
	assert_int_equal(user_load(f->map, BASE), 'X');
	assert_int_equal(try_map(f, BASE + PG(1), PG(1), ANON | MAP_FIXED_NOREPLACE), 0);
	assert_int_equal(try_map(f, BASE, PG(1), ANON | MAP_FIXED), 0);
	assert_int_equal(user_load(f->map, BASE), 0);
	assert_int_equal(try_map(f, BASE + 1, PG(1), ANON | MAP_FIXED), -EINVAL);
	assert_int_equal(try_map(f, USER_TOP - PG(1), PG(2), ANON | MAP_FIXED), -ENOMEM);
	assert_int_equal(try_map(f, USER_TOP, PG(1), ANON | MAP_FIXED), -ENOMEM);
	assert_int_equal(try_map(f, 0, PG(1), ANON | MAP_FIXED), 0);
	assert_int_equal(user_store(f->map, 0, 'Z'), 0);
}

static void lengths_and_offsets_that_make_no_sense_are_refused(void **st)
{
	struct fix *f = *st;
	uaddr_t at = 0;

	assert_int_equal(try_map(f, 0, 0, ANON), -EINVAL);
	assert_int_equal(try_map(f, 0, USER_TOP + 1, ANON), -ENOMEM);
	assert_int_equal(map_map(f->map, &at, PG(1), RW, RW, MAP_SHARED, f->vmo, 12), -EINVAL);
	assert_int_equal(map_map(f->map, &at, PG(2), RW, RW, MAP_SHARED, f->vmo, ~0ull - PG(1) + 1), -EOVERFLOW);
}

/* As on Linux: there is no file for it to be an offset of. */
static void the_offset_of_anonymous_memory_says_nothing(void **st)
{
	struct fix *f = *st;
	uaddr_t at = 0;

	assert_int_equal(map_map(f->map, &at, PG(2), RW, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, PG(7)), 0);
	user_store(f->map, at + PG(1), 'x');
	assert_int_equal(user_load(f->map, at + PG(1)), 'x');
}

static void the_size_limit_counts_what_a_fixed_mapping_replaces(void **st)
{
	struct fix *f = *st;

	map_at(f, BASE, 4, RW, 0);
	host_limit[RLIMIT_AS] = PG(5);
	assert_int_equal(try_map(f, 0, PG(2), ANON), -ENOMEM);
	assert_int_equal(try_map(f, BASE + PG(3), PG(2), ANON | MAP_FIXED), 0);
	assert_int_equal(try_map(f, BASE + PG(4), PG(2), ANON | MAP_FIXED), -ENOMEM);
	assert_int_equal(f->map->size, PG(5));
}

static void a_locked_mapping_is_brought_in_and_counts_against_the_limit(void **st)
{
	struct fix *f = *st;

	host_limit[RLIMIT_MEMLOCK] = PG(2);
	assert_int_equal(try_map(f, BASE, PG(3), ANON | MAP_LOCKED | MAP_FIXED), -EAGAIN);
	assert_int_equal(f->map->size, 0);
	assert_int_equal(try_map(f, BASE, PG(2), ANON | MAP_LOCKED | MAP_FIXED), 0);
	assert_int_equal(f->map->locked, PG(2));
	assert_true(pmap_get(&f->map->pmap, BASE + PG(1)) & PTE_W);
	map_unmap(f->map, BASE, PG(1));
	assert_int_equal(f->map->locked, PG(1));
}

static void populate_brings_every_page_in(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED | MAP_POPULATE);

	for (unsigned i = 0; i < 8; i++) assert_true(pmap_get(&f->map->pmap, at + PG(i)) & PTE_P);
	assert_int_equal(f->vmo->ndirty, 0);
}

static void a_mapping_that_finds_no_memory_leaves_no_trace(void **st)
{
	struct fix *f = *st;
	uint64_t objects = vmo_count();

	memory_take(0, false);
	assert_int_equal(try_map(f, 0, PG(1), ANON), -ENOMEM);
	assert_int_equal(try_map(f, 0, PG(1), MAP_SHARED | MAP_ANONYMOUS), -ENOMEM);
	memory_slots(sizeof(struct entry), 1);
	assert_int_equal(try_map(f, 0, PG(1), MAP_SHARED | MAP_ANONYMOUS), -ENOMEM);
	assert_null(map_create());
	memory_slots(sizeof(struct map), 1);
	assert_null(map_create());              /* no page for the tables */
	memory_give();
	assert_int_equal(vmo_count(), objects);
	assert_int_equal(f->map->size, 0);
}

static void protection_is_for_all_of_the_range_or_for_none(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	map_unmap(f->map, at + PG(4), PG(1));
	assert_int_equal(map_protect(f->map, at, PG(8), PROT_NONE), -ENOMEM);
	assert_int_equal(map_protect(f->map, at, PG(4), PROT_EXEC), -EACCES);
	assert_int_equal(map_protect(f->map, at + PG(4), PG(2), PROT_EXEC), -ENOMEM);   /* the hole comes first */
	assert_int_equal(map_protect(f->map, at, PG(6), PROT_EXEC), -EACCES);
	assert_int_equal(map_protect(f->map, at + 1, PG(4), PROT_READ), -EINVAL);
	assert_int_equal(map_protect(f->map, USER_TOP, PG(1), PROT_READ), -ENOMEM);
	assert_int_equal(map_protect(f->map, at, USER_TOP, PROT_READ), -ENOMEM);
	assert_int_equal(map_protect(f->map, at, 0, PROT_NONE), 0);
	assert_int_equal(user_store(f->map, at, 'X'), 0);
	assert_int_equal(entries_of(f->map), 2);
}

static void a_page_without_rights_keeps_its_bytes(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 4, MAP_PRIVATE);

	fill_with(f, at, 4);
	assert_int_equal(map_protect(f->map, at + PG(1), PG(2), PROT_NONE), 0);
	assert_int_equal(entries_of(f->map), 3);
	assert_int_equal(user_load(f->map, at + PG(1)), -EACCES);
	assert_int_equal(map_protect(f->map, at, PG(4), PROT_READ), 0);
	assert_int_equal(user_load(f->map, at + PG(1)), 'B');
	assert_int_equal(user_store(f->map, at, 1), -EACCES);
}

static void the_right_to_execute_comes_and_goes_with_the_protection(void **st)
{
	struct fix *f = *st;

	map_at(f, BASE, 1, RW, 0);
	user_store(f->map, BASE, 'X');
	assert_true(pmap_get(&f->map->pmap, BASE) & PTE_NX);
	assert_int_equal(map_protect(f->map, BASE, PG(1), PROT_READ | PROT_EXEC), 0);
	assert_false(pmap_get(&f->map->pmap, BASE) & (PTE_NX | PTE_W));
	assert_int_equal(map_protect(f->map, BASE, PG(1), PROT_EXEC), 0);
	assert_int_equal(vm_fault(f->map, BASE, PROT_EXEC), 0);
	assert_int_equal(map_protect(f->map, BASE, PG(1), RW), 0);
	assert_true(pmap_get(&f->map->pmap, BASE) & PTE_NX);
}

static void clearing_leaves_an_empty_map(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 70, MAP_PRIVATE);

	map_file(f, 8, RW, MAP_PRIVATE);
	fill_with(f, at, 70);
	map_unmap(f->map, 0, USER_TOP);
	assert_int_equal(f->map->size, 0);
	assert_int_equal(f->map->pmap.resident, 0);
	assert_int_equal(f->vmo->users, 0);
}

static void the_last_reference_alone_unmaps(void **st)
{
	struct fix *f = *st;

	map_file(f, 8, RW, MAP_SHARED);
	map_ref(f->map);
	map_put(f->map);
	assert_int_equal(f->map->size, PG(8));
	map_switch(f->map);
	assert_ptr_equal(this_cpu()->pmap, &f->map->pmap);
	map_switch(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_mapping_cut_in_the_middle_becomes_two_that_show_what_they_showed),
		T(unmapping_takes_all_entries_of_the_range_and_does_not_mind_holes),
		T(unmapping_needs_whole_pages_of_user_memory),
		T(without_memory_for_a_second_entry_nothing_is_unmapped),
		T(without_memory_for_a_second_entry_no_right_changes),
		T(a_failed_fixed_mapping_leaves_the_old_one_whole),
		T(anonymous_neighbours_of_one_kind_are_one_entry),
		T(neighbours_of_another_kind_stay_apart),
		T(a_hint_is_followed_when_it_is_free),
		T(the_search_goes_down_from_the_top_into_the_first_gap_that_is_wide_enough),
		T(a_fixed_place_is_taken_or_refused_but_never_moved),
		T(lengths_and_offsets_that_make_no_sense_are_refused),
		T(the_offset_of_anonymous_memory_says_nothing),
		T(the_size_limit_counts_what_a_fixed_mapping_replaces),
		T(a_locked_mapping_is_brought_in_and_counts_against_the_limit),
		T(populate_brings_every_page_in),
		T(a_mapping_that_finds_no_memory_leaves_no_trace),
		T(protection_is_for_all_of_the_range_or_for_none),
		T(a_page_without_rights_keeps_its_bytes),
		T(the_right_to_execute_comes_and_goes_with_the_protection),
		T(clearing_leaves_an_empty_map),
		T(the_last_reference_alone_unmaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
