/* SPDX-License-Identifier: MIT */
/* user/posix/mmap_access.c - MM8, MM14, MM15: references that are refused, with which signal, code and address. */
#include <sys/vfs.h>

#include "mmap_help.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* A page that holds code_42 and has this protection; of a file, or anonymous. */
static char *code_page(bool file, int prot)
{
	int fd = file ? new_file("code", PAGE) : -1;
	char *p = map_at(fd, PAGE, RW, file ? MAP_SHARED : ANON, 0);

	memcpy(p, code_42, sizeof(code_42));
	must(mprotect(p, PAGE, prot) == 0);
	return p;
}

static void expect_no_jump(char *to, int code)
{
	struct fault f = fault_of(jump, to);

	expect(f.signo == SIGSEGV);
	expect(f.code == code);
	expect(f.addr == to);
	expect(jump_result == 0);
}

TEST(MM8, a_read_only_shared_page_refuses_stores)
{
	int fd = shown_file("f", PAGE);
	char *p = map_at(fd, PAGE, PROT_READ, MAP_SHARED, 0);

	expect_fault(p + 1, STORE, SIGSEGV, SEGV_ACCERR);       /* not in the page table yet */
	expect(is_pattern(p, 0, PAGE));
	expect_fault(p + 2, STORE, SIGSEGV, SEGV_ACCERR);       /* and now it is */
	expect(is_pattern(p, 0, PAGE));
	expect(byte_at(fd, 1) == (unsigned char)pattern(1) && byte_at(fd, 2) == (unsigned char)pattern(2));
}

TEST(MM8, a_read_only_private_page_refuses_stores)
{
	int fd = shown_file("f", PAGE);
	char *p = map_at(fd, PAGE, PROT_READ, MAP_PRIVATE, 0);

	expect_fault(p + 1, STORE, SIGSEGV, SEGV_ACCERR);
	expect(is_pattern(p, 0, PAGE));
	expect_fault(p + 2, STORE, SIGSEGV, SEGV_ACCERR);
	expect(is_pattern(p, 0, PAGE));
}

TEST(MM8, a_read_only_anonymous_page_refuses_stores)
{
	char *p = map_at(-1, PAGE, PROT_READ, ANON, 0), *q = map_at(-1, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, 0);

	expect_fault(p, STORE, SIGSEGV, SEGV_ACCERR);
	expect_fault(q, STORE, SIGSEGV, SEGV_ACCERR);
	expect_bytes(p, 0, PAGE);
	expect_bytes(q, 0, PAGE);
	expect_fault(p, STORE, SIGSEGV, SEGV_ACCERR);
	expect_fault(q, STORE, SIGSEGV, SEGV_ACCERR);
}

TEST(MM8, a_page_without_access_refuses_loads_and_stores)
{
	int fd = shown_file("f", PAGE);
	char *page[] = {
		map_at(fd, PAGE, PROT_NONE, MAP_SHARED, 0), map_at(fd, PAGE, PROT_NONE, MAP_PRIVATE, 0),
		map_at(-1, PAGE, PROT_NONE, ANON, 0), map_at(-1, PAGE, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, 0),
	};

	for (int i = 0; i < 4; i++) {
		expect_fault(page[i], LOAD, SIGSEGV, SEGV_ACCERR);
		expect_fault(page[i], STORE, SIGSEGV, SEGV_ACCERR);
	}
	expect(byte_at(fd, 0) == (unsigned char)pattern(0));
}

TEST(MM8, a_page_without_access_is_not_executed)
{
	expect_no_jump(code_page(true, PROT_NONE), SEGV_ACCERR);
	expect_no_jump(code_page(false, PROT_NONE), SEGV_ACCERR);
}

TEST(MM8, a_page_without_exec_is_not_executed)
{
	expect_no_jump(code_page(true, RW), SEGV_ACCERR);
	expect_no_jump(code_page(false, RW), SEGV_ACCERR);
	expect_no_jump(code_page(true, PROT_READ), SEGV_ACCERR);
	expect_no_jump(code_page(false, PROT_READ), SEGV_ACCERR);
}

