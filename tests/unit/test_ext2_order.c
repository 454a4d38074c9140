/* SPDX-License-Identifier: MIT */
/* links: fs/ext2_*.c tests/unit/hostdisk.c */
/* tests/unit/test_ext2_order.c - HOST - what a power cut leaves of files that are being made (O1 of fs/ext2_order.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/hostdisk.h"

static struct fixture x;

#define FILES 12
static int acked[FILES];

/* Files with an indirect block in new directories, and others in the root, whose names have this length; one after the
 * other is acknowledged. */
static void files_make(int len)
{
	static char data[20000];
	char name[256];

	memset(data, 'd', sizeof(data));
	for (int i = 0; i < FILES; i++) {
		struct vnode *vn, *dir;

		snprintf(name, sizeof(name), "dir%d", i);
		assert_int_equal(
			x.mnt.ops->mkdir(x.mnt.root, name, strlen(name), S_IFDIR | 0755, (struct cred){ 0 }, &dir), 0);
		assert_int_equal(dir->ops->create(dir, "file", 4, S_IFREG | 0644, (struct cred){0}, &vn), 0);
		assert_int_equal(file_write(vn, 0, data, sizeof(data)), 0);
		vnode_put(vn);
		snprintf(name, sizeof(name), "%0*d", len, i);
		vn = path_create(&x, name);
		assert_int_equal(file_write(vn, 0, data, 1000), 0);
		assert_int_equal(file_commit(vn, 0), 0);
		acked[i] = cut_position();
		vnode_put(vn);
		vnode_put(dir);
	}
}

/* The first line of e2fsck's that tells of a name or an inode that leads to something else; NULL: none */
static const char *found_wrong(const char *log)
{
	static const char *const wrong[] = {"ultiply-claimed", "llegal block", "invalid", "corrupt"};
	static char line[200];
	const char *bad = NULL;
	FILE *f = fopen(log, "r");

	assert_non_null(f);
	while (!bad && fgets(line, sizeof(line), f)) {
		for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
			if (strstr(line, wrong[i])) bad = line;
		if (strstr(line, "in / (") && strstr(line, "deleted/unused")) bad = line;
	}
	fclose(f);
	return bad;
}

static void a_name_on_the_disk_leads_to_its_inode_and_that_to_its_blocks(void **st)
{
	char file[SCRATCH_NAME], log[SCRATCH_NAME];

	(void)st;
	mounted(&x, 2048, 1024);
	cut_begin();
	files_make(20);
	scratch_file(file);
	scratch_file(log);
	for (int at = 1; at <= cut_position(); at++) {
		cut_state(&x, at, (unsigned)at, file);
		e2fsck("-fn", file, log);
		if (found_wrong(log)) fail_msg("cut at write %d: %s", at, found_wrong(log));
	}
	unlink(file);
	unlink(log);
	clean_and_free(&x);
}

/* With names so long that the root gets a new block for every fourth. */
static void a_directory_that_grows_keeps_what_was_acknowledged(void **st)
{
	char file[SCRATCH_NAME], name[256], data[1000];

	(void)st;
	memset(data, 'd', sizeof(data));
	mounted(&x, 2048, 1024);
	cut_begin();
	files_make(200);
	scratch_file(file);
	for (int at = acked[0]; at <= cut_position(); at++) {
		cut_state(&x, at, (unsigned)at, file);
		assert_true(e2fsck("-fy", file, "/dev/null") <= 1);
		assert_int_equal(e2fsck("-fn", file, "/dev/null"), 0);
		for (int i = 0; i < FILES && acked[i] <= at; i++) {
			snprintf(name, sizeof(name), "%0200d", i);
			if (!image_file_has(file, name, data, sizeof(data)))
				fail_msg("file %d is lost at write %d", i, at);
		}
	}
	unlink(file);
	clean_and_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_on_the_disk_leads_to_its_inode_and_that_to_its_blocks),
		cmocka_unit_test(a_directory_that_grows_keeps_what_was_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
