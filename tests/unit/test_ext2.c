/* SPDX-License-Identifier: MIT */
/* links: fs/ext2_*.c tests/unit/hostdisk.c */
/* tests/unit/test_ext2.c - HOST - ext2 against images that mke2fs made, with e2fsck and debugfs as the judges. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "abi/pager.h"
#include "tests/unit/hostdisk.h"

static const unsigned block_sizes[] = {1024, 2048, 4096};
static struct fixture x;

static void each_kind_of_block_is_found_again_on_every_block_size(void **st)
{
	static const uint64_t at[] = {0, 11000, 13000, 300 << 10, 5 << 20, 70 << 20, 1100ull << 20, 5000ull << 20};
	char text[16], back[16];

	(void)st;
	for (unsigned b = 0; b < 3; b++) {
		struct vnode *vn;

		mounted(&x, 8192, block_sizes[b]);
		vn = path_create(&x, "sparse");
		for (unsigned i = 0; i < 8; i++) {
			snprintf(text, sizeof(text), "piece %u", i);
			assert_int_equal(file_write(vn, at[i], text, sizeof(text)), 0);
		}
		for (unsigned i = 0; i < 8; i++) {
			snprintf(text, sizeof(text), "piece %u", i);
			file_read(vn, at[i], back, sizeof(back));
			assert_string_equal(back, text);
		}
		file_read(vn, 2 << 20, back, sizeof(back));
		assert_int_equal(back[0], 0);
		assert_int_equal(file_commit(vn, 0), 0);
		assert_int_equal(image_fsck(&x, "-fn"), 0);
		assert_int_equal(vn->ops->set_size(vn, 300 << 10), 0);
		assert_int_equal(vn->ops->release(vn, 300 << 10, (struct times){0}), 0);
		vnode_put(vn);
		clean_and_free(&x);
	}
}

static void an_overwrite_with_datasync_is_one_flush_and_no_metadata(void **st)
{
	struct vnode *vn;

	(void)st;
	mounted(&x, 4096, 4096);
	vn = path_create(&x, "f");
	file_write(vn, 0, "one", 3);
	assert_int_equal(file_commit(vn, 0), 0);
	file_write(vn, 0, "two", 3);
	disk_writes = disk_flushes = 0;
	assert_int_equal(file_commit(vn, COMMIT_DATASYNC), 0);
	assert_int_equal(disk_writes, 0);
	assert_int_equal(disk_flushes, 1);
	file_write(vn, 0, "six", 3);
	assert_int_equal(file_commit(vn, COMMIT_DATASYNC), 0);          /* its times, from before, are no reason either */
	assert_int_equal(disk_writes, 0);
	assert_int_equal(disk_flushes, 2);
	assert_int_equal(file_commit(vn, 0), 0);                        /* they lead nowhere: one flush behind them */
	assert_int_equal(disk_writes, 1);
	assert_int_equal(disk_flushes, 3);
	vnode_put(vn);
	clean_and_free(&x);
}

static void an_unlinked_file_gives_everything_back(void **st)
{
	static uint8_t data[600 << 10];
	struct statfs before, after;
	struct vnode *vn;

	(void)st;
	mounted(&x, 4096, 1024);
	vn = path_create(&x, "keep");
	vnode_put(vn);
	x.mnt.ops->sync(&x.mnt, true);
	x.mnt.ops->statfs(&x.mnt, &before);
	vn = path_create(&x, "f");
	assert_int_equal(file_write(vn, 0, data, sizeof(data)), 0);
	file_commit(vn, 0);
	assert_int_equal(path_unlink(&x, "f"), 0);
	assert_null(path_get(&x, "f"));
	vnode_put(vn);
	x.mnt.ops->sync(&x.mnt, true);
	x.mnt.ops->statfs(&x.mnt, &after);
	assert_int_equal(after.f_bfree, before.f_bfree);
	assert_int_equal(after.f_ffree, before.f_ffree);
	clean_and_free(&x);
}

/* e2fsck takes a time of deletion that is no larger than an inode's number for ext3's list of orphans. */
static void a_file_deleted_by_a_clock_of_1970_is_no_orphan(void **st)
{
	(void)st;
	clock_behind = time(NULL) - 7;
	mounted(&x, 4096, 1024);
	vnode_put(path_create(&x, "f"));
	assert_int_equal(path_unlink(&x, "f"), 0);
	x.mnt.ops->sync(&x.mnt, true);
	clock_behind = 0;
	clean_and_free(&x);
}

