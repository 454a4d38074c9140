/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmfix.c */
/* tests/unit/test_fault.c - HOST - faults, mappings, copy on write, msync, and read() and write() on the same pages. */
#include "tests/unit/mmfix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/stub_kernel.h"

#define RW (PROT_READ | PROT_WRITE)

static int sync_range(struct fix *f, uaddr_t at, uint64_t pages, int flags)
{
	return map_sync(f->map, at, at + pages * PAGE_SIZE, flags);
}

static void the_first_store_makes_a_page_dirty_and_writable(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	assert_int_equal(user_load(f->map, at), 'a');
	assert_false(pte_writable(f->map, at));
	assert_int_equal(user_store(f->map, at, 'X'), 0);
	assert_true(pte_writable(f->map, at));
	assert_int_equal(page_at(f->vmo, 0)->state, PG_DIRTY);
	assert_true(f->vmo->changed & VMOC_MTIME);
}

static void writeback_takes_the_right_to_write_away(void **st)
{
	struct fix *f = *st;
	uaddr_t one = map_file(f, 8, RW, MAP_SHARED), two = map_file(f, 8, RW, MAP_SHARED);

	user_store(f->map, one, 'X');
	user_store(f->map, two, 'Y');
	assert_int_equal(sync_range(f, one, 1, MS_SYNC), 0);
	assert_false(pte_writable(f->map, one));
	assert_false(pte_writable(f->map, two));
	assert_int_equal(disk_byte(0), 'Y');
	user_store(f->map, two, 'Z');
	assert_int_equal(page_at(f->vmo, 0)->state, PG_DIRTY);
}

static void a_store_without_room_on_disk_is_refused_at_once(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	world.hole[2] = true;
	world.reserve_status = -ENOSPC;
	assert_int_equal(user_store(f->map, at + 2 * PAGE_SIZE, 'X'), -ENOSPC);
	assert_int_equal(page_at(f->vmo, 2)->state, PG_CLEAN);
	world.reserve_status = 0;
	assert_int_equal(user_store(f->map, at + 2 * PAGE_SIZE, 'X'), 0);
}

static void one_grant_of_room_serves_many_pages(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	for (int i = 0; i < 8; i++) world.hole[i] = true;
	for (int i = 0; i < 8; i++) assert_int_equal(user_store(f->map, at + i * PAGE_SIZE, 'X'), 0);
	assert_int_equal(world.reserves, 1);
}

static void a_read_fault_maps_resident_neighbours(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, PROT_READ, MAP_SHARED);
	struct page *p;

	for (int i = 0; i < 8; i++) {
		assert_int_equal(pcache_get(f->vmo, i, NULL, &p), 0);
		page_unref(p);
	}
	assert_int_equal(user_load(f->map, at + 3 * PAGE_SIZE), 'd');
	assert_true(pmap_get(&f->map->pmap, at + 7 * PAGE_SIZE) & PTE_P);
}

static void past_the_end_of_file_is_a_bus_error(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 16, RW, MAP_SHARED);

	assert_int_equal(user_load(f->map, at + 8 * PAGE_SIZE), -ENXIO);
	assert_int_equal(user_store(f->map, at + 8 * PAGE_SIZE, 1), -ENXIO);
	assert_int_equal(vmo_set_size(f->vmo, PAGE_SIZE, true), 0);
	assert_int_equal(user_load(f->map, at + PAGE_SIZE), -ENXIO);
}

static void rights_are_kept(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, PROT_READ, MAP_SHARED);

	assert_int_equal(user_store(f->map, at, 1), -EACCES);
	assert_int_equal(user_load(f->map, at + 100 * PAGE_SIZE), -EFAULT);
	assert_int_equal(map_protect(f->map, at, PAGE_SIZE, PROT_NONE), 0);
	assert_int_equal(user_load(f->map, at), -EACCES);
	assert_int_equal(map_protect(f->map, at, PAGE_SIZE, RW), 0);
	assert_int_equal(user_store(f->map, at, 1), 0);
	assert_int_equal(map_protect(f->map, at, PAGE_SIZE, PROT_EXEC), -EACCES);
}

static void a_private_store_stays_private(void **st)
{
	struct fix *f = *st;
	uaddr_t priv = map_file(f, 8, RW, MAP_PRIVATE), shared = map_file(f, 8, RW, MAP_SHARED);

	assert_int_equal(user_load(f->map, priv), 'a');
	assert_int_equal(user_store(f->map, priv, 'P'), 0);
	assert_int_equal(user_load(f->map, shared), 'a');
	assert_int_equal(user_store(f->map, shared, 'S'), 0);
	assert_int_equal(user_load(f->map, priv), 'P');
	assert_int_equal(sync_range(f, priv, 8, MS_SYNC), 0);
	assert_int_equal(world.writes, 0);
}

