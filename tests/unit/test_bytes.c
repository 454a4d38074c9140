/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_bytes.c - HOST - random stores, writes, syncs and cuts: every byte of a file against an array. */
#include "tests/unit/mmworld.h"

#include <stdlib.h>

#define NPAGES   16u
#define FILE_MAX PG(NPAGES)
#define STEPS    12000u

static uint8_t model[FILE_MAX];
static uint64_t model_size;
static uint8_t buf[4 * PAGE_SIZE];
static uaddr_t mapped;

static uint64_t below(uint64_t n)
{
	return (uint64_t)rand() % n;
}

static void do_write(struct fix *f)
{
	uint64_t pos = below(FILE_MAX), n = 1 + below(below(2) ? 100 : PG(3)), at = pos;

	if (below(3) == 0) pos = at = ROUND_DOWN(pos, PAGE_SIZE), n = PG(1 + below(3));
	n = MIN(n, FILE_MAX - pos);
	memset(buf, 1 + below(250), n);
	if (below(4)) assert_int_equal(user_write(f->vmo, &at, buf, n, false, ~0ull), n);
	else assert_int_equal(kernel_write(f->vmo, pos, buf, n, ~0ull), n);
	if (pos > model_size) memset(model + model_size, 0, pos - model_size);
	memcpy(model + pos, buf, n);
	model_size = MAX(model_size, pos + n);
}

static void do_read(struct fix *f)
{
	uint64_t pos = below(FILE_MAX), n = 1 + below(PG(3)), have = pos < model_size ? MIN(n, model_size - pos) : 0;

	assert_int_equal(user_read(f->vmo, pos, buf, n, NULL), have);
	assert_memory_equal(buf, model + pos, have);
}

static void do_store(struct fix *f)
{
	uint64_t pos = below(FILE_MAX);
	uint8_t byte = 1 + below(250);

	if (pos < model_size) {
		assert_int_equal(user_store(f->map, mapped + pos, byte), 0);
		model[pos] = byte;
		assert_int_equal(user_load(f->map, mapped + pos), byte);
	} else if (ROUND_UP(model_size, PAGE_SIZE) <= pos) {
		assert_int_equal(user_load(f->map, mapped + pos), -ENXIO);
	} else {
		user_store(f->map, mapped + pos, byte);         /* behind the end, within its page: nobody's */
	}
}

static void do_truncate(struct fix *f)
{
	uint64_t size = below(3) ? below(FILE_MAX) : PG(below(NPAGES));

	assert_int_equal(vmo_set_size(f->vmo, size, true), 0);
	if (size > model_size) memset(model + model_size, 0, size - model_size);
	model_size = size;
}

static void do_punch(struct fix *f)
{
	uint64_t pos = below(FILE_MAX), n = 1 + below(PG(4));

	if (below(2)) {
		assert_int_equal(vmo_allocate(f->vmo, pos, MIN(n, FILE_MAX - pos), true), 0);
		return;
	}
	assert_int_equal(vmo_punch(f->vmo, pos, n), 0);
	if (pos < model_size) memset(model + pos, 0, MIN(n, model_size - pos));
}

static struct kmsg *flight[16];
static unsigned nflights;

/* The device says that it has written, long after it took the bytes. */
static void land_all(struct fix *f)
{
	(void)f;
	while (nflights > 0) {
		struct kmsg *k = flight[--nflights];
		struct run *r = container_of(k->obj[0], struct run, obj);

		assert_int_equal(run_done(r, 0, r->len, 0), 0);
		k->done(k);
	}
}

/* A write that stays under way; whoever waits for it ends it. */
static void do_begin(struct fix *f)
{
	uint64_t i = below(NPAGES);
	struct run *r;
	struct page *p;

	spin_lock(&f->vmo->lock);
	p = page_next(f->vmo, &i, BIT(PG_DIRTY));
	r = p && nflights < ARRAY_LEN(flight) ? run_create_locked(f->vmo, PAGER_WRITE, i) : NULL;
	if (r) {
		page_clear(p, PTE_W);
		page_set_state(p, PG_WRITING);
		page_ref(p);
		r->page[r->npages++] = p;
	}
	spin_unlock(&f->vmo->lock);
	if (!r) return;
	run_post(r);
	flight[nflights++] = world.queue[--world.queued];
	memcpy(world.disk + PG(i), page_virt(p), PAGE_SIZE);
	world.hole[i] = false;
	script.on_idle = land_all;
}

static void disk_check(void)
{
	for (uint64_t i = 0; i < model_size; i++)
		if ((world.hole[i >> PAGE_SHIFT] ? 0 : world.disk[i]) != model[i])
			fail_msg("byte %lu of the disk is wrong", i);
}

/* After a sync that went well, the disk has every byte; one that failed is repeated. */
static void do_sync(struct fix *f)
{
	uint32_t seen = f->vmo->wb_err;
	int rc;

	world.write_status = below(4) == 0 ? -EIO : 0;
	rc = below(3) ? vmo_sync(f->vmo, 0, ~0ull, WB_WAIT | WB_COMMIT, &seen) : vmo_invalidate(f->vmo, 0, ~0ull);
	assert_true(rc == 0 || (rc == -EIO && world.write_status));
	world.write_status = 0;
	if (rc == 0) disk_check();
	if (rc) assert_true(f->vmo->ndirty > 0);
}

static void do_something(struct fix *f)
{
	uint64_t first = below(NPAGES);

	switch (below(7)) {
	case 0: reclaim_wait(); break;
	case 5: land_all(f); break;
	case 1: vmo_prefetch(f->vmo, first, first + below(4)); break;
	case 2: world_step(); break;
	case 3: map_protect(f->map, mapped, PG(1 + first), PROT_READ);
		map_protect(f->map, mapped, FILE_MAX, RW); break;
	case 4: vmo_sync(f->vmo, first, first + below(4), below(2) ? WB_WAIT : 0, NULL); break;
	default: do_begin(f); break;
	}
	if (world.queued > 40) world_run();
}

static void the_file_is_what_was_written(void **st)
{
	struct fix *f = *st;
	uaddr_t hint = 0;

	for (unsigned i = 0; i < DISK_PAGES; i++) world.hole[i] = i >= 8;
	model_size = PG(8);
	memcpy(model, world.disk, model_size);
	assert_int_equal(map_map(f->map, &hint, FILE_MAX, RW, RW, MAP_SHARED, f->vmo, 0), 0);
	mapped = hint;
	for (unsigned step = 0; step < STEPS; step++) {
		script.sleeps = 0;
		switch (below(12)) {
		case 0: case 1: case 2: do_store(f); break;
		case 3: case 4: do_write(f); break;
		case 5: case 6: do_read(f); break;
		case 7: do_truncate(f); break;
		case 8: do_punch(f); break;
		case 9: do_sync(f); break;
		default: do_something(f); break;
		}
		assert_int_equal(f->vmo->size, model_size);
		if (step % 64 == 0) vmo_check(f->vmo), map_check(f->map), kmem_check();
	}
	vmo_sync(f->vmo, 0, ~0ull, WB_WAIT | WB_COMMIT, NULL);
	disk_check();
}

static void and_so_it_is_whatever_comes_first(void **st)
{
	srand(12);
	the_file_is_what_was_written(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_file_is_what_was_written),
		T(and_so_it_is_whatever_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
