/* SPDX-License-Identifier: MIT */
/* user/posix/mmap_file.c - MM16, MM17, MM18: the life and the times of a mapped file. */
#include <sys/statvfs.h>
#include <time.h>

#include "mmap_help.h"

#define RW (PROT_READ | PROT_WRITE)
#define LONG_AGO 1000           /* seconds after 1970 */

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
}

static struct stat stat_of(int fd)
{
	struct stat st;

	must(fstat(fd, &st) == 0);
	return st;
}

static bool later(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

/* Make the file's times old, and tell ctime, which cannot be; the clock moves on. */
static struct timespec age(int fd)
{
	struct timespec t[2] = {{.tv_sec = LONG_AGO}, {.tv_sec = LONG_AGO + 1}};
	struct timespec ctime;

	must(futimens(fd, t) == 0);
	must(stat_of(fd).st_mtim.tv_sec == LONG_AGO + 1);
	ctime = stat_of(fd).st_ctim;
	nap();
	return ctime;
}

static void expect_marked(int fd, struct timespec ctime)
{
	struct stat st = stat_of(fd);

	expect(st.st_mtim.tv_sec > LONG_AGO + 1);
	expect(later(st.st_ctim, ctime));
}

static void expect_unmarked(int fd, struct timespec ctime)
{
	struct stat st = stat_of(fd);

	expect(st.st_mtim.tv_sec == LONG_AGO + 1);
	expect(!later(st.st_ctim, ctime) && !later(ctime, st.st_ctim));
}

TEST(MM16, a_mapping_works_after_its_descriptor_is_closed)
{
	int fd = shown_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	expect(p[0] == pattern(0));
	close(fd);
	expect(is_pattern(p, 0, 2 * PAGE));
	p[PAGE] = 'x';
	publish(p, 2 * PAGE);
	fd = open("f", O_RDONLY);
	must(fd >= 0);
	expect(byte_at(fd, PAGE) == 'x' && byte_at(fd, 0) == (unsigned char)pattern(0));
}

TEST(MM16, a_mapping_works_after_its_name_is_removed)
{
	int fd = shown_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	must(unlink("f") == 0 && close(fd) == 0);
	expect(is_pattern(p, 0, 2 * PAGE));
	p[PAGE] = 'x';
	publish(p, 2 * PAGE);
	expect(p[PAGE] == 'x');
	expect_error(open("f", O_RDONLY), ENOENT);
}

TEST(MM16, a_new_file_of_the_name_is_another)
{
	int fd = shown_file("f", PAGE), other;
	char *p = map_file(fd, PAGE), *q;

	must(unlink("f") == 0 && close(fd) == 0);
	other = shown_file("f", PAGE);
	q = map_file(other, PAGE);
	memset(p, 'p', PAGE);
	publish(p, PAGE);
	expect(is_pattern(q, 0, PAGE));
	expect(byte_at(other, 0) == (unsigned char)pattern(0));
	memset(q, 'q', PAGE);
	expect_bytes(p, 'p', PAGE);
}

TEST(MM16, a_file_replaced_by_rename_stays_mapped)
{
	int fd = shown_file("f", PAGE), other = new_file("g", 1);
	char *p = map_file(fd, PAGE);

	must(rename("g", "f") == 0 && close(fd) == 0 && close(other) == 0);
	expect(is_pattern(p, 0, PAGE));
	p[0] = 'x';
	publish(p, PAGE);
	fd = open("f", O_RDONLY);
	expect(byte_at(fd, 0) == (unsigned char)pattern(0) && byte_at(fd, 1) == -1);
}

struct kept { char *p; struct turns t; };

static void use_after_the_end_of_the_other(void *arg)
{
	struct kept *k = arg;

	turn_wait(k->t.to);
	expect(k->p[0] == 'x' && k->p[1] == pattern(1));
	k->p[1] = 'y';
	expect(k->p[1] == 'y');
}

static void map_and_end(void *arg)
{
	struct kept *k = arg;

	k->p[0] = 'x';
}

TEST(MM16, a_mapping_outlives_the_other_users_of_the_file)
{
	int fd = shown_file("f", PAGE);
	struct kept k = {map_file(fd, PAGE), turns_new()};
	pid_t pid = child_start(use_after_the_end_of_the_other, &k);

	expect(in_child(map_and_end, &k) == 0);
	must(unlink("f") == 0 && close(fd) == 0 && munmap(k.p, PAGE) == 0);
	turn_give(k.t.to);
	child_end(pid);
}

static long free_kib(void)
{
	struct statvfs s;

	must(statvfs(".", &s) == 0);
	return s.f_bfree * (s.f_frsize / 512) / 2;
}

/* Wait until so much is free: freed blocks may count only when the freeing is on the disk. */
static bool comes_free(long kib)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY);

	for (int i = 0; i < 100 && free_kib() < kib; i++) {
		must(fsync(dir) == 0);
		nap();
	}
	return free_kib() >= kib;
}

