/* links: fs/vfs_*.c fs/tmpfs.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vfs_tree.c - HOST - the tree as a whole: rename, mounts, listing directories, the way back up. */
#include "tests/unit/vfsfix.h"

static void rename_moves_a_file_and_replaces_another(void **st)
{
	uint64_t ino;

	(void)st;
	mk_dir("d", 0755);
	mk_file("a", 0644);
	ino = stat_of("a").st_ino;
	assert_int_equal(move("a", "b"), 0);
	assert_false(exists("a"));
	assert_int_equal(move("b", "d/c"), 0);
	assert_int_equal(stat_of("d/c").st_ino, ino);
	mk_file("e", 0644);
	assert_int_equal(move("d/c", "e"), 0);
	assert_int_equal(stat_of("e").st_ino, ino);
	assert_false(exists("d/c"));
}

static void rename_of_a_file_onto_its_own_link_does_nothing(void **st)
{
	(void)st;
	mk_file("a", 0644);
	hard_link("a", "b");
	assert_int_equal(move("a", "b"), 0);
	assert_true(exists("a") && exists("b"));
	assert_int_equal(move("a", "a"), 0);
	assert_true(exists("a"));
}

static void rename_keeps_kinds_apart(void **st)
{
	(void)st;
	mk_dir("d", 0755);
	mk_file("f", 0644);
	assert_int_equal(move("d", "f"), -ENOTDIR);
	assert_int_equal(move("f", "d"), -EISDIR);
	assert_int_equal(move("f/", "g"), -ENOTDIR);
	assert_int_equal(move("f", "g/"), -ENOTDIR);
	assert_int_equal(move("d/", "e/"), 0);
	assert_true(exists("e"));
}

static void a_directory_replaces_an_empty_one_only(void **st)
{
	(void)st;
	mk_dir("a", 0755);
	mk_dir("a/x", 0755);
	mk_dir("b", 0755);
	mk_file("b/f", 0644);
	assert_int_equal(move("a", "b"), -ENOTEMPTY);
	rm("b/f");
	assert_int_equal(move("a", "b"), 0);
	assert_true(exists("b/x"));
	assert_int_equal(stat_of("/").st_nlink, 3);
}

static void a_directory_does_not_go_into_itself(void **st)
{
	(void)st;
	mk_dir("a", 0755);
	mk_dir("a/b", 0755);
	mk_dir("a/b/c", 0755);
	assert_int_equal(move("a", "a/b/c/d"), -EINVAL);
	assert_int_equal(move("a", "a/x"), -EINVAL);
	assert_int_equal(move("a/b/c", "a"), -ENOTEMPTY);
	assert_int_equal(move("a/b", "a/b"), 0);
}

/* renameat2(), RENAME_EXCHANGE: any two, links and parents counted right. */
static void two_names_change_places(void **st)
{
	struct vnode *f, *d, *up;
	struct stat s = {0};

	(void)st;
	mk_dir("a", 0755);
	mk_dir("a/d", 0755);
	mk_dir("b", 0755);
	mk_file("b/f", 0644);
	f = find("b/f");
	d = find("a/d");
	assert_int_equal(move_by("a/d", "b/f", 3), -EINVAL);
	assert_int_equal(move_by("a/d", "b/none", 2), -ENOENT);
	assert_int_equal(move_by("a/d", "b/f/", 2), -ENOTDIR);
	assert_int_equal(move_by("a", "a/d", 2), -EINVAL);
	assert_int_equal(move_by("a/d", "a", 2), -EINVAL);
	assert_int_equal(move_by("a/d", "b/f", 2), 0);
	assert_ptr_equal(find("b/f"), d);
	assert_ptr_equal(find("a/d"), f);
	assert_int_equal(vnode_up(d, &up), 0);
	assert_ptr_equal(up, find("b"));
	assert_int_equal(vfs_stat(up, &s), 0);
	assert_int_equal(s.st_nlink, 3);
	for (int i = 0; i < 2; i++) vnode_put(d), vnode_put(f), vnode_put(up);
	assert_int_equal(move_by("a", "b", 2), 0);
	assert_int_equal(rm("b/d"), 0);
	assert_int_equal(rm_dir("b"), 0);
	assert_int_equal(rm_dir("a/f"), 0);
	assert_int_equal(rm_dir("a"), 0);
}

