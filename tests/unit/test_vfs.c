/* links: fs/vfs_*.c fs/tmpfs.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vfs.c - HOST - paths, opening, permissions and attributes over a tmpfs. */
#include "tests/unit/vfsfix.h"

static void a_path_leads_through_directories_dots_and_slashes(void **st)
{
	(void)st;
	assert_int_equal(mk_dir("a", 0755), 0);
	assert_int_equal(mk_dir("/a/b/", 0755), 0);
	assert_int_equal(mk_file("a/b/f", 0644), 0);
	assert_int_equal(opens("/a//b/./../b/f", O_RDONLY), 0);
	assert_int_equal(opens("a/b/../../../../a/b/f", O_RDONLY), 0);
	assert_int_equal(opens("/", O_RDONLY), 0);
	assert_int_equal(opens("//", O_RDONLY), 0);
	assert_int_equal(opens(".", O_RDONLY), 0);
}

static void an_empty_path_names_nothing(void **st)
{
	(void)st;
	assert_int_equal(opens("", O_RDONLY), -ENOENT);
	assert_int_equal(mk_dir("", 0755), -ENOENT);
}

static void a_nul_within_a_path_is_refused(void **st)
{
	struct vnode *vn;

	(void)st;
	assert_int_equal(path_lookup(top(), "a\0b", 3, 0, as, &vn), -EINVAL);
}

static void a_file_is_no_directory(void **st)
{
	(void)st;
	mk_file("f", 0644);
	assert_int_equal(opens("f/", O_RDONLY), -ENOTDIR);
	assert_false(exists("f/"));
	assert_int_equal(opens("f/x", O_RDONLY), -ENOTDIR);
	assert_int_equal(opens("f/.", O_RDONLY), -ENOTDIR);
	assert_int_equal(opens("f/..", O_RDONLY), -ENOTDIR);
	assert_int_equal(opens("f", O_RDONLY | O_DIRECTORY), -ENOTDIR);
	assert_int_equal(rm("f/"), -ENOTDIR);
	assert_int_equal(rm_dir("f"), -ENOTDIR);
	assert_int_equal(mk_dir("f/d", 0755), -ENOTDIR);
}

static void names_have_at_most_255_bytes_and_paths_4096(void **st)
{
	static char long_path[PATH_MAX + 3];
	char name[258];

	(void)st;
	memset(name, 'n', sizeof(name));
	name[256] = 0;
	assert_int_equal(mk_file(name, 0644), -ENAMETOOLONG);
	name[255] = 0;
	assert_int_equal(mk_file(name, 0644), 0);
	for (unsigned i = 0; i < PATH_MAX + 2; i += 2) memcpy(long_path + i, "./", 2);
	assert_int_equal(opens(long_path, O_RDONLY), -ENAMETOOLONG);
	long_path[PATH_MAX] = 0;
	assert_int_equal(opens(long_path, O_RDONLY), 0);
}

static void symlinks_are_followed_in_the_middle_and_at_the_end(void **st)
{
	(void)st;
	mk_dir("d", 0755);
	mk_file("d/f", 0644);
	mk_link("d", "rel");
	mk_link("/d", "abs");
	mk_link("rel/f", "twice");
	mk_link("../rel/f", "d/up");
	assert_int_equal(opens("rel/f", O_RDONLY), 0);
	assert_int_equal(opens("abs/f", O_RDONLY), 0);
	assert_int_equal(opens("twice", O_RDONLY), 0);
	mk_link("/d/f", "d/root");              /* absolute, met below the root */
	assert_int_equal(opens("d/up", O_RDONLY), 0);
	assert_int_equal(opens("d/root", O_RDONLY), 0);
	assert_int_equal(opens("rel/", O_RDONLY | O_DIRECTORY), 0);
}

static void forty_symlinks_are_followed_and_no_more(void **st)
{
	char name[16], target[16];

	(void)st;
	mk_file("l0", 0644);
	for (unsigned i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "l%u", i);
		snprintf(target, sizeof(target), "l%u", i - 1);
		assert_int_equal(mk_link(target, name), 0);
	}
	assert_int_equal(opens("l40", O_RDONLY), 0);
	assert_int_equal(opens("l41", O_RDONLY), -ELOOP);
	mk_link("self", "self");
	assert_int_equal(opens("self", O_RDONLY), -ELOOP);
	assert_int_equal(opens("self/x", O_RDONLY), -ELOOP);
}

