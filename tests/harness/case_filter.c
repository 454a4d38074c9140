/* SPDX-License-Identifier: MIT */
/* tests/harness/case_filter.c - HOST - linked to every unit program: QUIRE_CASE=name runs that case alone.
 *
 * Use:   `make test-one T=name`.  cmocka has the filter as a function only, and programs have no main() of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void __attribute__((constructor)) case_filter_set(void)
{
	const char *name = getenv("QUIRE_CASE");

	if (name) cmocka_set_test_filter(name);
}
