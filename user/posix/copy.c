/* SPDX-License-Identifier: MIT */
/* user/posix/copy.c - RW4: sendfile and copy_file_range, file to file without a buffer of the program's. */
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include "posix.h"

static char buf[4 * PAGE];

static int new_text(const char *name, const char *text)
{
	int fd = new_file(name, 0);

	write_at(fd, text, strlen(text), 0);
	return fd;
}

/* copy_file_range, which musl does not have. */
static long copy_range(int in, off_t *from, int out, off_t *to, size_t n, unsigned flags)
{
	return syscall(SYS_copy_file_range, in, from, out, to, n, flags);
}

TEST(RW4, sendfile_copies_from_the_given_offset)
{
	int in = new_file("in", 3 * PAGE), out = new_text("out", "head");
	off_t at = 100;

	must(lseek(out, 4, SEEK_SET) == 4 && lseek(in, 7, SEEK_SET) == 7);
	expect(sendfile(out, in, &at, 2 * PAGE) == 2 * PAGE);
	expect(at == 100 + 2 * PAGE && offset_of(in) == 7);
	expect(offset_of(out) == 4 + 2 * PAGE && size_of(out) == 4 + 2 * PAGE);
	read_at(out, buf, 4 + 2 * PAGE, 0);
	expect(!memcmp(buf, "head", 4) && is_pattern(buf + 4, 100, 2 * PAGE));
}

TEST(RW4, sendfile_without_offset_moves_the_descriptors)
{
	int in = new_file("in", 100), out = new_file("out", 0), p[2];

	must(lseek(in, 90, SEEK_SET) == 90 && pipe(p) == 0);
	expect(sendfile(out, in, NULL, 1000) == 10);
	expect(offset_of(in) == 100 && size_of(out) == 10);
	expect(sendfile(out, in, NULL, 1000) == 0);
	read_at(out, buf, 10, 0);
	expect(is_pattern(buf, 90, 10));
	expect(sendfile(p[1], in, &(off_t){50}, 20) == 20);
	expect(read(p[0], buf, 100) == 20 && is_pattern(buf, 50, 20));
}

TEST(RW4, sendfile_refuses_what_it_cannot_do)
{
	int in = new_file("in", 100), out = new_text("out", "x"), ro = open("out", O_RDONLY);
	int ap = open("out", O_WRONLY | O_APPEND);

	must(ro >= 0 && ap >= 0);
	expect_error(sendfile(ro, in, NULL, 10), EBADF);
	expect_error(sendfile(out, ap, NULL, 10), EBADF);
	expect_error(sendfile(out, -1, NULL, 10), EBADF);
	expect_error(sendfile(out, in, &(off_t){-1}, 10), EINVAL);
	expect_error(sendfile(ap, in, NULL, 10), EINVAL);
	expect_error(sendfile(out, in, (off_t *)8, 10), EFAULT);
	expect(holds(out, "x") && offset_of(in) == 0);
}

TEST(RW4, copy_file_range_copies_between_offsets)
{
	int in = new_file("in", 3 * PAGE), out = new_file("out", 2 * PAGE);
	off_t from = PAGE + 5, to = 100;

	expect(copy_range(in, &from, out, &to, PAGE, 0) == PAGE);
	expect(from == 2 * PAGE + 5 && to == PAGE + 100);
	expect(offset_of(in) == 0 && offset_of(out) == 0 && size_of(out) == 2 * PAGE);
	read_at(out, buf, 2 * PAGE, 0);
	expect(is_pattern(buf, 0, 100) && is_pattern(buf + 100, PAGE + 5, PAGE));
	expect(is_pattern(buf + PAGE + 100, PAGE + 100, PAGE - 100));
}

TEST(RW4, copy_file_range_without_offsets_moves_the_descriptors)
{
	int in = new_file("in", 100), out = new_file("out", 0);

	must(lseek(in, 40, SEEK_SET) == 40 && lseek(out, 3, SEEK_SET) == 3);
	expect(copy_range(in, NULL, out, NULL, 1000, 0) == 60);
	expect(offset_of(in) == 100 && offset_of(out) == 63 && size_of(out) == 63);
	expect(copy_range(in, NULL, out, NULL, 1000, 0) == 0);
	read_at(out, buf, 63, 0);
	expect(all_are(buf, 0, 3) && is_pattern(buf + 3, 40, 60));
}

TEST(RW4, copy_file_range_within_one_file)
{
	int fd = new_file("f", 3 * PAGE);
	off_t from = 0, to = 2 * PAGE;

	expect(copy_range(fd, &from, fd, &to, PAGE, 0) == PAGE);
	read_at(fd, buf, 3 * PAGE, 0);
	expect(is_pattern(buf, 0, 2 * PAGE) && is_pattern(buf + 2 * PAGE, 0, PAGE));
	from = 0;
	to = 10;
	expect_error(copy_range(fd, &from, fd, &to, 20, 0), EINVAL);       /* they overlap */
	expect(from == 0 && to == 10 && byte_at(fd, 10) == (unsigned char)pattern(10));
}

TEST(RW4, copies_have_what_was_stored_in_mappings)
{
	int in = new_file("in", PAGE), out = new_file("out", PAGE);
	char *p = map_file(in, PAGE), *q = map_file(out, PAGE);

	p[10] = 'x';
	publish(p, PAGE);
	expect(copy_range(in, &(off_t){0}, out, &(off_t){0}, PAGE, 0) == PAGE);
	refetch(q, PAGE);
	expect(q[10] == 'x');
	p[20] = 'y';
	publish(p, PAGE);
	expect(sendfile(out, in, &(off_t){0}, PAGE) == PAGE);
	refetch(q, PAGE);
	expect(q[20] == 'y');
}

TEST(RW4, copy_file_range_refuses_what_it_cannot_do)
{
	int in = new_file("in", 100), out = new_text("out", "x"), ro = open("out", O_RDONLY), p[2];
	int ap = open("out", O_WRONLY | O_APPEND), dir = open(".", O_RDONLY);

	must(ro >= 0 && ap >= 0 && dir >= 0 && pipe(p) == 0);
	expect_error(copy_range(in, NULL, out, NULL, 10, 1), EINVAL);
	expect_error(copy_range(in, NULL, ro, NULL, 10, 0), EBADF);
	expect_error(copy_range(in, NULL, ap, NULL, 10, 0), EBADF);
	expect_error(copy_range(-1, NULL, out, NULL, 10, 0), EBADF);
	expect_error(copy_range(dir, NULL, out, NULL, 10, 0), EISDIR);
	expect_error(copy_range(p[0], NULL, out, NULL, 10, 0), EINVAL);
	expect_error(copy_range(in, NULL, p[1], NULL, 10, 0), EINVAL);
	expect(holds(out, "x") && offset_of(in) == 0 && offset_of(out) == 0);
}
