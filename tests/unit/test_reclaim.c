/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_reclaim.c - HOST - memory runs out: which pages leave, which stay, who waits how long. */
#include "tests/unit/mmworld.h"

static struct vmo *big;                 /* as many pages as one round does not take */

static void read_pages(struct vmo *v, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) get_page(v, i);
}

/* The hand passes: nobody has used them since. */
static void forget_use(struct vmo *v)
{
	struct page *p;

	for (uint64_t i = 0; (p = page_next(v, &i, 0)); i++) p->flags &= ~PFL_REFERENCED;
}

static void a_used_page_gets_a_second_chance(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, PROT_READ, MAP_SHARED);

	map_advise(f->map, at, at + PG(8), MADV_RANDOM);
	user_load(f->map, at);                          /* its PTE says so */
	get_page(f->vmo, 1);
	forget_use(f->vmo);
	get_page(f->vmo, 1);                            /* read() was here */
	big = vmo_create(&pager_port, 9, PG(64), PG(64), 0);
	read_pages(big, 64);
	forget_use(big);
	assert_int_equal(reclaim_wait(), 0);
	assert_int_equal(big->npages, 0);
	assert_int_equal(f->vmo->npages, 2);
	assert_int_equal(reclaim_wait(), 0);            /* nobody used them since */
	assert_int_equal(f->vmo->npages, 0);
	assert_int_equal(pmap_get(&f->map->pmap, at), 0);
	vmo_unref(big);
}

static void pages_that_are_owed_held_or_without_a_disk_stay(void **st)
{
	struct fix *f = *st;
	uaddr_t anon = map_anon(f, 2, MAP_SHARED);
	struct page *held;

	fill_with(f, anon, 2);
	dirty_page(f->vmo, 0, 'X');
	assert_int_equal(pcache_get(f->vmo, 1, NULL, &held), 0);
	get_page(f->vmo, 2);
	forget_use(f->vmo);
	assert_int_equal(reclaim_wait(), 0);
	assert_int_equal(state_of(f->vmo, 0), PG_DIRTY);
	assert_int_equal(state_of(f->vmo, 1), PG_CLEAN);
	assert_int_equal(state_of(f->vmo, 2), PG_ABSENT);
	assert_int_equal(user_load(f->map, anon + PG(1)), 'B');
	page_unref(held);
}

static void one_round_takes_no_more_than_it_was_asked_for(void **st)
{
	struct fix *f = *st;

	(void)f;
	big = vmo_create(&pager_port, 9, PG(100), PG(100), 0);
	read_pages(big, 100);
	forget_use(big);
	assert_int_equal(reclaim_wait(), 0);
	assert_int_equal(big->npages, 36);
	vmo_unref(big);
}

/* Where the hand stopped it goes on later, whoever asks: what it spared has its next turn after all others. */
static void the_hand_goes_on_where_it_stopped(void **st)
{
	struct vmo *small = vmo_create(&pager_port, 8, PG(10), PG(10), 0);
	uint64_t gone = 0, left;

	(void)st;
	big = vmo_create(&pager_port, 9, PG(200), PG(200), 0);
	read_pages(big, 200);
	read_pages(small, 10);
	forget_use(big);
	assert_int_equal(reclaim_wait(), 0);
	assert_int_equal(big->npages, 136);             /* 64 were asked for */
	assert_int_equal(small->npages, 10);            /* in use */
	while (page_at(big, gone)) gone++;
	get_page(big, gone);                            /* it gets the memory that was freed last: behind the hand */
	forget_use(big);
	forget_use(small);
	assert_int_equal(reclaim_wait(), 0);
	left = big->npages + small->npages;
	assert_int_equal(left, 136 + 10 + 1 - 64);
	assert_non_null(page_at(big, gone));
	vmo_unref(big);                                 /* the hand is among its pages */
	read_pages(small, 10);
	forget_use(small);
	assert_int_equal(reclaim_wait(), 0);
	assert_int_equal(small->npages, 0);
	vmo_unref(small);
}

