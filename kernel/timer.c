/* SPDX-License-Identifier: MIT */
/* kernel/timer.c - RING 0 - timers on any clock; setitimer, timer_create, RLIMIT_CPU.
 *
 * CPU time goes by only while a thread runs, so nobody knows when such a timer is due: it looks again when it could be,
 * but not more often than CPU_LOOK.
 *
 * Path:  time.c clock_interrupt() > ctimer_rings() > fire() > signal.c; syscall.c > [timer.c]
 * Locks: proc->timers_lock (a mutex) around the timers of a process; ctimer->lock around when one is due.
 */
#include "kernel/timer.h"

#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"

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
	if (c->clock == CLOCK_PROCESS_CPUTIME_ID || c->clock == CLOCK_PROCESS_USER) left = MAX(left / ncpus, CPU_LOOK);
	if (c->clock == CLOCK_THREAD_CPUTIME_ID) left = MAX(left, CPU_LOOK);
	return MAX(left, c->pause);
}

/* Due?  Fire, and wait for the next time. */
static void ctimer_rings(void *arg)
{
	struct ctimer *c = arg;
	int64_t now = clock_of(c->clock, c->proc, c->tid);
	uint64_t n = 0, left = 0;

	spin_lock(&c->lock);
	if (now < 0) c->expires = 0;    /* of a thread that has ended */
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
	int64_t now = clock_of(c->clock, c->proc, c->tid);

	spin_lock(&c->lock);
	*left = !c->expires ? 0 : c->expires > (uint64_t)now ? c->expires - now : 1;
	if (c->expires && c->expires <= (uint64_t)now && c->interval) *left = c->interval - (now - c->expires) % c->interval;
	*interval = c->interval;
	spin_unlock(&c->lock);
}

/* ---- interval timers: ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF */

struct itimerval { struct timeval interval, value; };

static const int itimer_clock[3] = {CLOCK_MONOTONIC, CLOCK_PROCESS_USER, CLOCK_PROCESS_CPUTIME_ID};

static bool itimer_fire(struct ctimer *c, uint64_t n)
{
	static const int signo[3] = {SIGALRM, SIGVTALRM, SIGPROF};
	int s = signo[c - c->proc->itimers];
	bool taken = !(c->proc->pending.set & SIG_MASK(s));

	signal_send(c->proc, s, SI_KERNEL, 0);
	return taken && (c->proc->pending.set & SIG_MASK(s));   /* not: ignored */
}

static struct timeval to_timeval(uint64_t ns) { return (struct timeval){ns / NS, ns % NS / 1000}; }

/* What is left, and what to do instead. */
static struct itimerval itimer_swap(int which, const uint64_t *value, uint64_t interval)
{
	struct proc *p = current_proc();
	struct ctimer *c = &p->itimers[which];
	uint64_t left, old;

	mutex_lock(&p->timers_lock);
	ctimer_get(c, &left, &old);
	if (value) {
		int64_t now = clock_of(itimer_clock[which], p, 0);

		ctimer_set(c, itimer_clock[which], *value ? now + *value : 0, interval);
	}
	mutex_unlock(&p->timers_lock);
	return (struct itimerval){to_timeval(old), to_timeval(left ? MAX(left, 1000ull) : 0)};
}

static bool timeval_in(const struct timeval *tv, uint64_t *ns)
{
	if (tv->sec < 0 || tv->usec < 0 || tv->usec >= 1000000) return false;
	*ns = MIN((uint64_t)tv->sec, INT64_MAX / NS / 2) * NS + tv->usec * 1000;
	return true;
}

SYSCALL(getitimer)
{
	struct itimerval it;

	if (a0 >= ARRAY_LEN(itimer_clock)) return -EINVAL;
	it = itimer_swap(a0, NULL, 0);
	return copy_out(a1, &it, sizeof(it));
}

SYSCALL(setitimer)
{
	struct itimerval it = {0};
	uint64_t value, interval;

	if (a0 >= ARRAY_LEN(itimer_clock)) return -EINVAL;
	if (a1 && copy_in(&it, a1, sizeof(it))) return -EFAULT;
	if (!timeval_in(&it.value, &value) || !timeval_in(&it.interval, &interval)) return -EINVAL;

	it = itimer_swap(a0, &value, interval);
	return a2 ? copy_out(a2, &it, sizeof(it)) : 0;
}

SYSCALL(alarm)
{
	uint64_t value = (uint32_t)a0 * NS;
	struct itimerval old = itimer_swap(0, &value, 0);

	if (old.value.usec >= 500000 || (!old.value.sec && old.value.usec)) old.value.sec++;
	return old.value.sec;
}