TEST(MM16, the_space_is_freed_after_the_last_unmap)
{
	long n = 512 * PAGE, before;
	int fd = shown_file("f", n);
	char *p = map_file(fd, n);

	must(fsync(fd) == 0);
	before = free_kib();
	must(unlink("f") == 0 && close(fd) == 0);
	nap();
	expect(free_kib() < before + n / 1024 / 2);
	expect(is_pattern(p + n - PAGE, n - PAGE, PAGE));
	must(munmap(p, n) == 0);
	expect(comes_free(before + n / 1024 / 2));
}

/* A file with old times; reading it marks st_atime, by relatime too. */
static int atime_file(void)
{
	struct statvfs s;
	int fd = shown_file("f", PAGE);

	must(statvfs(".", &s) == 0);
	if (s.f_flag & ST_NOATIME) skip("mounted noatime");
	age(fd);
	return fd;
}

TEST(MM17, a_reference_marks_atime)
{
	int fd = atime_file();
	char *p = map_at(fd, PAGE, PROT_READ, MAP_SHARED, 0);

	expect(is_pattern(p, 0, PAGE));
	must(munmap(p, PAGE) == 0);
	expect(stat_of(fd).st_atim.tv_sec > LONG_AGO);
	expect(stat_of(fd).st_mtim.tv_sec == LONG_AGO + 1);
}

TEST(MM17, a_private_reference_marks_atime)
{
	int fd = atime_file();
	char *p = map_at(fd, PAGE, RW, MAP_PRIVATE, 0);

	p[0] = 'x';
	must(munmap(p, PAGE) == 0);
	expect(stat_of(fd).st_atim.tv_sec > LONG_AGO);
}

TEST(MM18, a_store_is_marked_by_msync_with_ms_sync)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, PAGE);
	struct timespec ctime = age(fd);

	p[0] = 'x';
	must(msync(p, PAGE, MS_SYNC) == 0);
	expect_marked(fd, ctime);
}

TEST(MM18, a_store_is_marked_by_msync_with_ms_async)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, PAGE);
	struct timespec ctime = age(fd);

	p[0] = 'x';
	must(msync(p, PAGE, MS_ASYNC) == 0);
	expect_marked(fd, ctime);
}

TEST(MM18, a_store_after_msync_is_marked_again)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, PAGE);
	struct timespec ctime;

	p[0] = 'x';
	must(msync(p, PAGE, MS_SYNC) == 0);
	ctime = age(fd);
	expect_unmarked(fd, ctime);
	p[0] = 'y';
	must(msync(p, PAGE, MS_SYNC) == 0);
	expect_marked(fd, ctime);
}

/* Two stores into a page that stays dirty between them: the second one is marked too. */
static void store_twice(int msflags)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, PAGE);
	struct timespec between;
	struct stat st;

	p[0] = 'x';
	nap();
	must(clock_gettime(CLOCK_REALTIME, &between) == 0);
	expect(later(between, stat_of(fd).st_mtim));
	nap();
	p[0] = 'y';
	must(msync(p, PAGE, msflags) == 0);
	st = stat_of(fd);
	expect(later(st.st_mtim, between));
	expect(later(st.st_ctim, between));
}

TEST(MM18, a_store_into_a_page_dirty_already_is_marked_by_ms_sync)
{
	store_twice(MS_SYNC);
}

TEST(MM18, a_store_into_a_page_dirty_already_is_marked_by_ms_async)
{
	store_twice(MS_ASYNC);
}

TEST(MM18, a_store_through_a_descriptor_closed_since_is_marked)
{
	int fd = shown_file("f", PAGE), other = open("f", O_RDWR);
	char *p = map_file(other, PAGE);
	struct timespec ctime = age(fd);

	close(other);
	p[0] = 'x';
	must(msync(p, PAGE, MS_SYNC) == 0);
	expect_marked(fd, ctime);
}

TEST(MM18, references_that_store_nothing_mark_nothing)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, PAGE), *q = map_at(fd, PAGE, RW, MAP_PRIVATE, 0);
	struct timespec ctime;

	must(fsync(fd) == 0);
	ctime = age(fd);
	expect(is_pattern(p, 0, PAGE));
	q[0] = 'x';                                             /* private: not the file's */
	must(msync(p, PAGE, MS_SYNC) == 0 && msync(q, PAGE, MS_SYNC) == 0);
	expect_unmarked(fd, ctime);
}