static void with_nothing_to_take_it_gives_up(void **st)
{
	struct fix *f = *st;

	(void)f;
	assert_int_equal(reclaim_wait(), -ENOMEM);
	assert_in_range(script.sleeps, 1, 10);
}

static void write_what_is_dirty(struct fix *f)
{
	vmo_sync(f->vmo, 0, ~0ull, WB_WAIT, NULL);
}

static void dirty_pages_are_waited_for(void **st)
{
	struct fix *f = *st;

	dirty_page(f->vmo, 0, 'X');
	script.on_idle = write_what_is_dirty;
	assert_int_equal(reclaim_wait(), 0);
	assert_int_equal(f->vmo->npages, 0);
	assert_int_equal(disk_byte(0), 'X');
}

static void dirty_pages_are_not_waited_for_for_ever(void **st)
{
	struct fix *f = *st;

	dirty_page(f->vmo, 0, 'X');
	assert_int_equal(reclaim_wait(), -ENOMEM);
	assert_int_equal(script.sleeps, 100);
}

static void somebody_frees(struct fix *f)
{
	(void)f;
	memory_give();
}

static void memory_that_others_free_is_enough(void **st)
{
	struct fix *f = *st;

	dirty_page(f->vmo, 0, 'X');
	memory_take(0, false);
	script.on_idle = somebody_frees;
	assert_int_equal(reclaim_wait(), 0);
	assert_int_equal(script.sleeps, 0);
	assert_int_equal(state_of(f->vmo, 0), PG_DIRTY);
}

/* Whoever destroys it finds fewer to cut off. */
static void pages_of_an_object_that_is_dying_may_leave(void **st)
{
	struct fix *f = *st;

	get_page(f->vmo, 0);
	forget_use(f->vmo);
	f->vmo->obj.refs = 0;
	assert_int_equal(reclaim_wait(), 0);
	assert_int_equal(f->vmo->obj.refs, 0);
	f->vmo->obj.refs = 1;
	assert_int_equal(f->vmo->npages, 0);
}

/* As if all that there is were little, while the thread goes round so often. */
static void rounds_with_little_memory(int n)
{
	uint64_t low = frame_low;

	frame_low = ~0ull;
	thread_rounds(writeback_thread, n);
	frame_low = low;
}

static void the_thread_works_when_memory_is_low(void **st)
{
	struct fix *f = *st;

	get_page(f->vmo, 0);
	dirty_page(f->vmo, 1, 'X');
	forget_use(f->vmo);
	thread_rounds(writeback_thread, 2);
	assert_int_equal(state_of(f->vmo, 0), PG_CLEAN);
	rounds_with_little_memory(3);
	assert_int_equal(state_of(f->vmo, 0), PG_ABSENT);
	assert_int_equal(disk_byte(PG(1)), 'X');        /* few were clean: so it writes */
	world.writes = 0;
	dirty_page(f->vmo, 1, 'Y');
	thread_rounds(writeback_thread, 4);
	assert_int_equal(world.writes, 0);
}

static void the_thread_writes_nothing_while_it_finds_clean_pages(void **st)
{
	struct fix *f = *st;

	big = vmo_create(&pager_port, 9, PG(100), PG(100), 0);
	read_pages(big, 100);
	forget_use(big);
	dirty_page(f->vmo, 1, 'X');
	rounds_with_little_memory(2);
	assert_int_equal(big->npages, 0);
	assert_int_equal(world.writes, 0);
	vmo_unref(big);
}

