/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_remap.c - HOST - mremap: a mapping shrinks, grows and moves, and its bytes with it. */
#include "tests/unit/mmworld.h"

#define BASE 0x10000000ull
#define FAR  0x20000000ull

static int remap(struct fix *f, uaddr_t *at, uint64_t from, uint64_t to, uint32_t flags, uaddr_t place)
{
	return map_remap(f->map, at, PG(from), PG(to), flags, place);
}

static void shrinking_unmaps_the_tail(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 4, RW, 0);

	fill_with(f, at, 4);
	assert_int_equal(remap(f, &at, 4, 2, 0, 0), 0);
	assert_int_equal(at, BASE);
	assert_int_equal(f->map->size, PG(2));
	assert_int_equal(user_load(f->map, at + PG(1)), 'B');
	assert_int_equal(user_load(f->map, at + PG(2)), -EFAULT);
}

static void the_same_length_changes_nothing(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 4, RW, 0);

	assert_int_equal(remap(f, &at, 4, 4, MREMAP_MAYMOVE, 0), 0);
	assert_int_equal(at, BASE);
	assert_int_equal(f->map->size, PG(4));
}

static void growing_stays_in_place_where_there_is_room(void **st)
{
	struct fix *f = *st;
	uaddr_t at = BASE;

	assert_int_equal(map_map(f->map, &at, PG(2), RW, RW, MAP_SHARED, f->vmo, PG(1)), 0);
	assert_int_equal(remap(f, &at, 2, 5, 0, 0), 0);
	assert_int_equal(at, BASE);
	assert_int_equal(user_load(f->map, at + PG(4)), 'f');
	assert_int_equal(user_store(f->map, at + PG(4), 'X'), 0);
	map_sync(f->map, at, at + PG(5), MS_SYNC);
	assert_int_equal(disk_byte(PG(5)), 'X');
}

static void without_room_and_leave_to_move_it_cannot_grow(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 2, RW, 0), part = BASE;

	map_at(f, BASE + PG(3), 1, PROT_READ, 0);
	assert_int_equal(remap(f, &at, 2, 4, 0, 0), -ENOMEM);
	assert_int_equal(remap(f, &part, 1, 2, 0, 0), -ENOMEM);
	assert_int_equal(f->map->size, PG(3));
}

static void private_pages_move_with_their_bytes(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 130, RW, 0);

	map_at(f, BASE + PG(130), 1, PROT_READ, 0);
	for (unsigned i = 0; i < 130; i += 3) user_store(f->map, at + PG(i), i);
	map_protect(f->map, at + PG(3), PG(1), PROT_READ);
	assert_int_equal(remap(f, &at, 3, 131, MREMAP_MAYMOVE, 0), 0);          /* the first entry of three */
	assert_int_equal(user_load(f->map, at), 0);
	at = BASE + PG(4);
	assert_int_equal(remap(f, &at, 126, 200, MREMAP_MAYMOVE, 0), 0);
	assert_int_not_equal(at, BASE + PG(4));
	for (unsigned i = 0; i < 126; i++) assert_int_equal(user_load(f->map, at + PG(i)), (i + 4) % 3 ? 0 : i + 4);
	assert_int_equal(user_store(f->map, at + PG(199), 'Z'), 0);
	assert_int_equal(user_load(f->map, BASE + PG(4)), -EFAULT);
	assert_int_equal(f->map->size, PG(131 + 200 + 2));
}

static void the_middle_of_a_mapping_can_move_alone(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 6, RW, 0) + PG(2);

	fill_with(f, BASE, 6);
	assert_int_equal(remap(f, &at, 2, 3, MREMAP_MAYMOVE, 0), 0);
	assert_int_equal(user_load(f->map, at), 'C');
	assert_int_equal(user_load(f->map, at + PG(2)), 0);
	assert_int_equal(user_load(f->map, BASE + PG(2)), -EFAULT);
	assert_int_equal(user_load(f->map, BASE + PG(5)), 'F');
	assert_int_equal(entries_of(f->map), 3);
}

static void a_page_without_rights_moves_too(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 1, RW, 0);

	fill_with(f, at, 1);
	map_protect(f->map, at, PG(1), PROT_NONE);
	assert_int_equal(remap(f, &at, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, FAR), 0);
	map_protect(f->map, FAR, PG(1), PROT_READ);
	assert_int_equal(user_load(f->map, FAR), 'A');
}

static void a_shared_mapping_moves_and_what_was_stored_is_still_owed(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED), old = at;

	user_store(f->map, at + PG(1), 'X');
	assert_int_equal(remap(f, &at, 8, 8, MREMAP_MAYMOVE | MREMAP_FIXED, FAR), 0);
	assert_int_equal(pmap_get(&f->map->pmap, old + PG(1)), 0);
	assert_int_equal(user_load(f->map, at + PG(1)), 'X');
	assert_int_equal(map_sync(f->map, at, at + PG(8), MS_SYNC), 0);
	assert_int_equal(disk_byte(PG(1)), 'X');
	assert_int_equal(f->vmo->users, 1);
}

