/* links: mm/vmap.c mm/pmap.c mm/frame.c tests/checks/*.c tests/unit/stub_kernel.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vmap.c - HOST - kernel addresses: guard pages, reuse, and nothing left behind without memory.
 *
 * The addresses exist in the tables alone: the host reads them with pmap_get() and the page through direct_base. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernel/cpu.h"
#include "mm/pmap.h"
#include "tests/unit/memory.h"

static int group_setup(void **st)
{
	int rc = memory_setup(st);
	char *stack;

	kernel_pmap.root = page_phys(frame_alloc(PAGE_KERNEL, FRAME_ZERO));
	for (uint64_t va = ~0ull << 47; va; va += BIT(39))
		assert_non_null(pmap_slot(&kernel_pmap, va, 3, true));
	kfree_pages(kalloc_pages(1));                /* the inner tables that stay */
	stack = kalloc_pages(1);
	assert_true(pmap_is_guard((uintptr_t)stack - 8));       /* the very first one, too */
	kfree_pages(stack);
	return rc;
}

static bool mapped(const void *p) { return pmap_get(&kernel_pmap, (uintptr_t)p) & PTE_P; }

static void pages_are_mapped_writable_and_zero(void **st)
{
	char *p = kalloc_pages(5);

	(void)st;
	for (unsigned i = 0; i < 5; i++) {
		pte_t pte = pmap_get(&kernel_pmap, (uintptr_t)p + i * PAGE_SIZE);
		const uint64_t *w = phys_to_virt(pte & PTE_ADDR);

		assert_int_equal(pte & ~PTE_ADDR, PTE_P | PTE_W | PTE_G | PTE_NX);
		for (unsigned k = 0; k < PAGE_SIZE / 8; k++)
			assert_int_equal(w[k], 0);
	}
	kfree_pages(p);
	assert_false(mapped(p));
}

static void a_guard_page_lies_below_each_stack(void **st)
{
	char *a = kalloc_pages(4), *b = kalloc_pages(4);

	(void)st;
	assert_false(mapped(a - 1));
	assert_false(mapped(b - 1));
	assert_true(mapped(a) && mapped(a + 4 * PAGE_SIZE - 1));
	assert_true(pmap_is_guard((uintptr_t)a - 8));
	assert_true(pmap_is_guard((uintptr_t)b - 8));
	assert_false(pmap_is_guard((uintptr_t)a));
	assert_false(pmap_is_guard(0));
	assert_false(pmap_is_guard(0xffff800000000000ull));
	kfree_pages(a);
	kfree_pages(b);
}

static void pieces_do_not_overlap(void **st)
{
	enum { N = 60 };
	char *p[N];

	(void)st;
	for (unsigned i = 0; i < N; i++)
		p[i] = kalloc_pages(1 + i % 7);
	for (unsigned i = 0; i < N; i++)
		for (unsigned k = 0; k < N; k++)
			if (i != k) assert_false(p[k] >= p[i] - PAGE_SIZE && p[k] < p[i] + (1 + i % 7) * PAGE_SIZE);
	for (unsigned i = 0; i < N; i++)
		kfree_pages(p[i]);
}

/* Pieces of no page take addresses alone. */
static void more_pieces_than_there_are_slots_are_refused(void **st)
{
	enum { SLOTS = 32768 };
	static char *p[SLOTS];
	unsigned n = 0;

	(void)st;
	while (n < SLOTS && (p[n] = kalloc_pages(0))) n++;
	assert_int_equal(n, SLOTS);
	assert_null(kalloc_pages(0));
	kfree_pages(p[77]);
	assert_ptr_equal(kalloc_pages(0), p[77]);
	while (n-- > 0) kfree_pages(p[n]);
}

/* More than the region could hold at once: its addresses come round again. */
static void addresses_are_used_again(void **st)
{
	uint64_t before = frame_free_count();

	(void)st;
	for (unsigned i = 0; i < 30000; i++) {
		void *p = kalloc_pages(4);

		assert_non_null(p);
		cpus[0].tlb_shootdowns = 0;
		kfree_pages(p);
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
	kfree_pages(kalloc_pages(127));
	while (frame_free_count() > frame_reserve + 5)
		all[n++] = frame_alloc(PAGE_KERNEL, 0);
	left = frame_free_count();
	assert_null(kalloc_pages(127));
	assert_int_equal(left, frame_free_count());
	assert_null(kalloc_pages(128));                 /* more than a slot has addresses */
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
