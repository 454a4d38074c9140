/* SPDX-License-Identifier: MIT */
/* user/posix/mmap_args.c - MM2 to MM7 and MM19: what mmap refuses, and that a refusal changes nothing. */
#include "mmap_help.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char *page_of(int fd, int prot, int flags)
{
	return mmap(NULL, PAGE, prot, flags, fd, 0);
}

/* A page of anonymous memory full of 'o': what a failed mmap must leave alone. */
static char *old_page(void)
{
	char *p = map_at(-1, PAGE, RW, ANON, 0);

	memset(p, 'o', PAGE);
	return p;
}

static void expect_old(char *p)
{
	expect_bytes(p, 'o', PAGE);
	p[0] = 'o';                     /* still writable */
}

/* The file of `shown_file`, opened once more in this mode. */
static int opened(const char *name, int flags)
{
	int fd;

	close(shown_file(name, PAGE));
	fd = open(name, flags);
	must(fd >= 0);
	return fd;
}

TEST(MM2, length_zero_is_refused)
{
	int fd = new_file("f", PAGE);

	expect_error(mmap(NULL, 0, RW, MAP_SHARED, fd, 0), EINVAL);
	expect_error(mmap(NULL, 0, RW, MAP_PRIVATE, fd, 0), EINVAL);
	expect_error(mmap(NULL, 0, RW, ANON, -1, 0), EINVAL);
}

