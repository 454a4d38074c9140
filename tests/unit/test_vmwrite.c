/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_vmwrite.c - HOST - vm_write: a server puts exact bytes of its mapping on the disk. */
#include "tests/unit/mmworld.h"

static uaddr_t disk;

static int server_setup(void **st)
{
	struct fix *f;

	world_setup(st);
	f = *st;
	f->map->wired = true;
	f->vmo->flags = VMO_NOGROW;
	disk = map_file(f, 8, RW, MAP_SHARED);
	return 0;
}

/* As the file server does it: begin, wait, and see whether more has failed than before. */
static int put(struct fix *f, uint64_t off, uint64_t len, uint32_t flags)
{
	int64_t before = vm_write(f->map, disk + off, len, flags);

	if (before < 0) return before;
	return vm_write(f->map, disk, 0, 0) == before ? 0 : -EIO;
}

/* What a server leaves dirty is its own business. */
static int server_teardown(void **st)
{
	struct fix *f = *st;

	assert_int_equal(put(f, 0, PG(8), VMX_FORGET), 0);
	f->vmo->flags = 0;
	return world_teardown(st);
}

static void store(struct fix *f, uint64_t off, uint8_t byte)
{
	assert_int_equal(user_store(f->map, disk + off, byte), 0);
}

static void only_the_bytes_that_were_named_are_written(void **st)
{
	struct fix *f = *st;

	for (uint64_t off = 0; off < PG(3); off += 512) store(f, off, 'X');
	assert_int_equal(put(f, 1024, PG(1), VMX_KEEP_DIRTY), 0);
	assert_int_equal(disk_byte(512), 'a');
	assert_int_equal(disk_byte(1024), 'X');
	assert_int_equal(disk_byte(PG(1) + 512), 'X');
	assert_int_equal(disk_byte(PG(1) + 1024), 'b');
	assert_int_equal(world.writes, 1);
	assert_int_equal(state_of(f->vmo, 0), PG_CLEAN);        /* all behind its start was written */
	assert_int_equal(state_of(f->vmo, 1), PG_DIRTY);        /* kept, for what was not */
}

static void what_is_clean_is_on_the_disk_already(void **st)
{
	struct fix *f = *st;

	store(f, PG(1), 'X');
	store(f, PG(4), 'Y');
	user_load(f->map, disk + PG(2));
	assert_int_equal(put(f, 0, PG(8), 0), 0);
	assert_int_equal(world.writes, 2);
	assert_int_equal(world.write_pages, 2);
	assert_int_equal(f->vmo->ndirty, 0);
	assert_int_equal(page_at(f->vmo, 1)->flags & PFL_OWNER, 0);
}

static void extents_that_make_no_sense_are_refused(void **st)
{
	struct fix *f = *st;

	assert_int_equal(put(f, 1, 512, 0), -EINVAL);
	assert_int_equal(put(f, 0, 511, 0), -EINVAL);
	assert_int_equal(put(f, PG(8), 512, 0), -EFAULT);
	assert_int_equal(put(f, PG(7), PG(2), 0), -EFAULT);
	assert_int_equal(put(f, 0, ~0ull << 9, 0), -EFAULT);
	assert_int_equal(world.writes, 0);
}

static void only_an_owners_mapping_is_written_so(void **st)
{
	struct fix *f = *st;
	uaddr_t anon = map_anon(f, 1, MAP_PRIVATE), copy = map_file(f, 1, RW, MAP_PRIVATE);

	assert_int_equal(vm_write(f->map, anon, 512, 0), -EFAULT);
	assert_int_equal(vm_write(f->map, copy, 512, 0), -EFAULT);
	assert_int_equal(vm_write(f->map, copy, 0, 0), -EFAULT);
}

/* All begin before one is waited for. */
static void extents_of_one_object_go_together(void **st)
{
	struct fix *f = *st;

	store(f, 0, 'X');
	store(f, PG(3), 'Y');
	assert_int_equal(vm_write(f->map, disk, 512, 0), 0);
	assert_int_equal(vm_write(f->map, disk + PG(3), 512, 0), 0);
	assert_int_equal(state_of(f->vmo, 0), PG_WRITING);
	assert_int_equal(state_of(f->vmo, 3), PG_WRITING);
	assert_int_equal(vm_write(f->map, disk + PG(7), 0, 0), 0);
	assert_int_equal(disk_byte(0), 'X');
	assert_int_equal(disk_byte(PG(3)), 'Y');
}

/* The first leaves the page owed while it is on its way; the second must not take that for done. */
static void two_extents_of_one_page_are_both_written(void **st)
{
	struct fix *f = *st;

	store(f, 0, 'X');
	store(f, 2048, 'Y');
	assert_int_equal(vm_write(f->map, disk, 512, VMX_KEEP_DIRTY), 0);
	assert_int_equal(put(f, 2048, 512, 0), 0);
	assert_int_equal(disk_byte(0), 'X');
	assert_int_equal(disk_byte(2048), 'Y');
	assert_int_equal(state_of(f->vmo, 0), PG_CLEAN);
}

