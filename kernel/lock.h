/* SPDX-License-Identifier: MIT */
/* kernel/lock.h - RING 0 - spinlocks, mutexes, and the one lock order.
 *
 * Lock order, outermost first; a CPU (spinlocks) or thread (mutexes) takes locks in rising rank only, which is checked
 * at every mutex, and in debug builds at every spinlock.  Never two of one rank.
 *   mutexes (may sleep, interrupts on):     FILE > MAP
 *   spinlocks (interrupts off, no sleep):   PROC > HANDLE > OBJECTS > VMO > PMAP > FUTEX > PORT > WAIT > SCHED > KMEM >
 *                                           SPARE > FRAME > CONSOLE
 *     MAP>VMO: vm_fault()  OBJECTS>VMO: vmo_lock_of()  VMO>PMAP: pages_clear()  VMO>PORT: pager posts  *>SCHED: wake-ups
 *     HANDLE>FUTEX: poll_wake()  KMEM>SPARE: kalloc(), kfree()  SPARE>FRAME: spares_settle_locked()
 * Nothing is held across an IPC or an I/O, but file->lock where the offset is at stake, which no server takes;
 * waitq_sleep() and sched_sleep() release the one spinlock that they are given.
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "kernel/klib.h"

enum lock_rank {
	RANK_FILE = 1, RANK_MAP,
	RANK_PROC, RANK_HANDLE, RANK_OBJECTS, RANK_VMO, RANK_PMAP, RANK_FUTEX, RANK_PORT, RANK_WAIT, RANK_SCHED,
	RANK_KMEM, RANK_SPARE, RANK_FRAME, RANK_CONSOLE, RANKS,
};

struct cpu;
struct thread;

struct spinlock {
	struct cpu *owner;      /* atomic: who holds it; NULL: free */
	uint8_t rank;           /* [c] */
	const char *name;       /* [c] */
	uint64_t taken;         /* how often, in debug builds: for a test, by gdb */
};
#define SPINLOCK_INIT(rank_, name_) (struct spinlock){ .rank = (rank_), .name = (name_) }

void spin_lock(struct spinlock *);      /* interrupts are off while any spinlock is held */
void spin_unlock(struct spinlock *);    /* interrupts come back with the last one, if they were on */

/* A queue of sleeping threads, guarded by the spinlock of whatever it belongs to. */
struct waitq { struct list threads; };
#define WAIT_FOREVER (~0ull)
static inline void waitq_init(struct waitq *q) { list_init(&q->threads); }
/* Releases lk, sleeps, takes lk again.  deadline: absolute ns of time_mono(), or WAIT_FOREVER.
 * interruptible: a signal that would be delivered ends the sleep.
 * => 0: woken, for whatever reason: test the condition in a loop.  -ETIMEDOUT, -EINTR: it did not sleep any more */
int waitq_sleep(struct waitq *, struct spinlock *lk, uint64_t deadline, bool interruptible);
void waitq_wake_all(struct waitq *);    /* the guarding lock is held */
void waitq_wake_one(struct waitq *);

struct mutex {
	struct thread *owner;           /* atomic; NULL: free */
	uint32_t waiters;               /* [l] how many want it while another has it; read without the lock */
	struct spinlock lock;           /* l: its rank is WAIT */
	struct waitq wait;              /* [l] */
	uint8_t rank;                   /* [c] RANK_FILE or RANK_MAP */
};
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