static void a_symlink_that_grows_the_path_is_stopped(void **st)
{
	static char target[PATH_MAX];

	(void)st;
	memset(target, '/', sizeof(target) - 2);
	assert_int_equal(mk_link(target, "slashes"), 0);
	assert_int_equal(opens("slashes/a", O_RDONLY), -ENOENT);
	assert_int_equal(opens("slashes/slashes/aaaaaaaa", O_RDONLY), -ENAMETOOLONG);
}

static void creating_through_a_dangling_symlink_makes_its_target(void **st)
{
	(void)st;
	mk_link("target", "link");
	assert_int_equal(opens("link", O_RDONLY), -ENOENT);
	assert_int_equal(opens("link", O_CREAT | O_EXCL | O_RDWR), -EEXIST);
	assert_int_equal(opens("link", O_CREAT | O_RDWR | O_NOFOLLOW), -ELOOP);
	assert_int_equal(opens("link", O_CREAT | O_RDWR), 0);
	assert_true(S_ISREG(stat_of("target").st_mode));
	assert_int_equal(opens("link", O_RDONLY | O_NOFOLLOW), -ELOOP);
}

static void create_and_exclusive_as_posix_says(void **st)
{
	(void)st;
	assert_int_equal(opens("f", O_RDWR), -ENOENT);
	assert_int_equal(opens("f", O_RDWR | O_CREAT), 0);
	assert_int_equal(opens("f", O_RDWR | O_CREAT), 0);
	assert_int_equal(opens("f", O_RDWR | O_CREAT | O_EXCL), -EEXIST);
	assert_int_equal(opens("g/", O_RDWR | O_CREAT), -EISDIR);
	assert_int_equal(opens("no/f", O_RDWR | O_CREAT), -ENOENT);
	assert_int_equal(opens("d", O_CREAT | O_DIRECTORY), -EINVAL);
}

static void a_directory_is_not_opened_for_writing(void **st)
{
	(void)st;
	mk_dir("d", 0755);
	assert_int_equal(opens("d", O_WRONLY), -EISDIR);
	assert_int_equal(opens("d", O_RDONLY | O_TRUNC), -EISDIR);
	assert_int_equal(opens("d", O_RDONLY | O_CREAT), -EISDIR);
	assert_int_equal(opens("d", O_RDONLY | O_DIRECTORY), 0);
}

static void a_file_just_made_opens_whatever_its_mode(void **st)
{
	(void)st;
	mk_dir("d", 0777);
	as = alice;
	assert_int_equal(open_at(top(), "d/f", O_CREAT | O_EXCL | O_RDWR, 0), 0);
	assert_int_equal(opens("d/f", O_RDONLY), -EACCES);
}

static void the_first_class_that_fits_decides(void **st)
{
	(void)st;
	mk_dir("d", 0777);
	as = alice;
	mk_file("d/f", 0047);
	assert_int_equal(opens("d/f", O_RDONLY), -EACCES);      /* owner: nothing, though others may */
	as = carol;
	assert_int_equal(opens("d/f", O_RDONLY), 0);            /* group: read */
	assert_int_equal(opens("d/f", O_WRONLY), -EACCES);
	as = bob;
	assert_int_equal(opens("d/f", O_RDWR), 0);              /* others: all */
	as = root_cred;
	assert_int_equal(opens("d/f", O_RDWR), 0);
}

static void search_permission_is_asked_of_every_directory(void **st)
{
	(void)st;
	mk_dir("d", 0700);
	mk_dir("d/e", 0777);
	mk_file("d/e/f", 0666);
	as = alice;
	assert_int_equal(opens("d/e/f", O_RDONLY), -EACCES);
	assert_int_equal(opens("d/e/..", O_RDONLY), -EACCES);
	assert_int_equal(opens("d", O_RDONLY), -EACCES);
	assert_int_equal(mk_file("x", 0644), -EACCES);
	assert_int_equal(mk_dir("x", 0755), -EACCES);
	assert_int_equal(mk_link("a", "x"), -EACCES);
}

static void truncation_asks_for_write_permission(void **st)
{
	(void)st;
	mk_file("f", 0644);
	as = alice;
	assert_int_equal(opens("f", O_RDONLY), 0);
	assert_int_equal(opens("f", O_RDONLY | O_TRUNC), -EACCES);
}

static void in_a_sticky_directory_only_owners_remove(void **st)
{
	struct vnode *d;

	(void)st;
	mk_dir("tmp", 0777);
	d = find("tmp");
	assert_int_equal(vfs_chmod(d, 01777, root_cred), 0);
	vnode_put(d);
	as = alice;
	mk_file("tmp/hers", 0666);
	as = bob;
	assert_int_equal(rm("tmp/hers"), -EPERM);
	assert_int_equal(move("tmp/hers", "tmp/his"), -EPERM);
	as = alice;
	assert_int_equal(rm("tmp/hers"), 0);
}

