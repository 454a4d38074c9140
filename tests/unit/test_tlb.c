/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_tlb.c - HOST - what CPUs are made to forget, and by whom; kernel addresses when memory runs out. */
#include "tests/unit/mmworld.h"

#include "kernel/cpu.h"

/* By each CPU; the addresses of pages come one after the other. */
static unsigned pages_forgotten_by[MAX_CPUS], all_forgotten_by[MAX_CPUS];
static uint64_t last_forgotten_by[MAX_CPUS];
static const struct page *watched;      /* its references when a page was forgotten last */
static uint32_t watched_refs;
#define pages_forgotten pages_forgotten_by[0]
#define all_forgotten all_forgotten_by[0]

void invlpg(uint64_t va)
{
	assert_int_equal(va % PAGE_SIZE, 0);
	pages_forgotten_by[host_cpu]++;
	last_forgotten_by[host_cpu] = va;
	if (watched) watched_refs = watched->refs;
}

void write_cr3(uint64_t root)
{
	(void)root;
	all_forgotten_by[host_cpu]++;
}

static int tlb_setup(void **st)
{
	struct fix *f;

	world_setup(st);
	f = *st;
	map_switch(f->map);
	memset(pages_forgotten_by, 0, sizeof(pages_forgotten_by));
	memset(all_forgotten_by, 0, sizeof(all_forgotten_by));
	ncpus = 3;
	return 0;
}

static int tlb_teardown(void **st)
{
	map_switch(NULL);
	ncpus = 1;
	return world_teardown(st);
}

static void one_page_is_forgotten_alone(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 40, MAP_PRIVATE);

	fill_with(f, at, 40);
	assert_int_equal(pages_forgotten, 0);           /* a right that is gained needs no shootdown */
	map_protect(f->map, at + PG(3), PG(1), PROT_READ);
	assert_int_equal(pages_forgotten, 1);
	assert_int_equal(all_forgotten, 0);
}

static void many_pages_are_forgotten_at_once(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 40, MAP_PRIVATE);

	fill_with(f, at, 40);
	map_unmap(f->map, at, PG(40));
	assert_int_equal(pages_forgotten, 0);
	assert_int_equal(all_forgotten, 1);
}

static void a_map_that_is_not_loaded_is_not_remembered(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 2, MAP_PRIVATE);

	fill_with(f, at, 2);
	map_switch(NULL);
	all_forgotten = 0;
	map_unmap(f->map, at, PG(2));
	assert_int_equal(pages_forgotten + all_forgotten, 0);
}

static void other_cpus_that_have_it_loaded_are_told(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 3, MAP_PRIVATE);

	fill_with(f, at, 3);
	map_protect(f->map, at, PG(1), PROT_READ);
	assert_int_equal(pages_forgotten_by[1], 0);
	host_cpu = 1;
	map_switch(f->map);
	host_cpu = 0;
	map_protect(f->map, at + PG(1), PG(2), PROT_READ);
	assert_int_equal(pages_forgotten_by[1], 2);
	assert_int_equal(last_forgotten_by[1], at + PG(2));
	assert_int_equal(pages_forgotten_by[2], 0);
	assert_int_equal(cpus[1].tlb_flushes, 1);
	host_cpu = 1;
	map_switch(NULL);
	host_cpu = 0;
}

/* Else the other process stores to it while threads of this one still read it. */
static void a_page_is_the_last_sharers_only_when_no_tlb_has_it(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_anon(f, 1, MAP_PRIVATE);
	struct map *child;

	fill_with(f, at, 1);
	child = map_fork(f->map);
	watched = phys_to_page(pmap_get(&f->map->pmap, at) & PTE_ADDR);
	assert_int_equal(watched->refs, 2);
	user_store(f->map, at, 'x');            /* takes a copy */
	assert_int_equal(watched_refs, 2);
	assert_int_equal(watched->refs, 1);
	watched = NULL;
	map_put(child);
}

