/* SPDX-License-Identifier: MIT */
/* user/posix/truncate.c - FT1: ftruncate and truncate; FL1: fallocate. */
#include <sys/statvfs.h>
#include <time.h>

#include "posix.h"

#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

/* In units of 512 bytes, once everything is on the disk. */
static long blocks_of(int fd)
{
	struct stat s;

	must(fsync(fd) == 0 && fstat(fd, &s) == 0);
	return s.st_blocks;
}

/* What is left for everybody on this file system. */
static long room_in_bytes(void)
{
	struct statvfs s;

	must(statvfs(".", &s) == 0);
	return s.f_bavail * s.f_frsize;
}

static bool pattern_at(int fd, long from, long n)
{
	static char b[4 * PAGE];

	must(n <= (long)sizeof(b));
	read_at(fd, b, n, from);
	return is_pattern(b, from, n);
}

static bool zero_at(int fd, long from, long n)
{
	static char b[4 * PAGE];

	must(n <= (long)sizeof(b));
	read_at(fd, b, n, from);
	return all_are(b, 0, n);
}

static bool later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

TEST(FT1, what_is_cut_off_cannot_be_read)
{
	int fd = new_file("f", 3 * PAGE);

	expect(ftruncate(fd, PAGE + 10) == 0);
	expect(size_of(fd) == PAGE + 10);
	expect(byte_at(fd, PAGE + 9) == (unsigned char)pattern(PAGE + 9));
	expect(byte_at(fd, PAGE + 10) == -1 && byte_at(fd, 2 * PAGE) == -1);
}

TEST(FT1, what_was_cut_off_is_zero_when_the_file_grows_again)
{
	int fd = new_file("f", 3 * PAGE);

	expect(ftruncate(fd, 10) == 0);
	expect(ftruncate(fd, 3 * PAGE) == 0);
	expect(size_of(fd) == 3 * PAGE);
	expect(pattern_at(fd, 0, 10) && zero_at(fd, 10, 3 * PAGE - 10));
}

