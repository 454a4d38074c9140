/* links: mm/radix.c tests/unit/stub_kernel.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_radix.c - HOST - the sparse array of pages against a plain array that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "mm/frame.h"
#include "mm/radix.h"

/* An allocator that fails after `alloc_left` more successes and counts what is in use. */
static int alloc_left = -1;             /* -1: never fails */
static int in_use;

void *kalloc(size_t size)
{
	if (alloc_left == 0) return NULL;
	if (alloc_left > 0) alloc_left--;
	in_use++;
	return calloc(1, size);
}

void kfree(void *p)
{
	if (p) in_use--;
	free(p);
}

static char item[4096];                 /* their addresses are the items */

static void clear(struct radix *r)
{
	for (uint64_t i = 0; radix_next(r, &i); i = 0)
		assert_non_null(radix_remove(r, i));
	radix_check(r);
	assert_int_equal(in_use, 0);
}

static void an_empty_array_has_nothing(void **st)
{
	struct radix r = {0};
	uint64_t i = 0;

	(void)st;
	assert_null(radix_get(&r, 0));
	assert_null(radix_get(&r, UINT64_MAX));
	assert_null(radix_next(&r, &i));
	assert_null(radix_next_tagged(&r, &i, TAG_DIRTY));
	assert_null(radix_remove(&r, 7));
	radix_check(&r);
}

static void the_first_and_the_last_index_work(void **st)
{
	struct radix r = {0};
	uint64_t i = 1;

	(void)st;
	assert_int_equal(radix_insert(&r, 0, &item[0]), 0);
	assert_int_equal(radix_insert(&r, UINT64_MAX, &item[1]), 0);
	radix_check(&r);
	assert_ptr_equal(radix_get(&r, 0), &item[0]);
	assert_ptr_equal(radix_get(&r, UINT64_MAX), &item[1]);
	assert_ptr_equal(radix_next(&r, &i), &item[1]);
	assert_true(i == UINT64_MAX);
	clear(&r);
}

static void an_index_is_taken_once(void **st)
{
	struct radix r = {0};

	(void)st;
	assert_int_equal(radix_insert(&r, 5, &item[0]), 0);
	assert_int_equal(radix_insert(&r, 5, &item[1]), -EEXIST);
	assert_ptr_equal(radix_get(&r, 5), &item[0]);
	clear(&r);
}

/* A page-sized file needs one node, whatever was in the object before. */
static void the_height_shrinks_again(void **st)
{
	struct radix r = {0};

	(void)st;
	assert_int_equal(radix_insert(&r, 1, &item[0]), 0);
	assert_int_equal(radix_insert(&r, 1ull << 40, &item[1]), 0);
	assert_true(in_use > 6);
	assert_ptr_equal(radix_remove(&r, 1ull << 40), &item[1]);
	radix_check(&r);
	assert_int_equal(in_use, 1);
	assert_int_equal(r.height, 1);
	clear(&r);
}

/* However many nodes an insertion could get before memory ran out: the array is the same as before, to the node. */
static void a_failed_insertion_changes_nothing(void **st)
{
	static const uint64_t index[] = { 0, 63, 64, 4096, 1ull << 36, (1ull << 36) + 64, UINT64_MAX };

	(void)st;
	for (unsigned from = 0; from <= ARRAY_LEN(index); from++) {
		struct radix r = {0};
		int before, failed = 0;
		uint32_t height;

		for (unsigned k = 0; k < from; k++)
			assert_int_equal(radix_insert(&r, index[k], &item[k]), 0);
		if (from) radix_tag(&r, index[0], TAG_DIRTY, true);
		before = in_use;
		height = r.height;
		for (unsigned k = from; k < ARRAY_LEN(index); k++) {
			for (int left = 0;; left++) {
				alloc_left = left;
				if (radix_insert(&r, index[k], &item[k]) == 0) break;
				radix_check(&r);
				assert_int_equal(in_use, before);
				assert_int_equal(r.height, height);
				assert_null(radix_get(&r, index[k]));
				failed++;
			}
			alloc_left = -1;
			radix_check(&r);
			assert_ptr_equal(radix_remove(&r, index[k]), &item[k]);
			radix_check(&r);
			assert_int_equal(in_use, before);
		}
		if (from < 2) assert_true(failed >= 20);
		clear(&r);
	}
}

static void a_removed_item_loses_its_tags(void **st)
{
	struct radix r = {0};
	uint64_t i = 0;

	(void)st;
	assert_int_equal(radix_insert(&r, 1000, &item[0]), 0);
	assert_int_equal(radix_insert(&r, 2000, &item[1]), 0);
	radix_tag(&r, 1000, TAG_DIRTY, true);
	radix_remove(&r, 1000);
	radix_check(&r);
	assert_null(radix_next_tagged(&r, &i, TAG_DIRTY));
	assert_int_equal(radix_insert(&r, 1000, &item[0]), 0);
	assert_false(radix_tag_get(&r, 1000, TAG_DIRTY));
	clear(&r);
}

