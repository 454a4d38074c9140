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
struct text { char *buf; size_t len, room; bool full; };
void text_add(struct text *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_put(struct text *, const void *bytes, size_t n);
void text_pad(struct text *, size_t from, size_t width);        /* spaces, until width bytes stand behind from */
void text_free(struct text *);

/* Directories that look alike are one: of any pid, of any thread. */
enum proc_dir { DIR_NONE, DIR_ROOT, DIR_PID, DIR_TASKS, DIR_TASK, DIR_FDS, DIR_SYS, DIR_KERNEL, DIR_RANDOM, DIR_VM, DIR_FS };

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
void loadavg_tick(void);                /* procfs_stat.c: now and then, some seconds apart */

/* The makers. */
int make_meminfo(struct text *, const struct proc_node *), make_stat(struct text *, const struct proc_node *);
int make_vmstat(struct text *, const struct proc_node *), make_uptime(struct text *, const struct proc_node *);
int make_loadavg(struct text *, const struct proc_node *), make_interrupts(struct text *, const struct proc_node *);
int make_cpuinfo(struct text *, const struct proc_node *), make_cmdline(struct text *, const struct proc_node *);
int make_mounts(struct text *, const struct proc_node *), make_mountinfo(struct text *, const struct proc_node *);
int make_partitions(struct text *, const struct proc_node *), make_diskstats(struct text *, const struct proc_node *);
int make_uuid(struct text *, const struct proc_node *), make_hostname(struct text *, const struct proc_node *);
int make_threads_max(struct text *, const struct proc_node *), make_version(struct text *, const struct proc_node *);
int make_osrelease(struct text *, const struct proc_node *), make_ostype(struct text *, const struct proc_node *);
int make_pid_stat(struct text *, const struct proc_node *), make_pid_statm(struct text *, const struct proc_node *);
int make_pid_status(struct text *, const struct proc_node *), make_pid_comm(struct text *, const struct proc_node *);
int make_pid_cmdline(struct text *, const struct proc_node *), make_pid_environ(struct text *, const struct proc_node *);
int make_pid_limits(struct text *, const struct proc_node *), make_pid_io(struct text *, const struct proc_node *);
int make_pid_maps(struct text *, const struct proc_node *), make_pid_smaps(struct text *, const struct proc_node *);
int make_pid_rollup(struct text *, const struct proc_node *);

int link_self(const struct proc_node *, char *buf, size_t len), link_thread_self(const struct proc_node *, char *, size_t);
int link_exe(const struct proc_node *, char *buf, size_t len), link_cwd(const struct proc_node *, char *, size_t);
int link_root(const struct proc_node *, char *buf, size_t len), link_fd(const struct proc_node *, char *, size_t);
int target_exe(const struct proc_node *, struct vnode **), target_cwd(const struct proc_node *, struct vnode **);
int target_root(const struct proc_node *, struct vnode **), target_fd(const struct proc_node *, struct vnode **);

#endif
