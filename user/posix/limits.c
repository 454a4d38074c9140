/* SPDX-License-Identifier: MIT */
/* user/posix/limits.c - RL1: how large files (RLIMIT_FSIZE) and address spaces (RLIMIT_AS) may become.
 *
 * Each test has a process of its own: what it limits is limited for nobody else.
 */
#include <sys/resource.h>
#include <sys/syscall.h>

#include "posix.h"

#define RW (PROT_READ | PROT_WRITE)
#define MB (1ul << 20)

static volatile int signals;
static char buf[2 * PAGE];

static void note(int signo)
{
	signals += signo == SIGXFSZ;
}

static void limit(int which, rlim_t soft)
{
	struct rlimit r;

	must(getrlimit(which, &r) == 0);
	r.rlim_cur = soft;
	must(setrlimit(which, &r) == 0);
}

/* Files of at most n bytes; who wants more is signalled, and that is counted. */
static void limit_files(rlim_t n)
{
	signal(SIGXFSZ, note);
	limit(RLIMIT_FSIZE, n);
}

static void *map_some(size_t n)
{
	return mmap(NULL, n, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

TEST(RL1, a_write_stops_at_the_limit)
{
	int fd = new_file("f", 0);

	limit_files(PAGE + 100);
	expect(write(fd, buf, 2 * PAGE) == PAGE + 100);
	expect(size_of(fd) == PAGE + 100 && signals == 0);
	expect_error(write(fd, buf, 1), EFBIG);
	expect(signals == 1);
	expect_error(pwrite(fd, buf, 1, 3 * PAGE), EFBIG);
	expect(signals == 2 && size_of(fd) == PAGE + 100);
}

TEST(RL1, below_the_limit_a_file_can_be_written)
{
	int fd = new_file("f", 2 * PAGE);

	limit_files(PAGE);
	expect(pwrite(fd, "x", 1, PAGE - 1) == 1);
	expect(byte_at(fd, PAGE - 1) == 'x' && signals == 0);
	expect_error(pwrite(fd, "x", 1, PAGE), EFBIG);
	expect(byte_at(fd, PAGE) == (unsigned char)pattern(PAGE) && signals == 1);
}

static void write_too_much(void *fd)
{
	limit(RLIMIT_FSIZE, 10);
	(void)!pwrite(*(int *)fd, "x", 1, 10);
}

TEST(RL1, who_does_not_handle_it_is_ended_by_sigxfsz)
{
	int fd = new_file("f", 0);

	expect(in_child(write_too_much, &fd) == 128 + SIGXFSZ);
	expect(size_of(fd) == 0);
	expect(pwrite(fd, "x", 1, 10) == 1);            /* the child's limit, not the file's */
}

TEST(RL1, ftruncate_grows_to_the_limit_and_shrinks_from_beyond)
{
	int fd = new_file("f", 3 * PAGE);

	limit_files(PAGE);
	expect_error(ftruncate(fd, 4 * PAGE), EFBIG);
	expect(signals == 1 && size_of(fd) == 3 * PAGE);
	expect(ftruncate(fd, 2 * PAGE) == 0);           /* too large still, and yet smaller */
	expect(ftruncate(fd, 100) == 0);
	expect(ftruncate(fd, PAGE) == 0 && size_of(fd) == PAGE);
	expect_error(truncate("f", PAGE + 1), EFBIG);
	expect(signals == 2 && size_of(fd) == PAGE);
}

TEST(RL1, fallocate_grows_to_the_limit)
{
	int fd = new_file("f", 0);

	limit_files(PAGE);
	expect_error(fallocate(fd, 0, 0, PAGE + 1), EFBIG);
	expect(signals == 1 && size_of(fd) == 0);
	expect(fallocate(fd, 0, 0, PAGE) == 0 && size_of(fd) == PAGE);
}

TEST(RL1, an_append_is_limited_too)
{
	int fd, ap;

	fd = new_file("f", PAGE - 4);
	ap = open("f", O_WRONLY | O_APPEND);
	must(ap >= 0);
	limit_files(PAGE);
	expect(write(ap, buf, 10) == 4);
	expect_error(write(ap, buf, 10), EFBIG);
	expect(size_of(fd) == PAGE && signals == 1);
}

TEST(RL1, pipes_and_stores_through_mappings_are_not_files_that_grow)
{
	int fd = new_file("f", 2 * PAGE), p[2];
	char *m = map_file(fd, 2 * PAGE);

	must(pipe(p) == 0);
	limit_files(10);
	expect(write(p[1], buf, 100) == 100);
	m[PAGE + 5] = 'x';
	publish(m, 2 * PAGE);
	expect(byte_at(fd, PAGE + 5) == 'x' && signals == 0);
	expect_error(pwrite(fd, "x", 1, PAGE), EFBIG);
	expect(signals == 1);
}

TEST(RL1, the_address_space_grows_to_the_limit)
{
	char *p, *q;

	limit(RLIMIT_AS, 64 * MB);
	expect_error(map_some(64 * MB), ENOMEM);        /* the program itself counts */
	p = map_some(40 * MB);
	must(p != MAP_FAILED);
	p[0] = 'x';
	expect_error(map_some(40 * MB), ENOMEM);
	expect(munmap(p, 40 * MB) == 0);
	q = map_some(40 * MB);
	expect(q != MAP_FAILED);
}

TEST(RL1, memory_that_only_reserves_addresses_counts)
{
	limit(RLIMIT_AS, 64 * MB);
	expect(mmap(NULL, 40 * MB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	expect_error(mmap(NULL, 40 * MB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	expect_error(mmap(NULL, 40 * MB, PROT_READ, MAP_SHARED, new_file("f", PAGE), 0), ENOMEM);
}

TEST(RL1, below_what_is_in_use_nothing_more_is_given_and_nothing_taken)
{
	char *p = map_some(MB), *end = (char *)syscall(SYS_brk, NULL);

	must(p != MAP_FAILED);
	p[0] = 'x';
	limit(RLIMIT_AS, PAGE);
	expect_error(map_some(PAGE), ENOMEM);
	expect((char *)syscall(SYS_brk, end + 4 * PAGE) == end);
	expect(p[0] == 'x');
	p[MB - 1] = 'y';                /* mapped before: it may be touched for the first time */
	expect(p[MB - 1] == 'y' && munmap(p + PAGE, PAGE) == 0);
}

TEST(RL1, mremap_is_limited_by_the_address_space)
{
	char *p = map_some(20 * MB);

	must(p != MAP_FAILED);
	p[0] = 'x';
	limit(RLIMIT_AS, 64 * MB);
	expect_error(mremap(p, 20 * MB, 70 * MB, MREMAP_MAYMOVE), ENOMEM);
	expect(p[0] == 'x');
	p = mremap(p, 20 * MB, 40 * MB, MREMAP_MAYMOVE);
	expect(p != MAP_FAILED && p[0] == 'x');
}

TEST(RL1, a_mapping_that_replaces_another_counts_once)
{
	char *p = map_some(40 * MB);

	must(p != MAP_FAILED);
	p[0] = 'x';
	limit(RLIMIT_AS, 64 * MB);
	expect(mmap(p, 40 * MB, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == p);
	expect(p[0] == 0);
	expect_error(map_some(40 * MB), ENOMEM);
}

static void try_to_raise(void *unused)
{
	struct rlimit r = {1 << 20, 1 << 20}, more = {1 << 20, 2 << 20}, now;

	(void)unused;
	must(setrlimit(RLIMIT_FSIZE, &r) == 0 && setuid(65534) == 0);
	expect_error(setrlimit(RLIMIT_FSIZE, &more), EPERM);
	r.rlim_cur = 4096;
	expect(setrlimit(RLIMIT_FSIZE, &r) == 0);
	r.rlim_cur = 1 << 20;
	expect(setrlimit(RLIMIT_FSIZE, &r) == 0);
	expect(getrlimit(RLIMIT_FSIZE, &now) == 0 && now.rlim_cur == 1 << 20 && now.rlim_max == 1 << 20);
}

TEST(RL1, nobody_raises_the_hard_limit)
{
	struct rlimit wrong = {2 << 20, 1 << 20}, now;

	expect_error(setrlimit(RLIMIT_FSIZE, &wrong), EINVAL);
	if (geteuid()) skip("not root");
	expect(in_child(try_to_raise, NULL) == 0);
	expect(getrlimit(RLIMIT_FSIZE, &now) == 0 && now.rlim_cur == RLIM_INFINITY);
}
