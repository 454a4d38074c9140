/* links: fs/vfs_*.c fs/tmpfs.c fs/procfs*.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_procfs.c - HOST - /proc: names, whose they are, links, and texts as they are read. */
#include "tests/unit/procfix.h"

/* ---- names */

static void a_number_is_a_process_if_there_is_one(void **st)
{
	(void)st;
	assert_true(exists("/proc/7/stat") && exists("/proc/1"));
	assert_false(exists("/proc/8") || exists("/proc/07") || exists("/proc/7x") || exists("/proc/0"));
	assert_false(exists("/proc/-7") || exists("/proc/99999999999"));
	dead = true;
	assert_false(exists("/proc/7") || exists("/proc/7/stat"));
}

static void threads_have_what_processes_have_but_threads(void **st)
{
	(void)st;
	assert_true(exists("/proc/7/task/9/status") && exists("/proc/7/task/7/fd"));
	assert_false(exists("/proc/7/task/8") || exists("/proc/7/task/9/task"));
	assert_has(read_all("/proc/7/task/9/status"), "Tgid:\t7\nNgid:\t0\nPid:\t9\n");
}

static void self_is_who_asks(void **st)
{
	(void)st;
	assert_string_equal(link_of("/proc/self"), "7");
	assert_string_equal(link_of("/proc/thread-self"), "7/task/9");
	assert_true(exists("/proc/self/maps") && exists("/proc/thread-self/stat"));
	vfs_caller.pid = 1;
	assert_has(read_all("/proc/self/status"), "Name:\tinit\n");
}

static void a_directory_lists_each_name_once_with_the_number_that_stat_tells(void **st)
{
	static const char *const dirs[] = { "/proc",          "/proc/7",    "/proc/7/task",
		                            "/proc/7/task/9", "/proc/7/fd", "/proc/sys/kernel" };
	static const unsigned count[] = {19, 21, 2, 20, 1, 8};
	char path[300];

	(void)st;
	fd[nfd++] = (struct facts_fd){.fd = 3, .kind = FACTS_FD_PIPE, .node = 5};
	for (unsigned d = 0; d < 6; d++) {
		struct listing *l = calloc(1, sizeof(*l));
		struct vnode *dir = find(dirs[d]);

		assert_int_equal(dir->ops->readdir(dir, 0, list_one, l), 0);
		assert_int_equal(l->n, count[d]);
		for (unsigned i = 0; i < l->n; i++) {
			snprintf(path, sizeof(path), "%s/%s", dirs[d], l->name[i]);
			assert_int_equal(S_ISDIR(stat_of(path).st_mode), l->dir[i]);
		}
		vnode_put(dir);
		free(l);
	}
	assert_int_equal(stat_of("/proc/7/maps").st_ino, stat_of("/proc/7/maps").st_ino);
	assert_int_not_equal(stat_of("/proc/7/maps").st_ino, stat_of("/proc/1/maps").st_ino);
}

static void the_way_up_leads_back_to_the_root(void **st)
{
	static const char *const dirs[] = { "/proc/7/fd", "/proc/7/task/9/fd", "/proc/sys/kernel/random",
		                            "/proc/7/task" };
	char buf[64];
	size_t n;

	(void)st;
	for (unsigned i = 0; i < 4; i++) {
		struct vnode *dir = find(dirs[i]);

		assert_int_equal(vfs_getcwd(dir, vfs_root(), buf, sizeof(buf), &n), 0);
		assert_string_equal(buf, dirs[i]);
		vnode_put(dir);
	}
}

static void nothing_is_made_or_removed(void **st)
{
	(void)st;
	assert_int_equal(mk_file("/proc/x", 0644), -EPERM);
	assert_int_equal(mk_dir("/proc/7/x", 0755), -EPERM);
	assert_int_equal(rm("/proc/meminfo"), -EPERM);
	assert_int_equal(rm_dir("/proc/7"), -EPERM);
	assert_int_equal(move("/proc/stat", "/proc/uptime"), -EPERM);
}

static void files_are_regular_empty_and_their_process_s(void **st)
{
	struct stat s = stat_of("/proc/7/environ");

	(void)st;
	assert_int_equal(s.st_mode, S_IFREG | 0400);
	assert_int_equal(s.st_size, 0);
	assert_int_equal(s.st_uid, 1000);
	assert_int_equal(stat_of("/proc/7/fd").st_mode, S_IFDIR | 0500);
	assert_int_equal(stat_of("/proc/meminfo").st_uid, 0);
}

