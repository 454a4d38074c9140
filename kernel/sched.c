/* SPDX-License-Identifier: MIT */
/* kernel/sched.c - RING 0 - who runs: a queue per CPU, round robin with a quantum; sleeping and waking.
 *
 * Path:  trap.c, lock.c, ipc.c > [sched.c] > entry.S context_switch()
 * Use:   waitq_sleep() and waitq_wake_*() of lock.h; thread_yield(); thread_interrupt() when a signal comes.
 * Locks: a CPU's runq_lock guards its queue and the state of the threads that run, wait to run or slept last there.
 *        It is held across context_switch(): the next thread releases it, in sched_finish().
 *
 * S1  A READY thread is on exactly one run queue, no other thread is on any.
 * S2  A sleeper takes its runq_lock before it lets go of the lock that guards its condition, so a wake-up that comes
 *     in between waits until it is really asleep, and is not lost.
 * S3  It looks for signals with runq_lock held.  Who sends one marks it first and takes that lock then: either the
 *     sleeper sees it, or the sender sees a sleeper.
 * S4  A thread changes its CPU only while it is NEW or READY, with the runq_lock of the one that it leaves: an idle CPU
 *     takes it from the queue of a busy one.  Who wants its state takes the runq_lock of thread->cpu and looks again
 *     whether it is still that CPU.
 * S5  Servers, and who waited for one's answer, go before others that are ready, but for a quantum at most, counted from
 *     when one of these ran or began to wait: a program and a server that call each other all the time starve nobody.
 *     Those that went ahead are at the front of the queue, each behind who was there before.
 */
#include "kernel/thread.h"

#include "kernel/proc.h"
#include "kernel/smp.h"
#include "mm/map.h"

#define QUANTUM 10000000ull             /* ns */

extern void context_switch(uint64_t *save_rsp, uint64_t load_rsp);

/* ---- ready */

static bool allowed(const struct thread *t, const struct cpu *c)
{
	return t->affinity & BIT(c->id);
}

static uint32_t load(const struct cpu *c)
{
	return c->nready + (c->thread != c->idle);
}

/* The last on c's queue that may run on `to`.  Servers stay where their callers' memory is warm. */
static struct thread *movable_locked(struct cpu *c, const struct cpu *to)
{
	for (struct list *l = c->runq.prev; l != &c->runq; l = l->prev) {
		struct thread *t = container_of(l, struct thread, link);

		if (!t->reserve && allowed(t, to)) return t;
	}
	return NULL;
}

/* A busy CPU got one more: somebody who idles may take it.  Either we see here that he idles, or he sees in steal()
 * that we got one: each writes, then reads what the other wrote. */
static void kick_idle_locked(struct cpu *busy)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < ncpus; i++) {
		if (&cpus[i] == busy || load(&cpus[i]) || !movable_locked(busy, &cpus[i])) continue;
		cpu_kick(&cpus[i]);
		return;
	}
}

/* S5: somebody waits who did not go ahead */
static bool others_wait_locked(const struct cpu *c)
{
	return !list_empty(&c->runq) && !container_of(c->runq.prev, struct thread, link)->ahead;
}

static void queue_last_locked(struct cpu *c, struct thread *t)
{
	if (!others_wait_locked(c)) c->turn_end = time_mono() + QUANTUM;
	t->state = THREAD_READY;
	t->ahead = false;
	list_push_back(&c->runq, &t->link);
	c->nready++;
}

/* Behind those that did so before. */
static void queue_ahead_locked(struct cpu *c, struct thread *t)
{
	struct list *at = &c->runq;

	while (at->next != &c->runq && container_of(at->next, struct thread, link)->ahead) at = at->next;
	t->state = THREAD_READY;
	t->ahead = true;
	list_insert(&t->link, at);
	c->nready++;
}

