/* SPDX-License-Identifier: MIT */
/* user/posix/rw.c - RW1, RW2: read, write and their family; RW5: past the cache, O_DIRECT. */
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include "posix.h"

static char buf[4 * PAGE];

/* preadv2 and pwritev2, which musl does not have: the offset comes as two halves. */
static long readv_at(int fd, struct iovec *v, long offset, int flags)
{
	return syscall(SYS_preadv2, fd, v, 1l, offset, 0l, flags);
}

static long writev_at(int fd, struct iovec *v, long offset, int flags)
{
	return syscall(SYS_pwritev2, fd, v, 1l, offset, 0l, flags);
}

static int new_text(const char *name, const char *text)
{
	int fd = new_file(name, 0);

	write_at(fd, text, strlen(text), 0);
	return fd;
}

TEST(RW1, read_gives_what_is_there_and_then_nothing)
{
	int fd = new_file("f", PAGE + 10);

	expect(read(fd, buf, PAGE - 5) == PAGE - 5);
	expect(is_pattern(buf, 0, PAGE - 5));
	expect(read(fd, buf, 100) == 15);
	expect(is_pattern(buf, PAGE - 5, 15));
	expect(offset_of(fd) == PAGE + 10);
	expect(read(fd, buf, 100) == 0);
	expect(pread(fd, buf, 100, 10 * PAGE) == 0);
}

TEST(RW1, write_moves_the_offset_and_grows_the_file)
{
	int fd = new_file("f", 10);

	must(lseek(fd, 5, SEEK_SET) == 5);
	expect(write(fd, "hello world", 11) == 11);
	expect(offset_of(fd) == 16 && size_of(fd) == 16);
	read_at(fd, buf, 16, 0);
	expect(is_pattern(buf, 0, 5) && !memcmp(buf + 5, "hello world", 11));
}

TEST(RW1, pread_and_pwrite_leave_the_offset_alone)
{
	int fd = new_file("f", 100);

	must(lseek(fd, 7, SEEK_SET) == 7);
	expect(pwrite(fd, "xyz", 3, 50) == 3);
	expect(pread(fd, buf, 5, 49) == 5);
	expect(buf[0] == pattern(49) && !memcmp(buf + 1, "xyz", 3) && buf[4] == pattern(53));
	expect(offset_of(fd) == 7);
	expect(read(fd, buf, 1) == 1 && buf[0] == pattern(7));
}

TEST(RW1, what_is_skipped_reads_as_zeros)
{
	int fd = new_file("f", 10);

	must(lseek(fd, 2 * PAGE + 5, SEEK_SET) == 2 * PAGE + 5);
	expect(size_of(fd) == 10);
	expect(write(fd, "x", 1) == 1);
	expect(size_of(fd) == 2 * PAGE + 6);
	read_at(fd, buf, 2 * PAGE + 6, 0);
	expect(is_pattern(buf, 0, 10) && buf[2 * PAGE + 5] == 'x');
	expect_bytes(buf + 10, 0, 2 * PAGE - 5);
}

TEST(RW1, nothing_written_changes_nothing)
{
	int fd = new_file("f", 10);

	must(lseek(fd, 100, SEEK_SET) == 100);
	expect(write(fd, "x", 0) == 0);
	expect(pwrite(fd, "x", 0, 200) == 0);
	expect(size_of(fd) == 10 && offset_of(fd) == 100);
}

TEST(RW1, descriptors_must_be_open_for_it)
{
	int fd = new_file("f", 10), ro = open("f", O_RDONLY), wo = open("f", O_WRONLY), dir = open(".", O_RDONLY);

	must(ro >= 0 && wo >= 0 && dir >= 0);
	expect_error(write(ro, "x", 1), EBADF);
	expect_error(pwrite(ro, "x", 1, 0), EBADF);
	expect_error(read(wo, buf, 1), EBADF);
	expect_error(pread(wo, buf, 1, 0), EBADF);
	expect_error(read(-1, buf, 1), EBADF);
	expect_error(write(1000000, "x", 1), EBADF);
	expect_error(read(dir, buf, 1), EISDIR);
	expect_error(open(".", O_WRONLY), EISDIR);
	expect(byte_at(fd, 0) == (unsigned char)pattern(0));
}

TEST(RW1, offsets_that_cannot_be_are_refused)
{
	int fd = new_file("f", 10), p[2];

	must(pipe(p) == 0);
	expect_error(pread(fd, buf, 1, -1), EINVAL);
	expect_error(pwrite(fd, "x", 1, -1), EINVAL);
	expect_error(pwrite(fd, "x", 1, INT64_MAX - 1), EFBIG);
	expect_error(lseek(fd, -1, SEEK_SET), EINVAL);
	expect_error(lseek(fd, -11, SEEK_END), EINVAL);
	expect_error(lseek(fd, 0, 77), EINVAL);
	expect_error(pread(p[0], buf, 1, 0), ESPIPE);
	expect_error(pwrite(p[1], "x", 1, 0), ESPIPE);
	expect_error(lseek(p[0], 0, SEEK_CUR), ESPIPE);
	expect(size_of(fd) == 10 && offset_of(fd) == 0 && lseek(fd, -3, SEEK_END) == 7);
}

