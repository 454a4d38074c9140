/* SPDX-License-Identifier: MIT */
/* user/posix/lock.c - ML1 and ML2: mlock, mlockall and what undoes them.
 *
 * Two ways to see a lock: mincore says that a page which nobody touched is resident, and msync refuses to invalidate
 * it (MS9).  Root is exempt from RLIMIT_MEMLOCK: what the limit does is tried by a child that is somebody else.
 */
#include <sys/resource.h>

#include "posix.h"

#define RW (PROT_READ | PROT_WRITE)
#define NOBODY 65534

static char *untouched(int n)
{
	return map_at(-1, n * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);
}

static bool is_locked(char *p)
{
	return msync(p, PAGE, MS_ASYNC | MS_INVALIDATE) == -1 && errno == EBUSY;
}

/* How many of n pages are in memory. */
static int resident(char *p, int n)
{
	unsigned char in[64];
	int sum = 0;

	must(n <= 64 && mincore(p, n * PAGE, in) == 0);
	for (int i = 0; i < n; i++) sum += in[i] & 1;
	return sum;
}

/* From here on this process is not root and may lock n pages. */
static void become_limited(int n)
{
	struct rlimit r = {n * PAGE, n * PAGE};

	must(munlockall() == 0);
	must(setrlimit(RLIMIT_MEMLOCK, &r) == 0);
	must(setuid(NOBODY) == 0);
}

TEST(ML1, locked_memory_is_resident_before_it_is_touched)
{
	char *p = untouched(8);

	must(resident(p, 8) == 0);
	expect(mlock(p + 2 * PAGE, 4 * PAGE) == 0);
	expect(resident(p + 2 * PAGE, 4) == 4);
	expect(resident(p, 2) == 0 && resident(p + 6 * PAGE, 2) == 0);
	expect_bytes(p + 2 * PAGE, 0, 4 * PAGE);
}

