/* SPDX-License-Identifier: MIT */
/* kernel/lock.c - RING 0 - spinlocks with the order check, queues of sleepers, mutexes.  lock.h has the order.
 *
 * Use:   spin_lock()/spin_unlock() for short work; mutex_lock()/mutex_unlock() where the holder may sleep.
 *
 * K1  Interrupts are off while a CPU holds a spinlock; they come back with the last one if they were on.
 * K2  A CPU takes spinlocks, and a thread mutexes, in rising rank only (lock.h); of spinlocks debug builds check it.
 * K3  Who releases a lock holds it, and nobody takes one twice.
 * K4  A thread that sleeps holds no spinlock but the one it hands to waitq_sleep() or sched_sleep().
 */
#include "kernel/thread.h"

static inline bool spin_try(struct spinlock *l, struct cpu *c)
{
	struct cpu *nobody = NULL;

	return __atomic_compare_exchange_n(&l->owner, &nobody, c, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Somebody has it. */
__attribute__((noinline)) static void spin_wait(struct spinlock *l, struct cpu *c)
{
	if (l->owner == c) panic("invariant K3 broken: %s taken twice by one CPU", l->name);
	while (__atomic_load_n(&l->owner, __ATOMIC_RELAXED) || !spin_try(l, c)) {
		shootdown_poll();       /* who holds it may be waiting for our TLB (pmap.c N2) */
		__builtin_ia32_pause();
	}
}

/* A system call takes a dozen: what nobody waits for is kept short. */
void spin_lock(struct spinlock *l)
{
	bool irq = irq_off();
	struct cpu *c = this_cpu();

	if (c->lock_depth++ == 0) c->lock_irq = irq;
	DEBUG_CALL(lock_taken(l));
	if (!spin_try(l, c)) spin_wait(l, c);
}

/* The locks need not be released in the order they were taken. */
void spin_unlock(struct spinlock *l)
{
	struct cpu *c = this_cpu();

	if (l->owner != c) panic("invariant K3 broken: %s released, but not held by this CPU", l->name);
	DEBUG_CALL(lock_released(l));
	__atomic_store_n(&l->owner, NULL, __ATOMIC_RELEASE);    /* whoever takes it next may free it */
	if (--c->lock_depth > 0) return;
	DEBUG_CALL(lock_delay());
	if (c->lock_irq) irq_enable();
}

void waitq_wake_one(struct waitq *q)
{
	struct list *l = list_pop_front(&q->threads);

	if (l) sched_wake(container_of(l, struct thread, wait_link), false);
}

void waitq_wake_all(struct waitq *q)
{
	while (!list_empty(&q->threads)) waitq_wake_one(q);
}

/* A mutex's own spinlock guards its sleepers; nothing but SCHED is taken inside it. */
void mutex_init(struct mutex *m, enum lock_rank rank, const char *name)
{
	*m = (struct mutex){.lock = SPINLOCK_INIT(RANK_WAIT, name), .rank = rank};
	waitq_init(&m->wait);
}

static bool mutex_try(struct mutex *m)
{
	struct thread *nobody = NULL;

	return __atomic_compare_exchange_n(&m->owner, &nobody, current_thread(), false, __ATOMIC_SEQ_CST,
	                                   __ATOMIC_SEQ_CST);
}

/* Somebody has it.  Either he sees that one waits when he has let go, or we see that he has: each writes, then reads
 * what the other wrote. */
__attribute__((noinline)) static void mutex_wait(struct mutex *m)
{
	spin_lock(&m->lock);
	INVARIANT("K3", m->owner != current_thread());
	__atomic_add_fetch(&m->waiters, 1, __ATOMIC_SEQ_CST);
	while (!mutex_try(m)) waitq_sleep(&m->wait, &m->lock, WAIT_FOREVER, false);
	m->waiters--;
	spin_unlock(&m->lock);
}

void mutex_lock(struct mutex *m)
{
	struct thread *t = current_thread();

	INVARIANT("K4", this_cpu()->lock_depth == 0);
	INVARIANT("K2", t->mutexes < BIT(m->rank));
	if (!mutex_try(m)) mutex_wait(m);
	t->mutexes |= BIT(m->rank);
}

void mutex_unlock(struct mutex *m)
{
	struct thread *t = current_thread();

	INVARIANT("K3", m->owner == t);
	t->mutexes &= ~BIT(m->rank);
	__atomic_store_n(&m->owner, NULL, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&m->waiters, __ATOMIC_SEQ_CST)) return;
	spin_lock(&m->lock);
	waitq_wake_one(&m->wait);
	spin_unlock(&m->lock);
}
