/* links: mm/kmem.c mm/pmap.c mm/frame.c tests/checks/*.c tests/unit/stub_kernel.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_kmem.c - HOST - small kernel objects: distinct, zeroed, and given back to the last page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernel/thread.h"
#include "kernel/cpu.h"
#include "mm/pmap.h"
#include "tests/unit/memory.h"
#include "tests/unit/stub_kernel.h"

#define NOBJECTS 3000u
static struct { uint8_t *p; size_t size; uint8_t fill; } obj[NOBJECTS];

static bool filled_with(const uint8_t *p, size_t size, uint8_t v)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != v) return false;
	return true;
}

static void an_object_of_any_size_is_zero_and_aligned(void **st)
{
	(void)st;
	for (unsigned round = 0; round < 2; round++) {
		for (size_t size = 0; size <= PAGE_SIZE; size += size < 300 ? 1 : 37) {
			uint8_t *p = kalloc(size);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % 16, 0);
			assert_true(filled_with(p, size, 0));
			memset(p, 0xff, size);  /* the second round gets the same slots */
			kfree(p);
		}
	}
	kmem_check();
}

static void a_page_sized_object_is_page_aligned(void **st)
{
	uint8_t *p = kalloc(PAGE_SIZE), *q = kalloc(2049);

	(void)st;
	assert_int_equal((uintptr_t)p % PAGE_SIZE, 0);
	assert_int_equal((uintptr_t)q % PAGE_SIZE, 0);
	kfree(p);
	kfree(q);
}

static void nothing_can_be_freed(void **st)
{
	(void)st;
	kfree(NULL);
}

/* Objects are told apart by what is written into them: an overlap shows as a wrong byte. */
static void random_objects_do_not_overlap(void **st)
{
	(void)st;
	srand(5);
	memset(obj, 0, sizeof(obj));
	for (unsigned step = 0; step < 30000; step++) {
		unsigned k = rand() % NOBJECTS;

		if (obj[k].p) {
			assert_true(filled_with(obj[k].p, obj[k].size, obj[k].fill));
			kfree(obj[k].p);
			obj[k].p = NULL;
			continue;
		}
		obj[k].size = (unsigned)rand() % (rand() % 10 ? 300 : PAGE_SIZE + 1);
		obj[k].fill = (uint8_t)rand();
		obj[k].p = kalloc(obj[k].size);
		if (!obj[k].p) continue;
		assert_true(filled_with(obj[k].p, obj[k].size, 0));
		memset(obj[k].p, obj[k].fill, obj[k].size);
		if (step % 1000 == 0) kmem_check();
	}
	for (unsigned k = 0; k < NOBJECTS; k++)
		kfree(obj[k].p);
	kmem_check();
	frame_check();
}

/* One slab per class may stay behind. */
static void empty_slabs_go_back(void **st)
{
	void *p[200];
	uint64_t before;

	(void)st;
	kfree(kalloc(500));
	before = frame_free_count();
	for (unsigned i = 0; i < 200; i++)
		p[i] = kalloc(500);
	assert_true(frame_free_count() <= before - 200 / 7);
	for (unsigned i = 0; i < 200; i++)
		kfree(p[i]);
	assert_int_equal(frame_free_count(), before);
	kmem_check();
}

static void one_object_again_and_again_takes_no_new_page(void **st)
{
	uint64_t before;

	(void)st;
	kfree(kalloc(64));
	before = frame_free_count();
	for (unsigned i = 0; i < 100; i++) {
		void *p = kalloc(64);

		assert_int_equal(frame_free_count(), before);
		kfree(p);
		assert_int_equal(frame_free_count(), before);
	}
}

static bool same_page(const void *a, const void *b) { return ((uintptr_t)a ^ (uintptr_t)b) < PAGE_SIZE; }