static void a_read_only_mount_refuses_every_change(void **st)
{
	struct vnode *f;

	(void)st;
	mk_dir("d", 0755);
	mk_file("f", 0644);
	vfs_mounts->readonly = true;
	f = find("f");
	assert_int_equal(opens("f", O_RDONLY), 0);
	assert_int_equal(opens("f", O_RDWR), -EROFS);
	assert_int_equal(mk_file("g", 0644), -EROFS);
	assert_int_equal(mk_dir("e", 0755), -EROFS);
	assert_int_equal(rm("f"), -EROFS);
	assert_int_equal(rm_dir("d"), -EROFS);
	assert_int_equal(move("f", "g"), -EROFS);
	assert_int_equal(hard_link("f", "g"), -EROFS);
	assert_int_equal(vfs_chmod(f, 0600, as), -EROFS);
	assert_int_equal(vfs_utimens(f, TIME_NOW, TIME_NOW, as), -EROFS);
	assert_int_equal(perm_check(f, W_OK, as), -EROFS);
	vnode_put(f);
	vfs_mounts->readonly = false;
}

static void unlink_and_rmdir_take_what_is_theirs(void **st)
{
	(void)st;
	mk_dir("d", 0755);
	mk_file("d/f", 0644);
	assert_int_equal(rm("d"), -EISDIR);
	assert_int_equal(rm_dir("d"), -ENOTEMPTY);
	assert_int_equal(rm_dir("d/."), -EINVAL);
	assert_int_equal(rm_dir("d/.."), -ENOTEMPTY);
	assert_int_equal(rm_dir("/"), -EBUSY);
	assert_int_equal(rm("."), -EISDIR);
	assert_int_equal(rm("none"), -ENOENT);
	assert_int_equal(rm("d/f"), 0);
	assert_int_equal(rm_dir("d/"), 0);
	assert_false(exists("d"));
}

static void links_are_counted(void **st)
{
	(void)st;
	mk_dir("d", 0755);
	mk_dir("d/e", 0755);
	assert_int_equal(stat_of("d").st_nlink, 3);
	mk_file("f", 0644);
	assert_int_equal(hard_link("f", "d/g"), 0);
	assert_int_equal(stat_of("f").st_nlink, 2);
	assert_int_equal(stat_of("f").st_ino, stat_of("d/g").st_ino);
	assert_int_equal(hard_link("f", "d/g"), -EEXIST);
	assert_int_equal(hard_link("d", "dd"), -EPERM);
	assert_int_equal(hard_link("f", "new/"), -ENOENT);
	rm("f");
	assert_int_equal(stat_of("d/g").st_nlink, 1);
	rm_dir("d/e");
	assert_int_equal(stat_of("d").st_nlink, 2);
}

static void an_unlinked_file_lives_until_its_last_user(void **st)
{
	struct vnode *vn;
	struct stat s;

	(void)st;
	assert_int_equal(vfs_open(top(), "f", 1, O_CREAT | O_RDWR, 0644, as, &vn), 0);
	assert_int_equal(rm("f"), 0);
	assert_int_equal(vfs_stat(vn, &s), 0);
	assert_int_equal(s.st_nlink, 0);
	assert_int_equal(vfs_link(vn, top(), "back", 4, as), -ENOENT);
	assert_ptr_equal(vnode_by_number(vn->node), vn);
	assert_int_equal(live_objects, 1);
	vnode_put(vn);
	assert_int_equal(live_objects, 0);
}

static void a_removed_directory_takes_no_names_and_knows_its_parent(void **st)
{
	struct vnode *d;
	char buf[64];
	size_t n;

	(void)st;
	mk_dir("d", 0755);
	d = find("d");
	rm_dir("d");
	assert_int_equal(open_at(d, "f", O_CREAT | O_RDWR, 0644), -ENOENT);
	assert_int_equal(vfs_mkdir(d, "e", 1, 0755, as), -ENOENT);
	assert_int_equal(open_at(d, "..", O_RDONLY, 0), 0);
	assert_int_equal(vfs_getcwd(d, top(), buf, sizeof(buf), &n), -ENOENT);
	vnode_put(d);
}

static void stale_numbers_find_nothing(void **st)
{
	struct vnode *vn = NULL;
	uint64_t node;

	(void)st;
	assert_int_equal(vfs_open(top(), "f", 1, O_CREAT | O_RDWR, 0644, as, &vn), 0);
	node = vn->node;
	vnode_put(vn);
	rm("f");
	mk_file("g", 0644);             /* the memory may be the same, the number is not */
	assert_null(vnode_by_number(node));
	assert_null(vnode_by_number(0));
	assert_null(vnode_by_number(UINT64_MAX));
	assert_ptr_equal(vnode_by_number(NODE_ROOT), top());
}