static void unknown_features_are_refused_by_name(void **st)
{
	static const struct { const char *args, *name; } f[] = {
		{"-O extents", "extents"}, {"-O meta_bg,^resize_inode", "meta_bg"}, {"-O flex_bg", "flex_bg"},
	};

	(void)st;
	for (unsigned i = 0; i < 3; i++) {
		image_make(&x, 4096, 4096, f[i].args);
		assert_int_equal(image_mount(&x), -EOPNOTSUPP);
		assert_non_null(strstr(x.why, f[i].name));
		image_free(&x);
	}
	image_make(&x, 4096, 4096, "-O huge_file");
	assert_int_equal(image_mount(&x), 0);
	assert_true(x.mnt.readonly);
	image_free(&x);
}

/* Random names come, go and change places; the judge looks at the end. */
static void random_operations_leave_a_clean_file_system(void **st)
{
	unsigned seed = 7;
	char a[32], b[32];

	(void)st;
	for (unsigned k = 0; k < 3; k++) {
		mounted(&x, 8192, block_sizes[k]);
		for (int i = 0; i < 400; i++) {
			struct vnode *vn;

			snprintf(a, sizeof(a), "name%u", rand_r(&seed) % 40);
			snprintf(b, sizeof(b), "name%u", rand_r(&seed) % 40);
			vn = path_get(&x, a);
			if (!vn && (vn = path_create(&x, a))) {
				file_write(vn, rand_r(&seed) % 100000, "some bytes", 10);
			} else if (vn && rand_r(&seed) % 2) {
				path_unlink(&x, a);
			} else if (vn && strcmp(a, b)) {
				x.mnt.ops->rename(x.mnt.root, a, strlen(a), x.mnt.root, b, strlen(b));
			}
			if (vn) vnode_put(vn);
		}
		clean_and_free(&x);
	}
}

/* Files acknowledged before a cut are whole after it and after e2fsck, whatever subset of sectors was written since. */
static void acknowledged_files_survive_every_power_cut(void **st)
{
	int acked[8], n = 0;
	char file[SCRATCH_NAME], name[32], text[5000];
	unsigned states = 0;

	(void)st;
	mounted(&x, 2048, 1024);
	cut_begin();
	for (; n < 8; n++) {
		struct vnode *vn;

		snprintf(name, sizeof(name), "acked%d", n);
		memset(text, 'a' + n, sizeof(text));
		vn = path_create(&x, name);
		assert_int_equal(file_write(vn, 0, text, sizeof(text)), 0);
		assert_int_equal(file_commit(vn, 0), 0);
		acked[n] = cut_position();
		vnode_put(vn);
		vn = path_create(&x, "other");  /* not acknowledged, and gone again: its blocks are used by the next */
		file_write(vn, 0, text, sizeof(text));
		path_unlink(&x, "other");
		vnode_put(vn);
	}
	scratch_file(file);
	for (int at = acked[0]; at <= cut_position(); at++, states++) {
		cut_state(&x, at, at, file);
		assert_true(e2fsck("-fy", file, "/dev/null") <= 1);
		for (int i = 0; i < n && acked[i] <= at; i++) {
			snprintf(name, sizeof(name), "acked%d", i);
			memset(text, 'a' + i, sizeof(text));
			if (!image_file_has(file, name, text, sizeof(text)))
				fail_msg("%s is lost at write %d", name, at);
		}
	}
	assert_true(states > 20);
	unlink(file);
	image_unmount(&x);
	image_free(&x);
}

/* A deletion that is not yet on the disk: until it is, an older state may be the true one, in which the file is
 * whole. */
