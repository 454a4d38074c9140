/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_vmo.c - HOST - objects: users, times, sizes, tails; and pages that find no memory. */
#include "tests/unit/mmworld.h"

#define DAY (86400ll * 1000000000)

static void reading_marks_the_time_once_a_day_or_after_a_change(void **st)
{
	struct fix *f = *st;
	struct readahead ra = {0};
	char b;

	f->vmo->mtime = time_real();
	user_read(f->vmo, 0, &b, 1, &ra);
	assert_int_equal(f->vmo->changed, VMOC_ATIME);
	f->vmo->changed = 0;
	user_read(f->vmo, 0, &b, 1, &ra);
	assert_int_equal(f->vmo->changed, 0);
	f->vmo->atime -= 2 * DAY;
	f->vmo->mtime -= 3 * DAY;
	user_read(f->vmo, 0, &b, 1, &ra);
	assert_int_equal(f->vmo->changed, VMOC_ATIME);
}

static void a_read_only_files_times_of_reading_stay(void **st)
{
	struct fix *f = *st;

	f->vmo->flags = VMO_READONLY;
	vmo_touch(f->vmo, VMOC_ATIME);
	assert_int_equal(f->vmo->changed, 0);
	vmo_touch(f->vmo, VMOC_ATIME | VMOC_CTIME);
	assert_int_equal(f->vmo->changed, VMOC_CTIME);
	f->vmo->flags = 0;
}

static void info_tells_changes_once(void **st)
{
	struct fix *f = *st;
	struct vmo_info info;

	dirty_page(f->vmo, 1, 'X');
	vmo_touch(f->vmo, VMOC_MTIME);
	vmo_info(f->vmo, &info);
	assert_int_equal(info.size, PG(8));
	assert_int_equal(info.npages, 1);
	assert_int_equal(info.ndirty, 1);
	assert_int_equal(info.changed, VMOC_MTIME);
	vmo_info(f->vmo, &info);
	assert_int_equal(info.changed, 0);
}

static void the_same_size_only_marks_the_times(void **st)
{
	struct fix *f = *st;

	assert_int_equal(vmo_set_size(f->vmo, PG(8), true), 0);
	assert_int_equal(world.sizes, 0);
	assert_int_equal(f->vmo->changed, VMOC_MTIME | VMOC_CTIME);
}

static void a_tail_cut_off_during_the_first_write_of_its_page_is_written_again(void **st)
{
	struct fix *f = *st;

	world.hole[2] = true;
	dirty_page(f->vmo, 2, 'X');
	memset(page_virt(page_at(f->vmo, 2)), 'X', PAGE_SIZE);
	begin_write(f->vmo, 2);
	assert_int_equal(vmo_set_size(f->vmo, PG(2) + 10, true), 0);
	assert_int_equal(vmo_sync(f->vmo, 0, ~0ull, WB_WAIT, NULL), 0);
	assert_int_equal(disk_byte(PG(2) + 9), 'X');
	assert_int_equal(disk_byte(PG(2) + 10), 0);
	assert_int_equal(world.writes, 2);
}

static void a_tail_in_a_hole_is_not_owed(void **st)
{
	struct fix *f = *st;

	world.hole[2] = true;
	assert_int_equal(vmo_set_size(f->vmo, PG(2) + 10, true), 0);
	assert_int_equal(f->vmo->ndirty, 0);
}

static void the_tail_of_shared_memory_is_zero_when_it_grows_again(void **st)
{
	struct fix *f = *st;
	struct vmo *v = vmo_create(NULL, 0, PG(2), PG(4), VMO_EPHEMERAL);
	uint8_t b[2] = {9, 9};

	(void)f;
	memset(page_virt(get_page(v, 1)), 'X', PAGE_SIZE);
	assert_int_equal(vmo_set_size(v, PG(1) + 10, true), 0);
	assert_int_equal(vmo_set_size(v, PG(2), true), 0);
	assert_int_equal(kernel_read(v, PG(1) + 9, b, 2), 2);
	assert_int_equal(b[0], 'X');
	assert_int_equal(b[1], 0);
	vmo_unref(v);
}

static void truncate_all(struct fix *f)
{
	assert_int_equal(vmo_set_size(f->vmo, 0, true), 0);
}

