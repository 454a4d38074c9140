/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_pager.c - HOST - runs in the hands of servers that answer late, in pieces, wrongly or not at all. */
#include "tests/unit/mmworld.h"

/* A run of n pages from index 0 on that the pager has; the test answers. */
static struct run *begin(struct fix *f, uint32_t op, unsigned n)
{
	struct run *r;

	if (op == PAGER_WRITE) for (unsigned i = 0; i < n; i++) dirty_page(f->vmo, i, 'X');
	spin_lock(&f->vmo->lock);
	r = run_create_locked(f->vmo, op, 0);
	for (; r->npages < n; r->npages++) {
		struct page *p = op == PAGER_FILL ? frame_alloc(PAGE_OBJECT, 0) : page_at(f->vmo, r->npages);

		if (op == PAGER_FILL) pcache_insert_locked(f->vmo, p, r->npages, PG_FILLING);
		else page_set_state(p, PG_WRITING);
		page_ref(p);
		r->page[r->npages] = p;
	}
	spin_unlock(&f->vmo->lock);
	run_post(r);
	world.queued = 0;
	return r;
}

static void reply(struct run *r, int status)
{
	r->msg.m.status = status;
	r->msg.done(&r->msg);
}

static void parts_outside_the_run_are_refused(void **st)
{
	struct fix *f = *st;
	struct run *r = begin(f, PAGER_FILL, 2);
	struct dev_seg seg[2];

	assert_int_equal(run_done(r, PG(2), 512, 0), -EINVAL);
	assert_int_equal(run_done(r, PG(1), PG(2), 0), -EINVAL);
	assert_int_equal(run_done(r, 0, PG(3), 0), -EINVAL);
	assert_int_equal(run_done(r, 0, 100, 0), -EINVAL);
	assert_int_equal(run_done(r, PG(2), 512, RUN_ZERO), -EINVAL);
	assert_int_equal(run_segments(r, PG(2), 512, seg, 2), -EINVAL);
	assert_int_equal(run_done(r, 0, PG(2), 0), 0);
	reply(r, 0);
}

static void a_finished_runs_pages_are_not_its_any_more(void **st)
{
	struct fix *f = *st;
	struct run *r = begin(f, PAGER_FILL, 1);
	char *byte = page_virt(r->page[0]);
	struct dev_seg seg[2];

	kobj_ref(&r->obj);
	assert_int_equal(run_done(r, 0, PG(1), 0), 0);
	reply(r, 0);
	*byte = 'z';
	assert_int_equal(run_done(r, 0, PG(1), RUN_ZERO), -EINVAL);
	assert_int_equal(*byte, 'z');
	assert_int_equal(run_segments(r, 0, PG(1), seg, 2), -EINVAL);
	kobj_unref(&r->obj);
}

static void bytes_before_the_runs_part_are_not_its(void **st)
{
	struct fix *f = *st;
	struct run *r;
	struct page *p;

	dirty_page(f->vmo, 0, 'X');
	spin_lock(&f->vmo->lock);
	r = run_create_locked(f->vmo, PAGER_WRITE, 0);
	p = page_at(f->vmo, 0);
	page_set_state(p, PG_WRITING);
	page_ref(p);
	r->page[r->npages++] = p;
	r->off = r->len = 1024;
	spin_unlock(&f->vmo->lock);
	run_post(r);
	assert_int_equal(run_done(r, 512, 512, 0), -EINVAL);
	assert_int_equal(run_done(r, 1024, 512, RUN_ZERO), -EINVAL);      /* a write has no holes */
	world_run();
	assert_int_equal(disk_byte(1023), 'a');
	assert_int_equal(state_of(f->vmo, 0), PG_CLEAN);
}

static void a_part_that_is_a_hole_is_zero_and_has_no_block(void **st)
{
	struct fix *f = *st;
	struct run *r = begin(f, PAGER_FILL, 3);

	assert_int_equal(run_done(r, PG(1) - 512, PG(1), RUN_ZERO), 0);
	assert_int_equal(run_done(r, 0, PG(1) - 512, 0), 0);
	assert_int_equal(run_done(r, PG(2) - 512, PG(1) + 512, 0), 0);
	assert_int_equal(((uint8_t *)page_virt(page_at(f->vmo, 0)))[PAGE_SIZE - 1], 0);
	assert_int_equal(page_at(f->vmo, 1)->flags & PFL_BACKED, 0);
	assert_true(page_at(f->vmo, 2)->flags & PFL_BACKED);
	reply(r, 0);
}

