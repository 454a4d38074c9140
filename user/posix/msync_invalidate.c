/* SPDX-License-Identifier: MIT */
/* user/posix/msync_invalidate.c - MS9 to MS11: MS_INVALIDATE makes the next reference read permanent storage, never
 * drops what was modified, and leaves locked pages alone.
 */
#include "written.h"

#include <time.h>

TEST(MS9, a_locked_page_is_busy_and_nothing_happens)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	must(mlock(p, PAGE) == 0);
	p[0] = 'x';
	expect_error(msync(p, PAGE, MS_INVALIDATE), EBUSY);
	expect_error(msync(p, PAGE, MS_SYNC | MS_INVALIDATE), EBUSY);
	expect_error(msync(p, PAGE, MS_ASYNC | MS_INVALIDATE), EBUSY);
	expect(is_resident(p) && !is_clean(fd, p) && p[0] == 'x');
}

TEST(MS9, one_locked_page_protects_the_whole_range)
{
	int fd;
	char *p = clean_pages(&fd, 4);

	must(mlock(p + 3 * PAGE, PAGE) == 0);
	for (int i = 0; i < 4; i++) p[i * PAGE] = 'x';
	expect_error(msync(p, 4 * PAGE, MS_SYNC | MS_INVALIDATE), EBUSY);
	for (int i = 0; i < 4; i++) expect(is_resident(p + i * PAGE) && !is_clean(fd, p + i * PAGE));
}

TEST(MS9, locked_pages_beside_the_range_do_not_matter)
{
	int fd;
	char *p = clean_pages(&fd, 3);

	must(mlock(p, PAGE) == 0 && mlock(p + 2 * PAGE, PAGE) == 0);
	p[PAGE] = 'x';
	expect(msync(p + PAGE, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
	expect(is_clean(fd, p + PAGE) && byte_at(fd, PAGE) == 'x');
	expect_error(msync(p + PAGE, PAGE + 1, MS_INVALIDATE), EBUSY);
}

TEST(MS9, a_locked_page_can_be_synced)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	must(mlock(p, PAGE) == 0);
	p[0] = 'x';
	expect(msync(p, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p) && byte_at(fd, 0) == 'x');
	expect(msync(p, PAGE, MS_ASYNC) == 0 && msync(p, PAGE, 0) == 0);
	expect(is_resident(p));
}

TEST(MS9, after_munlock_the_page_can_be_invalidated)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	must(mlock(p, PAGE) == 0);
	expect_error(msync(p, PAGE, MS_INVALIDATE), EBUSY);
	must(munlock(p, PAGE) == 0);
	expect(msync(p, PAGE, MS_INVALIDATE) == 0);
	expect(p[0] == 'x' && byte_at(fd, 0) == 'x');
}

