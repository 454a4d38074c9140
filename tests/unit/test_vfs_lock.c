/* links: fs/vfs_lock.c fs/vfs_share.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vfs_lock.c - HOST - the table of locks, against a model that knows the type of each byte by owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fs/vfs_lock.h"
#include "fs/vfs_share.h"

#define BYTES  24               /* the last stands for all behind it */
#define OWNERS 4

static struct vnode file, other;
static short model[OWNERS][BYTES];
static uint64_t answered[16], gone;
static unsigned nanswers;

bool lock_waits(uint64_t token) { return token != gone; }
int lock_answer(uint64_t token)
{
	if (token == gone) return -ESRCH;
	answered[nanswers++] = token;
	return 0;
}

static int setup(void **st)
{
	(void)st;
	nanswers = 0;
	gone = 0;
	for (int o = 0; o < OWNERS; o++)
		for (int i = 0; i < BYTES; i++) model[o][i] = F_UNLCK;
	return 0;
}

static int teardown(void **st)
{
	(void)st;
	lock_drop_all(&file);
	lock_drop_all(&other);
	return 0;
}

static struct lock_range range(int owner, int type, int64_t start, int64_t end)
{
	return (struct lock_range){.owner = owner + 1, .type = (short)type, .start = start,
	                           .end = end >= BYTES - 1 ? INT64_MAX : end};
}

static bool model_conflict(int owner, int type, int start, int end)
{
	for (int o = 0; o < OWNERS; o++) {
		for (int i = start; o != owner && i <= end; i++) {
			if (model[o][i] == F_WRLCK || (model[o][i] == F_RDLCK && type == F_WRLCK)) return true;
		}
	}
	return false;
}

static int set(int owner, int type, int start, int end)
{
	struct lock_range r = range(owner, type, start, end);

	return lock_set(&file, &r);
}

static int wait_for(struct vnode *vn, int owner, int type, int start, int end, uint64_t token)
{
	struct lock_range r = range(owner, type, start, end);

	return lock_wait(vn, &r, token);
}

/* The type of each byte as somebody without locks would find it: the strongest. */
static void table_is_the_model(void)
{
	for (int i = 0; i < BYTES; i++) {
		for (int o = 0; o < OWNERS; o++) {
			struct lock_range r = range(o, F_WRLCK, i, i), have;
			bool any = false;

			lock_get(&file, &r, &have);
			for (int k = 0; k < OWNERS; k++) any |= k != o && model[k][i] != F_UNLCK;
			assert_int_equal(have.type != F_UNLCK, any);
			if (any) assert_int_equal(have.type, model[have.owner - 1][i]);
		}
	}
}

static void ranges_split_and_melt_like_bytes(void **st)
{
	(void)st;
	srand(5);
	for (int n = 0; n < 20000; n++) {
		static const short types[] = {F_RDLCK, F_WRLCK, F_UNLCK};
		int o = rand() % OWNERS, a = rand() % BYTES, b = rand() % BYTES;
		int start = a < b ? a : b, end = a < b ? b : a, type = types[rand() % 3];
		bool clash = type != F_UNLCK && model_conflict(o, type, start, end);

		assert_int_equal(set(o, type, start, end), clash ? -EAGAIN : 0);
		for (int i = start; !clash && i <= end; i++) model[o][i] = (short)type;
		if (n % 10 == 0) table_is_the_model();
	}
}

static void neighbours_are_one_range(void **st)
{
	struct lock_range r = range(1, F_WRLCK, 0, BYTES), have;

	(void)st;
	set(0, F_WRLCK, 4, 5);
	set(0, F_WRLCK, 8, 9);
	set(0, F_WRLCK, 6, 7);
	lock_get(&file, &r, &have);
	assert_int_equal(have.start, 4);
	assert_int_equal(have.end, 9);
}

static void waiters_are_served_in_order(void **st)
{
	(void)st;
	set(0, F_WRLCK, 0, 9);
	assert_int_equal(wait_for(&file, 1, F_WRLCK, 5, 6, 11), 1);
	assert_int_equal(wait_for(&file, 2, F_WRLCK, 6, 7, 12), 1);
	assert_int_equal(wait_for(&file, 3, F_RDLCK, 0, 0, 13), 1);
	set(0, F_RDLCK, 0, 4);
	assert_int_equal(nanswers, 1);
	assert_int_equal(answered[0], 13);
	set(0, F_UNLCK, 5, 9);
	assert_int_equal(nanswers, 2);
	assert_int_equal(answered[1], 11);
	lock_close(&file, 2);
	assert_int_equal(answered[2], 12);
}

static void who_was_taken_away_gets_nothing(void **st)
{
	(void)st;
	set(0, F_WRLCK, 0, 9);
	assert_int_equal(wait_for(&file, 1, F_WRLCK, 0, 0, 11), 1);
	gone = 11;
	lock_close(&file, 1);
	assert_int_equal(nanswers, 0);
	assert_int_equal(set(2, F_WRLCK, 0, 0), 0);
}

