/* SPDX-License-Identifier: MIT */
/* user/posix/mmap_eof.c - MM12, MM13, MM20: the end of the file within a page, and moving under a mapping. */
#include "mmap_help.h"

#define RW (PROT_READ | PROT_WRITE)

static long up(long n)
{
	return (n + PAGE - 1) / PAGE * PAGE;
}

static void size_is(int fd, long n)
{
	must(ftruncate(fd, n) == 0);
}

/* A file of n bytes, its mapping, and 'x' stored behind its end as far as the page goes. */
static char *stored_past_end(int fd, long n)
{
	char *p = map_file(fd, up(n) + PAGE);

	memset(p + n, 'x', up(n) - n);
	return p;
}

static void expect_zero_in_file(int fd, long from, long to)
{
	char b[2 * PAGE];

	must(to - from <= 2 * PAGE);
	memset(b, 'b', sizeof(b));
	read_at(fd, b, to - from, from);
	expect_bytes(b, 0, to - from);
}

static void check_tail(long n)
{
	int fd = shown_file("f", n);
	char *p = map_file(fd, n), *q = map_at(fd, n, RW, MAP_PRIVATE, 0);

	expect(is_pattern(p, 0, n));
	expect_bytes(p + n, 0, up(n) - n);
	expect(is_pattern(q, 0, n));
	expect_bytes(q + n, 0, up(n) - n);
}

TEST(MM12, behind_a_file_of_one_byte_is_zero)
{
	check_tail(1);
}

TEST(MM12, behind_a_file_one_byte_short_of_a_page_is_zero)
{
	check_tail(PAGE - 1);
}

TEST(MM12, behind_a_file_one_byte_longer_than_a_page_is_zero)
{
	check_tail(PAGE + 1);
}

TEST(MM12, behind_a_private_copy_is_zero)
{
	int fd = shown_file("f", 100);
	char *p = map_at(fd, PAGE, RW, MAP_PRIVATE, 0);

	p[0] = 'x';                                             /* the copy is made before the tail is looked at */
	expect_bytes(p + 100, 0, PAGE - 100);
	expect(p[99] == pattern(99));
}

TEST(MM12, after_shrinking_a_new_mapping_has_zeros_behind_the_end)
{
	int fd = shown_file("f", 2 * PAGE);
	char *p;

	size_is(fd, PAGE + 10);
	p = map_file(fd, 2 * PAGE);
	expect(is_pattern(p, 0, PAGE + 10));
	expect_bytes(p + PAGE + 10, 0, PAGE - 10);
}

TEST(MM12, after_shrinking_an_old_mapping_has_zeros_behind_the_end)
{
	int fd = shown_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	expect(is_pattern(p, 0, 2 * PAGE));
	p[PAGE + 20] = 'x';                                     /* a dirty page is cut too */
	size_is(fd, PAGE + 10);
	expect(is_pattern(p, 0, PAGE + 10));
	expect_bytes(p + PAGE + 10, 0, PAGE - 10);
}

TEST(MM12, after_growing_within_the_page_the_rest_is_zero)
{
	int fd = shown_file("f", 10);
	char *p = map_file(fd, PAGE);

	expect(is_pattern(p, 0, 10));
	size_is(fd, 2000);
	expect(is_pattern(p, 0, 10));
	expect_bytes(p + 10, 0, PAGE - 10);
}

TEST(MM12, after_growing_by_write_the_gap_and_the_rest_are_zero)
{
	int fd = shown_file("f", 100);
	char *p = map_file(fd, 2 * PAGE);

	expect(is_pattern(p, 0, 100));
	write_at(fd, "w", 1, 6000);
	refetch(p, 2 * PAGE);
	expect(is_pattern(p, 0, 100));
	expect_bytes(p + 100, 0, 6000 - 100);
	expect(p[6000] == 'w');
	expect_bytes(p + 6001, 0, 2 * PAGE - 6001);
}

TEST(MM12, the_rest_of_the_last_page_is_zero_at_an_offset)
{
	int fd = shown_file("f", 3 * PAGE + 5);
	char *p = map_at(fd, PAGE, PROT_READ, MAP_SHARED, 3 * PAGE);

	expect(is_pattern(p, 3 * PAGE, 5));
	expect_bytes(p + 5, 0, PAGE - 5);
}

/* What is stored behind the end is gone once the file grew over it, for read() and in the mapping. */
static void check_growth(long n, long to, bool sync)
{
	int fd = shown_file("f", n);
	char *p = stored_past_end(fd, n);

	if (sync) publish(p, up(n));
	expect(lseek(fd, 0, SEEK_END) == n);
	size_is(fd, to);
	expect_zero_in_file(fd, n, to);
	expect_bytes(p + n, 0, to - n);
	expect(is_pattern(p, 0, n));
}

TEST(MM13, bytes_stored_behind_one_byte_are_not_seen_when_the_file_grows)
{
	check_growth(1, PAGE, false);
	check_growth(1, PAGE + 100, false);
}

