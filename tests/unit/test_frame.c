/* links: mm/frame.c tests/checks/*.c tests/unit/stub_kernel.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_frame.c - HOST - physical pages: who gets which, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernel/cpu.h"
#include "kernel/thread.h"
#include "tests/unit/memory.h"
#include "tests/unit/stub_kernel.h"

static struct page *held[MEMORY_PAGES];

static bool is_zero(const struct page *p)
{
	const uint64_t *w = page_virt(p);

	for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
		if (w[i]) return false;
	return true;
}

/* As a thread does that may use the reserve. */
static struct page *reserve_alloc(void)
{
	struct page *p;

	current_thread()->reserve = true;
	p = frame_alloc(PAGE_KERNEL, 0);
	current_thread()->reserve = false;
	return p;
}

static unsigned take_all(bool reserve)
{
	unsigned n = 0;

	while ((held[n] = reserve ? reserve_alloc() : frame_alloc(PAGE_KERNEL, 0)))
		n++;
	return n;
}

static void give_all(unsigned n)
{
	while (n-- > 0)
		page_unref(held[n]);
}

/* Every test gives back what it took. */
static int nothing_is_lost(void **st)
{
	(void)st;
	frame_check();
	host_cpu = 0;
	return frame_free_count() == frame_total ? 0 : -1;
}

static void every_free_page_is_given_out_once(void **st)
{
	static bool seen[MEMORY_PAGES];
	unsigned n = take_all(true);

	(void)st;
	assert_int_equal(n, frame_total);
	for (unsigned i = 0; i < n; i++) {
		uint64_t pfn = page_phys(held[i]) >> PAGE_SHIFT;

		assert_true(memory_is_free_ram(pfn));
		assert_false(seen[pfn]);
		seen[pfn] = true;
		memset(page_virt(held[i]), 0x11, PAGE_SIZE);    /* the page array is not among them */
	}
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(held[i]->refs, 1);
	assert_int_equal(frame_free_count(), 0);
	give_all(n);
}

/* 2048 pages less page 0, loader, hole, firmware. */
static void only_what_the_loader_left_is_free(void **st)
{
	(void)st;
	assert_int_equal(page_array_len, MEMORY_PAGES);
	assert_int_equal(frame_total, 2048 - 1 - 256 - 100 - 1);
	assert_int_equal(frame_reserve, 64);
}

static void the_reserve_is_for_those_who_clean(void **st)
{
	unsigned n = take_all(false);
	struct page *p = reserve_alloc();

	(void)st;
	assert_int_equal(frame_free_count() + 1, frame_reserve);
	assert_non_null(p);
	page_unref(p);
	current_thread()->reserve = true;
	assert_null(frame_alloc(PAGE_KERNEL, FRAME_SPARING));
	current_thread()->reserve = false;
	give_all(n);
}

static void little_memory_is_told_the_reclaimer(void **st)
{
	unsigned n = 0;

	(void)st;
	for (; frame_free_count() > frame_low; n++)
		held[n] = frame_alloc(PAGE_KERNEL, 0);
	assert_false(frames_low());
	held[n++] = frame_alloc(PAGE_KERNEL, 0);
	assert_true(frames_low());
	give_all(n);
}

static void a_page_asked_for_as_zero_is_zero(void **st)
{
	struct page *p = frame_alloc(PAGE_KERNEL, 0);

	(void)st;
	memset(page_virt(p), 0xee, PAGE_SIZE);
	page_unref(p);
	for (unsigned i = 0; i < 50; i++) {
		held[i] = frame_alloc(PAGE_ANON, FRAME_ZERO);
		assert_true(is_zero(held[i]));
	}
	for (unsigned i = 0; i < 50; i++)
		page_unref(held[i]);
}

static void the_last_reference_frees_the_page(void **st)
{
	struct page *p = frame_alloc(PAGE_ANON, 0);
	uint64_t before = frame_free_count();

	(void)st;
	page_ref(p);
	page_unref(p);
	assert_int_equal(frame_free_count(), before);
	page_unref(p);
	assert_int_equal(frame_free_count(), before + 1);
}

static void freeing_twice_is_a_broken_invariant(void **st)
{
	struct page *p = frame_alloc(PAGE_KERNEL, 0), *q = frame_alloc(PAGE_ANON, 0);

	(void)st;
	page_unref(p);
	expect_assert_failure(page_unref(p));
	p->refs = 0;                    /* undo what the refused call did */
	page_unref(q);
	expect_assert_failure(page_unref(q));
	q->refs = 0;
}

static void a_page_still_in_its_object_is_not_freed(void **st)
{
	struct page *p = frame_alloc(PAGE_OBJECT, 0);
	struct list clock = LIST_INIT(clock);

	(void)st;
	p->vmo = (struct vmo *)p;
	expect_assert_failure(page_unref(p));
	p->refs = 1;
	p->vmo = NULL;
	list_push_back(&clock, &p->link);
	expect_assert_failure(page_unref(p));
	p->refs = 1;
	list_remove(&p->link);
	page_unref(p);
}