static void a_part_of_a_file_shows_the_same_part_where_it_moved(void **st)
{
	struct fix *f = *st;
	uaddr_t at = BASE;

	assert_int_equal(map_map(f->map, &at, PG(4), RW, RW, MAP_SHARED | MAP_FIXED, f->vmo, PG(2)), 0);
	at = BASE + PG(1);
	assert_int_equal(remap(f, &at, 2, 3, MREMAP_MAYMOVE | MREMAP_FIXED, FAR), 0);
	assert_int_equal(user_load(f->map, FAR), 'd');
	assert_int_equal(user_load(f->map, FAR + PG(2)), 'f');
	assert_int_equal(user_load(f->map, BASE + PG(3)), 'f');
}

static void private_copies_of_a_file_move_and_the_rest_shows_the_file(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_PRIVATE);

	user_load(f->map, at);
	user_store(f->map, at + PG(1), 'P');
	assert_int_equal(remap(f, &at, 8, 8, MREMAP_MAYMOVE | MREMAP_FIXED, FAR), 0);
	assert_int_equal(user_load(f->map, FAR), 'a');
	assert_int_equal(user_load(f->map, FAR + PG(1)), 'P');
	assert_int_equal(vmo_set_size(f->vmo, 0, true), 0);
	assert_int_equal(user_load(f->map, FAR + PG(1)), -ENXIO);       /* truncation finds the copy at its new place */
}

static void a_fixed_move_replaces_what_was_there(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 2, RW, 0);

	map_at(f, FAR, 8, RW, 0);
	fill_with(f, FAR, 8);
	user_store(f->map, at, 'X');
	assert_int_equal(remap(f, &at, 2, 3, MREMAP_MAYMOVE | MREMAP_FIXED, FAR + PG(2)), 0);
	assert_int_equal(at, FAR + PG(2));
	assert_int_equal(user_load(f->map, FAR + PG(1)), 'B');
	assert_int_equal(user_load(f->map, FAR + PG(2)), 'X');
	assert_int_equal(user_load(f->map, FAR + PG(4)), 0);
	assert_int_equal(user_load(f->map, FAR + PG(5)), 'F');
	assert_int_equal(f->map->size, PG(8));
}

static void a_fixed_move_can_shrink(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 4, RW, 0);

	fill_with(f, at, 4);
	assert_int_equal(remap(f, &at, 4, 2, MREMAP_MAYMOVE | MREMAP_FIXED, FAR), 0);
	assert_int_equal(user_load(f->map, FAR + PG(1)), 'B');
	assert_int_equal(f->map->size, PG(2));
}

static void arguments_that_make_no_sense_are_refused(void **st)
{
	struct fix *f = *st;
	uint32_t fixed = MREMAP_MAYMOVE | MREMAP_FIXED;
	uaddr_t at = map_at(f, BASE, 4, RW, 0), high = USER_TOP;

	assert_int_equal(remap(f, &high, 1, 1, 0, 0), -EINVAL);
	assert_int_equal(map_remap(f->map, &at, USER_TOP, PG(1), 0, 0), -EINVAL);
	assert_int_equal(remap(f, &at, 0, 1, 0, 0), -EINVAL);
	assert_int_equal(remap(f, &at, 4, 0, 0, 0), -EINVAL);
	assert_int_equal(map_remap(f->map, &at, PG(4), USER_TOP + PG(1), MREMAP_MAYMOVE, 0), -EINVAL);
	assert_int_equal(remap(f, &at, 4, 4, fixed, FAR + 1), -EINVAL);
	assert_int_equal(remap(f, &at, 4, 4, fixed, USER_TOP), -EINVAL);
	assert_int_equal(remap(f, &at, 4, 4, fixed, USER_TOP - PG(1)), -EINVAL);
	assert_int_equal(remap(f, &at, 4, 4, fixed, BASE + PG(3)), -EINVAL);
	assert_int_equal(remap(f, &at, 4, 4, fixed, BASE - PG(3)), -EINVAL);
	assert_int_equal(remap(f, &at, 2, 2, fixed, BASE + PG(2)), 0);          /* beside itself it may go */
	assert_int_equal(remap(f, &at, 2, 2, fixed, BASE), 0);
}