static void a_private_page_not_yet_copied_shows_the_file(void **st)
{
	struct fix *f = *st;
	uaddr_t priv = map_file(f, 8, RW, MAP_PRIVATE), shared = map_file(f, 8, RW, MAP_SHARED);

	assert_int_equal(user_load(f->map, priv), 'a');
	assert_int_equal(user_store(f->map, shared, 'S'), 0);
	assert_int_equal(user_load(f->map, priv), 'S');
}

static void fork_shares_private_pages_until_one_side_stores(void **st)
{
	struct fix *f = *st;
	uaddr_t at = 0;
	struct map *child;

	assert_int_equal(map_map(f->map, &at, 4 * PAGE_SIZE, RW, RW, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0), 0);
	assert_int_equal(user_load(f->map, at), 0);
	user_store(f->map, at, '1');
	child = map_fork(f->map);
	assert_non_null(child);
	assert_int_equal(pmap_get(&child->pmap, at) & PTE_ADDR, pmap_get(&f->map->pmap, at) & PTE_ADDR);
	user_store(child, at, '2');
	assert_int_equal(user_load(f->map, at), '1');
	user_store(f->map, at, '3');
	assert_int_equal(user_load(child, at), '2');
	map_check(child);
	map_put(child);
	assert_int_equal(user_load(f->map, at), '3');
}

static void a_store_of_the_parent_after_fork_is_not_seen_by_the_child(void **st)
{
	struct fix *f = *st;
	struct map *child;
	uaddr_t at = 0;

	assert_int_equal(map_map(f->map, &at, PAGE_SIZE, RW, RW, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0), 0);
	user_store(f->map, at, '1');
	child = map_fork(f->map);
	user_store(f->map, at, '2');
	assert_int_equal(user_load(child, at), '1');
	map_put(child);
}

static void fork_keeps_shared_pages_shared(void **st)
{
	struct fix *f = *st;
	uaddr_t file = map_file(f, 8, RW, MAP_SHARED), anon = 0;
	struct map *child;

	assert_int_equal(map_map(f->map, &anon, PAGE_SIZE, RW, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0), 0);
	child = map_fork(f->map);
	user_store(child, file, 'C');
	user_store(child, anon, 'D');
	assert_int_equal(user_load(f->map, file), 'C');
	assert_int_equal(user_load(f->map, anon), 'D');
	map_put(child);
}

static void unmapping_the_middle_splits_and_keeps_the_rest(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	user_store(f->map, at + 5 * PAGE_SIZE, 'X');
	assert_int_equal(map_unmap(f->map, at + 2 * PAGE_SIZE, 2 * PAGE_SIZE), 0);
	assert_int_equal(user_load(f->map, at + 2 * PAGE_SIZE), -EFAULT);
	assert_int_equal(user_load(f->map, at + PAGE_SIZE), 'b');
	assert_int_equal(user_load(f->map, at + 4 * PAGE_SIZE), 'e');
	assert_int_equal(user_load(f->map, at + 5 * PAGE_SIZE), 'X');
	map_check(f->map);
	vmo_check(f->vmo);
}

static void msync_over_a_hole_writes_both_sides_and_says_enomem(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	user_store(f->map, at, 'X');
	user_store(f->map, at + 7 * PAGE_SIZE, 'Y');
	map_unmap(f->map, at + 3 * PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(sync_range(f, at, 8, MS_SYNC), -ENOMEM);
	assert_int_equal(disk_byte(0), 'X');
	assert_int_equal(disk_byte(7 * PAGE_SIZE), 'Y');
}

static void msync_of_one_page_writes_one_page_and_commits_once(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	for (int i = 0; i < 8; i++) user_store(f->map, at + i * PAGE_SIZE, 'X');
	assert_int_equal(sync_range(f, at + PAGE_SIZE, 1, MS_SYNC), 0);
	assert_int_equal(world.write_pages, 1);
	assert_int_equal(world.commits, 1);
	assert_int_equal(world.last_commit_flags, COMMIT_DATASYNC);
}

static void ms_async_queues_the_write_and_commits_nothing(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	user_store(f->map, at, 'X');
	assert_int_equal(sync_range(f, at, 1, MS_ASYNC), 0);
	assert_int_equal(world.writes, 1);
	assert_int_equal(world.commits, 0);
}

static void ms_invalidate_shows_what_the_disk_holds(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	user_store(f->map, at, 'X');
	user_load(f->map, at + PAGE_SIZE);
	world.disk[PAGE_SIZE] = 'N';
	assert_int_equal(sync_range(f, at, 8, MS_INVALIDATE), 0);
	assert_int_equal(user_load(f->map, at), 'X');
	assert_int_equal(user_load(f->map, at + PAGE_SIZE), 'N');
}

static void a_failed_fixed_mapping_leaves_what_was_there(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED), same = at;

	user_store(f->map, at, 'X');
	assert_int_equal(map_map(f->map, &same, PAGE_SIZE, RW, RW, MAP_PRIVATE | MAP_FIXED_NOREPLACE, NULL, 0),
	                 -EEXIST);
	same = at + 1;
	assert_int_equal(map_map(f->map, &same, PAGE_SIZE, RW, RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), -EINVAL);
	assert_int_equal(user_load(f->map, at), 'X');
}

