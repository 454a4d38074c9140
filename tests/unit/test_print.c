/* links: kernel/print.c tests/unit/stub_kernel.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_print.c - HOST - the kernel's printf beside the C library's: the same text and length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/console.h"
#include "kernel/klib.h"

static char log_text[256];
static size_t log_len;

void console_lock(void) { }
void console_unlock(void) { }
void console_put(char c) { if (log_len < sizeof(log_text) - 1) log_text[log_len++] = c; }

#define SAME(...) \
	do { \
		char a[128], b[128]; \
		int na = ksnprintf(a, sizeof(a), __VA_ARGS__), nb = snprintf(b, sizeof(b), __VA_ARGS__); \
		assert_string_equal(a, b); \
		assert_int_equal(na, nb); \
	} while (0)

static void numbers_are_as_in_c(void **st)
{
	static const long value[] = {0, 1, -1, 42, -42, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 0x123456789abcdefl};

	(void)st;
	for (unsigned i = 0; i < ARRAY_LEN(value); i++) {
		SAME("%d %u %x", (int)value[i], (unsigned)value[i], (unsigned)value[i]);
		SAME("%ld %lu %lx %llx", value[i], (unsigned long)value[i], (unsigned long)value[i],
		     (unsigned long long)value[i]);
		SAME("[%016lx] [%5lu] [%-8x]", (unsigned long)value[i], (unsigned long)value[i], (unsigned)value[i]);
		SAME("%zu", (size_t)value[i]);
	}
}

static void text_is_as_in_c(void **st)
{
	(void)st;
	SAME("%s|%5s|%-5s|%c|%%", "text", "ab", "ab", 'x');
	SAME("%s%s", "", "long enough to be more than a width");
}

static void a_short_buffer_is_never_overrun(void **st)
{
	char small[8];

	(void)st;
	for (size_t size = 1; size <= sizeof(small); size++) {
		memset(small, '#', sizeof(small));
		assert_int_equal(ksnprintf(small, size, "%d and more", 12345), 14);
		assert_int_equal(strlen(small), size - 1);
		for (size_t i = size; i < sizeof(small); i++) assert_int_equal(small[i], '#');
	}
}

static void the_log_gets_the_same(void **st)
{
	(void)st;
	log_len = 0;
	kprintf("%s=%d\n", "n", 7);
	log_text[log_len] = 0;
	assert_string_equal(log_text, "n=7\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_as_in_c),
		cmocka_unit_test(text_is_as_in_c),
		cmocka_unit_test(a_short_buffer_is_never_overrun),
		cmocka_unit_test(the_log_gets_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
