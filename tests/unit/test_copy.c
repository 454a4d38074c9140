/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_copy.c - HOST - map_copy(): ring 0 reaches into a user's memory by the page; and rarer faults. */
#include "tests/unit/mmworld.h"

#define BASE 0x10000000ull

static char buf[3 * PAGE_SIZE];

static int from_user(struct fix *f, uaddr_t va, uint64_t n)
{
	return map_copy(f->map, va, buf, n, false);
}

static int to_user(struct fix *f, uaddr_t va, uint64_t n)
{
	return map_copy(f->map, va, buf, n, true);
}

static void bytes_are_faulted_in_across_pages(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, PROT_READ, MAP_SHARED);

	assert_int_equal(from_user(f, at + PG(1) - 2, PG(1) + 4), 0);
	assert_memory_equal(buf, "aabb", 4);
	assert_int_equal(buf[PG(1) + 1], 'b');
	assert_int_equal(buf[PG(1) + 2], 'c');
	assert_int_equal(f->vmo->ndirty, 0);
	assert_int_equal(from_user(f, at, 0), 0);
}

static void what_is_copied_into_a_shared_page_is_owed(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	memcpy(buf, "WXYZ", 4);
	assert_int_equal(to_user(f, at + PG(1) - 2, 4), 0);
	assert_int_equal(f->vmo->ndirty, 2);
	map_sync(f->map, at, at + PG(8), MS_SYNC);
	assert_int_equal(disk_byte(PG(1) - 1), 'X');
	assert_int_equal(disk_byte(PG(1)), 'Y');
}

static void what_is_copied_into_a_private_page_is_its_own(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_PRIVATE), anon = map_anon(f, 1, MAP_PRIVATE);

	memcpy(buf, "WXYZ", 4);
	user_load(f->map, at);
	assert_int_equal(to_user(f, at, 4), 0);
	assert_int_equal(to_user(f, anon, 4), 0);
	assert_int_equal(user_load(f->map, at + 3), 'Z');
	assert_int_equal(user_load(f->map, anon + 3), 'Z');
	assert_int_equal(f->vmo->ndirty, 0);
}

static void what_the_user_could_not_touch_is_refused(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 9, PROT_READ, MAP_SHARED), none = map_at(f, BASE, 1, PROT_NONE, 0), device = BASE + PG(100);

	user_load(f->map, at);
	assert_int_equal(to_user(f, at, 1), -EFAULT);
	assert_int_equal(from_user(f, none, 1), -EFAULT);
	assert_int_equal(from_user(f, BASE + PG(1), 1), -EFAULT);
	assert_int_equal(from_user(f, at + PG(8) - 1, 2), -EFAULT);
	assert_int_equal(from_user(f, USER_TOP, 1), -EFAULT);
	assert_int_equal(from_user(f, USER_TOP - 1, 2), -EFAULT);
	map_device(f->map, device, 0xfee00000, PG(1), false);
	assert_int_equal(from_user(f, device, 1), -EFAULT);
	assert_int_equal(vm_fault(f->map, USER_TOP, PROT_READ), -EFAULT);
}

static void a_page_whose_rights_went_is_not_copied_through_its_pte(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 1, MAP_PRIVATE);

	fill_with(f, at, 1);
	map_protect(f->map, at, PG(1), PROT_NONE);
	assert_int_equal(from_user(f, at, 1), -EFAULT);
	map_protect(f->map, at, PG(1), PROT_READ);
	assert_int_equal(from_user(f, at, 1), 0);
	assert_int_equal(to_user(f, at, 1), -EFAULT);
}

static void a_read_only_file_takes_no_store(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	f->vmo->flags = VMO_READONLY;
	assert_int_equal(user_store(f->map, at, 'X'), -EACCES);
	assert_int_equal(f->vmo->ndirty, 0);
	f->vmo->flags = 0;
}

static void neighbours_on_their_way_are_not_mapped(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, PROT_READ, MAP_SHARED);

	get_page(f->vmo, 2);
	vmo_prefetch(f->vmo, 3, 4);
	assert_int_equal(user_load(f->map, at + PG(2)), 'c');
	assert_int_equal(pmap_get(&f->map->pmap, at + PG(3)), 0);
}

