/* SPDX-License-Identifier: MIT */
/* tests/unit/splitfix.h - HOST - a world booted with vm=split, for test_split.c and test_splitdisk.c. */
#ifndef TESTS_SPLITFIX_H
#define TESTS_SPLITFIX_H

#include "tests/unit/mmworld.h"

static inline int split_setup(void **st)
{
	world_setup(st);
	vm_split = true;
	return 0;
}

/* A view that owes bytes outlives its mappings until the next round of the writeback. */
static inline int split_teardown(void **st)
{
	struct fix *f = *st;

	map_unmap(f->map, 0, USER_TOP);
	sync_round(false, true);
	return world_teardown(st);
}

/* As mmap does: the view's user is the entry's. */
static inline uaddr_t map_view(struct fix *f, uint32_t flags)
{
	struct vmo *view = split_view(f->vmo);
	uaddr_t at = 0;

	assert_non_null(view);
	assert_int_equal(map_map(f->map, &at, PG(8), RW, RW, flags, view, 0), 0);
	vmo_user_put(view);
	return at;
}

static inline uint8_t file_byte(struct vmo *v, uint64_t off)
{
	uint8_t b = 0xee;

	assert_int_equal(kernel_read(v, off, &b, 1), 1);
	return b;
}

static inline void write_byte(struct vmo *v, uint64_t off, char b)
{
	assert_int_equal(user_write(v, &off, &b, 1, false, ~0ull), 1);
}

static inline int sync_range(struct fix *f, uaddr_t at, int flags)
{
	return map_sync(f->map, at, at + PG(8), flags);
}

#define S(name) cmocka_unit_test_setup_teardown(name, split_setup, split_teardown)

#endif