/* ---- RLIMIT_CPU: SIGXCPU at the soft limit and every second from there, SIGKILL at the hard one */

static bool cpu_limit_fire(struct ctimer *c, uint64_t n)
{
	struct proc *p = c->proc;
	bool hard = proc_cpu_ns(p) / NS >= p->rlimit[RLIMIT_CPU][1];

	signal_send(p, hard ? SIGKILL : SIGXCPU, SI_KERNEL, 0);
	return true;
}

void cpu_limit_set(struct proc *p)
{
	uint64_t soft = p->rlimit[RLIMIT_CPU][0];
	bool on = soft < INT64_MAX / NS;

	mutex_lock(&p->timers_lock);
	if (p->nthreads == 0) on = false;       /* its timers have ended, or will as soon as we let go */
	ctimer_set(&p->cpu_limit, CLOCK_PROCESS_CPUTIME_ID, on ? MAX(soft, 1ull) * NS : 0, NS);
	mutex_unlock(&p->timers_lock);
}

/* ---- POSIX timers */

struct ptimer {
	struct list link;               /* [timers_lock] */
	int32_t id, clock, notify;      /* [c] */
	uint32_t tid;                   /* [c] SIGEV_THREAD_ID; 0: the process */
	struct ctimer on;
	struct sigentry entry;
	int32_t overrun;                /* [proc->lock] of the signal that was delivered last */
};

struct sigevent { uint64_t value; int32_t signo, notify, tid, pad[11]; };

static bool ptimer_fire(struct ctimer *c, uint64_t n)
{
	struct ptimer *t = container_of(c, struct ptimer, on);
	bool taken = list_empty(&t->entry.link);

	if (t->notify != SIGEV_NONE) signal_queue_timer(c->proc, t->tid, &t->entry, n);
	return taken && !list_empty(&t->entry.link);
}

/* => timers_lock held */
static struct ptimer *ptimer_find(struct proc *p, int id)
{
	list_for(l, &p->timers) {
		struct ptimer *t = container_of(l, struct ptimer, link);

		if (t->id == id) return t;
	}
	return NULL;
}

/* => timers_lock held */
static void ptimer_free(struct proc *p, struct ptimer *t)
{
	ctimer_set(&t->on, CLOCK_MONOTONIC, 0, 0);
	spin_lock(&p->lock);
	sigqueue_remove_timer_locked(&t->entry);
	p->sig_queued--;
	spin_unlock(&p->lock);
	list_remove(&t->link);
	kfree(t);
}

/* The clocks a timer can have: the usual ones, and the process's and thread's own CPU time. */
static bool clock_may_ring(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
	       clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
}

static struct timespec to_timespec(uint64_t ns) { return (struct timespec){ns / NS, ns % NS}; }

/* Is that thread one of ours? */
static bool thread_is_mine(int tid)
{
	struct siginfo probe = {0};

	return tid > 0 && !signal_queue_thread(current_proc(), tid, &probe, NULL, 0);
}

/* => timers_lock held; NULL: no memory, or no room for its signal (Q3 of sigqueue.c) */
static struct ptimer *ptimer_create(struct proc *p, int clock, const struct sigevent *e)
{
	struct ptimer *t = p->sig_queued < p->rlimit[RLIMIT_SIGPENDING][0] ? kalloc(sizeof(*t)) : NULL;

	if (!t) return NULL;
	*t = (struct ptimer){.clock = clock, .notify = e->notify, .id = p->next_timer++ & INT32_MAX};
	if (e->notify == SIGEV_THREAD_ID) t->tid = e->tid;
	ctimer_init(&t->on, p, ptimer_fire);
	t->on.tid = current_thread()->tid;
	list_init(&t->entry.link);
	t->entry.overrun = &t->overrun;
	t->entry.info = (struct siginfo){.signo = e->signo, .code = SI_TIMER, .timer = {.id = t->id, .value = e->value}};
	list_push_back(&p->timers, &t->link);
	spin_lock(&p->lock);
	p->sig_queued++;
	spin_unlock(&p->lock);
	return t;
}

/* No sigevent: SIGALRM with the timer's number as its value (POSIX timer_create). */
static int sigevent_in(uaddr_t from, struct sigevent *e)
{
	*e = (struct sigevent){.signo = SIGALRM};
	if (!from) return 0;
	if (copy_in(e, from, sizeof(*e))) return -EFAULT;
	if (e->notify == SIGEV_NONE) return 0;
	if (e->notify == SIGEV_THREAD_ID ? !thread_is_mine(e->tid) : e->notify > SIGEV_THREAD) return -EINVAL;
	return e->signo < 1 || e->signo > NSIG || e->notify < 0 ? -EINVAL : 0;
}