static void attributes_change_for_those_who_may(void **st)
{
	struct vnode *f;

	(void)st;
	mk_dir("d", 0777);
	as = alice;
	mk_file("d/f", 0644);
	f = find("d/f");
	assert_int_equal(vfs_chmod(f, 0600, bob), -EPERM);
	assert_int_equal(vfs_chmod(f, 06755, alice), 0);
	assert_int_equal(stat_of("d/f").st_mode & 07777, 06755);
	assert_int_equal(vfs_chown(f, 1001, UINT32_MAX, alice), -EPERM);
	assert_int_equal(vfs_chown(f, UINT32_MAX, 1001, alice), -EPERM);
	assert_int_equal(vfs_chown(f, UINT32_MAX, 1000, alice), 0);
	assert_int_equal(stat_of("d/f").st_mode & 07777, 0755);         /* set-id bits do not change hands */
	assert_int_equal(vfs_chown(f, 1001, 1001, root_cred), 0);
	assert_int_equal(stat_of("d/f").st_uid, 1001);
	assert_int_equal(vfs_utimens(f, 5, TIME_OMIT, alice), -EPERM);
	assert_int_equal(vfs_utimens(f, TIME_NOW, TIME_NOW, alice), -EACCES);
	assert_int_equal(vfs_utimens(f, -1, 5000000007, bob), 0);
	assert_int_equal(stat_of("d/f").st_atim.tv_sec, -1);
	assert_int_equal(stat_of("d/f").st_atim.tv_nsec, 999999999);
	assert_int_equal(stat_of("d/f").st_mtim.tv_nsec, 7);
	vnode_put(f);
}

static void a_setgid_directory_hands_its_group_down(void **st)
{
	struct vnode *d;

	(void)st;
	mk_dir("d", 0777);
	d = find("d");
	vfs_chown(d, 0, 7, root_cred);
	vfs_chmod(d, 02777, root_cred);
	vnode_put(d);
	as = alice;
	mk_file("d/f", 0644);
	mk_dir("d/e", 0755);
	assert_int_equal(stat_of("d/f").st_gid, 7);
	assert_int_equal(stat_of("d/e").st_gid, 7);
	assert_true(stat_of("d/e").st_mode & S_ISGID);
}

static void regular_files_and_fifos_come_from_mknod(void **st)
{
	(void)st;
	assert_int_equal(vfs_mknod(top(), "f", 1, S_IFREG | 0640, as), 0);
	assert_int_equal(stat_of("f").st_mode, S_IFREG | 0640);
	assert_int_equal(vfs_mknod(top(), "p", 1, S_IFIFO | 0640, as), 0);
	assert_int_equal(stat_of("p").st_mode, S_IFIFO | 0640);
	assert_int_equal(opens("p", O_RDWR), 0);
	assert_int_equal(vfs_mknod(top(), "g", 1, S_IFCHR | 0640, as), -EPERM);
	assert_int_equal(vfs_mknod(top(), "f", 1, S_IFREG | 0640, as), -EEXIST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_path_leads_through_directories_dots_and_slashes), T(an_empty_path_names_nothing),
		T(a_nul_within_a_path_is_refused), T(a_file_is_no_directory),
		T(names_have_at_most_255_bytes_and_paths_4096),
		T(symlinks_are_followed_in_the_middle_and_at_the_end), T(forty_symlinks_are_followed_and_no_more),
		T(a_symlink_that_grows_the_path_is_stopped), T(creating_through_a_dangling_symlink_makes_its_target),
		T(create_and_exclusive_as_posix_says), T(a_directory_is_not_opened_for_writing),
		T(a_file_just_made_opens_whatever_its_mode), T(the_first_class_that_fits_decides),
		T(search_permission_is_asked_of_every_directory), T(truncation_asks_for_write_permission),
		T(in_a_sticky_directory_only_owners_remove), T(a_read_only_mount_refuses_every_change),
		T(unlink_and_rmdir_take_what_is_theirs), T(links_are_counted),
		T(an_unlinked_file_lives_until_its_last_user),
		T(a_removed_directory_takes_no_names_and_knows_its_parent), T(stale_numbers_find_nothing),
		T(attributes_change_for_those_who_may), T(a_setgid_directory_hands_its_group_down),
		T(regular_files_and_fifos_come_from_mknod),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
