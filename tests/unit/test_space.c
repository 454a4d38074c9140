/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_space.c - HOST - fallocate: holes punched, room made sure of; pages brought in ahead. */
#include "tests/unit/mmworld.h"

static uint8_t byte_at(struct vmo *v, uint64_t off)
{
	uint8_t b = 0xee;

	assert_int_equal(kernel_read(v, off, &b, 1), 1);
	return b;
}

static void a_hole_is_zero_and_its_edges_are_not(void **st)
{
	struct fix *f = *st;

	assert_int_equal(vmo_punch(f->vmo, PG(1) + 100, PG(3)), 0);
	assert_int_equal(byte_at(f->vmo, PG(1) + 99), 'b');
	assert_int_equal(byte_at(f->vmo, PG(1) + 100), 0);
	assert_int_equal(byte_at(f->vmo, PG(4) + 99), 0);
	assert_int_equal(byte_at(f->vmo, PG(4) + 100), 'e');
	assert_int_equal(script.punches, 1);            /* whole pages' blocks are given back */
	assert_int_equal(script.punch_off, PG(2));
	assert_int_equal(script.punch_len, PG(2));
	assert_int_equal(f->vmo->size, PG(8));
	vmo_sync(f->vmo, 0, ~0ull, WB_WAIT, NULL);
	assert_int_equal(disk_byte(PG(1) + 100), 0);    /* and the edges are written */
	assert_int_equal(disk_byte(PG(4) + 99), 0);
	assert_true(f->vmo->changed & VMOC_MTIME);
}

static void a_hole_within_a_page_gives_no_block_back(void **st)
{
	struct fix *f = *st;

	assert_int_equal(vmo_punch(f->vmo, PG(2) + 10, 20), 0);
	assert_int_equal(byte_at(f->vmo, PG(2) + 9), 'c');
	assert_int_equal(byte_at(f->vmo, PG(2) + 10), 0);
	assert_int_equal(byte_at(f->vmo, PG(2) + 30), 'c');
	assert_int_equal(script.punches, 0);
}

static void a_hole_across_two_pages_zeroes_both_edges(void **st)
{
	struct fix *f = *st;

	assert_int_equal(vmo_punch(f->vmo, PG(3) - 5, 10), 0);
	assert_int_equal(byte_at(f->vmo, PG(3) - 6), 'c');
	assert_int_equal(byte_at(f->vmo, PG(3) - 5), 0);
	assert_int_equal(byte_at(f->vmo, PG(3) + 4), 0);
	assert_int_equal(byte_at(f->vmo, PG(3) + 5), 'd');
	assert_int_equal(script.punches, 0);
}

static void a_hole_to_the_end_of_file_takes_the_last_page_whole(void **st)
{
	struct fix *f = *st;

	assert_int_equal(vmo_set_size(f->vmo, PG(7) + 50, true), 0);
	assert_int_equal(vmo_punch(f->vmo, PG(6), PG(9)), 0);
	assert_int_equal(script.punch_len, PG(2));
	assert_int_equal(f->vmo->size, PG(7) + 50);
	assert_int_equal(vmo_punch(f->vmo, PG(30), PG(1)), 0);
	assert_int_equal(script.punches, 1);
}

static void edges_of_a_hole_in_a_hole_are_not_written(void **st)
{
	struct fix *f = *st;

	world.hole[1] = world.hole[2] = true;
	assert_int_equal(vmo_punch(f->vmo, PG(1) + 100, PG(1)), 0);
	assert_int_equal(f->vmo->ndirty, 0);
	dirty_page(f->vmo, 1, 'X');
	assert_int_equal(vmo_punch(f->vmo, PG(1) + 100, 8), 0);
	assert_int_equal(state_of(f->vmo, 1), PG_DIRTY);
}

static void what_may_not_change_is_not_punched(void **st)
{
	struct fix *f = *st;

	f->vmo->flags = VMO_READONLY;
	assert_int_equal(vmo_punch(f->vmo, 0, PG(1)), -EROFS);
	assert_int_equal(vmo_allocate(f->vmo, 0, PG(1), true), -EROFS);
	f->vmo->flags = VMO_NOGROW;
	assert_int_equal(vmo_punch(f->vmo, 0, PG(1)), -EOPNOTSUPP);
	assert_int_equal(vmo_allocate(f->vmo, 0, PG(1), true), -EOPNOTSUPP);
	f->vmo->flags = 0;
}

static void an_edge_that_cannot_be_read_ends_the_punch(void **st)
{
	struct fix *f = *st;

	world.fill_status = -EIO;
	assert_int_equal(vmo_punch(f->vmo, PG(1) + 100, PG(3)), -EIO);
	world.fill_status = 0;
	get_page(f->vmo, 1);
	world.fill_status = -EIO;
	assert_int_equal(vmo_punch(f->vmo, PG(1) + 100, PG(3)), -EIO);  /* the second edge */
	assert_int_equal(script.punches, 0);
	assert_null(f->vmo->writer);
}

