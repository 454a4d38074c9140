/* SPDX-License-Identifier: MIT */
/* kernel/proc.h - RING 0 - processes: an address space, descriptors, handles, signal actions. */
#ifndef KERNEL_PROC_H
#define KERNEL_PROC_H

#include "kernel/file.h"
#include "kernel/thread.h"

#define PID_INIT 1

struct boot_server;
struct map;
struct note;

/* A directory, and its node, which is read without a lock; NULL and 0: the root. */
struct place { struct file *dir; uint64_t node; };

struct proc {
	union { struct proc_life life; struct proc_life; };     /* [c] pid, start_ns; [p] execs, exit_status */
	uint32_t refs;                  /* atomic */
	union { struct proc_attr attr; struct proc_attr; };     /* [p] p->uid is p->attr.uid; one number: no lock */
	struct spinlock lock;           /* RANK_PROC */
	struct list  all_link;          /* [P] P: proc_tree_lock (RANK_PROC too: never one in the other) */
	struct list  threads;           /* [p] by rising tid */
	int      stopped;               /* [p] by this signal; its threads sleep on `wait` */
	struct waitq wait;              /* [p] its threads: stopped, until others end, for signals; its vfork parent */
	struct note *born, *ended;      /* memory to tell the process manager with; NULL: told, it is born, a zombie */
	struct map *map;                /* changed by exec and exit alone, under p; own reference */
	struct file *exe;               /* [p] what it runs: a reference; NULL: a boot module, or over */
	struct handles handles;
	struct file *trace;             /* [p] strace's pipe: a reference; set once, NULL: nobody wants to know */
	struct mutex files_lock;        /* RANK_FILE */
	struct file *fd[FD_MAX];        /* [files_lock] */
	uint8_t  fd_flags[FD_MAX];      /* set with a number, under files_lock; later by its users */
	int      fd_end;                /* [files_lock] past the last that ever was used */
	struct place cwd, root;         /* changed under files_lock */
	bool     locks;                 /* it has asked for record locks: only ever set */
	struct sigaction_k action[65];  /* [p] by signal number */
	struct sigpending pending;      /* [p] of the whole process */
	uint32_t sig_queued;            /* [p] entries on its queue and those of its threads (Q3) */
	bool     exiting;               /* [p] proc_end_locked() */
	struct thread *survivor;        /* [p] exec: every thread but this one ends */
	struct usage used;              /* [p] by threads that have ended */
	struct port *port;              /* [c] of a server, a boot module, which may use the calls marked [S]: its own
	                                   (handle 1), which outlives it; others: NULL */
	const struct boot_disk *disk;   /* [c] what it drives (main.c); NULL: no driver */
};

static inline struct proc *current_proc(void) { return current_thread()->proc; }

/* proc.c.  A process holds one reference of itself until it is reaped. */
extern struct spinlock proc_tree_lock;
extern struct list all_procs;                           /* [P] by rising pid */
extern uint64_t proc_births;                            /* [P] processes ever made */
extern uint32_t proc_last_pid;                          /* [P] */
struct thread *proc_create(void);       /* its first thread, a program's; no name, no map; NULL: no memory */
void proc_ref(struct proc *);
void proc_unref(struct proc *);
/* A reference that is dropped at the end of its block: PROC_HELD struct proc *p = proc_find(...); NULL is none. */
static inline void proc_held_unref(struct proc **p) { if (*p) proc_unref(*p); }
#define PROC_HELD __attribute__((cleanup(proc_held_unref)))
struct proc *proc_find(uint32_t pid, bool or_next);     /* a reference, of a zombie too; NULL */
struct thread *proc_thread(struct proc *);              /* thread_create() and on p->threads; the first gets the pid;
                                                           NULL: no memory, or the process ends */
struct thread *thread_from_locked(struct proc *, uint32_t tid); /* this one or the next; NULL.  p->lock held */
void proc_thread_exit(int status) __attribute__((noreturn));    /* the current thread alone */
/* Complete: it can be found, by the first number that is free from pid on (0: after the last).
 * note: what the process manager wants to hear of its birth again (abi/pm.h).  parent NULL: a server, its own group */
void proc_publish(struct proc *, const struct proc *parent, uint32_t pid, uint64_t note);
void proc_exit(int wait_status) __attribute__((noreturn));      /* the whole current process, all its threads */
/* All its threads shall end; the first who says so, or the last thread, decides the status.  p->lock held */
void proc_end_locked(struct proc *, int wait_status);
void thread_memory_leave(struct thread *);              /* the current one's: exec, exit */
/* exec, exit (NULL): its memory from here on, and what runs there, with their references; vfork's parent may go on. */
void proc_program_set(struct proc *, struct map *, struct file *exe);
struct usage thread_usage(struct thread *);

/* exec.c: a wired server process out of a boot module, with its port; its thread, not started yet.  The first is init
 * and gets pid 1. */
struct thread *server_create(const struct boot_server *);
void server_uses(struct thread *, struct port *);       /* main.c; it knows it by its next handle: itself, DISKS, FS */

/* futex.c */
void futex_wake_one(uaddr_t at);                        /* a word of the current process was changed by the kernel */
void futex_robust_exit(struct thread *);                /* the current thread's: mark what it still owns */

/* signal.c */
#define SIG_MASK(n) BIT((n) - 1)
#define SIG_UNBLOCKABLE (SIG_MASK(SIGKILL) | SIG_MASK(SIGSTOP))
void signal_send(struct proc *, int signo);             /* the kernel's: queue and wake */
void threads_interrupt_locked(struct proc *);           /* those that have something to look at now; p->lock held */
void signal_actions_clear(struct proc *);               /* what is not ignored is default again; p->lock, or p is new */
void signal_mask_set(uint64_t mask);                     /* of the current thread */
int signal_mask_swap(uaddr_t set, uint64_t size);       /* until this call ends, or a handler: ppoll, sigsuspend */
void signal_mask_back(void);                            /* no signal came */
void sigqueue_flush_locked(struct proc *, struct sigpending *, uint64_t set, bool timers);
void signals_flush_locked(struct proc *, uint64_t set, bool timers);

/* proc.c: seconds, and parts of which each is `unit` ns: a timespec's 1, a timeval's 1000.  -EFAULT, -EINVAL */
int deadline_in(uaddr_t from, uint32_t unit, int64_t since, uint64_t *deadline);        /* from 0: WAIT_FOREVER */
int deadline_out(uaddr_t to, uint32_t unit, uint64_t deadline);         /* how long until then; to 0: nowhere */

/* sigframe.c.  -EFAULT: the stack is not there */
int sigframe_push(struct trapframe *, const struct sigaction_k *, const struct siginfo *, uint64_t mask);

/* ---- main.c: a PCI function and its driver: registers, memory for rings, MSI-X interrupts.
 * Configuration space and MSI-X table are the loader's and ring 0's: whoever writes them can make a device write any
 * memory. */

void device_interrupt(unsigned vector);                 /* of one of the disks; nothing if nobody wants it */
void device_stop(const struct boot_disk *);             /* its driver ends (D2) */

#endif
