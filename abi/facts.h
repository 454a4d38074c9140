/* SPDX-License-Identifier: MIT */
/* abi/facts.h - BOTH RINGS - what the kernel knows of processes and memory, for the file server to make /proc of.
 *
 * facts(kind, pid, index, buf, size) -> bytes of one record, as far as there is room; 0: there is none.
 * Where there are many, it is the first at or after index: a descriptor, an address ...  The answer is the state of one
 * moment, which may be over: the next call finds the process gone and says -ESRCH.
 */
#ifndef ABI_FACTS_H
#define ABI_FACTS_H

#include <stdint.h>

#define FACTS_MAX 1024u                 /* bytes of a record */

enum facts_kind {
	FACTS_MACHINE,          /* struct facts_machine */
	FACTS_MEMORY,           /* struct facts_memory: looks at every page of memory */
	FACTS_CPU,              /* struct facts_cpu, of CPU index */
	/* of a process, from here on */
	FACTS_PROC,             /* struct facts_proc; index: a thread, whose state, times and mask it has then */
	FACTS_NEXT,             /* the same: of the first process from pid on; or of pid's first thread from index on */
	FACTS_MAP,              /* struct facts_entry: contains or follows address index */
	FACTS_PAGES,            /* the same, and all its pages are counted, not private ones alone */
	FACTS_BYTES,            /* memory from address index on, as far as its pages are there: waits for none */
	FACTS_FD,               /* struct facts_fd, from descriptor index on */
};

struct facts_machine {
	uint64_t now_ns;                        /* since boot */
	int64_t  boot_ns;                       /* since the epoch */
	uint64_t forks;                         /* processes ever made */
	uint64_t memory, free, reserve;         /* bytes; of what is free, programs do not get the last of it */
	uint32_t cpus, last_pid;
};

/* Pages, by their use and state as mm/page.h has them. */
struct facts_memory { uint64_t pages[4][5]; };
enum facts_use { FACTS_KERNEL, FACTS_PRIVATE = 2, FACTS_CACHED };       /* of the kernel; no file's; some object's */
enum facts_kernel { FACTS_TABLES = 1, FACTS_SLABS };                    /* of the kernel's: for what */
enum facts_cached { FACTS_DIRTY = 3, FACTS_WRITING };                   /* of objects': owed, being written */

struct facts_cpu {                              /* since boot */
	uint64_t user_ns, sys_ns, idle_ns;      /* sys_ns: in system calls and faults */
	uint64_t irqs, switches;                /* interrupts of devices, turns of threads */
	uint64_t tlb_shootdowns, tlb_flushes;   /* rounds that it asked for, requests of others that it answered */
	uint64_t faults, major;                 /* page faults; of these, those that waited for a page */
	uint64_t pages_in, pages_out;           /* read from and written to a pager */
	uint64_t running;                       /* now: threads that run or want to */
};

/* getrusage(2).  cpu_ns with sys_ns, minflt with majflt; maxrss in pages. */
struct usage { uint64_t cpu_ns, sys_ns, minflt, majflt, nvcsw, nivcsw, maxrss; };

static inline void usage_add(struct usage *to, struct usage u)
{
	to->cpu_ns += u.cpu_ns;
	to->sys_ns += u.sys_ns;
	to->minflt += u.minflt;
	to->majflt += u.majflt;
	to->nvcsw += u.nvcsw;
	to->nivcsw += u.nivcsw;
	if (to->maxrss < u.maxrss) to->maxrss = u.maxrss;
}

#define PROC_GROUPS  32u
#define PROC_RLIMITS 16u

