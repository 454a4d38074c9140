/* links: fs/counter.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_counter.c - HOST - eventfd and timerfd: what they count, at times that the test chooses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <cmocka.h>

#include "fs/counter.h"

static struct counter event(uint64_t first, uint32_t flags)
{
	struct counter c;

	assert_int_equal(counter_make(&c, false, first, flags), 0);
	return c;
}

/* Armed at time 1000. */
static struct counter timer(bool absolute, uint64_t value, uint64_t interval)
{
	struct counter c;

	assert_int_equal(counter_make(&c, true, CLOCK_MONOTONIC, 0), 0);
	counter_set(&c, absolute, value, interval, 1000);
	return c;
}

static uint64_t taken(struct counter *c)
{
	uint64_t n = counter_next(c);

	c->count -= n;
	return n;
}

static void unknown_flags_and_clocks_are_refused(void **st)
{
	struct counter c;

	(void)st;
	assert_int_equal(counter_make(&c, false, 0, 2), -EINVAL);
	assert_int_equal(counter_make(&c, true, CLOCK_MONOTONIC, EFD_SEMAPHORE), -EINVAL);
	assert_int_equal(counter_make(&c, true, CLOCK_PROCESS_CPUTIME_ID, 0), -EINVAL);
	assert_int_equal(counter_make(&c, true, CLOCK_BOOTTIME, O_CLOEXEC | O_NONBLOCK), 0);
}

static void a_read_takes_all_of_an_event(void **st)
{
	struct counter c = event(0x100000005, 0);       /* 32 bits (eventfd(2)) */

	(void)st;
	assert_int_equal(taken(&c), 5);
	assert_int_equal(taken(&c), 0);
}

static void a_read_takes_one_of_a_semaphore(void **st)
{
	struct counter c = event(2, EFD_SEMAPHORE);

	(void)st;
	assert_int_equal(taken(&c), 1);
	assert_int_equal(taken(&c), 1);
	assert_int_equal(taken(&c), 0);
}

static void an_event_never_holds_more_than_fits(void **st)
{
	struct counter c = event(1, 0);

	(void)st;
	assert_true(counter_writable(&c, COUNT_MAX - 1));
	assert_false(counter_writable(&c, COUNT_MAX));
	assert_int_equal(counter_poll(&c), POLLIN | POLLOUT);
	c.count = COUNT_MAX;
	assert_int_equal(counter_poll(&c), POLLIN);
	assert_true(counter_writable(&c, 0));
}

static void a_timer_expires_at_its_time_and_once(void **st)
{
	struct counter c = timer(false, 50, 0);

	(void)st;
	counter_expire(&c, 1049);
	assert_int_equal(counter_poll(&c), 0);
	assert_int_equal(counter_left(&c, 1049), 1);
	counter_expire(&c, 1050);
	assert_int_equal(counter_poll(&c), POLLIN);
	assert_int_equal(counter_left(&c, 1050), 0);
	counter_expire(&c, 5000);
	assert_int_equal(taken(&c), 1);
}

static void what_nobody_read_is_counted(void **st)
{
	struct counter c = timer(false, 50, 10);

	(void)st;
	counter_expire(&c, 1079);
	assert_int_equal(taken(&c), 3);                 /* at 1050, 1060, 1070 */
	assert_int_equal(counter_left(&c, 1079), 1);
	counter_expire(&c, 1080);
	counter_expire(&c, 1081);
	assert_int_equal(taken(&c), 1);
}

static void an_absolute_time_may_be_over(void **st)
{
	struct counter c = timer(true, 400, 0);

	(void)st;
	assert_int_equal(counter_left(&c, 1000), 1);    /* armed: not 0 */
	counter_expire(&c, 1000);
	assert_int_equal(taken(&c), 1);
}

static void setting_it_forgets_what_expired(void **st)
{
	struct counter c = timer(false, 50, 10);

	(void)st;
	counter_expire(&c, 2000);
	counter_set(&c, false, 0, 10, 2000);
	counter_expire(&c, UINT64_MAX);
	assert_int_equal(taken(&c), 0);
	assert_int_equal(counter_left(&c, 3000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_flags_and_clocks_are_refused),
		cmocka_unit_test(a_read_takes_all_of_an_event),
		cmocka_unit_test(a_read_takes_one_of_a_semaphore),
		cmocka_unit_test(an_event_never_holds_more_than_fits),
		cmocka_unit_test(a_timer_expires_at_its_time_and_once),
		cmocka_unit_test(what_nobody_read_is_counted),
		cmocka_unit_test(an_absolute_time_may_be_over),
		cmocka_unit_test(setting_it_forgets_what_expired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
