/* SPDX-License-Identifier: MIT */
/* kernel/lock.h - RING 0 - spinlocks, mutexes, and the one lock order.
 *
 * Lock order, outermost first; a CPU (spinlocks) or thread (mutexes) takes locks in rising rank only,
 * debug builds check it at every lock.  Two locks of one rank: by rising address, and only VMO.
 *   mutexes (may sleep, interrupts on):     FILE > MAP
 *   spinlocks (interrupts off, no sleep):   PROC > HANDLE > VMO > PMAP > FUTEX > PORT > WAIT > SCHED > OBJECTS > KMEM >
 *                                           SPARE > FRAME > CONSOLE
 *     MAP>VMO: vm_fault()  VMO>PMAP: pages_clear()  VMO>PORT: pager posts  *>SCHED: wake-ups
 *     HANDLE>FUTEX: poll_wake()  SPARE>FRAME: spares_refill_locked()
 * Nothing is held across an IPC or an I/O, but file->lock where the offset is at stake, which no server takes;
 * waitq_sleep() and sched_sleep() release the one spinlock that they are given.
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "kernel/klib.h"

enum lock_rank {
	RANK_FILE = 1, RANK_MAP,
	RANK_PROC, RANK_HANDLE, RANK_VMO, RANK_PMAP, RANK_FUTEX, RANK_PORT, RANK_WAIT, RANK_SCHED,
	RANK_OBJECTS, RANK_KMEM, RANK_SPARE, RANK_FRAME, RANK_CONSOLE,
};

struct cpu;
struct thread;

struct spinlock {
	volatile uint32_t held;
	uint8_t rank;           /* [c] */
	struct cpu *owner;      /* who holds it; for checks only */
	const char *name;       /* [c] */
	struct spinlock *below; /* the lock this CPU took before this one (debug builds' order check) */
	uint64_t taken;         /* how often, in debug builds: for a test, by gdb */
};
#define SPINLOCK_INIT(rank_, name_) { .held = 0, .rank = (rank_), .name = (name_) }

void spin_init(struct spinlock *, enum lock_rank, const char *name);
void spin_lock(struct spinlock *);      /* interrupts are off while any spinlock is held */
void spin_unlock(struct spinlock *);    /* interrupts come back with the last one, if they were on */
/* Debug builds with the word delay=SEED: a pause of random length at one lock in 16, and now and then the end of a
 * thread's turn: races that need an unlucky moment get one.  One CPU with one seed does the same each time. */
void lock_delays_start(uint64_t seed);          /* not 0 */
void lock_delay(void);

/* A queue of sleeping threads, guarded by the spinlock of whatever it belongs to. */
struct waitq { struct list threads; };
#define WAIT_FOREVER (~0ull)
void waitq_init(struct waitq *);
/* Releases lk, sleeps, takes lk again.  deadline: absolute ns of time_mono(), or WAIT_FOREVER.
 * interruptible: a signal that would be delivered ends the sleep.
 * => 0: woken, for whatever reason: test the condition in a loop.  -ETIMEDOUT, -EINTR: it did not sleep any more */
int waitq_sleep(struct waitq *, struct spinlock *lk, uint64_t deadline, bool interruptible);
void waitq_wake_all(struct waitq *);    /* the guarding lock is held */
void waitq_wake_one(struct waitq *);

struct mutex {
	volatile uintptr_t owner;       /* atomic: the thread, and MUTEX_WANTED when one sleeps on `wait`; 0: free */
	struct spinlock lock;           /* guards wait; its rank is WAIT */
	struct waitq wait;
	uint8_t rank;                   /* RANK_FILE or RANK_MAP */
};
#define MUTEX_WANTED 1u                 /* its owner wakes one when he lets go */
void mutex_init(struct mutex *, enum lock_rank, const char *name);
void mutex_lock(struct mutex *);        /* may sleep; no spinlock held */
void mutex_unlock(struct mutex *);

/* SPIN_HELD(&v->lock); MUTEX_HELD(&m->lock): to the end of the block, for what has several ways out of it. */
static inline void spin_held_unlock(struct spinlock **lk) { spin_unlock(*lk); }
static inline void mutex_held_unlock(struct mutex **m) { mutex_unlock(*m); }
#define LOCK_HELD(type, kind, lk) \
	__attribute__((cleanup(kind##_held_unlock))) struct type *kind##_held_here = (lk); \
	kind##_lock(kind##_held_here)
#define SPIN_HELD(lk)  LOCK_HELD(spinlock, spin, lk)
#define MUTEX_HELD(m)  LOCK_HELD(mutex, mutex, m)

#endif
