/* SPDX-License-Identifier: MIT */
/* kernel/debug.c - RING 0 - the scheduler's state as text, for gdb; and breaking the kernel on purpose.
 *
 * Use:   (gdb) call debug_threads()      while the CPU is in ring 0: %gs must be the kernel's
 * Locks: none: the machine stands still, and whoever holds a lock would not let go.
 */
#include "kernel/console.h"
#include "kernel/panic.h"
#include "kernel/proc.h"

static const char *const state_name[] = {"new", "ready", "running", "sleeping", "dead"};

/* A thread that does not run left its registers as context_switch() pushed them: r15 r14 r13 r12 rbp rbx rip. */
static void thread_print(const struct thread *t)
{
	const uint64_t *sp = (const uint64_t *)t->rsp;

	kprintf("thread %u %s, %s", t->tid, t->proc ? t->proc->name : t->name ? t->name : "?", state_name[t->state]);
	if (t->proc) kprintf(", process %u, system call %lu", t->proc->pid, t->syscall_nr);
	kprintf(", used %lu ms\n", t->used.cpu_ns / 1000000);
	if (t->state == THREAD_SLEEPING || t->state == THREAD_READY) backtrace_print(t, sp[6], sp[4]);
}

void debug_threads(void)
{
	console_break_lock();
	list_for(l, &all_threads) thread_print(container_of(l, struct thread, all_link));
}

void debug_cpus(void)
{
	console_break_lock();
	for (uint32_t i = 0; i < ncpus; i++) {
		struct cpu *c = &cpus[i];

		kprintf("cpu %u: thread %u, doing: %s, locks held %u, next interrupt at %lu ns (now %lu)\n", c->id,
		        c->thread->tid, c->doing, c->lock_depth, c->clock_at, time_mono());
		list_for(l, &c->runq) kprintf("  ready: thread %u\n", container_of(l, struct thread, link)->tid);
		list_for(l, &c->timers) kprintf("  timer: %lu ns\n", container_of(l, struct timer, link)->when);
	}
}

/* One frame of 512 bytes after the other, until the guard page. */
__attribute__((noinline)) static uint64_t stack_eat(uint64_t n)
{
	volatile uint64_t fill[64];

	fill[n % 64] = n;
	return n == ~0ull ? fill[0] : stack_eat(n + 1) + fill[0];
}

/* panic=test breaks an invariant, panic=stack overflows the stack, panic=fault follows a wild pointer. */
void debug_panic_test(const char *how)
{
	uint64_t nowhere = USER_TOP;

	__asm__ volatile("" : "+r"(nowhere));         /* the compiler must not know what it is */
	if (!strcmp(how, "test")) INVARIANT("T0", !"asked for on the command line");
	if (!strcmp(how, "stack")) stack_eat(0);
	if (!strcmp(how, "fault")) *(volatile char *)nowhere = 0;
	kprintf("quire: panic=%s is unknown (test, stack, fault)\n", how);
}
