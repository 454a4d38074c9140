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
	sigqueue_flush_locked(p, &p->pending, bit);
	list_for(l, &p->threads) sigqueue_flush_locked(p, &container_of(l, struct thread, proc_link)->pending, bit);
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
	uint64_t set = (t->pending.set | t->proc->pending.set) & t->sig_mask;

	return a1 > SET_SIZE ? -EINVAL : copy_out(a0, &set, a1);
}

/* Until a signal runs a handler or ends the process. */
static long sleep_for_signal(void)
{
	thread_sleep_until(WAIT_FOREVER, true);
	return -ERESTARTNOHAND;
}

SYSCALL(pause) { return sleep_for_signal(); }

SYSCALL(rt_sigsuspend)
{
	int rc = signal_mask_swap(a0, a1);

	return rc ? rc : sleep_for_signal();
}

/* One of `set` that is pending, waited for until the deadline.  -EAGAIN, -EINTR: another one came first */
static int signal_wait(uint64_t set, uint64_t deadline, struct siginfo *info)
{
	struct thread *t = current_thread();
	struct proc *p = t->proc;
	struct waitq wait;
	bool got;
	int rc = 0;

	waitq_init(&wait);
	spin_lock(&p->lock);
	t->sig_wait = set;
	while (!(got = sigqueue_take_locked(p, t, set, info)) && !rc)
		rc = waitq_sleep(&wait, &p->lock, deadline, true);
	t->sig_wait = 0;
	spin_unlock(&p->lock);
	if (got) return 0;
	return rc == -ETIMEDOUT ? -EAGAIN : rc;
}

SYSCALL(rt_sigtimedwait)
{
	struct siginfo info;
	uint64_t set, deadline;
	int rc;

	if (a3 != SET_SIZE) return -EINVAL;
	if (copy_in(&set, a0, sizeof(set))) return -EFAULT;
	rc = deadline_in(a2, 1, &deadline);
	if (!rc) rc = signal_wait(set & ~SIG_UNBLOCKABLE, deadline, &info);
	if (rc) return rc;
	if (a1 && (copy_out(a1, &info, sizeof(info)) || clear_out(a1 + sizeof(info), SIGINFO_SIZE - sizeof(info))))
		return -EFAULT;
	return info.signo;
}

/* ---- kill */

/* POSIX kill: the sender's real or effective user is the target's real or saved one, or root. */
static bool may_signal(const struct proc *p, int signo)
{
	const struct proc *self = current_proc();

	if (self->euid == 0 || self->euid == p->uid || self->euid == p->suid) return true;
	return self->uid == p->uid || self->uid == p->suid || (signo == SIGCONT && self->sid == p->sid);
}

/* To a process, or with a tid to that thread. */
static int send(struct proc *p, uint32_t tid, const struct siginfo *info)
{
	return may_signal(p, info->signo) ? signal_queue(p, tid, info) : -EPERM;
}

static struct siginfo info_from_me(int signo, int code)
{
	const struct proc *self = current_proc();

	return (struct siginfo){.signo = signo, .code = code, .user = {.pid = self->pid, .uid = self->uid}};
}

/* pgid 0: everyone but init, the servers and the caller.  0 if one could be signalled. */
static int kill_many(uint32_t pgid, const struct siginfo *info)
{
	struct proc *p;
	int rc = -ESRCH;

	for (uint32_t pid = 0; (p = proc_next(pid)); proc_unref(p)) {
		bool mine = pgid ? p->pgid == pgid : !p->server && p != current_proc();

		pid = p->pid;
		if (mine && rc) rc = send(p, 0, info);
		else if (mine) send(p, 0, info);
	}
	return rc;
}

SYSCALL(kill)
{
	struct siginfo info = info_from_me(a1, SI_USER);
	int pid = a0, rc;
	struct proc *p;

	if (info.signo < 0 || info.signo > NSIG) return -EINVAL;
	if (pid == INT32_MIN) return -ESRCH;
	if (pid <= 0) return kill_many(pid == 0 ? current_proc()->pgid : pid == -1 ? 0 : (uint32_t)-pid, &info);
	p = proc_find(pid);
	if (!p) return -ESRCH;
	rc = send(p, 0, &info);
	proc_unref(p);
	return rc;
}

/* tgid 0: of any process. */
static long thread_kill(uint32_t tgid, int tid, const struct siginfo *info)
{
	struct proc *p;
	long rc = -ESRCH;

	if (tid <= 0 || info->signo < 0 || info->signo > NSIG) return -EINVAL;
	for (uint32_t pid = tgid ? tgid - 1 : 0; rc == -ESRCH && (p = proc_next(pid)); proc_unref(p)) {
		struct siginfo probe = {0};

		pid = p->pid;
		if (tgid && pid != tgid) pid = UINT32_MAX - 1;  /* no such process: this was the last look */
		else if (!signal_queue(p, tid, &probe)) rc = send(p, tid, info);
	}
	return rc;
}

SYSCALL(tkill)
{
	struct siginfo info = info_from_me(a1, SI_TKILL);

	return thread_kill(0, a0, &info);
}

SYSCALL(tgkill)
{
	struct siginfo info = info_from_me(a2, SI_TKILL);

	return (int)a0 <= 0 ? -EINVAL : thread_kill(a0, a1, &info);
}

/* Who sends the siginfo himself must not pretend to be the kernel, or kill() by somebody else. */
static int info_in(uaddr_t from, int signo, bool other, struct siginfo *info)
{
	if (copy_in(info, from, sizeof(*info))) return -EFAULT;
	info->signo = signo;
	if (signo < 0 || signo > NSIG) return -EINVAL;
	return other && (info->code >= 0 || info->code == SI_TKILL) ? -EPERM : 0;
}

SYSCALL(rt_sigqueueinfo)
{
	struct siginfo info;
	struct proc *p;
	int rc = info_in(a2, a1, (uint32_t)a0 != current_proc()->pid, &info);

	if (rc) return rc;
	p = (int)a0 > 0 ? proc_find(a0) : NULL;
	if (!p) return -ESRCH;
	rc = send(p, 0, &info);
	proc_unref(p);
	return rc;
}

SYSCALL(rt_tgsigqueueinfo)
{
	struct siginfo info;
	int rc = info_in(a3, a2, (uint32_t)a0 != current_proc()->pid, &info);

	if ((int)a0 <= 0 || (int)a1 <= 0) return -EINVAL;
	return rc ? rc : thread_kill(a0, a1, &info);
}
