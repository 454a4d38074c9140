/* SPDX-License-Identifier: MIT */
/* fs/procfs.c - RING 3 - /proc: names.  Which there are, whose they are, and which vnode stands for them.
 *
 * Path:  vfs_*.c > [procfs.c] > procfs_text.c when a file is read; the kernel's facts() for pids and descriptors
 * The kernel has the facts and no text, here is the text and no fact.  Nothing is remembered between two messages but
 * the text of files that are open: a process that is there at one lookup may be gone at the next.
 *
 * F1  Every lookup makes a vnode; it goes with its last reference.  Only the root is one and the same.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/procfs.h"

#define PROC_MAGIC 0x9fa0               /* linux/magic.h: programs look whether /proc is one */
#define R 0444
#define D S_IFDIR | 0555
#define L S_IFLNK | 0777
#define PIDS 256u                       /* readdir positions from here on are numbers: pid, tid, descriptor */

static const struct proc_file root_dir = {.name = "", .is = DIR_ROOT, .mode = D};
static const struct proc_file pid_dir = {.name = "", .in = DIR_ROOT, .is = DIR_PID, .mode = D};
static const struct proc_file task_dir = {.name = "", .in = DIR_TASKS, .is = DIR_TASK, .mode = D};
static const struct proc_file fd_link = {
	.name = "", .in = DIR_FDS, .mode = S_IFLNK | 0700, .link = link_fd, .target = target_fd,
};