static void brk_grows_and_shrinks_one_entry(void **st)
{
	struct fix *f = *st;
	uaddr_t now;

	f->map->program.brk_start = f->map->program.brk = 0x600000;
	now = map_brk(f->map, 0x600000 + 3 * PAGE_SIZE);
	now = map_brk(f->map, 0x600000 + 9 * PAGE_SIZE);
	assert_int_equal(now, 0x600000 + 9 * PAGE_SIZE);
	assert_ptr_equal(map_find_locked(f->map, 0x600000), map_find_locked(f->map, 0x600000 + 8 * PAGE_SIZE));
	assert_int_equal(user_store(f->map, 0x600000 + 8 * PAGE_SIZE, 1), 0);
	now = map_brk(f->map, 0x600000 + PAGE_SIZE);
	assert_int_equal(user_load(f->map, 0x600000 + 8 * PAGE_SIZE), -EFAULT);
}

static void write_is_seen_by_a_mapping_and_a_store_by_read(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);
	uint64_t pos = 10;
	char buf[4] = "";

	assert_int_equal(user_load(f->map, at + 10), 'a');
	assert_int_equal(user_write(f->vmo, &pos, "QRS", 3, false, ~0ull), 3);
	assert_int_equal(user_load(f->map, at + 11), 'R');
	user_store(f->map, at + 11, 'z');
	assert_int_equal(user_read(f->vmo, 10, buf, 3, NULL), 3);
	assert_string_equal(buf, "QzS");
}

static void write_past_the_end_grows_and_leaves_zeros_between(void **st)
{
	struct fix *f = *st;
	uint64_t pos = 10 * PAGE_SIZE + 1;
	uint8_t b = 9;

	for (unsigned i = 8; i < DISK_PAGES; i++) world.hole[i] = true;
	assert_int_equal(user_write(f->vmo, &pos, "E", 1, false, ~0ull), 1);
	assert_int_equal(f->vmo->size, 10 * PAGE_SIZE + 2);
	assert_int_equal(user_read(f->vmo, 9 * PAGE_SIZE, &b, 1, NULL), 1);
	assert_int_equal(b, 0);
	assert_int_equal(user_read(f->vmo, 10 * PAGE_SIZE + 1, &b, 1, NULL), 1);
	assert_int_equal(b, 'E');
	assert_int_equal(user_read(f->vmo, 10 * PAGE_SIZE + 2, &b, 1, NULL), 0);
}

static void bytes_stored_past_the_end_are_zero_when_a_write_grows_the_file(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);
	uint64_t pos = 300;

	assert_int_equal(vmo_set_size(f->vmo, 100, true), 0);
	assert_int_equal(user_store(f->map, at + 200, 'X'), 0);
	assert_int_equal(user_write(f->vmo, &pos, "E", 1, false, ~0ull), 1);
	assert_int_equal(user_load(f->map, at + 200), 0);
	assert_int_equal(user_load(f->map, at + 300), 'E');
}

static void append_writes_at_the_end(void **st)
{
	struct fix *f = *st;
	uint64_t pos = 0;

	world.hole[8] = true;
	assert_int_equal(user_write(f->vmo, &pos, "E", 1, true, ~0ull), 1);
	assert_int_equal(pos, 8 * PAGE_SIZE);
	assert_int_equal(f->vmo->size, 8 * PAGE_SIZE + 1);
}

static void a_whole_page_is_written_without_reading_it(void **st)
{
	static uint8_t page[PAGE_SIZE];
	struct fix *f = *st;
	uint64_t pos = PAGE_SIZE;

	memset(page, 'W', sizeof(page));
	assert_int_equal(user_write(f->vmo, &pos, page, PAGE_SIZE, false, ~0ull), PAGE_SIZE);
	assert_int_equal(world.fills, 0);
	vmo_sync(f->vmo, 0, ~0ull, WB_WAIT, NULL);
	assert_int_equal(disk_byte(2 * PAGE_SIZE - 1), 'W');
}

