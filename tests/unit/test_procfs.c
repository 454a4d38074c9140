/* links: fs/vfs_*.c fs/tmpfs.c fs/procfs*.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_procfs.c - HOST - /proc over a kernel that is a table: names, links, texts, whose they are. */
#include "fs/procfs.h"
#include "fs/server.h"
#include "tests/unit/vfsfix.h"

/* ---- the kernel: processes 1 and 7, one of which can die */

struct disk_node disk_nodes[DISK_NODES_MAX] = {
	{.name = "vda", .whole = true, .number = 254 << 8, .disk = {.len = 64 << 20}},
	{.name = "vda1", .number = 254 << 8 | 1, .disk = {.len = 3 << 20}},
};
unsigned ndisk_nodes = 2;

void disk_stats(const struct disk *d, uint64_t stats[5])
{
	(void)d;
	for (int i = 0; i < 5; i++) stats[i] = 10 + i;
}

static struct facts_proc seven;
static struct facts_entry map[8];
static unsigned nmap, asked;
static struct facts_fd fd[4];
static unsigned nfd;
static bool dead;
static char memory[] = "prog\0an arg\0\0HOME=/\0X=";
static struct facts_machine machine;
static struct facts_memory memory_of_all;
static const uint64_t anon = 2;

static long records(const void *from, size_t size, unsigned first, unsigned count, void *buf, size_t room)
{
	size_t n = first < count ? count - first : 0;

	if (n > room / size) n = room / size;
	memcpy(buf, (const char *)from + first * size, n * size);
	return (long)(n * size);
}

static long pids(uint64_t from, uint32_t *buf)
{
	unsigned n = 0;

	if (from <= 1) buf[n++] = 1;
	if (from <= 7 && !dead) buf[n++] = 7;
	return n * 4;
}

static long of_seven(enum facts_kind kind, uint64_t index, void *buf, size_t size)
{
	static const struct { uint32_t tid[2]; } tids = {{7, 9}};
	unsigned i = 0;

	switch (kind) {
	case FACTS_TIDS: return records(&tids, 4, index <= 7 ? 0 : index <= 9 ? 1 : 2, 2, buf, size);
	case FACTS_PROC: return index && index != 7 && index != 9 ? -ESRCH : records(&seven, sizeof(seven), 0, 1, buf, size);
	case FACTS_MAP:
	case FACTS_PAGES:
		while (i < nmap && map[i].end <= index) i++;
		return records(map, sizeof(map[0]), i, nmap, buf, 2 * sizeof(map[0]));
	case FACTS_ANON_PAGES: return records(&anon, sizeof(anon), 0, 1, buf, size);
	case FACTS_FDS:
		while (i < nfd && fd[i].fd < index) i++;
		return records(fd, sizeof(fd[0]), i, nfd, buf, size);
	case FACTS_BYTES: return records(memory, 1, index - 0x1000, sizeof(memory), buf, size < 5 ? size : 5);
	default: return -EINVAL;
	}
}

long facts(enum facts_kind kind, uint32_t pid, uint64_t index, void *buf, size_t size)
{
	static const struct facts_cpu cpu[2] = {
		{.user_ns = 2000000000, .idle_ns = 1000000000, .irqs = 5, .shootdowns = 3, .flushes = 1, .in = 2},
		{.user_ns = 10000000, .idle_ns = 500000000, .irqs = 6, .switches = 9, .flushes = 4},
	};

	asked++;
	if (kind == FACTS_MACHINE) return records(&machine, sizeof(machine), 0, 1, buf, size);
	if (kind == FACTS_MEMORY) return records(&memory_of_all, sizeof(memory_of_all), 0, 1, buf, size);
	if (kind == FACTS_CPUS) return records(cpu, sizeof(cpu[0]), index, 2, buf, size);
	if (kind == FACTS_PIDS) return pids(index, buf);
	if (pid == 7 && !dead) return of_seven(kind, index, buf, size);
	if (pid == 1 && kind == FACTS_PROC)
		return records(&(struct facts_proc){.pid = 1, .state = 'S', .name = "init"}, sizeof(struct facts_proc), 0, 1, buf, size);
	return pid == 1 ? 0 : -ESRCH;
}

/* ---- reading */

static struct vnode *open_file(const char *path)
{
	struct vnode *vn = NULL;

	assert_int_equal(vfs_open(top(), path, strlen(path), O_RDONLY, 0, as, &vn), 0);
	return vn;
}

/* All of a file in pieces of `step` bytes; good until the next call. */
static const char *read_in(const char *path, size_t step)
{
	static char text[65536];
	struct vnode *vn = open_file(path);
	size_t done = 0, n;
	const char *at;

	do {
		assert_int_equal(vn->ops->text(vn, done, &at, &n), 0);
		n = n < step ? n : step;
		memcpy(text + done, at, n);
		done += n;
	} while (n);
	text[done] = 0;
	vnode_put(vn);
	return text;
}
static const char *read_all(const char *path) { return read_in(path, 65536); }