static const struct proc_file files[] = {
	{.name = "cmdline", .in = DIR_ROOT, .mode = R, .make = make_cmdline},
	{.name = "cpuinfo", .in = DIR_ROOT, .mode = R, .make = make_cpuinfo},
	{.name = "devices", .in = DIR_ROOT, .mode = R, .fixed =
		"Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n\nBlock devices:\n254 virtblk\n"},
	{.name = "diskstats", .in = DIR_ROOT, .mode = R, .make = make_diskstats},
	{.name = "filesystems", .in = DIR_ROOT, .mode = R, .fixed =
		"nodev\tproc\nnodev\ttmpfs\nnodev\tdevfs\n\text2\n"},
	{.name = "interrupts", .in = DIR_ROOT, .mode = R, .make = make_interrupts},
	{.name = "loadavg", .in = DIR_ROOT, .mode = R, .make = make_loadavg},
	{.name = "meminfo", .in = DIR_ROOT, .mode = R, .make = make_meminfo},
	{.name = "mounts", .in = DIR_ROOT, .mode = L, .fixed = "self/mounts"},
	{.name = "partitions", .in = DIR_ROOT, .mode = R, .make = make_partitions},
	{.name = "self", .in = DIR_ROOT, .mode = L, .link = link_self},
	{.name = "stat", .in = DIR_ROOT, .mode = R, .make = make_stat},
	{.name = "sys", .in = DIR_ROOT, .is = DIR_SYS, .mode = D},
	{.name = "thread-self", .in = DIR_ROOT, .mode = L, .link = link_thread_self},
	{.name = "uptime", .in = DIR_ROOT, .mode = R, .make = make_uptime},
	{.name = "version", .in = DIR_ROOT, .mode = R, .make = make_version},
	{.name = "vmstat", .in = DIR_ROOT, .mode = R, .make = make_vmstat},

	{.name = "cmdline", .in = DIR_PID, .mode = R, .make = make_pid_cmdline},
	{.name = "comm", .in = DIR_PID, .mode = R, .make = make_pid_comm},
	{.name = "cwd", .in = DIR_PID, .mode = L, .link = link_cwd, .target = target_cwd},
	{.name = "environ", .in = DIR_PID, .mode = 0400, .make = make_pid_environ},
	{.name = "exe", .in = DIR_PID, .mode = L, .link = link_exe, .target = target_exe},
	{.name = "fd", .in = DIR_PID, .is = DIR_FDS, .mode = S_IFDIR | 0500},
	{.name = "io", .in = DIR_PID, .mode = 0400, .make = make_pid_io},
	{.name = "limits", .in = DIR_PID, .mode = R, .make = make_pid_limits},
	{.name = "maps", .in = DIR_PID, .mode = 0400, .make = make_pid_maps},
	{.name = "mountinfo", .in = DIR_PID, .mode = R, .make = make_mountinfo},
	{.name = "mounts", .in = DIR_PID, .mode = R, .make = make_mounts},
	{.name = "oom_score", .in = DIR_PID, .mode = R, .fixed = "0\n"},
	{.name = "oom_score_adj", .in = DIR_PID, .mode = R, .fixed = "0\n"},
	{.name = "root", .in = DIR_PID, .mode = L, .link = link_root, .target = target_root},
	{.name = "smaps", .in = DIR_PID, .mode = 0400, .make = make_pid_smaps},
	{.name = "smaps_rollup", .in = DIR_PID, .mode = 0400, .make = make_pid_rollup},
	{.name = "stat", .in = DIR_PID, .mode = R, .make = make_pid_stat},
	{.name = "statm", .in = DIR_PID, .mode = R, .make = make_pid_statm},
	{.name = "status", .in = DIR_PID, .mode = R, .make = make_pid_status},
	{.name = "task", .in = DIR_PID, .is = DIR_TASKS, .mode = D},
	{.name = "wchan", .in = DIR_PID, .mode = R, .fixed = "0"},

	{.name = "fs", .in = DIR_SYS, .is = DIR_FS, .mode = D},
	{.name = "kernel", .in = DIR_SYS, .is = DIR_KERNEL, .mode = D},
	{.name = "vm", .in = DIR_SYS, .is = DIR_VM, .mode = D},
	{.name = "file-max", .in = DIR_FS, .mode = R, .fixed = "9223372036854775807\n"},
	{.name = "nr_open", .in = DIR_FS, .mode = R, .fixed = "1024\n"},
	{.name = "pipe-max-size", .in = DIR_FS, .mode = R, .fixed = "65536\n"},
	{.name = "hostname", .in = DIR_KERNEL, .mode = R, .make = make_hostname},
	{.name = "osrelease", .in = DIR_KERNEL, .mode = R, .make = make_osrelease},
	{.name = "ostype", .in = DIR_KERNEL, .mode = R, .make = make_ostype},
	{.name = "pid_max", .in = DIR_KERNEL, .mode = R, .fixed = "65536\n"},
	{.name = "random", .in = DIR_KERNEL, .is = DIR_RANDOM, .mode = D},
	{.name = "shmmax", .in = DIR_KERNEL, .mode = R, .fixed = "9223372036854771712\n"},     /* sysv_shm.c */
	{.name = "shmmni", .in = DIR_KERNEL, .mode = R, .fixed = "4096\n"},
	{.name = "threads-max", .in = DIR_KERNEL, .mode = R, .make = make_threads_max},
	{.name = "boot_id", .in = DIR_RANDOM, .mode = R, .make = make_uuid},
	{.name = "entropy_avail", .in = DIR_RANDOM, .mode = R, .fixed = "256\n"},
	{.name = "uuid", .in = DIR_RANDOM, .mode = R, .make = make_uuid},
	{.name = "max_map_count", .in = DIR_VM, .mode = R, .fixed = "2147483647\n"},
	{.name = "mmap_min_addr", .in = DIR_VM, .mode = R, .fixed = "65536\n"},
	{.name = "overcommit_memory", .in = DIR_VM, .mode = R, .fixed = "1\n"},
	{.name = "swappiness", .in = DIR_VM, .mode = R, .fixed = "0\n"},
};
#define NFILES (sizeof(files) / sizeof(files[0]))
#define INO_NODE 128ull                 /* more than NFILES and the four above */

static struct proc_node *node_of(const struct vnode *vn) { return vn->fs; }

static uint64_t file_number(const struct proc_file *f)
{
	if (f >= files && f < files + NFILES) return f - files + 8;
	return f == &root_dir ? 1 : f == &pid_dir ? 2 : f == &task_dir ? 3 : 4;
}

/* The same name has the same number each time, and no other has it. */
static uint64_t node_ino(const struct proc_node *n)
{
	return file_number(n->file) + INO_NODE * (n->fd + 1) + ((uint64_t)n->pid << 20) + ((uint64_t)n->tid << 36);
}

int proc_facts(const struct proc_node *n, struct facts_proc *f)
{
	long got = facts(FACTS_PROC, n->pid, n->tid, f, sizeof(*f));

	if (got != sizeof(*f)) return got < 0 ? (int)got : -ESRCH;
	/* we do its work just now */
	if (n->pid == vfs_caller.pid && (!n->tid || n->tid == vfs_caller.tid)) f->state = 'R';
	return 0;
}

