/* links: mm/tree.c tests/checks/check.c tests/unit/stub_kernel.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_tree.c - HOST - the tree of intervals and marks against an array that is searched end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/checks/check.h"

#define NNODES 300u
static struct tree_node node[NNODES];
static bool present[NNODES];

static void put(struct tree *t, unsigned k, uint64_t start, uint64_t last)
{
	node[k].start = start;
	node[k].last = last;
	node[k].marks = 0;
	tree_insert(t, &node[k]);
	present[k] = true;
	tree_check(t);
}

static int reset(void **st)
{
	(void)st;
	for (unsigned k = 0; k < NNODES; k++)
		present[k] = false;
	return 0;
}

static void an_empty_tree_has_nothing(void **st)
{
	struct tree t = {0};

	(void)st;
	tree_check(&t);
	assert_null(tree_first_overlap(&t, 0, UINT64_MAX));
	assert_null(tree_first_marked(&t, 0, 1));
}

static void both_ends_of_an_interval_belong_to_it(void **st)
{
	struct tree t = {0};

	(void)st;
	put(&t, 0, 10, 20);
	assert_ptr_equal(tree_first_overlap(&t, 20, 30), &node[0]);
	assert_ptr_equal(tree_first_overlap(&t, 0, 10), &node[0]);
	assert_null(tree_first_overlap(&t, 21, 30));
	assert_null(tree_first_overlap(&t, 0, 9));
}

static void the_whole_space_can_be_one_interval(void **st)
{
	struct tree t = {0};

	(void)st;
	put(&t, 0, 0, UINT64_MAX);
	put(&t, 1, UINT64_MAX, UINT64_MAX);
	assert_ptr_equal(tree_first_overlap(&t, UINT64_MAX, UINT64_MAX), &node[0]);
	assert_ptr_equal(tree_next_overlap(&node[0], UINT64_MAX, UINT64_MAX), &node[1]);
	assert_null(tree_next_overlap(&node[1], UINT64_MAX, UINT64_MAX));
}

/* A hundred mappings of one page: each is found, once. */
static void equal_intervals_are_all_visited(void **st)
{
	struct tree t = {0};
	unsigned n = 0;

	(void)st;
	for (unsigned k = 0; k < 100; k++)
		put(&t, k, 7, 7);
	for (struct tree_node *p = tree_first_overlap(&t, 7, 7); p; p = tree_next_overlap(p, 7, 7))
		n++;
	assert_int_equal(n, 100);
}

static void a_long_interval_far_to_the_left_is_found(void **st)
{
	struct tree t = {0};

	(void)st;
	put(&t, 0, 0, 1000000);
	for (unsigned k = 1; k < 200; k++)
		put(&t, k, k * 10, k * 10 + 1);
	assert_ptr_equal(tree_first_overlap(&t, 500000, 500000), &node[0]);
	assert_null(tree_next_overlap(&node[0], 500000, 500000));
}

/* Also what is the whole tree, or begins where the space begins. */
static void the_first_and_the_last_index_can_be_marked(void **st)
{
	struct tree t = {0};

	(void)st;
	put(&t, 0, 0, 0);
	put(&t, 1, UINT64_MAX, UINT64_MAX);
	assert_null(tree_first_marked(&t, 0, 1));
	tree_mark(&node[0], 1);
	assert_ptr_equal(tree_first_marked(&t, 0, 1), &node[0]);
	assert_null(tree_first_marked(&t, 1, 1));
	tree_mark(&node[1], 1);
	assert_ptr_equal(tree_first_marked(&t, 1, 1), &node[1]);
	assert_ptr_equal(tree_first_marked(&t, UINT64_MAX, 1), &node[1]);
}

static void marks_do_not_mix(void **st)
{
	struct tree t = {0};

	(void)st;
	for (unsigned k = 0; k < 100; k++)
		put(&t, k, k, k);
	tree_mark(&node[70], 2);
	assert_null(tree_first_marked(&t, 0, 1));
	assert_ptr_equal(tree_first_marked(&t, 0, 2), &node[70]);
	tree_mark(&node[30], 1);
	assert_ptr_equal(tree_first_marked(&t, 0, 1), &node[30]);
	assert_ptr_equal(tree_first_marked(&t, 0, 2), &node[70]);
	tree_mark(&node[70], 0);
	assert_null(tree_first_marked(&t, 0, 2));
	tree_check(&t);
}

/* And it brings them along when it comes back. */
static void a_removed_node_takes_its_marks_along(void **st)
{
	struct tree t = {0};

	(void)st;
	put(&t, 0, 1000, 1000);
	put(&t, 1, 2000, 2000);
	tree_mark(&node[0], 1);
	tree_remove(&t, &node[0]);
	tree_check(&t);
	assert_null(tree_first_marked(&t, 0, 1));
	tree_insert(&t, &node[0]);
	tree_check(&t);
	assert_ptr_equal(tree_first_marked(&t, 0, 1), &node[0]);
}