TEST(MM13, the_byte_stored_behind_4095_is_not_seen_when_the_file_grows)
{
	check_growth(PAGE - 1, PAGE, false);
	check_growth(PAGE - 1, 2 * PAGE, false);
}

TEST(MM13, bytes_stored_behind_4097_are_not_seen_when_the_file_grows)
{
	check_growth(PAGE + 1, 2 * PAGE, false);
	check_growth(PAGE + 1, PAGE + 200, false);
}

TEST(MM13, bytes_stored_past_the_end_and_synced_are_not_seen_when_the_file_grows)
{
	check_growth(1, PAGE, true);
	check_growth(PAGE + 1, 2 * PAGE, true);
}

TEST(MM13, bytes_stored_past_the_end_do_not_change_the_size)
{
	int fd = shown_file("f", 10);
	char *p = stored_past_end(fd, 10);
	struct stat st;

	publish(p, PAGE);
	must(fstat(fd, &st) == 0);
	expect(st.st_size == 10);
	expect(byte_at(fd, 10) == -1 && byte_at(fd, 9) == (unsigned char)pattern(9));
}

TEST(MM13, bytes_stored_past_the_end_are_not_seen_when_a_write_grows_the_file)
{
	int fd = shown_file("f", 100);
	char *p = stored_past_end(fd, 100);

	publish(p, PAGE);
	memset(p + 100, 'x', 1000);
	write_at(fd, "w", 1, 2000);
	expect_zero_in_file(fd, 100, 2000);
	expect(byte_at(fd, 2000) == 'w' && byte_at(fd, 2001) == -1);
	if (split_world()) return;                              /* the mapping owes its own copy of the page */
	expect_bytes(p + 100, 0, 1900);
	expect(p[2000] == 'w' && is_pattern(p, 0, 100));
}

TEST(MM13, bytes_stored_past_the_end_never_reach_the_disk)
{
	int fd = shown_file("f", 100), other;
	char *p = stored_past_end(fd, 100), *q;

	publish(p, PAGE);
	must(munmap(p, PAGE) == 0);
	other = open("f", O_RDWR);
	q = map_file(other, PAGE);
	refetch(q, PAGE);                                       /* read from the disk again, on Quire */
	expect(is_pattern(q, 0, 100));
	expect_bytes(q + 100, 0, PAGE - 100);
	size_is(other, PAGE);
	expect_zero_in_file(fd, 100, PAGE);
}

TEST(MM13, bytes_stored_past_the_end_after_shrinking_are_not_seen_when_it_grows)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	expect(is_pattern(p, 0, PAGE));
	size_is(fd, 500);
	memset(p + 500, 'x', PAGE - 500);
	size_is(fd, PAGE);
	expect_zero_in_file(fd, 500, PAGE);
	expect_bytes(p + 500, 0, PAGE - 500);
}

TEST(MM20, pages_past_the_new_end_are_a_bus_error)
{
	int fd = shown_file("f", 4 * PAGE);
	char *p = map_file(fd, 4 * PAGE), *q = map_at(fd, 4 * PAGE, PROT_READ, MAP_SHARED, 0);

	expect(is_pattern(p, 0, 4 * PAGE) && is_pattern(q, 0, 4 * PAGE));
	p[3 * PAGE] = 'x';
	size_is(fd, PAGE + 1);
	expect(is_pattern(p, 0, PAGE + 1) && is_pattern(q, 0, PAGE + 1));
	expect_fault(p + 2 * PAGE, LOAD, SIGBUS, BUS_ADRERR);
	expect_fault(p + 3 * PAGE, STORE, SIGBUS, BUS_ADRERR);
	expect_fault(q + 4 * PAGE - 1, LOAD, SIGBUS, BUS_ADRERR);
}

TEST(MM20, private_pages_past_the_new_end_are_a_bus_error)
{
	int fd = shown_file("f", 3 * PAGE);
	char *p = map_at(fd, 3 * PAGE, RW, MAP_PRIVATE, 0);

	p[0] = p[PAGE] = 'x';                                   /* copies; the third page is only looked at */
	expect(p[2 * PAGE] == pattern(2 * PAGE));
	size_is(fd, PAGE);
	expect(p[0] == 'x' && p[1] == pattern(1));
	expect_fault(p + PAGE, LOAD, SIGBUS, BUS_ADRERR);
	expect_fault(p + 2 * PAGE, LOAD, SIGBUS, BUS_ADRERR);
	expect_fault(p + 2 * PAGE, STORE, SIGBUS, BUS_ADRERR);
}

TEST(MM20, truncation_to_zero_takes_every_page)
{
	int fd = shown_file("f", 2 * PAGE), other;
	char *p = map_file(fd, 2 * PAGE);

	expect(is_pattern(p, 0, 2 * PAGE));
	other = open("f", O_RDWR | O_TRUNC);
	must(other >= 0);
	expect_fault(p, LOAD, SIGBUS, BUS_ADRERR);
	expect_fault(p + PAGE, STORE, SIGBUS, BUS_ADRERR);
}

