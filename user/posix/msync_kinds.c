/* SPDX-License-Identifier: MIT */
/* user/posix/msync_kinds.c - MS12, MS13, MS15, MS17 to MS19: msync of private and anonymous memory, times and clean
 * pages, a page mapped twice, a file without a name or a descriptor.
 */
#include "written.h"

#include <time.h>

#define NFLAGS 6
static const int all_flags[NFLAGS] = {
	0, MS_ASYNC, MS_SYNC, MS_INVALIDATE, MS_SYNC | MS_INVALIDATE, MS_ASYNC | MS_INVALIDATE,
};

TEST(MS12, private_stores_do_not_reach_the_file)
{
	int fd;
	char *s = clean_pages(&fd, 1), *p = map_at(fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);

	for (int i = 0; i < NFLAGS; i++) {
		p[i] = '!';
		expect(msync(p, PAGE, all_flags[i]) == 0);
		expect(byte_at(fd, i) == (unsigned char)pattern(i));
	}
	refetch(s, PAGE);
	expect(is_pattern(s, 0, PAGE));
}

TEST(MS12, private_stores_are_kept)
{
	int fd = new_file("f", 2 * PAGE);
	char *p = map_at(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);

	memset(p, 'x', PAGE + 1);
	for (int i = 0; i < NFLAGS; i++) expect(msync(p, 2 * PAGE, all_flags[i]) == 0);
	expect_bytes(p, 'x', PAGE + 1);
	expect(is_pattern(p + PAGE + 1, PAGE + 1, PAGE - 1));
}