static void environment_descriptors_and_maps_are_for_the_owner_and_root(void **st)
{
	(void)st;
	vfs_caller.cred = as = bob;
	assert_int_equal(opens("/proc/7/environ", O_RDONLY), -EACCES);
	assert_int_equal(opens("/proc/7/maps", O_RDONLY), -EACCES);
	assert_int_equal(opens("/proc/7/fd/0", O_RDONLY), -EACCES);
	assert_int_equal(opens("/proc/7/cwd", O_RDONLY), -EACCES);
	assert_string_equal(link_of("/proc/7/exe"), "Permission denied");
	assert_int_equal(opens("/proc/7/status", O_RDONLY), 0);
	vfs_caller.cred = as = alice;
	assert_int_equal(opens("/proc/7/environ", O_RDONLY), 0);
	as = root_cred;
}

static void secrets_of_a_program_that_runs_as_another_are_not_for_who_opened_before(void **st)
{
	struct vnode *secret, *open_to_all;
	const char *at;
	size_t n;

	(void)st;
	vfs_caller.cred = as = alice;
	secret = open_file("/proc/7/environ");
	open_to_all = open_file("/proc/7/stat");
	seven.attr.euid = 0;
	assert_int_equal(secret->ops->text(secret, 0, &at, &n), -EACCES);
	assert_int_equal(open_to_all->ops->text(open_to_all, 0, &at, &n), 0);
	vfs_caller.cred = root_cred;
	assert_int_equal(secret->ops->text(secret, 0, &at, &n), 0);
	vnode_put(secret);
	vnode_put(open_to_all);
	as = root_cred;
}

static void names_do_not_make_lines(void **st)
{
	struct vnode *vn;

	(void)st;
	strcpy(seven.attr.name, "x\nUid:\\0");
	assert_has(read_all("/proc/7/status"), "Name:\tx\\nUid:\\\\0\nUmask");
	mk_file("/a\n0-1", 0644);
	vn = open_file("/a\n0-1");
	map[nmap++] = (struct facts_entry){.start = 4096, .end = 8192, .object = FACTS_FILE, .node = vn->node};
	assert_has(read_all("/proc/7/maps"), " /a\\0120-1\n");
	vnode_put(vn);
}

/* ---- text as it is read */