/* What the process manager decides of a process (SYS_proc_set); ring 0 keeps it, as one, and reads it. */
struct proc_attr {
	uint64_t rlimit[PROC_RLIMITS][2];       /* soft, hard by RLIMIT_* */
	uint32_t ngroups, groups[PROC_GROUPS];          /* supplementary */
	uint32_t no_new_privs;                  /* exec gives it no other ids */
	int32_t  nice;                          /* kept, means nothing */
	uint32_t personality;                   /* the same */
	uint32_t umask;                         /* umask(2), which ring 0 answers */
	uint32_t pgid, sid;                     /* its group and session */
	/* set by exec, from here on ... */
	char     name[32];                      /* of the program */
	uint32_t uid, euid, suid, fsuid;        /* real, effective, saved, file system's */
	uint32_t gid, egid, sgid, fsgid;
	uint32_t dumpable;                      /* 0: it has, or had, other rights than its user: only root looks into it */
	/* not for its children, from here on */
	int32_t  pdeath_signal;                 /* what it gets when its parent dies; 0: nothing */
	/* ... up to here */
	uint32_t subreaper;                     /* orphans below it become its children */
	uint32_t ppid;                          /* 0: none */
	struct usage child_used;                /* by children that were waited for */
};

/* Of a program: its heap; where rsp began; its words, as they lie there: env ends args. */
struct program_layout { uint64_t brk_start, brk, stack, args, env, env_end; };

/* Of an address space: what a child has as its parent. */
struct map_layout {
	uint64_t mmap_top;                      /* free ranges are looked for from here down */
	struct program_layout program;
};

/* Of a process from its birth to its end. */
struct proc_life {
	uint32_t pid;
	uint32_t execs;                         /* since its fork */
	int32_t  exit_status;                   /* as wait4 gives it */
	uint64_t start_ns;                      /* since boot */
};

/* Of a thread. */
struct thread_words {
	uint32_t tid;
	uint64_t affinity;                      /* bit n for CPU n, on which it may run */
	uint64_t sig_mask;                      /* bit n-1 for signal n */
	uint64_t clear_tid, robust;             /* words of set_tid_address, set_robust_list */
};

struct facts_proc {
	union { struct proc_life life; struct proc_life; };
	union { struct thread_words words; struct thread_words; };      /* of the thread, or its first; tid 0: none is left */
	struct proc_attr attr;
	uint32_t threads;
	uint32_t server;                        /* a boot module */
	char     state;                         /* R S D T; X: all its threads end; Z */
	uint32_t cpu;
	uint64_t pending, shared_pending, ignored, caught;      /* bit n-1 for signal n */
	uint64_t child_flags;                   /* SA_* of its action for SIGCHLD */
	struct usage used;                      /* maxrss: before it executed this */
	uint64_t cwd, root, exe;                /* nodes; 0: none */
	uint64_t size, locked;                  /* bytes; 0, and all below: no address space (any more) */
	uint64_t rss, rss_peak;                 /* pages */
	struct map_layout layout;
};
_Static_assert(sizeof(struct facts_proc) <= FACTS_MAX, "a record");

struct facts_pages {                            /* pages */
	uint64_t rss, anon, referenced;
	uint64_t pss;                           /* bytes: each page counts as one part of the number of its sharers */
	uint64_t part[2][2];                    /* [shared][dirty] */
};

enum facts_object { FACTS_ANON, FACTS_SHARED, FACTS_FILE, FACTS_DISK };
struct facts_entry {
	uint64_t start, end;
	uint64_t offset;                        /* bytes in the object */
	uint64_t node;                          /* FILE: the file server's number; DISK: its index */
	uint32_t prot, max_prot;                /* PROT_* now, and what mprotect may give */
	uint32_t object, flags;                 /* enum facts_object, FACTSE_* */
	struct facts_pages pages;
};
#define FACTSE_SHARED   1u
#define FACTSE_LOCKED   2u
#define FACTSE_GROWS    4u

enum facts_fdkind { FACTS_FD_NODE, FACTS_FD_PIPE };
struct facts_fd {
	uint32_t fd, kind;                      /* enum facts_fdkind */
	uint32_t flags, mode;                   /* O_*, st_mode */
	uint64_t node, offset;                  /* node: of the file server; others: a number that tells them apart */
};

#endif
