/* SPDX-License-Identifier: MIT */
/* kernel/sched.c - RING 0 - who runs: a queue per CPU, round robin; sleeping and waking.
 *
 * Use:   waitq_sleep() and waitq_wake_*() of lock.h; thread_yield(); everything else calls these.
 * Locks: a CPU's runq_lock guards its queue and the state of the threads that run, wait to run or slept last there.
 *        It is held across context_switch(): the next thread releases it.
 *
 * S1  A READY thread is on exactly one run queue, no other thread is on any.
 * S2  A sleeper takes its runq_lock before it lets go of the lock that guards its condition, so a wake-up that comes
 *     in between waits until it is really asleep, and is not lost.
 */
#include "kernel/thread.h"

#include "kernel/clock.h"
#include "kernel/fpu.h"
#include "kernel/proc.h"
#include "mm/map.h"

#define QUANTUM 10000000ull             /* ns */
#define MSR_FS 0xc0000100u
#define MSR_KERNEL_GS 0xc0000102u

extern void context_switch(uint64_t *save_rsp, uint64_t load_rsp);

static struct thread *dead;             /* the last that exited here; its stack is free once another one runs */

static void state_save(struct thread *t)
{
	if (t->fpu) fpu_save(t->fpu);
	if (t->proc) t->gs_base = rdmsr(MSR_KERNEL_GS);
}

static void state_load(struct thread *t)
{
	cpu_set_kernel_stack(t->kstack + KSTACK_PAGES * PAGE_SIZE);
	if (t->fpu) fpu_restore(t->fpu);
	if (!t->proc) return;
	wrmsr(MSR_FS, t->fs_base);
	wrmsr(MSR_KERNEL_GS, t->gs_base);
	map_switch(t->proc->map);
}

/* Give the CPU to the next thread.  => runq_lock held, the only lock; the current thread's state says what it wants */
static void schedule_locked(void)
{
	struct cpu *c = this_cpu();
	struct thread *t = c->thread, *next;
	struct list *l = list_pop_front(&c->runq);
	bool irq = c->lock_irq;
	uint64_t now = time_mono();

	INVARIANT("S1", c->lock_depth == 1);
	next = l ? container_of(l, struct thread, link) : t->state == THREAD_RUNNING ? t : c->idle;
	t->cpu_ns += now - t->run_since;
	next->run_since = now;
	next->state = THREAD_RUNNING;
	next->quantum_end = now + QUANTUM;
	next->cpu = c;
	c->resched = false;
	if (next == t) return;
	c->thread = next;
	state_save(t);
	state_load(next);
	context_switch(&t->rsp, next->rsp);
	this_cpu()->lock_irq = irq;     /* ours again: how we came in */
}

static void reap(void)
{
	struct thread *t = dead;

	dead = NULL;
	if (t) thread_free(t);
}

/* After a switch: let go of the queue, free who exited. */
void sched_finish(void)
{
	spin_unlock(&this_cpu()->runq_lock);
	if (dead && current_thread()->state != THREAD_DEAD && this_cpu()->lock_depth == 0) reap();
}

/* A new thread's first steps (entry.S): it comes out of a switch with the lock held and interrupts to be on. */
void thread_begun(void)
{
	this_cpu()->lock_irq = true;
	sched_finish();
}

static void enqueue_locked(struct cpu *c, struct thread *t)
{
	t->state = THREAD_READY;
	list_push_back(&c->runq, &t->link);
	if (c->thread == c->idle) c->resched = true;
}

void thread_start(struct thread *t)
{
	struct cpu *c = this_cpu();

	spin_lock(&c->runq_lock);
	t->cpu = c;
	enqueue_locked(c, t);
	spin_unlock(&c->runq_lock);
}

void sched_wake(struct thread *t, int status)
{
	struct cpu *c = t->cpu;

	spin_lock(&c->runq_lock);
	if (t->state == THREAD_SLEEPING) {
		t->wake_status = status;
		enqueue_locked(c, t);
	}
	spin_unlock(&c->runq_lock);
}

void sched_switch_to(struct thread *t)
{
	struct cpu *c = this_cpu();

	if (t->cpu != c) return;
	spin_lock(&c->runq_lock);
	if (t->state == THREAD_READY) {
		list_remove(&t->link);
		list_push_front(&c->runq, &t->link);
	}
	spin_unlock(&c->runq_lock);
}