/* A process's names are its effective user's, or root's if it has had other rights (proc(5)). */
static int node_make(struct mount *m, struct proc_node like, struct vnode **out)
{
	struct proc_node *n = malloc(sizeof(*n));
	struct facts_proc f;
	struct vnode *vn;
	int rc = like.pid ? proc_facts(&like, &f) : 0;
	mode_t mode = like.file->mode;

	if (!n) rc = -ENOMEM;
	vn = rc ? NULL : vnode_new(m, node_ino(&like), mode & S_IFMT ? mode : mode | S_IFREG);
	if (!vn) {
		free(n);
		return rc == -ESRCH ? -ENOENT : rc ? rc : -ENOMEM;
	}
	*n = like;
	vn->fs = n;
	if (like.pid && (f.attr.dumpable || like.pid == vfs_caller.pid)) {
		vn->uid = f.attr.euid;
		vn->gid = f.attr.egid;
	}
	*out = vn;
	return 0;
}

/* A decimal number without leading zeros; -1: it is none. */
static int64_t number(const char *name, size_t len)
{
	int64_t v = 0;

	if (len == 0 || len > 9 || (len > 1 && name[0] == '0')) return -1;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9') return -1;
		v = v * 10 + name[i] - '0';
	}
	return v;
}

/* What a number means in this directory; false: no numbers here. */
static bool node_numbered(const struct proc_node *dir, uint64_t v, struct proc_node *n)
{
	*n = *dir;
	switch (dir->file->is) {
	case DIR_ROOT: n->file = &pid_dir; n->pid = v; return v > 0;
	case DIR_TASKS: n->file = &task_dir; n->tid = v; return v > 0;
	case DIR_FDS: n->file = &fd_link; n->fd = v; return true;
	default: return false;
	}
}

static bool fd_exists(const struct proc_node *n)
{
	struct facts_fd d;

	return facts(FACTS_FD, n->pid, n->fd, &d, sizeof(d)) == sizeof(d) && d.fd == (uint32_t)n->fd;
}

/* A thread has what a process has, but no threads. */
static bool stands_in(const struct proc_file *f, enum proc_dir dir)
{
	return f->in == dir || (dir == DIR_TASK && f->in == DIR_PID && f->is != DIR_TASKS);
}

static int procfs_lookup(struct vnode *dir, const char *name, size_t len, struct vnode **out)
{
	struct proc_node *d = node_of(dir), n = *d;
	int64_t v = number(name, len);

	if (v >= 0 && node_numbered(d, v, &n)) {
		if (n.fd >= 0 && !fd_exists(&n)) return -ENOENT;
		return node_make(dir->mnt, n, out);
	}
	for (n.file = files; n.file < files + NFILES; n.file++) {
		if (!stands_in(n.file, d->file->is) || strlen(n.file->name) != len) continue;
		if (memcmp(n.file->name, name, len) == 0) return node_make(dir->mnt, n, out);
	}
	return -ENOENT;
}

/* The node above: what its number was made of goes away. */
static struct proc_node node_above(const struct proc_node *n)
{
	struct proc_node up = {.file = &root_dir, .pid = n->pid, .tid = n->tid, .fd = -1};
	enum proc_dir in = n->tid && n->file->in == DIR_PID ? DIR_TASK : n->file->in;

	if (in == DIR_PID) up.file = &pid_dir;
	else if (in == DIR_TASK) up.file = &task_dir;
	else if (in == DIR_ROOT) up.pid = 0;
	for (const struct proc_file *f = files; f < files + NFILES; f++) {
		if (f->is && f->is == in) up.file = f;
	}
	if (in == DIR_TASKS) up.tid = 0;
	return up;
}

static int procfs_parent(struct vnode *dir, struct vnode **out)
{
	struct proc_node up = node_above(node_of(dir));

	if (up.file != &root_dir) return node_make(dir->mnt, up, out);
	*out = dir->mnt->root;
	vnode_ref(*out);
	return 0;
}

static bool emit_node(readdir_emit emit, void *arg, const struct proc_node *n, const char *name, uint64_t next)
{
	mode_t type = n->file->mode & S_IFMT ? n->file->mode & S_IFMT : S_IFREG;

	return emit(arg, name, strlen(name), node_ino(n), type >> 12, next);
}

