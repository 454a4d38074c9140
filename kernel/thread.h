/* SPDX-License-Identifier: MIT */
/* kernel/thread.h - RING 0 - threads, the scheduler, the clock.
 *
 * states:  NEW -> READY (thread_start) -> RUNNING (schedule) -> READY (preempted at a return to ring 3, or yield)
 *          RUNNING -> SLEEPING (waitq_sleep, thread_sleep) -> READY (woken, timeout, signal)
 *          RUNNING -> DEAD (thread_exit); the next thread on that CPU drops its stack
 * The kernel itself is not preempted: a thread in ring 0 gives up the CPU only by sleeping, and in thread_pause().
 */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include "abi/vdso.h"
#include "kernel/cpu.h"

#define KSTACK_PAGES 4

enum thread_state { THREAD_NEW, THREAD_READY, THREAD_RUNNING, THREAD_SLEEPING, THREAD_DEAD };

struct proc;
struct trapframe;

struct sigpending { uint64_t set; struct list queue; };        /* signal.c; bit n-1 for signal n */

struct thread {
	struct list link;               /* [s] READY: run queue; SLEEPING: cpu->sleepers */
	struct list wait_link;          /* [w] the waitq it sleeps on; w: that queue's lock */
	struct list proc_link;          /* [p] proc->threads; without a process: kernel_threads */
	struct proc *proc;              /* [c] until its end (proc.c T3); NULL: a kernel thread */
	enum thread_state state;        /* [s] */
	union { struct thread_words words; struct thread_words; };      /* tid: [c], but for exec: the survivor gets the pid;
	                                   [s] affinity; [p] sig_mask; [self] clear_tid, robust */
	uint64_t rsp;                   /* [s] saved kernel stack pointer while not running */
	uint64_t kstack;                /* [c] lowest address; a guard page lies below */
	struct trapframe *tf;           /* its registers of ring 3 at the top of kstack, [self] */
	void    *fpu;                   /* XSAVE area of one page, [self]; NULL for kernel threads */
	uint64_t fs_base, gs_base;      /* [self] */
	bool     interruptible;         /* [s] a signal may end the sleep */
	bool     fatal_only;            /* [self] only one that ends the thread; in a call, its server too: port->lock */
	uint64_t wake_at;               /* [s] as one of cpu->sleepers: when */
	struct cpu *cpu;                /* [s] where it ran last */
	uint64_t sys_since;             /* [self] used.cpu_ns when it entered the call it is in; 0: none */
	struct usage used;              /* [self] so far; cpu_ns without the turn that it has now: [s] */
	uint64_t run_since;             /* [s] when it got the CPU */
	uint32_t mutexes;               /* [self] bit per rank of the mutexes it holds, for the order check */
	bool     program;               /* [c] neither the kernel's own nor a server's */
	bool     reserve;               /* may take pages of the reserve: servers, writeback, reclaim */

	/* signals of this thread (signal.c) */
	uint64_t sig_wait;              /* [p] blocked ones that it waits for all the same (sigtimedwait) */
	struct sigpending pending;      /* [p] */
	uint64_t sig_back;              /* [self] the mask after this call: another in sigsuspend and its like */
	struct sigstack sig_stack;      /* [self] sigaltstack */
	uint64_t sleep_until;           /* [self] a sleep begun again after a stop ends when it would have; 0: none */
	uint64_t syscall_nr;            /* [self] being executed; for restart, trace and the panic */
	const char *doing;              /* [self] for the panic: "ring 3", "page fault", a system call's name */
	const char *name;               /* [c] of kernel threads */
};

void thread_free(struct thread *);                      /* a DEAD one: its stack and state */
/* fn, which never returns, in ring 0, or NULL: it enters ring 3 by tf.  State NEW, a stack with tf at its top, all
 * registers 0, the FPU as a new program has it; NULL: no memory. */
struct thread *thread_create(struct proc *, const char *name, void (*fn)(void));
void thread_start(struct thread *);                     /* put it on a run queue; it enters ring 3 by tf */
void thread_kernel(const char *name, void (*fn)(void)); /* a kernel thread, started */
void thread_exit(void) __attribute__((noreturn));       /* the current one; proc.c did the rest */
void thread_yield(void);
/* Where ring 0 may be long about something, with no spinlock held: who has to wait no longer runs first. */
static inline void thread_pause(void) { if (this_cpu()->resched) thread_yield(); }
void thread_sleep(uint64_t ns);                         /* not interruptible; kernel threads */
int thread_sleep_until(uint64_t until, bool interruptible);     /* no lock held.  -ETIMEDOUT; -EINTR: a signal came */
int oom_wait(void);             /* forward.c: a process ends for want of memory.  0: try again; -ENOMEM: the caller's */
void thread_bind(struct thread *, uint64_t cpus);
uint64_t thread_cpu_ns(struct thread *);                /* with the turn that it may have just now */
void thread_interrupt(struct thread *);                 /* a signal came: end an interruptible sleep */
const void *fpu_start(void);                            /* an area's first BOOT_FPU_START bytes: that of a new program */
bool fpu_area_ok(const void *area);                     /* may it be restored without a fault? (signal frames) */
uint32_t fpu_area_size(void);                           /* bytes of the XSAVE area, for signal frames */
uint64_t fpu_features(void);                            /* the state components it has, as in XCR0 */
void fpu_save(void *area);                              /* live registers -> 64-byte aligned area */
void fpu_restore(const void *area);                     /* fpu_area_ok() or fpu_save() said so: cannot fault */
/* As waitq_sleep(), on no queue: for who is woken by name.  lk NULL: there is no condition, only a signal or the deadline.
 * wake: if it sleeps; ahead: before others (S5).  Who could miss it holds the lock that guards the condition. */
int sched_sleep(struct spinlock *lk, uint64_t deadline, bool interruptible);
void sched_wake(struct thread *, bool ahead);
void sched_tick(void);          /* the clock, or another CPU, says that there may be something to do */
void sched_idle(void) __attribute__((noreturn));
bool thread_ends(const struct thread *);                /* signal.c: all do, or all but one for exec */
bool thread_has_signal(struct thread *);                /* signal.c: that, or a deliverable signal is pending */
extern struct list kernel_threads;      /* for gdb (quire-threads): made when the machine starts, they never end */
extern struct thread boot_thread;

/* ---- clocks, in nanoseconds */

uint64_t time_mono(void);       /* ns since boot, from the calibrated TSC; never goes back */
int64_t time_real(void);        /* ns since the epoch: the RTC at boot + time_mono() */
void time_real_set(int64_t ns);

/* The same clock for programs, without a system call. */
struct map;
extern struct vdso_clock time_clock;    /* measured by the loader; real_base alone changes */
void vdso_init(void);
int vdso_map(struct map *);                     /* at VDSO_AT; 0, -ENOMEM */

#endif
