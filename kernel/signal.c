/* SPDX-License-Identifier: MIT */
/* kernel/signal.c - RING 0 - signals: sent, blocked, delivered on the way back to ring 3, and what they do by default.
 *
 * Path:  kill(), timers, faults > signal_send() ... trap.c > signal_deliver() > sigframe.c, or the end
 * Locks: proc->lock around pending sets, masks and actions; proc_tree_lock around stops.
 *
 * G1  A signal that is ignored and not blocked is never pending.
 * G2  SIGKILL and SIGSTOP are never blocked, ignored or caught.
 * G3  init gets only what it has a handler for, and what it brings on itself by a fault. */
#include "kernel/proc.h"

#include "kernel/usercopy.h"

#define STOP_SIGNALS (SIG_MASK(SIGSTOP) | SIG_MASK(SIGTSTP) | SIG_MASK(SIGTTIN) | SIG_MASK(SIGTTOU))
#define IGNORED_BY_DEFAULT (SIG_MASK(SIGCHLD) | SIG_MASK(SIGURG) | SIG_MASK(SIGWINCH) | SIG_MASK(SIGCONT))
#define REPORT_CONTINUED 0xffff         /* wait4's status for it */
#define PID_INIT 1

/* ---- sending */

static bool handled(const struct proc *p, int signo) { return p->action[signo].handler > SIG_IGN; }

static bool ignored(const struct proc *p, int signo)
{
	uaddr_t h = p->action[signo].handler;

	if (p->pid == PID_INIT && !handled(p, signo)) return true;      /* G3 */
	return h == SIG_IGN || (h == SIG_DFL && (SIG_MASK(signo) & IGNORED_BY_DEFAULT));
}

/* The stopped process runs again; its parent may want to know. */
static void proc_continue(struct proc *p, bool tell)
{
	struct proc *parent = NULL;

	spin_lock(&proc_tree_lock);
	if (p->stopped) {
		p->stopped = false;
		p->report = tell ? REPORT_CONTINUED : 0;
		waitq_wake_all(&p->wait);
		parent = p->parent;
		if (parent) proc_ref(parent);
		if (parent) waitq_wake_all(&parent->wait);
	}
	spin_unlock(&proc_tree_lock);
	if (!parent) return;
	if (tell) signal_send_child(parent, CLD_CONTINUED, p->pid, p->uid, SIGCONT);
	proc_unref(parent);
}

/* Make it pending, for one thread or for whichever takes it, and wake who may take it. => p->lock held */
static void queue_locked(struct proc *p, struct thread *only, const struct siginfo_min *info)
{
	uint64_t bit = SIG_MASK(info->signo);
	bool blocked = true, forced = info->signo == SIGKILL && info->code == SI_KERNEL;        /* no memory for it */

	if (bit & STOP_SIGNALS) p->sig_pending &= ~SIG_MASK(SIGCONT);
	if (info->signo == SIGCONT) p->sig_pending &= ~STOP_SIGNALS;
	list_for(l, &p->threads) {
		struct thread *t = container_of(l, struct thread, proc_link);

		if (info->signo == SIGCONT) t->sig_pending &= ~STOP_SIGNALS;
		if ((!only || t == only) && !(t->sig_mask & bit)) blocked = false;
	}
	if (!blocked && ignored(p, info->signo) && !forced) return;     /* G1 */
	if (only) {
		only->sig_pending |= bit;
		only->sig_info[info->signo] = *info;
	} else {
		p->sig_pending |= bit;
		p->sig_info[info->signo] = *info;
	}
	list_for(l, &p->threads) {
		struct thread *t = container_of(l, struct thread, proc_link);

		if ((!only || t == only) && !(t->sig_mask & bit)) thread_interrupt(t);
	}
}

static void queue(struct proc *p, struct thread *only, const struct siginfo_min *info)
{
	spin_lock(&p->lock);
	queue_locked(p, only, info);
	spin_unlock(&p->lock);
	if (info->signo == SIGCONT || info->signo == SIGKILL) proc_continue(p, info->signo == SIGCONT);
}