static void only_a_part_of_one_mapping_can_be_remapped(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 4, RW, 0), none = FAR, device = BASE + PG(100);

	assert_int_equal(remap(f, &none, 1, 2, 0, 0), -EFAULT);
	assert_int_equal(remap(f, &at, 5, 6, MREMAP_MAYMOVE, 0), -EFAULT);
	map_device(f->map, device, 0xfee00000, PG(1), true);
	assert_int_equal(remap(f, &device, 1, 2, MREMAP_MAYMOVE, 0), -EFAULT);
}

static void limits_hold_for_what_is_added(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 4, RW, 0);

	host_limit[RLIMIT_AS] = PG(6);
	assert_int_equal(remap(f, &at, 4, 7, MREMAP_MAYMOVE, 0), -ENOMEM);
	map_lock(f->map, at, at + PG(4), MCL_CURRENT, false);
	host_limit[RLIMIT_MEMLOCK] = PG(5);
	assert_int_equal(remap(f, &at, 4, 6, MREMAP_MAYMOVE, 0), -EAGAIN);
	assert_int_equal(remap(f, &at, 4, 5, MREMAP_MAYMOVE, 0), 0);
}

static void a_locked_mapping_is_brought_in_where_it_grew(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 2, RW, MAP_LOCKED);

	map_at(f, BASE + PG(2), 1, PROT_READ, 0);
	assert_int_equal(remap(f, &at, 2, 4, MREMAP_MAYMOVE, 0), 0);
	assert_int_equal(f->map->locked, PG(4));
	assert_true(pte_writable(f->map, at + PG(3)));
}

static void no_room_anywhere_is_no_memory(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 2, RW, 0), top = map_at(f, USER_TOP - PG(2), 2, RW, 0);

	f->map->mmap_top = BASE;
	assert_int_equal(map_remap(f->map, &top, PG(2), BASE, MREMAP_MAYMOVE, 0), -ENOMEM);
	assert_int_equal(remap(f, &top, 2, 4, MREMAP_MAYMOVE, 0), 0);
	assert_in_range(top, PAGE_SIZE, BASE - PG(4));
	assert_int_equal(user_load(f->map, at), 0);
}

/* With a little more memory at a time: a move is done, or nothing of it. */
static void a_move_without_memory_changes_nothing(void **st)
{
	struct fix *f = *st;
	int rc = -ENOMEM;

	map_at(f, BASE, 6, RW, 0);
	fill_with(f, BASE, 6);
	for (unsigned left = 0; rc; left++) {
		uaddr_t at = BASE + PG(1);

		memory_take(left / 2, false);
		if (left % 2) memory_slots(sizeof(struct entry), 2);
		rc = remap(f, &at, 4, 5, MREMAP_MAYMOVE | MREMAP_FIXED, FAR);
		memory_give();
		assert_true(rc == 0 || rc == -ENOMEM);
		assert_int_equal(f->map->size, PG(rc ? 6 : 7));
		for (unsigned i = 1; i < 5; i++)
			assert_int_equal(user_load(f->map, (rc ? BASE : FAR - PG(1)) + PG(i)), 'A' + i);
		assert_in_range(left, 0, 20);
	}
}

static void a_fixed_move_that_cannot_make_room_changes_nothing(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_at(f, BASE, 4, RW, 0);

	map_at(f, FAR, 8, RW, 0);
	memory_take(0, false);
	assert_int_equal(remap(f, &at, 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED, FAR + PG(1)), -ENOMEM);
	memory_slots(sizeof(struct entry), 2);
	at = BASE + PG(1);
	assert_int_equal(remap(f, &at, 3, 1, MREMAP_MAYMOVE | MREMAP_FIXED, FAR + PG(1)), -ENOMEM);
	memory_give();
	assert_int_equal(at, BASE + PG(1));
	assert_int_equal(user_load(f->map, BASE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(shrinking_unmaps_the_tail),
		T(the_same_length_changes_nothing),
		T(growing_stays_in_place_where_there_is_room),
		T(without_room_and_leave_to_move_it_cannot_grow),
		T(private_pages_move_with_their_bytes),
		T(the_middle_of_a_mapping_can_move_alone),
		T(a_page_without_rights_moves_too),
		T(a_shared_mapping_moves_and_what_was_stored_is_still_owed),
		T(a_part_of_a_file_shows_the_same_part_where_it_moved),
		T(private_copies_of_a_file_move_and_the_rest_shows_the_file),
		T(a_fixed_move_replaces_what_was_there),
		T(a_fixed_move_can_shrink),
		T(arguments_that_make_no_sense_are_refused),
		T(only_a_part_of_one_mapping_can_be_remapped),
		T(limits_hold_for_what_is_added),
		T(a_locked_mapping_is_brought_in_where_it_grew),
		T(no_room_anywhere_is_no_memory),
		T(a_move_without_memory_changes_nothing),
		T(a_fixed_move_that_cannot_make_room_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
