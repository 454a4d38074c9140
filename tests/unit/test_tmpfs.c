/* links: fs/vfs_*.c fs/tmpfs.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_tmpfs.c - HOST - what tmpfs holds in memory: trees of any depth, and not more names than there is
 * room. */
#include <pthread.h>
#include <sys/sysinfo.h>

#include "tests/unit/vfsfix.h"

static unsigned long ram = 1ul << 30;

int sysinfo(struct sysinfo *si)
{
	*si = (struct sysinfo){.totalram = ram, .freeram = ram, .mem_unit = 1};
	return 0;
}

/* Deeper than the server's stack has room for. */
static void *make_and_drop_deep_trees(void *arg)
{
	struct vnode *at = find("d"), *leaf, *root = at, *sub;

	for (int i = 0; i < 3000; i++) {
		assert_int_equal(vfs_mkdir(at, "x", 1, 0755, root_cred), 0);
		assert_int_equal(path_lookup(at, "x", 1, 0, root_cred, &sub), 0);
		vnode_put(at);
		at = sub;
	}
	leaf = at;                      /* in use, while all above it is removed */
	assert_int_equal(mount_detach(root), -EBUSY);
	for (vnode_ref(at); at != root; at = sub) {
		assert_int_equal(vnode_up(at, &sub), 0);
		vnode_put(at);
		if (arg) assert_int_equal(vfs_unlink(sub, "x", 1, true, root_cred), 0);
	}
	vnode_put(at);
	vnode_put(leaf);
	return arg;
}

static void a_tree_may_be_deeper_than_our_stack(void **st)
{
	char removed = 1;
	pthread_attr_t small;
	pthread_t t;

	(void)st;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 128 << 10);
	mk_dir("d", 0755);
	for (int i = 0; i < 2; i++) {
		struct vnode *root;

		assert_int_equal(mount_here("d"), 0);
		assert_int_equal(pthread_create(&t, &small, make_and_drop_deep_trees, i ? &removed : NULL), 0);
		assert_int_equal(pthread_join(t, NULL), 0);
		root = find("d");
		vnode_put(root);
		assert_int_equal(vnode_count() > 3000, !i);
		assert_int_equal(mount_detach(root), 0);
		assert_int_equal(vnode_count(), 2);
	}
}

static void names_are_limited_by_memory_and_can_be_removed_when_it_is_full(void **st)
{
	char name[16];
	int n = 0, rc;

	(void)st;
	mk_dir("d", 0755);
	ram = 1 << 20;
	mount_here("d");
	ram = 1ul << 30;
	mk_file("d/f", 0644);
	do snprintf(name, sizeof(name), "d/%d", n++);
	while (!(rc = mk_link("f", name)));
	assert_int_equal(rc, -ENOSPC);
	assert_in_range(n, 100, 1000);
	do snprintf(name, sizeof(name), "d/%d", n++ - 1);       /* a second name needs less room */
	while (!(rc = hard_link("d/f", name)));
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(hard_link("d/f", "d/new"), -ENOSPC);
	assert_int_equal(mk_dir("d/new", 0755), -ENOSPC);
	assert_int_equal(move("d/f", "d/new"), 0);
	for (int i = 0; i < n - 2; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		assert_int_equal(rm(name), 0);
	}
	assert_int_equal(mk_file("d/f", 0644), 0);
}

/* One user fills what there is for him: another, and root, still make files. */
static void one_user_cannot_take_all_names(void **st)
{
	char name[32];
	int n[3] = {0};

	(void)st;
	mk_dir("d", 0755);
	ram = 1 << 20;
	mount_here("d");
	ram = 1ul << 30;
	for (int user = 0; user < 3; user++) {
		vfs_caller.cred.uid = user < 2 ? 1000 + user : 0;
		do snprintf(name, sizeof(name), "d/%d.%d", user, n[user]++);
		while (!mk_dir(name, 0755));
	}
	assert_in_range(n[0], 50, 1000);
	assert_in_range(n[1], n[0] / 2 - 2, n[0] / 2 + 2);
	assert_in_range(n[2], n[0] / 2 - 2, n[0] / 2 + 2);
	for (int user = 0; user < 3; user++) {
		for (int i = 0; i < n[user] - 1; i++) {
			snprintf(name, sizeof(name), "d/%d.%d", user, i);
			assert_int_equal(rm_dir(name), 0);
		}
	}
	vfs_caller.cred.uid = 1000;
	assert_int_equal(mk_dir("d/again", 0755), 0);
	vfs_caller.cred.uid = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_tree_may_be_deeper_than_our_stack),
		T(names_are_limited_by_memory_and_can_be_removed_when_it_is_full),
		T(one_user_cannot_take_all_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
