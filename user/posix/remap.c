/* SPDX-License-Identifier: MIT */
/* user/posix/remap.c - MR1: mremap, from Linux's manual page; BK1: brk, which musl offers by its number only. */
#include <sys/syscall.h>

#include "posix.h"

#define RW (PROT_READ | PROT_WRITE)

static char *lettered(int n)
{
	char *p = map_at(-1, n * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	for (int i = 0; i < n; i++) memset(p + i * PAGE, 'a' + i, PAGE);
	return p;
}

/* n lettered pages with `room` unmapped pages behind them, and then a page that is in the way. */
static char *with_room(int n, int room)
{
	char *p = lettered(n + room + 1);

	must(!room || munmap(p + n * PAGE, room * PAGE) == 0);
	return p;
}

TEST(MR1, a_mapping_grows_in_place_where_there_is_room)
{
	char *p = with_room(2, 2);

	expect(mremap(p, 2 * PAGE, 4 * PAGE, 0) == p);
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + PAGE, 'b', PAGE);
	expect_bytes(p + 2 * PAGE, 0, 2 * PAGE);
	p[3 * PAGE] = 'x';
	expect(p[3 * PAGE] == 'x' && p[4 * PAGE] == 'e');
}

TEST(MR1, without_room_a_mapping_does_not_grow_in_place)
{
	char *p = with_room(2, 1);

	expect_error(mremap(p, 2 * PAGE, 4 * PAGE, 0), ENOMEM);
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + PAGE, 'b', PAGE);
	expect_bytes(p + 3 * PAGE, 'd', PAGE);
	expect_fault(p + 2 * PAGE, LOAD, SIGSEGV, SEGV_MAPERR);
}