static void the_first_error_of_a_run_counts_and_odd_ones_are_eio(void **st)
{
	struct fix *f = *st;
	struct run *r = begin(f, PAGER_WRITE, 1);

	assert_int_equal(run_done(r, 0, 512, -ENOSPC), 0);
	kobj_handle(&r->obj);
	kobj_ref(&r->obj);
	reply(r, -EPIPE);
	assert_int_equal(run_done(r, 512, PAGE_SIZE - 512, -EIO), 0);
	kobj_unhandle(&r->obj);                 /* too late to matter */
	kobj_unref(&r->obj);
	assert_int_equal(f->vmo->wb_errno, -ENOSPC);
	assert_int_equal(state_of(f->vmo, 0), PG_DIRTY);
	r = begin(f, PAGER_WRITE, 1);
	assert_int_equal(run_done(r, 0, PAGE_SIZE, 5), 0);
	reply(r, 0);
	assert_int_equal(f->vmo->wb_errno, -EIO);
	r = begin(f, PAGER_WRITE, 1);
	assert_int_equal(run_done(r, 0, PAGE_SIZE, -100000), 0);
	reply(r, 0);
	assert_int_equal(f->vmo->wb_errno, -EIO);
}

static void a_finished_run_takes_no_more(void **st)
{
	struct fix *f = *st;
	struct run *r = begin(f, PAGER_FILL, 1);

	kobj_ref(&r->obj);
	reply(r, -EIO);                         /* and nobody has a handle: it fails */
	assert_int_equal(state_of(f->vmo, 0), PG_ABSENT);
	assert_int_equal(run_done(r, 0, 512, 0), -EINVAL);
	kobj_unref(&r->obj);
}

static void a_run_whose_pager_forgot_it_is_an_io_error(void **st)
{
	struct fix *f = *st;
	struct run *r = begin(f, PAGER_WRITE, 1);

	reply(r, 0);
	assert_int_equal(f->vmo->wb_errno, -EIO);
	assert_int_equal(f->vmo->wb_err, 1);
	assert_int_equal(state_of(f->vmo, 0), PG_DIRTY);
}

static void handles_that_go_before_the_answer_leave_the_run_alone(void **st)
{
	struct fix *f = *st;
	struct run *r = begin(f, PAGER_FILL, 1);

	kobj_handle(&r->obj);
	kobj_unhandle(&r->obj);
	assert_int_equal(state_of(f->vmo, 0), PG_FILLING);
	kobj_handle(&r->obj);
	reply(r, 0);
	assert_int_equal(state_of(f->vmo, 0), PG_FILLING);
	kobj_unhandle(&r->obj);
	assert_int_equal(state_of(f->vmo, 0), PG_ABSENT);
	assert_int_equal(f->vmo->fill_errno, -EIO);
}

static void the_device_gets_all_bytes_of_the_part(void **st)
{
	struct fix *f = *st;
	struct page *apart = frame_alloc(PAGE_KERNEL, 0);
	struct run *r = begin(f, PAGER_FILL, 4);
	struct dev_seg seg[8];
	uint64_t pages = 0;
	int n = run_segments(r, 512, PG(4) - 1024, seg, 8);

	assert_int_equal(seg[0].phys, page_phys(r->page[0]) + 512);
	for (int i = 0; i < n; i++) pages += seg[i].len;
	assert_int_equal(pages, PG(4) - 1024);
	assert_int_equal(run_segments(r, 0, PG(4), seg, 0), 0);
	assert_int_equal(run_done(r, 0, PG(4), 0), 0);
	reply(r, 0);
	page_unref(apart);
}

static void pages_are_pieces_wherever_they_are(void **st)
{
	struct fix *f = *st;
	struct page *a = page_array;    /* whose they are makes no difference: only where they are is asked */
	struct dev_seg seg[4];
	struct run *r;

	spin_lock(&f->vmo->lock);
	r = run_create_locked(f->vmo, PAGER_FILL, 0);
	spin_unlock(&f->vmo->lock);
	r->page[0] = &a[2];
	r->page[1] = &a[3];
	r->page[2] = &a[0];
	r->len = r->left = PG(3);
	assert_int_equal(run_segments(r, 0, PG(3), seg, 4), 3);
	assert_int_equal(seg[0].len, PG(1));
	assert_int_equal(seg[2].phys, page_phys(a));
	assert_int_equal(run_segments(r, 0, PG(3), seg, 1), 1);
	assert_int_equal(seg[0].len, PG(1));
	r->left = 0;
	kobj_unref(&r->obj);
}

