/* links: kernel/klib.c tests/unit/stub_kernel.c */
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

#include "kernel/klib.h"

static char log_text[256];
static size_t log_len;

void console_lock(void) { }
void console_unlock(void) { }
void console_put(char c) { if (log_len < sizeof(log_text) - 1) log_text[log_len++] = c; }

static void said(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void said(const char *fmt, ...)
{
	char want[sizeof(log_text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(want, sizeof(want), fmt, ap);
	va_end(ap);
	log_text[log_len] = 0;
	log_len = 0;
	assert_string_equal(log_text, want);
}

#define SAME(...) kprintf(__VA_ARGS__), said(__VA_ARGS__)

static void numbers_are_as_in_c(void **st)
{
	static const long value[] = {0, 1, -1, 42, -42, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 0x123456789abcdefl};

	(void)st;
	for (unsigned i = 0; i < ARRAY_LEN(value); i++) {
		SAME("%d %u %x", (int)value[i], (unsigned)value[i], (unsigned)value[i]);
		SAME("%ld %lu %lx %llx", value[i], (unsigned long)value[i], (unsigned long)value[i],
		     (unsigned long long)value[i]);
		SAME("[%016lx] [%02lx] [%05u]", (unsigned long)value[i], (unsigned long)value[i], (unsigned)value[i]);
	}
}

static void text_is_as_in_c(void **st)
{
	(void)st;
	SAME("%s|%c|%%", "text", 'x');
	SAME("%s%s\n", "", "longer than any width is");
	SAME("no conversion");
}

/* A panic may want to name what has no name. */
static void a_missing_text_is_survived(void **st)
{
	const char *volatile none = NULL;

	(void)st;
	kprintf("<%s>", none);
	said("<>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_as_in_c),
		cmocka_unit_test(text_is_as_in_c),
		cmocka_unit_test(a_missing_text_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
