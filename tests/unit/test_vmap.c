/* links: mm/pmap.c mm/frame.c tests/checks/*.c tests/unit/stub_kernel.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vmap.c - HOST - the kernel addresses of kmem.c: guard pages, reuse, and nothing left behind without memory.
 *
 * The addresses exist in the tables alone: the host reads them with pmap_get() and the page through direct_base. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mm/kmem.c"
#include "tests/unit/memory.h"
#include "tests/unit/stub_kernel.h"

static int group_setup(void **st)
{
	int rc = memory_setup(st);

	host_kernel_tables();
	pages_free(pages_alloc(1));                /* the inner tables that stay */
	return rc;
}

static bool mapped(const void *p) { return pmap_get(&kernel_pmap, (uintptr_t)p) & PTE_P; }

static void pages_are_mapped_writable_and_zero(void **st)
{
	char *p = pages_alloc(5);

	(void)st;
	for (unsigned i = 0; i < 5; i++) {
		pte_t pte = pmap_get(&kernel_pmap, (uintptr_t)p + i * PAGE_SIZE);
		const uint64_t *w = phys_to_virt(pte & PTE_ADDR);

		assert_int_equal(pte & ~PTE_ADDR, PTE_P | PTE_W | PTE_G | PTE_NX);
		for (unsigned k = 0; k < PAGE_SIZE / 8; k++)
			assert_int_equal(w[k], 0);
	}
	pages_free(p);
	assert_false(mapped(p));
}

static void a_guard_page_lies_below_each_stack(void **st)
{
	char *a = pages_alloc(4), *b = pages_alloc(4);

	(void)st;
	assert_false(mapped(a - 1));
	assert_false(mapped(b - 1));
	assert_true(mapped(a) && mapped(a + 4 * PAGE_SIZE - 1));
	assert_true((uintptr_t)a - VMAP_BASE < VMAP_BYTES);
	assert_true((uintptr_t)b - VMAP_BASE < VMAP_BYTES);
	pages_free(a);
	pages_free(b);
}

static void pieces_do_not_overlap(void **st)
{
	enum { N = 60 };
	char *p[N];

	(void)st;
	for (unsigned i = 0; i < N; i++)
		p[i] = pages_alloc(1 + i % 7);
	for (unsigned i = 0; i < N; i++)
		for (unsigned k = 0; k < N; k++)
			if (i != k) assert_false(p[k] >= p[i] - PAGE_SIZE && p[k] < p[i] + (1 + i % 7) * PAGE_SIZE);
	for (unsigned i = 0; i < N; i++)
		pages_free(p[i]);
}

/* Pieces of no page take addresses alone. */
static void more_pieces_than_there_are_slots_are_refused(void **st)
{
	enum { SLOTS = 32768 };
	static char *p[SLOTS];
	unsigned n = 0;

	(void)st;
	while (n < SLOTS && (p[n] = pages_alloc(0))) n++;
	assert_int_equal(n, SLOTS);
	assert_null(pages_alloc(0));
	pages_free(p[77]);
	assert_ptr_equal(pages_alloc(0), p[77]);
	while (n-- > 0) pages_free(p[n]);
}

/* More than the region could hold at once: its addresses come round again. */
static void addresses_are_used_again(void **st)
{
	uint64_t before = frame_free_count();

	(void)st;
	for (unsigned i = 0; i < 30000; i++) {
		void *p = pages_alloc(4);

		assert_non_null(p);
		cpus[0].tlb_shootdowns = 0;
		pages_free(p);
		assert_int_equal(cpus[0].tlb_shootdowns, 1);
	}
	assert_int_equal(before, frame_free_count());
	frame_check();
}

static void without_memory_nothing_stays_behind(void **st)
{
	struct page *all[MEMORY_PAGES];
	unsigned n = 0;
	uint64_t left;

	(void)st;
	pages_free(pages_alloc(127));
	while (frame_free_count() > frame_reserve + 5)
		all[n++] = frame_alloc(PAGE_KERNEL, 0);
	left = frame_free_count();
	assert_null(pages_alloc(127));
	assert_int_equal(left, frame_free_count());
	assert_null(pages_alloc(128));                 /* more than a slot has addresses */
	while (n-- > 0)
		page_unref(all[n]);
	frame_check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_mapped_writable_and_zero),
		cmocka_unit_test(a_guard_page_lies_below_each_stack),
		cmocka_unit_test(pieces_do_not_overlap),
		cmocka_unit_test(addresses_are_used_again),
		cmocka_unit_test(more_pieces_than_there_are_slots_are_refused),
		cmocka_unit_test(without_memory_nothing_stays_behind),
	};

	return cmocka_run_group_tests(tests, group_setup, memory_teardown);
}
