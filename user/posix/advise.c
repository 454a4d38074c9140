/* SPDX-License-Identifier: MIT */
/* user/posix/advise.c - MA1: advice about memory; MC1: mincore. */
#include "posix.h"

#define RW (PROT_READ | PROT_WRITE)

static char *lettered(int n)
{
	char *p = map_at(-1, n * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	for (int i = 0; i < n; i++) memset(p + i * PAGE, 'a' + i, PAGE);
	return p;
}

/* A file whose pages are on the disk and not in memory. */
static int cold_file(const char *name, long n)
{
	int fd = new_file(name, n);

	must(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	return fd;
}

static bool resident(char *p)
{
	unsigned char in = 0;

	must(mincore(p, PAGE, &in) == 0);
	return in & 1;
}

TEST(MA1, the_advice_of_posix_changes_no_contents)
{
	static const int advice[] = {POSIX_MADV_NORMAL, POSIX_MADV_RANDOM, POSIX_MADV_SEQUENTIAL, POSIX_MADV_WILLNEED,
		POSIX_MADV_DONTNEED};
	int fd = cold_file("f", 3 * PAGE);
	char *p = lettered(3), *f = map_file(fd, 3 * PAGE);

	f[0] = 'x';
	for (int i = 0; i < 5; i++) {
		expect(posix_madvise(p, 3 * PAGE, advice[i]) == 0);
		expect(posix_madvise(f, 3 * PAGE, advice[i]) == 0);
		expect_bytes(p + PAGE, 'b', PAGE);
		expect(f[0] == 'x' && is_pattern(f + 1, 1, 3 * PAGE - 1));
	}
}

TEST(MA1, posix_madvise_returns_the_error)
{
	char *p = lettered(2);

	must(munmap(p + PAGE, PAGE) == 0);
	errno = 0;
	expect(posix_madvise(p + 1, PAGE, POSIX_MADV_NORMAL) == EINVAL);
	expect(posix_madvise(p, PAGE, 4711) == EINVAL);
	expect(posix_madvise(p, 2 * PAGE, POSIX_MADV_WILLNEED) == ENOMEM);
	expect(errno == 0);
}

TEST(MA1, madvise_refuses_what_makes_no_sense)
{
	char *p = lettered(1);

	expect_error(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	expect_error(madvise(p, PAGE, 4711), EINVAL);
	expect_error(madvise(p, PAGE, -1), EINVAL);
	expect(madvise(p, (size_t)-PAGE, MADV_DONTNEED) == -1 && (errno == EINVAL || errno == ENOMEM));
	expect_error(madvise((void *)0xffffffff80000000, PAGE, MADV_NORMAL), ENOMEM);
	expect_bytes(p, 'a', PAGE);
}

TEST(MA1, advice_of_length_zero_drops_nothing)
{
	char *p = lettered(1);

	expect(madvise(p, 0, MADV_DONTNEED) == 0);
	expect_bytes(p, 'a', PAGE);
}

TEST(MA1, private_memory_not_needed_comes_back_as_zeros)
{
	char *p = lettered(4);

	expect(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
	expect(!resident(p + PAGE) && !resident(p + 2 * PAGE));
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + PAGE, 0, 2 * PAGE);
	expect_bytes(p + 3 * PAGE, 'd', PAGE);
	p[PAGE] = 'x';
	expect(p[PAGE] == 'x');
}

TEST(MA1, a_private_file_mapping_not_needed_comes_back_from_the_file)
{
	int fd = cold_file("f", 2 * PAGE);
	char *p = map_at(fd, 2 * PAGE, RW, MAP_PRIVATE, 0), *s = map_file(fd, 2 * PAGE);

	memset(p, 'x', 2 * PAGE);
	s[1] = 'n';
	expect(madvise(p, PAGE, MADV_DONTNEED) == 0);
	expect(p[0] == pattern(0) && p[1] == 'n' && is_pattern(p + 2, 2, PAGE - 2));
	expect_bytes(p + PAGE, 'x', PAGE);
}

TEST(MA1, shared_memory_not_needed_keeps_what_was_stored)
{
	int fd = new_file("f", PAGE);
	char *f = map_file(fd, PAGE), *a = map_at(-1, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, 0);

	f[0] = a[0] = 'x';
	expect(madvise(f, PAGE, MADV_DONTNEED) == 0);
	expect(madvise(a, PAGE, MADV_DONTNEED) == 0);
	expect(f[0] == 'x' && a[0] == 'x');
	publish(f, PAGE);
	expect(byte_at(fd, 0) == 'x');
}

TEST(MA1, memory_that_may_only_be_read_can_be_dropped_too)
{
	char *p = lettered(1);

	must(mprotect(p, PAGE, PROT_READ) == 0);
	expect(madvise(p, PAGE, MADV_DONTNEED) == 0);
	expect_bytes(p, 0, PAGE);
	expect_fault(p, STORE, SIGSEGV, SEGV_ACCERR);
}

static void drop(void *p)
{
	expect(madvise(p, PAGE, MADV_DONTNEED) == 0);
	expect_bytes((char *)p, 0, PAGE);
}

TEST(MA1, who_may_not_write_may_not_punch_a_hole)
{
	int fd = new_file("f", PAGE), rd = open("f", O_RDONLY);
	char *p = map_at(rd, PAGE, PROT_READ, MAP_SHARED, 0), *q = map_at(fd, PAGE, RW, MAP_PRIVATE, 0);

	expect_error(madvise(p, PAGE, MADV_REMOVE), EACCES);
	expect_error(madvise(q, PAGE, MADV_REMOVE), EACCES);
	expect(is_pattern(p, 0, PAGE));
}

TEST(MA1, what_a_child_drops_the_parent_keeps)
{
	char *p = lettered(1);

	expect(in_child(drop, p) == 0);
	expect_bytes(p, 'a', PAGE);
}

TEST(MA1, advice_over_a_hole_is_an_error_and_the_mapped_parts_are_done)
{
	char *p = lettered(3);

	must(munmap(p + PAGE, PAGE) == 0);
	expect_error(madvise(p, 3 * PAGE, MADV_DONTNEED), ENOMEM);
	expect_bytes(p, 0, PAGE);
	expect_bytes(p + 2 * PAGE, 0, PAGE);
}

TEST(MA1, locked_memory_is_not_dropped)
{
	char *p = lettered(2);

	must(mlock(p, PAGE) == 0);
	expect_error(madvise(p, PAGE, MADV_DONTNEED), EINVAL);
	expect_bytes(p, 'a', PAGE);
	must(munlock(p, PAGE) == 0);
	expect(madvise(p, PAGE, MADV_DONTNEED) == 0);
	expect_bytes(p, 0, PAGE);
}

TEST(MA1, random_and_sequential_mappings_read_the_same_file)
{
	int fd = cold_file("f", 32 * PAGE);
	char *p = map_file(fd, 32 * PAGE);

	expect(madvise(p, 16 * PAGE, MADV_RANDOM) == 0);
	expect(madvise(p + 16 * PAGE, 16 * PAGE, MADV_SEQUENTIAL) == 0);
	for (long i = 0; i < 32; i++) expect(is_pattern(p + i * 5 % 32 * PAGE, i * 5 % 32 * PAGE, 64));
}

TEST(MC1, touched_pages_are_resident_and_others_are_not)
{
	char *p = map_at(-1, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	unsigned char in[4];

	p[PAGE] = p[3 * PAGE] = 'x';
	expect(mincore(p, 4 * PAGE, in) == 0);
	expect(!(in[0] & 1) && (in[1] & 1) && !(in[2] & 1) && (in[3] & 1));
}

TEST(MC1, file_pages_are_resident_once_they_were_read_in)
{
	int fd = cold_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	must(madvise(p, 2 * PAGE, MADV_RANDOM) == 0);
	expect(!resident(p) && !resident(p + PAGE));
	expect(p[PAGE] == pattern(PAGE));
	expect(resident(p + PAGE));
}

TEST(MC1, what_another_mapping_read_in_is_resident)
{
	int fd = cold_file("f", PAGE);
	char *p = map_file(fd, PAGE), *q = map_file(fd, PAGE);

	must(!resident(q));
	expect(p[0] == pattern(0));
	expect(resident(q));
}

TEST(MC1, what_read_brought_in_is_resident_in_a_mapping)
{
	int fd = cold_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	must(!resident(p));
	expect(byte_at(fd, 0) == (unsigned char)pattern(0));
	expect(resident(p) == !split_world());
}

TEST(MC1, a_private_copy_is_resident)
{
	int fd = cold_file("f", PAGE);
	char *p = map_at(fd, PAGE, RW, MAP_PRIVATE, 0);

	must(!resident(p));
	p[0] = 'x';
	expect(resident(p));
	expect(munmap(p, PAGE) == 0);
	expect_error(mincore(p, PAGE, (unsigned char[1]){0}), ENOMEM);
}

TEST(MC1, a_long_range_is_told_page_by_page)
{
	char *p = map_at(-1, 130 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	unsigned char in[131];

	memset(in, 0xee, sizeof(in));
	p[0] = p[63 * PAGE] = p[64 * PAGE] = p[129 * PAGE] = 'x';
	expect(mincore(p, 129 * PAGE + 1, in) == 0);
	for (int i = 0; i < 130; i++) expect((in[i] & 1) == (i == 0 || i == 63 || i == 64 || i == 129));
	expect(in[130] == 0xee);
}

TEST(MC1, mincore_over_a_hole_is_an_error)
{
	char *p = lettered(3);
	unsigned char in[3];

	must(munmap(p + PAGE, PAGE) == 0);
	expect_error(mincore(p, 3 * PAGE, in), ENOMEM);
	expect_error(mincore(p + PAGE, PAGE, in), ENOMEM);
	expect(mincore(p + 2 * PAGE, PAGE, in) == 0 && (in[0] & 1));
}

TEST(MC1, unaligned_addresses_and_bad_vectors_are_refused)
{
	char *p = lettered(2);
	unsigned char in[2] = {0xee, 0xee};

	expect_error(mincore(p + 1, PAGE, in), EINVAL);
	expect(in[0] == 0xee);
	expect(mincore(p, 0, in) == 0 && in[0] == 0xee);
	must(munmap(p + PAGE, PAGE) == 0);
	expect_error(mincore(p, PAGE, (unsigned char *)p + PAGE), EFAULT);
	expect_error(mincore(p, PAGE, (unsigned char *)8), EFAULT);
}