TEST(MM8, a_page_with_exec_is_executed)
{
	expect(fault_of(jump, code_page(true, PROT_READ | PROT_EXEC)).signo == 0);
	expect(jump_result == 42);
	expect(fault_of(jump, code_page(false, RW | PROT_EXEC)).signo == 0);
	expect(jump_result == 42);
}

TEST(MM8, a_file_mapped_for_exec_is_executed)
{
	int fd = open("code", O_RDWR | O_CREAT, 0600);
	char *p;

	must(fd >= 0 && write(fd, code_42, sizeof(code_42)) == sizeof(code_42));
	must(fsync(fd) == 0);
	p = map_at(fd, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, 0);
	refetch(p, PAGE);
	expect(fault_of(jump, p).signo == 0);
	expect(jump_result == 42);
	p = map_at(fd, PAGE, PROT_READ, MAP_SHARED, 0);         /* the same page without the right */
	expect_no_jump(p, SEGV_ACCERR);
}

TEST(MM8, an_executable_page_refuses_stores)
{
	char *p = code_page(true, PROT_READ | PROT_EXEC), *q = code_page(false, PROT_READ | PROT_EXEC);

	expect_fault(p + 1, STORE, SIGSEGV, SEGV_ACCERR);
	expect_fault(q + 1, STORE, SIGSEGV, SEGV_ACCERR);
	expect(!memcmp(p, code_42, sizeof(code_42)) && !memcmp(q, code_42, sizeof(code_42)));
}

TEST(MM8, a_page_for_writing_takes_stores)
{
	int fd = shown_file("f", PAGE);
	volatile char *p = map_at(fd, PAGE, PROT_WRITE, MAP_SHARED, 0);
	char *q = map_at(fd, PAGE, PROT_READ, MAP_SHARED, 0);

	p[7] = 'x';
	expect(q[7] == 'x' && q[8] == pattern(8));
}

