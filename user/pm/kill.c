/* SPDX-License-Identifier: MIT */
/* user/pm/kill.c - RING 3 - kill and its like: who may send a signal to whom; what is pending.
 *
 * Path:  main.c > [kill.c] > kernel's facts, signal_post
 * What a process sends itself is there when its call returns: it is delivered on the same way back.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>

#include "user/pm/family.h"

#define NSIG_MAX  64
#define INFO_SIZE 48                    /* what is used of a siginfo_t */

/* POSIX kill: the sender's real or effective user is the target's real or saved one, or root. */
static bool may_signal(const struct call *c, const struct facts_proc *f, int signo)
{
	const struct proc_attr *me = &c->me.attr, *to = &f->attr;

	if (me->euid == 0 || me->euid == to->uid || me->euid == to->suid) return true;
	return me->uid == to->uid || me->uid == to->suid || (signo == SIGCONT && me->sid == to->sid);
}

/* To a process, or with a tid to that thread.  A zombie counts as one who got it. */
static long send(const struct call *c, const struct facts_proc *f, uint32_t tid, const siginfo_t *info)
{
	long rc = may_signal(c, f, info->si_signo) ? q_signal_post(f->pid, tid, info, 0) : -EPERM;

	return rc > 0 || (rc == -ESRCH && !tid) ? 0 : rc;
}

/* The signal is the call's second argument, or of calls to a thread of a process the third. */
static siginfo_t info_from(const struct call *c, int which, int code)
{
	siginfo_t info = {.si_signo = (int)c->arg[which], .si_code = code};

	info.si_pid = (pid_t)c->me.pid;
	info.si_uid = c->me.attr.uid;
	return info;
}

static bool is_signal(int signo) { return signo >= 0 && signo <= NSIG_MAX; }

/* Whom it is just making is no member yet: born() of family.c sends him what the group got. */
static void missed_add(struct member *m, int signo)
{
	const uint64_t go = SIGNAL_BIT(SIGCONT);
	const uint64_t stop = SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU);

	if (SIGNAL_BIT(signo) & stop) m->missed &= ~go;
	if (signo == SIGCONT) m->missed &= ~stop;
	if (m->pid != 1) m->missed |= SIGNAL_BIT(signo);
}

struct many { const struct call *c; const siginfo_t *info; bool all; long rc; };

static void kill_one(struct member *m, void *arg)
{
	struct many *to = arg;
	struct facts_proc f;
	long rc;

	if ((to->all && m->pid == to->c->me.pid) || proc_facts(m->pid, &f)) return;
	rc = send(to->c, &f, 0, to->info);
	if (!rc && to->info->si_signo) missed_add(m, to->info->si_signo);
	if (to->rc) to->rc = rc;
}

/* pgid 0: everyone but init, the servers and the caller.  0 if one could be signalled. */
static long kill_many(const struct call *c, uint32_t pgid, const siginfo_t *info)
{
	struct many to = {.c = c, .info = info, .all = !pgid, .rc = -ESRCH};

	group_each(pgid, kill_one, &to);
	return to.rc;
}

long pm_kill(struct call *c)
{
	siginfo_t info = info_from(c, 1, SI_USER);
	int pid = (int)c->arg[0];
	struct facts_proc f;

	if (!is_signal(info.si_signo)) return -EINVAL;
	if (pid == INT_MIN) return -ESRCH;
	if (pid < -1) return kill_many(c, (uint32_t)-pid, &info);
	if (pid <= 0) return kill_many(c, pid ? 0 : c->me.attr.pgid, &info);
	return proc_look(c, (uint32_t)pid, &f) ? -ESRCH : send(c, &f, 0, &info);
}

/* Is this a thread of that process? */
static bool has_thread(const struct facts_proc *f, uint32_t tid)
{
	const siginfo_t none = {0};

	return !q_signal_post(f->pid, tid, &none, 0);
}

/* tgid 0: of any process, most often the caller's. */
static long thread_kill(const struct call *c, uint32_t tgid, uint32_t tid, const siginfo_t *info)
{
	struct facts_proc f = c->me;

	if ((int)tid <= 0 || !is_signal(info->si_signo)) return -EINVAL;
	if (tgid && proc_look(c, tgid, &f)) return -ESRCH;
	if (has_thread(&f, tid)) return send(c, &f, tid, info);
	for (uint32_t pid = 0; !tgid && proc_next(&pid, &f);)
		if (has_thread(&f, tid)) return send(c, &f, tid, info);
	return -ESRCH;
}

long pm_tkill(struct call *c)
{
	siginfo_t info = info_from(c, 1, SI_TKILL);

	return thread_kill(c, 0, (uint32_t)c->arg[0], &info);
}

long pm_tgkill(struct call *c)
{
	siginfo_t info = info_from(c, 2, SI_TKILL);

	return (int)c->arg[0] <= 0 ? -EINVAL : thread_kill(c, (uint32_t)c->arg[0], (uint32_t)c->arg[1], &info);
}

/* Who sends the siginfo himself must not pretend to be the kernel, or kill() by somebody else. */
static int info_in(const struct call *c, int which, siginfo_t *info)
{
	bool other = (uint32_t)c->arg[0] != c->me.pid;

	*info = (siginfo_t){0};
	if (mem_in(c, info, c->arg[which + 1], INFO_SIZE)) return -EFAULT;
	info->si_signo = (int)c->arg[which];
	if (!is_signal(info->si_signo)) return -EINVAL;
	return other && (info->si_code >= 0 || info->si_code == SI_TKILL) ? -EPERM : 0;
}

long pm_rt_sigqueueinfo(struct call *c)
{
	struct facts_proc f;
	siginfo_t info;
	int rc = info_in(c, 1, &info);

	if (rc) return rc;
	if ((int)c->arg[0] <= 0 || proc_look(c, (uint32_t)c->arg[0], &f)) return -ESRCH;
	return send(c, &f, 0, &info);
}

long pm_rt_tgsigqueueinfo(struct call *c)
{
	siginfo_t info;
	int rc = info_in(c, 2, &info);

	if ((int)c->arg[0] <= 0 || (int)c->arg[1] <= 0) return -EINVAL;
	return rc ? rc : thread_kill(c, (uint32_t)c->arg[0], (uint32_t)c->arg[1], &info);
}

long pm_rt_sigpending(struct call *c)
{
	uint64_t set;

	if (c->arg[1] > sizeof(set)) return -EINVAL;
	if (thread_look(c)) return -ESRCH;
	set = (c->me.pending | c->me.shared_pending) & c->me.sig_mask;
	return mem_out(c, c->arg[0], &set, c->arg[1]);
}