SYSCALL(timer_create)
{
	struct proc *p = current_proc();
	struct sigevent e;
	struct ptimer *t;
	int32_t id = 0;
	int rc = sigevent_in(a1, &e);

	if (!clock_may_ring(a0)) return clock_of(a0, p, 0) < 0 ? -EINVAL : -EOPNOTSUPP;
	if (rc) return rc;
	mutex_lock(&p->timers_lock);
	t = ptimer_create(p, a0, &e);
	if (t) id = t->id;
	if (t && !a1) t->entry.info.timer.value = id;
	mutex_unlock(&p->timers_lock);
	if (!t) return -EAGAIN;
	if (!copy_out(a2, &id, sizeof(id))) return 0;
	sys_timer_delete(id, 0, 0, 0, 0, 0);
	return -EFAULT;
}

SYSCALL(timer_delete)
{
	struct proc *p = current_proc();
	struct ptimer *t;

	mutex_lock(&p->timers_lock);
	t = ptimer_find(p, a0);
	if (t) ptimer_free(p, t);
	mutex_unlock(&p->timers_lock);
	return t ? 0 : -EINVAL;
}

SYSCALL(timer_getoverrun)
{
	struct proc *p = current_proc();
	struct ptimer *t;
	long n = -EINVAL;

	mutex_lock(&p->timers_lock);
	t = ptimer_find(p, a0);
	if (t) n = t->overrun;
	mutex_unlock(&p->timers_lock);
	return n;
}

struct itimerspec ctimer_spec(struct ctimer *c)
{
	uint64_t left, interval;

	ctimer_get(c, &left, &interval);
	return (struct itimerspec){to_timespec(interval), to_timespec(left)};
}

/* What a relative time counts from does not change with the date. */
void ctimer_set_spec(struct ctimer *c, int clock, bool absolute, uint64_t value, uint64_t interval)
{
	if (!absolute && clock == CLOCK_REALTIME) clock = CLOCK_MONOTONIC;
	if (!absolute && value) value += clock_of(clock, c->proc, c->tid);
	ctimer_set(c, clock, value, interval);
}

int itimerspec_in(uaddr_t from, uint64_t *value, uint64_t *interval)
{
	int rc = time_in(from, interval);

	return rc ? rc : time_in(from + sizeof(struct timespec), value);
}

SYSCALL(timer_gettime)
{
	struct proc *p = current_proc();
	struct itimerspec spec;
	struct ptimer *t;

	mutex_lock(&p->timers_lock);
	t = ptimer_find(p, a0);
	if (t) spec = ctimer_spec(&t->on);
	mutex_unlock(&p->timers_lock);
	return t ? copy_out(a1, &spec, sizeof(spec)) : -EINVAL;
}

SYSCALL(timer_settime)
{
	struct proc *p = current_proc();
	struct itimerspec old;
	uint64_t value, interval;
	struct ptimer *t;
	int rc = a2 ? itimerspec_in(a2, &value, &interval) : -EINVAL;

	if (rc) return rc;
	mutex_lock(&p->timers_lock);
	t = ptimer_find(p, a0);
	if (t) {
		old = ctimer_spec(&t->on);
		ctimer_set_spec(&t->on, t->clock, a1 & TIMER_ABSTIME, value, interval);
	}
	mutex_unlock(&p->timers_lock);
	if (!t) return -EINVAL;
	return a3 ? copy_out(a3, &old, sizeof(old)) : 0;
}

/* ---- with the process */

void timers_init(struct proc *p)
{
	mutex_init(&p->timers_lock, RANK_FILE, "timers");
	list_init(&p->timers);
	for (int i = 0; i < 3; i++) ctimer_init(&p->itimers[i], p, itimer_fire);
	ctimer_init(&p->cpu_limit, p, cpu_limit_fire);
}

void timers_exec(struct proc *p)
{
	mutex_lock(&p->timers_lock);
	while (!list_empty(&p->timers)) ptimer_free(p, container_of(p->timers.next, struct ptimer, link));
	mutex_unlock(&p->timers_lock);
}

void timers_end(struct proc *p)
{
	timers_exec(p);
	for (int i = 0; i < 3; i++) ctimer_set(&p->itimers[i], CLOCK_MONOTONIC, 0, 0);
	cpu_limit_set(p);
}