static void a_commit_carries_the_times_that_changed(void **st)
{
	struct fix *f = *st;

	vmo_touch(f->vmo, VMOC_ATIME);
	assert_int_equal(vmo_sync(f->vmo, 0, ~0ull, WB_WAIT | WB_COMMIT, NULL), 0);
	assert_int_equal(f->vmo->changed, 0);
	assert_int_equal(world.last_commit_size, PG(8));
}

static void a_size_that_cannot_be_told_is_an_error(void **st)
{
	struct fix *f = *st;

	script.size_status = -EIO;
	assert_int_equal(vmo_set_size(f->vmo, PG(4), true), -EIO);
	script.call_status = -EPIPE;
	assert_int_equal(vmo_set_size(f->vmo, PG(2), true), -EPIPE);
	assert_int_equal(f->vmo->size, PG(2));
}

static void use_it_again(struct fix *f)
{
	vmo_user_get(f->vmo);
	vmo_touch(f->vmo, VMOC_MTIME);
	vmo_user_put(f->vmo);
}

static void the_end_of_a_use_that_leaves_nothing_to_tell_is_not_told(void **st)
{
	struct fix *f = *st;

	vmo_user_get(f->vmo);
	vmo_user_put(f->vmo);
	world_run();
	assert_int_equal(world.releases, 0);

	vmo_user_get(f->vmo);
	world.hole[2] = true;
	assert_int_equal(vmo_room(f->vmo, 2), 0);            /* room was promised for as long as it is used */
	vmo_user_put(f->vmo);
	world_run();
	assert_int_equal(world.releases, 1);

	f->vmo->links = 0;                                      /* its blocks wait for the end */
	vmo_user_get(f->vmo);
	vmo_user_put(f->vmo);
	world_run();
	assert_int_equal(world.releases, 2);
}

static void a_release_during_a_release_is_told_afterwards(void **st)
{
	struct fix *f = *st;

	use_it_again(f);
	assert_int_equal(world.queued, 1);
	use_it_again(f);
	assert_int_equal(world.queued, 1);
	assert_true(world_step());
	assert_int_equal(world.queued, 1);
	world_run();
	assert_int_equal(world.releases, 2);
}

static void a_dead_pagers_pages_are_neither_read_nor_written(void **st)
{
	struct fix *f = *st;
	struct page *p;
	uint32_t seen = 0;

	dirty_page(f->vmo, 0, 'X');
	world.dead = true;
	assert_int_equal(pcache_get(f->vmo, 3, NULL, &p), -EIO);
	assert_int_equal(state_of(f->vmo, 3), PG_ABSENT);
	assert_int_equal(vmo_sync(f->vmo, 0, ~0ull, WB_WAIT, &seen), -EIO);
	assert_int_equal(state_of(f->vmo, 0), PG_DIRTY);
	world.dead = false;
	assert_int_equal(vmo_sync(f->vmo, 0, ~0ull, WB_WAIT, &seen), 0);
}

static void the_end_of_a_use_is_not_told_to_a_dead_pager(void **st)
{
	struct fix *f = *st;

	world.dead = true;
	use_it_again(f);
	assert_false(f->vmo->release_busy);
	assert_int_equal(f->vmo->obj.refs, 1);
	world.dead = false;
	use_it_again(f);
	world_run();
	assert_int_equal(world.releases, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(parts_outside_the_run_are_refused),
		T(a_finished_runs_pages_are_not_its_any_more),
		T(bytes_before_the_runs_part_are_not_its),
		T(a_part_that_is_a_hole_is_zero_and_has_no_block),
		T(the_first_error_of_a_run_counts_and_odd_ones_are_eio),
		T(a_finished_run_takes_no_more),
		T(a_run_whose_pager_forgot_it_is_an_io_error),
		T(handles_that_go_before_the_answer_leave_the_run_alone),
		T(the_device_gets_all_bytes_of_the_part),
		T(pages_are_pieces_wherever_they_are),
		T(a_commit_carries_the_times_that_changed),
		T(a_size_that_cannot_be_told_is_an_error),
		T(the_end_of_a_use_that_leaves_nothing_to_tell_is_not_told),
		T(a_release_during_a_release_is_told_afterwards),
		T(a_dead_pagers_pages_are_neither_read_nor_written),
		T(the_end_of_a_use_is_not_told_to_a_dead_pager),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