static int parent_of_a_damaged_disk(struct vnode *dir, struct vnode **out)
{
	*out = find(dir->ino == stat_of("a").st_ino ? "a/b" : "a");
	return 0;
}

/* The ".." of a leads to b, that of b to a. */
static void a_circle_of_directories_is_an_error_not_a_standstill(void **st)
{
	struct fs_ops damaged = *top()->ops;
	const struct fs_ops *sound = top()->ops;
	struct vnode *a, *b;

	(void)st;
	mk_dir("a", 0755);
	mk_dir("a/b", 0755);
	mk_dir("d", 0755);
	a = find("a");
	b = find("a/b");
	damaged.parent = parent_of_a_damaged_disk;
	a->ops = b->ops = &damaged;
	assert_int_equal(move("d", "a/b/d"), -EIO);
	assert_int_equal(move("a", "a/b/d"), -EINVAL);
	a->ops = b->ops = sound;
	vnode_put(a);
	vnode_put(b);
}

static void a_moved_directory_has_a_new_parent(void **st)
{
	(void)st;
	mk_dir("a", 0755);
	mk_dir("b", 0755);
	mk_dir("a/x", 0755);
	assert_int_equal(move("a/x", "b/y"), 0);
	assert_int_equal(stat_of("b/y/..").st_ino, stat_of("b").st_ino);
	assert_int_equal(stat_of("a").st_nlink, 2);
	assert_int_equal(stat_of("b").st_nlink, 3);
}

static void dots_are_not_renamed(void **st)
{
	(void)st;
	mk_dir("a", 0755);
	assert_int_equal(move("a/.", "b"), -EBUSY);
	assert_int_equal(move("a/..", "b"), -EBUSY);
	assert_int_equal(move("a", "/"), -EBUSY);
	assert_int_equal(move("none", "b"), -ENOENT);
	assert_int_equal(move("a", "none/b"), -ENOENT);
}

static void noreplace_is_kept(void **st)
{
	(void)st;
	mk_file("a", 0644);
	mk_file("b", 0644);
	assert_int_equal(move_by("a", "b", 1), -EEXIST);
	assert_int_equal(move_by("a", "c", 1), 0);
	assert_int_equal(move_by("c", "d", 4), -EINVAL);        /* RENAME_WHITEOUT */
}

static void rename_asks_both_directories(void **st)
{
	(void)st;
	mk_dir("hers", 0777);
	mk_dir("closed", 0755);
	as = alice;
	mk_file("hers/f", 0644);
	mk_dir("hers/d", 0755);
	assert_int_equal(move("hers/f", "closed/f"), -EACCES);
	as = bob;
	assert_int_equal(move("hers/f", "hers/g"), 0);          /* not sticky: the directory alone decides */
	assert_int_equal(move("hers/d", "hers/e"), 0);          /* same parent: ".." stays */
	as = root_cred;
	mk_dir("open", 0777);
	as = bob;
	assert_int_equal(move("hers/e", "open/e"), -EACCES);    /* its ".." would be written */
}

static void a_mount_covers_a_directory_and_uncovers_it(void **st)
{
	struct vnode *root;

	(void)st;
	mk_dir("m", 0755);
	mk_file("m/below", 0644);
	assert_int_equal(mount_here("m"), 0);
	assert_false(exists("m/below"));
	mk_file("m/above", 0644);
	assert_true(stat_of("m").st_dev != stat_of("/").st_dev);
	assert_int_equal(stat_of("m/..").st_ino, stat_of("/").st_ino);
	assert_int_equal(stat_of("m/..").st_dev, stat_of("/").st_dev);
	rm("m/above");
	root = find("m");
	vnode_put(root);
	assert_int_equal(mount_detach(root), 0);
	assert_true(exists("m/below"));
}