TEST(ML1, a_locked_file_mapping_is_read_in)
{
	int fd = new_file("f", 4 * PAGE);
	char *p;

	must(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	p = map_file(fd, 4 * PAGE);
	must(resident(p, 4) == 0);
	expect(mlock(p, 4 * PAGE) == 0);
	expect(resident(p, 4) == 4);
	expect(is_pattern(p, 0, 4 * PAGE));
}

TEST(ML1, locked_file_pages_do_not_leave_memory_on_advice)
{
	int fd = new_file("f", 4 * PAGE);
	char *p = map_file(fd, 4 * PAGE);

	expect(mlock(p, 2 * PAGE) == 0);
	must(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	expect(resident(p, 2) == 2);
	expect(is_locked(p) && is_locked(p + PAGE) && !is_locked(p + 2 * PAGE));
}

TEST(ML1, munlock_unlocks_and_keeps_the_contents)
{
	char *p = untouched(2);

	expect(mlock(p, 2 * PAGE) == 0);
	p[0] = p[PAGE] = 'x';
	expect(munlock(p, PAGE) == 0);
	expect(!is_locked(p) && is_locked(p + PAGE));
	expect(p[0] == 'x' && p[PAGE] == 'x');
}

TEST(ML1, locks_do_not_nest)
{
	char *p = untouched(2);

	expect(mlock(p, 2 * PAGE) == 0 && mlock(p, 2 * PAGE) == 0 && mlock(p, PAGE) == 0);
	expect(is_locked(p) && is_locked(p + PAGE));
	expect(munlock(p, 2 * PAGE) == 0);
	expect(!is_locked(p) && !is_locked(p + PAGE));
}

TEST(ML1, a_part_of_a_page_locks_all_of_it)
{
	char *p = untouched(3);

	expect(mlock(p + PAGE - 1, 2) == 0);
	expect(is_locked(p) && is_locked(p + PAGE) && !is_locked(p + 2 * PAGE));
	expect(munlock(p + PAGE + 5, 1) == 0);
	expect(is_locked(p) && !is_locked(p + PAGE));
}

TEST(ML1, a_length_of_zero_locks_nothing)
{
	char *p = untouched(1);

	expect(mlock(p, 0) == 0);
	expect(!is_locked(p) && resident(p, 1) == 0);
}

TEST(ML1, mlock_over_a_hole_is_an_error)
{
	char *p = untouched(3);

	must(munmap(p + PAGE, PAGE) == 0);
	expect_error(mlock(p, 3 * PAGE), ENOMEM);
	expect_error(mlock(p + PAGE, PAGE), ENOMEM);
	expect_error(munlock(p, 3 * PAGE), ENOMEM);
	expect_error(munlock(p + PAGE, PAGE), ENOMEM);
	expect_error(mlock((void *)0xffffffff80000000, PAGE), ENOMEM);
	expect(mlock(p + 2 * PAGE, PAGE) == 0 && is_locked(p + 2 * PAGE));
}

TEST(ML1, munlock_of_what_is_not_locked_succeeds)
{
	char *p = untouched(1);

	p[0] = 'x';
	expect(munlock(p, PAGE) == 0);
	expect(p[0] == 'x' && !is_locked(p));
}

static void expect_unlocked(void *p)
{
	expect(!is_locked(p));
	expect(*(char *)p == 'x');
	*(char *)p = 'c';
}

TEST(ML1, a_child_does_not_inherit_locks)
{
	char *p = untouched(1);

	expect(mlock(p, PAGE) == 0);
	p[0] = 'x';
	expect(in_child(expect_unlocked, p) == 0);
	expect(is_locked(p) && p[0] == 'x');
}

static void lock_up_to_the_limit(void *p)
{
	char *c = p;

	become_limited(4);
	expect_error(mlock(c, 5 * PAGE), ENOMEM);
	expect(!is_locked(c));
	expect(mlock(c, 4 * PAGE) == 0);
	expect(is_locked(c) && is_locked(c + 3 * PAGE));
	expect_error(mlock(c + 4 * PAGE, PAGE), ENOMEM);
	expect(!is_locked(c + 4 * PAGE));
}

TEST(ML1, nobody_locks_more_than_the_limit)
{
	expect(in_child(lock_up_to_the_limit, untouched(8)) == 0);
}

static void lock_unlock_lock(void *p)
{
	char *c = p;

	become_limited(4);
	expect(mlock(c, 4 * PAGE) == 0);
	expect(mlock(c + PAGE, 3 * PAGE) == 0);         /* these are locked: no page more */
	expect(munlock(c, 2 * PAGE) == 0);
	expect(mlock(c + 4 * PAGE, 2 * PAGE) == 0);
	expect_error(mlock(c, PAGE), ENOMEM);
	expect(munmap(c + 4 * PAGE, PAGE) == 0);
	expect(mlock(c, PAGE) == 0 && is_locked(c));
}

TEST(ML1, what_is_unlocked_or_unmapped_can_be_locked_elsewhere)
{
	expect(in_child(lock_unlock_lock, untouched(8)) == 0);
}

static void lock_without_right(void *p)
{
	become_limited(0);
	expect_error(mlock(p, PAGE), EPERM);
	expect_error(mlockall(MCL_CURRENT), EPERM);
	expect(!is_locked(p));
	expect(munlock(p, PAGE) == 0);
}

TEST(ML1, a_limit_of_zero_takes_the_right_away)
{
	expect(in_child(lock_without_right, untouched(1)) == 0);
}

TEST(ML1, root_is_exempt_from_the_limit)
{
	struct rlimit r = {PAGE, PAGE};
	char *p = untouched(4);

	if (geteuid()) skip("not root");
	must(setrlimit(RLIMIT_MEMLOCK, &r) == 0);
	expect(mlock(p, 4 * PAGE) == 0);
	expect(is_locked(p + 3 * PAGE) && resident(p, 4) == 4);
}

TEST(ML2, current_locks_what_is_mapped_and_nothing_later)
{
	int fd = new_file("f", 2 * PAGE);
	char *p = untouched(4), *f = map_file(fd, 2 * PAGE), *later;

	must(resident(p, 4) == 0);
	expect(mlockall(MCL_CURRENT) == 0);
	expect(resident(p, 4) == 4 && resident(f, 2) == 2);
	expect(is_locked(p) && is_locked(f + PAGE));
	later = untouched(2);
	expect(!is_locked(later) && resident(later, 2) == 0);
}

TEST(ML2, future_locks_what_is_mapped_later_and_nothing_now)
{
	char *now = untouched(2), *p, *f;
	int fd = new_file("f", 2 * PAGE);

	expect(mlockall(MCL_FUTURE) == 0);
	p = untouched(4);
	f = map_file(fd, 2 * PAGE);
	expect(is_locked(p) && resident(p, 4) == 4);
	expect(is_locked(f) && resident(f, 2) == 2);
	expect(!is_locked(now) && resident(now, 2) == 0);
}

TEST(ML2, current_and_future_together_lock_both)
{
	char *now = untouched(2), *later;

	expect(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
	later = untouched(2);
	expect(is_locked(now) && is_locked(later));
	expect(resident(now, 2) == 2 && resident(later, 2) == 2);
}

TEST(ML2, munlockall_unlocks_everything_and_ends_the_future)
{
	char *now = untouched(2), *mine = untouched(2), *later;

	must(mlock(mine, PAGE) == 0);
	must(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
	must(is_locked(now) && is_locked(mine) && is_locked(untouched(1)));
	expect(munlockall() == 0);
	later = untouched(2);
	expect(!is_locked(now) && !is_locked(mine) && !is_locked(later));
	expect(resident(later, 2) == 0);
}

TEST(ML2, memory_without_rights_does_not_stand_in_the_way)
{
	char *p = map_at(-1, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0), *q = untouched(2);

	expect(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
	expect(resident(q, 2) == 2);
	expect(mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	expect_fault(p, LOAD, SIGSEGV, SEGV_ACCERR);
}

TEST(ML2, unknown_flags_are_refused)
{
	char *p = untouched(1);

	expect_error(mlockall(0), EINVAL);
	expect_error(mlockall(0x100), EINVAL);
	expect_error(mlockall(MCL_CURRENT | MCL_FUTURE | 0x1000), EINVAL);
	expect(!is_locked(p) && resident(p, 1) == 0);
}

static void map_in_child(void *now)
{
	char *p = untouched(2);

	expect(!is_locked(now));
	expect(!is_locked(p) && resident(p, 2) == 0);
}

TEST(ML2, a_child_inherits_neither_current_nor_future)
{
	char *now = untouched(1);

	*now = 'x';
	expect(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
	expect(in_child(map_in_child, now) == 0);
	expect(is_locked(now));
}

static void map_more_than_may_be_locked(void *unused)
{
	char *p;

	(void)unused;
	become_limited(4);
	expect_error(mlockall(MCL_CURRENT), ENOMEM);    /* text and stack are more than four pages */
	expect(mlockall(MCL_FUTURE) == 0);
	expect_error(mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EAGAIN);
	p = untouched(2);
	expect(is_locked(p) && resident(p, 2) == 2);
}

TEST(ML2, the_limit_holds_for_all_and_for_the_future)
{
	expect(in_child(map_more_than_may_be_locked, NULL) == 0);
}
