/* SPDX-License-Identifier: MIT */
/* links: kernel/ipc.c kernel/carry.c tests/unit/ipcfix.c tests/unit/stub_kernel.c */
/* tests/unit/test_handle.c - HOST - a process's table of handles. */
#include "tests/unit/ipcfix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/stub_kernel.h"

static struct handles *const table = &client.handles;
static struct kobj one, other;
static int destroyed, orphaned;

static void destroy(struct kobj *o) { (void)o; destroyed++; }
static void no_handles(struct kobj *o) { (void)o; orphaned++; }

static int setup(void **st)
{
	destroyed = orphaned = 0;
	kobj_init(&one, KOBJ_VMO, destroy);
	one.no_handles = no_handles;
	kobj_init(&other, KOBJ_PORT, destroy);
	return ipc_setup(st);
}

static void the_first_two_handles_are_1_and_2(void **st)
{
	(void)st;
	assert_int_equal(handle_add(table, &one), 1);
	assert_int_equal(handle_add(table, &other), 2);
}

static void a_handle_gives_its_object_with_a_reference(void **st)
{
	int h = handle_add(table, &one);

	(void)st;
	assert_ptr_equal(object_get(h, KOBJ_VMO), &one);
	assert_int_equal(one.refs, 3);
	kobj_unref(&one);
}

static void a_handle_of_another_type_is_no_handle(void **st)
{
	int h = handle_add(table, &one);

	(void)st;
	assert_null(object_get(h, KOBJ_PORT));
	assert_int_equal(one.refs, 2);
	assert_ptr_equal(object_get(h, KOBJ_ANY), &one);
	kobj_unref(&one);
}

static void numbers_that_are_no_handle_are_refused(void **st)
{
	(void)st;
	handle_add(table, &one);
	assert_null(object_get(0, KOBJ_ANY));
	assert_null(object_get(2, KOBJ_ANY));
	assert_null(object_get(UINT32_MAX, KOBJ_ANY));
	assert_int_equal(handle_close(table, 0), -EBADF);
	assert_int_equal(handle_close(table, UINT32_MAX), -EBADF);
}

static void a_closed_handle_is_refused_and_used_again(void **st)
{
	int h = handle_add(table, &one);

	(void)st;
	handle_add(table, &other);
	assert_int_equal(handle_close(table, h), 0);
	assert_int_equal(handle_close(table, h), -EBADF);
	assert_int_equal(handle_add(table, &one), h);
}

static void the_last_handle_tells_the_object_but_does_not_destroy_what_is_referenced(void **st)
{
	int a = handle_add(table, &one), b = handle_add(table, &one);

	(void)st;
	handle_close(table, a);
	assert_int_equal(orphaned, 0);
	handle_close(table, b);
	assert_int_equal(orphaned, 1);
	assert_int_equal(destroyed, 0);
	kobj_unref(&one);
	assert_int_equal(destroyed, 1);
}

static void the_table_grows_past_a_page_and_keeps_what_it_has(void **st)
{
	(void)st;
	for (int i = 1; i <= 2000; i++) assert_int_equal(handle_add(table, i % 2 ? &one : &other), i);
	for (int i = 1; i <= 2000; i++) {
		assert_ptr_equal(object_get(i, KOBJ_ANY), i % 2 ? &one : &other);
		kobj_unref(i % 2 ? &one : &other);
	}
	assert_int_equal(one.handles, 1000);
}

static void without_memory_no_handle_is_made_and_no_reference_kept(void **st)
{
	(void)st;
	no_memory = true;
	assert_int_equal(handle_add(table, &one), -ENOMEM);
	assert_int_equal(one.refs, 1);
	assert_int_equal(one.handles, 0);
}

static void the_end_of_a_process_closes_all_lower_handles_first(void **st)
{
	(void)st;
	handle_add(table, &one);
	handle_add(table, &other);
	handles_destroy(table);
	assert_int_equal(one.refs, 1);
	assert_int_equal(other.refs, 1);
	assert_int_equal(orphaned, 1);
	assert_null(object_get(1, KOBJ_ANY));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, ipc_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_first_two_handles_are_1_and_2),
		T(a_handle_gives_its_object_with_a_reference),
		T(a_handle_of_another_type_is_no_handle),
		T(numbers_that_are_no_handle_are_refused),
		T(a_closed_handle_is_refused_and_used_again),
		T(the_last_handle_tells_the_object_but_does_not_destroy_what_is_referenced),
		T(the_table_grows_past_a_page_and_keeps_what_it_has),
		T(without_memory_no_handle_is_made_and_no_reference_kept),
		T(the_end_of_a_process_closes_all_lower_handles_first),
	};

	return cmocka_run_group_tests_name("handle", tests, NULL, NULL);
}