static void a_failed_write_is_told_and_leaves_the_page_to_its_owner(void **st)
{
	struct fix *f = *st;

	store(f, 0, 'X');
	world.write_status = -EIO;
	assert_int_equal(put(f, 0, PG(1), 0), -EIO);
	world.write_status = 0;
	assert_int_equal(state_of(f->vmo, 0), PG_DIRTY);
	assert_true(page_at(f->vmo, 0)->flags & PFL_OWNER);
	assert_int_equal(put(f, 0, PG(1), 0), 0);
	assert_int_equal(disk_byte(0), 'X');
}

static void forgotten_pages_are_never_written(void **st)
{
	struct fix *f = *st;

	store(f, 0, 'X');
	user_load(f->map, disk + PG(1));
	assert_int_equal(put(f, 0, PG(3), VMX_FORGET), 0);
	assert_int_equal(f->vmo->ndirty, 0);
	assert_int_equal(world.writes, 0);
	assert_false(pte_writable(f->map, disk));
}

static void a_write_under_way_is_waited_for(void **st)
{
	struct fix *f = *st;

	store(f, 0, 'X');
	begin_write(f->vmo, 0);
	store(f, 0, 'Y');
	assert_int_equal(put(f, 0, PG(1), 0), 0);
	assert_int_equal(world.writes, 2);
	assert_int_equal(disk_byte(0), 'Y');
	store(f, 0, 'Z');
	begin_write(f->vmo, 0);
	assert_int_equal(put(f, 0, PG(1), VMX_FORGET), 0);
	assert_int_equal(state_of(f->vmo, 0), PG_CLEAN);
	vmo_invalidate(f->vmo, 0, ~0ull);
	vmo_prefetch(f->vmo, 0, 0);
	world.writes = 0;
	assert_int_equal(put(f, 0, PG(1), 0), 0);       /* being read: nobody has stored there */
	world_run();
	assert_int_equal(world.writes, 0);
	assert_int_equal(state_of(f->vmo, 0), PG_CLEAN);
}

static void finish_and_begin_another(struct fix *f)
{
	world_run();
	begin_write(f->vmo, 0);
}

/* Somebody writes to the disk all the time: who waits for what is his can go on. */
static void a_write_that_began_after_its_own_is_not_waited_for(void **st)
{
	struct fix *f = *st;

	store(f, 0, 'X');
	store(f, PG(5), 'X');
	script.on_sleep = finish_and_begin_another;
	assert_int_equal(put(f, PG(5), PG(1), 0), 0);
	assert_int_equal(disk_byte(PG(5)), 'X');
	assert_int_equal(state_of(f->vmo, 0), PG_WRITING);
}

static void give_memory(struct fix *f)
{
	(void)f;
	memory_give();
}

static void without_memory_for_a_run_it_waits(void **st)
{
	struct fix *f = *st;

	store(f, 0, 'X');
	assert_int_equal(vmo_invalidate(f->vmo, 1, ~0ull), 0);          /* nothing to reclaim */
	memory_take(0, true);
	script.on_idle = give_memory;
	assert_int_equal(put(f, 0, PG(1), 0), 0);
	assert_null(script.on_idle);
	assert_int_equal(disk_byte(0), 'X');
}

static void clean_pages_make_room_for_a_run(void **st)
{
	struct fix *f = *st;

	store(f, 0, 'X');
	get_page(f->vmo, 5);
	memory_take(0, true);
	assert_int_equal(put(f, 0, PG(1), 0), 0);
	assert_int_equal(script.sleeps, 0);
	assert_int_equal(state_of(f->vmo, 5), PG_ABSENT);
	assert_int_equal(disk_byte(0), 'X');
}

static void runs_are_no_longer_than_they_may_be(void **st)
{
	struct fix *f = *st;
	struct vmo *v = vmo_create(&pager_port, 0, PG(RUN_MAX + 2), PG(RUN_MAX + 2), VMO_NOGROW);
	const uint64_t len = PG(RUN_MAX + 2);
	static char page[PAGE_SIZE];
	uint64_t pos = 0, at = 0;

	for (; pos < len; pos += PAGE_SIZE)
		assert_int_equal(user_write(v, &pos, page, PAGE_SIZE, false, ~0ull), PAGE_SIZE);
	assert_int_equal(map_map(f->map, &at, len, RW, RW, MAP_SHARED, v, 0), 0);
	script.on_sleep = take_runs;
	assert_int_equal(vm_write(f->map, at, len, 0), 0);
	assert_int_equal(vm_write(f->map, at, 0, 0), 0);
	assert_int_equal(nruns, 2);
	assert_int_equal(run_pages[1], RUN_MAX);
	assert_int_equal(run_pages[0], 2);
	map_unmap(f->map, at, len);
	vmo_unref(v);
}

#define S(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		S(only_the_bytes_that_were_named_are_written),
		S(what_is_clean_is_on_the_disk_already),
		S(extents_that_make_no_sense_are_refused),
		S(only_an_owners_mapping_is_written_so),
		S(extents_of_one_object_go_together),
		S(two_extents_of_one_page_are_both_written),
		S(a_failed_write_is_told_and_leaves_the_page_to_its_owner),
		S(forgotten_pages_are_never_written),
		S(a_write_under_way_is_waited_for),
		S(a_write_that_began_after_its_own_is_not_waited_for),
		S(without_memory_for_a_run_it_waits),
		S(clean_pages_make_room_for_a_run),
		S(runs_are_no_longer_than_they_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