static void a_deleted_file_is_whole_or_gone(void **st)
{
	char file[SCRATCH_NAME], old[5000], new[5000], command[200];
	struct vnode *vn;
	int acked;

	(void)st;
	memset(old, 'o', sizeof(old));
	memset(new, 'n', sizeof(new));
	mounted(&x, 1024, 1024);
	cut_begin();
	vn = path_create(&x, "old");
	file_write(vn, 0, old, sizeof(old));
	assert_int_equal(file_commit(vn, 0), 0);
	vnode_put(vn);
	acked = cut_position();
	path_unlink(&x, "old");
	/* enough to take every free block, the old ones too if they were to be had */
	for (int i = 0; i < 100; i++) {
		snprintf(command, sizeof(command), "new%d", i);
		vn = path_create(&x, command);
		if (!vn) break;
		if (file_write(vn, 0, new, sizeof(new))) i = 100;
		vnode_put(vn);
	}
	scratch_file(file);
	for (int at = acked; at <= cut_position(); at++) {
		cut_state(&x, at, at, file);
		assert_true(e2fsck("-fy", file, "/dev/null") <= 1);
		if (!image_file_has(file, "old", "", 0) && !image_file_has(file, "old", old, sizeof(old)))
			fail_msg("the deleted file holds something else at write %d", at);
	}
	unlink(file);
	image_free(&x);
}

/* The state's bit in the superblock is what e2fsck without -f goes by. */
static bool marked_clean(void)
{
	return x.disk.map[1024 + 58] & 1;
}

static void only_e2fsck_makes_a_cut_file_system_clean(void **st)
{
	(void)st;
	mounted(&x, 1024, 1024);
	assert_false(marked_clean());
	image_unmount(&x);
	assert_true(marked_clean());

	x.disk.map[1024 + 58] &= ~1;            /* as a cut leaves it */
	x.mnt = (struct mount){0};
	assert_int_equal(image_mount(&x), 0);
	image_unmount(&x);
	assert_false(marked_clean());
	image_free(&x);
}

/* A file system that calls itself clean is not looked at any more: so it is true at every cut. */
static void what_a_cut_in_an_unmount_leaves_is_clean_if_it_says_so(void **st)
{
	char file[SCRATCH_NAME], name[32];
	unsigned clean = 0;
	uint8_t state;

	(void)st;
	mounted(&x, 1024, 1024);
	cut_begin();
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "a long name %d", i);
		vnode_put(path_create(&x, name));
	}
	image_unmount(&x);
	scratch_file(file);
	for (int at = 1; at <= cut_position(); at++) {
		int fd;

		cut_state(&x, at, at, file);
		fd = open(file, O_RDONLY);
		assert_int_equal(pread(fd, &state, 1, 1024 + 58), 1);
		close(fd);
		if (!(state & 1)) continue;
		clean++;
		if (e2fsck("-fn", file, "/dev/null")) fail_msg("not clean at write %d", at);
	}
	assert_true(clean > 0);
	unlink(file);
	image_free(&x);
}

/* Nor does an unmount pretend. */
static void a_rename_that_cannot_be_written_has_not_happened(void **st)
{
	static const char *const to[] = {"new", "there"};
	struct vnode *a, *b;

	(void)st;
	mounted(&x, 1024, 1024);
	vnode_put(path_create(&x, "old"));
	vnode_put(path_create(&x, "there"));
	x.mnt.ops->sync(&x.mnt, true);
	a = path_get(&x, "old");
	b = path_get(&x, "there");
	disk_broken = true;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(x.mnt.ops->rename(x.mnt.root, "old", 3, x.mnt.root, to[i], strlen(to[i])), -EIO);
		assert_ptr_equal(path_get(&x, "old"), a);
		assert_ptr_equal(path_get(&x, "there"), b);
		assert_null(path_get(&x, "new"));
	}
	for (int i = 0; i < 3; i++) vnode_put(a), vnode_put(b);
	assert_int_equal(x.mnt.ops->unmount(&x.mnt), -EIO);
	disk_broken = false;
	assert_int_equal(path_unlink(&x, "old"), 0);
	clean_and_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_block_is_found_again_on_every_block_size),
		cmocka_unit_test(an_overwrite_with_datasync_is_one_flush_and_no_metadata),
		cmocka_unit_test(an_unlinked_file_gives_everything_back),
		cmocka_unit_test(a_file_deleted_by_a_clock_of_1970_is_no_orphan),
		cmocka_unit_test(unknown_features_are_refused_by_name),
		cmocka_unit_test(random_operations_leave_a_clean_file_system),
		cmocka_unit_test(acknowledged_files_survive_every_power_cut),
		cmocka_unit_test(a_deleted_file_is_whole_or_gone),
		cmocka_unit_test(only_e2fsck_makes_a_cut_file_system_clean),
		cmocka_unit_test(what_a_cut_in_an_unmount_leaves_is_clean_if_it_says_so),
		cmocka_unit_test(a_rename_that_cannot_be_written_has_not_happened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