static void tags_do_not_mix(void **st)
{
	struct radix r = {0};
	uint64_t i = 0;

	(void)st;
	assert_int_equal(radix_insert(&r, 70, &item[0]), 0);
	radix_tag(&r, 70, TAG_WRITING, true);
	assert_false(radix_tag_get(&r, 70, TAG_DIRTY));
	assert_null(radix_next_tagged(&r, &i, TAG_DIRTY));
	assert_ptr_equal(radix_next_tagged(&r, &i, TAG_WRITING), &item[0]);
	assert_int_equal(i, 70);
	radix_tag(&r, 70, TAG_DIRTY, false);
	assert_true(radix_tag_get(&r, 70, TAG_WRITING));
	clear(&r);
}

static void the_checker_finds_a_wrong_tag(void **st)
{
	struct radix r = {0};
	uint64_t *bits;

	(void)st;
	assert_int_equal(radix_insert(&r, 0, &item[0]), 0);
	assert_int_equal(radix_insert(&r, 64, &item[1]), 0);
	bits = (uint64_t *)r.root;
	bits[TAG_DIRTY] = 1;            /* nothing below is dirty */
	expect_assert_failure(radix_check(&r));
	bits[TAG_DIRTY] = 0;
	clear(&r);
}

/* The model: what is at each of NMODEL indexes, which are far apart or close together by turns. */
#define NMODEL 200u
static uint64_t model_index[NMODEL];
static void *model_item[NMODEL];
static bool model_tag[NMODEL][RADIX_TAGS];

static void model_reset(void)
{
	uint64_t at = 0;

	for (unsigned k = 0; k < NMODEL; k++) {
		model_index[k] = at;
		model_item[k] = NULL;
		model_tag[k][0] = model_tag[k][1] = false;
		at += 1 + (k % 10 == 9 ? (uint64_t)rand() << rand() % 26 : (uint64_t)rand() % 3);
	}
}

/* tag == RADIX_TAGS: any item. */
static void next_agrees(const struct radix *r, uint64_t from, unsigned tag)
{
	unsigned k = 0;
	uint64_t at = from;
	void *got = tag < RADIX_TAGS ? radix_next_tagged(r, &at, tag) : radix_next(r, &at);

	while (k < NMODEL && (model_index[k] < from || !model_item[k] || (tag < RADIX_TAGS && !model_tag[k][tag])))
		k++;
	assert_ptr_equal(got, k < NMODEL ? model_item[k] : NULL);
	if (got) assert_true(at == model_index[k]);
}

static void random_step(struct radix *r)
{
	unsigned k = rand() % NMODEL, tag = rand() % RADIX_TAGS;
	void *it = &item[rand() % sizeof(item)];

	switch (rand() % 8) {
	case 0: case 1: case 2:
		alloc_left = rand() % 4 ? -1 : rand() % 8;
		switch (radix_insert(r, model_index[k], it)) {
		case 0:
			assert_null(model_item[k]);
			model_item[k] = it;
			break;
		case -EEXIST:
			assert_non_null(model_item[k]);
			break;
		default:
			assert_true(alloc_left == 0);
		}
		alloc_left = -1;
		break;
	case 3: case 4:
		assert_ptr_equal(radix_remove(r, model_index[k]), model_item[k]);
		model_item[k] = NULL;
		model_tag[k][0] = model_tag[k][1] = false;
		break;
	case 5: case 6:
		if (!model_item[k]) break;
		radix_tag(r, model_index[k], tag, true);
		model_tag[k][tag] = true;
		break;
	default:
		radix_tag(r, model_index[k], tag, false);
		model_tag[k][tag] = false;
	}
}

static void random_sequences_agree_with_the_model(void **st)
{
	(void)st;
	srand(1);
	for (unsigned round = 0; round < 20; round++) {
		struct radix r = {0};

		model_reset();
		for (unsigned step = 0; step < 1000; step++) {
			unsigned k = rand() % NMODEL;

			random_step(&r);
			radix_check(&r);
			assert_ptr_equal(radix_get(&r, model_index[k]), model_item[k]);
			assert_int_equal(radix_tag_get(&r, model_index[k], step % 2), model_tag[k][step % 2]);
			next_agrees(&r, model_index[k] + rand() % 3 - 1, rand() % (RADIX_TAGS + 1));
		}
		clear(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_array_has_nothing),
		cmocka_unit_test(the_first_and_the_last_index_work),
		cmocka_unit_test(an_index_is_taken_once),
		cmocka_unit_test(the_height_shrinks_again),
		cmocka_unit_test(a_failed_insertion_changes_nothing),
		cmocka_unit_test(a_removed_item_loses_its_tags),
		cmocka_unit_test(tags_do_not_mix),
		cmocka_unit_test(the_checker_finds_a_wrong_tag),
		cmocka_unit_test(random_sequences_agree_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
