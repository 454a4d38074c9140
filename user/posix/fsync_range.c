/* SPDX-License-Identifier: MIT */
/* user/posix/fsync_range.c - RW3: sync_file_range writes a part of a file; FA1: posix_fadvise. */
#include "written.h"

#define WRITE_AND_WAIT (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)

TEST(RW3, sync_file_range_writes_the_pages_of_its_range)
{
	int fd;
	char *p = clean_pages(&fd, 5);

	for (int i = 0; i < 5; i++) p[i * PAGE] = 'x';
	expect(sync_file_range(fd, PAGE + 1, 2 * PAGE - 2, WRITE_AND_WAIT) == 0);
	expect(is_clean(fd, p + PAGE) && is_clean(fd, p + 2 * PAGE));
	expect(!is_clean(fd, p) && !is_clean(fd, p + 3 * PAGE));
	expect(byte_at(fd, PAGE) == 'x');
}

TEST(RW3, sync_file_range_of_no_bytes_goes_to_the_end)
{
	int fd;
	char *p = clean_pages(&fd, 4);

	for (int i = 0; i < 4; i++) p[i * PAGE] = 'x';
	expect(sync_file_range(fd, 2 * PAGE, 0, WRITE_AND_WAIT) == 0);
	expect(is_clean(fd, p + 2 * PAGE) && is_clean(fd, p + 3 * PAGE));
	expect(!is_clean(fd, p) && !is_clean(fd, p + PAGE));
}

TEST(RW3, sync_file_range_without_write_writes_nothing)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	expect(sync_file_range(fd, 0, PAGE, 0) == 0);
	expect(sync_file_range(fd, 0, PAGE, SYNC_FILE_RANGE_WAIT_BEFORE) == 0);
	expect(!is_clean(fd, p));
	expect(sync_file_range(fd, 0, PAGE, SYNC_FILE_RANGE_WRITE) == 0);
	expect(is_clean(fd, p));
}

TEST(RW3, sync_file_range_works_for_any_descriptor_of_the_file)
{
	int fd, ro;
	char *p = clean_pages(&fd, 1);

	must((ro = open("f", O_RDONLY)) >= 0);
	p[0] = 'x';
	write_at(fd, "w", 1, 1);
	expect(sync_file_range(ro, 0, 2, WRITE_AND_WAIT) == 0);
	expect(split_world() || (is_clean(fd, p) && byte_at(fd, 1) == 'w'));
}

TEST(RW3, sync_file_range_refuses_bad_arguments)
{
	int fd, end[2];
	char *p = clean_pages(&fd, 1);

	must(pipe(end) == 0);
	p[0] = 'x';
	expect_error(sync_file_range(fd, 0, PAGE, 8), EINVAL);
	expect_error(sync_file_range(fd, 0, PAGE, WRITE_AND_WAIT | 0x100), EINVAL);
	expect_error(sync_file_range(fd, -1, PAGE, WRITE_AND_WAIT), EINVAL);
	expect_error(sync_file_range(fd, 0, -1, WRITE_AND_WAIT), EINVAL);
	expect_error(sync_file_range(fd, INT64_MAX, 2, WRITE_AND_WAIT), EINVAL);
	expect_error(sync_file_range(end[0], 0, 0, WRITE_AND_WAIT), ESPIPE);
	expect_error(sync_file_range(-1, 0, 0, WRITE_AND_WAIT), EBADF);
	expect(!is_clean(fd, p));
}

TEST(RW3, sync_file_range_past_the_end_does_nothing)
{
	int fd;
	char *p = clean_pages(&fd, 1);
	struct stat st;

	p[0] = 'x';
	expect(sync_file_range(fd, 5 * PAGE, PAGE, WRITE_AND_WAIT) == 0);
	must(fstat(fd, &st) == 0);
	expect(st.st_size == PAGE && !is_clean(fd, p));
}

/* ---- posix_fadvise */

static const int advices[] = {POSIX_FADV_NORMAL, POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM, POSIX_FADV_WILLNEED,
                              POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE};

TEST(FA1, the_error_is_returned_and_errno_left_alone)
{
	int fd = new_file("f", PAGE), end[2];

	must(pipe(end) == 0);
	errno = 0;
	expect(posix_fadvise(fd, 0, 0, 99) == EINVAL);
	expect(posix_fadvise(fd, 0, 0, -1) == EINVAL);
	expect(posix_fadvise(fd, 0, -1, POSIX_FADV_NORMAL) == EINVAL);
	expect(posix_fadvise(-1, 0, 0, POSIX_FADV_NORMAL) == EBADF);
	expect(posix_fadvise(end[0], 0, 0, POSIX_FADV_NORMAL) == ESPIPE);
	expect(errno == 0);
}

