/* SPDX-License-Identifier: MIT */
/* kernel/sched.c - RING 0 - who runs: a queue per CPU, round robin with a quantum; sleeping and waking.
 *
 * Path:  trap.c, lock.c, ipc.c > [sched.c] > entry.S context_switch()
 * Use:   waitq_sleep() and waitq_wake_*() of lock.h, or sched_sleep() and sched_wake() if one thread alone can be meant;
 *        thread_yield(); thread_interrupt() when a signal comes.
 * Locks: a CPU's runq_lock guards its queues and the state of the threads that run, wait to run or slept last there.
 *        It is held across context_switch(): the next thread releases it, in sched_finish().
 *
 * S1  A READY thread is on exactly one run queue, or on its way to one (ready_unlock); one that sleeps until a moment
 *     on its CPU's sleepers, sorted by that; no other thread is on any of these.
 * S2  A sleeper takes its runq_lock before it lets go of the lock that guards its condition, so a wake-up that comes
 *     in between waits until it is really asleep, and is not lost.
 * S3  It looks for signals with runq_lock held.  Who sends one marks it first and takes that lock then: either the
 *     sleeper sees it, or the sender sees a sleeper.
 * S4  A thread changes its CPU only on its way to a queue, with the runq_lock of the one that it leaves.  Who wants its
 *     state takes the runq_lock of thread->cpu and looks again whether it is still that CPU.
 * S5  Servers, the kernel's own threads, and who waited for a server's answer have a queue of their own, which goes before
 *     that of the others, but for a quantum at most, counted from when one of these others got the CPU: a program and a
 *     server that call each other all the time starve nobody.
 * S6  The APIC timer never stands later than the first sleeper's moment and the end of a quantum that somebody waits for;
 *     an interrupt that comes too early sets it again.
 */
#include "kernel/proc.h"
#include "mm/map.h"

#define QUANTUM 10000000ull             /* ns */

extern void context_switch(uint64_t *save_rsp, uint64_t load_rsp);

/* ---- ready */

static bool allowed(const struct thread *t, const struct cpu *c)
{
	return t->affinity & BIT(c->id);
}

/* A server that runs is not counted: it is done soon. */
static uint32_t load(const struct cpu *c)
{
	return c->nready + c->program;
}

static struct thread *first_sleeper(const struct cpu *c)
{
	return list_empty(&c->sleepers) ? NULL : container_of(c->sleepers.next, struct thread, link);
}

/* S6; its own CPU's.  => interrupts off */
static void clock_set(struct cpu *c)
{
	const struct thread *t = first_sleeper(c);
	bool wanted = c->nready > 0 && c->thread != c->idle;
	uint64_t when = MIN(t ? t->wake_at : ~0ull, wanted ? c->quantum_end : ~0ull), now;

	if (when >= c->clock_at) return;
	c->clock_at = when;
	now = time_mono();
	apic_timer_set(when > now ? when - now : 1);
}

/* A program's thread goes to where there is less to do than here; the kernel's own and servers stay where they were.  So
 * who is woken by a server has the CPU when that is done: another one would have to be interrupted for each message. */
static struct cpu *cpu_for(const struct thread *t)
{
	struct cpu *c = t->program ? this_cpu() : t->cpu;

	for (uint32_t i = 0; t->program && i < ncpus; i++) {
		if (allowed(t, &cpus[i]) && (!allowed(t, c) || load(&cpus[i]) < load(c))) c = &cpus[i];
	}
	return c;
}

/* => the runq_lock of t->cpu held, and it is still that CPU's (S4) */
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

/* Onto a queue, of its CPU or of another one: a thread that is NEW, asleep, or gives its CPU away.  Of those that wake
 * up servers go first: their work is short, and programs wait for it.  One server does not push another one aside.
 * => from: its CPU's, runq_lock held; no runq_lock when it returns */
static void ready_unlock(struct cpu *from, struct thread *t, bool ahead)
{
	struct cpu *c = cpu_for(t);
	bool first = t->state == THREAD_SLEEPING && (ahead || !t->program);

	t->state = THREAD_READY;
	list_remove(&t->link);          /* one of from's sleepers? */
	if (c != from) {
		t->cpu = c;
		spin_unlock(&from->runq_lock);
		spin_lock(&c->runq_lock);
	}
	first = first && (list_empty(&c->runq[1]) || time_mono() < c->turn_end);       /* S5 */
	list_push_back(&c->runq[first ? 0 : 1], &t->link);
	c->nready++;
	if (c->thread == c->idle || (first && !t->program && c->thread->program)) c->resched = true;
	if (c == this_cpu()) clock_set(c);
	else if (c->resched || c->nready == 1) cpu_kick(c);     /* its timer may stand at never */
	spin_unlock(&c->runq_lock);
}

