/* SPDX-License-Identifier: MIT */
/* user/posix/threads_memory.c - MS1, MS10 with a thread that never stops storing: what another CPU's TLB could spoil. */
#include "written.h"

#include <pthread.h>

struct race { volatile uint64_t *word; volatile int stop; };

static void *store_on(void *arg)
{
	struct race *r = arg;

	while (!r->stop) (*r->word)++;
	return NULL;
}

/* The block of a page that was just written, in a mapping of the disk that can be fetched again. */
static volatile uint64_t *block_of(struct disk d, char *p, int seed)
{
	char page[PAGE], *at;

	page_unique(page, seed);
	memcpy(p, page, PAGE);
	must(msync(p, PAGE, MS_SYNC) == 0);
	must(at = disk_find(d, page));
	return (volatile uint64_t *)at;
}

static uint64_t image(volatile uint64_t *block)
{
	must(msync((void *)((uintptr_t)block & -PAGE), PAGE, MS_INVALIDATE) == 0);
	return *block;
}

/* A CPU that could still store through an old translation after the write began would store what nobody owes the disk. */
TEST(MS1, every_image_written_while_another_cpu_stores_has_what_was_stored_before)
{
	struct disk d = disk_open();
	volatile uint64_t *block;
	struct race r = {0};
	pthread_t t;
	int fd;
	char *p = clean_pages(&fd, 1);

	block = block_of(d, p, 9);
	r.word = (volatile uint64_t *)p;
	*r.word = 0;
	must(pthread_create(&t, NULL, store_on, &r) == 0);
	while (*r.word == 0) sched_yield();
	for (int i = 0; i < 60; i++) {
		uint64_t before = *r.word, on_disk;

		expect(msync(p, PAGE, MS_SYNC) == 0);
		on_disk = image(block);
		expect(on_disk >= before);
	}
	r.stop = 1;
	must(pthread_join(t, NULL) == 0);
	expect(msync(p, PAGE, MS_SYNC) == 0);
	expect(image(block) == *r.word && *r.word > 0);
}

TEST(MS11, no_store_of_another_thread_is_lost_by_invalidation)
{
	struct race r = {0};
	pthread_t t[2];
	int fd;
	char *p = clean_pages(&fd, 2);
	struct race other = {.word = (volatile uint64_t *)(p + PAGE)};
	uint64_t last = 0;

	r.word = (volatile uint64_t *)p;
	*r.word = *other.word = 0;
	must(pthread_create(&t[0], NULL, store_on, &r) == 0 && pthread_create(&t[1], NULL, store_on, &other) == 0);
	while (*r.word == 0 || *other.word == 0) sched_yield();
	for (int i = 0; i < 60; i++) {
		expect(msync(p, 2 * PAGE, MS_INVALIDATE | (i % 2 ? MS_SYNC : 0)) == 0);
		expect(*r.word >= last);        /* it only rises */
		last = *r.word;
	}
	r.stop = other.stop = 1;
	for (int i = 0; i < 2; i++) must(pthread_join(t[i], NULL) == 0);
	last = *r.word;
	expect(msync(p, 2 * PAGE, MS_SYNC | MS_INVALIDATE) == 0);
	expect(*r.word == last && last > 0);
}