/* However many neighbours: a round for each address space that has them. */
static void neighbours_go_to_the_disk_and_leave_in_one_round(void **st)
{
	struct fix *f = *st;
	uaddr_t at = map_file(f, 8, RW, MAP_SHARED), private = map_file(f, 8, RW, MAP_PRIVATE);
	uint64_t before;

	user_store(f->map, private + PG(2), 'P');
	for (unsigned i = 0; i < 8; i++) user_store(f->map, at + PG(i), 'A' + i);
	before = this_cpu()->tlb_shootdowns;
	assert_int_equal(vmo_sync(f->vmo, 0, 7, WB_WAIT, NULL), 0);
	assert_int_equal(this_cpu()->tlb_shootdowns - before, 1);
	for (unsigned i = 0; i < 8; i++) user_load(f->map, private + PG(i));
	assert_int_equal(vmo_invalidate(f->vmo, 0, 7), 0);
	assert_int_equal(this_cpu()->tlb_shootdowns - before, 3);       /* two mappings */
	assert_int_equal(f->vmo->npages, 0);
	assert_int_equal(user_load(f->map, private + PG(2)), 'P');      /* a copy of its own is no view of the page */
	for (unsigned i = 0; i < 8; i++) user_store(f->map, at + PG(i), 'a' + i);
	before = this_cpu()->tlb_shootdowns;
	vmo_mark_stores(f->vmo, 0, 7);
	assert_int_equal(this_cpu()->tlb_shootdowns - before, 1);
}

static void kernel_pages_are_everywhere(void **st)
{
	(void)st;
	kfree(kalloc(PG(2)));
	for (unsigned i = 0; i < 3; i++) assert_int_equal(pages_forgotten_by[i], 2);
}

static void a_cpu_that_idles_in_a_dying_map_has_to_leave(void **st)
{
	struct fix *f = *st;
	struct map *child = map_fork(f->map);

	host_cpu = 1;
	map_switch(child);
	host_cpu = 0;
	map_put(child);
	assert_ptr_equal(cpus[1].pmap, &kernel_pmap);
	assert_int_equal(all_forgotten_by[1], 2);       /* it came, and it left */
}

static void the_same_tables_are_not_loaded_twice(void **st)
{
	struct fix *f = *st;

	map_switch(f->map);
	assert_int_equal(all_forgotten, 0);
	map_switch(NULL);
	assert_int_equal(all_forgotten, 1);
}

static void kernel_pages_are_global_and_forgotten_one_by_one(void **st)
{
	void *p = kalloc(PG(40));

	(void)st;
	assert_non_null(p);
	kfree(p);
	assert_int_equal(pages_forgotten, 40);
}

/* The tables that a failed attempt made may stay: the next one needs no more of them. */
static void kernel_memory_that_does_not_fit_is_none(void **st)
{
	uint64_t before = frame_free_count();
	void *p = NULL;

	(void)st;
	for (unsigned left = 0; !p; left++) {
		memory_take(left, false);
		p = kalloc(PG(3));
		memory_give();
		assert_in_range(left, 0, 10);
	}
	kfree(p);
	assert_in_range(before - frame_free_count(), 0, 12);
}

static void around_a_stack_nothing_is_mapped(void **st)
{
	char *stack = kalloc(PG(2));

	(void)st;
	assert_non_null(stack);
	assert_int_equal(pmap_get(&kernel_pmap, (uintptr_t)stack - 1), 0);
	assert_true(pmap_get(&kernel_pmap, (uintptr_t)stack) & PTE_P);
	assert_int_equal(pmap_get(&kernel_pmap, (uintptr_t)stack + PG(2)), 0);
	kfree(stack);
	assert_int_equal(pmap_get(&kernel_pmap, (uintptr_t)stack), 0);
}

#define S(name) cmocka_unit_test_setup_teardown(name, tlb_setup, tlb_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		S(one_page_is_forgotten_alone),
		S(many_pages_are_forgotten_at_once),
		S(a_map_that_is_not_loaded_is_not_remembered),
		S(other_cpus_that_have_it_loaded_are_told),
		S(a_page_is_the_last_sharers_only_when_no_tlb_has_it),
		S(neighbours_go_to_the_disk_and_leave_in_one_round),
		S(kernel_pages_are_everywhere),
		S(a_cpu_that_idles_in_a_dying_map_has_to_leave),
		S(the_same_tables_are_not_loaded_twice),
		S(kernel_pages_are_global_and_forgotten_one_by_one),
		S(kernel_memory_that_does_not_fit_is_none),
		S(around_a_stack_nothing_is_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