static void the_limit_cuts_a_write_and_then_refuses_it(void **st)
{
	struct fix *f = *st;
	uint64_t pos = 6;

	assert_int_equal(user_write(f->vmo, &pos, "abcdef", 6, false, 10), 4);
	pos = 10;
	assert_int_equal(user_write(f->vmo, &pos, "abcdef", 6, false, 10), -EFBIG);
}

/* The file server's mapping of the disk: only the bytes it names are written. */
static void vm_write_writes_exact_bytes(void **st)
{
	struct fix *f = *st;
	uaddr_t at;

	f->map->wired = true;
	f->vmo->flags |= VMO_NOGROW;
	at = map_file(f, 8, RW, MAP_SHARED);
	user_store(f->map, at, 'X');
	user_store(f->map, at + 2048, 'Y');
	assert_int_equal(vm_write(f->map, at, 1024, VMX_KEEP_DIRTY), 0);
	assert_int_equal(vm_write(f->map, at, 0, 0), 0);
	assert_int_equal(disk_byte(0), 'X');
	assert_int_equal(disk_byte(2048), 'a');
	assert_int_equal(page_at(f->vmo, 0)->state, PG_DIRTY);
	assert_int_equal(vm_write(f->map, at + 2048, 512, 0), 0);
	assert_int_equal(vm_write(f->map, at, 0, 0), 0);
	assert_int_equal(disk_byte(2048), 'Y');
	assert_int_equal(page_at(f->vmo, 0)->state, PG_CLEAN);
}

static void the_kernel_never_writes_a_servers_metadata_itself(void **st)
{
	struct fix *f = *st;
	uaddr_t at;

	f->map->wired = true;
	f->vmo->flags |= VMO_NOGROW;
	at = map_file(f, 8, RW, MAP_SHARED);
	user_store(f->map, at, 'X');
	assert_int_equal(vmo_sync(f->vmo, 0, ~0ull, WB_WAIT, NULL), 0);
	assert_int_equal(world.writes, 0);
	assert_int_equal(vm_write(f->map, at, 512, VMX_FORGET), 0);
	assert_int_equal(world.writes, 0);
	assert_int_equal(page_at(f->vmo, 0)->state, PG_CLEAN);
}

static void reclaim_takes_clean_pages_and_leaves_dirty_ones(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED);

	user_store(f->map, at, 'X');
	user_load(f->map, at + PAGE_SIZE);
	assert_int_equal(reclaim_wait(), 0);
	assert_null(page_at(f->vmo, 1));
	assert_non_null(page_at(f->vmo, 0));
	assert_int_equal(user_load(f->map, at + PAGE_SIZE), 'b');
}

#define T(name) cmocka_unit_test_setup_teardown(name, mm_setup, mm_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_first_store_makes_a_page_dirty_and_writable),
		T(writeback_takes_the_right_to_write_away),
		T(a_store_without_room_on_disk_is_refused_at_once),
		T(one_grant_of_room_serves_many_pages),
		T(a_read_fault_maps_resident_neighbours),
		T(past_the_end_of_file_is_a_bus_error),
		T(rights_are_kept),
		T(a_private_store_stays_private),
		T(a_private_page_not_yet_copied_shows_the_file),
		T(fork_shares_private_pages_until_one_side_stores),
		T(a_store_of_the_parent_after_fork_is_not_seen_by_the_child),
		T(fork_keeps_shared_pages_shared),
		T(unmapping_the_middle_splits_and_keeps_the_rest),
		T(msync_over_a_hole_writes_both_sides_and_says_enomem),
		T(msync_of_one_page_writes_one_page_and_commits_once),
		T(ms_async_queues_the_write_and_commits_nothing),
		T(ms_invalidate_shows_what_the_disk_holds),
		T(a_failed_fixed_mapping_leaves_what_was_there),
		T(brk_grows_and_shrinks_one_entry),
		T(write_is_seen_by_a_mapping_and_a_store_by_read),
		T(write_past_the_end_grows_and_leaves_zeros_between),
		T(bytes_stored_past_the_end_are_zero_when_a_write_grows_the_file),
		T(append_writes_at_the_end),
		T(a_whole_page_is_written_without_reading_it),
		T(the_limit_cuts_a_write_and_then_refuses_it),
		T(vm_write_writes_exact_bytes),
		T(the_kernel_never_writes_a_servers_metadata_itself),
		T(reclaim_takes_clean_pages_and_leaves_dirty_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
