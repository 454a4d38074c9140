/* SPDX-License-Identifier: MIT */
/* user/posix/fsync.c - FS1 to FS4: fsync and fdatasync.  RW3: O_SYNC and O_DSYNC, sync, syncfs and sync_file_range. */
#include "written.h"

#include <sys/uio.h>

static int (*const both[])(int) = {fsync, fdatasync};

/* Bytes through write() into a page that is dirty by a store already: is_clean() then tells whether they were written.
 * In the split world two copies of the page are dirty then, and one of the bytes may lose.
 */
static void dirty_by_both(int fd, char *p)
{
	p[0] = 'p';
	write_at(fd, "w", 1, 1);
	expect(!is_clean(fd, p));
}

static bool has_both(int fd)
{
	return split_world() || (byte_at(fd, 0) == 'p' && byte_at(fd, 1) == 'w');
}

TEST(FS1, what_write_wrote_is_written)
{
	int fd;
	char *p = clean_pages(&fd, 2);

	dirty_by_both(fd, p);
	expect(fsync(fd) == 0);
	expect(is_clean(fd, p));
	refetch(p, PAGE);
	expect(has_both(fd) && (split_world() || p[1] == 'w'));
}

TEST(FS1, written_and_synced_bytes_are_found_on_the_disk)
{
	struct disk d = disk_open();
	char page[2][PAGE];
	int fd[2];

	for (int i = 0; i < 2; i++) {
		page_unique(page[i], i);
		fd[i] = new_file(i ? "g" : "f", 0);
		write_at(fd[i], page[i], PAGE, 0);
		expect(both[i](fd[i]) == 0);
	}
	expect(disk_find(d, page[0]) != NULL);
	expect(disk_find(d, page[1]) != NULL);
}

TEST(FS1, the_whole_file_is_written_wherever_the_offset_is)
{
	int fd;
	char *p = clean_pages(&fd, 20);

	for (int i = 0; i < 20; i++) p[i * PAGE] = 'x';
	must(lseek(fd, 7 * PAGE, SEEK_SET) == 7 * PAGE);
	expect(fsync(fd) == 0);
	for (int i = 0; i < 20; i++) expect(is_clean(fd, p + i * PAGE));
	expect(lseek(fd, 0, SEEK_CUR) == 7 * PAGE);
}

TEST(FS1, other_files_stay_dirty)
{
	int fd, other = new_file("g", PAGE);
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	expect(fsync(other) == 0);
	expect(!is_clean(fd, p));
	expect(fsync(fd) == 0);
	expect(is_clean(fd, p));
}

TEST(FS1, attributes_are_as_they_were_set)
{
	struct timespec times[2] = {{.tv_sec = 1111111111}, {.tv_sec = 1222222222}};
	int fd = new_file("f", 100);
	struct stat st;

	must(fchmod(fd, 0640) == 0 && ftruncate(fd, 77) == 0 && futimens(fd, times) == 0);
	expect(fsync(fd) == 0);
	must(stat("f", &st) == 0);
	expect((st.st_mode & 0777) == 0640 && st.st_size == 77);
	expect(st.st_atime == 1111111111 && st.st_mtime == 1222222222);
}

TEST(FS1, a_clean_file_is_not_marked)
{
	int fd;

	clean_pages(&fd, 1);
	make_old(fd);
	expect(fsync(fd) == 0 && fdatasync(fd) == 0);
	expect(!is_marked(fd));
}

TEST(FS1, a_directory_can_be_synced)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY);
	struct stat st;

	close(new_file("new", 10));
	expect(fsync(dir) == 0 && fdatasync(dir) == 0);
	expect(fstatat(dir, "new", &st, 0) == 0 && st.st_size == 10);
}

TEST(FS1, a_file_without_a_name_can_be_synced)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	must(unlink("f") == 0);
	dirty_by_both(fd, p);
	expect(fsync(fd) == 0);
	expect(is_clean(fd, p) && has_both(fd));
}

TEST(FS2, fdatasync_writes_what_write_wrote)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	dirty_by_both(fd, p);
	expect(fdatasync(fd) == 0);
	expect(is_clean(fd, p) && has_both(fd));
}