TEST(MM8, an_unmapped_page_is_maperr)
{
	char *p = map_at(-1, 3 * PAGE, RW, ANON, 0);

	p[PAGE] = 1;
	must(munmap(p + PAGE, PAGE) == 0);
	expect_fault(p + PAGE, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_fault(p + 2 * PAGE - 1, STORE, SIGSEGV, SEGV_MAPERR);
	expect_no_jump(p + PAGE, SEGV_MAPERR);
	p[0] = p[2 * PAGE] = 1;
}

TEST(MM8, the_null_pointer_is_maperr)
{
	expect_fault((char *)0, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_fault((char *)0, STORE, SIGSEGV, SEGV_MAPERR);
	expect_fault((char *)8, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_no_jump((char *)0, SEGV_MAPERR);
}

TEST(MM8, the_kernels_half_is_maperr)
{
	expect_fault((char *)0xffff800000000000, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_fault((char *)0xffffffff80000000, STORE, SIGSEGV, SEGV_MAPERR);
	expect_fault((char *)-1, LOAD, SIGSEGV, SEGV_MAPERR);
}

TEST(MM8, the_address_is_exact)
{
	static const long off[] = {0, 1, 1234, PAGE - 1, PAGE + 77, 2 * PAGE - 1};
	int fd = shown_file("f", 2 * PAGE);
	char *p = map_at(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 0);

	for (int i = 0; i < 6; i++) expect_fault(p + off[i], STORE, SIGSEGV, SEGV_ACCERR);
	must(mprotect(p, 2 * PAGE, PROT_NONE) == 0);
	for (int i = 0; i < 6; i++) expect_fault(p + off[i], LOAD, SIGSEGV, SEGV_ACCERR);
}

static void store_word(void *at)
{
	*(volatile uint64_t *)at = ~0ull;
}

TEST(MM8, a_word_across_the_border_names_the_forbidden_page)
{
	char *p = map_at(-1, 2 * PAGE, RW, ANON, 0);
	struct fault f;

	must(mprotect(p + PAGE, PAGE, PROT_READ) == 0);
	f = fault_of(store_word, p + PAGE - 4);
	expect(f.signo == SIGSEGV && f.code == SEGV_ACCERR);
	expect(f.addr == p + PAGE);
	expect_bytes(p, 0, 2 * PAGE);                           /* no half of it was stored */
}

TEST(MM8, neighbours_keep_their_own_protection)
{
	int fd = shown_file("f", 3 * PAGE);
	char *p = map_file(fd, 3 * PAGE);

	must(mprotect(p + PAGE, PAGE, PROT_NONE) == 0);
	must(mprotect(p + 2 * PAGE, PAGE, PROT_READ) == 0);
	p[PAGE - 1] = 'x';
	expect_fault(p + PAGE, LOAD, SIGSEGV, SEGV_ACCERR);
	expect_fault(p + 2 * PAGE - 1, STORE, SIGSEGV, SEGV_ACCERR);
	expect_fault(p + 2 * PAGE, STORE, SIGSEGV, SEGV_ACCERR);
	expect(p[PAGE - 1] == 'x' && is_pattern(p + 2 * PAGE, 2 * PAGE, PAGE));
}

TEST(MM8, read_does_not_store_into_a_read_only_page)
{
	int fd = shown_file("f", PAGE), from = new_file("g", PAGE);
	char *p = map_at(fd, PAGE, PROT_READ, MAP_SHARED, 0);

	expect(p[0] == pattern(0));
	expect_error(pread(from, p, 100, 5), EFAULT);
	expect(is_pattern(p, 0, PAGE));
	expect(byte_at(fd, 0) == (unsigned char)pattern(0));
}

static void refer(void *at)
{
	*(volatile char *)at = 1;
}

TEST(MM8, without_a_handler_the_signal_ends_the_process)
{
	int fd = shown_file("f", PAGE);
	char *p = map_at(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 0), *q = map_file(fd, 2 * PAGE);

	expect(in_child(refer, p) == 128 + SIGSEGV);
	expect(in_child(refer, q + PAGE) == 128 + SIGBUS);
	expect(in_child(refer, q + 1) == 0 && p[1] == 1);
}

TEST(MM14, a_whole_page_past_the_end_is_a_bus_error)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, 3 * PAGE);

	expect_fault(p + PAGE, LOAD, SIGBUS, BUS_ADRERR);
	expect_fault(p + PAGE, STORE, SIGBUS, BUS_ADRERR);
	expect_fault(p + 3 * PAGE - 1, STORE, SIGBUS, BUS_ADRERR);
	expect(is_pattern(p, 0, PAGE));
	expect(lseek(fd, 0, SEEK_END) == PAGE);
}

TEST(MM14, a_private_page_past_the_end_is_a_bus_error)
{
	int fd = shown_file("f", PAGE);
	char *p = map_at(fd, 3 * PAGE, RW, MAP_PRIVATE, 0);

	expect_fault(p + PAGE, LOAD, SIGBUS, BUS_ADRERR);
	expect_fault(p + PAGE, STORE, SIGBUS, BUS_ADRERR);
	expect_fault(p + 3 * PAGE - 1, STORE, SIGBUS, BUS_ADRERR);
	p[PAGE - 1] = 'x';
}

TEST(MM14, an_empty_file_has_no_page)
{
	int fd = new_file("f", 0);
	char *p = map_file(fd, PAGE), *q = map_at(fd, PAGE, RW, MAP_PRIVATE, 0);

	expect_fault(p, LOAD, SIGBUS, BUS_ADRERR);
	expect_fault(p, STORE, SIGBUS, BUS_ADRERR);
	expect_fault(q, LOAD, SIGBUS, BUS_ADRERR);
	expect_fault(q, STORE, SIGBUS, BUS_ADRERR);
}

TEST(MM14, the_page_of_the_last_byte_is_the_last)
{
	static const long size[] = {1, PAGE - 1, PAGE, PAGE + 1};
	static const long pages[] = {1, 1, 1, 2};

	for (int i = 0; i < 4; i++) {
		int fd = shown_file("f", size[i]);
		char *p = map_file(fd, 4 * PAGE);

		expect(is_pattern(p, 0, size[i]));
		p[pages[i] * PAGE - 1] = 'x';
		expect(p[pages[i] * PAGE - 1] == 'x');
		expect_fault(p + pages[i] * PAGE, LOAD, SIGBUS, BUS_ADRERR);
		expect_fault(p + pages[i] * PAGE, STORE, SIGBUS, BUS_ADRERR);
	}
}

TEST(MM14, an_offset_past_the_end_maps_but_is_a_bus_error)
{
	int fd = shown_file("f", PAGE);
	char *p = map_at(fd, PAGE, RW, MAP_SHARED, 8 * PAGE), *q = map_at(fd, PAGE, PROT_READ, MAP_PRIVATE, PAGE);

	expect_fault(p, LOAD, SIGBUS, BUS_ADRERR);
	expect_fault(p + 9, STORE, SIGBUS, BUS_ADRERR);
	expect_fault(q + PAGE - 1, LOAD, SIGBUS, BUS_ADRERR);
}

TEST(MM14, protection_is_asked_before_the_end_of_the_file)
{
	int fd = shown_file("f", PAGE);
	char *p = map_at(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 0), *q = map_at(fd, 2 * PAGE, PROT_NONE, MAP_SHARED, 0);

	expect_fault(p + PAGE, LOAD, SIGBUS, BUS_ADRERR);
	expect_fault(p + PAGE, STORE, SIGSEGV, SEGV_ACCERR);
	expect_fault(q + PAGE, LOAD, SIGSEGV, SEGV_ACCERR);
}

TEST(MM14, a_system_call_given_a_page_past_the_end_fails)
{
	int fd = shown_file("f", PAGE), to = new_file("g", 0), from = new_file("h", PAGE);
	char *p = map_file(fd, 2 * PAGE);

	expect_error(write(to, p + PAGE, 10), EFAULT);
	expect_error(pread(from, p + PAGE, 10, 0), EFAULT);
	expect(byte_at(to, 0) == -1);
	expect(lseek(fd, 0, SEEK_END) == PAGE);
}

/* Store once in every page of the file that stride hits; the first that is a bus error, or -1. */
static long bus_error_at(char *p, long pages, long stride)
{
	for (long i = 0; i < pages; i += stride) {
		struct fault f = fault_of(refer, p + i * PAGE);

		if (!f.signo) continue;
		expect(f.signo == SIGBUS && f.code == BUS_ADRERR && f.addr == p + i * PAGE);
		return i;
	}
	return -1;
}

/* Free pages on the disk that we are on; ends the test if it is none, or too large to be filled. */
static long room(void)
{
	struct statfs s;

	must(statfs(".", &s) == 0);
	if (s.f_type == 0x01021994) skip("tmpfs: memory, not a disk");
	if (s.f_bfree * s.f_bsize > 256l << 20) skip("the file system is too large to be filled");
	return s.f_bfree * s.f_bsize / PAGE;
}

TEST(MM15, a_store_for_which_the_disk_has_no_room_is_a_bus_error)
{
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	long pages = room() + 256, bad = -1;
	char *p;

	must(fd >= 0 && ftruncate(fd, pages * PAGE) == 0);
	p = map_file(fd, pages * PAGE);
	for (long stride = 256; stride > 0 && bad < 0; stride /= 16) bad = bus_error_at(p, pages, stride);
	expect(bad > 0);
	expect(p[0] == 1);                                      /* what had room stays */
	expect(byte_at(fd, bad * PAGE) == 0);                   /* reading a hole needs no room */
	must(ftruncate(fd, PAGE) == 0 && msync(p, PAGE, MS_SYNC) == 0);
	expect(byte_at(fd, 0) == 1);
	must(ftruncate(fd, 2 * PAGE) == 0);
	refer(p + PAGE);                                        /* there is room again: a fault would end the test */
	expect(p[PAGE] == 1);
}
