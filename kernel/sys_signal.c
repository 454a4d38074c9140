/* SPDX-License-Identifier: MIT */
/* kernel/sys_signal.c - RING 0 - the system calls about signals: actions, masks, waiting, kill.
 *
 * Path:  syscall.c > [sys_signal.c] > signal.c
 * Locks: proc->lock around actions and masks.
 */
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"

#define SET_SIZE 8                      /* bytes of a signal set: the only size Linux x86-64 takes */

/* A pending signal that is now ignored is dropped (POSIX 2.4.3). => p->lock held */
static void action_set_locked(struct proc *p, int signo, const struct sigaction_k *a)
{
	uint64_t bit = SIG_MASK(signo);
	bool drop = a->handler == SIG_IGN;

	if (a->handler == SIG_DFL) drop = signo == SIGCHLD || signo == SIGURG || signo == SIGWINCH || signo == SIGCONT;
	p->action[signo] = *a;
	p->action[signo].mask &= ~SIG_UNBLOCKABLE;
	if (!drop) return;
	p->sig_pending &= ~bit;
	list_for(l, &p->threads) container_of(l, struct thread, proc_link)->sig_pending &= ~bit;
}

SYSCALL(rt_sigaction)
{
	struct proc *p = current_proc();
	struct sigaction_k new, old;
	int signo = a0;

	if (a3 != SET_SIZE || signo < 1 || signo > NSIG) return -EINVAL;
	if (a1 && (SIG_MASK(signo) & SIG_UNBLOCKABLE)) return -EINVAL;
	if (a1 && copy_in(&new, a1, sizeof(new))) return -EFAULT;

	spin_lock(&p->lock);
	old = p->action[signo];
	if (a1) action_set_locked(p, signo, &new);
	spin_unlock(&p->lock);
	return a2 ? copy_out(a2, &old, sizeof(old)) : 0;
}

SYSCALL(rt_sigprocmask)
{
	struct thread *t = current_thread();
	uint64_t old = t->sig_mask, set = 0;

	if (a3 != SET_SIZE) return -EINVAL;
	if (a1 && copy_in(&set, a1, sizeof(set))) return -EFAULT;
	if (a1 && a0 > SIG_SETMASK) return -EINVAL;

	if (a1) {
		spin_lock(&t->proc->lock);
		if (a0 == SIG_BLOCK) t->sig_mask |= set;
		else if (a0 == SIG_UNBLOCK) t->sig_mask &= ~set;
		else t->sig_mask = set;
		t->sig_mask &= ~SIG_UNBLOCKABLE;
		spin_unlock(&t->proc->lock);
	}
	return a2 ? copy_out(a2, &old, sizeof(old)) : 0;
}

SYSCALL(rt_sigpending)
{
	struct thread *t = current_thread();
	uint64_t set = (t->sig_pending | t->proc->sig_pending) & t->sig_mask;

	return a1 > SET_SIZE ? -EINVAL : copy_out(a0, &set, a1);
}

/* Sleep until a signal runs a handler or ends the process. */
static long sleep_for_signal(void)
{
	struct spinlock lock = SPINLOCK_INIT(RANK_HANDLE, "pause");
	struct waitq wait;

	waitq_init(&wait);
	spin_lock(&lock);
	while (waitq_sleep(&wait, &lock, WAIT_FOREVER, true) != -EINTR) { }
	spin_unlock(&lock);
	return -ERESTARTNOHAND;
}

SYSCALL(pause) { return sleep_for_signal(); }

SYSCALL(rt_sigsuspend)
{
	int rc = signal_mask_swap(a0, a1);

	return rc ? rc : sleep_for_signal();
}

/* ---- kill */

/* POSIX kill: the sender's real or effective user is the target's real or saved one, or root. */
static bool may_signal(const struct proc *p, int signo)
{
	const struct proc *self = current_proc();

	if (self->euid == 0 || self->euid == p->uid || self->euid == p->suid) return true;
	return self->uid == p->uid || self->uid == p->suid || (signo == SIGCONT && self->sid == p->sid);
}

static int kill_one(struct proc *p, int signo)
{
	if (!may_signal(p, signo)) return -EPERM;
	return signo ? signal_send(p, signo, SI_USER, current_proc()->pid) : 0;
}

/* pgid 0: everyone but init, the servers and the caller.  0 if one could be signalled. */
static int kill_many(uint32_t pgid, int signo)
{
	struct proc *p;
	int rc = -ESRCH;

	for (uint32_t pid = 0; (p = proc_next(pid)); proc_unref(p)) {
		bool mine = pgid ? p->pgid == pgid : !p->server && p != current_proc();
		int one = mine ? kill_one(p, signo) : 0;

		if (mine && rc) rc = one;
		pid = p->pid;
	}
	return rc;
}

SYSCALL(kill)
{
	int pid = a0, signo = a1, rc;
	struct proc *p;

	if (signo < 0 || signo > NSIG) return -EINVAL;
	if (pid == INT32_MIN) return -ESRCH;
	if (pid <= 0) return kill_many(pid == 0 ? current_proc()->pgid : pid == -1 ? 0 : (uint32_t)-pid, signo);
	p = proc_find(pid);
	if (!p) return -ESRCH;
	rc = kill_one(p, signo);
	proc_unref(p);
	return rc;
}

/* tgid 0: of any process. */
static long thread_kill(uint32_t tgid, int tid, int signo)
{
	struct proc *p;
	long rc = -ESRCH;

	if (tid <= 0 || signo < 0 || signo > NSIG) return -EINVAL;
	for (uint32_t pid = tgid ? tgid - 1 : 0; rc == -ESRCH && (p = proc_next(pid)); proc_unref(p)) {
		pid = p->pid;
		if (tgid && pid != tgid) pid = UINT32_MAX - 1;  /* no such process: this was the last look */
		else if (may_signal(p, signo)) rc = signal_send_thread(p, tid, signo);
	}
	return rc;
}

SYSCALL(tkill) { return thread_kill(0, a0, a1); }
SYSCALL(tgkill) { return (int)a0 <= 0 ? -EINVAL : thread_kill(a0, a1, a2); }
