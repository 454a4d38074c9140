/* SPDX-License-Identifier: MIT */
/* links: kernel/futex.c tests/unit/stub_kernel.c */
/* tests/unit/test_futex.c - HOST - sleepers on words: who is woken, who is moved, who gives up.
 *
 * There is one thread: while it sleeps, the hook plays the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/klib.h"
#include "mm/map.h"
#include "tests/unit/stub_kernel.h"

#define WORDS 300u                      /* more than buckets: some share one */
#define PRIVATE FUTEX_PRIVATE_FLAG

static uint32_t word[WORDS];
static struct proc process;
static struct map the_map;
static unsigned moved_to;
static long seen[3];

struct entry *map_first_locked(struct map *m, uaddr_t at, uaddr_t last) { (void)m, (void)at, (void)last; return NULL; }
int deadline_in(uaddr_t from, uint32_t unit, int64_t since, uint64_t *deadline)
{
	(void)unit, (void)since;
	*deadline = WAIT_FOREVER;
	return from ? -EFAULT : 0;
}

int user_swap32(uaddr_t at, uint32_t *old, uint32_t new) { (void)at, (void)old, (void)new; return -EFAULT; }

int user_load32(uint32_t *to, uaddr_t from)
{
	*to = *(uint32_t *)from;
	return 0;
}

static uint64_t at(unsigned i) { return (uintptr_t)&word[i]; }
static long wake(unsigned i, uint32_t n) { return sys_futex(at(i), FUTEX_WAKE | PRIVATE, n, 0, 0, 0); }
static long wait_for(unsigned i, uint32_t value) { return sys_futex(at(i), FUTEX_WAIT | PRIVATE, value, 0, 0, 0); }

static long requeue(unsigned from, unsigned to)
{
	return sys_futex(at(from), FUTEX_CMP_REQUEUE | PRIVATE, 0, INT32_MAX, at(to), 0);
}

static int setup(void **st)
{
	(void)st;
	memset(word, 0, sizeof(word));
	process.map = &the_map;
	current_thread()->proc = &process;
	host_sleep_status = 0;
	return 0;
}

/* Nobody is left behind in any bucket. */
static int nobody_sleeps(void **st)
{
	(void)st;
	for (unsigned i = 0; i < WORDS; i++)
		if (wake(i, 1)) return -1;
	host_mm_done();
	return 0;
}

static void wake_it(void) { seen[0] = wake(7, 1); }

static void a_sleeper_is_woken_by_its_word(void **st)
{
	(void)st;
	host_sleep_hook = wake_it;
	assert_int_equal(wait_for(7, 0), 0);
	assert_int_equal(seen[0], 1);
	assert_int_equal(wait_for(7, 1), -EAGAIN);
}

static void move_and_wake(void)
{
	seen[0] = requeue(0, moved_to);
	seen[1] = moved_to ? wake(0, 1) : 0;
	seen[2] = wake(moved_to, 1);
}

/* To words in its own bucket, and in each of the others, before and behind it. */
static void a_moved_sleeper_is_woken_by_the_other_word(void **st)
{
	(void)st;
	host_sleep_hook = move_and_wake;
	for (moved_to = 0; moved_to < WORDS; moved_to++) {
		assert_int_equal(wait_for(0, 0), 0);
		assert_int_equal(seen[0], 1);
		assert_int_equal(seen[1], 0);
		assert_int_equal(seen[2], 1);
	}
}

static void move_only(void)
{
	seen[0] = requeue(0, moved_to);
	host_sleep_status = -EINTR;
}

static void a_moved_sleeper_that_gives_up_leaves_the_bucket_that_it_is_in(void **st)
{
	(void)st;
	host_sleep_hook = move_only;
	for (moved_to = 0; moved_to < WORDS; moved_to++) {
		assert_int_equal(wait_for(0, 0), -ERESTART);
		assert_int_equal(seen[0], 1);
		assert_int_equal(wake(moved_to, 1), 0);
		assert_int_equal(wake(0, 1), 0);
	}
}

static void move_back_and_forth(void)
{
	seen[0] = requeue(0, moved_to);
	seen[1] = requeue(moved_to, 0);
	seen[2] = wake(0, 1);
}

static void a_sleeper_may_be_moved_back_and_forth(void **st)
{
	(void)st;
	host_sleep_hook = move_back_and_forth;
	for (moved_to = 1; moved_to < WORDS; moved_to++) {
		assert_int_equal(wait_for(0, 0), 0);
		assert_int_equal(seen[0] + seen[1] + seen[2], 3);
	}
}

/* The second time it is the second sleeper who sleeps. */
static void sleep_twice(void)
{
	if (seen[0]++ == 0) {
		seen[2] = wait_for(0, 0);
		return;
	}
	seen[1] = sys_futex(at(0), FUTEX_CMP_REQUEUE | PRIVATE, 0, 1000, at(0), 0);
	assert_int_equal(wake(0, 2), 2);
}

static void sleepers_moved_to_their_own_word_are_moved_once(void **st)
{
	(void)st;
	seen[0] = 0;
	host_sleep_hook = sleep_twice;
	assert_int_equal(wait_for(0, 0), 0);
	assert_int_equal(seen[1], 2);
	assert_int_equal(seen[2], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, nobody_sleeps)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sleeper_is_woken_by_its_word),
		TEST(a_moved_sleeper_is_woken_by_the_other_word),
		TEST(a_moved_sleeper_that_gives_up_leaves_the_bucket_that_it_is_in),
		TEST(sleepers_moved_to_their_own_word_are_moved_once),
		TEST(a_sleeper_may_be_moved_back_and_forth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
