/* links: fs/vfs_*.c fs/tmpfs.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vfs_rights.c - HOST - roots of processes, supplementary groups, set-id bits, O_PATH. */
#include "tests/unit/vfsfix.h"

static void a_root_of_its_own_is_the_end_of_dotdot(void **st)
{
	char buf[64];
	size_t n;

	(void)st;
	mk_dir("jail", 0755);
	mk_dir("jail/in", 0755);
	mk_file("outside", 0644);
	mk_link("/outside", "jail/link");
	as.root = find("jail");
	assert_int_equal(opens("/in", O_RDONLY), 0);
	assert_int_equal(opens("/../outside", O_RDONLY), -ENOENT);
	assert_int_equal(opens("/in/../../outside", O_RDONLY), -ENOENT);
	assert_int_equal(opens("/link", O_RDONLY), -ENOENT);
	assert_int_equal(open_at(as.root, "../outside", O_RDONLY, 0), -ENOENT);
	assert_int_equal(vfs_getcwd(as.root, as.root, buf, sizeof(buf), &n), 0);
	assert_string_equal(buf, "/");
	assert_int_equal(vfs_getcwd(top(), as.root, buf, sizeof(buf), &n), 0);
	assert_string_equal(buf, "(unreachable)/");
	vnode_put(as.root);
	as.root = NULL;
}

static void supplementary_groups_count(void **st)
{
	struct vnode *f;

	(void)st;
	mk_file("f", 0640);
	f = find("f");
	assert_int_equal(vfs_chown(f, 1001, 7, root_cred), 0);
	as = alice;
	assert_int_equal(opens("f", O_RDONLY), -EACCES);
	as.pid = 1;                                     /* now group 7 is hers, too */
	assert_int_equal(opens("f", O_RDONLY), 0);
	assert_int_equal(opens("f", O_RDWR), -EACCES);
	as = bob;
	assert_int_equal(vfs_chown(f, UINT32_MAX, 1001, as), 0);
	assert_int_equal(vfs_chown(f, UINT32_MAX, 7, as), -EPERM);
	as.pid = 1;
	assert_int_equal(vfs_chown(f, UINT32_MAX, 7, as), 0);
	assert_int_equal(vfs_chmod(f, 02755, as), 0);
	assert_int_equal(f->mode & 07777, 02755);
	assert_int_equal(vfs_chmod(f, 02755, bob), 0);  /* not in the group: no setgid bit */
	assert_int_equal(f->mode & 07777, 0755);
	vnode_put(f);
}

static void set_id_bits_go_when_somebody_writes_or_the_owner_changes(void **st)
{
	struct vnode *f;

	(void)st;
	mk_file("f", 0644);
	f = find("f");
	assert_int_equal(vfs_chmod(f, 06755, root_cred), 0);
	assert_int_equal(vfs_written(f), 0);
	assert_int_equal(f->mode & 07777, 0755);
	assert_int_equal(vfs_chmod(f, 06745, root_cred), 0);
	assert_int_equal(vfs_chown(f, 5, 5, root_cred), 0);
	assert_int_equal(f->mode & 07777, 02745);       /* the group cannot run it: the bit means something else */
	vnode_put(f);
}

static void a_place_is_opened_without_rights_on_it(void **st)
{
	(void)st;
	mk_file("f", 0);
	mk_link("f", "l");
	as = alice;
	assert_int_equal(opens("f", O_PATH_FLAG), 0);
	assert_int_equal(opens("l", O_PATH_FLAG | O_NOFOLLOW), 0);
	assert_int_equal(opens("f", O_PATH_FLAG | O_DIRECTORY), -ENOTDIR);
	assert_int_equal(opens("f", O_NOATIME_FLAG), -EPERM);
	assert_int_equal(opens(".", O_TMPFILE_FLAG | O_DIRECTORY | O_RDWR), -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_root_of_its_own_is_the_end_of_dotdot), T(supplementary_groups_count),
		T(set_id_bits_go_when_somebody_writes_or_the_owner_changes), T(a_place_is_opened_without_rights_on_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
