/* SPDX-License-Identifier: MIT */
/* kernel/time.c - RING 0 - what time it is, and what is to happen later.
 *
 * Path:  trap.c > clock_interrupt() > a timer's function
 * Use:   timer_arm(t, when, fn, arg), timer_cancel(t).
 * Locks: each CPU's timer_lock guards its list.  A timer's function runs with none held.
 *
 * T1  A CPU's list is sorted by time; exactly the armed timers are on one.
 * T2  The APIC timer never stands later than the first timer and the end of a quantum that somebody waits for;
 *     an interrupt that comes too early sets it again.
 */
#include "kernel/time.h"

#include "boot/bootinfo.h"
#include "kernel/apic.h"
#include "kernel/smp.h"
#include "kernel/thread.h"
#include "mm/frame.h"

struct vdso_clock time_clock;

void time_init(void) { time_clock = frame_bootinfo->clock; }

uint64_t time_mono(void)
{
	return (unsigned __int128)(rdtsc() - time_clock.tsc_base) * time_clock.tsc_mult >> 32;
}

int64_t time_real(void)
{
	return time_clock.real_base + (int64_t)time_mono();
}

void time_real_set(int64_t ns)
{
	time_clock.real_base = ns - (int64_t)time_mono();
	vdso_update();
}

/* ---- timers */

/* T2 */
void clock_want(uint64_t when)
{
	struct cpu *c = this_cpu();
	uint64_t now;

	if (when >= c->clock_at) return;
	c->clock_at = when;
	now = time_mono();
	apic_timer_set(when > now ? when - now : 1);
}

void timer_arm(struct timer *t, uint64_t when, void (*fn)(void *), void *arg)
{
	struct list *at;
	struct cpu *c;

	timer_cancel(t);
	t->fn = fn;
	t->arg = arg;
	c = t->cpu = this_cpu();
	spin_lock(&c->timer_lock);
	t->when = MAX(when, 1ull);
	at = c->timers.prev;
	while (at != &c->timers && container_of(at, struct timer, link)->when > t->when) at = at->prev;
	list_insert(&t->link, at);
	clock_want(t->when);
	spin_unlock(&c->timer_lock);
}

void timer_cancel(struct timer *t)
{
	struct cpu *c = t->cpu;
	bool runs;

	if (!c) return;
	do {
		shootdown_poll();       /* N2 of smp.c: it may run elsewhere, and we have interrupts off */
		spin_lock(&c->timer_lock);
		if (t->when) list_remove(&t->link);
		t->when = 0;
		runs = c != this_cpu() && c->timer_running == t;
		spin_unlock(&c->timer_lock);
	} while (runs);
}

/* The first timer whose time has come, off the list; what ran before has finished. */
static struct timer *timer_due(struct cpu *c)
{
	struct timer *t = NULL;

	spin_lock(&c->timer_lock);
	if (!list_empty(&c->timers)) t = container_of(c->timers.next, struct timer, link);
	if (t && t->when > time_mono()) {
		clock_want(t->when);
		t = NULL;
	}
	if (t) {
		list_remove(&t->link);
		t->when = 0;
	}
	c->timer_running = t;
	spin_unlock(&c->timer_lock);
	return t;
}

void clock_interrupt(void)
{
	struct cpu *c = this_cpu();
	struct timer *t;

	c->clock_at = ~0ull;
	while ((t = timer_due(c))) t->fn(t->arg);
	sched_tick();
}