void thread_interrupt(struct thread *t)
{
	struct cpu *c = t->cpu;

	if (!c) return;
	spin_lock(&c->runq_lock);
	if (t->state == THREAD_SLEEPING && t->interruptible) {
		t->wake_status = -EINTR;
		enqueue_locked(c, t);
	}
	spin_unlock(&c->runq_lock);
}

void waitq_init(struct waitq *q)
{
	list_init(&q->threads);
}

static void wait_timeout(void *arg)
{
	sched_wake(arg, -ETIMEDOUT);
}

int waitq_sleep(struct waitq *q, struct spinlock *lk, uint64_t deadline, bool interruptible)
{
	struct thread *t = current_thread();
	struct cpu *c = this_cpu();
	int status;

	INVARIANT("K4", c->lock_depth == 1 && spin_held(lk));
	if (deadline != WAIT_FOREVER && deadline <= time_mono()) return -ETIMEDOUT;
	if (interruptible && thread_has_signal(t)) return -EINTR;
	list_push_back(&q->threads, &t->wait_link);
	/* interrupts are off: it cannot fire here before we sleep */
	if (deadline != WAIT_FOREVER) timer_arm(&t->timeout, deadline, wait_timeout, t);
	spin_lock(&c->runq_lock);
	t->state = THREAD_SLEEPING;
	t->interruptible = interruptible;
	t->wake_status = 0;
	spin_unlock(lk);                /* S2: the runq_lock is held */
	schedule_locked();
	sched_finish();
	if (deadline != WAIT_FOREVER) timer_cancel(&t->timeout);

	status = t->wake_status;
	spin_lock(lk);
	list_remove(&t->wait_link);
	return status;
}

void waitq_wake_all(struct waitq *q)
{
	struct list *l;

	while ((l = list_pop_front(&q->threads))) sched_wake(container_of(l, struct thread, wait_link), 0);
}

void waitq_wake_one(struct waitq *q)
{
	struct list *l = list_pop_front(&q->threads);

	if (l) sched_wake(container_of(l, struct thread, wait_link), 0);
}

void thread_yield(void)
{
	struct cpu *c = this_cpu();

	spin_lock(&c->runq_lock);
	if (!list_empty(&c->runq)) {
		if (c->thread != c->idle) enqueue_locked(c, c->thread);
		schedule_locked();
	}
	sched_finish();
}

void thread_preempt(void)
{
	thread_yield();
}

static struct spinlock sleep_lock = SPINLOCK_INIT(RANK_PORT, "sleep");
static struct waitq sleepers = {LIST_INIT(sleepers.threads)};

void thread_sleep(uint64_t ns)
{
	uint64_t until = time_mono() + ns;

	spin_lock(&sleep_lock);
	while (waitq_sleep(&sleepers, &sleep_lock, until, false) != -ETIMEDOUT) { }
	spin_unlock(&sleep_lock);
}

/* The last thing a thread does. */
void thread_exit(void)
{
	struct cpu *c = this_cpu();

	spin_lock(&c->runq_lock);
	if (dead) {
		spin_unlock(&c->runq_lock);
		reap();
		spin_lock(&c->runq_lock);
	}
	c->thread->state = THREAD_DEAD;
	dead = c->thread;
	schedule_locked();
	panic("invariant S1 broken: a dead thread runs");
}

uint64_t sched_deadline(void)
{
	struct cpu *c = this_cpu();

	return c->thread == c->idle || list_empty(&c->runq) ? ~0ull : c->thread->quantum_end;
}

void sched_tick(void)
{
	struct cpu *c = this_cpu();

	if (sched_deadline() <= time_mono()) c->resched = true;
}

/* Nothing to do: wait for an interrupt.  sti takes effect after hlt began, so no wake-up falls between. */
void sched_idle(void)
{
	for (;;) {
		thread_yield();
		irq_disable();
		if (list_empty(&this_cpu()->runq)) {
			this_cpu()->doing = "idle";
			__asm__ volatile("sti; hlt");
		} else {
			irq_enable();
		}
	}
}
