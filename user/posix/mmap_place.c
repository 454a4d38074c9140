/* SPDX-License-Identifier: MIT */
/* user/posix/mmap_place.c - MM1, MM9 and MX1: where a mapping goes, what it replaces there, and Linux's flags. */
#include "mmap_help.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* Addresses of n pages where nothing is mapped. */
static char *free_place(long n)
{
	char *p = map_at(-1, n * PAGE, PROT_NONE, ANON | MAP_NORESERVE, 0);

	must(munmap(p, n * PAGE) == 0);
	return p;
}

static void fixed(char *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	must(mmap(at, n, prot, flags | MAP_FIXED, fd, offset) == at);
}

TEST(MM1, a_fixed_mapping_replaces_the_middle_and_leaves_the_sides)
{
	int fd = shown_file("f", 3 * PAGE);
	char *p = map_file(fd, 3 * PAGE);

	fixed(p + PAGE, PAGE, RW, ANON, -1, 0);
	expect_bytes(p + PAGE, 0, PAGE);
	expect(is_pattern(p, 0, PAGE));
	expect(is_pattern(p + 2 * PAGE, 2 * PAGE, PAGE));
	p[PAGE] = 'x';                                          /* ours alone */
	p[2 * PAGE] = 'y';                                      /* still the file's third page */
	publish(p, 3 * PAGE);
	expect(byte_at(fd, PAGE) == (unsigned char)pattern(PAGE));
	expect(byte_at(fd, 2 * PAGE) == 'y');
}

TEST(MM1, a_fixed_mapping_of_one_byte_replaces_the_whole_page)
{
	char *p = map_at(-1, 2 * PAGE, RW, ANON, 0);
	int fd = shown_file("f", PAGE);

	memset(p, 'o', 2 * PAGE);
	fixed(p, 1, PROT_READ, MAP_SHARED, fd, 0);
	expect(is_pattern(p, 0, PAGE));
	expect_fault(p + PAGE - 1, STORE, SIGSEGV, SEGV_ACCERR);
	expect_bytes(p + PAGE, 'o', PAGE);
}

TEST(MM1, a_fixed_mapping_replaces_parts_of_several_mappings)
{
	int fd = shown_file("f", 4 * PAGE);
	char *p = free_place(6);

	fixed(p, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	fixed(p + 2 * PAGE, PAGE, RW, ANON, -1, 0);
	fixed(p + 4 * PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);   /* page 3 stays a hole */
	fixed(p + PAGE, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	expect(is_pattern(p, 0, PAGE));
	expect(is_pattern(p + PAGE, 0, 4 * PAGE));
	expect(is_pattern(p + 5 * PAGE, PAGE, PAGE));
}

TEST(MM1, a_fixed_mapping_drops_private_changes)
{
	int fd = shown_file("f", PAGE);
	char *p = map_at(fd, PAGE, RW, MAP_PRIVATE, 0);

	memset(p, 'x', PAGE);
	fixed(p, PAGE, RW, MAP_PRIVATE, fd, 0);
	expect(is_pattern(p, 0, PAGE));
	fixed(p, PAGE, RW, ANON, -1, 0);
	memset(p, 'x', PAGE);
	fixed(p, PAGE, RW, ANON, -1, 0);
	expect_bytes(p, 0, PAGE);
}

TEST(MM1, a_fixed_mapping_keeps_what_the_replaced_one_stored)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, PAGE), *q;

	p[0] = 'x';
	fixed(p, PAGE, RW, ANON, -1, 0);
	q = map_file(fd, PAGE);
	expect(q[0] == 'x' && p[0] == 0);
	publish(q, PAGE);
	expect(byte_at(fd, 0) == 'x');
}

