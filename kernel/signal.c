/* SPDX-License-Identifier: MIT */
/* kernel/signal.c - RING 0 - signals: sent, queued, blocked, waited for; delivered on the way back to ring 3, and what
 * they do by default.  kill and sigpending are user/pm's.
 *
 * Path:  user/pm's kill() and timers, faults > signal_queue() ... trap.c > signal_deliver() > sigframe.c, or the end
 * Locks: proc->lock around pending sets and queues, masks, actions and stops.
 *
 * G1  A signal that is ignored and not blocked is never pending.
 * G2  SIGKILL and SIGSTOP are never blocked, ignored or caught.
 * G3  init gets only what it has a handler for, and what it brings on itself by a fault.
 * Q1  A signal is pending if its bit is set.  Its queue entry tells who sent it; without memory for one it has none.
 * Q2  Signals below SIGRTMIN are queued once at most, others each time, in order (POSIX.1-2017 2.4.1, 2.4.2).
 *     A timer has one entry at a time, which counts what follows as overruns.
 * Q3  RLIMIT_SIGPENDING bounds the entries of a process; only rt_sigqueueinfo and its like are refused for it.  A timer
 *     was allowed by it when it was made. */
#include "kernel/proc.h"
#include "kernel/syscalls.h"

#define STOP_SIGNALS (SIG_MASK(SIGSTOP) | SIG_MASK(SIGTSTP) | SIG_MASK(SIGTTIN) | SIG_MASK(SIGTTOU))
#define IGNORED_BY_DEFAULT (SIG_MASK(SIGCHLD) | SIG_MASK(SIGURG) | SIG_MASK(SIGWINCH) | SIG_MASK(SIGCONT))
#define SYNCHRONOUS (SIG_MASK(SIGSEGV) | SIG_MASK(SIGBUS) | SIG_MASK(SIGILL) | SIG_MASK(SIGTRAP) | SIG_MASK(SIGFPE))
#define ANY_TIMER (-1)                  /* or none */

struct sigentry {
	struct list link;               /* [p] */
	struct siginfo info;            /* [p] */
	bool timer;                     /* [c] the process manager's: its expirations meanwhile are overruns */
};

/* ---- pending: a set and a queue for each thread and each process */

/* => p->lock held.  SIGNAL_PENDING, SIGNAL_QUEUED; -EAGAIN: no room for one more (Q3) */
static int sigqueue_add_locked(struct proc *p, struct sigpending *s, const struct siginfo *info, bool timer)
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
static struct sigentry *sigqueue_find_locked(struct sigpending *s, int signo, int32_t timer)
{
	list_each(struct sigentry, e, &s->queue, link)
		if (e->info.signo == signo && (timer < 0 || (e->timer && e->info.timer.id == timer))) return e;
	return NULL;
}

/* The bit goes too if it was the signal's last.  => p->lock held */
static void sigqueue_remove_locked(struct proc *p, struct sigpending *s, struct sigentry *gone)
{
	int signo = gone->info.signo;

	list_remove(&gone->link);
	p->sig_queued--;
	kfree(gone);
	if (!sigqueue_find_locked(s, signo, ANY_TIMER)) s->set &= ~SIG_MASK(signo);
}

/* The next of `set`: what the thread itself caused, then the lowest; the thread's before the process's.
 * => p->lock held.  false: none is pending */
static bool sigqueue_take_locked(struct proc *p, struct thread *t, uint64_t set, struct siginfo *info)
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
	list_each_safe(struct sigentry, e, &s->queue, link)
		if ((SIG_MASK(e->info.signo) & set) && (e->timer || !timers)) sigqueue_remove_locked(p, s, e);
	if (!timers) s->set &= ~set;
}

/* The same, of all threads too.  => p->lock held */
void signals_flush_locked(struct proc *p, uint64_t set, bool timers)
{
	sigqueue_flush_locked(p, &p->pending, set, timers);
	list_each(struct thread, t, &p->threads, proc_link) sigqueue_flush_locked(p, &t->pending, set, timers);
}

/* ---- sending */

static bool handled(const struct proc *p, int signo) { return p->action[signo].handler > SIG_IGN; }

static bool signal_ignored(const struct proc *p, int signo)
{
	uaddr_t h = p->action[signo].handler;

	if (p->pid == PID_INIT && !handled(p, signo)) return true;      /* G3 */
	return h == SIG_IGN || (h == SIG_DFL && (SIG_MASK(signo) & IGNORED_BY_DEFAULT));
}

