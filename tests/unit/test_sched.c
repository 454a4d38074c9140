/* SPDX-License-Identifier: MIT */
/* links: tests/unit/stub_kernel.c mm/frame.c mm/pmap.c tests/checks/*.c */
/* tests/unit/test_sched.c - HOST - a CPU's queue and its timer: who is interrupted, when, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "kernel/cpu.h"
#include "tests/unit/stub_kernel.h"

/* What cpu.h has for no host; nothing of it is done here. */
#define MSR_FS_BASE 0
#define MSR_KERNEL_GS_BASE 0
static uint64_t rdmsr(uint32_t msr) { return msr; }
static void wrmsr(uint32_t msr, uint64_t v) { (void)msr, (void)v; }
static void irq_disable(void) { }

#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "kernel/sched.c"

static uint64_t timer_ns;               /* as the APIC's timer was set last */
static unsigned timer_sets;

void apic_timer_set(uint64_t ns)
{
	timer_ns = ns;
	timer_sets++;
}

void cpu_kick(struct cpu *c) { (void)c; }
void context_switch(uint64_t *save, uint64_t load) { (void)save, (void)load; }
void fpu_save(void *area) { (void)area; }
void fpu_restore(const void *area) { (void)area; }
void thread_free(struct thread *t) { (void)t; }
bool thread_has_signal(struct thread *t) { return t->sig_wait; }

static struct thread idle, running, other;

static void thread_init(struct thread *t, bool program)
{
	*t = (struct thread){ .affinity = ~0ull, .program = program, .cpu = &cpus[0] };
	list_init(&t->link);
}

/* One program runs; its quantum begins. */
static int setup(void **st)
{
	struct cpu *c = &cpus[0];

	(void)st;
	*c = (struct cpu){ .thread = &running, .idle = &idle, .program = true, .clock_at = ~0ull };
	c->runq_lock = SPINLOCK_INIT(RANK_SCHED, "run queue");
	list_init(&c->runq[0]);
	list_init(&c->runq[1]);
	list_init(&c->sleepers);
	thread_init(&idle, false);
	thread_init(&running, true);
	thread_init(&other, true);
	running.state = THREAD_RUNNING;
	c->quantum_end = time_mono() + QUANTUM;
	timer_sets = 0;
	return 0;
}

static void who_waits_has_the_timer_set_to_the_quantums_end(void **st)
{
	(void)st;
	thread_start(&other);
	assert_int_equal(timer_sets, 1);
	assert_in_range(timer_ns, QUANTUM / 2, QUANTUM);
	assert_false(cpus[0].resched);
}

/* Ring 0 is not preempted: what it does may take long, and each tick would be followed by the next one. */
static void a_quantum_that_has_ended_is_told_once(void **st)
{
	(void)st;
	thread_start(&other);
	host_now += QUANTUM + 1;
	sched_tick();
	assert_true(cpus[0].resched);
	assert_in_range(timer_ns, QUANTUM / 2, QUANTUM);
}

/* Its CPU may have forgotten that it was told to give it away (ipc_note()). */
static void who_was_bound_elsewhere_leaves_at_the_next_tick(void **st)
{
	(void)st;
	thread_bind(&running, BIT(1));
	cpus[0].resched = false;
	sched_tick();
	assert_true(cpus[0].resched);
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(who_waits_has_the_timer_set_to_the_quantums_end),
		T(a_quantum_that_has_ended_is_told_once),
		T(who_was_bound_elsewhere_leaves_at_the_next_tick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
