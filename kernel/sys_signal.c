/* SPDX-License-Identifier: MIT */
/* kernel/sys_signal.c - RING 0 - the system calls about signals: actions, masks, waiting.  kill and sigpending are user/pm's.
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
	p->action[signo] = *a;
	p->action[signo].mask &= ~SIG_UNBLOCKABLE;
	if (signal_ignored(p, signo)) signals_flush_locked(p, SIG_MASK(signo), false);
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
	uint64_t old = current_thread()->sig_mask, set = 0;

	if (a3 != SET_SIZE) return -EINVAL;
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
	struct { struct siginfo info; uint8_t zero[SIGINFO_SIZE - sizeof(struct siginfo)]; } got = {0};
	uint64_t set, deadline;
	int rc;

	if (a3 != SET_SIZE) return -EINVAL;
	if (copy_in(&set, a0, sizeof(set))) return -EFAULT;
	rc = deadline_in(a2, 1, &deadline);
	if (!rc) rc = signal_wait(set & ~SIG_UNBLOCKABLE, deadline, &got.info);
	if (rc) return rc;
	return a1 && copy_out(a1, &got, sizeof(got)) ? -EFAULT : got.info.signo;
}
