/* SPDX-License-Identifier: MIT */
/* user/posix/msync.c - MS1 to MS3: what msync writes.  msync_args.c: what it refuses; msync_invalidate.c: MS9 to MS11;
 * msync_kinds.c: private, anonymous, doubled and nameless mappings, times.
 */
#include "written.h"

TEST(MS1, every_dirty_page_of_the_range_is_written)
{
	int fd;
	char *p = clean_pages(&fd, 8);

	for (int i = 0; i < 8; i++) p[i * PAGE + i] = 'a' + i;
	expect(!is_clean(fd, p) && !is_clean(fd, p + 7 * PAGE));
	expect(msync(p, 8 * PAGE, MS_SYNC) == 0);
	for (int i = 0; i < 8; i++) {
		expect(is_clean(fd, p + i * PAGE));
		expect(byte_at(fd, i * PAGE + i) == 'a' + i);
	}
}

TEST(MS1, pages_beside_the_range_stay_dirty)
{
	int fd;
	char *p = clean_pages(&fd, 3);

	for (int i = 0; i < 3; i++) p[i * PAGE] = 'x';
	expect(msync(p + PAGE, PAGE, MS_SYNC) == 0);
	expect(!is_clean(fd, p) && !is_clean(fd, p + 2 * PAGE));
	expect(is_clean(fd, p + PAGE));
}

TEST(MS1, a_length_of_one_means_the_whole_page)
{
	int fd;
	char *p = clean_pages(&fd, 2);

	p[PAGE - 1] = 'x';
	p[PAGE] = 'y';
	expect(msync(p, 1, MS_SYNC) == 0);
	expect(is_clean(fd, p) && !is_clean(fd, p + PAGE));
	expect(byte_at(fd, PAGE - 1) == 'x');
}

TEST(MS1, a_range_that_ends_one_byte_into_a_page_includes_it)
{
	int fd;
	char *p = clean_pages(&fd, 3);

	p[2 * PAGE - 1] = 'x';
	p[2 * PAGE] = 'y';
	expect(msync(p, PAGE + 1, MS_SYNC) == 0);
	expect(is_clean(fd, p + PAGE) && !is_clean(fd, p + 2 * PAGE));
	expect(byte_at(fd, 2 * PAGE - 1) == 'x');
}

TEST(MS1, the_offset_of_the_mapping_counts)
{
	int fd = new_file("f", 6 * PAGE);
	char *p = map_at(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 3 * PAGE);

	must(fsync(fd) == 0);
	p[0] = 'x';
	p[PAGE] = 'y';
	expect(msync(p + PAGE, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p + PAGE) && !is_clean(fd, p));
	expect(byte_at(fd, 4 * PAGE) == 'y');
}

TEST(MS1, one_range_may_be_of_several_files)
{
	int f = new_file("f", PAGE), g = new_file("g", PAGE);
	char *p = map_file(f, 2 * PAGE);

	must(mmap(p + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, g, 0) == p + PAGE);
	must(fsync(f) == 0 && fsync(g) == 0);
	p[1] = 'f';
	p[PAGE + 1] = 'g';
	expect(msync(p, 2 * PAGE, MS_SYNC) == 0);
	expect(is_clean(f, p) && is_clean(g, p + PAGE));
	expect(byte_at(f, 1) == 'f' && byte_at(g, 1) == 'g');
}

TEST(MS1, pages_mapped_in_reverse_order_are_written_where_they_belong)
{
	int fd;
	char *p = clean_pages(&fd, 4);

	for (int i = 0; i < 4; i++) {
		char *at = p + i * PAGE;

		must(mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (3 - i) * PAGE) == at);
		at[5] = 'a' + i;
	}
	expect(msync(p, 4 * PAGE, MS_SYNC) == 0);
	for (int i = 0; i < 4; i++) {
		expect(is_clean(fd, p + i * PAGE));
		expect(byte_at(fd, (3 - i) * PAGE + 5) == 'a' + i);
	}
}

TEST(MS1, anonymous_memory_between_files_is_stepped_over)
{
	int fd;
	char *p = clean_pages(&fd, 3);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	must(mmap(p + PAGE, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0) == p + PAGE);
	p[0] = p[PAGE] = p[2 * PAGE] = 'x';
	expect(msync(p, 3 * PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p) && is_clean(fd, p + 2 * PAGE));
	expect(p[PAGE] == 'x' && byte_at(fd, PAGE) == (unsigned char)pattern(PAGE));
}

static void store_x(void *p)
{
	*(char *)p = 'x';
}

static void sync_page(void *p)
{
	expect(msync(p, PAGE, MS_SYNC) == 0);
}

TEST(MS1, what_a_child_stored_is_written_by_its_parent)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[1] = 'y';
	must(in_child(store_x, p) == 0);
	expect(!is_clean(fd, p));
	expect(msync(p, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p));
	expect(byte_at(fd, 0) == 'x' && byte_at(fd, 1) == 'y');
}

