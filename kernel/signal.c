/* SPDX-License-Identifier: MIT */
/* kernel/signal.c - RING 0 - signals: sent, blocked, delivered on the way back to ring 3, and what they do by default.
 *
 * Path:  user/pm's kill() and timers, faults > signal_queue() ... trap.c > signal_deliver() > sigframe.c, or the end
 * Locks: proc->lock around pending sets, masks, actions and stops.
 *
 * G1  A signal that is ignored and not blocked is never pending.
 * G2  SIGKILL and SIGSTOP are never blocked, ignored or caught.
 * G3  init gets only what it has a handler for, and what it brings on itself by a fault. */
#include "abi/pm.h"
#include "kernel/proc.h"

#define STOP_SIGNALS (SIG_MASK(SIGSTOP) | SIG_MASK(SIGTSTP) | SIG_MASK(SIGTTIN) | SIG_MASK(SIGTTOU))
#define IGNORED_BY_DEFAULT (SIG_MASK(SIGCHLD) | SIG_MASK(SIGURG) | SIG_MASK(SIGWINCH) | SIG_MASK(SIGCONT))

/* ---- sending */

static bool handled(const struct proc *p, int signo) { return p->action[signo].handler > SIG_IGN; }

bool signal_ignored(const struct proc *p, int signo)
{
	uaddr_t h = p->action[signo].handler;

	if (p->pid == PID_INIT && !handled(p, signo)) return true;      /* G3 */
	return h == SIG_IGN || (h == SIG_DFL && (SIG_MASK(signo) & IGNORED_BY_DEFAULT));
}

void threads_interrupt_locked(struct proc *p)
{
	list_for(l, &p->threads) thread_interrupt(container_of(l, struct thread, proc_link));
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
	list_for(l, &p->threads) {
		const struct thread *t = container_of(l, struct thread, proc_link);

		if ((!only || t == only) && !(t->sig_mask & bit)) blocked = false;
	}
	if (!blocked && signal_ignored(p, info->signo)) return SIGNAL_NOT;      /* G1 */
	rc = sigqueue_add_locked(p, only ? &only->pending : &p->pending, info, timer);
	threads_interrupt_locked(p);
	return rc;
}

void signal_send(struct proc *p, int signo)
{
	struct siginfo info = {.signo = signo, .code = SI_KERNEL};

	signal_queue(p, 0, &info, 0);
}

struct thread *thread_from_locked(struct proc *p, uint32_t tid)
{
	list_for(l, &p->threads) {
		struct thread *t = container_of(l, struct thread, proc_link);

		if (t->tid >= tid) return t;
	}
	return NULL;
}

int signal_queue(struct proc *p, uint32_t tid, const struct siginfo *info, uint64_t timer)
{
	int64_t overrun = info->timer.overrun;
	struct sigentry *e = NULL;
	struct sigpending *on;
	struct thread *only;

	SPIN_HELD(&p->lock);
	only = tid ? thread_from_locked(p, tid) : NULL;
	if (list_empty(&p->threads) || (tid && (!only || only->tid != tid)) || (timer && timer != p->execs + 1)) return -ESRCH;
	if (!info->signo) return SIGNAL_NOT;
	on = only ? &only->pending : &p->pending;
	if (timer) e = sigqueue_find_locked(on, info->signo, info->timer.id);
	if (!e) return timer && overrun < 0 ? SIGNAL_NOT : queue_locked(p, only, info, timer);
	/* a timer has one entry: it tells of all expirations since the first */
	if (overrun == TIMER_REMOVE) sigqueue_remove_locked(p, on, e);
	else if (overrun >= 0) e->info.timer.overrun = MIN(overrun + 1 + e->info.timer.overrun, INT32_MAX);
	return SIGNAL_PENDING;
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

/* No handler: ignore, stop, or die. */
static void default_action(struct proc *p, int signo)
{
	uint64_t bit = SIG_MASK(signo);

	if (bit & IGNORED_BY_DEFAULT) return;
	if (bit & STOP_SIGNALS) proc_stop(p, signo);
	else proc_exit(signo);
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
		if (action.handler == SIG_DFL) default_action(p, info.signo);
		if (action.handler <= SIG_IGN) continue;
		handler_enter(t, tf, &action, &info);
		ran = true;
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

	if (size != 8) return -EINVAL;
	if (copy_in(&mask, set, 8)) return -EFAULT;
	signal_mask_set(mask);
	current_thread()->sig_back = back;
	return 0;
}

void signal_mask_back(void) { signal_mask_set(current_thread()->sig_back); }