TEST(FT1, what_was_cut_off_stays_gone_on_the_disk)
{
	int fd = new_file("f", 3 * PAGE);

	must(fsync(fd) == 0);
	expect(ftruncate(fd, 10) == 0 && ftruncate(fd, 3 * PAGE) == 0);
	must(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	expect(pattern_at(fd, 0, 10) && zero_at(fd, 10, 3 * PAGE - 10));
}

TEST(FT1, what_was_cut_off_is_zero_when_a_write_beyond_it_grows_the_file)
{
	int fd = new_file("f", 2 * PAGE);

	expect(ftruncate(fd, 100) == 0);
	write_at(fd, "x", 1, 2 * PAGE);
	expect(size_of(fd) == 2 * PAGE + 1);
	expect(pattern_at(fd, 0, 100) && zero_at(fd, 100, 2 * PAGE - 100));
	expect(byte_at(fd, 2 * PAGE) == 'x');
}

TEST(FT1, what_was_cut_off_is_zero_in_a_mapping_too)
{
	int fd = new_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	refetch(p, 2 * PAGE);
	must(is_pattern(p, 0, 2 * PAGE));
	expect(ftruncate(fd, 10) == 0 && ftruncate(fd, 2 * PAGE) == 0);
	refetch(p, 2 * PAGE);
	expect(is_pattern(p, 0, 10));
	expect_bytes(p + 10, 0, 2 * PAGE - 10);
}

TEST(FT1, stores_in_what_is_cut_off_do_not_come_back)
{
	int fd = new_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	p[100] = p[PAGE + 100] = 'x';
	expect(ftruncate(fd, 50) == 0 && ftruncate(fd, 2 * PAGE) == 0);
	publish(p, 2 * PAGE);
	expect(zero_at(fd, 50, 2 * PAGE - 50));
	expect(p[100] == 0 && p[PAGE + 100] == 0);
}

TEST(FT1, a_file_grown_by_it_is_zero_and_takes_no_space)
{
	int fd = new_file("f", PAGE);
	long blocks = blocks_of(fd);

	expect(ftruncate(fd, 1024 * PAGE) == 0);
	expect(size_of(fd) == 1024 * PAGE);
	expect(pattern_at(fd, 0, PAGE) && zero_at(fd, PAGE, PAGE) && zero_at(fd, 1023 * PAGE, PAGE));
	expect(byte_at(fd, 1024 * PAGE) == -1);
	expect(blocks_of(fd) == blocks);
}

TEST(FT1, a_file_cut_to_nothing_gives_its_space_back)
{
	int fd = new_file("f", 16 * PAGE);

	must(blocks_of(fd) >= 16 * PAGE / 512);
	expect(ftruncate(fd, 0) == 0);
	expect(size_of(fd) == 0 && byte_at(fd, 0) == -1);
	expect(blocks_of(fd) == 0);
}

TEST(FT1, the_offset_stays_where_it_was)
{
	int fd = new_file("f", PAGE);

	must(lseek(fd, 1000, SEEK_SET) == 1000);
	expect(ftruncate(fd, 10) == 0);
	expect(lseek(fd, 0, SEEK_CUR) == 1000);
	expect(write(fd, "x", 1) == 1);
	expect(size_of(fd) == 1001 && byte_at(fd, 1000) == 'x' && zero_at(fd, 10, 990));
}

TEST(FT1, the_times_of_change_are_marked)
{
	static const struct timespec old[2] = {{1000, 0}, {1000, 0}};
	int fd = new_file("f", PAGE);
	struct stat a, b;

	must(futimens(fd, old) == 0 && fstat(fd, &a) == 0);
	must(a.st_mtime == 1000);
	nanosleep(&(struct timespec){0, 20000000}, NULL);
	expect(ftruncate(fd, 10) == 0);
	must(fstat(fd, &b) == 0);
	expect(later(b.st_mtim, a.st_mtim) && later(b.st_ctim, a.st_ctim));
	must(futimens(fd, old) == 0);
	expect(ftruncate(fd, 10) == 0);         /* POSIX: also when the size stays */
	must(fstat(fd, &b) == 0);
	expect(later(b.st_mtim, a.st_mtim));
}

TEST(FT1, descriptors_that_cannot_be_truncated_are_refused)
{
	int fd = new_file("f", PAGE), ro = open("f", O_RDONLY), pipes[2];

	must(ro >= 0 && pipe(pipes) == 0);
	expect_error(ftruncate(-1, 0), EBADF);
	expect_error(ftruncate(ro, 0), EINVAL);
	expect_error(ftruncate(pipes[1], 0), EINVAL);
	expect_error(ftruncate(fd, -1), EINVAL);
	expect(size_of(fd) == PAGE && pattern_at(fd, 0, PAGE));
}

TEST(FT1, a_size_no_file_can_have_is_too_big)
{
	int fd = new_file("f", 10);

	expect_error(ftruncate(fd, INT64_MAX), EFBIG);
	expect_error(truncate("f", INT64_MAX), EFBIG);
	expect(size_of(fd) == 10);
}

TEST(FT1, truncate_works_by_name)
{
	int fd = new_file("f", 2 * PAGE);

	expect(truncate("f", 5) == 0);
	expect(size_of(fd) == 5);
	expect(truncate("f", PAGE) == 0);
	expect(size_of(fd) == PAGE && pattern_at(fd, 0, 5) && zero_at(fd, 5, PAGE - 5));
}

static void truncate_anothers(void *fd)
{
	must(setuid(65534) == 0);
	expect_error(truncate("f", 0), EACCES);
	expect(ftruncate(*(int *)fd, 7) == 0);          /* what counts is how it was opened */
}

TEST(FT1, truncate_tells_why_it_cannot)
{
	int fd = new_file("f", PAGE);

	must(mkdir("d", 0700) == 0 && chmod(".", 0711) == 0);
	expect_error(truncate("none", 0), ENOENT);
	expect_error(truncate("f/g", 0), ENOTDIR);
	expect_error(truncate("d", 0), EISDIR);
	expect_error(truncate("f", -1), EINVAL);
	expect(size_of(fd) == PAGE);
	if (geteuid()) skip("not root");
	expect(in_child(truncate_anothers, &fd) == 0);
	expect(size_of(fd) == 7);
}

TEST(FL1, allocating_grows_the_file_with_zeros_and_takes_space)
{
	int fd = new_file("f", 10);
	long blocks = blocks_of(fd);

	expect(fallocate(fd, 0, 0, 8 * PAGE) == 0);
	expect(size_of(fd) == 8 * PAGE);
	expect(pattern_at(fd, 0, 10) && zero_at(fd, 10, PAGE) && zero_at(fd, 7 * PAGE, PAGE));
	expect(blocks_of(fd) >= blocks + 7 * PAGE / 512);
}

TEST(FL1, allocating_what_is_there_changes_no_data)
{
	int fd = new_file("f", 4 * PAGE);

	expect(fallocate(fd, 0, PAGE, 2 * PAGE) == 0);
	expect(size_of(fd) == 4 * PAGE && pattern_at(fd, 0, 4 * PAGE));
}

TEST(FL1, allocating_fills_the_holes_of_a_sparse_file)
{
	int fd = new_file("f", 0);

	must(ftruncate(fd, 16 * PAGE) == 0 && blocks_of(fd) == 0);
	expect(fallocate(fd, 0, 4 * PAGE, 4 * PAGE) == 0);
	expect(size_of(fd) == 16 * PAGE);
	expect(blocks_of(fd) >= 4 * PAGE / 512 && blocks_of(fd) < 12 * PAGE / 512);
	expect(zero_at(fd, 4 * PAGE, 4 * PAGE));
}

TEST(FL1, allocated_space_can_be_stored_to_through_a_mapping)
{
	int fd = new_file("f", 0);
	char *p;

	must(fallocate(fd, 0, 0, 2 * PAGE) == 0);
	p = map_file(fd, 2 * PAGE);
	expect_bytes(p, 0, 2 * PAGE);
	p[PAGE] = 'x';
	publish(p, 2 * PAGE);
	expect(byte_at(fd, PAGE) == 'x' && byte_at(fd, PAGE + 1) == 0 && byte_at(fd, 0) == 0);
}

TEST(FL1, keep_size_takes_space_behind_the_end)
{
	long room = room_in_bytes(), blocks;
	int fd = new_file("f", 10);

	blocks = blocks_of(fd);
	expect(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 512 * PAGE) == 0);
	expect(size_of(fd) == 10 && byte_at(fd, 10) == -1);
	/* the file's already, or promised to it and to nobody else */
	expect(blocks_of(fd) >= blocks + 511 * PAGE / 512 || room_in_bytes() <= room - 511 * PAGE);
	expect(ftruncate(fd, 8 * PAGE) == 0);
	expect(pattern_at(fd, 0, 10) && zero_at(fd, 10, PAGE));
}