static void truncate_meanwhile(struct fix *f)
{
	assert_int_equal(vmo_set_size(f->vmo, 0, true), 0);
}

static void an_edge_that_is_cut_off_meanwhile_needs_nothing(void **st)
{
	struct fix *f = *st;

	script.on_sleep = truncate_meanwhile;
	assert_int_equal(vmo_punch(f->vmo, PG(1) + 100, 8), 0);
	assert_int_equal(f->vmo->npages, 0);
}

static void a_pager_that_cannot_punch_is_heard(void **st)
{
	struct fix *f = *st;

	script.punch_status = -EIO;
	assert_int_equal(vmo_punch(f->vmo, 0, PG(2)), -EIO);
	script.call_status = -EPIPE;
	assert_int_equal(vmo_punch(f->vmo, 0, PG(2)), -EPIPE);
	assert_int_equal(f->vmo->punch_hi, 0);
	assert_int_equal(byte_at(f->vmo, 0), 'a');
}

static void look_while_punching(struct fix *f, struct kmsg *k)
{
	assert_int_equal(k->m.op, PAGER_PUNCH);
	vmo_prefetch(f->vmo, 0, 7);
	world_run();
	assert_int_equal(state_of(f->vmo, 1), PG_CLEAN);
	assert_int_equal(state_of(f->vmo, 2), PG_ABSENT);
	assert_int_equal(state_of(f->vmo, 3), PG_ABSENT);
	assert_int_equal(state_of(f->vmo, 4), PG_CLEAN);
}

static void no_page_comes_in_while_its_block_is_given_back(void **st)
{
	struct fix *f = *st;

	dirty_page(f->vmo, 2, 'X');
	script.on_call = look_while_punching;
	assert_int_equal(vmo_punch(f->vmo, PG(2), PG(2)), 0);
	assert_null(script.on_call);
}

static void end_of_punch(struct fix *f)
{
	f->vmo->punch_lo = f->vmo->punch_hi = 0;
}

static void room_that_was_granted_goes_with_the_hole(void **st)
{
	struct fix *f = *st;

	assert_int_equal(vmo_room(f->vmo, 1), 0);
	assert_int_equal(vmo_punch(f->vmo, PG(2), PG(2)), 0);
	assert_false(vmo_has_room_locked(f->vmo, 3, NULL));
}

static void whoever_needs_a_page_that_is_being_punched_waits(void **st)
{
	struct fix *f = *st;
	struct page *p;

	f->vmo->punch_lo = 2;
	f->vmo->punch_hi = 4;
	script.on_sleep = end_of_punch;
	assert_int_equal(pcache_get(f->vmo, 3, NULL, &p), 0);
	page_unref(p);
	assert_null(script.on_sleep);
}

static void shared_memory_is_punched_without_a_pager(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 4, MAP_SHARED);

	fill_with(f, at, 4);
	assert_int_equal(map_advise(f->map, at + PG(1), at + PG(3), MADV_REMOVE), 0);
	assert_int_equal(user_load(f->map, at), 'A');
	assert_int_equal(user_load(f->map, at + PG(1)), 0);
	assert_int_equal(user_load(f->map, at + PG(3)), 'D');
	assert_int_equal(script.punches, 0);
}

static void allocating_gives_holes_their_blocks(void **st)
{
	struct fix *f = *st;

	world.hole[2] = world.hole[3] = true;
	assert_int_equal(vmo_allocate(f->vmo, PG(1), PG(3), false), 0);
	assert_int_equal(state_of(f->vmo, 1), PG_CLEAN);
	assert_int_equal(state_of(f->vmo, 2), PG_DIRTY);
	vmo_sync(f->vmo, 0, ~0ull, WB_WAIT, NULL);
	assert_false(world.hole[2] || world.hole[3]);
	assert_int_equal(disk_byte(PG(2)), 0);
}

static void allocating_past_the_end_makes_the_file_longer(void **st)
{
	struct fix *f = *st;

	for (unsigned i = 8; i < DISK_PAGES; i++) world.hole[i] = true;
	assert_int_equal(vmo_allocate(f->vmo, PG(9), PG(1) + 7, false), 0);
	assert_int_equal(f->vmo->size, PG(10) + 7);
	assert_int_equal(byte_at(f->vmo, PG(10)), 0);
	assert_int_equal(state_of(f->vmo, 9), PG_DIRTY);
	assert_int_equal(world.reserves, 1);
}