TEST(MS9, a_page_locked_through_another_mapping_is_busy)
{
	int fd;
	char *p = clean_pages(&fd, 1), *q = map_file(fd, PAGE);

	must(mlock(q, PAGE) == 0);
	p[0] = 'x';
	expect_error(msync(p, PAGE, MS_SYNC | MS_INVALIDATE), EBUSY);
	expect(is_resident(p) && !is_clean(fd, p));
	must(munmap(q, PAGE) == 0);
	expect(msync(p, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
}

static void invalidate_is_busy(void *p)
{
	expect_error(msync(p, PAGE, MS_INVALIDATE), EBUSY);
	expect(((char *)p)[0] == 'x');
}

/* A lock is not inherited, but the page is the same one. */
TEST(MS9, a_page_locked_by_the_parent_is_busy_for_its_child)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	must(mlock(p, PAGE) == 0);
	p[0] = 'x';
	in_child(invalidate_is_busy, p);
	expect(is_resident(p) && !is_clean(fd, p));
}

TEST(MS10, an_invalidated_page_leaves_memory)
{
	static const int flags[] = {MS_INVALIDATE, MS_SYNC | MS_INVALIDATE, MS_ASYNC | MS_INVALIDATE};
	int fd;
	char *p = clean_pages(&fd, 1);

	for (int i = 0; i < 3; i++) {
		p[0] = 'a' + i;
		expect(is_resident(p));
		expect(msync(p, PAGE, flags[i]) == 0);
		expect(!is_resident(p));
		expect(p[0] == 'a' + i && is_pattern(p + 1, 1, PAGE - 1));
	}
}

TEST(MS10, pages_beside_the_range_stay_in_memory)
{
	int fd;
	char *p = clean_pages(&fd, 3);

	for (int i = 0; i < 3; i++) p[i * PAGE] = 'x';
	expect(msync(p + PAGE, PAGE, MS_INVALIDATE) == 0);
	expect(is_resident(p) && is_resident(p + 2 * PAGE));
	expect(!is_resident(p + PAGE));
	expect(!is_clean(fd, p) && !is_clean(fd, p + 2 * PAGE));
}

TEST(MS10, the_page_leaves_every_mapping)
{
	int fd;
	char *p = clean_pages(&fd, 2), *q = map_at(fd, PAGE, PROT_READ, MAP_SHARED, PAGE);

	p[PAGE] = 'x';
	expect(q[0] == 'x' && is_resident(q));
	expect(msync(p, 2 * PAGE, MS_INVALIDATE) == 0);
	expect(!is_resident(q) && !is_resident(p + PAGE));
	expect(q[0] == 'x' && p[PAGE] == 'x');
}

struct pair { struct turns t; char *p; };

static void look_before_and_after(void *arg)
{
	struct pair *a = arg;

	expect(a->p[0] == 'x' && is_resident(a->p));
	turn_give(a->t.from);
	turn_wait(a->t.to);
	expect(!is_resident(a->p));
	expect(a->p[0] == 'x');
}

TEST(MS10, the_page_leaves_every_process)
{
	struct pair a = {.t = turns_new()};
	pid_t child;
	int fd;

	a.p = clean_pages(&fd, 1);
	a.p[0] = 'x';
	child = child_start(look_before_and_after, &a);
	turn_wait(a.t.from);
	expect(msync(a.p, PAGE, MS_INVALIDATE) == 0);
	turn_give(a.t.to);
	child_end(child);
}

TEST(MS10, what_was_written_is_in_the_mapping_after_invalidate)
{
	int fd;
	char *p = clean_pages(&fd, 1), *q = map_at(fd, PAGE, PROT_READ, MAP_SHARED, 0);

	expect(p[7] == pattern(7) && q[7] == pattern(7));
	write_at(fd, "x", 1, 7);
	expect(p[7] == (split_world() ? pattern(7) : 'x'));
	expect(msync(p, PAGE, MS_INVALIDATE) == 0);
	expect(p[7] == 'x' && q[7] == 'x');
	expect(byte_at(fd, 7) == 'x' && is_pattern(p + 8, 8, PAGE - 8));
}

static void write_and_invalidate(void *p)
{
	int fd = open("f", O_RDWR);

	must(fd >= 0);
	write_at(fd, "child", 5, 10);
	expect(msync(p, PAGE, MS_INVALIDATE) == 0);
	expect(!memcmp((char *)p + 10, "child", 5));
}

TEST(MS10, an_invalidate_by_a_child_counts_for_its_parent)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	expect(p[10] == pattern(10));
	in_child(write_and_invalidate, p);
	expect(!memcmp(p + 10, "child", 5));
	expect(is_pattern(p, 0, 10) && is_pattern(p + 15, 15, PAGE - 15));
}