TEST(FS2, a_file_that_grew_is_read_back_with_its_new_size)
{
	int fd = new_file("f", 10);
	struct stat st;
	char *p;

	write_at(fd, "end", 3, 15 * PAGE);
	expect(fdatasync(fd) == 0);
	p = map_file(fd, 16 * PAGE);
	refetch(p, 16 * PAGE);
	must(stat("f", &st) == 0);
	expect(st.st_size == 15 * PAGE + 3 && st.st_blocks > 0 && st.st_blocks < 8 * PAGE / 512);
	expect(is_pattern(p, 0, 10) && !memcmp(p + 15 * PAGE, "end", 4));
	expect_bytes(p + 10, 0, 15 * PAGE - 10);
}

static void sync_read_only(void *arg)
{
	int fd = open("f", O_RDONLY);

	expect(fd >= 0 && (*(int (**)(int))arg)(fd) == 0);
}

TEST(FS3, stores_are_written_by_a_sync_of_any_descriptor)
{
	int fd, other[3];
	char *p = clean_pages(&fd, 1);

	must(link("f", "g") == 0);
	other[0] = dup(fd);
	other[1] = open("f", O_RDONLY);
	other[2] = open("g", O_WRONLY);
	for (int i = 0; i < 6; i++) {
		p[i] = 'a' + i;
		expect(!is_clean(fd, p));
		expect(both[i % 2](other[i / 2]) == 0);
		expect(is_clean(fd, p) && byte_at(fd, i) == 'a' + i);
	}
}

TEST(FS3, stores_are_written_by_another_process)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	for (int i = 0; i < 2; i++) {
		p[i] = 'x';
		expect(!is_clean(fd, p));
		in_child(sync_read_only, (void *)&both[i]);
		expect(is_clean(fd, p) && byte_at(fd, i) == 'x');
	}
}

TEST(FS3, stores_are_written_after_their_mapping_is_gone)
{
	int fd;
	char *p = clean_pages(&fd, 1), *q = map_file(fd, PAGE);

	p[1] = 'p';
	q[0] = 'q';
	must(munmap(q, PAGE) == 0);
	expect(fsync(fd) == 0);
	expect(is_clean(fd, p));
	expect(byte_at(fd, 0) == 'q' && byte_at(fd, 1) == 'p');
}

TEST(FS3, stores_on_their_way_do_not_hide_later_ones)
{
	int fd;
	char *p = clean_pages(&fd, 64);

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 64; i++) p[i * PAGE] = 'a' + round;
		must(msync(p, 64 * PAGE, MS_ASYNC) == 0);
		for (int i = 0; i < 64; i++) p[i * PAGE + 1] = 'A' + round;
		expect(both[round % 2](fd) == 0);
		expect(is_clean(fd, p) && is_clean(fd, p + 31 * PAGE) && is_clean(fd, p + 63 * PAGE));
	}
}

TEST(FS3, a_sync_marks_the_time_of_a_store)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	make_old(fd);
	p[0] = 'x';
	expect(fsync(fd) == 0);
	expect(is_marked(fd));
}

TEST(FS4, what_is_no_descriptor_is_refused)
{
	int fd = new_file("f", 1);

	must(close(fd) == 0);
	for (int i = 0; i < 2; i++) {
		expect_error(both[i](-1), EBADF);
		expect_error(both[i](fd), EBADF);
		expect_error(both[i](1 << 20), EBADF);
	}
}

TEST(FS4, a_pipe_cannot_be_synced)
{
	int end[2];

	must(pipe(end) == 0);
	for (int i = 0; i < 4; i++) expect_error(both[i / 2](end[i % 2]), EINVAL);
	expect(write(end[1], "x", 1) == 1);
}

TEST(FS4, without_a_failed_write_there_is_no_error)
{
	int fd = new_file("f", PAGE);

	for (int i = 0; i < 6; i++) expect(both[i % 2](fd) == 0);
	expect_error(pwrite(fd, "x", 1, -1), EINVAL);
	expect(fsync(fd) == 0);
}

/* ---- synchronous writes */

static const int sync_flags[] = {O_SYNC, O_DSYNC};

