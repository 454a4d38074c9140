/* links: fs/vfs_*.c fs/tmpfs.c fs/procfs*.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_procfs_text.c - HOST - /proc: what stands in the files, of a process and of the machine. */
#include "fs/vfs_share.h"
#include "tests/unit/procfix.h"

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
	map[0] = (struct facts_entry){ .start = 0x5000, .end = 0x7000, .prot = 3, .pages.anon = 2 };
	nmap = 1;
	assert_has(read_all("/proc/7/status"), "\nVmRSS:\t      24 kB\nRssAnon:\t       8 kB\nRssFile:\t      16 kB\n");
	assert_has(read_all("/proc/7/status"), "\nSigCgt:\t0000000000004002\n");
	assert_null(strstr(read_all("/proc/1/status"), "Vm"));
}

static void limits_stand_in_columns(void **st)
{
	(void)st;
	assert_has(read_all("/proc/7/limits"),
	           "Max open files            1024                 4096                 files     \n");
	assert_has(read_all("/proc/7/limits"),
	           "Max resident set          unlimited            unlimited            bytes     \n");
}

/* ---- mappings */

/* A program at 4000, the heap, a shared file, the stack. */
static void map_make(uint64_t prog, uint64_t shared)
{
	const struct facts_entry e[] = {
		{ .start = 0x4000,
		  .end = 0x5000,
		  .offset = 0x1000,
		  .node = prog,
		  .prot = 5,
		  .object = FACTS_FILE,
		  .pages = { .rss = 1, .pss = 2048, .part = { { 0, 0 }, { 1, 0 } } } },
		{ .start = 0x5000,
		  .end = 0x7000,
		  .prot = 3,
		  .pages = { .rss = 2, .pss = 8192, .anon = 2, .part = { { 0, 2 }, { 0, 0 } } } },
		{ .start = 0x10000,
		  .end = 0x12000,
		  .node = shared,
		  .prot = 3,
		  .object = FACTS_FILE,
		  .flags = FACTSE_SHARED },
		{ .start = 0x20000, .end = 0x21000, .prot = 1, .object = FACTS_DISK, .flags = FACTSE_SHARED },
		{ .start = 0x7fff0000,
		  .end = 0x7fff1000,
		  .prot = 3,
		  .max_prot = 3,
		  .flags = FACTSE_LOCKED,
		  .pages = { .rss = 1, .pss = 4096, .referenced = 1, .anon = 1, .part = { { 0, 1 }, { 0, 0 } } } },
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
	snprintf(want, sizeof(want), "00004000-00005000 r-xp 00001000 00:%02x %-35lu/prog\n", (unsigned)prog->mnt->dev,
	         (UL)prog->ino);
	assert_int_equal(strncmp(read_all("/proc/7/maps"), want, strlen(want)), 0);
	assert_has(read_all("/proc/7/maps"),
	           "00005000-00007000 rw-p 00000000 00:00 0                                  [heap]\n");
	assert_has(read_all("/proc/7/maps"), "00010000-00012000 rw-s ");
	assert_has(read_all("/proc/7/maps"), " /gone (deleted)\n");
	assert_has(read_all("/proc/7/maps"), "r--s 00000000 00:00 0                                  /dev/vda\n");
	assert_has(read_all("/proc/7/maps"),
	           "7fff0000-7fff1000 rw-p 00000000 00:00 0                                  [stack]\n");
	assert_has(read_all("/proc/7/statm"), "10 6 3 1 0 3 0\n");
	vnode_put(prog);
	vnode_put(gone);
}

static void smaps_tell_shared_from_private_and_the_rollup_adds_up(void **st)
{
	(void)st;
	map_make(0, 0);
	assert_has(read_all("/proc/7/smaps"),
	           "Rss:                   4 kB\nPss:                   2 kB\nShared_Clean:          4 kB\n");
	assert_has(read_all("/proc/7/smaps"),
	           "Locked:                4 kB\nTHPeligible:           0\nVmFlags: rd wr mr mw me lo \n");
	assert_has(read_all("/proc/7/smaps_rollup"),
	           "00004000-7fff1000 ---p 00000000 00:00 0                                  [rollup]\n"
	           "Rss:                  16 kB\nPss:                  14 kB\nShared_Clean:          4 kB\n");
	assert_has(read_all("/proc/7/smaps_rollup"),
	           "Private_Dirty:        12 kB\nReferenced:            4 kB\nAnonymous:            12 kB\n");
	assert_string_equal(read_all("/proc/1/smaps_rollup"), "");
}

/* ---- the machine */

static void the_machine_s_numbers_are_in_their_units(void **st)
{
	(void)st;
	assert_has(read_all("/proc/meminfo"),
	           "MemTotal:           4000 kB\nMemFree:            1600 kB\nMemAvailable:       2800 kB\n");
	assert_has(read_all("/proc/meminfo"), "Dirty:                80 kB\n");
	assert_has(read_all("/proc/meminfo"), "Mapped:              200 kB\n");
	assert_has(read_all("/proc/stat"),
	           "cpu  201 0 0 150 0 0 0 0 0 0\ncpu0 200 0 0 100 0 0 0 0 0 0\ncpu1 1 0 0 50 0 0 0 0 0 0\nintr 11\n"
	           "ctxt 9\nbtime 1700000000\nprocesses 88\nprocs_running 2\nprocs_blocked 0\n");
	seven.state = 'D';
	assert_has(read_all("/proc/stat"), "procs_blocked 2\n");
	assert_has(read_all("/proc/meminfo"), "Mlocked:               8 kB\n");
	assert_has(read_all("/proc/meminfo"), "Slab:                 16 kB\n");
	assert_has(read_all("/proc/meminfo"), "PageTables:           36 kB\n");
	assert_has(read_all("/proc/vmstat"), "pgpgin 8\n");
	assert_has(read_all("/proc/vmstat"),
	           "tlb_shootdowns_cpu0 3\ntlb_flushes_cpu0 1\ntlb_shootdowns_cpu1 0\ntlb_flushes_cpu1 4\n");
	assert_has(read_all("/proc/partitions"), " 254        0      65536 vda\n 254        1       3072 vda1\n");
	assert_has(read_all("/proc/sys/kernel/pid_max"), "65536\n");
	assert_string_equal(read_all("/proc/diskstats"), " 254       0 vda 10 0 11 0 12 0 13 0 0 0 0 0 0 0 0 14 0\n");
}

static void the_load_follows_those_who_run(void **st)
{
	double one, five, fifteen;
	unsigned runs, threads, last;

	(void)st;
	running = 3;
	for (int i = 0; i < 60; i++) {
		machine.now_ns += 5000000000;
		loadavg_tick();
	}
	assert_int_equal(sscanf(read_all("/proc/loadavg"), "%lf %lf %lf %u/%u %u", &one, &five, &fifteen, &runs,
	                        &threads, &last),
	                 6);
	assert_true(one > 1.9 && one <= 2.0 && five < one && fifteen < five && fifteen > 0.3);
	assert_true(runs == 3 && threads == 5 && last == 77);
}

static void mounts_are_listed_with_their_paths(void **st)
{
	(void)st;
	mk_dir("/a b", 0755);
	assert_int_equal(mount_here("/a b"), 0);
	assert_string_equal(read_all("/proc/mounts"), "none / tmpfs rw,relatime 0 0\nproc /proc proc rw,relatime 0 "
	                                              "0\ntmpfs /a\\040b tmpfs rw,relatime 0 0\n");
	assert_has(read_all("/proc/self/mountinfo"), " / /a\\040b rw,relatime - tmpfs tmpfs rw\n");
}

/* A user who keeps texts open has his share; another one still reads. */
static void one_user_cannot_take_all_room_for_texts(void **st)
{
	struct vnode *vn[100];
	const char *at;
	size_t len;
	int n = 0, rc;

	(void)st;
	share_limit(SHARE_TEXTS, 64 << 10);
	vfs_caller.cred.uid = 1000;
	do {
		vn[n] = open_file("/proc/uptime");
		rc = vn[n]->ops->text(vn[n], 0, &at, &len);
	} while (n++ < 90 && !rc);
	assert_int_equal(rc, -ENOMEM);
	assert_in_range(n, 60, 65);             /* of 512 bytes each */
	vfs_caller.cred.uid = 1001;
	assert_true(strlen(read_all("/proc/uptime")) > 5);
	vfs_caller.cred.uid = 0;
	while (n) vnode_put(vn[--n]);
	share_limit(SHARE_TEXTS, 16 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(stat_has_52_fields_behind_a_name_that_may_hold_anything), T(words_come_out_of_its_memory),
		T(status_has_lines_about_memory_only_for_who_has_some), T(limits_stand_in_columns),
		T(maps_have_linux_s_columns_and_the_names_of_files),
		T(smaps_tell_shared_from_private_and_the_rollup_adds_up), T(the_machine_s_numbers_are_in_their_units),
		T(the_load_follows_those_who_run), T(mounts_are_listed_with_their_paths),
		T(one_user_cannot_take_all_room_for_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
