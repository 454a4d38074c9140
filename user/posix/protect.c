/* SPDX-License-Identifier: MIT */
/* user/posix/protect.c - MP1 and MP2: mprotect.
 *
 * musl's mprotect() rounds its arguments to whole pages: what the kernel says to unaligned ones is asked for by number.
 */
#include <sys/syscall.h>

#include "posix.h"

#define RW (PROT_READ | PROT_WRITE)

static char *private_pages(int n)
{
	char *p = map_at(-1, n * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	for (int i = 0; i < n; i++) memset(p + i * PAGE, 'a' + i, PAGE);
	return p;
}

static int open_readonly(const char *name)
{
	int fd = open(name, O_RDONLY);

	must(fd >= 0);
	return fd;
}

TEST(MP1, read_only_memory_cannot_be_stored_to)
{
	char *p = private_pages(2);

	expect(mprotect(p, 2 * PAGE, PROT_READ) == 0);
	expect_fault(p, STORE, SIGSEGV, SEGV_ACCERR);
	expect_fault(p + PAGE + 7, STORE, SIGSEGV, SEGV_ACCERR);
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + PAGE, 'b', PAGE);
}

TEST(MP1, writing_allowed_again_works_and_nothing_was_lost)
{
	char *p = private_pages(2);

	must(mprotect(p, 2 * PAGE, PROT_READ) == 0);
	expect_fault(p + PAGE, STORE, SIGSEGV, SEGV_ACCERR);
	expect(mprotect(p, 2 * PAGE, RW) == 0);
	expect_bytes(p + PAGE, 'b', PAGE);
	p[PAGE] = 'x';
	expect(p[PAGE] == 'x' && p[PAGE + 1] == 'b');
}

TEST(MP1, memory_without_any_right_keeps_its_contents)
{
	char *p = private_pages(2);

	expect(mprotect(p, 2 * PAGE, PROT_NONE) == 0);
	expect_fault(p, LOAD, SIGSEGV, SEGV_ACCERR);
	expect_fault(p + PAGE, STORE, SIGSEGV, SEGV_ACCERR);
	expect(mprotect(p, 2 * PAGE, PROT_READ) == 0);
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + PAGE, 'b', PAGE);
}

TEST(MP1, memory_mapped_without_rights_can_be_given_some)
{
	char *p = map_at(-1, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	expect_fault(p, LOAD, SIGSEGV, SEGV_ACCERR);
	expect(mprotect(p, 2 * PAGE, RW) == 0);
	expect_bytes(p, 0, 2 * PAGE);
	p[PAGE] = 'x';
	expect(p[PAGE] == 'x');
}

TEST(MP1, pages_around_the_range_keep_their_rights)
{
	char *p = private_pages(3);

	expect(mprotect(p + PAGE, 1, PROT_READ) == 0);
	p[0] = p[PAGE - 1] = p[2 * PAGE] = 'x';
	expect_fault(p + PAGE, STORE, SIGSEGV, SEGV_ACCERR);
	expect_fault(p + 2 * PAGE - 1, STORE, SIGSEGV, SEGV_ACCERR);
	expect(p[0] == 'x' && p[PAGE - 1] == 'x' && p[PAGE] == 'b' && p[2 * PAGE] == 'x');
}

TEST(MP1, one_call_spans_mappings_of_different_kinds)
{
	int fd = new_file("f", PAGE);
	char *p = private_pages(3);

	must(mmap(p + PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0) == p + PAGE);
	p[PAGE] = 's';
	expect(mprotect(p, 3 * PAGE, PROT_READ) == 0);
	for (int i = 0; i < 3; i++) expect_fault(p + i * PAGE, STORE, SIGSEGV, SEGV_ACCERR);
	expect(mprotect(p, 3 * PAGE, RW) == 0);
	expect(p[0] == 'a' && p[PAGE] == 's' && p[2 * PAGE] == 'c');
	p[PAGE] = 't';
	expect(p[PAGE] == 't');
}

TEST(MP1, a_read_only_descriptor_gives_no_shared_writing)
{
	char *p;

	close(new_file("f", PAGE));
	p = map_at(open_readonly("f"), PAGE, PROT_READ, MAP_SHARED, 0);
	expect_error(mprotect(p, PAGE, RW), EACCES);
	expect_error(mprotect(p, PAGE, PROT_WRITE), EACCES);
	expect_fault(p, STORE, SIGSEGV, SEGV_ACCERR);
}

TEST(MP1, a_read_only_descriptor_counts_after_it_is_closed)
{
	int rw = new_file("f", PAGE), fd = open_readonly("f");
	char *p = map_at(fd, PAGE, PROT_READ, MAP_SHARED, 0);

	close(fd);
	expect_error(mprotect(p, PAGE, RW), EACCES);
	expect_fault(p, STORE, SIGSEGV, SEGV_ACCERR);
	expect(byte_at(rw, 0) == (unsigned char)pattern(0));
}

TEST(MP1, a_refused_right_survives_a_split_and_a_fixed_neighbour)
{
	char *p;

	close(new_file("f", 3 * PAGE));
	p = map_at(open_readonly("f"), 3 * PAGE, PROT_READ, MAP_SHARED, 0);
	must(munmap(p + PAGE, PAGE) == 0);
	must(mprotect(p, PAGE, PROT_NONE) == 0);
	expect_error(mprotect(p, PAGE, RW), EACCES);
	expect_error(mprotect(p + 2 * PAGE, PAGE, RW), EACCES);
	expect(mprotect(p, PAGE, PROT_READ) == 0);
}

TEST(MP1, a_private_mapping_of_a_read_only_descriptor_may_be_written)
{
	int rw = new_file("f", PAGE), fd = open_readonly("f");
	char *p;

	must(fsync(rw) == 0);
	p = map_at(fd, PAGE, PROT_READ, MAP_PRIVATE, 0);
	expect(is_pattern(p, 0, PAGE));
	expect(mprotect(p, PAGE, RW) == 0);
	p[3] = 'x';
	expect(p[3] == 'x' && p[4] == pattern(4));
	expect(byte_at(rw, 3) == (unsigned char)pattern(3));
}

TEST(MP1, stores_after_write_is_allowed_reach_the_file)
{
	int fd = new_file("f", PAGE);
	char *p = map_at(fd, PAGE, PROT_READ, MAP_SHARED, 0), before = *(volatile char *)p;

	expect(mprotect(p, PAGE, RW) == 0);
	p[5] = 'x';
	publish(p, PAGE);
	expect(byte_at(fd, 5) == 'x' && p[0] == before);
}

TEST(MP1, what_was_stored_before_writing_was_forbidden_reaches_the_file)
{
	int fd = new_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	p[5] = 'x';
	expect(mprotect(p, PAGE, PROT_NONE) == 0);
	publish(p, PAGE);
	expect(byte_at(fd, 5) == 'x');
	expect_fault(p, LOAD, SIGSEGV, SEGV_ACCERR);
}

static void protect_and_store(void *p)
{
	expect(mprotect(p, PAGE, PROT_READ) == 0);
	expect_fault(p, STORE, SIGSEGV, SEGV_ACCERR);
	expect(mprotect(p, PAGE, RW) == 0);
	*(char *)p = 'c';
	expect(*(char *)p == 'c');
}

TEST(MP1, writing_allowed_again_does_not_undo_copy_on_write)
{
	char *p = private_pages(1);

	expect(in_child(protect_and_store, p) == 0);
	expect(p[0] == 'a');
}

static void forbid(void *p)
{
	expect(mprotect(p, PAGE, PROT_NONE) == 0);
	expect_fault(p, LOAD, SIGSEGV, SEGV_ACCERR);
}

TEST(MP1, rights_are_each_processs_own)
{
	char *p = map_at(-1, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, 0);

	p[0] = 'p';
	expect(in_child(forbid, p) == 0);
	expect(p[0] == 'p');
	p[0] = 'q';
	expect(p[0] == 'q');
}

TEST(MP1, code_runs_only_where_execution_is_allowed)
{
	static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};          /* mov $42, %eax; ret */
	char *p = private_pages(1);
	int (*fn)(void) = (int (*)(void))p;
	pid_t pid;
	int st;

	memcpy(p, code, sizeof(code));
	fflush(stdout);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) _exit(fn());
	must(waitpid(pid, &st, 0) == pid);
	expect(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV);
	expect(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	expect(fn() == 42);
	expect_fault(p, STORE, SIGSEGV, SEGV_ACCERR);
}

