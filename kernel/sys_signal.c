/* SPDX-License-Identifier: MIT */
/* kernel/sys_signal.c - RING 0 - the system calls about signals: actions, masks, waiting.  kill and sigpending are user/pm's.
 *
 * Path:  syscall.c > [sys_signal.c] > signal.c
 * Locks: proc->lock around actions and masks.
 */
#include "kernel/syscalls.h"

#define SET_SIZE 8                      /* bytes of a signal set: the only size Linux x86-64 takes */

SYSCALL(rt_sigaction)
{
	struct proc *p = current_proc();
	struct sigaction_k new = {0}, old;
	int signo = a0;

	if (a3 != SET_SIZE || signo < 1 || signo > NSIG) return -EINVAL;
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
	bool got;
	int rc = 0;

	SPIN_HELD(&p->lock);
	t->sig_wait = set;
	while (!(got = sigqueue_take_locked(p, t, set, info)) && !rc)
		rc = waitq_sleep(&p->wait, &p->lock, deadline, true);
	t->sig_wait = 0;
	return got ? 0 : rc == -ETIMEDOUT ? -EAGAIN : rc;
}

SYSCALL(rt_sigtimedwait)
{
	struct { struct siginfo info; uint8_t zero[SIGINFO_SIZE - sizeof(struct siginfo)]; } got = {0};
	uint64_t set, deadline;
	int rc;

	if (a3 != SET_SIZE) return -EINVAL;
	if (copy_in(&set, a0, sizeof(set))) return -EFAULT;
	rc = deadline_in(a2, 1, time_mono(), &deadline);
	if (!rc) rc = signal_wait(set & ~SIG_UNBLOCKABLE, deadline, &got.info);
	if (rc) return rc;
	return a1 && copy_out(a1, &got, sizeof(got)) ? -EFAULT : got.info.signo;
}