int signal_send(struct proc *p, int signo, int code, uint32_t sender_pid)
{
	struct siginfo_min info = {.signo = signo, .code = code, .pid = sender_pid};

	if (signo < 1 || signo > NSIG) return -EINVAL;
	if (sender_pid && current_thread()->proc) info.uid = current_proc()->uid;
	queue(p, NULL, &info);
	return 0;
}

int signal_send_thread(struct proc *p, uint32_t tid, int signo)
{
	const struct proc *self = current_proc();
	struct siginfo_min info = {.signo = signo, .code = SI_TKILL, .pid = self->pid, .uid = self->uid};
	struct thread *found = NULL;

	spin_lock(&p->lock);
	list_for(l, &p->threads) {
		struct thread *t = container_of(l, struct thread, proc_link);

		if (t->tid == tid) found = t;
	}
	if (found && signo) queue_locked(p, found, &info);
	spin_unlock(&p->lock);
	if (found && (signo == SIGCONT || signo == SIGKILL)) proc_continue(p, signo == SIGCONT);
	return found ? 0 : -ESRCH;
}

void signal_send_child(struct proc *parent, int code, uint32_t pid, uint32_t uid, int status)
{
	struct siginfo_min info = {.signo = SIGCHLD, .code = code, .pid = pid, .uid = uid, .status = status};
	bool stop = code == CLD_STOPPED || code == CLD_CONTINUED;

	if (stop && (parent->action[SIGCHLD].flags & SA_NOCLDSTOP)) return;
	queue(parent, NULL, &info);
}

/* The current thread's own fault: if it blocks or ignores the signal, it cannot go on (POSIX 2.4.1 leaves it open). */
void signal_fault(int signo, int code, uaddr_t addr, struct trapframe *tf)
{
	struct thread *t = current_thread();
	struct proc *p = t->proc;
	uint64_t bit = SIG_MASK(signo);

	spin_lock(&p->lock);
	if ((t->sig_mask & bit) || !handled(p, signo)) {
		p->action[signo] = (struct sigaction_k){0};
		t->sig_mask &= ~bit;
	}
	t->sig_pending |= bit;
	t->sig_info[signo] = (struct siginfo_min){.signo = signo, .code = code, .addr = addr};
	spin_unlock(&p->lock);
	if (p->server)
		kprintf("quire: server %s: signal %d at rip %lx, address %lx\n", p->name, signo, tf->rip, addr);
}

void signal_exec(struct proc *p)
{
	struct thread *t = current_thread();

	spin_lock(&p->lock);
	for (int i = 1; i <= NSIG; i++)
		if (handled(p, i)) p->action[i] = (struct sigaction_k){0};
	spin_unlock(&p->lock);
	t->sig_stack.flags = SS_DISABLE;
}

/* ---- delivery */

bool thread_has_signal(struct thread *t)
{
	struct proc *p = t->proc;

	if (!p) return false;
	return ((t->sig_pending | p->sig_pending) & ~t->sig_mask) || p->exiting || p->stopped || (p->survivor && p->survivor != t);
}

/* Take the lowest signal that may be delivered now.  false: none */
static bool take(struct proc *p, struct thread *t, struct siginfo_min *info, struct sigaction_k *action)
{
	uint64_t ready;
	int signo = 0;

	spin_lock(&p->lock);
	ready = (t->sig_pending | p->sig_pending) & ~t->sig_mask;
	if (ready & SIG_MASK(SIGKILL)) ready = SIG_MASK(SIGKILL);
	if (ready) {
		signo = __builtin_ctzll(ready) + 1;
		*info = t->sig_pending & SIG_MASK(signo) ? t->sig_info[signo] : p->sig_info[signo];
		if (t->sig_pending & SIG_MASK(signo)) t->sig_pending &= ~SIG_MASK(signo);
		else p->sig_pending &= ~SIG_MASK(signo);
		*action = p->action[signo];
		if (handled(p, signo) && (action->flags & SA_RESETHAND)) p->action[signo].handler = SIG_DFL;
	}
	spin_unlock(&p->lock);
	return signo > 0;
}

