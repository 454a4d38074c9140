/* SPDX-License-Identifier: MIT */
/* user/posix/extra.c - what `make mutants` showed to be unchecked: each test here was written for a fault that all the
 * others let pass (tests/mutants/faults.py). */
#include <time.h>

#include "written.h"

#define END 2000                        /* where the file of these tests ends, within its first page */

/* A file of END bytes whose page is on the disk; *page is what the disk should hold, *at where. */
static char *cut_page(struct disk d, int *fd, char *page, char **at)
{
	char *p;

	*fd = new_file("f", END);
	p = map_file(*fd, PAGE);
	page_unique(page, 1);
	memcpy(p, page, PAGE);
	must(msync(p, PAGE, MS_SYNC) == 0);
	expect(!disk_find(d, page));            /* with the bytes past the end */
	memset(page + END, 0, PAGE - END);
	must(*at = disk_find(d, page));         /* with zeros there */
	return p;
}

TEST(MM13, the_disk_itself_holds_zeros_past_the_end)
{
	struct disk d = disk_open();
	char page[PAGE], *at;
	int fd;

	cut_page(d, &fd, page, &at);
}

TEST(MM12, what_the_disk_holds_past_the_end_is_not_seen)
{
	struct disk d = disk_open();
	char page[PAGE], *at, *p;
	int fd;

	p = cut_page(d, &fd, page, &at);
	memset(at + END, 'd', PAGE - END);
	must(msync((char *)((uintptr_t)at & -PAGE), PAGE, MS_SYNC) == 0);
	expect(msync(p, PAGE, MS_INVALIDATE) == 0);
	expect(!memcmp(p, page, PAGE));
	must(ftruncate(fd, PAGE) == 0);
	expect(!memcmp(p, page, PAGE) && byte_at(fd, END) == 0 && byte_at(fd, PAGE - 1) == 0);
}

/* A page of the test below: which one it is, on the disk too, and what was stored last. */
struct numbered { char name[PAGE - 16]; long index, round; };
enum { PAGES = 512 };

/* Where the disk holds each of the pages, all of them synced before. */
static void find_pages(struct disk d, const char *name, struct numbered *at[PAGES])
{
	must(msync(d.at, d.size, MS_INVALIDATE) == 0);
	for (char *b = d.at; b + PAGE <= d.at + d.size; b += 1024) {
		struct numbered *n = (struct numbered *)b;

		if (*(uint64_t *)b == *(const uint64_t *)name && n->index >= 0 && n->index < PAGES) at[n->index] = n;
	}
	for (int i = 0; i < PAGES; i++) must(at[i]);
}

/* While the first bytes are on their way, the second ones are stored: MS_SYNC promises those. */
TEST(MS3, bytes_stored_while_others_are_written_are_on_the_disk_after_sync)
{
	static struct numbered *at[PAGES];
	struct disk d = disk_open();
	struct numbered *p;
	char name[PAGE];
	int fd, late = 0;

	p = (struct numbered *)clean_pages(&fd, PAGES);
	page_unique(name, 2);
	for (int i = 0; i < PAGES; i++) {
		memcpy(p[i].name, name, sizeof(p[i].name));
		p[i].index = i;
	}
	must(msync(p, PAGES * PAGE, MS_SYNC) == 0);
	find_pages(d, name, at);
	for (int round = 1; round <= 8; round += 2) {
		for (int i = 0; i < PAGES; i++) p[i].round = round;
		expect(msync(p, PAGES * PAGE, MS_ASYNC) == 0);
		for (int i = PAGES - 1; i >= 0; i--) p[i].round = round + 1;
		expect(msync(p, PAGES * PAGE, MS_SYNC) == 0);
		must(msync(d.at, d.size, MS_INVALIDATE) == 0);
		for (int i = 0; i < PAGES; i++) late += at[i]->round != round + 1;
	}
	expect(late == 0);
}

/* What two processes share beside the file. */
struct race { volatile long *slot; volatile int *stop; struct turns t; };
enum { SLOTS = PAGE / sizeof(long) };

/* Each store of a round finds what the round before left in its slot: a page that went and came back older has not. */
static void store_in_rounds(void *arg)
{
	struct race *r = arg;
	time_t end = time(NULL) + 5;
	long lost = 0;

	for (int i = 0; i < SLOTS; i++) r->slot[i] = i;
	turn_give(r->t.from);
	for (long i = SLOTS; !*r->stop && (i % SLOTS || time(NULL) < end); i++) {
		lost += r->slot[i % SLOTS] != i - SLOTS;
		r->slot[i % SLOTS] = i;
	}
	expect(lost == 0);
	expect(*r->stop);
}

