/* SPDX-License-Identifier: MIT */
/* kernel/wait.c - RING 0 - wait4 and waitid: what became of one's children; and what all used.
 *
 * Path:  syscall.c > [wait.c]; proc.c and signal.c wake the parent through parent->wait
 * Locks: proc_tree_lock around children and their news; proc->lock around what was used.
 */
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/map.h"

#define NS 1000000000ull

struct wait_request {
	uint32_t which, id, options;    /* P_PID, P_PGID, P_ALL; W* */
	int code, status;               /* found: CLD_*, and the status as wait4 gives it */
};

/* Children that send SIGCHLD at their end, W_CLONE: the others (wait4(2)). */
static bool wait_matches(const struct proc *c, const struct wait_request *w)
{
	bool other = c->exit_signal != SIGCHLD;

	if (!(w->options & W_ALL) && other != !!(w->options & W_CLONE)) return false;
	if (w->which == P_ALL) return true;
	return w->id == (w->which == P_PID ? c->pid : c->pgid);
}

/* Has this child something to tell?  => tree lock held */
static bool wait_news_locked(struct proc *c, struct wait_request *w)
{
	if (c->dead) {
		w->status = c->exit_status;
		w->code = c->exit_status & 0x7f ? CLD_KILLED : CLD_EXITED;
		return true;
	}
	w->status = c->report;
	w->code = c->report == REPORT_CONTINUED ? CLD_CONTINUED : CLD_STOPPED;
	if (!c->report || !(w->options & (w->code == CLD_CONTINUED ? WCONTINUED : WSTOPPED))) return false;
	if (!(w->options & WNOWAIT)) c->report = 0;
	return true;
}

/* One look at all children.  0: none has news; the child with a reference in *out; one will have in a moment: *soon.
 * -ECHILD.  => tree lock held */
static int wait_look_locked(struct proc *p, struct wait_request *w, struct proc **out, bool *soon)
{
	bool any = false;

	*soon = false;
	list_for(l, &p->children) {
		struct proc *c = container_of(l, struct proc, sibling);

		if (!wait_matches(c, w) || (c->dead && !(w->options & WEXITED))) continue;
		any = true;
		if (c->dead && !c->told) *soon = true;  /* T4 of proc.c */
		if ((c->dead && !c->told) || !wait_news_locked(c, w)) continue;
		*out = c;
		proc_ref(c);
		if (c->dead && !(w->options & WNOWAIT)) {
			list_remove(&c->sibling);
			list_remove(&c->all_link);
		}
		return 0;
	}
	return any ? 0 : -ECHILD;
}

static void usage_out(struct rusage *r, const struct usage *u)
{
	uint64_t user = u->cpu_ns - u->sys_ns;

	*r = (struct rusage){
		.utime = {user / NS, user / 1000 % 1000000}, .stime = {u->sys_ns / NS, u->sys_ns / 1000 % 1000000},
		.maxrss = u->maxrss * (PAGE_SIZE / 1024), .minflt = u->minflt - u->majflt, .majflt = u->majflt,
		.nvcsw = u->nvcsw, .nivcsw = u->nivcsw,
	};
}

/* Wait; a zombie that was found is gone afterwards.  The pid of who has news, which info and usage (may be 0) tell;
 * 0: nobody (WNOHANG).  -ECHILD, -ERESTART */