TEST(MR1, a_mapping_that_may_move_grows_elsewhere)
{
	char *p = with_room(2, 0), *q = mremap(p, 2 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);

	must(q != MAP_FAILED);
	expect(q != p);
	expect_bytes(q, 'a', PAGE);
	expect_bytes(q + PAGE, 'b', PAGE);
	expect_bytes(q + 2 * PAGE, 0, 4 * PAGE);
	expect_fault(p, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_fault(p + PAGE, STORE, SIGSEGV, SEGV_MAPERR);
	expect_bytes(p + 2 * PAGE, 'c', PAGE);
}

TEST(MR1, a_mapping_shrinks_in_place)
{
	char *p = lettered(4);

	expect(mremap(p, 3 * PAGE, PAGE, 0) == p);
	expect_bytes(p, 'a', PAGE);
	expect_fault(p + PAGE, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_fault(p + 2 * PAGE, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_bytes(p + 3 * PAGE, 'd', PAGE);
}

TEST(MR1, the_same_size_changes_nothing)
{
	char *p = lettered(2);

	expect(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE) == p);
	expect(mremap(p, 2 * PAGE - 7, PAGE + 1, 0) == p);              /* both are two pages */
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + PAGE, 'b', PAGE);
}

TEST(MR1, a_part_of_a_mapping_moves_and_the_rest_stays)
{
	char *p = lettered(3), *q = mremap(p + PAGE, PAGE, 3 * PAGE, MREMAP_MAYMOVE);

	must(q != MAP_FAILED);
	expect_bytes(q, 'b', PAGE);
	expect_bytes(q + PAGE, 0, 2 * PAGE);
	expect_bytes(p, 'a', PAGE);
	expect_fault(p + PAGE, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_bytes(p + 2 * PAGE, 'c', PAGE);
}

TEST(MR1, a_grown_file_mapping_shows_more_of_the_file)
{
	int fd = new_file("f", 4 * PAGE);
	char *p, *q;

	must(fsync(fd) == 0);
	p = map_at(fd, PAGE, RW, MAP_SHARED, PAGE);
	p[0] = 'x';
	q = mremap(p, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
	must(q != MAP_FAILED);
	expect(q[0] == 'x' && is_pattern(q + 1, PAGE + 1, 3 * PAGE - 1));
	q[2 * PAGE] = 'y';
	publish(q, 3 * PAGE);
	expect(byte_at(fd, PAGE) == 'x' && byte_at(fd, 3 * PAGE) == 'y');
}

TEST(MR1, growing_past_the_end_of_the_file_gives_pages_that_raise_sigbus)
{
	int fd = new_file("f", PAGE);
	char *p = map_file(fd, PAGE), *q;

	refetch(p, PAGE);
	q = mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	must(q != MAP_FAILED);
	expect(is_pattern(q, 0, PAGE));
	expect_fault(q + PAGE, LOAD, SIGBUS, BUS_ADRERR);
}

TEST(MR1, stores_before_the_move_reach_the_file_after_it)
{
	int fd = new_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE), *q;
	char *to = map_at(-1, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	p[PAGE + 3] = 'x';
	q = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	must(q == to);
	publish(q, 2 * PAGE);
	expect(byte_at(fd, PAGE + 3) == 'x');
	q[4] = 'y';             /* clean by now: noticed in its new place */
	publish(q, 2 * PAGE);
	expect(byte_at(fd, 4) == 'y');
}

TEST(MR1, a_fixed_move_replaces_what_was_there)
{
	char *p = lettered(2), *to = lettered(4);

	expect(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + PAGE) == to + PAGE);
	expect_bytes(to, 'a', PAGE);
	expect_bytes(to + PAGE, 'a', PAGE);
	expect_bytes(to + 2 * PAGE, 'b', PAGE);
	expect_bytes(to + 3 * PAGE, 'd', PAGE);
	expect_fault(p, LOAD, SIGSEGV, SEGV_MAPERR);
}

TEST(MR1, a_fixed_move_can_shrink_and_grow)
{
	char *p = lettered(3), *to = lettered(5);

	expect(mremap(p, 3 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	expect_bytes(to, 'a', PAGE);
	expect_bytes(to + PAGE, 'b', PAGE);
	for (int i = 0; i < 3; i++) expect_fault(p + i * PAGE, LOAD, SIGSEGV, SEGV_MAPERR);
	expect(mremap(to, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + 2 * PAGE) == to + 2 * PAGE);
	expect_bytes(to + 2 * PAGE, 'a', PAGE);
	expect_bytes(to + 3 * PAGE, 0, PAGE);
	expect_bytes(to + 4 * PAGE, 'e', PAGE);
}

TEST(MR1, arguments_that_make_no_sense_are_refused)
{
	char *p = lettered(4);

	expect_error(mremap(p + 1, PAGE, PAGE, MREMAP_MAYMOVE), EINVAL);
	expect_error(mremap(p, PAGE, 0, MREMAP_MAYMOVE), EINVAL);
	expect_error(mremap(p, PAGE, PAGE, 0x40), EINVAL);
	expect_error(mremap(p, PAGE, PAGE, MREMAP_FIXED, p + 2 * PAGE), EINVAL);
	expect_error(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 2 * PAGE + 1), EINVAL);
	expect_error(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE), EINVAL);
	for (int i = 0; i < 4; i++) expect_bytes(p + i * PAGE, 'a' + i, PAGE);
}

TEST(MR1, what_is_not_mapped_cannot_be_remapped)
{
	char *p = with_room(1, 2);

	expect_error(mremap(p + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
	expect_error(mremap(p, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE), EFAULT);
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + 3 * PAGE, 'd', PAGE);
}

TEST(MR1, rights_move_along)
{
	char *p = with_room(2, 0), *q;

	must(mprotect(p, 2 * PAGE, PROT_READ) == 0);
	q = mremap(p, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	must(q != MAP_FAILED);
	expect_bytes(q, 'a', PAGE);
	expect_fault(q, STORE, SIGSEGV, SEGV_ACCERR);
	expect_fault(q + 3 * PAGE, STORE, SIGSEGV, SEGV_ACCERR);
}

static void move_and_store(void *p)
{
	char *q = mremap(p, 2 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);

	must(q != MAP_FAILED);
	q[0] = 'x';
	expect(q[0] == 'x' && q[1] == 'a' && q[PAGE] == 'b');
}

TEST(MR1, moving_does_not_undo_copy_on_write)
{
	char *p = with_room(2, 0);

	expect(in_child(move_and_store, p) == 0);
	expect_bytes(p, 'a', PAGE);
	expect_bytes(p + PAGE, 'b', PAGE);
}

TEST(MR1, locks_move_along)
{
	char *p = with_room(2, 0), *q;

	must(mlock(p, 2 * PAGE) == 0);
	q = mremap(p, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	must(q != MAP_FAILED && q != p);
	expect_error(msync(q, PAGE, MS_ASYNC | MS_INVALIDATE), EBUSY);
	expect_error(msync(q + 3 * PAGE, PAGE, MS_ASYNC | MS_INVALIDATE), EBUSY);
	expect_bytes(q, 'a', PAGE);
}

/* The end of the data segment, moved to `to`: where it is afterwards. */
static char *brk_to(char *to)
{
	return (char *)syscall(SYS_brk, to);
}

TEST(BK1, a_grown_data_segment_is_zero_and_can_be_stored_to)
{
	char *end = brk_to(NULL), *to = end + 3 * PAGE;

	must(end && end != (char *)-1);
	expect(brk_to(to) == to);
	expect(brk_to(NULL) == to);
	expect_bytes(end, 0, 3 * PAGE);
	memset(end, 'x', 3 * PAGE);
	expect_bytes(end, 'x', 3 * PAGE);
	expect(brk_to(end) == end);
}

TEST(BK1, what_a_shrunken_data_segment_lost_faults)
{
	char *end = brk_to(NULL), *page = (char *)(((uintptr_t)end + PAGE - 1) & -PAGE);

	must(brk_to(page + 4 * PAGE) == page + 4 * PAGE);
	memset(page, 'x', 4 * PAGE);
	expect(brk_to(page + PAGE) == page + PAGE);
	expect_bytes(page, 'x', PAGE);
	expect_fault(page + PAGE, LOAD, SIGSEGV, SEGV_MAPERR);
	expect_fault(page + 3 * PAGE, STORE, SIGSEGV, SEGV_MAPERR);
	expect(brk_to(page + 4 * PAGE) == page + 4 * PAGE);
	expect_bytes(page + PAGE, 0, 3 * PAGE);
}

TEST(BK1, the_end_need_not_be_aligned)
{
	char *end = brk_to(NULL), *page = (char *)(((uintptr_t)end + PAGE - 1) & -PAGE);

	expect(brk_to(page + 5) == page + 5);
	page[0] = page[4] = 'x';
	expect(brk_to(page + PAGE - 1) == page + PAGE - 1);
	expect(page[0] == 'x' && page[4] == 'x');
	expect(brk_to(page + 3) == page + 3);
	expect(page[0] == 'x');
}

TEST(BK1, an_end_that_cannot_be_changes_nothing)
{
	char *end = brk_to(NULL);

	expect(brk_to((char *)PAGE) == end);
	expect(brk_to((char *)0x7ffffffff000) == end);
	expect(brk_to((char *)0xffffffff80000000) == end);
	expect(brk_to(NULL) == end);
}

TEST(BK1, a_mapping_in_the_way_stops_it)
{
	char *end = brk_to(NULL), *page = (char *)(((uintptr_t)end + PAGE - 1) & -PAGE);
	char *wall = mmap(page + 2 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	must(wall == page + 2 * PAGE);
	wall[0] = 'w';
	expect(brk_to(page + 4 * PAGE) == end);
	expect(wall[0] == 'w');
	expect(munmap(wall, PAGE) == 0);
	expect(brk_to(page + 4 * PAGE) == page + 4 * PAGE);
	expect_bytes(page, 0, 4 * PAGE);
}

static void grow_and_store(void *end)
{
	expect(brk_to(NULL) == end);
	expect(brk_to((char *)end + PAGE) == (char *)end + PAGE);
	((char *)end)[-1] = 'c';
}

TEST(BK1, a_child_has_a_data_segment_of_its_own)
{
	char *end = brk_to(NULL) + PAGE;

	must(brk_to(end) == end);
	end[-1] = 'p';
	expect(in_child(grow_and_store, end) == 0);
	expect(brk_to(NULL) == end && end[-1] == 'p');
}