TEST(MP1, system_calls_obey_it_too)
{
	int fd = new_file("f", PAGE);
	char *p = private_pages(1);

	must(mprotect(p, PAGE, PROT_READ) == 0);
	expect_error(pread(fd, p, 16, 0), EFAULT);
	expect(pwrite(fd, p, 16, 0) == 16);
	must(mprotect(p, PAGE, PROT_NONE) == 0);
	expect_error(pwrite(fd, p, 16, 16), EFAULT);
	must(mprotect(p, PAGE, RW) == 0);
	expect_bytes(p, 'a', PAGE);
	expect(byte_at(fd, 15) == 'a' && byte_at(fd, 16) == (unsigned char)pattern(16));
}

TEST(MP2, mprotect_over_a_hole_is_an_error)
{
	char *p = private_pages(3);

	must(munmap(p + PAGE, PAGE) == 0);
	expect_error(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM);
	expect_error(mprotect(p + PAGE, PAGE, PROT_READ), ENOMEM);
	expect_error(mprotect(p + PAGE, 2 * PAGE, PROT_READ), ENOMEM);
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + 2 * PAGE, 'c', PAGE);
}

TEST(MP2, mprotect_of_an_unaligned_address_is_refused)
{
	char *p = private_pages(2);

	expect_error(syscall(SYS_mprotect, p + 1, PAGE, PROT_READ), EINVAL);
	expect_error(syscall(SYS_mprotect, p + PAGE - 8, 8l, PROT_NONE), EINVAL);
	p[1] = p[PAGE] = 'x';
	expect(p[1] == 'x' && p[PAGE] == 'x');
}

TEST(MP2, unknown_rights_are_refused)
{
	char *p = private_pages(1);

	expect_error(syscall(SYS_mprotect, p, PAGE, 0x40), EINVAL);
	expect_error(syscall(SYS_mprotect, p, PAGE, -1), EINVAL);
	p[0] = 'x';
	expect(p[0] == 'x');
}

TEST(MP2, mprotect_of_a_range_outside_the_address_space_is_an_error)
{
	char *p = private_pages(1);

	expect_error(syscall(SYS_mprotect, 0x7ffffffff000, PAGE, PROT_READ), ENOMEM);
	expect_error(syscall(SYS_mprotect, 0xffffffff80000000, PAGE, PROT_READ), ENOMEM);
	expect_error(syscall(SYS_mprotect, p, -2 * PAGE, PROT_READ), ENOMEM);
}

TEST(MP2, mprotect_of_length_zero_changes_nothing)
{
	char *p = private_pages(1);

	expect(syscall(SYS_mprotect, p, 0l, PROT_NONE) == 0);
	p[0] = 'x';
	expect(p[0] == 'x' && p[1] == 'a');
}