TEST(MS1, what_a_parent_stored_is_written_by_its_child)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[1] = 'y';
	expect(!is_clean(fd, p));
	expect(in_child(sync_page, p) == 0);
	expect(is_clean(fd, p));
	expect(byte_at(fd, 1) == 'y');
}

TEST(MS1, stores_are_written_after_the_right_to_store_is_gone)
{
	int fd;
	char *p = clean_pages(&fd, 2), *q = map_file(fd, 2 * PAGE);

	p[0] = p[PAGE] = 'x';
	q[1] = q[PAGE + 1] = 'y';
	must(mprotect(p, PAGE, PROT_READ) == 0 && mprotect(p + PAGE, PAGE, PROT_NONE) == 0);
	expect(!is_clean(fd, q) && !is_clean(fd, q + PAGE));
	expect(msync(p, 2 * PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, q) && is_clean(fd, q + PAGE));
	expect(byte_at(fd, 0) == 'x' && byte_at(fd, PAGE) == 'x');
}

TEST(MS1, what_the_kernel_stored_for_read_is_written)
{
	int fd, pipes[2];
	char *p = clean_pages(&fd, 1);

	must(pipe(pipes) == 0 && write(pipes[1], "hello", 5) == 5);
	must(read(pipes[0], p + 100, 5) == 5);
	expect(!is_clean(fd, p));
	expect(msync(p, PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p));
	expect(byte_at(fd, 100) == 'h' && byte_at(fd, 104) == 'o');
}

TEST(MS1, the_last_page_is_written_up_to_the_end_of_the_file)
{
	int fd = new_file("f", PAGE + 100);
	char *p = map_file(fd, 2 * PAGE);

	p[PAGE + 99] = 'x';
	p[PAGE + 100] = 'y';
	expect(msync(p, 2 * PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p + PAGE));
	expect(byte_at(fd, PAGE + 99) == 'x' && byte_at(fd, PAGE + 100) == -1);
	must(ftruncate(fd, 2 * PAGE) == 0);
	expect(byte_at(fd, PAGE + 100) == 0);
}

TEST(MS1, each_of_many_syncs_writes_what_is_new)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	for (int i = 0; i < 10; i++) {
		p[i * 100] = 'a' + i;
		expect(msync(p, PAGE, MS_SYNC) == 0);
		expect(byte_at(fd, i * 100) == 'a' + i);
		expect(is_clean(fd, p));
	}
}

TEST(MS1, a_store_is_seen_by_read_at_once_or_in_the_split_world_after_msync)
{
	int fd;
	char *p = clean_pages(&fd, 2);

	p[0] = p[PAGE] = 'x';
	expect(byte_at(fd, 0) == (split_world() ? (unsigned char)pattern(0) : 'x'));
	expect(msync(p, PAGE, MS_SYNC) == 0);
	expect(byte_at(fd, 0) == 'x');
	expect(byte_at(fd, PAGE) == (split_world() ? (unsigned char)pattern(PAGE) : 'x'));
	expect(is_clean(fd, p) && !is_clean(fd, p + PAGE));
}

TEST(MS2, pages_stored_into_a_hole_get_blocks)
{
	int fd = new_file("f", 0);
	struct stat before, after;
	char *p;

	must(ftruncate(fd, 64 * PAGE) == 0);
	p = map_file(fd, 64 * PAGE);
	must(fstat(fd, &before) == 0);
	p[0] = p[20 * PAGE] = p[63 * PAGE] = 'x';
	expect(msync(p, 64 * PAGE, MS_SYNC) == 0);
	must(fstat(fd, &after) == 0);
	expect(before.st_blocks == 0 && is_clean(fd, p + 63 * PAGE));
	expect(after.st_blocks >= 3 * PAGE / 512 && after.st_blocks < 16 * PAGE / 512);
}

TEST(MS2, stores_far_into_a_hole_come_back_from_permanent_storage)
{
	const long at[] = {0, 11, 12, 13, 1035, 1036, 1100};     /* around direct and indirect blocks of ext2 */
	int fd = new_file("f", 0);
	char *p;

	must(ftruncate(fd, 1101 * PAGE) == 0);
	p = map_file(fd, 1101 * PAGE);
	for (int i = 0; i < 7; i++) p[at[i] * PAGE + i] = 'a' + i;
	expect(msync(p, 1101 * PAGE, MS_SYNC) == 0);
	for (int i = 0; i < 7; i++) expect(is_clean(fd, p + at[i] * PAGE));
	refetch(p, 1101 * PAGE);
	for (int i = 0; i < 7; i++) {
		expect(p[at[i] * PAGE + i] == 'a' + i && p[at[i] * PAGE + 7] == 0);
		expect(byte_at(fd, at[i] * PAGE + i) == 'a' + i);
	}
	expect_bytes(p + 14 * PAGE, 0, PAGE);
}