static void neighbours_outside_the_mapping_are_not_mapped(void **st)
{
	struct fix *f = *st;
	uaddr_t at = BASE;

	for (unsigned i = 0; i < 8; i++) get_page(f->vmo, i);
	assert_int_equal(map_map(f->map, &at, PG(3), PROT_READ, RW, MAP_SHARED | MAP_FIXED, f->vmo, PG(2)), 0);
	assert_int_equal(user_load(f->map, BASE + PG(1)), 'd');
	assert_int_equal(f->map->pmap.resident, 3);
	assert_int_equal(user_load(f->map, BASE), 'c');
}

static void neighbours_that_find_no_table_are_left_out(void **st)
{
	struct fix *f = *st;
	uaddr_t edge = 512 * PAGE_SIZE, at = edge - PG(2);

	for (unsigned i = 0; i < 8; i++) get_page(f->vmo, i);
	assert_int_equal(map_map(f->map, &at, PG(8), PROT_READ, RW, MAP_SHARED | MAP_FIXED, f->vmo, 0), 0);
	map_at(f, edge - PG(9), 1, RW, 0);
	user_store(f->map, edge - PG(9), 'T');          /* makes the table below the edge */
	memory_take(0, false);
	assert_int_equal(user_load(f->map, at + PG(1)), 'b');
	memory_give();
	assert_true(pmap_get(&f->map->pmap, at) & PTE_P);
	assert_int_equal(pmap_get(&f->map->pmap, at + PG(2)), 0);
	assert_int_equal(user_load(f->map, at + PG(2)), 'c');
}

static void a_private_copy_of_a_file_is_copied_again_after_fork(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_PRIVATE);
	struct map *child;

	user_store(f->map, at, 'P');
	user_load(f->map, at + PG(1));
	child = map_fork(f->map);
	assert_int_equal(user_store(child, at, 'C'), 0);
	assert_int_equal(user_store(child, at + PG(1), 'D'), 0);
	assert_int_equal(user_load(f->map, at), 'P');
	assert_int_equal(user_load(f->map, at + PG(1)), 'b');
	assert_int_equal(vmo_set_size(f->vmo, 0, true), 0);     /* both copies are past the end now */
	assert_int_equal(user_load(f->map, at), -ENXIO);
	assert_int_equal(user_load(child, at), -ENXIO);
	map_put(child);
}

static void truncation_takes_a_copy_from_all_who_share_it(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_PRIVATE);
	struct map *child;

	user_store(f->map, at + PG(1), 'P');
	user_store(f->map, at + PG(2), 'Q');
	child = map_fork(f->map);
	assert_int_equal(vmo_set_size(f->vmo, PG(1), true), 0);
	assert_int_equal(f->map->pmap.resident + child->pmap.resident, 0);
	frame_check();
	map_put(child);
}

static void truncation_leaves_a_shared_copy_to_its_last_holder(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_PRIVATE);
	struct map *child;

	user_store(f->map, at + PG(1), 'P');
	child = map_fork(f->map);
	map_unmap(child, at, PG(8));
	assert_int_equal(user_load(f->map, at + PG(1)), 'P');
	map_put(child);
	assert_int_equal(user_store(f->map, at + PG(1), 'Q'), 0);
}

static void a_page_that_cannot_be_had_for_want_of_room_is_no_space(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	world.hole[3] = true;
	script.grant = 100;
	assert_int_equal(user_store(f->map, at + PG(3), 'X'), -ENOSPC);
	script.grant = PG(1);
	assert_int_equal(user_store(f->map, at + PG(3), 'X'), 0);
	assert_false(vmo_has_room_locked(f->vmo, 2, NULL));
	assert_false(vmo_has_room_locked(f->vmo, 4, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(bytes_are_faulted_in_across_pages),
		T(what_is_copied_into_a_shared_page_is_owed),
		T(what_is_copied_into_a_private_page_is_its_own),
		T(what_the_user_could_not_touch_is_refused),
		T(a_page_whose_rights_went_is_not_copied_through_its_pte),
		T(a_read_only_file_takes_no_store),
		T(neighbours_on_their_way_are_not_mapped),
		T(neighbours_outside_the_mapping_are_not_mapped),
		T(neighbours_that_find_no_table_are_left_out),
		T(a_private_copy_of_a_file_is_copied_again_after_fork),
		T(truncation_takes_a_copy_from_all_who_share_it),
		T(truncation_leaves_a_shared_copy_to_its_last_holder),
		T(a_page_that_cannot_be_had_for_want_of_room_is_no_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