static void keep_size_keeps_it_and_promises_room(void **st)
{
	struct fix *f = *st;

	assert_int_equal(vmo_allocate(f->vmo, PG(8), PG(300), true), 0);
	assert_int_equal(f->vmo->size, PG(8));
	assert_int_equal(f->vmo->npages, 0);
	assert_int_equal(world.reserves, 2);            /* 256 pages a message */
	assert_true(vmo_has_room_locked(f->vmo, 307, NULL));
}

static void no_room_leaves_the_file_as_long_as_it_was(void **st)
{
	struct fix *f = *st;

	world.reserve_status = -ENOSPC;
	for (unsigned i = 8; i < DISK_PAGES; i++) world.hole[i] = true;
	assert_int_equal(vmo_allocate(f->vmo, PG(9), PG(1), false), -ENOSPC);
	assert_int_equal(f->vmo->size, PG(8));
	assert_int_equal(vmo_allocate(f->vmo, PG(9), PG(1), true), -ENOSPC);
	assert_int_equal(vmo_allocate(f->vmo, 0, 1ull << 41, false), -EFBIG);
}

static void a_size_that_cannot_grow_is_told(void **st)
{
	struct fix *f = *st;

	assert_int_equal(vmo_set_size(f->vmo, PG(7) + 1, true), 0);
	vmo_invalidate(f->vmo, 0, ~0ull);
	world.fill_status = -EIO;
	assert_int_equal(vmo_allocate(f->vmo, 0, PG(9), false), -EIO);  /* its tail cannot be read */
	assert_int_equal(f->vmo->size, PG(7) + 1);
	world.hole[0] = true;
	assert_int_equal(vmo_allocate(f->vmo, 0, PG(1), false), -EIO);
}

static void a_page_cut_off_while_it_is_allocated_needs_no_block(void **st)
{
	struct fix *f = *st;

	world.hole[2] = true;
	script.on_sleep = truncate_meanwhile;
	assert_int_equal(vmo_allocate(f->vmo, PG(2), PG(1), false), 0);
	assert_int_equal(f->vmo->ndirty, 0);
}

static void many_pages_are_allocated_under_the_brake(void **st)
{
	struct fix *f = *st;
	struct vmo *v = vmo_create(NULL, 0, 0, PG(100), VMO_EPHEMERAL);

	(void)f;
	assert_int_equal(vmo_allocate(v, 0, PG(70), false), 0);
	assert_int_equal(v->npages, 70);
	memory_take(0, false);
	assert_int_equal(vmo_allocate(v, PG(70), PG(5), false), -ENOSPC);
	memory_give();
	assert_int_equal(v->size, PG(70));
	vmo_unref(v);
}

static void prefetch_reads_what_is_absent_within_the_file(void **st)
{
	struct fix *f = *st;

	get_page(f->vmo, 2);
	vmo_prefetch(f->vmo, 1, 1000);
	assert_int_equal(world.queued, 2);
	vmo_prefetch(f->vmo, 1, 1000);
	assert_int_equal(world.queued, 2);
	vmo_prefetch(f->vmo, 20, 30);
	assert_int_equal(world.queued, 2);
	world_run();
	assert_int_equal(f->vmo->npages, 7);
	assert_int_equal(state_of(f->vmo, 0), PG_ABSENT);
}

static void prefetch_without_memory_to_spare_reads_nothing(void **st)
{
	struct fix *f = *st;

	memory_take(0, false);
	vmo_prefetch(f->vmo, 0, 7);
	memory_give();
	assert_int_equal(world.queued, 0);
	assert_int_equal(f->vmo->npages, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_hole_is_zero_and_its_edges_are_not),
		T(a_hole_within_a_page_gives_no_block_back),
		T(a_hole_across_two_pages_zeroes_both_edges),
		T(a_hole_to_the_end_of_file_takes_the_last_page_whole),
		T(edges_of_a_hole_in_a_hole_are_not_written),
		T(what_may_not_change_is_not_punched),
		T(an_edge_that_cannot_be_read_ends_the_punch),
		T(an_edge_that_is_cut_off_meanwhile_needs_nothing),
		T(a_pager_that_cannot_punch_is_heard),
		T(no_page_comes_in_while_its_block_is_given_back),
		T(room_that_was_granted_goes_with_the_hole),
		T(whoever_needs_a_page_that_is_being_punched_waits),
		T(shared_memory_is_punched_without_a_pager),
		T(allocating_gives_holes_their_blocks),
		T(allocating_past_the_end_makes_the_file_longer),
		T(keep_size_keeps_it_and_promises_room),
		T(no_room_leaves_the_file_as_long_as_it_was),
		T(a_size_that_cannot_grow_is_told),
		T(a_page_cut_off_while_it_is_allocated_needs_no_block),
		T(many_pages_are_allocated_under_the_brake),
		T(prefetch_reads_what_is_absent_within_the_file),
		T(prefetch_without_memory_to_spare_reads_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