TEST(FA1, no_advice_changes_what_is_read)
{
	int fd = new_file("f", 40 * PAGE);
	char b[3 * PAGE];

	for (int i = 0; i < 6; i++) {
		expect(posix_fadvise(fd, 0, 0, advices[i]) == 0);
		expect(posix_fadvise(fd, i * PAGE + 1, 5 * PAGE, advices[i]) == 0);
		for (long at = 5; at < 35 * PAGE; at += 7 * PAGE) {
			read_at(fd, b, 3 * PAGE, at);
			expect(is_pattern(b, at, 3 * PAGE));
		}
	}
}

TEST(FA1, dontneed_drops_clean_pages)
{
	int fd;
	char *p = clean_pages(&fd, 4), b[4 * PAGE];

	read_at(fd, b, 4 * PAGE, 0);
	expect(split_world() || (is_resident(p) && is_resident(p + 3 * PAGE)));
	expect(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	expect(!is_resident(p) && !is_resident(p + 3 * PAGE));
	read_at(fd, b, 4 * PAGE, 0);
	expect(is_pattern(b, 0, 4 * PAGE));
}

TEST(FA1, dontneed_leaves_pages_beside_the_range)
{
	int fd;
	char *p = clean_pages(&fd, 6), b[6 * PAGE];

	must(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) == 0);          /* nothing comes back unasked */
	read_at(fd, b, 6 * PAGE, 0);
	expect(posix_fadvise(fd, 0, 100, POSIX_FADV_DONTNEED) == 0);    /* no page is whole in that */
	if (!split_world()) expect(is_resident(p) && is_resident(p + 2 * PAGE) && is_resident(p + 5 * PAGE));
	expect(posix_fadvise(fd, 2 * PAGE, 2 * PAGE, POSIX_FADV_DONTNEED) == 0);
	expect(!is_resident(p + 2 * PAGE) && !is_resident(p + 3 * PAGE));
	if (!split_world()) expect(is_resident(p + PAGE) && is_resident(p + 4 * PAGE));
}

TEST(FA1, dontneed_loses_no_bytes_that_write_wrote)
{
	int fd = new_file("f", 8 * PAGE);
	char b[PAGE];

	for (int i = 0; i < 8; i++) {
		memset(b, 'a' + i, PAGE);
		write_at(fd, b, PAGE, i * PAGE);
		expect(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
		read_at(fd, b, PAGE, i * PAGE);
		expect_bytes(b, 'a' + i, PAGE);
	}
	expect(byte_at(fd, 0) == 'a' && byte_at(fd, 8 * PAGE) == -1);
}

TEST(FA1, dontneed_starts_writing_dirty_pages)
{
	int fd;
	char *p = clean_pages(&fd, 2);

	p[0] = p[PAGE] = 'x';
	write_at(fd, "w", 1, 1);
	expect(!is_clean(fd, p) && !is_clean(fd, p + PAGE));
	expect(posix_fadvise(fd, 0, 2 * PAGE, POSIX_FADV_DONTNEED) == 0);
	expect(split_world() || (is_clean(fd, p) && is_clean(fd, p + PAGE)));
	publish(p, 2 * PAGE);
	expect(p[0] == 'x' && byte_at(fd, PAGE) == 'x' && (split_world() || byte_at(fd, 1) == 'w'));
}

TEST(FA1, a_range_that_only_touches_a_page_loses_nothing)
{
	int fd = new_file("f", 3 * PAGE);
	char b[3 * PAGE];

	write_at(fd, "edge", 4, PAGE - 2);
	expect(posix_fadvise(fd, PAGE - 1, 2, POSIX_FADV_DONTNEED) == 0);
	expect(posix_fadvise(fd, PAGE + 7, PAGE, POSIX_FADV_DONTNEED) == 0);
	read_at(fd, b, 3 * PAGE, 0);
	expect(!memcmp(b + PAGE - 2, "edge", 4));
	expect(is_pattern(b, 0, PAGE - 2) && is_pattern(b + PAGE + 2, PAGE + 2, 2 * PAGE - 2));
}

TEST(FA1, ranges_past_the_end_of_the_file_are_accepted)
{
	int fd = new_file("f", 100);
	struct stat st;

	for (int i = 0; i < 6; i++) {
		expect(posix_fadvise(fd, 10 * PAGE, PAGE, advices[i]) == 0);
		expect(posix_fadvise(fd, 0, INT64_MAX, advices[i]) == 0);
	}
	must(fstat(fd, &st) == 0);
	expect(st.st_size == 100 && byte_at(fd, 99) == (unsigned char)pattern(99));
}
