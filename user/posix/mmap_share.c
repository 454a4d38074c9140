/* SPDX-License-Identifier: MIT */
/* user/posix/mmap_share.c - MM10, MM11, MM21: who sees a store: other mappings, read(), parent and child. */
#include "mmap_help.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* A page seen by parent and child, and the turns they take. */
struct pair { char *p, *q; struct turns t; };

static bool is(int byte, char c)
{
	return byte == (unsigned char)c;
}

TEST(MM10, a_shared_store_is_read_at_once)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	p[100] = 'x';
	expect(is(byte_at(fd, 100), split_world() ? pattern(100) : 'x'));
	publish(p, PAGE);
	expect(is(byte_at(fd, 100), 'x'));
	p[100] = 'y';                                           /* the page is clean again: a new first store */
	expect(is(byte_at(fd, 100), split_world() ? 'x' : 'y'));
}

TEST(MM10, a_write_is_seen_in_a_shared_mapping_at_once)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	expect(p[100] == pattern(100));
	write_at(fd, "x", 1, 100);
	expect(p[100] == (split_world() ? pattern(100) : 'x'));
	refetch(p, PAGE);
	expect(p[100] == 'x' && p[99] == pattern(99));
}

TEST(MM10, a_write_across_pages_is_seen_in_a_mapping)
{
	int fd = shown_file("f", 3 * PAGE);
	char *p = map_file(fd, 3 * PAGE), b[PAGE + 20];

	expect(is_pattern(p, 0, 3 * PAGE));
	memset(b, 'x', sizeof(b));
	write_at(fd, b, sizeof(b), PAGE - 10);
	refetch(p, 3 * PAGE);
	expect(is_pattern(p, 0, PAGE - 10));
	expect_bytes(p + PAGE - 10, 'x', sizeof(b));
	expect(is_pattern(p + 2 * PAGE + 10, 2 * PAGE + 10, PAGE - 10));
}

TEST(MM10, a_shared_store_is_seen_in_every_mapping_at_once)
{
	int fd = shown_file("f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE), *q = map_file(fd, 2 * PAGE);
	char *r = map_at(fd, PAGE, PROT_READ, MAP_SHARED, PAGE);

	for (int i = 0; i < 3; i++) {
		p[PAGE + 5] = 'a' + i;
		expect(q[PAGE + 5] == 'a' + i && r[5] == 'a' + i);
		q[PAGE + 5] = 'A' + i;
		expect(p[PAGE + 5] == 'A' + i && r[5] == 'A' + i);
	}
}

TEST(MM10, mappings_by_two_descriptors_are_one)
{
	int fd = shown_file("f", PAGE), other, hard;
	char *p, *q, *r;

	must(link("f", "hard") == 0);
	other = open("f", O_RDONLY);
	hard = open("hard", O_RDWR);
	must(other >= 0 && hard >= 0);
	p = map_file(fd, PAGE);
	q = map_at(other, PAGE, PROT_READ, MAP_SHARED, 0);
	r = map_file(hard, PAGE);
	p[9] = 'x';
	expect(q[9] == 'x' && r[9] == 'x');
	r[9] = 'y';
	expect(p[9] == 'y' && q[9] == 'y');
}

TEST(MM10, a_private_store_is_seen_nowhere_else)
{
	int fd = shown_file("f", PAGE);
	char *p = map_at(fd, PAGE, RW, MAP_PRIVATE, 0), *q = map_at(fd, PAGE, RW, MAP_PRIVATE, 0);
	char *r = map_file(fd, PAGE);

	expect(p[0] == pattern(0));
	memset(p, 'x', PAGE);
	expect_bytes(p, 'x', PAGE);
	expect(is_pattern(q, 0, PAGE));
	expect(is_pattern(r, 0, PAGE));
	expect(is(byte_at(fd, 0), pattern(0)));
	must(msync(p, PAGE, MS_SYNC) == 0 && munmap(p, PAGE) == 0);
	expect(is_pattern(r, 0, PAGE));
	expect(is(byte_at(fd, 0), pattern(0)));
}

TEST(MM10, a_private_first_store_without_a_load_stays_private)
{
	int fd = shown_file("f", 2 * PAGE);
	char *p = map_at(fd, 2 * PAGE, RW, MAP_PRIVATE, 0), *r = map_file(fd, 2 * PAGE);

	p[10] = 'x';
	p[PAGE + 10] = 'y';
	expect(p[10] == 'x' && p[PAGE + 10] == 'y');
	expect(p[9] == pattern(9) && p[PAGE + 11] == pattern(PAGE + 11));       /* the rest is the file's */
	expect(is_pattern(r, 0, 2 * PAGE));
	expect(is(byte_at(fd, 10), pattern(10)));
}

TEST(MM10, a_private_copy_is_not_changed_by_the_file)
{
	int fd = shown_file("f", PAGE);
	char *p = map_at(fd, PAGE, RW, MAP_PRIVATE, 0), *r = map_file(fd, PAGE);

	p[0] = 'x';
	r[0] = 'y';
	publish(r, PAGE);
	write_at(fd, "z", 1, 0);
	refetch(r, PAGE);
	expect(p[0] == 'x');
	expect(r[0] == 'z');
}

TEST(MM10, a_private_page_stays_private_after_mprotect)
{
	int fd = shown_file("f", PAGE);
	char *p = map_at(fd, PAGE, PROT_READ, MAP_PRIVATE, 0);

	expect(p[0] == pattern(0));
	must(mprotect(p, PAGE, RW) == 0);
	p[0] = 'x';
	expect(p[0] == 'x');
	expect(is(byte_at(fd, 0), pattern(0)));
	must(mprotect(p, PAGE, PROT_READ) == 0);
	expect(p[0] == 'x');
}

static void map_and_store(void *arg)
{
	int fd = open("f", O_RDWR);
	char *p = map_file(fd, PAGE);

	(void)arg;
	expect(p[1] == 'p');
	p[2] = 'c';
}

TEST(MM10, a_mapping_made_by_another_process_is_the_same_page)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	p[1] = 'p';
	expect(in_child(map_and_store, NULL) == 0);
	expect(p[2] == 'c');
	publish(p, PAGE);
	expect(is(byte_at(fd, 1), 'p') && is(byte_at(fd, 2), 'c'));
}

