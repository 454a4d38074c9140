/* SPDX-License-Identifier: MIT */
/* links: fs/ext2_*.c tests/unit/hostdisk.c */
/* tests/unit/test_ext2_room.c - HOST - room on an ext2 image that is promised to pages, and a full one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "fs/ext2.h"
#include "tests/unit/hostdisk.h"

size_t __sanitizer_get_current_allocated_bytes(void);  /* ASan's */

static struct fixture x;

static void blocks_promised_to_dirty_pages_are_told(void **st)
{
	struct vnode *vn;
	uint64_t granted;
	struct stat s;

	(void)st;
	mounted(&x, 4096, 4096);
	vn = path_create(&x, "f");
	file_write(vn, 2 * 4096, "x", 1);
	assert_int_equal(vn->ops->reserve(vn, 0, 16 * 4096, &granted), 0);
	assert_int_equal(granted, 16 * 4096);
	assert_int_equal(vn->ops->getattr(vn, &s), 0);
	assert_int_equal(s.st_blocks, 8);
	object_dirty(vn->object, 1);
	vn->ops->getattr(vn, &s);
	assert_int_equal(s.st_blocks, 2 * 8);           /* one is there, one will be */
	object_dirty(vn->object, 9);
	vn->ops->getattr(vn, &s);
	assert_int_equal(s.st_blocks, 3 * 8);           /* the other promises are behind the end */
	object_dirty(vn->object, 0);
	vn->ops->release(vn, 2 * 4096 + 1, (struct times){0});
	assert_int_equal(vn->ops->getattr(vn, &s), 0);
	assert_int_equal(s.st_blocks, 8);
	vnode_put(vn);
	clean_and_free(&x);
}

/* A program stores one byte far out in each of many files: that must not cost the server a map of all that lies
 * before. */
static void a_promise_far_out_costs_no_memory(void **st)
{
	uint64_t granted, far = 1ull << 40, before;
	struct vnode *vn;

	(void)st;
	mounted(&x, 4096, 4096);
	vn = path_create(&x, "f");
	before = __sanitizer_get_current_allocated_bytes();
	assert_int_equal(x.mnt.ops->reserve(vn, far, 4096, &granted), 0);
	assert_int_equal(x.mnt.ops->reserve(vn, 0, 4096, &granted), 0);
	assert_true(__sanitizer_get_current_allocated_bytes() < before + 100000);
	assert_int_equal(x.mnt.ops->set_size(vn, 4096), 0);     /* the far one is given up */
	assert_int_equal(inode_of(vn)->nresv, 1);
	assert_int_equal(fs_of(vn)->reserved, 1);
	assert_int_equal(x.mnt.ops->punch(vn, 0, 4096), 0);
	assert_int_equal(fs_of(vn)->reserved, 0);
	vnode_put(vn);
	clean_and_free(&x);
}

static void a_full_disk_is_refused_at_the_reservation_and_freeing_helps(void **st)
{
	static uint8_t data[64 << 10];
	struct vnode *vn;
	int rc = 0, n = 0;

	(void)st;
	mounted(&x, 1024, 1024);
	vn = path_create(&x, "big");
	for (; !rc && n < 100; n++) rc = file_write(vn, (uint64_t)n * sizeof(data), data, sizeof(data));
	assert_int_equal(rc, -ENOSPC);
	assert_true(n > 8);
	vn->ops->set_size(vn, 0);
	assert_int_equal(file_write(vn, 0, data, sizeof(data)), 0);
	file_commit(vn, 0);
	vn->ops->release(vn, sizeof(data), (struct times){0});
	vnode_put(vn);
	clean_and_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_promised_to_dirty_pages_are_told),
		cmocka_unit_test(a_promise_far_out_costs_no_memory),
		cmocka_unit_test(a_full_disk_is_refused_at_the_reservation_and_freeing_helps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
