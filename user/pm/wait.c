/* SPDX-License-Identifier: MIT */
/* user/pm/wait.c - RING 3 - wait4 and waitid: what became of one's children.
 *
 * Path:  main.c, family.c > [wait.c] > main.c serve_again(); kernel's call_signals
 *
 * W1  A call that finds no news is kept by its token, and begins again when there are some.  Signals end its waiting
 *     then, but never its looking: news go before the signal that comes with them.
 * W2  News are taken when the answer lies in the caller's memory: nothing but its own end keeps it from them then. */
#define _GNU_SOURCE                     /* struct rusage of wait4 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "user/pm/family.h"

#define RUSAGE_SIZE 144                 /* Linux's structure; musl's has room behind it */
#define NO_THREAD 0x20000000u           /* __WNOTHREAD: children of other threads are not waited for; they have none */
#define ALL       0x40000000u
#define CLONE_    0x80000000u

struct want {
	uint32_t which, id, options;    /* P_PID, P_PGID, P_ALL; W* */
	int code, status;               /* found: CLD_*, and the status as wait4 gives it */
};

/* ---- who waits */

void waiters_free(struct member *m)
{
	struct waiter *w;

	while ((w = m->waiters)) {
		m->waiters = w->next;
		free(w);
	}
}

/* Those that went away are forgotten: `ask` fails for them. */
static void waiters_ask(struct member *m, long (*ask)(uint64_t token))
{
	struct waiter **at = &m->waiters, *w;

	while ((w = *at)) {
		if (!ask(w->token)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free(w);
	}
}

static long hold(uint64_t token) { return q_call_signals(token, false); }
static long look(uint64_t token) { return q_lend_write(token, 0, 0, "", 0) == -ESRCH; }

void waiters_hold(struct member *m) { waiters_ask(m, hold); }

void waiters_look(struct member *m)
{
	struct waiter *w = m->waiters, *next;

	for (m->waiters = NULL; w; w = next) {
		next = w->next;
		serve_again(w->token, w->arg);
		free(w);
	}
}

/* One that a signal interrupted has left its token behind: this one takes its place. */
static long wait_later(struct call *c, struct member *me)
{
	const uint64_t *arg = c->arg - 1;
	struct waiter *w = me->waiters;
	uint32_t n = 1;

	for (; w && w->arg[7] != arg[7]; w = w->next) n++;
	if (!w) {
		if (n > c->me.threads) waiters_ask(me, look);   /* threads that ended have left theirs */
		w = pm_alloc(sizeof(*w));
		if (!w) return -ENOMEM;
		w->next = me->waiters;
		me->waiters = w;
	}
	w->token = c->token;
	memcpy(w->arg, arg, sizeof(w->arg));
	c->answered = true;
	q_call_signals(c->token, true);
	return 0;
}

/* ---- what for */

/* Children that send SIGCHLD at their end, __WCLONE: the others (wait4(2)). */
static bool is_wanted(const struct member *m, const struct want *w)
{
	bool other = m->exit_signal != SIGCHLD;

	if (!(w->options & ALL) && other != !!(w->options & CLONE_)) return false;
	if (m->dead && !(w->options & WEXITED)) return false;
	return w->which == P_ALL || w->id == (w->which == P_PID ? m->pid : m->pgid);
}

static bool has_news(const struct member *m, struct want *w, const struct facts_proc *f)
{
	w->status = m->dead ? f->exit_status : m->report;
	if (m->dead) {
		w->code = w->status & 0x7f ? CLD_KILLED : CLD_EXITED;
		return true;
	}
	w->code = m->report == REPORT_CONTINUED ? CLD_CONTINUED : CLD_STOPPED;
	return m->report && w->options & (w->code == CLD_CONTINUED ? WCONTINUED : WSTOPPED);
}

/* The child with news, and what is known of it.  NULL: *rc is the call's result: -ECHILD, none yet, or it waits */
static struct member *child_find(struct call *c, struct want *w, struct facts_proc *f, long *rc)
{
	struct member *me = member_find(c->me.pid), *m;

	*rc = -ECHILD;
	for (m = me ? me->children : NULL; m; m = m->sibling) {
		if (!is_wanted(m, w)) continue;
		*rc = 0;
		if ((m->dead || m->report) && !proc_look(c, m->pid, f) && has_news(m, w, f)) return m;
	}
	if (!*rc && !(w->options & WNOHANG)) *rc = wait_later(c, me);
	return NULL;
}

/* W2 */
static long news_taken(struct call *c, const struct want *w, struct member *m, const struct usage *used)
{
	uint32_t pid = m->pid;

	if (w->options & WNOWAIT) return pid;
	m->report = 0;
	if (!m->dead) return pid;
	usage_add(&c->me.attr.child_used, *used);
	attr_set(c, &c->me, &c->me.attr.child_used, sizeof(c->me.attr.child_used));
	member_free(m);
	return pid;
}

static struct rusage usage_with_children(struct facts_proc *f)
{
	usage_add(&f->used, f->attr.child_used);
	return usage_of(&f->used, 0);
}

long pm_wait4(struct call *c)
{
	const uint32_t known = WNOHANG | WUNTRACED | WCONTINUED | NO_THREAD | CLONE_ | ALL;
	int pid = (int)c->arg[0];
	struct want w = {
		.options = (uint32_t)c->arg[2] | WEXITED, .which = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID,
	};
	struct facts_proc f;
	struct member *m;
	struct rusage r;
	long rc;

	if ((uint32_t)c->arg[2] & ~known) return -EINVAL;
	if (pid == INT_MIN) return -ESRCH;
	w.id = pid > 0 ? (uint32_t)pid : pid == 0 ? c->me.attr.pgid : (uint32_t)-pid;
	m = child_find(c, &w, &f, &rc);
	if (!m) return rc;
	r = usage_with_children(&f);
	if (c->arg[1] && mem_out(c, c->arg[1], &w.status, sizeof(w.status))) return -EFAULT;
	if (c->arg[3] && mem_out(c, c->arg[3], &r, RUSAGE_SIZE)) return -EFAULT;
	return news_taken(c, &w, m, &f.used);
}

/* -EINVAL, -EBADF */
static int waitid_check(const struct call *c, struct want *w)
{
	const uint32_t kinds = WEXITED | WSTOPPED | WCONTINUED;
	int id = (int)c->arg[1];

	if (w->options & ~(kinds | WNOHANG | WNOWAIT | NO_THREAD | CLONE_ | ALL)) return -EINVAL;
	if (!(w->options & kinds)) return -EINVAL;
	if (w->which == P_PIDFD) return id < 0 ? -EINVAL : -EBADF;      /* there are none */
	if (w->which > P_PGID || (w->which == P_PID && !id)) return -EINVAL;
	if (w->which != P_ALL && id < 0) return -EINVAL;
	if (w->which == P_PGID && !id) w->id = c->me.attr.pgid;
	return 0;
}

long pm_waitid(struct call *c)
{
	struct want w = {.which = (uint32_t)c->arg[0], .id = (uint32_t)c->arg[1], .options = (uint32_t)c->arg[3]};
	siginfo_t info = {0};
	struct facts_proc f;
	struct member *m;
	struct rusage r;
	long rc = waitid_check(c, &w);

	if (rc) return rc;
	m = child_find(c, &w, &f, &rc);
	if (rc || c->answered) return rc;
	if (m) {
		info = child_info(m, &f, w.code, w.code == CLD_CONTINUED ? SIGCONT :
		                  w.code == CLD_KILLED ? w.status & 0x7f : w.status >> 8);
		info.si_signo = SIGCHLD;
		r = usage_with_children(&f);
	}
	if (m && c->arg[4] && mem_out(c, c->arg[4], &r, RUSAGE_SIZE)) return -EFAULT;
	if (c->arg[2] && mem_out(c, c->arg[2], &info, sizeof(info))) return -EFAULT;
	if (m) news_taken(c, &w, m, &f.used);
	return 0;
}