static void take_turns(void *arg)
{
	struct pair *s = arg;

	for (int i = 0; i < 5; i++) {
		turn_wait(s->t.to);
		expect(s->p[0] == 'a' + i);
		s->p[PAGE - 1] = 'A' + i;
		turn_give(s->t.from);
	}
}

static void parent_turns(struct pair *s)
{
	pid_t pid;

	s->t = turns_new();
	pid = child_start(take_turns, s);
	for (int i = 0; i < 5; i++) {
		s->p[0] = 'a' + i;
		turn_give(s->t.to);
		turn_wait(s->t.from);
		expect(s->p[PAGE - 1] == 'A' + i);
	}
	child_end(pid);
}

TEST(MM11, parent_and_child_see_each_others_shared_stores)
{
	int fd = shown_file("f", PAGE);
	struct pair s = {.p = map_file(fd, PAGE)};

	parent_turns(&s);
	publish(s.p, PAGE);
	expect(byte_at(fd, 0) == 'e' && byte_at(fd, PAGE - 1) == 'E');
}

TEST(MM11, a_page_referenced_before_fork_stays_shared)
{
	int fd = shown_file("f", PAGE);
	struct pair s = {.p = map_file(fd, PAGE)};

	s.p[0] = 'x';
	s.p[PAGE - 1] = 'y';
	parent_turns(&s);
}

static void change_privately(void *arg)
{
	struct pair *s = arg;

	expect(s->p[0] == 'b' && s->q[0] == 'b');               /* as it was at fork */
	s->p[0] = s->q[0] = 'c';
	turn_give(s->t.from);
	turn_wait(s->t.to);
	expect(s->p[0] == 'c' && s->q[0] == 'c');
	expect(s->p[1] != 'P' && s->q[1] != 'P');
}

static void stay_private(struct pair *s)
{
	pid_t pid;

	s->t = turns_new();
	s->p[0] = s->q[0] = 'b';
	pid = child_start(change_privately, s);
	turn_wait(s->t.from);
	expect(s->p[0] == 'b' && s->q[0] == 'b');
	s->p[0] = s->q[0] = s->p[1] = s->q[1] = 'P';
	turn_give(s->t.to);
	child_end(pid);
	expect(s->p[0] == 'P' && s->q[0] == 'P');
}

TEST(MM11, parent_and_child_do_not_see_each_others_private_stores)
{
	int fd = shown_file("f", PAGE);
	struct pair s = {.p = map_at(fd, PAGE, RW, MAP_PRIVATE, 0), .q = map_at(-1, PAGE, RW, ANON, 0)};

	stay_private(&s);
	expect(is(byte_at(fd, 0), pattern(0)));
}

static void store_untouched(void *arg)
{
	char *p = arg;

	p[0] = 'c';
	expect(p[0] == 'c' && p[1] == pattern(1));
}

TEST(MM11, a_private_page_first_stored_to_in_the_child_is_the_childs)
{
	int fd = shown_file("f", PAGE);
	char *p = map_at(fd, PAGE, RW, MAP_PRIVATE, 0);

	expect(in_child(store_untouched, p) == 0);
	expect(is_pattern(p, 0, PAGE));
	expect(is(byte_at(fd, 0), pattern(0)));
}

static void check_rights(void *arg)
{
	struct pair *s = arg;

	expect_fault(s->p, LOAD, SIGSEGV, SEGV_ACCERR);
	expect(is_pattern(s->q, 0, PAGE));
	expect_fault(s->q, STORE, SIGSEGV, SEGV_ACCERR);
}

TEST(MM11, protection_survives_fork)
{
	int fd = shown_file("f", PAGE);
	char *none = map_at(fd, PAGE, PROT_NONE, MAP_SHARED, 0), *read = map_at(fd, PAGE, PROT_READ, MAP_SHARED, 0);
	struct pair s = {.p = none, .q = read};

	expect(in_child(check_rights, &s) == 0);
}

