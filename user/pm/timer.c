/* SPDX-License-Identifier: MIT */
/* user/pm/timer.c - RING 3 - the timers of all processes: one list, and when to look at it next.
 *
 * CPU time goes by only while a thread runs, so nobody knows when such a timer is due: it looks again when it could be,
 * but not more often than CPU_LOOK.
 *
 * Path:  main.c > timers_run() > kernel's signal_post; timer_calls.c > [timer.c]
 *
 * T1  A process's timers go with it.  Nobody tells when it executes another program: then those of the old one go when
 *     they ring in vain, or when timers_sweep() looks, now and then. */
#include "user/pm/timer.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>

#define REPEAT_MIN  50000u              /* ns: shorter intervals are counted as overruns, not each by a signal */
#define REPEAT_MAX  (100 * 1000 * 1000u)        /* nor so often while nobody takes notice: it doubles up to this */
#define SWEEP_EVERY 64u                 /* new timers */

static struct timer *timers;
static uint64_t next_look = UINT64_MAX; /* no timer is to be looked at before */

static uint64_t min(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t max(uint64_t a, uint64_t b) { return a > b ? a : b; }

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)(ts.tv_sec * NS + ts.tv_nsec);
}

uint64_t mono_ns(void) { return (uint64_t)clock_ns(CLOCK_MONOTONIC); }

/* The process that made it, as it is now.  -ESRCH: gone, or it runs another program and has lost its POSIX timers */
static int owner(const struct timer *t, uint32_t tid, struct facts_proc *f)
{
	if (q_facts(FACTS_PROC, t->pid, tid, f, sizeof(*f)) <= 0) return -ESRCH;
	return f->state == 'Z' || (t->id >= 0 && f->execs != t->execs) ? -ESRCH : 0;
}

int64_t timer_clock(const struct timer *t, int clock)
{
	bool one = clock == CLOCK_THREAD_CPUTIME_ID;
	struct facts_proc f;

	if (clock == CLOCK_REALTIME) return clock_ns(CLOCK_REALTIME);
	if (!one && clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_PROCESS_USER) return clock_ns(CLOCK_MONOTONIC);
	if (owner(t, one ? t->thread : 0, &f)) return -1;
	return (int64_t)(f.used.cpu_ns - (clock == CLOCK_PROCESS_USER ? f.used.sys_ns : 0));
}

static uint64_t delay(const struct timer *t, uint64_t left)
{
	if (t->clock == CLOCK_REALTIME) left = min(left, NS);   /* the date may be set meanwhile */
	if (t->clock == CLOCK_PROCESS_CPUTIME_ID || t->clock == CLOCK_PROCESS_USER)
		left = max(left / machine_cpus(), CPU_LOOK);
	if (t->clock == CLOCK_THREAD_CPUTIME_ID) left = max(left, CPU_LOOK);
	return max(left, t->pause);
}

long timer_send(const struct timer *t, int64_t overrun)
{
	bool own = t->id >= 0;          /* the program's: its signal says whose it is, and does not outlive exec */
	siginfo_t info = {.si_signo = t->signo, .si_code = own ? SI_TIMER : SI_KERNEL};

	if (own) {
		info.si_timerid = t->id;
		info.si_overrun = (int)(overrun < INT_MAX ? overrun : INT_MAX);
		info.si_value.sival_ptr = (void *)t->value;
	}
	return q_signal_post(t->pid, t->tid, &info, own ? t->execs + 1ull : 0);
}

/* n expirations.  false: nobody is there any more (T1); a thread alone may have ended */
static bool fire(struct timer *t, uint64_t n)
{
	long rc = timer_send(t, (int64_t)n - 1);
	struct facts_proc f;

	if (rc < 0 && owner(t, 0, &f)) return false;
	if (rc == SIGNAL_PENDING) t->overrun += n;
	if (rc == SIGNAL_QUEUED) t->before = t->overrun, t->overrun = n - 1;
	t->pause = rc == SIGNAL_QUEUED ? REPEAT_MIN : min(2 * t->pause + REPEAT_MIN, REPEAT_MAX);
	return true;
}