static void mounts_stack(void **st)
{
	(void)st;
	mk_dir("m", 0755);
	assert_int_equal(mount_here("m"), 0);
	assert_int_equal(mount_here("m"), 0);
	mk_file("m/upper", 0644);
	assert_int_equal(stat_of("m/..").st_ino, stat_of("/").st_ino);
	assert_int_equal(stat_of("m/../m/upper").st_dev, stat_of("m").st_dev);
}

static void nothing_crosses_a_mount_but_a_path(void **st)
{
	(void)st;
	mk_dir("m", 0755);
	mk_file("f", 0644);
	mount_here("m");
	assert_int_equal(move("f", "m/f"), -EXDEV);
	assert_int_equal(hard_link("f", "m/f"), -EXDEV);
	assert_int_equal(rm_dir("m"), -EBUSY);
	assert_int_equal(move("m", "n"), -EBUSY);
	mk_dir("d", 0755);
	assert_int_equal(move("d", "m"), -EBUSY);
}

static void a_mount_in_use_stays(void **st)
{
	struct vnode *root, *f;

	(void)st;
	mk_dir("m", 0755);
	mount_here("m");
	mk_dir("m/n", 0755);
	mount_here("m/n");
	root = find("m");
	vnode_put(root);
	assert_int_equal(mount_detach(root), -EBUSY);           /* something is mounted on it */
	f = find("m/n");
	vnode_put(f);
	assert_int_equal(mount_detach(f), 0);
	assert_int_equal(vfs_open(top(), "m/f", 3, O_CREAT | O_RDWR, 0644, as, &f), 0);
	f->opens++;
	rm("m/f");
	rm_dir("m/n");
	assert_int_equal(mount_detach(root), -EBUSY);           /* an unlinked file is open */
	f->opens--;
	vnode_put(f);
	assert_int_equal(mount_detach(root), 0);
	assert_int_equal(mount_detach(top()), -EBUSY);
}

static void a_tmpfs_goes_with_its_files_unless_one_is_in_use(void **st)
{
	struct vnode *root, *f;

	(void)st;
	mk_dir("m", 0755);
	mount_here("m");
	mk_dir("m/d", 0755);
	mk_file("m/d/f", 0644);
	mk_link("d/f", "m/l");
	root = find("m");
	vnode_put(root);
	f = find("m/d/f");
	assert_int_equal(mount_detach(root), -EBUSY);           /* a reference */
	object[f->object].users = 1;
	vnode_put(f);
	assert_int_equal(mount_detach(root), -EBUSY);           /* a mapping */
	object[f->object].users = 0;
	assert_int_equal(mount_detach(root), 0);
	assert_false(exists("m/d"));
}

/* ---- getdents64 and getcwd */

struct dent { uint64_t ino; int64_t off; uint16_t reclen; uint8_t type; char name[]; } __attribute__((packed));

static void records_are_those_of_getdents64(void **st)
{
	_Alignas(8) char buf[512];
	size_t used, at = 0;
	uint64_t next;
	unsigned n = 0;

	(void)st;
	mk_file("abcde", 0644);
	mk_link("x", "link");
	assert_int_equal(vfs_readdir(top(), 0, buf, sizeof(buf), &used, &next), 0);
	for (; at < used; n++) {
		struct dent *d = (struct dent *)(buf + at);

		assert_int_equal(d->reclen % 8, 0);
		assert_true(strlen(d->name) < d->reclen - offsetof(struct dent, name));
		if (n == 2) assert_string_equal(d->name, "abcde");
		if (n == 2) assert_int_equal(d->ino, stat_of("abcde").st_ino);
		if (n == 3) assert_int_equal(d->type, 10);      /* DT_LNK */
		at += d->reclen;
	}
	assert_int_equal(n, 4);
	assert_int_equal(vfs_readdir(top(), next, buf, sizeof(buf), &used, &next), 0);
	assert_int_equal(used, 0);
}

