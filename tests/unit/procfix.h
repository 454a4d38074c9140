/* SPDX-License-Identifier: MIT */
/* tests/unit/procfix.h - HOST - /proc in the VFS of vfsfix.h, over a kernel that is a table. */
#ifndef UNIT_PROCFIX_H
#define UNIT_PROCFIX_H

#include <sys/random.h>

#include "fs/procfs.h"
#include "fs/random.h"
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

void random_fill(void *buf, size_t n) { assert_int_equal(getrandom(buf, n, 0), n); }

static struct facts_proc seven;
static struct facts_entry map[8];
static unsigned nmap, asked;
static struct facts_fd fd[4];
static unsigned nfd;
static bool dead;
static char memory[] = "prog\0an arg\0\0HOME=/\0X=";
static struct facts_machine machine;
static uint64_t running;
static struct facts_memory memory_of_all;

static long records(const void *from, size_t size, unsigned first, unsigned count, void *buf, size_t room)
{
	if (first >= count) return 0;
	assert_int_equal(room, size);
	memcpy(buf, (const char *)from + first * size, size);
	return (long)size;
}

/* It has threads 7 and 9. */
static long of_seven(enum facts_kind kind, uint64_t index, void *buf, size_t size)
{
	unsigned i = 0;

	switch (kind) {
	case FACTS_NEXT:
		if (index > 9) return -ESRCH;
		if (index) seven.tid = index <= 7 ? 7 : 9;
		return records(&seven, sizeof(seven), 0, 1, buf, size);
	case FACTS_PROC:
		return index && index != 7 && index != 9 ? -ESRCH : records(&seven, sizeof(seven), 0, 1, buf, size);
	case FACTS_MAP:
	case FACTS_PAGES:
		while (i < nmap && map[i].end <= index) i++;
		return records(map, sizeof(map[0]), i, nmap, buf, size);
	case FACTS_FD:
		while (i < nfd && fd[i].fd < index) i++;
		return records(fd, sizeof(fd[0]), i, nfd, buf, size);
	case FACTS_BYTES:
		size = size < 5 ? size : 5;
		memcpy(buf, memory + index - 0x1000, size);
		return (long)size;
	default: return -EINVAL;
	}
}

long facts(enum facts_kind kind, uint32_t pid, uint64_t index, void *buf, size_t size)
{
	const struct facts_cpu cpu[2] = {
		{.user_ns = 2000000000, .idle_ns = 1000000000, .irqs = 5, .tlb_shootdowns = 3, .tlb_flushes = 1, .pages_in = 2,
		 .running = running},
		{.user_ns = 10000000, .idle_ns = 500000000, .irqs = 6, .switches = 9, .tlb_flushes = 4},
	};

	asked++;
	if (kind == FACTS_MACHINE) return records(&machine, sizeof(machine), 0, 1, buf, size);
	if (kind == FACTS_MEMORY) return records(&memory_of_all, sizeof(memory_of_all), 0, 1, buf, size);
	if (kind == FACTS_CPU) return records(cpu, sizeof(cpu[0]), index, 2, buf, size);
	if (kind == FACTS_NEXT && !index && pid != 1) pid = pid < 1 ? 1 : pid <= 7 ? 7 : pid;
	if (pid == 7 && !dead) return of_seven(kind, index, buf, size);
	if (pid == 1 && (kind == FACTS_PROC || (kind == FACTS_NEXT && index <= 1)))
		return records(&(struct facts_proc){.pid = 1, .tid = 1, .state = 'S', .attr.name = "init", .threads = 3,
		                                    .rss = 144, .locked = 8192}, sizeof(seven), 0, 1, buf, size);
	return pid == 1 ? 0 : -ESRCH;
}

/* ---- reading */

static inline struct vnode *open_file(const char *path)
{
	struct vnode *vn = NULL;

	assert_int_equal(vfs_open(top(), path, strlen(path), O_RDONLY, 0, as, &vn), 0);
	return vn;
}

/* All of a file in pieces of `step` bytes; good until the next call. */
static inline const char *read_in(const char *path, size_t step)
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
static inline const char *read_all(const char *path) { return read_in(path, 65536); }

static inline const char *link_of(const char *path)
{
	static char buf[PATH_MAX];
	struct vnode *vn = find(path);
	size_t n = 0;
	int rc = vn->ops->readlink(vn, buf, sizeof(buf) - 1, &n);

	vnode_put(vn);
	buf[n] = 0;
	return rc ? strerror(-rc) : buf;
}

static inline void assert_has(const char *text, const char *line)
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
		.pid = 7,
		.threads = 2,
		.state = 'S',
		.attr = {.name = "a name) of (over 15", .ppid = 1,
		         .uid = 1000, .euid = 1000, .gid = 1000, .egid = 1000, .pgid = 6, .sid = 5,
		         .rlimit = { [7] = { 1024, 4096 }, [5] = { UINT64_MAX, UINT64_MAX } }},
		.used.cpu_ns = 1230000000,
		.start_ns = 4560000000,
		.size = 40960,
		.rss = 6,
		.layout.program = {.args = 0x1000, .env = 0x100d, .env_end = 0x1017, .stack = 0x7fff0800,
		                   .brk_start = 0x5000, .brk = 0x6800},
		.caught = 0x4002,
	};
	machine = (struct facts_machine){.now_ns = 61230000000, .boot_ns = 1700000000000000000, .cpus = 2, .last_pid = 77,
	                                 .forks = 88, .memory = 1000 * PAGE, .free = 400 * PAGE};
	memory_of_all = (struct facts_memory){.pages = {
		[FACTS_PRIVATE] = {100}, [FACTS_CACHED] = {0, 0, 280, [FACTS_DIRTY] = 20},
		[FACTS_KERNEL] = {50, [FACTS_TABLES] = 9, [FACTS_SLABS] = 4},
	}};
	running = 2;
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

#undef T
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