TEST(RW3, a_synchronous_write_is_written_when_it_returns)
{
	int fd;
	char *p = clean_pages(&fd, 2);

	for (int i = 0; i < 2; i++) {
		int s = open("f", O_RDWR | sync_flags[i]);

		p[0] = p[PAGE] = 'a' + i;
		write_at(s, "s", 1, 1);
		expect(split_world() || is_clean(fd, p));
		expect(split_world() || !is_clean(fd, p + PAGE));       /* not a part of that write */
		expect(split_world() || byte_at(fd, 1) == 's');
	}
}

TEST(RW3, a_write_without_the_flag_is_not)
{
	int fd;
	char *p = clean_pages(&fd, 1);

	p[0] = 'x';
	write_at(fd, "w", 1, 1);
	expect(!is_clean(fd, p));
}

TEST(RW3, synchronous_bytes_are_found_on_the_disk)
{
	struct disk d = disk_open();
	char page[2][PAGE];

	for (int i = 0; i < 2; i++) {
		int s = open("f", O_RDWR | O_CREAT | O_APPEND | sync_flags[i], 0600);

		page_unique(page[i], i);
		expect(write(s, page[i], PAGE) == PAGE);
	}
	expect(disk_find(d, page[0]) != NULL);
	expect(disk_find(d, page[1]) != NULL);
}

TEST(RW3, the_flags_can_be_read_back)
{
	for (int i = 0; i < 2; i++) {
		int s = open("f", O_RDWR | O_CREAT | sync_flags[i], 0600);

		expect((fcntl(s, F_GETFL) & O_SYNC) == sync_flags[i]);
		must(fcntl(s, F_SETFL, O_APPEND) == 0);
		expect((fcntl(s, F_GETFL) & (O_SYNC | O_APPEND)) == (sync_flags[i] | O_APPEND));
	}
}

TEST(RW3, counts_and_offsets_are_those_of_a_write)
{
	int s = open("f", O_RDWR | O_CREAT | O_SYNC, 0600);
	struct iovec v[3] = {{"one", 3}, {"", 0}, {"three", 5}};
	char b[13];

	expect(write(s, "first", 5) == 5 && write(s, "", 0) == 0);
	expect(writev(s, v, 3) == 8);
	expect(lseek(s, 0, SEEK_CUR) == 13);
	expect(pwrite(s, "F", 1, 0) == 1 && lseek(s, 0, SEEK_CUR) == 13);
	read_at(s, b, 13, 0);
	expect(!memcmp(b, "Firstonethree", 13));
	expect(byte_at(s, 13) == -1);
}

TEST(RW3, synchronous_appends_come_one_after_the_other)
{
	int s = open("f", O_RDWR | O_CREAT | O_SYNC | O_APPEND, 0600), d = open("f", O_WRONLY | O_DSYNC | O_APPEND);
	char b[4];

	for (int i = 0; i < 4; i++) expect(write(i % 2 ? d : s, i % 2 ? "b" : "a", 1) == 1);
	read_at(s, b, 4, 0);
	expect(!memcmp(b, "abab", 4) && byte_at(s, 4) == -1);
}

static void sync_all(int fd)
{
	(void)fd;
	sync();
}

static void sync_its_system(int fd)
{
	expect(syncfs(fd) == 0);
}

TEST(RW3, sync_and_syncfs_write_stores_and_writes_of_all_files)
{
	static void (*const sync_by[])(int) = {sync_all, sync_its_system};
	int f = new_file("f", PAGE), g = new_file("g", PAGE), dir = open(".", O_RDONLY);
	char *p = map_file(f, PAGE), *q = map_file(g, PAGE);

	for (int i = 0; i < 2; i++) {
		dirty_by_both(f, p);
		dirty_by_both(g, q);
		sync_by[i](dir);
		expect(is_clean(f, p) && is_clean(g, q));
		expect(has_both(f) && has_both(g));
	}
}

TEST(RW3, syncfs_needs_a_descriptor)
{
	int fd = new_file("f", 1);

	expect(syncfs(fd) == 0);
	must(close(fd) == 0);
	expect_error(syncfs(fd), EBADF);
	expect_error(syncfs(-1), EBADF);
}