/* S5 */
static bool may_go_ahead_locked(const struct cpu *c)
{
	return !c->thread->ahead || !others_wait_locked(c) || time_mono() < c->turn_end;
}

/* Servers go first: their work is short, and programs wait for it.  One server does not push another one aside. */
static void enqueue_locked(struct cpu *c, struct thread *t)
{
	bool ahead = t->reserve && may_go_ahead_locked(c), idle = c->thread == c->idle;

	if (ahead) queue_ahead_locked(c, t);
	else queue_last_locked(c, t);
	if (idle || (ahead && !c->thread->reserve)) c->resched = true;
	if (c == this_cpu()) clock_want(sched_deadline());
	else if (c->resched || c->nready == 1) cpu_kick(c);     /* its timer may stand at never */
	if (ncpus > 1 && (!idle || c->nready > 1)) kick_idle_locked(c);
}

/* On the queue of the CPU that it was given to. */
static void enqueue(struct thread *t)
{
	struct cpu *c = t->cpu;

	spin_lock(&c->runq_lock);
	enqueue_locked(c, t);
	spin_unlock(&c->runq_lock);
}

/* A program's thread goes to the CPU with the least to do; the kernel's own and servers stay here. */
static struct cpu *cpu_for(const struct thread *t)
{
	struct cpu *c = this_cpu();

	for (uint32_t i = 0; t->proc && !t->reserve && i < ncpus; i++) {
		if (allowed(t, &cpus[i]) && (!allowed(t, c) || load(&cpus[i]) < load(c))) c = &cpus[i];
	}
	return c;
}

/* ---- the switch */

/* S1, in debug builds at every switch. */
static void runq_check_locked(struct cpu *c)
{
#ifdef QUIRE_DEBUG
	list_for(l, &c->runq) {
		struct thread *t = container_of(l, struct thread, link);

		INVARIANT("S1", t->state == THREAD_READY && t->cpu == c && t != c->idle);
	}
#endif
}

static void state_save(struct thread *t)
{
	if (t->fpu) fpu_save(t->fpu);
	if (t->proc) t->gs_base = rdmsr(MSR_KERNEL_GS_BASE);    /* a load of %gs in ring 3 may have changed it */
}

static void state_load(struct thread *t)
{
	cpu_set_kernel_stack(t->kstack + KSTACK_PAGES * PAGE_SIZE);
	if (!t->proc) return;           /* kernel threads work in whatever address space is there */
	if (t->fpu) fpu_restore(t->fpu);
	wrmsr(MSR_FS_BASE, t->fs_base);
	wrmsr(MSR_KERNEL_GS_BASE, t->gs_base);
	map_switch(t->proc->map);
}

static struct thread *next_locked(struct cpu *c)
{
	struct list *l = list_pop_front(&c->runq);

	if (l) c->nready--;
	return l ? container_of(l, struct thread, link) : c->idle;
}

/* Give the CPU away.  => runq_lock held, and no other lock; the current thread's state says what it wants */
static void schedule_locked(void)
{
	struct cpu *c = this_cpu();
	struct thread *t = c->thread, *next;
	const char *doing = c->doing;
	bool irq = c->lock_irq;
	uint64_t now = time_mono();

	INVARIANT("S2", c->lock_depth == 1);
	runq_check_locked(c);
	next = next_locked(c);
	t->used.cpu_ns += now - t->run_since;
	if (t->state == THREAD_SLEEPING) t->used.nvcsw++;
	else t->used.nivcsw++;
	next->run_since = now;
	next->state = THREAD_RUNNING;
	next->quantum_end = now + QUANTUM;
	if (!t->ahead) c->turn_end = now + QUANTUM;     /* S5 */
	c->resched = !allowed(next, c);         /* bound elsewhere meanwhile: it goes before it is in ring 3 */
	c->thread = next;
	clock_want(sched_deadline());           /* next's, not t's: the idle thread has none */
	c->switches++;
	state_save(t);
	state_load(next);
	context_switch(&t->rsp, next->rsp);
	this_cpu()->lock_irq = irq;     /* ours again: as we came in */
	this_cpu()->doing = doing;
}

