/* SPDX-License-Identifier: MIT */
/* kernel/timer.c - RING 0 - timers that ring 0 needs itself: timerfd, RLIMIT_CPU.  Others are user/pm/timer.c's.
 *
 * CPU time goes by only while a thread runs, so nobody knows when such a timer is due: it looks again when it could be,
 * but not more often than CPU_LOOK.
 *
 * Path:  time.c clock_interrupt() > ctimer_rings() > fire() > event.c, signal.c; event.c, proc.c > [timer.c]
 * Locks: proc->timers_lock (a mutex) around setting cpu_limit; ctimer->lock around when one is due.
 */
#include "kernel/timer.h"

#include "kernel/proc.h"

#define NS 1000000000ull
#define CPU_LOOK    4000000u            /* ns */
#define REPEAT_MIN  50000u              /* ns: shorter intervals are counted as overruns, not each by an interrupt */
#define REPEAT_MAX  (100 * 1000 * 1000u)        /* nor so often while nobody takes notice: it doubles up to this */
#define REAL_LOOK   NS                  /* the date may be set meanwhile */

/* ---- any clock */

static void ctimer_rings(void *arg);

static uint64_t delay(const struct ctimer *c, uint64_t left)
{
	if (c->clock == CLOCK_REALTIME) left = MIN(left, REAL_LOOK);
	if (c->clock == CLOCK_PROCESS_CPUTIME_ID) left = MAX(left / ncpus, CPU_LOOK);
	return MAX(left, c->pause);
}

/* Due?  Fire, and wait for the next time. */
static void ctimer_rings(void *arg)
{
	struct ctimer *c = arg;
	int64_t now = clock_of(c->clock, c->proc, 0);
	uint64_t n = 0, left = 0;

	spin_lock(&c->lock);
	if (c->expires && (uint64_t)now >= c->expires) {
		n = c->interval ? (now - c->expires) / c->interval + 1 : 1;
		c->expires = c->interval ? c->expires + n * c->interval : 0;
	}
	spin_unlock(&c->lock);
	if (n) c->pause = c->fire(c, n) ? REPEAT_MIN : MIN(2 * c->pause + REPEAT_MIN, REPEAT_MAX);
	spin_lock(&c->lock);
	if (c->expires) left = delay(c, c->expires - now);
	spin_unlock(&c->lock);
	if (left) timer_arm(&c->timer, time_mono() + left, ctimer_rings, c);
}

void ctimer_init(struct ctimer *c, struct proc *p, bool (*fire)(struct ctimer *, uint64_t))
{
	spin_init(&c->lock, RANK_HANDLE, "timer");
	c->proc = p;
	c->fire = fire;
}

void ctimer_set(struct ctimer *c, int clock, uint64_t expires, uint64_t interval)
{
	spin_lock(&c->lock);
	c->expires = 0;                 /* so that one that rings right now does not come back */
	spin_unlock(&c->lock);
	timer_cancel(&c->timer);
	spin_lock(&c->lock);
	c->clock = clock;
	c->expires = expires;
	c->interval = interval;
	c->pause = 0;
	spin_unlock(&c->lock);
	if (expires) ctimer_rings(c);
}

void ctimer_get(struct ctimer *c, uint64_t *left, uint64_t *interval)
{
	int64_t now = clock_of(c->clock, c->proc, 0);

	spin_lock(&c->lock);
	*left = !c->expires ? 0 : c->expires > (uint64_t)now ? c->expires - now : 1;
	if (c->expires && c->expires <= (uint64_t)now && c->interval) *left = c->interval - (now - c->expires) % c->interval;
	*interval = c->interval;
	spin_unlock(&c->lock);
}

/* ---- RLIMIT_CPU: SIGXCPU at the soft limit and every second from there, SIGKILL at the hard one */

static bool cpu_limit_fire(struct ctimer *c, uint64_t n)
{
	struct proc *p = c->proc;
	bool hard = proc_cpu_ns(p) / NS >= p->rlimit[RLIMIT_CPU][1];

	signal_send(p, hard ? SIGKILL : SIGXCPU, SI_KERNEL, 0);
	return true;
}

void cpu_limit_init(struct proc *p)
{
	mutex_init(&p->timers_lock, RANK_FILE, "timers");
	ctimer_init(&p->cpu_limit, p, cpu_limit_fire);
}

void cpu_limit_set(struct proc *p)
{
	uint64_t soft = p->rlimit[RLIMIT_CPU][0];
	bool on = soft < INT64_MAX / NS;

	mutex_lock(&p->timers_lock);
	if (p->nthreads == 0) on = false;       /* it ends */
	ctimer_set(&p->cpu_limit, CLOCK_PROCESS_CPUTIME_ID, on ? MAX(soft, 1ull) * NS : 0, NS);
	mutex_unlock(&p->timers_lock);
}