TEST(MS12, private_stores_become_visible_to_no_other_mapping)
{
	int fd;
	char *s = clean_pages(&fd, 1), *p = map_at(fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	char *q = map_at(fd, PAGE, PROT_READ, MAP_PRIVATE, 0);

	p[0] = '!';
	expect(msync(p, PAGE, MS_SYNC) == 0 && msync(p, PAGE, MS_INVALIDATE) == 0);
	expect(s[0] == pattern(0) && q[0] == pattern(0) && p[0] == '!');
}

TEST(MS12, an_msync_of_a_private_mapping_marks_no_times)
{
	int fd;
	char *p;

	clean_pages(&fd, 1);
	p = map_at(fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	make_old(fd);
	p[0] = '!';
	for (int i = 0; i < NFLAGS; i++) expect(msync(p, PAGE, all_flags[i]) == 0);
	expect(!is_marked(fd));
}

TEST(MS12, an_msync_of_a_private_mapping_writes_no_shared_stores)
{
	int fd;
	char *s = clean_pages(&fd, 1), *p = map_at(fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);

	s[0] = 'x';
	expect(msync(p, PAGE, MS_SYNC) == 0);
	expect(!is_clean(fd, s));
	expect(msync(s, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, s));
}

TEST(MS12, a_private_mapping_of_a_read_only_file_can_be_synced)
{
	int fd = new_file("f", PAGE), ro = open("f", O_RDONLY);
	char *p = map_at(ro, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);

	p[0] = '!';
	for (int i = 0; i < NFLAGS; i++) expect(msync(p, PAGE, all_flags[i]) == 0);
	expect(p[0] == '!' && byte_at(fd, 0) == (unsigned char)pattern(0));
}

static void sync_and_see_own(void *arg)
{
	char *p = arg;

	p[1] = 'c';
	expect(msync(p, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
	expect(p[0] == 'x' && p[1] == 'c');
}

TEST(MS12, an_msync_does_not_join_the_private_copies_of_parent_and_child)
{
	int fd = new_file("f", PAGE);
	char *p = map_at(fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);

	p[0] = 'x';
	in_child(sync_and_see_own, p);
	expect(msync(p, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
	expect(p[0] == 'x' && p[1] == pattern(1));
	expect(byte_at(fd, 0) == (unsigned char)pattern(0) && byte_at(fd, 1) == (unsigned char)pattern(1));
}

TEST(MS13, an_msync_that_writes_marks_the_modification_time)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	for (int i = 0; i < NFLAGS; i++) {
		make_old(fd);
		p[0] = 'a' + i;
		expect(msync(p, PAGE, all_flags[i]) == 0);
		expect(is_marked(fd));
		must(msync(p, PAGE, MS_SYNC) == 0);
	}
}

/* The times may have been set since the page became dirty: the later store counts. */
TEST(MS13, a_store_into_a_page_that_is_dirty_already_is_marked_by_msync)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	make_old(fd);
	p[0] = 'y';
	expect(msync(p, PAGE, MS_SYNC) == 0);
	expect(is_marked(fd));
	must(msync(p, PAGE, MS_SYNC) == 0);
	p[0] = 'z';
	make_old(fd);
	p[1] = 'z';
	expect(msync(p, PAGE, MS_ASYNC) == 0);
	expect(is_marked(fd));
}

static int64_t nanoseconds(struct timespec t)
{
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

TEST(MS13, an_msync_that_writes_marks_the_change_time)
{
	struct stat before, after;
	struct timespec now;
	int fd;
	char *p = clean_pages(&fd, 1);

	must(fstat(fd, &before) == 0);
	do {
		usleep(20000);          /* the file system may count in seconds */
		must(clock_gettime(CLOCK_REALTIME, &now) == 0);
	} while (now.tv_sec <= before.st_ctim.tv_sec);
	p[0] = 'x';
	expect(msync(p, PAGE, MS_SYNC) == 0);
	must(fstat(fd, &after) == 0);
	expect(nanoseconds(after.st_ctim) > nanoseconds(before.st_ctim));
	expect(nanoseconds(after.st_mtim) > nanoseconds(before.st_mtim));
}

static void store_and_sync(void *p)
{
	*(char *)p = 'x';
	expect(msync(p, PAGE, MS_SYNC) == 0);
}

TEST(MS13, a_child_that_syncs_marks_the_file_for_all)
{
	int fd;
	char *p = clean_pages(&fd, 1);
	struct stat st;

	make_old(fd);
	in_child(store_and_sync, p);
	expect(is_marked(fd));
	must(stat("f", &st) == 0);
	expect(st.st_mtime >= time(NULL) - 60 && st.st_mtime <= time(NULL) + 1);
}

TEST(MS15, anonymous_memory_is_left_as_it_is)
{
	int anonymous = MAP_ANONYMOUS;
	char *p = map_at(-1, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | anonymous, 0);
	char *s = map_at(-1, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | anonymous, 0);

	memset(p, 'p', PAGE);
	memset(s, 's', PAGE);
	for (int i = 0; i < NFLAGS; i++) {
		expect(msync(p, 2 * PAGE, all_flags[i]) == 0);
		expect(msync(s, 2 * PAGE, all_flags[i]) == 0);
	}
	expect_bytes(p, 'p', PAGE);
	expect_bytes(s, 's', PAGE);
	expect_bytes(p + PAGE, 0, PAGE);
	expect_bytes(s + PAGE, 0, PAGE);
}

static void invalidate_and_store(void *arg)
{
	char *s = arg;

	expect(s[0] == 'x');
	expect(msync(s, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
	expect(s[0] == 'x');
	s[1] = 'c';
}

TEST(MS15, shared_anonymous_memory_stays_shared)
{
	char *s = map_at(-1, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0);

	s[0] = 'x';
	in_child(invalidate_and_store, s);
	expect(s[0] == 'x' && s[1] == 'c');
	expect(msync(s, PAGE, MS_INVALIDATE) == 0);
	expect(s[0] == 'x' && s[1] == 'c');
}

TEST(MS15, a_shared_memory_object_is_left_as_it_is)
{
	int fd = shm_open("/posix-msync", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *s, *again;

	must(fd >= 0 && ftruncate(fd, 2 * PAGE) == 0 && shm_unlink("/posix-msync") == 0);
	s = map_file(fd, 2 * PAGE);
	again = map_file(fd, 2 * PAGE);
	s[0] = 'x';
	for (int i = 0; i < NFLAGS; i++) expect(msync(s, 2 * PAGE, all_flags[i]) == 0);
	expect(s[0] == 'x' && again[0] == 'x' && byte_at(fd, 0) == 'x');
	expect_bytes(s + 1, 0, 2 * PAGE - 1);
}

TEST(MS15, a_memory_file_is_left_as_it_is)
{
	int fd = memfd_create("m", 0);
	char *s;

	must(fd >= 0 && ftruncate(fd, PAGE) == 0);
	s = map_file(fd, PAGE);
	for (int i = 0; i < NFLAGS; i++) {
		s[i] = 'a' + i;
		expect(msync(s, PAGE, all_flags[i]) == 0);
		expect(s[i] == 'a' + i && byte_at(fd, i) == 'a' + i);
	}
	expect_bytes(s + NFLAGS, 0, PAGE - NFLAGS);
}

TEST(MS17, a_second_msync_finds_nothing_to_write)
{
	int fd;
	char *p = clean_pages(&fd, 2);

	p[0] = p[PAGE] = 'x';
	expect(msync(p, 2 * PAGE, MS_SYNC) == 0);
	make_old(fd);
	for (int i = 0; i < NFLAGS; i++) expect(msync(p, 2 * PAGE, all_flags[i]) == 0);
	expect(!is_marked(fd));
}

TEST(MS17, pages_that_were_only_read_cause_no_write)
{
	int fd;
	char *p = clean_pages(&fd, 3);

	make_old(fd);
	expect(is_pattern(p, 0, 2 * PAGE));             /* the third is not even looked at */
	for (int i = 0; i < NFLAGS; i++) expect(msync(p, 3 * PAGE, all_flags[i]) == 0);
	expect(!is_marked(fd) && is_pattern(p, 0, 3 * PAGE));
}

TEST(MS17, a_hole_that_was_only_read_gets_no_blocks)
{
	int fd = new_file("f", 0);
	struct stat st;
	char *p;

	must(ftruncate(fd, 4 * PAGE) == 0);
	p = map_file(fd, 4 * PAGE);
	expect_bytes(p, 0, 4 * PAGE);
	expect(msync(p, 4 * PAGE, MS_SYNC) == 0);
	must(fstat(fd, &st) == 0);
	expect(st.st_blocks == 0 && st.st_size == 4 * PAGE);
}

TEST(MS18, stored_through_one_mapping_and_synced_through_the_other)
{
	int fd;
	char *p = clean_pages(&fd, 1), *q = map_file(fd, PAGE);

	q[1] = 'q';
	expect(!is_clean(fd, q));
	p[0] = 'p';
	expect(msync(q, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p));
	expect(msync(p, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, q));
	expect(byte_at(fd, 0) == 'p' && byte_at(fd, 1) == 'q');
}

TEST(MS18, mappings_from_different_offsets_have_their_pages_in_common)
{
	int fd;
	char *p = clean_pages(&fd, 3), *q = map_at(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, PAGE);

	p[0] = p[PAGE] = p[2 * PAGE] = 'x';
	expect(msync(q + PAGE, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p + 2 * PAGE));
	expect(!is_clean(fd, p) && !is_clean(fd, p + PAGE));
	expect(byte_at(fd, 2 * PAGE) == 'x');
}

TEST(MS18, an_unmapped_mapping_leaves_its_stores_to_the_other)
{
	int fd;
	char *p = clean_pages(&fd, 1), *q = map_file(fd, PAGE);

	p[1] = 'p';
	q[0] = 'q';
	must(munmap(q, PAGE) == 0);
	expect(!is_clean(fd, p));
	expect(msync(p, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p));
	expect(byte_at(fd, 0) == 'q' && byte_at(fd, 1) == 'p');
}

TEST(MS18, a_mapping_that_may_not_be_stored_to_syncs_what_another_stored)
{
	int fd;
	char *p = clean_pages(&fd, 1), *q = map_at(fd, PAGE, PROT_READ, MAP_SHARED, 0);

	p[0] = 'x';
	expect(!is_clean(fd, p));
	expect(msync(q, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p) && byte_at(fd, 0) == 'x');
}

TEST(MS18, a_mapping_of_a_read_only_descriptor_syncs_what_another_stored)
{
	int fd, ro;
	char *p = clean_pages(&fd, 1), *q;

	must((ro = open("f", O_RDONLY)) >= 0);
	q = map_at(ro, PAGE, PROT_READ, MAP_SHARED, 0);
	p[0] = 'x';
	expect(!is_clean(fd, p) && q[0] == 'x');
	expect(msync(q, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p) && byte_at(fd, 0) == 'x');
}

static void map_by_name_and_sync(void *arg)
{
	int fd = open("f", O_RDWR);
	char *p = map_file(fd, PAGE);

	(void)arg;
	expect(p[0] == 'x');
	expect(msync(p, PAGE, MS_SYNC) == 0);
}

TEST(MS18, a_process_with_a_mapping_of_its_own_syncs_what_another_stored)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	expect(!is_clean(fd, p));
	in_child(map_by_name_and_sync, NULL);
	expect(is_clean(fd, p) && byte_at(fd, 0) == 'x');
}

TEST(MS19, a_closed_file_can_be_synced)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	must(close(fd) == 0);
	p[0] = 'x';
	expect(msync(p, PAGE, MS_SYNC) == 0);
	must((fd = open("f", O_RDWR)) >= 0);
	expect(is_clean(fd, p) && byte_at(fd, 0) == 'x');
}

TEST(MS19, an_unlinked_file_can_be_synced)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	must(unlink("f") == 0);
	p[0] = 'x';
	expect(!is_clean(fd, p));
	expect(msync(p, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p) && byte_at(fd, 0) == 'x');
}

TEST(MS19, a_file_without_name_and_descriptor_keeps_its_bytes)
{
	int fd;
	char *p = clean_pages(&fd, 20);

	must(unlink("f") == 0 && close(fd) == 0);
	for (int i = 0; i < 20; i++) p[i * PAGE] = 'a' + i;
	expect(msync(p, 20 * PAGE, MS_ASYNC) == 0 && msync(p, 20 * PAGE, MS_SYNC) == 0);
	refetch(p, 20 * PAGE);
	for (int i = 0; i < 20; i++) expect(p[i * PAGE] == 'a' + i && is_pattern(p + i * PAGE + 1, i * PAGE + 1, 100));
}

TEST(MS19, a_new_file_of_the_old_name_is_not_touched)
{
	int old, new;
	char *p = clean_pages(&old, 1);

	must(unlink("f") == 0 && close(old) == 0);
	p[0] = 'x';
	new = new_file("f", PAGE);
	expect(msync(p, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
	expect(p[0] == 'x' && byte_at(new, 0) == (unsigned char)pattern(0));
}

TEST(MS19, a_renamed_file_can_be_synced)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	must(close(fd) == 0 && rename("f", "g") == 0);
	p[0] = 'x';
	expect(msync(p, PAGE, MS_SYNC) == 0);
	must((fd = open("g", O_RDWR)) >= 0);
	expect(is_clean(fd, p) && byte_at(fd, 0) == 'x');
}