/* After a switch: let go of the queue, free who exited, send away who may not run here. */
static void sched_finish(void)
{
	struct cpu *c = this_cpu();
	struct thread *t = c->leaving, *dead = c->dead;

	c->leaving = c->dead = NULL;
	if (t) t->cpu = cpu_for(t);
	spin_unlock(&c->runq_lock);
	if (dead) thread_free(dead);
	if (t) enqueue(t);
}

/* A new thread's first steps (entry.S): it comes out of a switch with the lock held and interrupts to be on. */
void thread_begun(void)
{
	this_cpu()->lock_irq = true;
	this_cpu()->doing = "a thread's start";
	sched_finish();
}

void thread_yield(void)
{
	struct cpu *c = this_cpu();
	struct thread *t = c->thread;

	spin_lock(&c->runq_lock);
	c->resched = false;
	if (!allowed(t, c)) {
		t->state = THREAD_READY;
		c->leaving = t;
		schedule_locked();
	} else if (!list_empty(&c->runq)) {
		if (t != c->idle) queue_last_locked(c, t);
		schedule_locked();
	}
	sched_finish();
}

/* The last thing a thread does: it cannot free the stack it stands on, the next one does. */
void thread_exit(void)
{
	struct cpu *c = this_cpu();

	spin_lock(&c->runq_lock);
	INVARIANT("S2", !c->dead);
	c->thread->state = THREAD_DEAD;
	c->dead = c->thread;
	schedule_locked();
	panic("invariant S1 broken: a dead thread runs");
}

/* ---- woken, moved */

/* => its runq_lock held, and it is still that CPU's (S4) */
static struct cpu *cpu_lock_of(struct thread *t)
{
	struct cpu *c;

	for (;;) {
		c = __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE);
		spin_lock(&c->runq_lock);
		if (c == t->cpu) return c;
		spin_unlock(&c->runq_lock);
	}
}

void thread_start(struct thread *t)
{
	struct cpu *c = cpu_lock_of(t);

	t->cpu = cpu_for(t);
	spin_unlock(&c->runq_lock);
	enqueue(t);
}

static void wake_locked(struct cpu *c, struct thread *t, int status)
{
	t->wake_status = status;
	enqueue_locked(c, t);
}

void sched_wake(struct thread *t, int status)
{
	struct cpu *c = cpu_lock_of(t);

	if (t->state == THREAD_SLEEPING) wake_locked(c, t, status);
	spin_unlock(&c->runq_lock);
}

/* Not one whose call lets only other signals end its sleep.  In ring 3 it would not look for signals. */
void thread_interrupt(struct thread *t)
{
	struct cpu *c = cpu_lock_of(t);
	bool has = thread_has_signal(t);

	if (has && t->state == THREAD_SLEEPING && t->interruptible) wake_locked(c, t, -EINTR);
	if (has && t->state == THREAD_RUNNING) cpu_kick(c);
	spin_unlock(&c->runq_lock);
}

/* An idle CPU takes what waits elsewhere. */
static bool steal(struct cpu *me)
{
	struct thread *t = NULL;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);        /* kick_idle_locked() */
	for (uint32_t i = 0; i < ncpus && !t; i++) {
		struct cpu *c = &cpus[i];

		if (c == me || __atomic_load_n(&c->nready, __ATOMIC_RELAXED) == 0) continue;
		spin_lock(&c->runq_lock);
		t = movable_locked(c, me);
		if (t) {
			list_remove(&t->link);
			c->nready--;
			t->cpu = me;
		}
		spin_unlock(&c->runq_lock);
	}
	if (t) enqueue(t);
	return t;
}