/* The first number of a directory from v on; -1: there is none. */
static int64_t number_from(const struct proc_node *d, uint64_t v)
{
	struct facts_proc f;
	struct facts_fd fd;

	if (v > UINT32_MAX) return -1;
	switch (d->file->is) {
	case DIR_ROOT: return facts(FACTS_NEXT, v, 0, &f, sizeof(f)) > 0 ? (int64_t)f.pid : -1;
	case DIR_TASKS: return facts(FACTS_NEXT, d->pid, v ? v : 1, &f, sizeof(f)) > 0 ? (int64_t)f.tid : -1;
	case DIR_FDS: return facts(FACTS_FD, d->pid, v, &fd, sizeof(fd)) > 0 ? (int64_t)fd.fd : -1;
	default: return -1;
	}
}

/* Positions: 0 and 1 are "." and "..", then the table's index + 2, then numbers from PIDS on. */
static int procfs_readdir(struct vnode *dir, uint64_t pos, readdir_emit emit, void *arg)
{
	struct proc_node *d = node_of(dir), up = node_above(d), n = *d;
	char name[16];
	int64_t v;

	if (pos < 1 && !emit_node(emit, arg, d, ".", 1)) return 0;
	if (pos < 2 && !emit_node(emit, arg, &up, "..", 2)) return 0;
	for (uint64_t i = pos < 2 ? 0 : pos - 2; i < NFILES; i++) {
		n.file = &files[i];
		if (stands_in(n.file, d->file->is) && !emit_node(emit, arg, &n, n.file->name, i + 3)) return 0;
	}
	for (pos = pos < PIDS ? PIDS : pos; (v = number_from(d, pos - PIDS)) >= 0; pos = v + 1 + PIDS) {
		node_numbered(d, v, &n);
		snprintf(name, sizeof(name), "%u", (uint32_t)v);
		if (!emit_node(emit, arg, &n, name, v + 1 + PIDS)) return 0;
	}
	return 0;
}

static int procfs_getattr(struct vnode *vn, struct stat *st)
{
	st->st_nlink = S_ISDIR(vn->mode) ? 2 : 1;
	st->st_atim = st->st_mtim = st->st_ctim = time_spec(now_ns());
	if (S_ISREG(vn->mode)) st->st_blksize = 1024;
	return 0;
}

/* Links about others' files are for their owner and root, whatever they lead to (proc(5), ptrace access mode). */
static bool link_allowed(const struct vnode *vn)
{
	return !node_of(vn)->file->target || vfs_caller.cred.uid == 0 || vfs_caller.cred.uid == vn->uid;
}

static int procfs_readlink(struct vnode *vn, char *buf, size_t len, size_t *used)
{
	struct proc_node *n = node_of(vn);
	char path[PATH_MAX + 16];
	int rc = link_allowed(vn) ? 0 : -EACCES;

	if (rc) return rc;
	if (n->file->fixed) snprintf(path, sizeof(path), "%s", n->file->fixed);
	else rc = n->file->link(n, path, sizeof(path));
	if (rc) return rc;
	*used = strlen(path) < len ? strlen(path) : len;
	memcpy(buf, path, *used);
	return 0;
}

static int procfs_target(struct vnode *vn, struct vnode **out)
{
	struct proc_node *n = node_of(vn);

	if (!n->file->target) return -EOPNOTSUPP;
	return link_allowed(vn) ? n->file->target(n, out) : -EACCES;
}

static void procfs_inactive(struct vnode *vn)
{
	text_free(&node_of(vn)->text);
	free(vn->fs);
	vnode_free(vn);
}

static int procfs_statfs(struct mount *m, struct statfs *s)
{
	(void)m;
	s->f_type = PROC_MAGIC;
	return 0;
}

static int procfs_unmount(struct mount *m)
{
	if (m->root->refs > 1) return -EBUSY;
	vnode_put(m->root);
	return 0;
}

static int no_setattr(struct vnode *vn, const struct stat *st, unsigned which)
{
	(void)vn, (void)st, (void)which;
	return -EPERM;
}

const struct fs_ops procfs_ops = {
	FIXED_NAMES, .lookup = procfs_lookup, .readlink = procfs_readlink, .target = procfs_target,
	.readdir = procfs_readdir, .parent = procfs_parent, .getattr = procfs_getattr, .setattr = no_setattr,
	.text = procfs_text, .inactive = procfs_inactive, .statfs = procfs_statfs, .unmount = procfs_unmount,
};

int procfs_mount(struct mount *m)
{
	m->ops = &procfs_ops;
	tsc_mhz();
	return node_make(m, (struct proc_node){.file = &root_dir, .fd = -1}, &m->root);
}