void threads_interrupt_locked(struct proc *p)
{
	list_each(struct thread, t, &p->threads, proc_link) thread_interrupt(t);
}

/* Make it pending, for one thread or for whichever takes it, and wake who may take it.  SIGNAL_*, -EAGAIN
 * => p->lock held */
static int queue_locked(struct proc *p, struct thread *only, const struct siginfo *info, bool timer)
{
	uint64_t bit = SIG_MASK(info->signo);
	bool blocked = true;
	int rc;

	if (info->signo == SIGKILL) {           /* the process ends; init's if it has no memory (G3) */
		if (p->pid != PID_INIT || info->code == SI_KERNEL) proc_end_locked(p, SIGKILL);
		return SIGNAL_QUEUED;
	}
	if (bit & STOP_SIGNALS) signals_flush_locked(p, SIG_MASK(SIGCONT), false);
	if (info->signo == SIGCONT) {
		signals_flush_locked(p, STOP_SIGNALS, false);
		p->stopped = 0;
		waitq_wake_all(&p->wait);
	}
	list_each(struct thread, t, &p->threads, proc_link)
		if ((!only || t == only) && !(t->sig_mask & bit)) blocked = false;
	if (!blocked && signal_ignored(p, info->signo)) return SIGNAL_NOT;      /* G1 */
	rc = sigqueue_add_locked(p, only ? &only->pending : &p->pending, info, timer);
	threads_interrupt_locked(p);
	return rc;
}

struct thread *thread_from_locked(struct proc *p, uint32_t tid)
{
	list_each(struct thread, t, &p->threads, proc_link)
		if (t->tid >= tid) return t;
	return NULL;
}

/* As SYS_signal_post; tid 0: for whichever thread takes it. */
static int signal_queue(struct proc *p, uint32_t tid, const struct siginfo *info, uint64_t timer)
{
	int64_t overrun = info->timer.overrun;
	struct sigentry *e = NULL;
	struct sigpending *on;
	struct thread *only;

	SPIN_HELD(&p->lock);
	only = tid ? thread_from_locked(p, tid) : NULL;
	if (list_empty(&p->threads) || (tid && (!only || only->tid != tid))) return -ESRCH;
	if (timer && timer != p->execs + 1) return -ESRCH;
	if (!info->signo) return SIGNAL_NOT;
	on = only ? &only->pending : &p->pending;
	if (timer) e = sigqueue_find_locked(on, info->signo, info->timer.id);
	if (!e) return timer && overrun < 0 ? SIGNAL_NOT : queue_locked(p, only, info, timer);
	/* a timer has one entry: it tells of all expirations since the first */
	if (overrun == TIMER_REMOVE) sigqueue_remove_locked(p, on, e);
	else if (overrun >= 0) e->info.timer.overrun = MIN(overrun + 1 + e->info.timer.overrun, INT32_MAX);
	return SIGNAL_PENDING;
}

void signal_send(struct proc *p, int signo)
{
	struct siginfo info = {.signo = signo, .code = SI_KERNEL};

	signal_queue(p, 0, &info, 0);
}

SYSCALL(signal_post, pid, tid, siginfo, timer)
{
	PROC_HELD struct proc *p = proc_find(pid, false);
	struct siginfo info;

	if (copy_in(&info, siginfo, sizeof(info))) return -EFAULT;
	if (info.signo < 0 || info.signo > NSIG) return -EINVAL;
	return p ? signal_queue(p, tid, &info, timer) : -ESRCH;
}

/* The current thread's own fault: if it blocks or ignores the signal, it cannot go on (POSIX 2.4.1 leaves it open). */
void signal_fault(int signo, int code, uaddr_t addr, struct trapframe *tf)
{
	struct siginfo info = {.signo = signo, .code = code, .fault = {addr}};
	struct thread *t = current_thread();
	struct proc *p = t->proc;
	uint64_t bit = SIG_MASK(signo);

	spin_lock(&p->lock);
	if ((t->sig_mask & bit) || !handled(p, signo)) {
		p->action[signo] = (struct sigaction_k){0};
		t->sig_mask &= ~bit;
	}
	sigqueue_add_locked(p, &t->pending, &info, false);
	spin_unlock(&p->lock);
	if (p->port)
		kprintf("quire: server %s: signal %d at rip %lx, address %lx\n", p->name, signo, tf->rip, addr);
}