static void a_small_buffer_lists_all_in_several_turns(void **st)
{
	char name[8], buf[64];
	uint64_t pos = 0;
	size_t used;
	unsigned n = 0;

	(void)st;
	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		mk_file(name, 0644);
	}
	do {
		assert_int_equal(vfs_readdir(top(), pos, buf, sizeof(buf), &used, &pos), 0);
		for (size_t at = 0; at < used; at += ((struct dent *)(buf + at))->reclen) n++;
	} while (used);
	assert_int_equal(n, 52);
	assert_int_equal(vfs_readdir(top(), 0, buf, 23, &used, &pos), -EINVAL);
}

static void removal_while_listing_neither_repeats_nor_skips(void **st)
{
	char name[8], buf[32];
	uint64_t pos = 0;
	size_t used;
	unsigned n = 0;

	(void)st;
	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		mk_file(name, 0644);
	}
	do {
		assert_int_equal(vfs_readdir(top(), pos, buf, sizeof(buf), &used, &pos), 0);
		if (used && ((struct dent *)buf)->name[0] == 'f') {
			snprintf(name, sizeof(name), "f%u", n++);
			assert_string_equal(((struct dent *)buf)->name, name);
			assert_int_equal(rm(name), 0);
		}
	} while (used);
	assert_int_equal(n, 50);
}

static void getcwd_climbs_through_mounts(void **st)
{
	char buf[64];
	struct vnode *d;
	size_t n;

	(void)st;
	mk_dir("a", 0755);
	mk_dir("a/m", 0755);
	mount_here("a/m");
	mk_dir("a/m/b", 0755);
	d = find("a/m/b");
	assert_int_equal(vfs_getcwd(d, top(), buf, sizeof(buf), &n), 0);
	assert_string_equal(buf, "/a/m/b");
	assert_int_equal(n, 7);
	assert_int_equal(vfs_getcwd(d, top(), buf, 7, &n), 0);
	assert_int_equal(vfs_getcwd(d, top(), buf, 6, &n), -ERANGE);
	vnode_put(d);
	assert_int_equal(vfs_getcwd(top(), top(), buf, sizeof(buf), &n), 0);
	assert_string_equal(buf, "/");
	assert_int_equal(n, 2);
}

/* Thousands of random operations on few names: every errno is as good as any other, but nothing may leak or cross. */
static void random_operations_leave_a_sound_tree(void **st)
{
	static const char *const name[] = {"a", "b", "a/c", "a/d", "b/e", "a/c/f", "b/e/g", "b/../a", "l", "l/c",
	                                   "a/./d/"};
	const unsigned k = sizeof(name) / sizeof(*name);

	(void)st;
	srand(7);
	for (unsigned i = 0; i < 20000; i++) {
		const char *p = name[(unsigned)rand() % k], *o = name[(unsigned)rand() % k];

		switch (rand() % 9) {
		case 8: move_by(p, o, 2); break;
		case 0: mk_dir(p, 0755); break;
		case 1: mk_file(p, 0644); break;
		case 2: rm(p); break;
		case 3: rm_dir(p); break;
		case 4: move(p, o); break;
		case 5: hard_link(p, o); break;
		case 6: mk_link(o, p); break;
		default: opens(p, O_RDWR | O_CREAT); break;
		}
		if (i % 100 == 0) vnode_check();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rename_moves_a_file_and_replaces_another), T(rename_of_a_file_onto_its_own_link_does_nothing),
		T(rename_keeps_kinds_apart), T(a_directory_replaces_an_empty_one_only),
		T(a_directory_does_not_go_into_itself), T(two_names_change_places),
		T(a_circle_of_directories_is_an_error_not_a_standstill),
		T(a_moved_directory_has_a_new_parent), T(dots_are_not_renamed), T(noreplace_is_kept),
		T(rename_asks_both_directories), T(a_mount_covers_a_directory_and_uncovers_it), T(mounts_stack),
		T(nothing_crosses_a_mount_but_a_path), T(a_mount_in_use_stays),
		T(a_tmpfs_goes_with_its_files_unless_one_is_in_use),
		T(records_are_those_of_getdents64), T(a_small_buffer_lists_all_in_several_turns),
		T(removal_while_listing_neither_repeats_nor_skips), T(getcwd_climbs_through_mounts),
		T(random_operations_leave_a_sound_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
