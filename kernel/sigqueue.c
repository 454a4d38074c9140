/* SPDX-License-Identifier: MIT */
/* kernel/sigqueue.c - RING 0 - pending signals: a set and a queue for each thread and each process.
 *
 * Path:  signal.c > [sigqueue.c]
 * Locks: proc->lock guards the queues of a process and of its threads.
 *
 * Q1  A signal is pending if its bit is set.  Its queue entry tells who sent it; without memory for one it has none.
 * Q2  Signals below SIGRTMIN are queued once at most, others each time, in order (POSIX.1-2017 2.4.1, 2.4.2).
 *     A timer has one entry at a time, which counts what follows as overruns.
 * Q3  RLIMIT_SIGPENDING bounds the entries of a process; only rt_sigqueueinfo and its like are refused for it.  A timer
 *     was allowed by it when it was made. */
#include "abi/pm.h"
#include "kernel/proc.h"

#define SYNCHRONOUS (SIG_MASK(SIGSEGV) | SIG_MASK(SIGBUS) | SIG_MASK(SIGILL) | SIG_MASK(SIGTRAP) | SIG_MASK(SIGFPE))

/* => p->lock held.  SIGNAL_PENDING, SIGNAL_QUEUED; -EAGAIN: no room for one more (Q3) */
int sigqueue_add_locked(struct proc *p, struct sigpending *s, const struct siginfo *info, bool timer)
{
	bool rt = info->signo >= SIGRTMIN, always = timer || (!rt && info->code >= 0);
	struct sigentry *e = NULL;

	if (!rt && !timer && (s->set & SIG_MASK(info->signo))) return SIGNAL_PENDING;       /* Q2 */
	if (always || p->sig_queued < p->rlimit[RLIMIT_SIGPENDING][0]) e = kalloc(sizeof(*e));
	if (!e && rt && info->code != SI_USER) return -EAGAIN;
	s->set |= SIG_MASK(info->signo);
	if (!e) return SIGNAL_QUEUED;
	e->info = *info;
	e->timer = timer;
	list_push_back(&s->queue, &e->link);
	p->sig_queued++;
	return SIGNAL_QUEUED;
}

/* The oldest entry of this signal; timer >= 0: of this timer.  => p->lock held; NULL: none */
struct sigentry *sigqueue_find_locked(struct sigpending *s, int signo, int32_t timer)
{
	list_for(l, &s->queue) {
		struct sigentry *e = container_of(l, struct sigentry, link);

		if (e->info.signo == signo && (timer < 0 || (e->timer && e->info.timer.id == timer))) return e;
	}
	return NULL;
}

/* The bit goes too if it was the signal's last.  => p->lock held */
void sigqueue_remove_locked(struct proc *p, struct sigpending *s, struct sigentry *gone)
{
	int signo = gone->info.signo;

	list_remove(&gone->link);
	p->sig_queued--;
	kfree(gone);
	if (!sigqueue_find_locked(s, signo, ANY_TIMER)) s->set &= ~SIG_MASK(signo);
}

/* The next of `set`: what the thread itself caused, then the lowest; the thread's before the process's.
 * => p->lock held.  false: none is pending */
bool sigqueue_take_locked(struct proc *p, struct thread *t, uint64_t set, struct siginfo *info)
{
	struct sigpending *s = t->pending.set & set ? &t->pending : &p->pending;
	uint64_t ready = s->set & set;
	struct sigentry *e;

	if (ready & SYNCHRONOUS) ready &= SYNCHRONOUS;
	if (!ready) return false;
	*info = (struct siginfo){.signo = __builtin_ctzll(ready) + 1, .code = SI_USER};
	e = sigqueue_find_locked(s, info->signo, ANY_TIMER);
	if (e) *info = e->info;
	if (e) sigqueue_remove_locked(p, s, e);
	else s->set &= ~SIG_MASK(info->signo);
	return true;
}

/* Forget what is pending of `set`; timers: only what POSIX timers sent.
 * => p->lock held, or nobody else has p any more */
void sigqueue_flush_locked(struct proc *p, struct sigpending *s, uint64_t set, bool timers)
{
	list_for_safe(l, next, &s->queue) {
		struct sigentry *e = container_of(l, struct sigentry, link);

		if ((SIG_MASK(e->info.signo) & set) && (e->timer || !timers)) sigqueue_remove_locked(p, s, e);
	}
	if (!timers) s->set &= ~set;
}

/* The same, of all threads too.  => p->lock held */
void signals_flush_locked(struct proc *p, uint64_t set, bool timers)
{
	sigqueue_flush_locked(p, &p->pending, set, timers);
	list_for(l, &p->threads)
		sigqueue_flush_locked(p, &container_of(l, struct thread, proc_link)->pending, set, timers);
}