static void a_store_after_free_is_noticed(void **st)
{
	struct page *p = frame_alloc(PAGE_KERNEL, 0);
	char *byte = page_virt(p);
	char was;

	(void)st;
	page_unref(p);
	was = byte[77];
	byte[77] = 1;
	expect_assert_failure(frame_alloc(PAGE_KERNEL, 0));     /* the page freed last comes out first */
	byte[77] = was;
	page_unref(p);
}

static void pages_come_and_go_in_batches(void **st)
{
	struct page *p[96];
	unsigned n = 0;

	(void)st;
	do
		held[n++] = frame_alloc(PAGE_KERNEL, 0);
	while (cpus[0].spares.n > 0);
	for (unsigned i = 0; i < 96; i++) {
		p[i] = frame_alloc(PAGE_KERNEL, 0);
		assert_int_equal(cpus[0].spares.n, 31 - i % 32);
	}
	for (unsigned i = 0; i < 64; i++)
		page_unref(p[i]);
	assert_int_equal(cpus[0].spares.n, 64);
	page_unref(p[64]);
	assert_int_equal(cpus[0].spares.n, 32);
	for (unsigned i = 65; i < 96; i++)
		page_unref(p[i]);
	give_all(n);
}

/* The second CPU keeps what a batch brought it. */
static void second_cpu_gets_spares(void)
{
	ncpus = 2;
	host_cpu = 1;
	page_unref(frame_alloc(PAGE_KERNEL, 0));
	assert_int_equal(cpus[1].spares.n, 32);
	host_cpu = 0;
}

static void no_page_is_refused_while_another_cpu_has_spares(void **st)
{
	unsigned n;

	(void)st;
	second_cpu_gets_spares();
	n = take_all(true);
	assert_int_equal(n, frame_total);
	give_all(n);
	second_cpu_gets_spares();
	n = take_all(false);
	assert_int_equal(n, frame_total - frame_reserve);
	give_all(n);
}

static void spares_are_no_way_into_the_reserve(void **st)
{
	unsigned n = 0;

	(void)st;
	second_cpu_gets_spares();
	while (frame_free_count() > frame_reserve)
		held[n++] = reserve_alloc();
	host_cpu = 1;
	assert_int_equal(cpus[1].spares.n, 32);
	assert_null(frame_alloc(PAGE_KERNEL, 0));
	held[n] = reserve_alloc();
	assert_non_null(held[n++]);
	give_all(n);
}

static void with_little_memory_no_cpu_keeps_pages(void **st)
{
	unsigned n = 0;

	(void)st;
	while (frame_free_count() >= frame_low)
		held[n++] = frame_alloc(PAGE_KERNEL, 0);
	assert_int_equal(cpus[0].spares.n, 0);
	held[n] = frame_alloc(PAGE_KERNEL, 0);
	assert_int_equal(cpus[0].spares.n, 0);
	page_unref(held[n]);
	assert_int_equal(cpus[0].spares.n, 0);
	give_all(n);
}

static void random_sequences_lose_no_page(void **st)
{
	unsigned n = 0;

	(void)st;
	srand(4);
	ncpus = 3;
	for (unsigned step = 0; step < 20000; step++) {
		host_cpu = (unsigned)rand() % ncpus;
		if (rand() % 5 < 3 && n < MEMORY_PAGES) {
			struct page *p = frame_alloc(PAGE_KERNEL, rand() % 4);

			if (p) held[n++] = p;
		} else if (n) {
			unsigned k = rand() % n;

			page_unref(held[k]);
			held[k] = held[--n];
		}
		assert_int_equal(frame_free_count() + n, frame_total);
	}
	frame_check();
	give_all(n);
}

#define TEST(name) cmocka_unit_test_teardown(name, nothing_is_lost)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_free_page_is_given_out_once),
		TEST(only_what_the_loader_left_is_free),
		TEST(the_reserve_is_for_those_who_clean),
		TEST(little_memory_is_told_the_reclaimer),
		TEST(a_page_asked_for_as_zero_is_zero),
		TEST(the_last_reference_frees_the_page),
		TEST(freeing_twice_is_a_broken_invariant),
		TEST(a_page_still_in_its_object_is_not_freed),
		TEST(a_store_after_free_is_noticed),
		TEST(pages_come_and_go_in_batches),
		TEST(no_page_is_refused_while_another_cpu_has_spares),
		TEST(spares_are_no_way_into_the_reserve),
		TEST(with_little_memory_no_cpu_keeps_pages),
		TEST(random_sequences_lose_no_page),
	};

	return cmocka_run_group_tests(tests, memory_setup, memory_teardown);
}