TEST(MS10, mappings_share_their_page_again_afterwards)
{
	int fd;
	char *p = clean_pages(&fd, 1), *q = map_file(fd, PAGE);

	for (int i = 0; i < 5; i++) {
		p[i] = 'p';
		expect(q[i] == 'p');
		expect(msync(i % 2 ? p : q, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
		q[i + 10] = 'q';
		expect(p[i + 10] == 'q' && p[i] == 'p');
	}
}

TEST(MS10, bytes_past_the_end_are_zero_when_the_page_comes_back)
{
	int fd = new_file("f", 100);
	char *p = map_file(fd, PAGE);
	struct stat st;

	p[100] = p[PAGE - 1] = 'x';
	p[99] = 'y';
	expect(msync(p, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
	expect(p[99] == 'y');
	expect_bytes(p + 100, 0, PAGE - 100);
	must(fstat(fd, &st) == 0);
	expect(st.st_size == 100);
}

TEST(MS10, pages_past_the_end_are_no_hole)
{
	int fd = new_file("f", PAGE);
	char *p = map_file(fd, 3 * PAGE);

	p[0] = 'x';
	expect(msync(p, 3 * PAGE, MS_SYNC | MS_INVALIDATE) == 0);
	expect(msync(p + PAGE, PAGE, MS_INVALIDATE) == 0);
	expect_fault(p + PAGE, LOAD, SIGBUS, BUS_ADRERR);
	expect(p[0] == 'x' && byte_at(fd, 0) == 'x');
}

TEST(MS10, a_forbidden_mapping_can_be_invalidated_and_stays_forbidden)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	must(mprotect(p, PAGE, PROT_NONE) == 0);
	expect(msync(p, PAGE, MS_INVALIDATE) == 0);
	expect(!is_resident(p));
	expect_fault(p, LOAD, SIGSEGV, SEGV_ACCERR);
	must(mprotect(p, PAGE, PROT_READ) == 0);
	expect(p[0] == 'x');
}

struct seen { struct turns t; char *p, *want; };

static void look_twice(void *arg)
{
	struct seen *s = arg;

	expect(s->p[0] != s->want[0]);
	turn_give(s->t.from);
	turn_wait(s->t.to);
	expect(!memcmp(s->p, s->want, PAGE));
}

/* The disk is changed underneath: two mappings, two processes and read() get what is there now. */
TEST(MS10, a_reference_gets_what_the_disk_holds)
{
	struct disk d = disk_open();
	struct seen s = {.t = turns_new(), .want = malloc(PAGE)};
	char page[PAGE], now[PAGE], *q, *at;
	pid_t child;
	int fd;

	s.p = clean_pages(&fd, 1);
	q = map_at(fd, PAGE, PROT_READ, MAP_SHARED, 0);
	page_unique(page, 0);
	memcpy(s.p, page, PAGE);
	must(msync(s.p, PAGE, MS_SYNC) == 0);
	must(at = disk_find(d, page));
	for (int i = 0; i < PAGE; i++) s.want[i] = ~page[i];
	child = child_start(look_twice, &s);
	turn_wait(s.t.from);
	memcpy(at, s.want, PAGE);
	must(msync((char *)((uintptr_t)at & -PAGE), PAGE, MS_SYNC) == 0);
	expect(msync(s.p, PAGE, MS_INVALIDATE) == 0);
	turn_give(s.t.to);
	expect(!memcmp(s.p, s.want, PAGE) && !memcmp(q, s.want, PAGE));
	read_at(fd, now, PAGE, 0);
	expect(!memcmp(now, s.want, PAGE));
	child_end(child);
}

/* The file's newer bytes win over what was put on the disk underneath a dirty page. */
TEST(MS11, a_dirty_page_wins_over_a_changed_disk)
{
	struct disk d = disk_open();
	char page[PAGE], *p, *at;
	int fd;

	p = clean_pages(&fd, 1);
	page_unique(page, 0);
	memcpy(p, page, PAGE);
	must(msync(p, PAGE, MS_SYNC) == 0);
	must(at = disk_find(d, page));
	p[0] = ~page[0];
	memset(at, 'd', PAGE);
	must(msync((char *)((uintptr_t)at & -PAGE), PAGE, MS_SYNC) == 0);
	expect(msync(p, PAGE, MS_INVALIDATE) == 0);
	expect(p[0] == (char)~page[0] && !memcmp(p + 1, page + 1, PAGE - 1));
	expect(byte_at(fd, 0) == (unsigned char)~page[0] && byte_at(fd, 1) == (unsigned char)page[1]);
}

TEST(MS11, stores_survive_any_kind_of_invalidate)
{
	static const int flags[] = {MS_INVALIDATE, MS_SYNC | MS_INVALIDATE, MS_ASYNC | MS_INVALIDATE};
	int fd;
	char *p = clean_pages(&fd, 4);

	for (int i = 0; i < 12; i++) {
		for (int k = 0; k < 4; k++) p[k * PAGE + i] = 'a' + i + k;
		expect(msync(p, 4 * PAGE, flags[i % 3]) == 0);
		for (int k = 0; k < 4; k++) {
			expect(p[k * PAGE + i] == 'a' + i + k);
			expect(byte_at(fd, k * PAGE + i) == 'a' + i + k);
		}
	}
}

static void store_y(void *p)
{
	((char *)p)[1] = 'y';
}

TEST(MS11, what_another_process_stored_is_not_dropped)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	must(in_child(store_y, p) == 0);
	expect(msync(p, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
	expect(is_clean(fd, p) && p[0] == 'x' && p[1] == 'y');
	expect(byte_at(fd, 0) == 'x' && byte_at(fd, 1) == 'y');
}

TEST(MS11, what_was_stored_through_another_mapping_is_not_dropped)
{
	int fd;
	char *p = clean_pages(&fd, 2), *q = map_at(fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, PAGE);

	q[3] = 'x';
	expect(msync(p, 2 * PAGE, MS_INVALIDATE) == 0);
	expect(q[3] == 'x' && p[PAGE + 3] == 'x' && byte_at(fd, PAGE + 3) == 'x');
	q[4] = 'y';
	must(munmap(q, PAGE) == 0);
	expect(msync(p, 2 * PAGE, MS_INVALIDATE) == 0);
	expect(p[PAGE + 3] == 'x' && p[PAGE + 4] == 'y' && byte_at(fd, PAGE + 4) == 'y');
}

TEST(MS11, what_write_wrote_is_not_dropped)
{
	int fd;
	char *p = clean_pages(&fd, 2);

	expect(p[0] == pattern(0));
	for (int i = 0; i < 5; i++) {
		char c = 'a' + i;

		write_at(fd, &c, 1, i * 300);
		expect(msync(p, 2 * PAGE, MS_INVALIDATE) == 0);
		expect(byte_at(fd, i * 300) == c && p[i * 300] == c);
	}
	expect(is_pattern(p + PAGE, PAGE, PAGE));
}

TEST(MS11, the_end_of_the_mapping_process_drops_nothing)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	must(in_child(store_y, p) == 0);
	must(munmap(p, PAGE) == 0);
	p = map_file(fd, PAGE);
	expect(msync(p, PAGE, MS_INVALIDATE) == 0);
	expect(p[1] == 'y' && byte_at(fd, 1) == 'y');
}

TEST(MS11, a_page_without_blocks_gets_them_and_is_not_dropped)
{
	int fd = new_file("f", 0);
	char *p;

	must(ftruncate(fd, 30 * PAGE) == 0);
	p = map_file(fd, 30 * PAGE);
	p[0] = p[25 * PAGE] = 'x';
	expect(msync(p, 30 * PAGE, MS_SYNC | MS_INVALIDATE) == 0);
	expect(is_clean(fd, p + 25 * PAGE));
	expect(p[0] == 'x' && p[25 * PAGE] == 'x');
	expect(byte_at(fd, 25 * PAGE) == 'x' && byte_at(fd, 24 * PAGE) == 0);
}

/* What two processes share beside the file: the last number stored, and when to stop. */
struct race { volatile long *count, *last; volatile int *stop; struct turns t; };

/* Counts until it is told to stop; a msync that waits for that would never return, so that there is an end to it. */
static void count_up(void *arg)
{
	struct race *r = arg;
	time_t end = time(NULL) + 3;
	long lost = 0;

	turn_give(r->t.from);
	for (long i = 1; !*r->stop && (i % 4096 || time(NULL) < end); i++) {
		*r->count = i;
		*r->last = i;
		lost += *r->count != i;
	}
	expect(lost == 0);
	expect(*r->stop);
}

TEST(MS11, no_store_is_lost_while_another_process_invalidates)
{
	char *shared = map_at(-1, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0), *p;
	struct race r = {.last = (long *)shared, .stop = (int *)(shared + 64), .t = turns_new()};
	pid_t child;
	int fd;

	p = clean_pages(&fd, 1);
	r.count = (long *)p;
	child = child_start(count_up, &r);
	turn_wait(r.t.from);
	for (int i = 0; i < 10; i++) expect(msync(p, PAGE, MS_INVALIDATE | (i % 2 ? MS_SYNC : 0)) == 0);
	for (int i = 0; i < 1000 && *r.last == 0; i++) usleep(1000);
	*r.stop = 1;
	child_end(child);
	expect(*r.last > 0 && *r.count == *r.last);
	expect(msync(p, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
	expect(*r.count == *r.last && is_pattern(p + 8, 8, PAGE - 8));
}