TEST(RW1, readv_scatters_and_writev_gathers)
{
	int fd = new_file("f", 0);
	char a[4] = "abc", b[8] = "", c[8] = "defgh";
	struct iovec out[] = {{a, 3}, {NULL, 0}, {c, 5}}, in[] = {{c, 2}, {b, 5}, {a, 3}};

	expect(writev(fd, out, 3) == 8);
	expect(holds(fd, "abcdefgh") && offset_of(fd) == 8);
	must(lseek(fd, 0, SEEK_SET) == 0);
	expect(readv(fd, in, 3) == 8);
	expect(!memcmp(c, "ab", 2) && !memcmp(b, "cdefg", 5) && a[0] == 'h' && a[1] == 'b');
	expect(readv(fd, in, 3) == 0);
}

TEST(RW1, preadv_and_pwritev_leave_the_offset_alone)
{
	int fd = new_text("f", "0123456789");
	char a[4] = "ab", b[4] = "cd";
	struct iovec v[] = {{a, 2}, {b, 2}};

	must(lseek(fd, 3, SEEK_SET) == 3);
	expect(pwritev(fd, v, 2, 4) == 4);
	expect(holds(fd, "0123abcd89"));
	expect(preadv(fd, v, 2, 7) == 3);
	expect(!memcmp(a, "d8", 2) && !memcmp(b, "9d", 2));
	expect(offset_of(fd) == 3);
	expect_error(preadv(fd, v, 2, -1), EINVAL);
	expect_error(pwritev(fd, v, 2, -1), EINVAL);
}

TEST(RW1, preadv2_at_minus_one_works_at_the_offset)
{
	int fd = new_text("f", "0123456789");
	struct iovec v = {buf, 3};

	must(lseek(fd, 4, SEEK_SET) == 4);
	expect(readv_at(fd, &v, -1, 0) == 3);
	expect(!memcmp(buf, "456", 3) && offset_of(fd) == 7);
	expect(writev_at(fd, &v, -1, 0) == 3);
	expect(holds(fd, "0123456456") && offset_of(fd) == 10);
	expect(readv_at(fd, &v, 1, 0) == 3);
	expect(!memcmp(buf, "123", 3) && offset_of(fd) == 10);
	expect_error(readv_at(fd, &v, 0, 0x40000000), EOPNOTSUPP);
}

TEST(RW1, vectors_that_make_no_sense_are_refused)
{
	int fd = new_text("f", "text");
	struct iovec v[2] = {{buf, 4}, {buf, (size_t)1 << 63}};

	buf[0] = 'b';
	expect_error(readv(fd, v, -1), EINVAL);
	expect_error(readv(fd, v, 1025), EINVAL);
	expect_error(writev(fd, v, 2), EINVAL);
	expect_error(readv(fd, v, 2), EINVAL);
	expect(readv(fd, v, 0) == 0 && writev(fd, v, 0) == 0);
	expect(buf[0] == 'b' && holds(fd, "text") && offset_of(fd) == 0);
}

static void read_two(void *fd)
{
	must(read(*(int *)fd, buf, 2) == 2);
	expect(!memcmp(buf, "23", 2));
}

TEST(RW1, duplicates_and_children_share_the_offset)
{
	int fd = new_text("f", "0123456789"), again = dup(fd), other = open("f", O_RDONLY);

	must(again >= 0 && other >= 0);
	expect(read(fd, buf, 2) == 2 && in_child(read_two, &again) == 0);
	expect(read(again, buf, 2) == 2 && !memcmp(buf, "45", 2));
	expect(offset_of(fd) == 6 && offset_of(other) == 0);
}

TEST(RW2, append_writes_at_the_end_wherever_the_offset_is)
{
	int fd = new_text("f", "one"), ap = open("f", O_WRONLY | O_APPEND);

	must(ap >= 0 && lseek(ap, 1, SEEK_SET) == 1);
	expect(write(ap, "two", 3) == 3);
	expect(holds(fd, "onetwo") && offset_of(ap) == 6);
	write_at(fd, "three", 5, 6);
	expect(write(ap, "four", 4) == 4);
	expect(holds(fd, "onetwothreefour") && offset_of(ap) == 15);
}

