/* SPDX-License-Identifier: MIT */
/* kernel/lock.c - RING 0 - spinlocks with the order check, queues of sleepers, mutexes.  lock.h has the order.
 *
 * Use:   spin_lock()/spin_unlock() for short work; mutex_lock()/mutex_unlock() where the holder may sleep.
 *
 * K1  Interrupts are off while a CPU holds a spinlock; they come back with the last one if they were on.
 * K2  A CPU takes spinlocks, and a thread mutexes, in rising rank only (lock.h); debug builds check it.
 * K3  Who releases a lock holds it, and nobody takes one twice.
 * K4  A thread that sleeps holds no spinlock but the one it hands to waitq_sleep() or sched_sleep().
 */
#include "kernel/lock.h"

#include "kernel/cpu.h"
#include "kernel/smp.h"
#include "kernel/thread.h"

void spin_init(struct spinlock *l, enum lock_rank rank, const char *name)
{
	*l = (struct spinlock){.rank = rank, .name = name};
}

#ifdef QUIRE_DEBUG
/* K2; two of the same rank: by rising address, and only objects. */
static void order_check(struct cpu *c, const struct spinlock *l)
{
	const struct spinlock *top = c->locks;

	if (!top) return;
	if (top->rank < l->rank) return;
	if (top->rank == l->rank && top < l && l->rank == RANK_VMO) return;
	panic("invariant K2 broken: lock order: %s (%d) taken while holding %s (%d)", l->name, l->rank, top->name,
	      top->rank);
}

static uint64_t delay_seed;             /* 0: no delays */

void lock_delays_start(uint64_t seed) { delay_seed = seed; }

void lock_delay(void)
{
	struct cpu *c = this_cpu();

	if (!delay_seed) return;
	if (!c->chance) c->chance = delay_seed * 0x9e3779b97f4a7c15ull + c->id;
	c->chance = c->chance * 6364136223846793005ull + 1442695040888963407ull;
	if (c->chance >> 54 == 0) c->resched = true;
	if (c->chance >> 60) return;
	for (uint64_t n = c->chance >> 40 & 1023; n > 0; n--) {
		shootdown_poll();
		__builtin_ia32_pause();
	}
}
#else
void lock_delays_start(uint64_t seed) { kprintf("quire: delay=%lu needs a debug build (make DEBUG=1)\n", seed - 1); }
void lock_delay(void) { }
#endif

static inline void spin_got(struct spinlock *l, struct cpu *c)
{
	l->owner = c;
#ifdef QUIRE_DEBUG
	l->taken++;
	l->below = c->locks;
	c->locks = l;
#endif
}

/* Somebody has it. */
__attribute__((noinline)) static void spin_wait(struct spinlock *l, struct cpu *c)
{
	if (l->owner == c) panic("invariant K3 broken: %s taken twice by one CPU", l->name);
	do {
		while (__atomic_load_n(&l->held, __ATOMIC_RELAXED)) {
			shootdown_poll();       /* who holds it may be waiting for our TLB (smp.c N2) */
			__builtin_ia32_pause();
		}
	} while (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE));
	spin_got(l, c);
}

/* A system call takes a dozen: what nobody waits for is kept short. */
void spin_lock(struct spinlock *l)
{
	bool irq = irq_off();
	struct cpu *c = this_cpu();

	if (c->lock_depth++ == 0) c->lock_irq = irq;
#ifdef QUIRE_DEBUG
	order_check(c, l);
	lock_delay();
#endif
	if (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE)) spin_wait(l, c);
	else spin_got(l, c);
}

/* The locks need not be released in the order they were taken. */
void spin_unlock(struct spinlock *l)
{
	struct cpu *c = this_cpu();

	if (l->owner != c) panic("invariant K3 broken: %s released, but not held by this CPU", l->name);
#ifdef QUIRE_DEBUG
	struct spinlock **p = &c->locks;

	while (*p != l) p = &(*p)->below;
	*p = l->below;
#endif
	l->owner = NULL;
	__atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
	if (--c->lock_depth == 0 && c->lock_irq) irq_enable();
#ifdef QUIRE_DEBUG
	if (c->lock_depth == 0) lock_delay();
#endif
}

void waitq_init(struct waitq *q)
{
	list_init(&q->threads);
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
	*m = (struct mutex){.rank = rank};
	spin_init(&m->lock, RANK_WAIT, name);
	waitq_init(&m->wait);
}

static bool mutex_held(const struct mutex *m)
{
	return (m->owner & ~(uintptr_t)MUTEX_WANTED) == (uintptr_t)current_thread();
}

static bool mutex_change(struct mutex *m, uintptr_t from, uintptr_t to)
{
	return __atomic_compare_exchange_n(&m->owner, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Somebody has it: he learns that he has to wake one.  Who gets it says so for those who still sleep. */
__attribute__((noinline)) static void mutex_wait(struct mutex *m, uintptr_t me)
{
	uintptr_t owner;

	spin_lock(&m->lock);
	INVARIANT("K3", !mutex_held(m));
	while (!mutex_change(m, 0, list_empty(&m->wait.threads) ? me : me | MUTEX_WANTED)) {
		owner = m->owner;
		if (owner && mutex_change(m, owner, owner | MUTEX_WANTED))
			waitq_sleep(&m->wait, &m->lock, WAIT_FOREVER, false);
	}
	spin_unlock(&m->lock);
}

void mutex_lock(struct mutex *m)
{
	struct thread *t = current_thread();

	INVARIANT("K4", this_cpu()->lock_depth == 0);
	DEBUG_INVARIANT("K2", t->mutexes < BIT(m->rank));
	if (!mutex_change(m, 0, (uintptr_t)t)) mutex_wait(m, (uintptr_t)t);
	t->mutexes |= BIT(m->rank);
}

void mutex_unlock(struct mutex *m)
{
	struct thread *t = current_thread();

	INVARIANT("K3", mutex_held(m));
	t->mutexes &= ~BIT(m->rank);
	if (mutex_change(m, (uintptr_t)t, 0)) return;
	spin_lock(&m->lock);
	__atomic_store_n(&m->owner, 0, __ATOMIC_RELEASE);
	waitq_wake_one(&m->wait);
	spin_unlock(&m->lock);
}