void signal_actions_clear(struct proc *p)
{
	for (int i = 1; i <= NSIG; i++)
		if (p->action[i].handler != SIG_IGN) p->action[i] = (struct sigaction_k){0};
}

/* ---- delivery */

bool thread_ends(const struct thread *t)
{
	const struct proc *p = t->proc;

	return p->exiting || (p->survivor && p->survivor != t);
}

bool thread_has_signal(struct thread *t)
{
	struct proc *p = t->proc;

	if (!p) return false;
	if (thread_ends(t)) return true;
	if (t->fatal_only) return false;
	return ((t->pending.set | p->pending.set) & (~t->sig_mask | t->sig_wait)) || p->stopped;
}

/* Until SIGCONT or SIGKILL, or another thread executes another program. */
static void stop_sleep_locked(struct proc *p)
{
	while (p->stopped && !thread_ends(current_thread())) waitq_sleep(&p->wait, &p->lock, WAIT_FOREVER, false);
	p->stopped = 0;
}

/* Take the next signal that may be delivered now.  false: none, or the thread ends */
static bool take(struct proc *p, struct thread *t, struct siginfo *info, struct sigaction_k *action)
{
	SPIN_HELD(&p->lock);
	stop_sleep_locked(p);
	if (thread_ends(t) || !sigqueue_take_locked(p, t, ~t->sig_mask, info)) return false;
	*action = p->action[info->signo];
	if (action->handler == SIG_DFL && (SIG_MASK(info->signo) & STOP_SIGNALS)) {
		p->stopped = info->signo;
		threads_interrupt_locked(p);    /* before the parent hears of it; a stop that is refused is over soon */
	}
	if (handled(p, info->signo) && (action->flags & SA_RESETHAND)) p->action[info->signo].handler = SIG_DFL;
	return true;
}

/* Tell the process manager, who speaks with the parent (PM_STOPPED of abi/pm.h).  true: it must not */
static bool job_tell(const struct proc *p, uint32_t op, int signo)
{
	KMSG_HELD struct kmsg k = {.m = {.op = op, .arg = {p->pid, signo}}};

	/* O1 of forward.c: a server has no parent either */
	return !p->port && !thread_ends(current_thread()) && forward(pm_port, &k, true) == 1;
}

/* SIGCONT may have come since the signal was taken.  Those of the terminal do nothing to a group that nobody could
 * continue (POSIX 2.4.3). */
static void proc_stop(struct proc *p, int signo)
{
	bool refused = job_tell(p, PM_STOPPED, signo);

	spin_lock(&p->lock);
	if (refused && p->stopped == signo) p->stopped = 0;
	waitq_wake_all(&p->wait);
	stop_sleep_locked(p);
	spin_unlock(&p->lock);
	job_tell(p, PM_CONTINUED, SIGCONT);
}

/* An interrupted system call: rewind rip to the `syscall` instruction (2 bytes), or say EINTR.  ran: a handler will. */
static void restart(struct trapframe *tf, bool ran, uint64_t sa_flags)
{
	int64_t r = tf->rax;

	if (tf->vector != TRAP_SYSCALL || r > -ERESTART || r < -ERESTARTNOHAND) return;
	if (ran && (r == -ERESTARTNOHAND || (r == -ERESTART && !(sa_flags & SA_RESTART)))) {
		tf->rax = -EINTR;
	} else {
		tf->rax = tf->error;
		tf->rip -= 2;
	}
	tf->vector = 0;                 /* decided: only once */
}

/* Run a handler: the frame keeps the mask to come back to.  One that cannot be written is a SIGSEGV, which may have a
 * handler on another stack. */
static void handler_enter(struct thread *t, struct trapframe *tf, const struct sigaction_k *a,
                          const struct siginfo *info)
{
	restart(tf, true, a->flags);
	t->sleep_until = 0;
	if (sigframe_push(tf, a, info, t->sig_back)) {
		if (info->signo == SIGSEGV) proc_exit(SIGSEGV);
		signal_fault(SIGSEGV, SI_KERNEL, 0, tf);
		return;
	}
	signal_mask_set(t->sig_mask | a->mask | (a->flags & SA_NODEFER ? 0 : SIG_MASK(info->signo)));
}