static void a_tail_that_somebody_else_cut_off_needs_no_zeros(void **st)
{
	struct fix *f = *st;

	script.on_sleep = truncate_all;
	assert_int_equal(vmo_set_size(f->vmo, PG(3) + 7, true), 0);
	assert_int_equal(f->vmo->size, PG(3) + 7);
	assert_int_equal(f->vmo->npages, 0);
}

static void a_tail_that_cannot_be_read_keeps_the_size(void **st)
{
	struct fix *f = *st;

	world.fill_status = -EIO;
	assert_int_equal(vmo_set_size(f->vmo, PG(3) + 7, true), -EIO);
	assert_int_equal(f->vmo->size, PG(8));
}

static void shrinking_takes_the_grant_of_what_is_gone(void **st)
{
	struct fix *f = *st;

	assert_int_equal(vmo_room(f->vmo, 1), 0);
	assert_int_equal(f->vmo->grant_hi, 257);
	assert_int_equal(vmo_set_size(f->vmo, PG(4), true), 0);
	assert_int_equal(f->vmo->grant_hi, 4);
	assert_int_equal(vmo_set_size(f->vmo, 0, true), 0);
	assert_int_equal(f->vmo->grant_hi, 1);          /* nothing: it begins there */
}

static void every_state_passes_the_checker(void **st)
{
	struct fix *f = *st;

	for (unsigned i = 0; i < 3; i++) dirty_page(f->vmo, i, 'X');
	begin_write(f->vmo, 1);
	get_page(f->vmo, 3);
	dirty_page(f->vmo, 0, 'Y');
	vmo_prefetch(f->vmo, 5, 6);
	vmo_check(f->vmo);
	world_run();
	vmo_check(f->vmo);
	vmo_sync(f->vmo, 0, ~0ull, WB_WAIT, NULL);
}

static void an_object_takes_its_pages_with_it(void **st)
{
	struct fix *f = *st;
	struct vmo *v = vmo_create(&pager_port, 9, PG(8), PG(8), 0);
	uint64_t before;

	(void)f;
	before = frame_free_count();
	for (unsigned i = 0; i < 8; i++) get_page(v, i);
	dirty_page(v, 3, 'X');
	assert_true(frame_free_count() < before - 7);
	v->links = 0;
	vmo_unref(v);
	assert_int_equal(dirty_pages, 0);
	assert_int_equal(vmo_count(), 1);
}

/* Frames, runs and nodes of the tree are there or not: each step of bringing a page in fails once. */
static void a_page_that_finds_no_memory_leaves_no_trace(void **st)
{
	struct fix *f = *st;
	struct vmo *plain = vmo_create(NULL, 0, PG(4), PG(4), VMO_EPHEMERAL);

	for (unsigned i = 0; i < 24; i++) {
		struct vmo *v = i % 2 ? plain : f->vmo;
		struct page *p;
		int rc;

		memory_take(i / 8, false);
		memory_slots(sizeof(struct run), i / 2 % 2);
		memory_slots(540, i / 4 % 2);           /* a node of the tree */
		rc = pcache_get(v, 0, NULL, &p);
		if (!rc) page_unref(p);
		memory_give();
		assert_true(rc == 0 || (rc == -ENOMEM && i < 22));
		assert_int_equal(v->npages, rc == 0);
		spin_lock(&v->lock);
		vmo_cut_locked(v, 0, ~0ull);
		spin_unlock(&v->lock);
	}
	vmo_unref(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reading_marks_the_time_once_a_day_or_after_a_change),
		T(a_read_only_files_times_of_reading_stay),
		T(info_tells_changes_once),
		T(the_same_size_only_marks_the_times),
		T(a_tail_cut_off_during_the_first_write_of_its_page_is_written_again),
		T(a_tail_in_a_hole_is_not_owed),
		T(the_tail_of_shared_memory_is_zero_when_it_grows_again),
		T(a_tail_that_somebody_else_cut_off_needs_no_zeros),
		T(a_tail_that_cannot_be_read_keeps_the_size),
		T(shrinking_takes_the_grant_of_what_is_gone),
		T(every_state_passes_the_checker),
		T(an_object_takes_its_pages_with_it),
		T(a_page_that_finds_no_memory_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