/* Tell the parent, and sleep until SIGCONT or SIGKILL. */
static void proc_stop(struct proc *p, int signo)
{
	struct proc *parent;

	spin_lock(&proc_tree_lock);
	p->stopped = true;
	p->report = signo << 8 | 0x7f;
	parent = p->parent;
	if (parent) proc_ref(parent);
	if (parent) waitq_wake_all(&parent->wait);
	spin_unlock(&proc_tree_lock);
	spin_lock(&p->lock);            /* the other threads stop too */
	list_for(l, &p->threads) thread_interrupt(container_of(l, struct thread, proc_link));
	spin_unlock(&p->lock);
	if (parent) {
		signal_send_child(parent, CLD_STOPPED, p->pid, p->uid, signo);
		proc_unref(parent);
	}
}

static void stop_sleep(struct proc *p)
{
	spin_lock(&proc_tree_lock);
	while (p->stopped && !p->exiting && !p->survivor && !(p->sig_pending & SIG_MASK(SIGKILL)))
		waitq_sleep(&p->wait, &proc_tree_lock, WAIT_FOREVER, false);
	p->stopped = false;             /* SIGKILL: it runs once more, to die */
	spin_unlock(&proc_tree_lock);
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

	if (tf->vector != TRAP_SYSCALL || (r != -ERESTART && r != -ERESTARTNOHAND)) return;
	if (ran && (r == -ERESTARTNOHAND || !(sa_flags & SA_RESTART))) {
		tf->rax = -EINTR;
		current_thread()->sleep_until = 0;
	} else {
		tf->rax = tf->error;
		tf->rip -= 2;
	}
	tf->vector = 0;                 /* decided: only once */
}

/* Run a handler: the frame keeps the mask to come back to.  A frame that cannot be written ends the process. */
static void handler_enter(struct proc *p, struct thread *t, struct trapframe *tf, const struct sigaction_k *a,
                          const struct siginfo_min *info)
{
	uint64_t back = t->sig_saved ? t->sig_saved_mask : t->sig_mask;

	restart(tf, true, a->flags);
	t->sig_saved = false;
	if (sigframe_push(tf, a, info, back)) proc_exit(SIGSEGV);
	spin_lock(&p->lock);
	t->sig_mask |= a->mask;
	if (!(a->flags & SA_NODEFER)) t->sig_mask |= SIG_MASK(info->signo);
	t->sig_mask &= ~SIG_UNBLOCKABLE;
	spin_unlock(&p->lock);
}

void signal_deliver(struct trapframe *tf)
{
	struct thread *t = current_thread();
	struct proc *p = t->proc;
	struct sigaction_k action;
	struct siginfo_min info;
	bool ran = false;

	for (;;) {
		if (p->exiting) proc_exit(p->exit_code);
		if (p->survivor && p->survivor != t) proc_thread_exit(0);
		if (p->stopped) stop_sleep(p);
		if (!take(p, t, &info, &action)) {
			if (p->stopped || p->exiting) continue;
			break;
		}
		if (action.handler == SIG_IGN) continue;
		if (action.handler == SIG_DFL) {
			default_action(p, info.signo);
			continue;
		}
		handler_enter(p, t, tf, &action, &info);
		ran = true;
	}
	if (ran) return;
	restart(tf, false, 0);
	signal_mask_back();
}

/* ---- a mask for the time of one call (POSIX sigsuspend, ppoll): back after the handler, or at once */

int signal_mask_swap(uaddr_t set, uint64_t size)
{
	struct thread *t = current_thread();
	uint64_t mask;

	if (size != 8) return -EINVAL;
	if (copy_in(&mask, set, 8)) return -EFAULT;
	spin_lock(&t->proc->lock);
	t->sig_saved_mask = t->sig_mask;
	t->sig_saved = true;
	t->sig_mask = mask & ~SIG_UNBLOCKABLE;
	spin_unlock(&t->proc->lock);
	return 0;
}

void signal_mask_back(void)
{
	struct thread *t = current_thread();

	if (!t->sig_saved) return;
	spin_lock(&t->proc->lock);
	t->sig_mask = t->sig_saved_mask;
	t->sig_saved = false;
	spin_unlock(&t->proc->lock);
}