TEST(MM2, length_zero_with_map_fixed_replaces_nothing)
{
	int fd = new_file("f", PAGE);
	char *p = old_page();

	expect_error(mmap(p, 0, RW, MAP_SHARED | MAP_FIXED, fd, 0), EINVAL);
	expect_error(mmap(p, 0, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	expect_old(p);
}

TEST(MM3, a_mapping_must_be_shared_or_private)
{
	int fd = new_file("f", PAGE);
	char *p = old_page();

	expect_error(page_of(fd, RW, 0), EINVAL);
	expect_error(page_of(-1, RW, MAP_ANONYMOUS), EINVAL);
	expect_error(mmap(p, PAGE, RW, MAP_FIXED, fd, 0), EINVAL);
	expect_error(mmap(p, PAGE, RW, MAP_FIXED | MAP_ANONYMOUS, -1, 0), EINVAL);
	expect_old(p);
}

TEST(MM3, a_type_that_does_not_exist_is_refused)
{
	int fd = new_file("f", PAGE);

	for (int type = 4; type < 16; type++) expect_error(page_of(fd, RW, type), EINVAL);
}

TEST(MM4, a_read_only_descriptor_is_mapped_shared_for_reading)
{
	int fd = opened("f", O_RDONLY);
	char *p = page_of(fd, PROT_READ, MAP_SHARED);

	must(p != MAP_FAILED);
	expect(is_pattern(p, 0, PAGE));
	expect_fault(p, STORE, SIGSEGV, SEGV_ACCERR);
}

TEST(MM4, a_read_only_descriptor_is_not_mapped_shared_for_writing)
{
	int fd = opened("f", O_RDONLY);

	expect_error(page_of(fd, PROT_WRITE, MAP_SHARED), EACCES);
	expect_error(page_of(fd, RW, MAP_SHARED), EACCES);
	expect_error(page_of(fd, RW | PROT_EXEC, MAP_SHARED), EACCES);
}

TEST(MM4, a_read_only_descriptor_is_mapped_private_for_writing)
{
	int fd = opened("f", O_RDONLY);
	char *p = page_of(fd, RW, MAP_PRIVATE);

	must(p != MAP_FAILED);
	expect(is_pattern(p, 0, PAGE));
	memset(p, 'x', PAGE);
	expect_bytes(p, 'x', PAGE);
	expect(byte_at(fd, 0) == pattern(0));
}

TEST(MM4, a_read_only_descriptor_is_mapped_without_access)
{
	int fd = opened("f", O_RDONLY);
	char *p = page_of(fd, PROT_NONE, MAP_SHARED), *q = page_of(fd, PROT_NONE, MAP_PRIVATE);

	must(p != MAP_FAILED && q != MAP_FAILED && p != q);
	expect_fault(p, LOAD, SIGSEGV, SEGV_ACCERR);
	expect_fault(q, LOAD, SIGSEGV, SEGV_ACCERR);
}

TEST(MM4, a_write_only_descriptor_is_not_mapped_shared)
{
	int fd = opened("f", O_WRONLY);

	expect_error(page_of(fd, PROT_READ, MAP_SHARED), EACCES);
	expect_error(page_of(fd, PROT_WRITE, MAP_SHARED), EACCES);
	expect_error(page_of(fd, RW, MAP_SHARED), EACCES);
	expect_error(page_of(fd, PROT_NONE, MAP_SHARED), EACCES);
}

TEST(MM4, a_write_only_descriptor_is_not_mapped_private)
{
	int fd = opened("f", O_WRONLY);

	expect_error(page_of(fd, PROT_READ, MAP_PRIVATE), EACCES);
	expect_error(page_of(fd, PROT_WRITE, MAP_PRIVATE), EACCES);
	expect_error(page_of(fd, RW, MAP_PRIVATE), EACCES);
	expect_error(page_of(fd, PROT_NONE, MAP_PRIVATE), EACCES);
}

TEST(MM4, a_read_write_descriptor_is_mapped_with_every_protection)
{
	int fd = opened("f", O_RDWR);

	for (int i = 0; i < 16; i++) {
		int prot = i & (RW | PROT_EXEC);
		volatile char *p = page_of(fd, prot, i < 8 ? MAP_SHARED : MAP_PRIVATE);

		must(p != MAP_FAILED);
		if (prot & PROT_WRITE) p[1] = 'x';
		else expect_fault(p + 1, STORE, SIGSEGV, SEGV_ACCERR);
		if (prot & PROT_READ) expect(p[0] == pattern(0));
		if ((prot & RW) == RW) expect(p[1] == 'x');
		munmap((void *)p, PAGE);
	}
}

TEST(MM4, a_descriptor_for_appending_is_mapped_like_any_other)
{
	int fd = opened("f", O_RDWR | O_APPEND);
	char *p = map_file(fd, PAGE);

	p[3] = 'x';
	publish(p, PAGE);
	expect(byte_at(fd, 3) == 'x');
	expect(byte_at(fd, PAGE) == -1);
}

TEST(MM6, a_closed_descriptor_is_refused)
{
	int fd = new_file("f", PAGE);

	close(fd);
	expect_error(page_of(fd, RW, MAP_SHARED), EBADF);
	expect_error(page_of(fd, PROT_READ, MAP_PRIVATE), EBADF);
}

TEST(MM6, what_never_was_a_descriptor_is_refused)
{
	expect_error(page_of(-1, PROT_READ, MAP_SHARED), EBADF);
	expect_error(page_of(-1, PROT_READ, MAP_PRIVATE), EBADF);
	expect_error(page_of(INT32_MAX, PROT_READ, MAP_SHARED), EBADF);
	expect_error(page_of(-100, PROT_READ, MAP_SHARED), EBADF);      /* AT_FDCWD is none either */
}

TEST(MM6, a_pipe_cannot_be_mapped)
{
	int end[2];

	must(pipe(end) == 0);
	expect_error(page_of(end[0], PROT_READ, MAP_SHARED), ENODEV);
	expect_error(page_of(end[0], PROT_READ, MAP_PRIVATE), ENODEV);
}

TEST(MM6, a_directory_cannot_be_mapped)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY);

	must(fd >= 0);
	expect_error(page_of(fd, PROT_READ, MAP_SHARED), ENODEV);
	expect_error(page_of(fd, PROT_READ, MAP_PRIVATE), ENODEV);
}

TEST(MM6, a_range_past_the_largest_offset_overflows)
{
	int fd = new_file("f", PAGE);
	off_t last = INT64_MAX / PAGE * PAGE;

	expect_error(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, last), EOVERFLOW);
	expect_error(mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, last), EOVERFLOW);
	expect_error(mmap(NULL, 1l << 40, PROT_READ, MAP_SHARED, fd, last - PAGE), EOVERFLOW);
}