/* Bind it to these CPUs: one that runs elsewhere leaves when it next goes back to ring 3. */
void thread_bind(struct thread *t, uint64_t set)
{
	struct cpu *c;

	if (t->proc->server) return;    /* servers stay */
	t->affinity = set;
	c = cpu_lock_of(t);
	if (t->state == THREAD_RUNNING && !allowed(t, c)) {
		c->resched = true;
		cpu_kick(c);            /* sched_tick() */
	}
	spin_unlock(&c->runq_lock);
}

uint64_t thread_cpu_ns(struct thread *t)
{
	struct cpu *c = cpu_lock_of(t);
	uint64_t ns = t->used.cpu_ns;

	if (t->state == THREAD_RUNNING) ns += time_mono() - t->run_since;
	spin_unlock(&c->runq_lock);
	return ns;
}

void sched_switch_to(struct thread *t)
{
	struct cpu *c = this_cpu();

	spin_lock(&c->runq_lock);
	/* else another CPU has it, or takes it just now (S4) */
	if (t->cpu == c && t->state == THREAD_READY && may_go_ahead_locked(c)) {
		list_remove(&t->link);
		c->nready--;
		queue_ahead_locked(c, t);
	}
	spin_unlock(&c->runq_lock);
}

/* ---- sleep */

static void wait_timeout(void *arg)
{
	sched_wake(arg, -ETIMEDOUT);
}

/* Releases lk unless a signal is there already (S2, S3).  => true: slept, nothing locked; false: lk still held */
static bool sleep_locked(struct spinlock *lk, bool interruptible)
{
	struct thread *t = current_thread();
	struct cpu *c = this_cpu();

	spin_lock(&c->runq_lock);
	t->wake_status = 0;
	t->interruptible = interruptible;
	if (interruptible && thread_has_signal(t)) {
		spin_unlock(&c->runq_lock);
		t->wake_status = -EINTR;
		return false;
	}
	t->state = THREAD_SLEEPING;
	spin_unlock(lk);
	schedule_locked();
	sched_finish();
	return true;
}

int waitq_sleep(struct waitq *q, struct spinlock *lk, uint64_t deadline, bool interruptible)
{
	struct thread *t = current_thread();

	INVARIANT("K4", this_cpu()->lock_depth == 1 && spin_held(lk));
	if (deadline != WAIT_FOREVER && deadline <= time_mono()) return -ETIMEDOUT;
	list_push_back(&q->threads, &t->wait_link);
	/* interrupts are off and the timer is this CPU's: it does not fire before we sleep */
	if (deadline != WAIT_FOREVER) timer_arm(&t->timeout, deadline, wait_timeout, t);
	if (sleep_locked(lk, interruptible)) spin_lock(lk);
	if (deadline != WAIT_FOREVER) timer_cancel(&t->timeout);
	list_remove(&t->wait_link);
	/* a signal to the process that another thread took interrupts nobody else */
	return t->wake_status == -EINTR && !thread_has_signal(t) ? 0 : t->wake_status;
}

/* ---- whose time is over */

uint64_t sched_deadline(void)
{
	struct cpu *c = this_cpu();

	return c->thread == c->idle || list_empty(&c->runq) ? ~0ull : c->thread->quantum_end;
}

void sched_tick(void)
{
	struct cpu *c = this_cpu();
	uint64_t end = sched_deadline();

	if (end <= time_mono() || !allowed(c->thread, c)) c->resched = true;
	else clock_want(end);
}

/* Nothing to do here or elsewhere: wait for an interrupt, which says if that changes after the look.  sti takes effect
 * after hlt began, so no wake-up falls between (SDM 2B STI). */
void sched_idle(void)
{
	for (;;) {
		thread_yield();
		irq_disable();
		if (list_empty(&this_cpu()->runq) && !steal(this_cpu())) {
			this_cpu()->doing = "idle";
			__asm__ volatile("sti; hlt" : : : "memory");
		} else {
			irq_enable();
		}
	}
}