static void a_fault_without_memory_takes_it_from_clean_pages(void **st)
{
	struct fix *f = *st;
	uaddr_t anon = map_anon(f, 4, MAP_PRIVATE);
	uaddr_t file = map_file(f, 8, RW, MAP_PRIVATE), shared = map_file(f, 8, RW, MAP_SHARED);

	user_store(f->map, anon, 'A');
	user_load(f->map, file);                        /* the tables are there */
	user_load(f->map, shared);
	read_pages(f->vmo, 8);
	forget_use(f->vmo);
	memory_take(0, false);
	assert_int_equal(user_store(f->map, anon + PG(1), 'B'), 0);
	assert_int_equal(user_load(f->map, shared + PG(2)), 'c');
	assert_int_equal(user_store(f->map, file + PG(3), 'C'), 0);
	memory_give();
	assert_int_equal(user_load(f->map, anon + PG(1)), 'B');
}

static void a_fault_that_finds_no_memory_says_so(void **st)
{
	struct fix *f = *st;
	uaddr_t anon = map_anon(f, 600, MAP_PRIVATE), file, shared = map_anon(f, 1200, MAP_SHARED);
	struct page *held;
	struct map *child;

	user_store(f->map, anon, 'A');
	child = map_fork(f->map);
	file = map_file(f, 8, RW, MAP_PRIVATE);
	map_advise(f->map, file, file + PG(8), MADV_RANDOM);
	user_load(f->map, file);
	assert_int_equal(pcache_get(f->vmo, 0, NULL, &held), 0);
	get_page(map_find_locked(f->map, shared)->vmo, 400);
	memory_take(0, false);
	assert_int_equal(user_store(f->map, anon, 'B'), -ENOMEM);               /* no page for the copy */
	assert_int_equal(user_store(f->map, anon + PG(1), 'B'), -ENOMEM);       /* nor for zeros */
	assert_int_equal(user_store(f->map, anon + PG(599), 'B'), -ENOMEM);     /* nor for a table */
	assert_int_equal(user_store(f->map, file, 'C'), -ENOMEM);
	assert_int_equal(user_load(f->map, shared), -ENOMEM);
	assert_int_equal(user_load(f->map, shared + PG(400)), -ENOMEM);
	assert_int_equal(user_store(f->map, shared + PG(400), 'B'), -ENOMEM);
	memory_give();
	assert_int_equal(user_load(child, anon), 'A');
	page_unref(held);
	map_put(child);
}

static unsigned ends;                   /* of others that there will be, when memory is asked for */

/* oom_wait()'s part: somebody else ends, or nobody. */
int oom_wait(void)
{
	if (ends == 0) return -ENOMEM;
	ends--;
	memory_give();
	return 0;
}

static void a_fault_tries_again_when_another_has_ended(void **st)
{
	struct fix *f = *st;
	uaddr_t anon = map_anon(f, 4, MAP_PRIVATE), shared = map_anon(f, 4, MAP_SHARED);

	user_store(f->map, anon, 'A');                  /* the tables are there */
	memory_take(0, false);
	ends = 1;
	assert_int_equal(user_store(f->map, anon + PG(1), 'B'), 0);
	memory_take(0, false);
	ends = 1;
	assert_int_equal(user_store(f->map, shared, 'C'), 0);
	assert_int_equal(ends, 0);
	assert_int_equal(user_load(f->map, anon + PG(1)), 'B');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_used_page_gets_a_second_chance),
		T(pages_that_are_owed_held_or_without_a_disk_stay),
		T(one_round_takes_no_more_than_it_was_asked_for),
		T(the_hand_goes_on_where_it_stopped),
		T(with_nothing_to_take_it_gives_up),
		T(dirty_pages_are_waited_for),
		T(dirty_pages_are_not_waited_for_for_ever),
		T(memory_that_others_free_is_enough),
		T(pages_of_an_object_that_is_dying_may_leave),
		T(the_thread_works_when_memory_is_low),
		T(the_thread_writes_nothing_while_it_finds_clean_pages),
		T(a_fault_without_memory_takes_it_from_clean_pages),
		T(a_fault_that_finds_no_memory_says_so),
		T(a_fault_tries_again_when_another_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