TEST(MM6, a_length_beyond_the_address_space_is_no_memory)
{
	static const size_t length[] = {SIZE_MAX, SIZE_MAX - PAGE, 1ul << 63, 1ul << 48, 1ul << 47};
	int fd = new_file("f", PAGE);
	char *p = old_page();

	for (int i = 0; i < 5; i++) {
		expect_error(mmap(NULL, length[i], RW, ANON, -1, 0), ENOMEM);
		expect_error(mmap(p, length[i], RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	}
	expect_error(mmap(NULL, 1ul << 48, PROT_READ, MAP_SHARED, fd, 0), ENOMEM);
	expect_old(p);
}

TEST(MM6, a_fixed_address_outside_the_address_space_is_no_memory)
{
	int fd = new_file("f", PAGE);

	expect_error(mmap((void *)0xffff800000000000, PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	expect_error(mmap((void *)-PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	expect_error(mmap((void *)-PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0), ENOMEM);
	expect_error(mmap((void *)-PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
}

TEST(MM7, an_offset_within_a_page_is_refused)
{
	static const off_t offset[] = {1, 512, 4095, 4097, PAGE * 3 + 8, -1};
	int fd = new_file("f", 4 * PAGE);

	for (int i = 0; i < 6; i++) {
		expect_error(mmap(NULL, PAGE, RW, MAP_SHARED, fd, offset[i]), EINVAL);
		expect_error(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, offset[i]), EINVAL);
	}
}

TEST(MM7, an_offset_of_whole_pages_shows_those_pages)
{
	int fd = shown_file("f", 4 * PAGE);

	for (long i = 0; i < 4; i++) {
		char *p = map_at(fd, PAGE, PROT_READ, i % 2 ? MAP_SHARED : MAP_PRIVATE, i * PAGE);

		expect(is_pattern(p, i * PAGE, PAGE));
	}
}

TEST(MM7, a_fixed_address_within_a_page_is_refused)
{
	static const long off[] = {1, 8, 512, PAGE - 1};
	int fd = new_file("f", PAGE);
	char *p = old_page();

	for (int i = 0; i < 4; i++) {
		expect_error(mmap(p + off[i], PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0), EINVAL);
		expect_error(mmap(p + off[i], PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	}
	expect_old(p);
}

TEST(MM7, a_hint_within_a_page_still_gives_an_aligned_mapping)
{
	int fd = shown_file("f", PAGE);
	char *hint = map_at(-1, 8 * PAGE, RW, ANON, 0), *p;

	munmap(hint, 8 * PAGE);
	p = mmap(hint + 3 * PAGE + 123, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	must(p != MAP_FAILED);
	expect((uintptr_t)p % PAGE == 0);
	expect(is_pattern(p, 0, PAGE));
}

TEST(MM7, a_length_within_a_page_maps_the_whole_page)
{
	int fd = shown_file("f", 2 * PAGE);
	char *p = map_at(fd, PAGE + 1, RW, MAP_SHARED, 0), *q = map_at(-1, 1, RW, ANON, 0);

	expect(is_pattern(p, 0, 2 * PAGE));
	p[2 * PAGE - 1] = 'x';
	publish(p, 2 * PAGE);
	expect(byte_at(fd, 2 * PAGE - 1) == 'x');
	memset(q, 'y', PAGE);
	expect_bytes(q, 'y', PAGE);
}

TEST(MM19, a_bad_descriptor_leaves_the_old_mapping_alone)
{
	char *p = old_page();
	int end[2];

	must(pipe(end) == 0);
	expect_error(mmap(p, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, -1, 0), EBADF);
	expect_error(mmap(p, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, end[0], 0), ENODEV);
	expect_old(p);
}

TEST(MM19, a_refused_access_leaves_the_old_mapping_alone)
{
	int ro = opened("r", O_RDONLY), wo = opened("w", O_WRONLY);
	char *p = old_page();

	expect_error(mmap(p, PAGE, RW, MAP_SHARED | MAP_FIXED, ro, 0), EACCES);
	expect_error(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, wo, 0), EACCES);
	expect_old(p);
}

TEST(MM19, a_bad_offset_leaves_the_old_mapping_alone)
{
	int fd = new_file("f", PAGE);
	char *p = old_page();

	expect_error(mmap(p, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 1), EINVAL);
	expect_error(mmap(p, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, INT64_MAX / PAGE * PAGE), EOVERFLOW);
	expect_old(p);
}

TEST(MM19, a_failed_mmap_leaves_a_shared_mapping_with_its_stores)
{
	int fd = shown_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	p[PAGE] = 'x';
	expect_error(mmap(p, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, -1, 0), EBADF);
	expect_error(mmap(p, 1ul << 47, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	expect(is_pattern(p, 0, PAGE) && p[PAGE] == 'x');
	p[0] = 'y';
	publish(p, 2 * PAGE);
	expect(byte_at(fd, 0) == 'y' && byte_at(fd, PAGE) == 'x');
}