static const char *link_of(const char *path)
{
	static char buf[PATH_MAX];
	struct vnode *vn = find(path);
	size_t n = 0;
	int rc = vn->ops->readlink(vn, buf, sizeof(buf) - 1, &n);

	vnode_put(vn);
	buf[n] = 0;
	return rc ? strerror(-rc) : buf;
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line)) fail_msg("no \"%s\" in:\n%s", line, text);
}

static int setup(void **st)
{
	struct mount *m;
	struct vnode *dir;

	if (vfs_setup(st) || mk_dir("/proc", 0555)) return -1;
	dir = find("/proc");
	m = mount_new("proc", "proc", "/proc", false);
	if (procfs_mount(m) || mount_attach(m, dir)) return -1;
	vnode_put(dir);
	vfs_caller = (struct caller){7, 9, root_cred};
	seven = (struct facts_proc){
		.pid = 7, .ppid = 1, .pgid = 6, .sid = 5, .threads = 2, .state = 'S', .name = "a name) of (over 15", .uid = {1000, 1000},
		.gid = {1000, 1000}, .user_ns = 1230000000, .start_ns = 4560000000, .size = 40960, .rss = 6,
		.args = 0x1000, .args_end = 0x100d, .env = 0x100d, .env_end = 0x1017, .stack = 0x7fff0800, .brk_start = 0x5000,
		.brk = 0x6800, .rlimit = {[7] = {1024, 4096}, [5] = {UINT64_MAX, UINT64_MAX}}, .caught = 0x4002,
	};
	machine = (struct facts_machine){.now_ns = 61230000000, .boot_ns = 1700000000000000000, .cpus = 2, .threads = 5,
	                                 .running = 2, .last_pid = 77, .forks = 88};
	memory_of_all = (struct facts_memory){.total = 1000, .free = 400, .cached = 300, .dirty = 20, .anon = 100, .mapped = 150};
	nmap = nfd = 0;
	dead = false;
	return 0;
}