static void unmap_and_protect(void *arg)
{
	struct pair *s = arg;

	expect(munmap(s->p, PAGE) == 0);
	expect_fault(s->p, LOAD, SIGSEGV, SEGV_MAPERR);
	expect(mprotect(s->q, PAGE, PROT_NONE) == 0);
	expect_fault(s->q, LOAD, SIGSEGV, SEGV_ACCERR);
}

TEST(MM11, what_a_child_unmaps_and_protects_is_its_own_affair)
{
	int fd = shown_file("f", PAGE);
	struct pair s = {.p = map_file(fd, PAGE), .q = map_at(-1, PAGE, RW, ANON, 0)};

	expect(in_child(unmap_and_protect, &s) == 0);
	s.p[0] = s.q[0] = 'x';
	expect(s.p[0] == 'x' && s.q[0] == 'x' && s.p[1] == pattern(1));
}

static void store_after_parent_unmapped(void *arg)
{
	struct pair *s = arg;

	turn_wait(s->t.to);
	s->p[0] = 'c';
	expect(s->p[1] == 'p');
	publish(s->p, PAGE);
}

TEST(MM11, the_childs_mapping_outlives_the_parents)
{
	int fd = shown_file("f", PAGE);
	struct pair s = {.p = map_file(fd, PAGE), .t = turns_new()};
	pid_t pid = child_start(store_after_parent_unmapped, &s);

	s.p[1] = 'p';
	must(munmap(s.p, PAGE) == 0);
	turn_give(s.t.to);
	child_end(pid);
	expect(byte_at(fd, 0) == 'c' && byte_at(fd, 1) == 'p');
}

static void grandchild(void *arg)
{
	struct pair *s = arg;

	s->p[1] = 'g';
	s->q[1] = 'g';
}

static void child_with_child(void *arg)
{
	struct pair *s = arg;

	s->p[0] = s->q[0] = 'c';
	expect(in_child(grandchild, s) == 0);
	expect(s->p[1] == 'g' && s->q[1] == 0);
}

TEST(MM11, grandchildren_share_what_children_share)
{
	int fd = shown_file("f", PAGE);
	struct pair s = {.p = map_file(fd, PAGE), .q = map_at(-1, PAGE, RW, ANON, 0)};

	expect(in_child(child_with_child, &s) == 0);
	expect(s.p[0] == 'c' && s.p[1] == 'g');
	expect(s.q[0] == 0 && s.q[1] == 0);
}

TEST(MM21, anonymous_memory_is_zero)
{
	long n = 33 * PAGE + 1;
	char *p = map_at(-1, n, RW, ANON, 0), *q = map_at(-1, n, RW, MAP_SHARED | MAP_ANONYMOUS, 0);

	expect_bytes(p, 0, 34 * PAGE);
	expect_bytes(q, 0, 34 * PAGE);
	p[33 * PAGE] = q[33 * PAGE] = 'x';
	expect(p[33 * PAGE] == 'x' && q[33 * PAGE] == 'x');
}

TEST(MM21, memory_used_before_comes_back_as_zero)
{
	for (int i = 0; i < 4; i++) {
		char *p = map_at(-1, 32 * PAGE, RW, i % 2 ? ANON : MAP_SHARED | MAP_ANONYMOUS, 0);

		expect_bytes(p, 0, 32 * PAGE);
		memset(p, 'x', 32 * PAGE);
		must(munmap(p, 32 * PAGE) == 0);
	}
}

TEST(MM21, the_first_reference_may_be_a_store)
{
	char *p = map_at(-1, 2 * PAGE, RW, ANON, 0), *q = map_at(-1, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, 0);

	p[PAGE + 7] = q[PAGE + 7] = 'x';
	expect_bytes(p, 0, PAGE + 7);
	expect_bytes(q, 0, PAGE + 7);
	expect_bytes(p + PAGE + 8, 0, PAGE - 8);
	expect(p[PAGE + 7] == 'x' && q[PAGE + 7] == 'x');
}

TEST(MM21, two_anonymous_mappings_are_two)
{
	char *p = map_at(-1, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, 0);
	char *q = map_at(-1, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, 0);

	p[0] = 'p';
	expect(q[0] == 0);
	q[0] = 'q';
	expect(p[0] == 'p');
}

TEST(MM21, shared_anonymous_memory_is_shared_after_fork)
{
	struct pair s = {.p = map_at(-1, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, 0)};

	parent_turns(&s);
}

TEST(MM21, a_shared_anonymous_page_first_stored_to_in_the_child_is_shared)
{
	struct pair s = {.p = map_at(-1, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, 0), .q = NULL};

	s.q = s.p + 3 * PAGE;
	expect(in_child(grandchild, &s) == 0);
	expect(s.p[1] == 'g' && s.q[1] == 'g' && s.p[PAGE + 1] == 0);
}

TEST(MM21, private_anonymous_memory_is_private_after_fork)
{
	struct pair s = {.p = map_at(-1, PAGE, RW, ANON, 0), .q = map_at(-1, PAGE, RW, ANON | MAP_NORESERVE, 0)};

	stay_private(&s);
}