void thread_start(struct thread *t) { ready_unlock(cpu_lock_of(t), t, false); }

/* ---- the switch */

static void state_save(struct thread *t)
{
	if (t->fpu) fpu_save(t->fpu);
	if (t->proc) t->gs_base = rdmsr(MSR_KERNEL_GS_BASE);    /* a load of %gs in ring 3 may have changed it */
}

static void state_load(struct thread *t)
{
	this_cpu()->tss->rsp0 = t->kstack + KSTACK_PAGES * PAGE_SIZE;
	if (!t->proc) return;           /* kernel threads work in whatever address space is there */
	if (t->fpu) fpu_restore(t->fpu);
	wrmsr(MSR_FS_BASE, t->fs_base);
	wrmsr(MSR_KERNEL_GS_BASE, t->gs_base);
	map_switch(t->proc->map);
}

static struct thread *next_locked(struct cpu *c, uint64_t now)
{
	struct list *l = list_pop_front(&c->runq[0]);

	if (!l) {
		l = list_pop_front(&c->runq[1]);
		c->turn_end = now + QUANTUM;    /* S5 */
	}
	if (l) c->nready--;
	return l ? container_of(l, struct thread, link) : c->idle;
}

/* After a switch: let go of the queue, free who exited, find a CPU for who gave his away but wants one. */
static void sched_finish(void)
{
	struct cpu *c = this_cpu();
	struct thread *t = c->last;
	bool dead = t->state == THREAD_DEAD;

	if (t->state == THREAD_READY && t != c->idle) ready_unlock(c, t, false);
	else spin_unlock(&c->runq_lock);
	if (dead) thread_free(t);
}

/* Give the CPU away.  => runq_lock held, and no other lock, interrupts on before; when it returns, none.  The current
 * thread's state says what it wants */
static void schedule_locked(void)
{
	struct cpu *c = this_cpu();
	struct thread *t = c->thread, *next;
	uint64_t now = time_mono();

	INVARIANT("S2", c->lock_depth == 1 && c->lock_irq);
	next = next_locked(c, now);
	INVARIANT("S1", next == c->idle || (next->state == THREAD_READY && next->cpu == c));
	t->used.cpu_ns += now - t->run_since;
	if (t->state == THREAD_SLEEPING) t->used.nvcsw++;
	else t->used.nivcsw++;
	next->run_since = now;
	next->state = THREAD_RUNNING;
	c->quantum_end = now + QUANTUM;
	c->resched = !allowed(next, c);         /* bound elsewhere meanwhile: it goes before it is in ring 3 */
	c->thread = next;
	c->program = next->program;
	c->last = t;
	clock_set(c);
	c->switches++;
	state_save(t);
	state_load(next);
	context_switch(&t->rsp, next->rsp);
	sched_finish();
}

/* A new thread's first steps (entry.S): it comes out of a switch with the lock held. */
void thread_begun(void (*fn)(void))
{
	sched_finish();
	if (fn) fn();
}

void thread_yield(void)
{
	struct cpu *c = this_cpu();

	spin_lock(&c->runq_lock);
	c->resched = false;
	if (c->nready || !allowed(c->thread, c)) {
		c->thread->state = THREAD_READY;        /* on a queue when its state is saved: sched_finish() */
		schedule_locked();
	} else {
		spin_unlock(&c->runq_lock);
	}
}

/* The last thing a thread does: it cannot free the stack it stands on, the next one does (sched_finish). */
void thread_exit(void)
{
	struct cpu *c = this_cpu();

	spin_lock(&c->runq_lock);
	c->thread->state = THREAD_DEAD;
	schedule_locked();
	panic("invariant S1 broken: a dead thread runs");
}

/* ---- woken, moved */

void sched_wake(struct thread *t, bool ahead)
{
	struct cpu *c = cpu_lock_of(t);

	if (t->state == THREAD_SLEEPING) ready_unlock(c, t, ahead);
	else spin_unlock(&c->runq_lock);
}