void signal_deliver(struct trapframe *tf)
{
	struct thread *t = current_thread();
	struct proc *p = t->proc;
	struct sigaction_k action;
	struct siginfo info;
	bool ran = false;

	for (;;) {
		if (thread_ends(t)) proc_thread_exit(0);
		if (!take(p, t, &info, &action)) break;
		if (action.handler > SIG_IGN) {
			handler_enter(t, tf, &action, &info);
			ran = true;
		} else if (action.handler == SIG_DFL && !(SIG_MASK(info.signo) & IGNORED_BY_DEFAULT)) {
			if (!(SIG_MASK(info.signo) & STOP_SIGNALS)) proc_exit(info.signo);
			proc_stop(p, info.signo);
		}
	}
	if (ran) return;
	restart(tf, false, 0);
	signal_mask_back();
}

/* ---- masks.  Others read that of a thread, which alone changes it. */

void signal_mask_set(uint64_t mask)
{
	struct thread *t = current_thread();

	SPIN_HELD(&t->proc->lock);
	t->sig_mask = t->sig_back = mask & ~SIG_UNBLOCKABLE;
}

/* For the time of one call (POSIX sigsuspend, ppoll): back after the handler, or at once */
int signal_mask_swap(uaddr_t set, uint64_t size)
{
	uint64_t mask, back = current_thread()->sig_mask;

	if (size != SIGSET_SIZE) return -EINVAL;
	if (copy_in(&mask, set, SIGSET_SIZE)) return -EFAULT;
	signal_mask_set(mask);
	current_thread()->sig_back = back;
	return 0;
}

void signal_mask_back(void) { signal_mask_set(current_thread()->sig_back); }

/* ---- system calls */

SYSCALL(rt_sigaction)
{
	struct proc *p = current_proc();
	struct sigaction_k new = {0}, old;
	int signo = a0;

	if (a3 != SIGSET_SIZE || signo < 1 || signo > NSIG) return -EINVAL;
	if (a1 && (SIG_MASK(signo) & SIG_UNBLOCKABLE)) return -EINVAL;
	if (a1 && copy_in(&new, a1, sizeof(new))) return -EFAULT;

	new.mask &= ~SIG_UNBLOCKABLE;
	spin_lock(&p->lock);
	old = p->action[signo];
	if (a1) p->action[signo] = new;
	/* a pending signal that is now ignored is dropped (POSIX 2.4.3) */
	if (a1 && signal_ignored(p, signo)) signals_flush_locked(p, SIG_MASK(signo), false);
	spin_unlock(&p->lock);
	return a2 ? copy_out(a2, &old, sizeof(old)) : 0;
}

SYSCALL(rt_sigprocmask)
{
	uint64_t old = current_thread()->sig_mask, set = 0;

	if (a3 != SIGSET_SIZE) return -EINVAL;
	if (a1 && copy_in(&set, a1, sizeof(set))) return -EFAULT;
	if (a1 && a0 > SIG_SETMASK) return -EINVAL;

	if (a1) signal_mask_set(a0 == SIG_BLOCK ? old | set : a0 == SIG_UNBLOCK ? old & ~set : set);
	return a2 ? copy_out(a2, &old, sizeof(old)) : 0;
}

/* Until a signal runs a handler or ends the process. */
SYSCALL(pause)
{
	thread_sleep_until(WAIT_FOREVER, true);
	return -ERESTARTNOHAND;
}

SYSCALL(rt_sigsuspend)
{
	int rc = signal_mask_swap(a0, a1);

	return rc ? rc : sys_pause(0, 0, 0, 0, 0, 0);
}

/* -EAGAIN: none of them until the deadline; -EINTR: another one came first */
SYSCALL(rt_sigtimedwait)
{
	struct siginfo_whole got = {0};
	struct thread *t = current_thread();
	struct proc *p = t->proc;
	uint64_t set, deadline;
	int rc;

	if (a3 != SIGSET_SIZE) return -EINVAL;
	if (copy_in(&set, a0, sizeof(set))) return -EFAULT;
	rc = deadline_in(a2, 1, time_mono(), &deadline);
	if (rc) return rc;
	set &= ~SIG_UNBLOCKABLE;
	spin_lock(&p->lock);
	t->sig_wait = set;
	while (!sigqueue_take_locked(p, t, set, &got.info) && !rc)
		rc = waitq_sleep(&p->wait, &p->lock, deadline, true);
	t->sig_wait = 0;
	spin_unlock(&p->lock);
	if (!got.info.signo) return rc == -ETIMEDOUT ? -EAGAIN : rc;
	return a1 && copy_out(a1, &got, sizeof(got)) ? -EFAULT : got.info.signo;
}