static void a_text_is_of_one_moment_until_it_is_read_from_its_start_again(void **st)
{
	struct vnode *vn = open_file("/proc/uptime"), *other = open_file("/proc/uptime");
	const char *at;
	size_t n;

	(void)st;
	assert_int_equal(vn->ops->text(vn, 0, &at, &n), 0);
	assert_memory_equal(at, "61.23 1.50\n", n);
	machine.now_ns = 99000000000;
	assert_int_equal(vn->ops->text(vn, 3, &at, &n), 0);
	assert_memory_equal(at, "23 1.50\n", n);
	assert_int_equal(vn->ops->text(vn, 11, &at, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(vn->ops->text(vn, 1000, &at, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(other->ops->text(other, 0, &at, &n), 0);
	assert_memory_equal(at, "99.00 1.50\n", n);
	assert_int_equal(vn->ops->text(vn, 0, &at, &n), 0);
	assert_memory_equal(at, "99.00 1.50\n", n);
	vnode_put(vn);
	vnode_put(other);
}

static void pieces_are_the_whole(void **st)
{
	char whole[8192];

	(void)st;
	strcpy(whole, read_all("/proc/7/status"));
	assert_string_equal(read_in("/proc/7/status", 1), whole);
	assert_string_equal(read_in("/proc/7/status", 13), whole);
}

static void a_process_that_died_since_the_open_is_esrch(void **st)
{
	struct vnode *vn = open_file("/proc/7/stat");
	const char *at;
	size_t n;

	(void)st;
	dead = true;
	assert_int_equal(vn->ops->text(vn, 0, &at, &n), -ESRCH);
	vnode_put(vn);
}

static void a_text_that_grows_without_end_is_cut_and_the_next_one_is_whole(void **st)
{
	struct text t = {0};
	char line[1000];

	(void)st;
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 10000; i++) text_put(&t, line, sizeof(line));
	assert_true(t.full);
	assert_in_range(t.len, 2 << 20, 4 << 20);
	assert_int_equal(t.len % sizeof(line), 0);
	text_free(&t);
	text_add(&t, "%d", 42);
	assert_string_equal(t.buf, "42");
	text_free(&t);
}

/* ---- links that lead to files themselves */

static void descriptor(uint32_t number, enum facts_fdkind kind, uint64_t node)
{
	fd[nfd++] = (struct facts_fd){.fd = number, .kind = kind, .node = node};
}

static void a_descriptor_s_link_leads_to_its_file_also_when_the_name_is_gone(void **st)
{
	struct vnode *vn, *again;

	(void)st;
	mk_dir("/d", 0755);
	mk_file("/d/f", 0644);
	vn = open_file("/d/f");
	descriptor(3, FACTS_FD_NODE, vn->node);
	assert_string_equal(link_of("/proc/self/fd/3"), "/d/f");
	assert_int_equal(move("/d/f", "/g"), 0);
	assert_string_equal(link_of("/proc/self/fd/3"), "/g");
	assert_int_equal(rm("/g"), 0);
	assert_string_equal(link_of("/proc/self/fd/3"), "/g (deleted)");
	again = open_file("/proc/self/fd/3");
	assert_ptr_equal(again, vn);
	assert_int_equal(opens("/proc/self/fd/3/", O_RDONLY), -ENOTDIR);
	assert_int_equal(opens("/proc/self/fd/3/x", O_RDONLY), -ENOTDIR);
	assert_int_equal(opens("/proc/self/fd/3", O_RDONLY | O_NOFOLLOW), -ELOOP);
	vnode_put(again);
	vnode_put(vn);
}

static void a_name_that_now_is_another_file_s_is_not_believed(void **st)
{
	struct vnode *vn;

	(void)st;
	mk_file("/f", 0644);
	vn = open_file("/f");
	rm("/f");
	mk_file("/f", 0644);
	descriptor(0, FACTS_FD_NODE, vn->node);
	assert_string_equal(link_of("/proc/7/fd/0"), "/f (deleted)");
	vnode_put(vn);
}

static void a_path_goes_on_behind_a_link_to_a_directory(void **st)
{
	struct vnode *d;

	(void)st;
	mk_dir("/d", 0755);
	mk_file("/d/f", 0644);
	d = open_file("/d");
	seven.cwd = d->node;
	seven.root = NODE_ROOT;
	assert_string_equal(link_of("/proc/7/cwd"), "/d");
	assert_string_equal(link_of("/proc/7/root"), "/");
	assert_true(exists("/proc/7/cwd/f") && exists("/proc/7/cwd/../d/f") && exists("/proc/7/root/d/f"));
	assert_int_equal(opens("/proc/7/cwd/", O_RDONLY), 0);
	vnode_put(d);
}

static void what_is_no_file_has_a_name_and_is_opened_by_the_kernel(void **st)
{
	(void)st;
	descriptor(1, FACTS_FD_PIPE, 42);
	assert_string_equal(link_of("/proc/7/fd/1"), "pipe:[42]");
	vfs_own_fd = -1;
	assert_int_equal(opens("/proc/self/fd/1", O_RDONLY), -ENXIO);
	assert_int_equal(vfs_own_fd, 1);
	assert_int_equal(opens("/proc/self/fd/1/x", O_RDONLY), -ENOTDIR);
	assert_int_equal(opens("/proc/self/fd/1/", O_RDONLY), -ENOTDIR);
	vfs_own_fd = -1;
	vfs_caller.pid = 1;
	assert_int_equal(opens("/proc/7/fd/1", O_RDONLY), -ENXIO);
	assert_int_equal(vfs_own_fd, -1);
	assert_false(exists("/proc/7/fd/2"));
	assert_string_equal(link_of("/proc/7/exe"), "No such file or directory");
}


int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_number_is_a_process_if_there_is_one), T(threads_have_what_processes_have_but_threads),
		T(self_is_who_asks), T(a_directory_lists_each_name_once_with_the_number_that_stat_tells),
		T(the_way_up_leads_back_to_the_root), T(nothing_is_made_or_removed),
		T(files_are_regular_empty_and_their_process_s),
		T(environment_descriptors_and_maps_are_for_the_owner_and_root),
		T(secrets_of_a_program_that_runs_as_another_are_not_for_who_opened_before),
		T(names_do_not_make_lines),
		T(a_text_is_of_one_moment_until_it_is_read_from_its_start_again), T(pieces_are_the_whole),
		T(a_process_that_died_since_the_open_is_esrch),
		T(a_text_that_grows_without_end_is_cut_and_the_next_one_is_whole),
		T(a_descriptor_s_link_leads_to_its_file_also_when_the_name_is_gone),
		T(a_name_that_now_is_another_file_s_is_not_believed), T(a_path_goes_on_behind_a_link_to_a_directory),
		T(what_is_no_file_has_a_name_and_is_opened_by_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