TEST(MM1, a_fixed_mapping_shows_another_page_of_the_same_file)
{
	int fd = shown_file("f", 4 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	expect(p[0] == pattern(0) && p[PAGE] == pattern(PAGE)); /* both are in the page table */
	fixed(p, PAGE, RW, MAP_SHARED, fd, 3 * PAGE);
	expect(is_pattern(p, 3 * PAGE, PAGE));
	p[5] = 'x';
	publish(p, 2 * PAGE);
	expect(byte_at(fd, 3 * PAGE + 5) == 'x');
	expect(byte_at(fd, 5) == (unsigned char)pattern(5));
}

TEST(MM1, a_fixed_mapping_brings_its_own_protection)
{
	char *p = map_at(-1, PAGE, PROT_NONE, ANON, 0);

	fixed(p, PAGE, RW, ANON, -1, 0);
	p[0] = 'x';
	expect(p[0] == 'x');
	fixed(p, PAGE, PROT_READ, ANON, -1, 0);
	expect(p[0] == 0);
	expect_fault(p, STORE, SIGSEGV, SEGV_ACCERR);
	fixed(p, PAGE, PROT_NONE, ANON, -1, 0);
	expect_fault(p, LOAD, SIGSEGV, SEGV_ACCERR);
}

TEST(MM1, a_fixed_mapping_drops_the_lock_of_the_pages_it_replaces)
{
	int fd = new_file("f", 2 * PAGE), other = new_file("g", PAGE);
	char *p = map_file(fd, 2 * PAGE);

	must(mlock(p, 2 * PAGE) == 0);
	expect_error(msync(p, PAGE, MS_SYNC | MS_INVALIDATE), EBUSY);
	fixed(p, PAGE, RW, MAP_SHARED, other, 0);
	expect(msync(p, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
	expect_error(msync(p + PAGE, PAGE, MS_SYNC | MS_INVALIDATE), EBUSY);
}

TEST(MM9, no_mapping_lies_at_address_zero_or_off_a_page)
{
	int fd = shown_file("f", PAGE);

	for (int i = 0; i < 64; i++) {
		char *p = i % 2 ? mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) : mmap(NULL, i + 1, RW, ANON, -1, 0);

		must(p != MAP_FAILED);
		expect(p != NULL && (uintptr_t)p % PAGE == 0);
		expect(p[0] == (i % 2 ? pattern(0) : 0));
	}
}

TEST(MM9, a_hint_next_to_zero_does_not_give_address_zero)
{
	char *p = mmap((void *)1, PAGE, RW, ANON, -1, 0), *q = mmap((void *)PAGE, PAGE, RW, ANON, -1, 0);

	must(p != MAP_FAILED && q != MAP_FAILED);
	expect(p != NULL && q != NULL && p != q);
	p[0] = 'p';
	q[0] = 'q';
	expect(p[0] == 'p' && q[0] == 'q');
}

TEST(MM9, new_mappings_do_not_overlap_older_ones)
{
	char *p[48];

	for (int i = 0; i < 48; i++) {
		p[i] = map_at(-1, (i % 3 + 1) * PAGE, RW, i % 2 ? ANON : MAP_SHARED | MAP_ANONYMOUS, 0);
		memset(p[i], i + 1, (i % 3 + 1) * PAGE);
		if (i % 5 == 4) {                               /* holes of several sizes to be filled again */
			munmap(p[i - 2], ((i - 2) % 3 + 1) * PAGE);
			p[i - 2] = NULL;
		}
	}
	for (int i = 0; i < 48; i++) {
		if (p[i]) expect_bytes(p[i], i + 1, (i % 3 + 1) * PAGE);
	}
}

TEST(MM9, a_free_hint_is_taken)
{
	int fd = shown_file("f", PAGE);
	char *at = free_place(16);
	char *p = mmap(at + 4 * PAGE, PAGE, RW, ANON, -1, 0);
	char *q = mmap(at + 8 * PAGE, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	char *r = mmap(at + 5 * PAGE, 3 * PAGE, RW, ANON, -1, 0);       /* exactly between the two */

	expect(p == at + 4 * PAGE);
	must(q == at + 8 * PAGE);
	must(r == at + 5 * PAGE);
	expect(is_pattern(q, 0, PAGE));
	expect_bytes(r, 0, 3 * PAGE);
}

TEST(MM9, a_taken_hint_goes_elsewhere)
{
	char *p = map_at(-1, 2 * PAGE, RW, ANON, 0);
	char *q, *r;

	memset(p, 'o', 2 * PAGE);
	q = mmap(p, PAGE, RW, ANON, -1, 0);
	r = mmap(p + PAGE, 4 * PAGE, RW, ANON, -1, 0);
	must(q != MAP_FAILED && r != MAP_FAILED);
	expect(q + PAGE <= p || q >= p + 2 * PAGE);
	expect(r + 4 * PAGE <= p || r >= p + 2 * PAGE);
	memset(q, 'q', PAGE);
	memset(r, 'r', 4 * PAGE);
	expect_bytes(p, 'o', 2 * PAGE);
	expect_bytes(q, 'q', PAGE);
}

TEST(MM9, a_hint_whose_end_is_taken_goes_elsewhere)
{
	char *at = free_place(8), *p;

	fixed(at + 4 * PAGE, PAGE, RW, ANON, -1, 0);
	memset(at + 4 * PAGE, 'o', PAGE);
	p = mmap(at + 2 * PAGE, 4 * PAGE, RW, ANON, -1, 0);
	must(p != MAP_FAILED);
	expect(p + 4 * PAGE <= at + 4 * PAGE || p >= at + 5 * PAGE);
	memset(p, 'p', 4 * PAGE);
	expect_bytes(at + 4 * PAGE, 'o', PAGE);
}

TEST(MX1, noreplace_on_a_taken_page_is_eexist)
{
	char *p = map_at(-1, 3 * PAGE, RW, ANON, 0);
	int noreplace = MAP_FIXED_NOREPLACE;

	memset(p, 'o', 3 * PAGE);
	must(munmap(p, PAGE) == 0);
	expect_error(mmap(p + PAGE, PAGE, RW, ANON | noreplace, -1, 0), EEXIST);
	expect_error(mmap(p, 2 * PAGE, RW, ANON | noreplace, -1, 0), EEXIST);
	expect_bytes(p + PAGE, 'o', 2 * PAGE);
	expect_fault(p, LOAD, SIGSEGV, SEGV_MAPERR);            /* and the free half was not mapped */
}

TEST(MX1, noreplace_on_a_free_page_maps_it_there)
{
	int fd = shown_file("f", PAGE);
	char *at = free_place(4);

	must(mmap(at + PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0) == at + PAGE);
	expect(is_pattern(at + PAGE, 0, PAGE));
	expect_error(mmap(at + 2 * PAGE + 8, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EINVAL);
}

TEST(MX1, shared_validate_shares)
{
	int fd = shown_file("f", PAGE);
	char *p = map_at(fd, PAGE, RW, MAP_SHARED_VALIDATE, 0), *q = map_file(fd, PAGE);

	p[1] = 'x';
	expect(q[1] == 'x');
	q[2] = 'y';
	expect(p[2] == 'y');
	publish(p, PAGE);
	expect(byte_at(fd, 1) == 'x' && byte_at(fd, 2) == 'y');
}

TEST(MX1, shared_validate_refuses_flags_that_shared_ignores)
{
	int fd = shown_file("f", PAGE), unknown = 0x800000;
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED | unknown, fd, 0);

	must(p != MAP_FAILED);
	expect(is_pattern(p, 0, PAGE));
	expect_error(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | unknown, fd, 0), EOPNOTSUPP);
	expect_error(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0), EOPNOTSUPP);
}

static long resident(void *p, long pages)
{
	unsigned char in[64];
	long n = 0;

	must(pages <= 64 && mincore(p, pages * PAGE, in) == 0);
	for (long i = 0; i < pages; i++) n += in[i] & 1;
	return n;
}

TEST(MX1, populate_makes_anonymous_pages_resident)
{
	char *p = map_at(-1, 16 * PAGE, RW, ANON | MAP_POPULATE, 0), *lazy = map_at(-1, 16 * PAGE, RW, ANON, 0);

	expect(resident(p, 16) == 16);
	expect(resident(lazy, 16) == 0);
	expect_bytes(p, 0, 16 * PAGE);
}

TEST(MX1, populate_makes_file_pages_resident)
{
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	char *p;

	must(fd >= 0 && ftruncate(fd, 16 * PAGE) == 0);
	p = map_at(fd, 16 * PAGE, PROT_READ, MAP_SHARED | MAP_POPULATE, 0);
	expect(resident(p, 16) == 16);
	expect_bytes(p, 0, 16 * PAGE);
}

TEST(MX1, populate_does_not_fault_past_the_end)
{
	int fd = shown_file("f", PAGE + 1);
	char *p = map_at(fd, 4 * PAGE, RW, MAP_SHARED | MAP_POPULATE, 0);

	expect(is_pattern(p, 0, PAGE + 1));
	expect_fault(p + 2 * PAGE, LOAD, SIGBUS, BUS_ADRERR);
}

TEST(MX1, locked_maps_resident_and_locked)
{
	int fd = shown_file("f", 4 * PAGE);
	char *p = map_at(fd, 4 * PAGE, RW, MAP_SHARED | MAP_LOCKED, 0);

	expect(resident(p, 4) == 4);
	expect_error(msync(p + PAGE, PAGE, MS_SYNC | MS_INVALIDATE), EBUSY);
	must(munlock(p, 4 * PAGE) == 0);
	expect(msync(p + PAGE, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
	expect(is_pattern(p, 0, 4 * PAGE));
}

TEST(MX1, noreserve_maps_more_than_is_touched)
{
	size_t n = 1ul << 32;
	char *p = map_at(-1, n, RW, ANON | MAP_NORESERVE, 0);

	for (size_t at = 0; at < n; at += n / 8) p[at + 1] = at / (n / 8) + 1;
	for (size_t at = 0; at < n; at += n / 8) expect(p[at] == 0 && p[at + 1] == (char)(at / (n / 8) + 1));
	p[n - 1] = 'x';
	expect(p[n - 1] == 'x');
}

TEST(MX1, growsdown_grows_when_the_page_below_is_touched)
{
	char *at = free_place(1024), *p = at + 1000 * PAGE;

	fixed(p, PAGE, RW, ANON | MAP_GROWSDOWN, -1, 0);
	p[0] = 'x';
	((volatile char *)p)[-1] = 'y';                         /* a fault would end the test */
	expect(p[-1] == 'y' && p[-2] == 0 && p[-PAGE] == 0 && p[0] == 'x');
}

TEST(MX1, flags_that_are_only_advice_change_nothing)
{
	static const int advice[] = {MAP_STACK, MAP_DENYWRITE, MAP_EXECUTABLE, MAP_NONBLOCK, MAP_NORESERVE};
	int fd = shown_file("f", PAGE);

	for (int i = 0; i < 5; i++) {
		char *p = map_at(fd, PAGE, RW, MAP_SHARED | advice[i], 0);
		char *q = map_at(-1, PAGE, RW, ANON | advice[i], 0);

		p[0] = i + 'a';
		q[0] = i + 'A';
		publish(p, PAGE);
		expect(byte_at(fd, 0) == i + 'a');
		expect(q[0] == i + 'A' && q[1] == 0);
	}
}