static void each_cpu_has_slabs_of_its_own(void **st)
{
	void *a, *b, *other, *again;

	(void)st;
	ncpus = 2;
	a = kalloc(150);
	host_cpu = 1;
	b = kalloc(150);
	assert_false(same_page(a, b));
	kfree(a);                       /* goes back to the first CPU's */
	other = kalloc(150);
	assert_ptr_not_equal(other, a);
	host_cpu = 0;
	again = kalloc(150);
	assert_ptr_equal(again, a);
	kmem_check();
	kfree(again);
	kfree(b);
	kfree(other);
	kmem_check();
	frame_check();
}

static void no_memory_is_null_and_the_reserve_helps_who_may(void **st)
{
	struct page *all[MEMORY_PAGES];
	unsigned n = 0, got = 0;
	void *p[20];

	(void)st;
	while ((all[n] = frame_alloc(PAGE_KERNEL, 0)))
		n++;
	while (got < 20 && ((p[got] = kalloc(PAGE_SIZE)) || (p[got] = kalloc(2000))))   /* what is left of a slab */
		got++;
	assert_true(got < 20);
	current_thread()->reserve = true;
	p[got] = kalloc(2000);
	current_thread()->reserve = false;
	assert_non_null(p[got]);
	for (unsigned i = 0; i <= got; i++)
		kfree(p[i]);
	while (n-- > 0)
		page_unref(all[n]);
	kmem_check();
}

static void more_than_a_page_is_whole_pages(void **st)
{
	uint64_t before = cpus[0].tlb_shootdowns;
	char *p = kalloc(PAGE_SIZE + 1);
	uintptr_t at = (uintptr_t)p;

	(void)st;
	assert_true(at - VMAP_BASE < VMAP_BYTES);
	assert_true(pmap_get(&kernel_pmap, at) && pmap_get(&kernel_pmap, at + PAGE_SIZE));
	assert_int_equal(pmap_get(&kernel_pmap, at + 2 * PAGE_SIZE), 0);
	assert_int_equal(pmap_get(&kernel_pmap, at - 1), 0);
	kfree(p);
	assert_int_equal(pmap_get(&kernel_pmap, at), 0);
	assert_int_equal(cpus[0].tlb_shootdowns, before + 1);
}

static int group_setup(void **st)
{
	int rc = memory_setup(st);

	host_kernel_tables();
	return rc;
}

static void a_pointer_that_is_no_object_is_refused(void **st)
{
	struct page *p = frame_alloc(PAGE_KERNEL, FRAME_ZERO);

	(void)st;
	expect_assert_failure(kfree((char *)page_virt(p) + 64));
	page_unref(p);
}

static void a_store_past_the_end_is_noticed(void **st)
{
	char *volatile p = kalloc(50);

	(void)st;
	p[50] ^= 1;
	expect_assert_failure(kfree(p));
	p[50] ^= 1;
	kfree(p);
}

static void a_store_after_free_is_noticed(void **st)
{
	char *volatile p = kalloc(400 - 8);

	(void)st;
	kfree(p);
	p[20] ^= 1;
	expect_assert_failure(kalloc(400 - 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_of_any_size_is_zero_and_aligned),
		cmocka_unit_test(a_page_sized_object_is_page_aligned),
		cmocka_unit_test(nothing_can_be_freed),
		cmocka_unit_test(random_objects_do_not_overlap),
		cmocka_unit_test(empty_slabs_go_back),
		cmocka_unit_test(one_object_again_and_again_takes_no_new_page),
		cmocka_unit_test(each_cpu_has_slabs_of_its_own),
		cmocka_unit_test(no_memory_is_null_and_the_reserve_helps_who_may),
		cmocka_unit_test(more_than_a_page_is_whole_pages),
		cmocka_unit_test(a_pointer_that_is_no_object_is_refused),
		cmocka_unit_test(a_store_past_the_end_is_noticed),
		cmocka_unit_test(a_store_after_free_is_noticed),
	};

	return cmocka_run_group_tests(tests, group_setup, memory_teardown);
}