static int teardown(void **st)
{
	struct vnode *proc = find("/proc");

	vnode_put(proc);
	assert_int_equal(mount_detach(proc), 0);        /* no vnode of it is left */
	return vfs_teardown(st);
}

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
	static const char *const dirs[] = {"/proc", "/proc/7", "/proc/7/task", "/proc/7/task/9", "/proc/7/fd", "/proc/sys/kernel"};
	static const unsigned count[] = {19, 21, 2, 20, 1, 7};
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
	static const char *const dirs[] = {"/proc/7/fd", "/proc/7/task/9/fd", "/proc/sys/kernel/random", "/proc/7/task"};
	char buf[64];
	size_t n;

	(void)st;
	for (unsigned i = 0; i < 4; i++) {
		struct vnode *dir = find(dirs[i]);

		assert_int_equal(vfs_getcwd(dir, buf, sizeof(buf), &n), 0);
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

/* ---- a process */

static void stat_has_52_fields_behind_a_name_that_may_hold_anything(void **st)
{
	const char *text = read_all("/proc/7/stat"), *end = strrchr(text, ')');
	unsigned long v[60] = {0};
	unsigned n = 2;
	char *next;

	(void)st;
	assert_int_equal(strncmp(text, "7 (a name) of (ove) R ", 22), 0);      /* 15 bytes; it asks itself: running */
	for (const char *at = end + 4; *at && *at != '\n' && n < 60; at = next) v[++n + 1] = strtoul(at, &next, 10);
	assert_int_equal(n + 1, 52);
	assert_int_equal(v[4], 1);              /* ppid */
	assert_int_equal(v[5], 6);
	assert_int_equal(v[6], 5);
	assert_int_equal(v[14], 123);           /* utime */
	assert_int_equal(v[20], 2);             /* threads */
	assert_int_equal(v[22], 456);           /* starttime */
	assert_int_equal(v[23], 40960);
	assert_int_equal(v[24], 6);
	assert_int_equal(v[28], 0x7fff0800);    /* startstack */
	assert_int_equal(v[34], 0x4002);        /* sigcatch */
	assert_int_equal(v[48], 0x1000);        /* arg_start */
	assert_int_equal(v[51], 0x1017);        /* env_end */
}

static void words_come_out_of_its_memory(void **st)
{
	struct vnode *vn = open_file("/proc/7/cmdline");
	const char *at;
	size_t n;

	(void)st;
	assert_int_equal(vn->ops->text(vn, 0, &at, &n), 0);
	assert_int_equal(n, 13);
	assert_memory_equal(at, "prog\0an arg\0\0", 13);
	vnode_put(vn);
	vn = open_file("/proc/7/environ");
	assert_int_equal(vn->ops->text(vn, 0, &at, &n), 0);
	assert_int_equal(n, 10);
	assert_memory_equal(at, "HOME=/\0X=", 10);
	vnode_put(vn);
	assert_string_equal(read_all("/proc/1/cmdline"), "");
}

static void status_has_lines_about_memory_only_for_who_has_some(void **st)
{
	(void)st;
	assert_has(read_all("/proc/7/status"), "\nVmRSS:\t      24 kB\nRssAnon:\t       8 kB\nRssFile:\t      16 kB\n");
	assert_has(read_all("/proc/7/status"), "\nSigCgt:\t0000000000004002\n");
	assert_null(strstr(read_all("/proc/1/status"), "Vm"));
}

static void limits_stand_in_columns(void **st)
{
	(void)st;
	assert_has(read_all("/proc/7/limits"), "Max open files            1024                 4096                 files     \n");
	assert_has(read_all("/proc/7/limits"), "Max resident set          unlimited            unlimited            bytes     \n");
}

/* ---- mappings */

/* A program at 4000, the heap, a shared file, the stack. */
static void map_make(uint64_t prog, uint64_t shared)
{
	const struct facts_entry e[] = {
		{.start = 0x4000, .end = 0x5000, .offset = 0x1000, .node = prog, .prot = 5, .object = FACTS_FILE,
		 .pages = {.rss = 1, .pss = 2048, .part = {{0, 0}, {1, 0}}}},
		{.start = 0x5000, .end = 0x7000, .prot = 3, .pages = {.rss = 2, .pss = 8192, .anon = 2, .part = {{0, 2}, {0, 0}}}},
		{.start = 0x10000, .end = 0x12000, .node = shared, .prot = 3, .object = FACTS_FILE, .flags = FACTSE_SHARED},
		{.start = 0x20000, .end = 0x21000, .prot = 1, .object = FACTS_DISK, .flags = FACTSE_SHARED},
		{.start = 0x7fff0000, .end = 0x7fff1000, .prot = 3, .flags = FACTSE_LOCKED | FACTSE_MAYWRITE,
		 .pages = {.rss = 1, .pss = 4096, .referenced = 1, .anon = 1, .part = {{0, 1}, {0, 0}}}},
	};

	memcpy(map, e, sizeof(e));
	nmap = 5;
	seven.exe = prog;
}

static void maps_have_linux_s_columns_and_the_names_of_files(void **st)
{
	struct vnode *prog, *gone;
	char want[200];

	(void)st;
	mk_file("/prog", 0755);
	mk_file("/gone", 0644);
	prog = open_file("/prog");
	gone = open_file("/gone");
	assert_int_equal(rm("/gone"), 0);
	map_make(prog->node, gone->node);
	snprintf(want, sizeof(want), "00004000-00005000 r-xp 00001000 00:%02x %-35lu/prog\n", (unsigned)prog->mnt->dev, (UL)prog->ino);
	assert_int_equal(strncmp(read_all("/proc/7/maps"), want, strlen(want)), 0);
	assert_has(read_all("/proc/7/maps"), "00005000-00007000 rw-p 00000000 00:00 0                                  [heap]\n");
	assert_has(read_all("/proc/7/maps"), "00010000-00012000 rw-s ");
	assert_has(read_all("/proc/7/maps"), " /gone (deleted)\n");
	assert_has(read_all("/proc/7/maps"), "r--s 00000000 00:00 0                                  /dev/vda\n");
	assert_has(read_all("/proc/7/maps"), "7fff0000-7fff1000 rw-p 00000000 00:00 0                                  [stack]\n");
	assert_has(read_all("/proc/7/statm"), "10 6 4 1 0 3 0\n");
	vnode_put(prog);
	vnode_put(gone);
}

static void smaps_tell_shared_from_private_and_the_rollup_adds_up(void **st)
{
	(void)st;
	map_make(0, 0);
	assert_has(read_all("/proc/7/smaps"), "Rss:                   4 kB\nPss:                   2 kB\nShared_Clean:          4 kB\n");
	assert_has(read_all("/proc/7/smaps"), "Locked:                4 kB\nTHPeligible:           0\nVmFlags: rd wr mr mw me lo \n");
	assert_has(read_all("/proc/7/smaps_rollup"), "00004000-7fff1000 ---p 00000000 00:00 0                                  [rollup]\n"
	           "Rss:                  16 kB\nPss:                  14 kB\nShared_Clean:          4 kB\n");
	assert_has(read_all("/proc/7/smaps_rollup"), "Private_Dirty:        12 kB\nReferenced:            4 kB\nAnonymous:            12 kB\n");
	assert_string_equal(read_all("/proc/1/smaps_rollup"), "");
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
	vfs_own_fd = -1;
	vfs_caller.pid = 1;
	assert_int_equal(opens("/proc/7/fd/1", O_RDONLY), -ENXIO);
	assert_int_equal(vfs_own_fd, -1);
	assert_false(exists("/proc/7/fd/2"));
	assert_string_equal(link_of("/proc/7/exe"), "No such file or directory");
}

/* ---- the machine */

static void the_machine_s_numbers_are_in_their_units(void **st)
{
	(void)st;
	assert_has(read_all("/proc/meminfo"), "MemTotal:           4000 kB\nMemFree:            1600 kB\nMemAvailable:       2800 kB\n");
	assert_has(read_all("/proc/meminfo"), "Dirty:                80 kB\n");
	assert_has(read_all("/proc/meminfo"), "Mapped:              200 kB\n");
	assert_has(read_all("/proc/stat"), "cpu  201 0 0 150 0 0 0 0 0 0\ncpu0 200 0 0 100 0 0 0 0 0 0\ncpu1 1 0 0 50 0 0 0 0 0 0\nintr 11\n"
	           "ctxt 9\nbtime 1700000000\nprocesses 88\nprocs_running 2\n");
	assert_has(read_all("/proc/vmstat"), "pgpgin 8\n");
	assert_has(read_all("/proc/vmstat"), "tlb_shootdowns_cpu0 3\ntlb_flushes_cpu0 1\ntlb_shootdowns_cpu1 0\ntlb_flushes_cpu1 4\n");
	assert_has(read_all("/proc/partitions"), " 254        0      65536 vda\n 254        1       3072 vda1\n");
	assert_has(read_all("/proc/sys/kernel/pid_max"), "32768\n");
	assert_string_equal(read_all("/proc/diskstats"), " 254       0 vda 10 0 11 0 12 0 13 0 0 0 0 0 0 0 0 14 0\n");
}

static void the_load_follows_those_who_run(void **st)
{
	double one, five, fifteen;
	unsigned running, threads, last;

	(void)st;
	machine.running = 3;
	for (int i = 0; i < 60; i++) {
		machine.now_ns += 5000000000;
		loadavg_tick();
	}
	assert_int_equal(sscanf(read_all("/proc/loadavg"), "%lf %lf %lf %u/%u %u", &one, &five, &fifteen, &running, &threads, &last), 6);
	assert_true(one > 1.9 && one <= 2.0 && five < one && fifteen < five && fifteen > 0.3);
	assert_true(running == 3 && threads == 5 && last == 77);
}

static void mounts_are_listed_with_their_paths(void **st)
{
	(void)st;
	mk_dir("/a b", 0755);
	assert_int_equal(mount_here("/a b"), 0);
	assert_string_equal(read_all("/proc/mounts"),
	                    "none / tmpfs rw,relatime 0 0\nproc /proc proc rw,relatime 0 0\ntmpfs /a\\040b tmpfs rw,relatime 0 0\n");
	assert_has(read_all("/proc/self/mountinfo"), " / /a\\040b rw,relatime - tmpfs tmpfs rw\n");
}

#undef T
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_number_is_a_process_if_there_is_one), T(threads_have_what_processes_have_but_threads), T(self_is_who_asks),
		T(a_directory_lists_each_name_once_with_the_number_that_stat_tells), T(the_way_up_leads_back_to_the_root),
		T(nothing_is_made_or_removed), T(files_are_regular_empty_and_their_process_s),
		T(environment_descriptors_and_maps_are_for_the_owner_and_root),
		T(a_text_is_of_one_moment_until_it_is_read_from_its_start_again), T(pieces_are_the_whole),
		T(a_process_that_died_since_the_open_is_esrch), T(a_text_that_grows_without_end_is_cut_and_the_next_one_is_whole),
		T(stat_has_52_fields_behind_a_name_that_may_hold_anything), T(words_come_out_of_its_memory),
		T(status_has_lines_about_memory_only_for_who_has_some), T(limits_stand_in_columns),
		T(maps_have_linux_s_columns_and_the_names_of_files), T(smaps_tell_shared_from_private_and_the_rollup_adds_up),
		T(a_descriptor_s_link_leads_to_its_file_also_when_the_name_is_gone), T(a_name_that_now_is_another_file_s_is_not_believed),
		T(a_path_goes_on_behind_a_link_to_a_directory), T(what_is_no_file_has_a_name_and_is_opened_by_the_kernel),
		T(the_machine_s_numbers_are_in_their_units), T(the_load_follows_those_who_run), T(mounts_are_listed_with_their_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