static long wait_for(struct wait_request *w, struct siginfo *info, struct rusage *usage)
{
	struct proc *p = current_proc(), *c = NULL;
	struct usage used;
	bool soon, ended, signalled = false;
	long rc;

	spin_lock(&proc_tree_lock);
	while (!(rc = wait_look_locked(p, w, &c, &soon)) && !c && (soon || !(w->options & WNOHANG))) {
		if (signalled && !soon) {               /* news go before the signal that comes with them */
			rc = -ERESTART;
			break;
		}
		signalled |= waitq_sleep(&p->wait, &proc_tree_lock, WAIT_FOREVER, !soon) == -EINTR;
	}
	spin_unlock(&proc_tree_lock);
	if (rc || !c) return rc;
	rc = c->pid;
	ended = w->code == CLD_EXITED || w->code == CLD_KILLED;         /* not c->dead: one that had stopped may be by now */
	*info = child_info(c, w->code, w->code == CLD_CONTINUED ? SIGCONT :
	                   w->code == CLD_KILLED ? w->status & 0x7f : w->status >> 8);
	used = proc_usage(c);
	usage_add(&used, &c->child_used);
	usage_out(usage, &used);
	if (ended && !(w->options & WNOWAIT)) {
		spin_lock(&p->lock);
		usage_add(&p->child_used, &used);
		spin_unlock(&p->lock);
		proc_unref(c);          /* T1 of proc.c */
	}
	proc_unref(c);
	return rc;
}

SYSCALL(wait4)
{
	int pid = a0;
	struct wait_request w = {.options = a2 | WEXITED, .which = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID};
	struct siginfo info;
	struct rusage r;
	long rc;

	if ((uint32_t)a2 & ~(WNOHANG | WUNTRACED | WCONTINUED | W_NOTHREAD | W_CLONE | W_ALL)) return -EINVAL;
	if (pid == INT32_MIN) return -ESRCH;
	w.id = pid > 0 ? pid : pid == 0 ? (int)current_proc()->pgid : -pid;
	rc = wait_for(&w, &info, &r);
	if (rc <= 0) return rc;
	if (a1 && copy_out(a1, &w.status, sizeof(w.status))) return -EFAULT;
	return a3 && copy_out(a3, &r, sizeof(r)) ? -EFAULT : rc;
}

SYSCALL(waitid)
{
	const uint32_t kinds = WEXITED | WSTOPPED | WCONTINUED;
	struct wait_request w = {.which = a0, .id = a1, .options = a3};
	struct siginfo info = {0};
	struct rusage r;
	long rc;

	if (w.options & ~(kinds | WNOHANG | WNOWAIT | W_NOTHREAD | W_CLONE | W_ALL)) return -EINVAL;
	if (!(w.options & kinds)) return -EINVAL;
	if (w.which == P_PIDFD) return (int)a1 < 0 ? -EINVAL : -EBADF;  /* there are none */
	if (w.which > P_PGID || (w.which == P_PID && !(int)a1)) return -EINVAL;
	if (w.which != P_ALL && (int)a1 < 0) return -EINVAL;
	if (w.which == P_PGID && !a1) w.id = current_proc()->pgid;
	rc = wait_for(&w, &info, &r);
	if (rc < 0) return rc;
	if (rc && a4 && copy_out(a4, &r, sizeof(r))) return -EFAULT;
	if (a2 && (copy_out(a2, &info, sizeof(info)) || clear_out(a2 + sizeof(info), SIGINFO_SIZE - sizeof(info))))
		return -EFAULT;
	return 0;
}

/* ---- what was used */

void usage_add(struct usage *to, const struct usage *u)
{
	to->cpu_ns += u->cpu_ns;
	to->sys_ns += u->sys_ns;
	to->minflt += u->minflt;
	to->majflt += u->majflt;
	to->nvcsw += u->nvcsw;
	to->nivcsw += u->nivcsw;
	to->maxrss = MAX(to->maxrss, u->maxrss);
}

struct usage thread_usage(struct thread *t)
{
	struct usage u = t->used;

	u.cpu_ns = thread_cpu_ns(t);
	if (t->sys_since) u.sys_ns += u.cpu_ns - t->sys_since;
	u.sys_ns = MIN(u.sys_ns, u.cpu_ns);
	return u;
}

struct usage proc_usage(struct proc *p)
{
	struct usage u, one;

	spin_lock(&p->lock);
	u = p->used;
	list_for(l, &p->threads) {
		one = thread_usage(container_of(l, struct thread, proc_link));
		usage_add(&u, &one);
	}
	spin_unlock(&p->lock);
	return u;
}

uint64_t proc_cpu_ns(struct proc *p) { return proc_usage(p).cpu_ns; }