TEST(MS11, stores_made_while_invalidation_syncs_are_not_dropped)
{
	struct race r = {.stop = (int *)map_at(-1, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0),
	                 .t = turns_new()};
	pid_t child;
	char *p;
	int fd;

	p = clean_pages(&fd, 1);
	r.slot = (long *)p;
	child = child_start(store_in_rounds, &r);
	turn_wait(r.t.from);
	for (int i = 0; i < 30; i++) {
		expect(msync(p, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
		usleep(1000);
	}
	*r.stop = 1;
	child_end(child);
}

TEST(RW1, a_write_marks_the_times)
{
	int fd = new_file("f", 10);
	struct stat st;

	make_old(fd);
	must(pwrite(fd, "x", 1, 5) == 1);
	expect(is_marked(fd));
	make_old(fd);
	must(pwrite(fd, "x", 1, 2 * PAGE) == 1);
	expect(is_marked(fd));
	must(fstat(fd, &st) == 0);
	expect(st.st_ctime >= st.st_mtime);
}

TEST(FT1, a_shared_memory_object_has_its_times_marked_too)
{
	int fd = shm_open("/extra", O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct stat before, after;

	must(fd >= 0 && shm_unlink("/extra") == 0);
	must(fstat(fd, &before) == 0);
	usleep(50000);
	expect(ftruncate(fd, PAGE) == 0 && fstat(fd, &after) == 0);
	expect(after.st_mtim.tv_sec != before.st_mtim.tv_sec || after.st_mtim.tv_nsec != before.st_mtim.tv_nsec);
	expect(after.st_ctim.tv_sec != before.st_ctim.tv_sec || after.st_ctim.tv_nsec != before.st_ctim.tv_nsec);
}

#define RECORD (8 * PAGE)
enum { RECORDS = 20 };

/* Records of one letter each, from memory that has to be read in while write() copies it. */
static void append_records(int fd, char letter)
{
	char name[] = {'r', letter, 0}, *p = map_file(new_file(name, RECORD), RECORD);

	memset(p, letter, RECORD);
	for (int i = 0; i < RECORDS; i++) {
		refetch(p, RECORD);
		expect(write(fd, p, RECORD) == RECORD);
	}
}

static void append_from_child(void *arg)
{
	append_records(*(int *)arg, 'c');
}

TEST(RW2, long_appends_of_two_processes_do_not_mix)
{
	int fd = open("f", O_RDWR | O_CREAT | O_APPEND, 0600), other = open("f", O_WRONLY | O_APPEND), whole = 0;
	char record[RECORD];
	pid_t child;

	must(fd >= 0 && other >= 0);
	child = child_start(append_from_child, &other);
	append_records(fd, 'p');
	child_end(child);
	expect(lseek(fd, 0, SEEK_END) == 2 * RECORDS * RECORD);
	for (int i = 0; i < 2 * RECORDS; i++) {
		read_at(fd, record, RECORD, (off_t)i * RECORD);
		whole += all_are(record, record[0], RECORD);
	}
	expect(whole == 2 * RECORDS);
}

TEST(RW5, direct_reading_asks_the_disk)
{
	struct disk d = disk_open();
	char page[PAGE], *at, *p, *buf = aligned_alloc(PAGE, PAGE);
	int fd, direct;

	p = clean_pages(&fd, 1);
	page_unique(page, 3);
	memcpy(p, page, PAGE);
	must(msync(p, PAGE, MS_SYNC) == 0);
	must(at = disk_find(d, page));
	direct = open("f", O_RDONLY | O_DIRECT);
	must(direct >= 0 && byte_at(fd, 0) == (unsigned char)page[0]);
	memset(at, 'd', PAGE);
	must(msync((char *)((uintptr_t)at & -PAGE), PAGE, MS_SYNC) == 0);
	expect(pread(direct, buf, PAGE, 0) == PAGE);
	expect_bytes(buf, 'd', PAGE);
}

TEST(FA1, pages_that_the_range_only_touches_stay_in_memory)
{
	int fd = new_file("f", 4 * PAGE);
	char *p;

	must(fsync(fd) == 0);
	p = map_file(fd, 4 * PAGE);
	expect(is_pattern(p, 0, 4 * PAGE));
	expect(posix_fadvise(fd, PAGE / 2, 2 * PAGE, POSIX_FADV_DONTNEED) == 0);
	expect(is_resident(p) && is_resident(p + 2 * PAGE) && is_resident(p + 3 * PAGE));
	expect(is_pattern(p, 0, 4 * PAGE));
}
