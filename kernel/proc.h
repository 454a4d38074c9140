/* SPDX-License-Identifier: MIT */
/* kernel/proc.h - RING 0 - processes: an address space, descriptors, handles, signal actions, a family. */
#ifndef KERNEL_PROC_H
#define KERNEL_PROC_H

#include "kernel/file.h"
#include "kernel/handle.h"
#include "kernel/klib.h"
#include "kernel/thread.h"
#include "kernel/trap.h"

struct map;

struct sigaction_k { uaddr_t handler; uint64_t flags; uaddr_t restorer; uint64_t mask; };       /* the kernel's layout of Linux */

struct proc {
	uint32_t pid;                   /* [c] */
	uint32_t refs;                  /* atomic */
	char     name[32];              /* [p] of the program, for messages */
	bool     server;                /* [c] a boot module: may use the calls marked [S] */
	struct spinlock lock;           /* RANK_PROC */
	struct proc *parent;            /* [P] P: proc_tree_lock (RANK_PROC too, taken first) */
	struct list  all_link;          /* [P] */
	struct list  children, sibling; /* [P] */
	struct list  threads;           /* [p] */
	uint32_t nthreads;              /* [p] */
	uint32_t pgid, sid;             /* [P] */
	bool     dead;                  /* [P] a zombie, waits for its parent */
	int      exit_status;           /* [P] as wait4 gives it */
	struct waitq wait;              /* [P] the parent sleeps here for its children */
	struct map *map;                /* changed by exec alone; own reference */
	struct handles handles;
	struct mutex files_lock;        /* RANK_FILE */
	struct file *fd[FD_MAX];        /* [files_lock] */
	uint8_t  fd_flags[FD_MAX];      /* [files_lock] */
	struct file *cwd;               /* [files_lock] FILE_DIR; NULL: the root */
	uint32_t umask;
	uint32_t uid, euid, gid, egid;  /* [p] */
	struct sigaction_k action[65];  /* [p] by signal number */
	uint64_t sig_pending;           /* [p] of the whole process */
	struct siginfo_min sig_info[65];        /* [p] */
	bool     exiting;               /* [p] exit_group or a fatal signal: every thread ends */
	int      exit_code;             /* [p] */
	uint64_t cpu_ns, child_cpu_ns;  /* [p] */
	uint64_t rlimit[16][2];         /* [p] soft, hard by RLIMIT_* */
	struct port *port;              /* servers: their own port (handle 1) */
	struct timer alarm;             /* setitimer(ITIMER_REAL) */
	uint64_t alarm_interval;
};

static inline struct proc *current_proc(void) { return current_thread()->proc; }

struct proc *proc_create(const char *name, struct proc *parent);        /* no map, no threads; NULL: no memory */
void proc_exit(int wait_status) __attribute__((noreturn));              /* the whole current process, all its threads */
/* A boot module: run the ELF image at [image, image+len) of kernel memory as a wired server process (text, data, bss and
 * stack copied to anonymous pages), argv = {name, args...}.  Not started yet: thread_start(first thread). -errno. */
int proc_spawn_module(const char *name, const void *image, size_t len, struct proc **out, struct thread **thread);
int signal_send(struct proc *, int signo, int code, uint32_t sender_pid);      /* kill(): queue and wake */

#endif
