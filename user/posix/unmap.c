/* SPDX-License-Identifier: MIT */
/* user/posix/unmap.c - MU1 to MU3: what munmap takes away, and what it leaves. */
#include "posix.h"

#define RW (PROT_READ | PROT_WRITE)
#define FIXED (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE)
#define TOP ((char *)0x7ffffffff000)    /* the first address that is no program's */

/* Private memory of n pages, every byte of page i being 'a' + i. */
static char *lettered(int n)
{
	char *p = map_at(-1, n * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	for (int i = 0; i < n; i++) memset(p + i * PAGE, 'a' + i, PAGE);
	return p;
}

/* A page of a range that msync may not invalidate is a locked one (MS9). */
static bool is_locked(char *p)
{
	return msync(p, PAGE, MS_ASYNC | MS_INVALIDATE) == -1 && errno == EBUSY;
}

TEST(MU1, unmapped_memory_faults)
{
	char *p = lettered(2);

	expect(munmap(p, 2 * PAGE) == 0);
	expect_fault(p, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_fault(p + 2 * PAGE - 1, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_fault(p + PAGE, STORE, SIGSEGV, SEGV_MAPERR);
}

TEST(MU1, an_unmapped_file_faults)
{
	int fd = new_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	p[0] = p[PAGE] = 'x';
	expect(munmap(p, 2 * PAGE) == 0);
	expect_fault(p, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_fault(p + PAGE, STORE, SIGSEGV, SEGV_MAPERR);
}

TEST(MU1, unmapping_the_middle_leaves_both_ends)
{
	char *p = lettered(5);

	expect(munmap(p + 2 * PAGE, PAGE) == 0);
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + PAGE, 'b', PAGE);
	expect_fault(p + 2 * PAGE, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_bytes(p + 3 * PAGE, 'd', PAGE);
	expect_bytes(p + 4 * PAGE, 'e', PAGE);
	p[PAGE] = p[3 * PAGE] = 'x';
	expect(p[PAGE] == 'x' && p[3 * PAGE] == 'x');
}

TEST(MU1, ends_of_a_cut_file_mapping_keep_their_offsets)
{
	int fd = new_file("f", 6 * PAGE);
	char *p = map_file(fd, 6 * PAGE);

	refetch(p, 6 * PAGE);
	expect(munmap(p, PAGE) == 0 && munmap(p + 3 * PAGE, PAGE) == 0);
	p[2 * PAGE + 5] = 'm';
	p[5 * PAGE + 6] = 'n';
	publish(p + PAGE, 2 * PAGE);
	publish(p + 4 * PAGE, 2 * PAGE);
	expect(byte_at(fd, 2 * PAGE + 5) == 'm');
	expect(byte_at(fd, 5 * PAGE + 6) == 'n');
	expect(byte_at(fd, 5 * PAGE + 5) == (unsigned char)pattern(5 * PAGE + 5));
	expect_fault(p, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_fault(p + 3 * PAGE, LOAD, SIGSEGV, SEGV_MAPERR);
}

TEST(MU1, a_length_is_rounded_up_to_whole_pages)
{
	char *p = lettered(3);

	expect(munmap(p, PAGE + 1) == 0);
	expect_fault(p, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_fault(p + 2 * PAGE - 1, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_bytes(p + 2 * PAGE, 'c', PAGE);
}

TEST(MU1, one_call_unmaps_several_mappings_and_holes)
{
	int fd = new_file("f", PAGE);
	char *p = lettered(7);

	must(munmap(p + PAGE, PAGE) == 0);
	must(mmap(p + 3 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == p + 3 * PAGE);
	must(mprotect(p + 4 * PAGE, PAGE, PROT_NONE) == 0);
	expect(munmap(p + PAGE, 5 * PAGE) == 0);
	for (int i = 1; i < 6; i++) expect_fault(p + i * PAGE, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + 6 * PAGE, 'g', PAGE);
}

TEST(MU1, another_mapping_of_the_same_page_stays)
{
	int fd = new_file("f", PAGE);
	char *p = map_file(fd, PAGE), *q = map_file(fd, PAGE);

	p[7] = 'x';
	expect(munmap(p, PAGE) == 0);
	expect_fault(p, LOAD, SIGSEGV, SEGV_MAPERR);
	expect(q[7] == 'x');
	q[8] = 'y';
	publish(q, PAGE);
	expect(byte_at(fd, 7) == 'x' && byte_at(fd, 8) == 'y');
}

static void unmap_in_child(void *p)
{
	expect(munmap(p, PAGE) == 0);
	expect_fault(p, LOAD, SIGSEGV, SEGV_MAPERR);
}

TEST(MU1, unmapping_in_a_child_leaves_the_parent_alone)
{
	char *p = lettered(2);

	expect(in_child(unmap_in_child, p) == 0);
	expect_bytes(p, 'a', PAGE);
	p[0] = 'x';
	expect(p[0] == 'x' && p[PAGE] == 'b');
}

TEST(MU1, unmapped_addresses_can_be_mapped_again_and_are_zero)
{
	char *p = lettered(3);

	expect(munmap(p + PAGE, PAGE) == 0);
	must(mmap(p + PAGE, PAGE, RW, FIXED, -1, 0) == p + PAGE);
	expect_bytes(p + PAGE, 0, PAGE);
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + 2 * PAGE, 'c', PAGE);
}

TEST(MU1, a_sparse_gigabyte_is_unmapped_at_once)
{
	size_t size = 1ul << 30;
	char *p = map_at(-1, size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0);

	for (size_t at = 0; at < size; at += size / 8) p[at] = 'x';
	expect(munmap(p, size) == 0);
	for (size_t at = 0; at < size; at += size / 8) expect_fault(p + at, LOAD, SIGSEGV, SEGV_MAPERR);
}

TEST(MU2, unmapping_nothing_succeeds)
{
	char *p = lettered(3);

	must(munmap(p + PAGE, PAGE) == 0);
	expect(munmap(p + PAGE, PAGE) == 0);
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + 2 * PAGE, 'c', PAGE);
}

TEST(MU2, munmap_of_length_zero_is_refused)
{
	char *p = lettered(1);

	expect_error(munmap(p, 0), EINVAL);
	expect_bytes(p, 'a', PAGE);
}

TEST(MU2, munmap_of_an_unaligned_address_is_refused)
{
	char *p = lettered(2);

	expect_error(munmap(p + 1, PAGE), EINVAL);
	expect_error(munmap(p + PAGE / 2, PAGE / 2), EINVAL);
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + PAGE, 'b', PAGE);
}

TEST(MU2, munmap_of_a_range_outside_the_address_space_is_refused)
{
	char *p = lettered(1);

	expect_error(munmap(TOP, PAGE), EINVAL);
	expect_error(munmap(p, (size_t)-2 * PAGE), EINVAL);
	expect_error(munmap(p, TOP - p + PAGE), EINVAL);
	expect_error(munmap((void *)0xffffffff80000000, PAGE), EINVAL);
	expect_bytes(p, 'a', PAGE);
}

TEST(MU3, private_changes_are_gone_with_the_mapping)
{
	int fd = new_file("f", PAGE);
	char *p;

	must(fsync(fd) == 0);
	p = map_at(fd, PAGE, RW, MAP_PRIVATE, 0);
	memset(p, 'x', PAGE);
	expect(munmap(p, PAGE) == 0);
	expect(byte_at(fd, 0) == (unsigned char)pattern(0));
	must(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0) == p);
	expect(is_pattern(p, 0, PAGE));
}

TEST(MU3, shared_changes_stay_in_the_file)
{
	int fd = new_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	p[9] = 'x';
	p[PAGE + 9] = 'y';
	expect(munmap(p, 2 * PAGE) == 0);
	expect_fault(p, LOAD, SIGSEGV, SEGV_MAPERR);
	p = map_file(fd, 2 * PAGE);
	expect(p[9] == 'x' && p[PAGE + 9] == 'y');
	publish(p, 2 * PAGE);
	expect(byte_at(fd, 9) == 'x' && byte_at(fd, PAGE + 9) == 'y');
}

TEST(MU3, shared_changes_stay_when_every_descriptor_is_closed)
{
	int fd = new_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	close(fd);
	p[9] = 'x';
	expect(munmap(p, PAGE) == 0);
	expect_fault(p, LOAD, SIGSEGV, SEGV_MAPERR);
	fd = open("f", O_RDWR);
	must(fd >= 0);
	p = map_file(fd, PAGE);
	expect(p[9] == 'x');
}

TEST(MU3, shared_memory_of_a_fork_outlives_the_parents_mapping)
{
	struct turns t = turns_new();
	char *p = map_at(-1, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, 0);
	pid_t pid = fork();
	int st;

	must(pid >= 0);
	if (pid == 0) {
		turn_wait(t.to);
		_exit(p[0] == 'x' ? 42 : 0);
	}
	p[0] = 'x';
	expect(munmap(p, PAGE) == 0);
	expect_fault(p, LOAD, SIGSEGV, SEGV_MAPERR);
	turn_give(t.to);
	must(waitpid(pid, &st, 0) == pid);
	expect(WIFEXITED(st) && WEXITSTATUS(st) == 42);
}

TEST(MU3, locks_go_with_the_mapping)
{
	char *p = lettered(3);

	must(mlock(p, 3 * PAGE) == 0);
	must(is_locked(p + PAGE));
	expect(munmap(p + PAGE, PAGE) == 0);
	must(mmap(p + PAGE, PAGE, PROT_READ, FIXED, -1, 0) == p + PAGE);
	expect(!is_locked(p + PAGE));
	expect(is_locked(p) && is_locked(p + 2 * PAGE));
}

TEST(MU3, a_locked_page_of_a_file_can_be_invalidated_after_munmap)
{
	int fd = new_file("f", PAGE);
	char *p = map_file(fd, PAGE), *q = map_file(fd, PAGE);

	must(mlock(p, PAGE) == 0);
	must(is_locked(p));
	expect(munmap(p, PAGE) == 0);
	expect(msync(q, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
}