static unsigned depth(const struct tree_node *n)
{
	unsigned l, r;

	if (!n) return 0;
	l = depth(n->child[0]);
	r = depth(n->child[1]);
	return 1 + MAX(l, r);
}

/* mmap in rising order is the worst case of a tree without balance. */
static void rising_starts_do_not_make_it_deep(void **st)
{
	struct tree t = {0};

	(void)st;
	for (unsigned k = 0; k < NNODES; k++)
		put(&t, k, k * 4096, k * 4096 + 4095);
	assert_true(depth(t.root) < 40);        /* log2(300) is 8.2; a list would be 300 */
}

static void the_checker_finds_a_wrong_max_last_and_a_wrong_order(void **st)
{
	struct tree t = {0};

	(void)st;
	for (unsigned k = 0; k < 10; k++)
		put(&t, k, k, k + 5);
	t.root->max_last++;
	expect_assert_failure(tree_check(&t));
	t.root->max_last--;
	node[3].start = 5;              /* past node 4, within its own end */
	expect_assert_failure(tree_check(&t));
}

static void the_checker_finds_a_wrong_mark(void **st)
{
	struct tree t = {0};

	(void)st;
	for (unsigned k = 0; k < 10; k++)
		put(&t, k, k, k);
	t.root->marks_below = 1;        /* nothing below has it */
	expect_assert_failure(tree_check(&t));
	t.root->marks_below = 0;
	node[3].marks = 1;              /* nothing above knows of it */
	expect_assert_failure(tree_check(&t));
}

static bool before(unsigned a, unsigned b)
{
	return node[a].start < node[b].start || (node[a].start == node[b].start && a < b);
}

/* The model: the first present node, in order, that comes after `after` (-1: any) and meets [start, last]. */
static struct tree_node *model_next(int after, uint64_t start, uint64_t last)
{
	int best = -1;

	for (unsigned k = 0; k < NNODES; k++) {
		if (!present[k] || node[k].start > last || node[k].last < start) continue;
		if (after >= 0 && !before(after, k)) continue;
		if (best < 0 || before(k, best)) best = k;
	}
	return best < 0 ? NULL : &node[best];
}

static void walk_agrees(const struct tree *t, uint64_t start, uint64_t last)
{
	struct tree_node *p = tree_first_overlap(t, start, last);

	assert_ptr_equal(p, model_next(-1, start, last));
	for (; p; p = tree_next_overlap(p, start, last))
		assert_ptr_equal(tree_next_overlap(p, start, last), model_next(p - node, start, last));
}

static void marked_agrees(const struct tree *t, uint64_t start, uint8_t marks)
{
	struct tree_node *want = model_next(-1, start, UINT64_MAX);

	while (want && (want->marks & marks) != marks)
		want = model_next(want - node, start, UINT64_MAX);
	assert_ptr_equal(tree_first_marked(t, start, marks), want);
}

static void random_sequences_agree_with_the_model(void **st)
{
	struct tree t = {0};

	(void)st;
	srand(2);
	for (unsigned step = 0; step < 4000; step++) {
		unsigned k = rand() % NNODES;
		uint64_t start = rand() % 1000, len = rand() % (rand() % 8 ? 10 : 500);

		if (present[k]) {
			tree_remove(&t, &node[k]);
			present[k] = false;
			tree_check(&t);
		} else {
			put(&t, k, start, start + len);
		}
		k = rand() % NNODES;
		if (present[k]) tree_mark(&node[k], rand() % 2 * (1 + rand() % 3));
		if (step % 4 == 0) tree_check(&t);
		if (step % 4 == 0) marked_agrees(&t, rand() % 1500, rand() % 4);
		if (step % 20 == 0) walk_agrees(&t, rand() % 1000, rand() % 1500);
	}
	walk_agrees(&t, 0, UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_empty_tree_has_nothing, reset),
		cmocka_unit_test_setup(both_ends_of_an_interval_belong_to_it, reset),
		cmocka_unit_test_setup(the_whole_space_can_be_one_interval, reset),
		cmocka_unit_test_setup(equal_intervals_are_all_visited, reset),
		cmocka_unit_test_setup(equal_intervals_are_all_visited, reset),
		cmocka_unit_test_setup(a_long_interval_far_to_the_left_is_found, reset),
		cmocka_unit_test_setup(the_first_and_the_last_index_can_be_marked, reset),
		cmocka_unit_test_setup(marks_do_not_mix, reset),
		cmocka_unit_test_setup(a_removed_node_takes_its_marks_along, reset),
		cmocka_unit_test_setup(rising_starts_do_not_make_it_deep, reset),
		cmocka_unit_test_setup(the_checker_finds_a_wrong_max_last_and_a_wrong_order, reset),
		cmocka_unit_test_setup(the_checker_finds_a_wrong_mark, reset),
		cmocka_unit_test_setup(random_sequences_agree_with_the_model, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