TEST(RW2, append_can_be_set_and_cleared_later)
{
	int fd = new_text("f", "abc");

	must(lseek(fd, 0, SEEK_SET) == 0);
	expect(fcntl(fd, F_SETFL, O_APPEND) == 0 && (fcntl(fd, F_GETFL) & O_APPEND));
	expect(write(fd, "d", 1) == 1);
	expect(holds(fd, "abcd"));
	expect(fcntl(fd, F_SETFL, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	expect(write(fd, "A", 1) == 1);
	expect(holds(fd, "Abcd"));
}

TEST(RW2, a_vector_is_appended_in_one_piece)
{
	int fd = new_text("f", "0"), ap = open("f", O_WRONLY | O_APPEND);
	struct iovec v[] = {{"12", 2}, {"", 0}, {"345", 3}};

	must(ap >= 0);
	expect(writev(ap, v, 3) == 5);
	expect(holds(fd, "012345") && offset_of(ap) == 6);
}

TEST(RW2, appending_processes_lose_nothing)
{
	int fd = new_file("f", 0), ones = 0, st;
	pid_t pid = fork();
	int ap = open("f", O_WRONLY | O_APPEND);
	char record[64];

	must(pid >= 0 && ap >= 0);
	memset(record, pid ? 'p' : 'c', sizeof(record));
	for (int i = 0; i < 60; i++) must(write(ap, record, sizeof(record)) == sizeof(record));
	if (pid == 0) _exit(0);
	must(waitpid(pid, &st, 0) == pid && st == 0);
	expect(size_of(fd) == 120 * 64);
	for (int i = 0; i < 120; i++) {
		read_at(fd, buf, 64, i * 64);
		expect(buf[0] == 'p' || buf[0] == 'c');
		expect_bytes(buf, buf[0], 64);
		ones += buf[0] == 'p';
	}
	expect(ones == 60);
}

/* ---- RW5: between the partition table and the first partition (at 1 MiB) are sectors that nobody uses. */
#define SPARE 65536l

/* Quire's disk.  What these tests do to it must not be done to a host's. */
static int open_disk(int flags)
{
	struct utsname u;
	int fd;

	if (uname(&u) || (strcmp(u.sysname, "Quire") && !getenv("POSIX_DISK"))) skip("it writes to the disk");
	if (geteuid()) skip("not root");
	fd = open("/dev/vda", flags);
	must(fd >= 0);
	return fd;
}

TEST(RW5, direct_reading_gives_what_is_on_the_disk)
{
	int disk = open_disk(O_RDONLY), direct = open_disk(O_RDONLY | O_DIRECT);
	char *p = map_at(-1, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	expect(pread(direct, p, 2 * PAGE, 0) == 2 * PAGE);
	expect(!memcmp(p + 512, "EFI PART", 8));
	read_at(disk, buf, 2 * PAGE, 0);
	expect(!memcmp(buf, p, 2 * PAGE));
	expect(read(direct, p, 512) == 512 && read(direct, p, 512) == 512);
	expect(!memcmp(p, "EFI PART", 8) && offset_of(direct) == 1024);
}

TEST(RW5, direct_writing_is_seen_by_all_readers)
{
	int disk = open_disk(O_RDWR), direct = open_disk(O_RDWR | O_DIRECT);
	char *p = map_at(-1, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	for (char c = 'a'; c < 'd'; c++) {
		memset(p, c, PAGE);
		expect(pwrite(direct, p, PAGE, SPARE) == PAGE);
		memset(p, 0, PAGE);
		expect(pread(direct, p, PAGE, SPARE) == PAGE);
		expect_bytes(p, c, PAGE);
		read_at(disk, buf, PAGE, SPARE);
		expect_bytes(buf, c, PAGE);
	}
}

TEST(RW5, a_sector_is_written_and_its_neighbours_are_not)
{
	int direct = open_disk(O_RDWR | O_DIRECT);
	char *p = map_at(-1, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	memset(p, 'o', PAGE);
	must(pwrite(direct, p, PAGE, SPARE) == PAGE);
	memset(p, 'n', 512);
	expect(pwrite(direct, p, 512, SPARE + 1024) == 512);
	must(pread(direct, p, PAGE, SPARE) == PAGE);
	expect_bytes(p, 'o', 1024);
	expect_bytes(p + 1024, 'n', 512);
	expect_bytes(p + 1536, 'o', PAGE - 1536);
}

TEST(RW5, direct_reading_gives_what_was_written_and_synced_before)
{
	int disk = open_disk(O_RDWR), direct = open_disk(O_RDONLY | O_DIRECT);
	char *p = map_at(-1, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	memset(buf, 'b', PAGE);
	write_at(disk, buf, PAGE, SPARE);
	expect(fsync(disk) == 0);
	expect(pread(direct, p, PAGE, SPARE) == PAGE);
	expect_bytes(p, 'b', PAGE);
}

TEST(RW5, direct_requests_that_are_not_aligned_are_refused)
{
	int direct = open_disk(O_RDWR | O_DIRECT);
	char *p = map_at(-1, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	expect_error(pread(direct, p + 1, PAGE, SPARE), EINVAL);
	expect_error(pread(direct, p, 100, SPARE), EINVAL);
	expect_error(pread(direct, p, PAGE, SPARE + 7), EINVAL);
	expect_error(pwrite(direct, p + 1, PAGE, SPARE), EINVAL);
	expect_error(pwrite(direct, p, 100, SPARE), EINVAL);
	expect_error(pwrite(direct, p, PAGE, SPARE + 7), EINVAL);
	expect_error(pread(direct, (char *)PAGE, PAGE, SPARE), EFAULT);
}