TEST(MM20, growth_by_ftruncate_becomes_visible_as_zeros)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, 4 * PAGE);

	expect_fault(p + PAGE, LOAD, SIGBUS, BUS_ADRERR);
	size_is(fd, 3 * PAGE);
	expect(is_pattern(p, 0, PAGE));
	expect_bytes(p + PAGE, 0, 2 * PAGE);
	expect_fault(p + 3 * PAGE, LOAD, SIGBUS, BUS_ADRERR);
	p[2 * PAGE] = 'x';
	publish(p, 3 * PAGE);
	expect(byte_at(fd, 2 * PAGE) == 'x');
}

TEST(MM20, growth_by_write_becomes_visible)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, 4 * PAGE);

	expect_fault(p + 2 * PAGE, LOAD, SIGBUS, BUS_ADRERR);
	write_at(fd, "w", 1, 2 * PAGE + 50);
	refetch(p, 3 * PAGE);
	expect_bytes(p + PAGE, 0, PAGE + 50);
	expect(p[2 * PAGE + 50] == 'w');
	expect_bytes(p + 2 * PAGE + 51, 0, PAGE - 51);
	expect_fault(p + 3 * PAGE, LOAD, SIGBUS, BUS_ADRERR);
}

TEST(MM20, what_was_cut_off_does_not_come_back)
{
	int fd = shown_file("f", 3 * PAGE);
	char *p = map_file(fd, 3 * PAGE);

	memset(p, 'x', 3 * PAGE);
	publish(p, 3 * PAGE);
	size_is(fd, PAGE + 7);
	size_is(fd, 3 * PAGE);
	expect_bytes(p, 'x', PAGE + 7);
	expect_bytes(p + PAGE + 7, 0, 2 * PAGE - 7);
	expect_zero_in_file(fd, PAGE + 7, 3 * PAGE);
}

TEST(MM20, stores_into_a_page_grown_again_reach_the_file)
{
	int fd = shown_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	p[PAGE] = 'x';
	size_is(fd, PAGE);
	expect_fault(p + PAGE, STORE, SIGBUS, BUS_ADRERR);
	size_is(fd, 2 * PAGE);
	p[PAGE + 1] = 'y';
	publish(p, 2 * PAGE);
	expect(byte_at(fd, PAGE) == 0 && byte_at(fd, PAGE + 1) == 'y');
}

/* What a child of the truncation test looks at: the page that is cut off, before, between and after. */
struct watch { char *p; struct turns t; };

static void watch_truncation(void *arg)
{
	struct watch *w = arg;

	expect(w->p[PAGE] == pattern(PAGE));
	w->p[PAGE + 1] = 'c';
	turn_give(w->t.from);
	turn_wait(w->t.to);
	expect_fault(w->p + PAGE, LOAD, SIGBUS, BUS_ADRERR);
	expect_fault(w->p + PAGE, STORE, SIGBUS, BUS_ADRERR);
	expect(w->p[0] == pattern(0));
	turn_give(w->t.from);
	turn_wait(w->t.to);
	expect_bytes(w->p + PAGE, 0, PAGE);
}

TEST(MM20, truncation_reaches_every_process)
{
	int fd = shown_file("f", 2 * PAGE);
	struct watch w[3];
	pid_t pid[3];

	for (int i = 0; i < 3; i++) {
		w[i] = (struct watch){map_file(fd, 2 * PAGE), turns_new()};
		pid[i] = child_start(watch_truncation, &w[i]);
	}
	for (int i = 0; i < 3; i++) turn_wait(w[i].t.from);
	size_is(fd, PAGE);
	for (int i = 0; i < 3; i++) turn_give(w[i].t.to);
	for (int i = 0; i < 3; i++) turn_wait(w[i].t.from);
	size_is(fd, 2 * PAGE);
	for (int i = 0; i < 3; i++) turn_give(w[i].t.to);
	for (int i = 0; i < 3; i++) child_end(pid[i]);
}

static void truncate_the_file(void *arg)
{
	(void)arg;
	must(truncate("f", PAGE) == 0);
}

TEST(MM20, truncation_by_another_process_is_a_bus_error_here)
{
	int fd = shown_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	p[PAGE] = 'x';
	expect(in_child(truncate_the_file, NULL) == 0);
	expect_fault(p + PAGE, LOAD, SIGBUS, BUS_ADRERR);
	expect(is_pattern(p, 0, PAGE));
}

static void write_behind_the_end(void *arg)
{
	int fd = open("f", O_RDWR);

	(void)arg;
	write_at(fd, "w", 1, PAGE);
}

TEST(MM20, growth_by_another_process_becomes_visible_here)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, 2 * PAGE);

	expect_fault(p + PAGE, LOAD, SIGBUS, BUS_ADRERR);
	expect(in_child(write_behind_the_end, NULL) == 0);
	refetch(p, 2 * PAGE);
	expect(p[PAGE] == 'w');
	expect_bytes(p + PAGE + 1, 0, PAGE - 1);
}