static void a_cycle_over_two_files_is_a_deadlock(void **st)
{
	struct lock_range r = range(1, F_WRLCK, 0, 0);

	(void)st;
	set(0, F_WRLCK, 0, 0);
	assert_int_equal(lock_set(&other, &r), 0);
	assert_int_equal(wait_for(&other, 0, F_RDLCK, 0, 3, 11), 1);
	assert_int_equal(wait_for(&file, 2, F_WRLCK, 0, 3, 12), 1);
	assert_int_equal(wait_for(&file, 1, F_RDLCK, 0, 3, 13), -EDEADLK);
	gone = 11;                      /* a signal took it away: no cycle any more */
	assert_int_equal(wait_for(&file, 1, F_RDLCK, 0, 3, 13), 1);
}

static void descriptions_may_deadlock(void **st)
{
	struct lock_range a = {.owner = 1ull << 40, .type = F_WRLCK, .end = 9}, b = a;

	(void)st;
	b.owner = 2ull << 40;
	lock_set(&file, &a);
	lock_set(&other, &b);
	assert_int_equal(lock_wait(&other, &a, 11), 1);
	assert_int_equal(lock_wait(&file, &b, 12), 1);
}

/* Two threads of one process: the one that waits gets a read lock where the process had a write lock. */
static void who_waits_longer_is_served_when_a_later_one_lets_go_of_a_part(void **st)
{
	(void)st;
	set(0, F_WRLCK, 0, 10);
	set(1, F_WRLCK, 11, 15);
	assert_int_equal(wait_for(&file, 2, F_RDLCK, 5, 6, 11), 1);
	assert_int_equal(wait_for(&file, 0, F_RDLCK, 5, 15, 12), 1);
	lock_close(&file, 2);
	assert_int_equal(nanswers, 2);
	assert_int_equal(answered[0], 12);
	assert_int_equal(answered[1], 11);
}

/* Each owner has a byte and waits for the next one's; the last closes the circle. */
static void *ask_around_a_long_circle(void *arg)
{
	enum { N = 2000 };
	struct lock_range r = {.type = F_WRLCK};

	for (int i = 0; i < N; i++) {
		r.owner = i + 1;
		r.start = r.end = i;
		assert_int_equal(lock_set(&file, &r), 0);
	}
	for (int i = 0; i < N; i++) {
		r.owner = i + 1;
		r.start = r.end = (i + 1) % N;
		assert_int_equal(lock_wait(&file, &r, 11), i < N - 1 ? 1 : -EDEADLK);
	}
	return arg;
}

static void the_server_s_stack_is_enough_for_any_deadlock(void **st)
{
	pthread_attr_t small;
	pthread_t t;

	(void)st;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 128 << 10);
	assert_int_equal(pthread_create(&t, &small, ask_around_a_long_circle, NULL), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
}

static void a_full_table_can_be_unlocked(void **st)
{
	static struct vnode files[512];
	struct lock_range r = {.owner = 1, .type = F_WRLCK};
	unsigned n = 0;

	(void)st;
	for (; n < 512 * 200 && lock_set(&files[n / 200], &r) == 0; n++) r.start = r.end = n % 200 * 2 + 2;
	assert_in_range(n, 1000, 512 * 200 - 1);
	r = (struct lock_range){.owner = 1, .type = F_UNLCK, .start = 2, .end = 2};
	assert_int_equal(lock_set(&files[0], &r), 0);
	for (int i = 0; i < 512; i++) lock_drop_all(&files[i]);
}

/* As many as there are for it: then another user's process still locks, and the first locks again once it has
 * unlocked. */
static void one_user_cannot_take_all_locks(void **st)
{
	struct lock_range r = {.type = F_WRLCK, .start = 0, .end = 0};
	unsigned n[3] = {0};

	(void)st;
	share_limit(SHARE_LOCKS, 100);
	for (int i = 0; i < 3; i++) {
		r.owner = i < 2 ? i + 1 : 1;
		r.uid = 1000 + (uint32_t)r.owner;
		if (i == 2) lock_close(&file, r.owner);
		while (lock_set(&file, &r) == 0) n[i]++, r.start = r.end += 2;
	}
	share_limit(SHARE_LOCKS, 65536);
	assert_in_range(n[0], 45, 50);
	assert_in_range(n[1], 20, 25);
	assert_in_range(n[2], n[1], 50);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(ranges_split_and_melt_like_bytes),
		T(neighbours_are_one_range),
		T(waiters_are_served_in_order),
		T(who_was_taken_away_gets_nothing),
		T(a_cycle_over_two_files_is_a_deadlock),
		T(descriptions_may_deadlock),
		T(who_waits_longer_is_served_when_a_later_one_lets_go_of_a_part),
		T(the_server_s_stack_is_enough_for_any_deadlock),
		T(a_full_table_can_be_unlocked),
		T(one_user_cannot_take_all_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