TEST(FL1, a_punched_hole_is_zero_and_gives_space_back)
{
	int fd = new_file("f", 16 * PAGE);
	long blocks = blocks_of(fd);

	expect(fallocate(fd, PUNCH, 4 * PAGE, 8 * PAGE) == 0);
	expect(size_of(fd) == 16 * PAGE);
	expect(pattern_at(fd, 0, 4 * PAGE) && pattern_at(fd, 12 * PAGE, 4 * PAGE));
	expect(zero_at(fd, 4 * PAGE, 4 * PAGE) && zero_at(fd, 8 * PAGE, 4 * PAGE));
	expect(blocks_of(fd) <= blocks - 7 * PAGE / 512);
}

TEST(FL1, a_hole_of_parts_of_pages_zeroes_just_these_bytes)
{
	int fd = new_file("f", 4 * PAGE);

	expect(fallocate(fd, PUNCH, 100, 50) == 0);
	expect(fallocate(fd, PUNCH, 2 * PAGE - 10, PAGE + 20) == 0);
	expect(pattern_at(fd, 0, 100) && zero_at(fd, 100, 50) && pattern_at(fd, 150, 2 * PAGE - 160));
	expect(zero_at(fd, 2 * PAGE - 10, PAGE + 20));
	expect(pattern_at(fd, 3 * PAGE + 10, PAGE - 10));
}

TEST(FL1, a_hole_punched_under_a_mapping_is_seen_in_it)
{
	int fd = new_file("f", 3 * PAGE);
	char *p = map_file(fd, 3 * PAGE);

	refetch(p, 3 * PAGE);
	p[PAGE + 5] = 'x';
	publish(p, 3 * PAGE);
	expect(fallocate(fd, PUNCH, PAGE, PAGE) == 0);
	refetch(p, 3 * PAGE);
	expect_bytes(p + PAGE, 0, PAGE);
	expect(is_pattern(p, 0, PAGE) && is_pattern(p + 2 * PAGE, 2 * PAGE, PAGE));
	p[PAGE] = 'y';                  /* the hole is filled again */
	publish(p, 3 * PAGE);
	expect(byte_at(fd, PAGE) == 'y' && byte_at(fd, PAGE + 5) == 0);
}

TEST(FL1, a_hole_behind_the_end_does_not_grow_the_file)
{
	int fd = new_file("f", PAGE);

	expect(fallocate(fd, PUNCH, PAGE / 2, 8 * PAGE) == 0);
	expect(size_of(fd) == PAGE);
	expect(pattern_at(fd, 0, PAGE / 2) && zero_at(fd, PAGE / 2, PAGE / 2));
}

TEST(FL1, requests_that_make_no_sense_are_refused)
{
	int fd = new_file("f", PAGE), ro = open("f", O_RDONLY), pipes[2];

	must(ro >= 0 && pipe(pipes) == 0);
	expect_error(fallocate(fd, 0, 0, 0), EINVAL);
	expect_error(fallocate(fd, 0, -1, PAGE), EINVAL);
	expect_error(fallocate(fd, 0, 0, -PAGE), EINVAL);
	expect_error(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE), EOPNOTSUPP);
	expect_error(fallocate(fd, 0x4000, 0, PAGE), EOPNOTSUPP);
	expect_error(fallocate(fd, 0, INT64_MAX - 10, 100), EFBIG);
	expect_error(fallocate(ro, 0, 0, PAGE), EBADF);
	expect_error(fallocate(-1, 0, 0, PAGE), EBADF);
	expect_error(fallocate(pipes[1], 0, 0, PAGE), ESPIPE);
	expect(size_of(fd) == PAGE && pattern_at(fd, 0, PAGE));
}

TEST(FL1, posix_fallocate_returns_the_error)
{
	int fd = new_file("f", 10);

	errno = 0;
	expect(posix_fallocate(fd, 0, 2 * PAGE) == 0);
	expect(size_of(fd) == 2 * PAGE && pattern_at(fd, 0, 10) && zero_at(fd, 10, PAGE));
	expect(posix_fallocate(fd, 0, PAGE) == 0 && size_of(fd) == 2 * PAGE);
	expect(posix_fallocate(-1, 0, PAGE) == EBADF);
	expect(posix_fallocate(fd, -1, PAGE) == EINVAL && posix_fallocate(fd, 0, 0) == EINVAL);
}