/* Not one whose call lets only other signals end its sleep.  In ring 3 it would not look for signals. */
void thread_interrupt(struct thread *t)
{
	struct cpu *c = cpu_lock_of(t);
	bool has = thread_has_signal(t);

	if (has && t->state == THREAD_RUNNING) cpu_kick(c);
	if (has && t->state == THREAD_SLEEPING && t->interruptible) ready_unlock(c, t, false);
	else spin_unlock(&c->runq_lock);
}

/* Bind it to these CPUs: one that runs elsewhere leaves when it next goes back to ring 3. */
void thread_bind(struct thread *t, uint64_t set)
{
	struct cpu *c;

	if (!t->program) return;    /* servers stay */
	c = cpu_lock_of(t);
	t->affinity = set;
	c->resched = true;
	cpu_kick(c);
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

/* ---- sleep */

/* S1 */
static void sleepers_add_locked(struct cpu *c, struct thread *t, uint64_t until)
{
	struct list *at = c->sleepers.prev;

	while (at != &c->sleepers && container_of(at, struct thread, link)->wake_at > until) at = at->prev;
	t->wake_at = until;
	list_insert(&t->link, at);
}

/* Who was woken by the clock or a signal hears of it when it sleeps again.  So a signal to the process that another
 * thread took meanwhile interrupts nobody else. */
int sched_sleep(struct spinlock *lk, uint64_t deadline, bool interruptible)
{
	struct thread *t = current_thread();
	struct cpu *c = this_cpu();

	INVARIANT("K4", c->lock_depth == (lk ? 1 : 0) && (!lk || lk->owner == c));
	if (deadline <= time_mono()) return -ETIMEDOUT;
	spin_lock(&c->runq_lock);       /* S2 */
	if (interruptible && thread_has_signal(t)) {            /* S3 */
		spin_unlock(&c->runq_lock);
		return -EINTR;
	}
	t->interruptible = interruptible;
	t->state = THREAD_SLEEPING;
	if (deadline != WAIT_FOREVER) sleepers_add_locked(c, t, deadline);
	if (lk) spin_unlock(lk);
	schedule_locked();
	if (lk) spin_lock(lk);
	return 0;
}

int waitq_sleep(struct waitq *q, struct spinlock *lk, uint64_t deadline, bool interruptible)
{
	struct thread *t = current_thread();
	int rc;

	list_push_back(&q->threads, &t->wait_link);
	rc = sched_sleep(lk, deadline, interruptible);
	list_remove(&t->wait_link);
	return rc;
}

/* ---- by the clock */

void sched_tick(void)
{
	struct cpu *c = this_cpu();
	uint64_t now = time_mono();
	struct thread *t;

	spin_lock(&c->runq_lock);
	while ((t = first_sleeper(c)) && t->wake_at <= now) {
		ready_unlock(c, t, false);
		spin_lock(&c->runq_lock);
	}
	if (c->nready && c->quantum_end <= now) {
		c->resched = true;
		c->quantum_end = now + QUANTUM;         /* it may be in ring 0 for long: no tick after the other */
	}
	if (!allowed(c->thread, c)) c->resched = true;          /* thread_bind(), beside ipc_note() */
	c->clock_at = ~0ull;            /* S6 */
	clock_set(c);
	spin_unlock(&c->runq_lock);
}

/* A CPU without work takes a program's thread that waits elsewhere, but not for a server alone. */
static void steal(struct cpu *me)
{
	for (struct cpu *c = cpus; c < cpus + ncpus && me->nready == 0; c++) {
		struct thread *t = NULL;

		if (__atomic_load_n(&c->nready, __ATOMIC_RELAXED) == 0) continue;
		spin_lock(&c->runq_lock);
		list_each(struct thread, each, &c->runq[1], link)
			if (!t && each->program && allowed(each, me)) t = each;
		if (t) {
			c->nready--;
			ready_unlock(c, t, false);
		} else {
			spin_unlock(&c->runq_lock);
		}
	}
}

/* Nothing to do: wait for an interrupt, which says if that changes after the look.  sti takes effect after hlt began,
 * so no wake-up falls between (SDM 2B STI). */
void sched_idle(void)
{
	for (;;) {
		thread_yield();
		current_thread()->doing = "idle";
		irq_disable();
		steal(this_cpu());
		if (this_cpu()->nready == 0) __asm__ volatile("sti; hlt" : : : "memory");
		else irq_enable();
	}
}
