/* SPDX-License-Identifier: MIT */
/* links: fs/ext2_*.c tests/unit/hostdisk.c */
/* tests/unit/test_ext2_damage.c - HOST - ext2 on damaged disks: whatever is read there, ASan has the last word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fs/ext2.h"
#include "tests/unit/hostdisk.h"

static const unsigned block_sizes[] = {1024, 2048, 4096};
static struct fixture x;

static bool ignore(void *arg, const char *name, size_t len, uint64_t ino, unsigned char type, uint64_t next)
{
	(void)arg, (void)name, (void)len, (void)ino, (void)type, (void)next;
	return true;
}

/* Whatever there is to be done with the root directory, "f" and "g"; errors are fine. */
static void use_all(void)
{
	struct vnode *vn, *dir = x.mnt.root;
	struct statfs s;
	char back[64];

	dir->ops->statfs(&x.mnt, &s);
	dir->ops->readdir(dir, 0, ignore, NULL);
	vn = path_get(&x, "f");
	if (vn && S_ISREG(vn->mode)) file_read(vn, 20000, back, sizeof(back));
	if (vn && S_ISREG(vn->mode)) file_write(vn, 50000, "more", 4);
	if (vn) path_unlink(&x, "f");
	if (vn) vnode_put(vn);
	vn = path_create(&x, "g");
	if (vn) vnode_put(vn);
	if (!dir->ops->mkdir(dir, "d", 1, S_IFDIR | 0755, (struct cred){0}, &vn)) vnode_put(vn);
	dir->ops->rename(dir, "d", 1, dir, "e", 1);
	dir->ops->rmdir(dir, "e", 1);
	dir->ops->sync(&x.mnt, true);
}

/* Bytes of the metadata are changed at random: errors are fine, ASan has the last word. */
static void a_damaged_image_never_crashes_the_server(void **st)
{
	unsigned seed = 11, mounts = 0;

	(void)st;
	for (int round = 0; round < 150; round++) {
		struct vnode *vn;

		mounted(&x, 1024, 1024);
		vn = path_create(&x, "f");
		file_write(vn, 20000, "bytes", 5);
		file_commit(vn, 0);
		vnode_put(vn);
		image_unmount(&x);
		for (int i = 0; i < 20; i++) x.disk.map[1024 + rand_r(&seed) % (60 << 10)] = rand_r(&seed);
		x.mnt = (struct mount){0};
		if (image_mount(&x) == 0) {
			mounts++;
			use_all();
		}
		image_free(&x);
	}
	assert_true(mounts > 10);
}

/* The same while it is mounted: root writes to the partition.  First each field of the superblock and of the first
 * descriptors is 0, then all ones, then bytes anywhere among the metadata are random.  At last every byte is 1, so that
 * no inode counts as deleted and the file system can be unmounted. */
static void root_may_scribble_over_a_mounted_disk(void **st)
{
	unsigned seed = 5, fields = 96;

	(void)st;
	for (unsigned round = 0; round < 2 * fields + 200; round++) {
		unsigned block = block_sizes[round % 3], field = round % fields, desc = block == 1024 ? 2048 : block;
		struct vnode *vn;

		mounted(&x, 1024, block);
		vn = path_create(&x, "f");
		file_write(vn, 20000, "bytes", 5);
		file_write(vn, 300 << 10, "behind an indirect block", 25);
		file_commit(vn, 0);
		if (round < 2 * fields)
			memset(x.disk.map + (field < 64 ? 1024 + 4 * field : desc + 4 * (field - 64)),
			       round < fields ? 0 : 0xff, 4);
		for (int i = 0; round >= 2 * fields && i < 200; i++)
			x.disk.map[1024 + rand_r(&seed) % (60 << 10)] = rand_r(&seed);
		use_all();
		file_read(vn, 300 << 10, (char[64]){0}, 64);
		vn->ops->set_size(vn, 0);
		vnode_put(vn);
		memset(x.disk.map, 1, x.disk.len);
		image_free(&x);
	}
}

/* X, an indirect block of indirect blocks, whose first entry is X: it is freed once, whatever else it calls itself. */
static void an_indirect_block_may_name_itself(void **st)
{
	struct vnode *vn;
	uint32_t b;

	(void)st;
	mounted(&x, 1024, 1024);
	vn = path_create(&x, "f");
	file_write(vn, 300 << 10, "behind it", 9);
	b = inode_of(vn)->raw->block[13];
	*(uint32_t *)block_at(fs_of(vn), b) = b;
	assert_int_equal(vn->ops->set_size(vn, 0), 0);
	assert_int_equal(inode_of(vn)->raw->block[13], 0);
	vnode_put(vn);
	image_free(&x);
}

/* ext2 counts to the year 2446, nanoseconds in 64 bits to 2262. */
static void a_time_too_late_for_us_is_our_latest(void **st)
{
	struct vnode *vn;
	struct stat s;

	(void)st;
	mounted(&x, 1024, 1024);
	vn = path_create(&x, "f");
	inode_of(vn)->raw->mtime = INT32_MAX;
	inode_of(vn)->raw->mtime_extra = 3;
	assert_int_equal(vn->ops->getattr(vn, &s), 0);
	assert_int_equal(s.st_mtim.tv_sec, INT64_MAX / 1000000000 - 1);
	vnode_put(vn);
	image_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_damaged_image_never_crashes_the_server),
		cmocka_unit_test(root_may_scribble_over_a_mounted_disk),
		cmocka_unit_test(an_indirect_block_may_name_itself),
		cmocka_unit_test(a_time_too_late_for_us_is_our_latest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
