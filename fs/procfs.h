/* SPDX-License-Identifier: MIT */
/* fs/procfs.h - RING 3 - between the files of procfs: names in tables, text made from the kernel's facts.
 *
 * Reading order: procfs.c (names), procfs_text.c (what a read gets), then the makers: procfs_sys.c, procfs_stat.c
 * (the machine), procfs_pid.c, procfs_map.c (a process), procfs_link.c (links that lead to files themselves).
 */
#ifndef FS_PROCFS_H
#define FS_PROCFS_H

#include <stdarg.h>

#include "abi/facts.h"
#include "fs/vfs_int.h"

#define PAGE 4096ul
#define UL unsigned long
#define KIB(pages) ((UL)(pages) * (PAGE / 1024))
#define TICKS(ns) ((ns) / 10000000)     /* of 1/100 s: sysconf(_SC_CLK_TCK), AT_CLKTCK */

/* Text that grows.  Past TEXT_MAX, or without memory, it ends at a whole addition. */
struct text { char *buf; size_t len, room; bool full; uint32_t payer; };        /* payer: whose share it takes */
void text_add(struct text *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_put(struct text *, const void *bytes, size_t n);
void text_octal(struct text *, const char *s, const char *chars);        /* a name; these characters of it as \ooo */
void text_pad(struct text *, size_t from, size_t width);        /* spaces, until width bytes stand behind from */
void text_free(struct text *);

/* Directories that look alike are one: of any pid, of any thread. */
enum proc_dir {
	DIR_NONE, DIR_ROOT, DIR_PID, DIR_TASKS, DIR_TASK, DIR_FDS, DIR_SYS, DIR_KERNEL, DIR_RANDOM, DIR_VM, DIR_FS
};

struct proc_node;
struct proc_file {
	const char *name;
	enum proc_dir in, is;           /* where it stands; what it is, if it is a directory itself */
	mode_t mode;
	/* Text: all of it, at one moment.  0, -ESRCH: the process is gone, -ENOMEM */
	int (*make)(struct text *, const struct proc_node *);
	const char *fixed;              /* text, or a link's target, that never changes */
	/* A link: its text, and the file it leads to whatever its text says (a reference); NULL: it is only text */
	int (*link)(const struct proc_node *, char *buf, size_t len);
	int (*target)(const struct proc_node *, struct vnode **out);
};

/* A vnode's own: every lookup makes a new one, so that each open file has a text of its own. */
struct proc_node {
	const struct proc_file *file;
	uint32_t pid, tid;              /* tid 0: the process as a whole */
	int fd;                         /* -1: none */
	bool made;
	struct text text;
};
extern const struct fs_ops procfs_ops;
int procfs_text(struct vnode *, uint64_t off, const char **at, size_t *n);      /* fs_ops.text */

/* The kernel's facts; host tests have their own.  Bytes, or -errno */
long facts(enum facts_kind, uint32_t pid, uint64_t index, void *buf, size_t size);
int proc_facts(const struct proc_node *, struct facts_proc *);          /* 0, -ESRCH */
double tsc_mhz(void);                   /* procfs_sys.c */
void loadavg_tick(void);                /* procfs_stat.c: about every second */

/* The makers. */
typedef int proc_make(struct text *, const struct proc_node *);
extern proc_make make_meminfo, make_stat, make_vmstat, make_uptime, make_loadavg, make_interrupts, make_cpuinfo;
extern proc_make make_cmdline, make_mounts, make_mountinfo, make_partitions, make_diskstats, make_uuid;
extern proc_make make_hostname, make_threads_max, make_version, make_osrelease, make_ostype, make_pid_stat;
extern proc_make make_pid_statm, make_pid_status, make_pid_comm, make_pid_cmdline, make_pid_environ, make_pid_limits;
extern proc_make make_pid_io, make_pid_maps, make_pid_smaps, make_pid_rollup;

typedef int proc_link(const struct proc_node *, char *buf, size_t len);
extern proc_link link_self, link_thread_self, link_exe, link_cwd, link_root, link_fd;
typedef int proc_target(const struct proc_node *, struct vnode **out);
extern proc_target target_exe, target_cwd, target_root, target_fd;

#endif