/* Due?  Ring, and say when to look again.  false: as fire() */
static bool timer_look(struct timer *t)
{
	int64_t now = timer_clock(t, t->clock);
	uint64_t n = 0;

	t->look = UINT64_MAX;
	if (now < 0) t->expires = 0;    /* a thread may have ended alone */
	if (t->expires && (uint64_t)now >= t->expires) {
		n = t->interval ? ((uint64_t)now - t->expires) / t->interval + 1 : 1;
		t->expires = t->interval ? t->expires + n * t->interval : 0;
	}
	if (n && !fire(t, n)) return false;
	if (t->expires) t->look = mono_ns() + delay(t, t->expires - (uint64_t)now);
	next_look = min(next_look, t->look);
	return true;
}

uint64_t timers_run(void)
{
	uint64_t now = next_look == UINT64_MAX ? 0 : mono_ns();

	if (next_look <= now) {
		next_look = UINT64_MAX;
		for (struct timer *t = timers, *next; t; t = next) {
			next = t->next;
			if (t->look > now) next_look = min(next_look, t->look);
			else if (!timer_look(t)) timer_free(t);
		}
	}
	return next_look == UINT64_MAX ? 0 : next_look;
}

void timer_set(struct timer *t, int clock, uint64_t expires, uint64_t interval)
{
	t->clock = clock;
	t->expires = expires;
	t->interval = interval;
	t->pause = 0;
	t->look = UINT64_MAX;
	if (!expires || !t->signo) return;   /* nobody is told: it is looked at when somebody asks */
	t->look = mono_ns();                    /* rings before the next message, if it is due */
	next_look = min(next_look, t->look);
}

void timer_left(const struct timer *t, uint64_t *left, uint64_t *interval)
{
	uint64_t now = (uint64_t)timer_clock(t, t->clock);

	*interval = t->interval;
	*left = !t->expires ? 0 : t->expires > now ? t->expires - now : t->signo ? 1 : 0;
	if (t->expires && t->expires <= now && t->interval) *left = t->interval - (now - t->expires) % t->interval;
}

/* ---- whose they are */

static bool is_of(const struct timer *t, const struct facts_proc *f)
{
	return t->pid == f->pid && (t->id < 0 || t->execs == f->execs);
}

struct timer *timer_find(const struct facts_proc *f, int32_t id)
{
	for (struct timer *t = timers; t; t = t->next)
		if (t->id == id && is_of(t, f)) return t;
	return NULL;
}

uint32_t timers_of(const struct facts_proc *f, int32_t *last)
{
	uint32_t n = 0;

	*last = -1;
	for (struct timer *t = timers; t; t = t->next) {
		if (t->id < 0 || !is_of(t, f)) continue;
		if (t->id > *last) *last = t->id;
		n++;
	}
	return n;
}

void timer_free(struct timer *gone)
{
	struct timer **at = &timers;

	while (*at != gone) at = &(*at)->next;
	*at = gone->next;
	free(gone);
}

void timers_end(uint32_t pid)
{
	for (struct timer *t = timers, *next; t; t = next) {
		next = t->next;
		if (t->pid == pid) timer_free(t);
	}
}

static void timers_sweep(void)
{
	struct facts_proc f;

	for (struct timer *t = timers, *next; t; t = next) {
		next = t->next;
		if (owner(t, 0, &f)) timer_free(t);
	}
}

struct timer *timer_new(const struct facts_proc *f, uint32_t tid, int32_t id)
{
	static unsigned made;
	struct timer *t;

	if (++made % SWEEP_EVERY == 0) timers_sweep();
	t = pm_alloc(sizeof(*t));
	if (!t) return NULL;
	*t = (struct timer){
		.next = timers, .look = UINT64_MAX, .thread = tid, .pid = f->pid, .execs = f->execs, .id = id,
	};
	timers = t;
	return t;
}
