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

/* While the first bytes are on their way, the second ones are stored: MS_SYNC promises those. */
TEST(MS3, bytes_stored_while_others_are_written_are_on_the_disk_after_sync)
{
	struct disk d = disk_open();
	char page[PAGE], *at, *p, *block;
	int fd;

	p = clean_pages(&fd, 1);
	page_unique(page, 2);
	memcpy(p, page, PAGE);
	must(msync(p, PAGE, MS_SYNC) == 0);
	must(at = disk_find(d, page));
	block = (char *)((uintptr_t)at & -PAGE);
	for (int i = 0; i < 50; i++) {
		p[0] = 'a';
		expect(msync(p, PAGE, MS_ASYNC) == 0);
		p[0] = i;
		expect(msync(p, PAGE, MS_SYNC) == 0);
		must(msync(block, PAGE, MS_INVALIDATE) == 0);
		expect(at[0] == (char)i && !memcmp(at + 1, page + 1, PAGE - 1));
	}
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
	child = start(store_in_rounds, &r);
	turn_wait(r.t.from);
	for (int i = 0; i < 30; i++) {
		expect(msync(p, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
		usleep(1000);
	}
	*r.stop = 1;
	expect(ended(child));
}