TEST(MS2, a_grown_file_has_its_new_size_and_bytes)
{
	int fd = new_file("f", 100);
	char *p = map_file(fd, 4 * PAGE);
	struct stat st;

	must(ftruncate(fd, 3 * PAGE + 10) == 0);
	p[3 * PAGE + 9] = 'x';
	expect(msync(p, 4 * PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p + 3 * PAGE));
	refetch(p, 4 * PAGE);
	must(stat("f", &st) == 0);
	expect(st.st_size == 3 * PAGE + 10);
	expect(p[3 * PAGE + 9] == 'x' && is_pattern(p, 0, 100));
	expect_bytes(p + 100, 0, 3 * PAGE - 100 + 9);
}

TEST(MS2, synced_stores_are_found_on_the_disk)
{
	struct disk d = disk_open();
	char page[2][PAGE], *p;
	int fd;

	p = clean_pages(&fd, 2);
	page_unique(page[0], 0);
	page_unique(page[1], 1);
	memcpy(p, page, 2 * PAGE);
	expect(msync(p + PAGE, PAGE, MS_SYNC) == 0);
	expect(disk_find(d, page[0]) == NULL);          /* first: after some seconds it may be written all the same */
	expect(disk_find(d, page[1]) != NULL);
}

TEST(MS3, async_takes_up_the_pages_before_it_returns)
{
	int fd;
	char *p = clean_pages(&fd, 4);

	for (int i = 0; i < 4; i++) p[i * PAGE] = 'x';
	expect(!is_clean(fd, p));
	expect(msync(p, 3 * PAGE, MS_ASYNC) == 0);
	expect(is_clean(fd, p) && is_clean(fd, p + 2 * PAGE));
	expect(!is_clean(fd, p + 3 * PAGE));
	expect(byte_at(fd, 0) == 'x' && byte_at(fd, 2 * PAGE) == 'x');
}

TEST(MS3, a_store_right_after_async_is_not_lost)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	for (int i = 0; i < 10; i++) {
		p[0] = 'a' + i;
		p[i + 1] = 'A';
		expect(msync(p, PAGE, MS_ASYNC) == 0);
		p[i + 1] = 'a' + i;             /* while the write is on its way */
		refetch(p, PAGE);
		expect(p[0] == 'a' + i && p[i + 1] == 'a' + i);
		expect(byte_at(fd, i + 1) == 'a' + i);
	}
}

/* The second stores are made while the first are on their way to the disk: MS_SYNC owes these, too. */
TEST(MS3, a_store_after_async_is_written_by_the_next_sync)
{
	int fd;
	char *p = clean_pages(&fd, 64);

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 64; i++) p[i * PAGE] = 'a' + round;
		expect(msync(p, 64 * PAGE, MS_ASYNC) == 0);
		for (int i = 0; i < 64; i++) p[i * PAGE + 1] = 'A' + round;
		expect(msync(p, 64 * PAGE, MS_SYNC) == 0);
		expect(is_clean(fd, p) && is_clean(fd, p + 31 * PAGE) && is_clean(fd, p + 63 * PAGE));
		expect(byte_at(fd, 63 * PAGE) == 'a' + round && byte_at(fd, 63 * PAGE + 1) == 'A' + round);
	}
}

TEST(MS3, sync_after_async_has_all_of_both)
{
	int fd;
	char *p = clean_pages(&fd, 32);

	for (int i = 0; i < 32; i++) p[i * PAGE] = 'a' + i % 26;
	expect(msync(p, 32 * PAGE, MS_ASYNC) == 0);
	for (int i = 0; i < 32; i += 2) p[i * PAGE + 1] = 'z';
	expect(msync(p, 32 * PAGE, MS_SYNC) == 0);
	expect(is_clean(fd, p) && is_clean(fd, p + PAGE) && is_clean(fd, p + 31 * PAGE));
	refetch(p, 32 * PAGE);
	for (int i = 0; i < 32; i++) {
		expect(p[i * PAGE] == 'a' + i % 26);
		expect(p[i * PAGE + 1] == (i % 2 ? pattern(i * PAGE + 1) : 'z'));
	}
}

TEST(MS3, a_page_stored_into_between_two_asyncs_keeps_its_last_bytes)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	for (char c = 'a'; c <= 'j'; c++) {
		p[0] = p[PAGE - 1] = c;
		expect(msync(p, PAGE, MS_ASYNC) == 0);
	}
	refetch(p, PAGE);
	expect(p[0] == 'j' && p[PAGE - 1] == 'j');
	expect(byte_at(fd, 0) == 'j' && is_pattern(p + 1, 1, PAGE - 2));
}
