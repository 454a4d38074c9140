/* SPDX-License-Identifier: MIT */
/* user/pm/family.c - RING 3 - whose child a process is: births, ends, stops, and what others hear of them.
 *
 * Path:  kernel's proc.c, signal.c  ~notes, PM_STOPPED~>  main.c > [family.c] > wait.c; signal_post, proc_reap
 *
 * M1  The kernel tells of a birth before the child runs, so before any call that may mean it; of an end when all but
 *     the zombie is gone.
 * M2  A pid is free when it is reaped here: until then it means the same process.
 * M3  A parent gets its signal before it can hear of what the signal is for (POSIX 2.4.3; tested).
 * M4  Children of a process that ends are those of the nearest ancestor that asked for orphans, or init. */
#include "user/pm/family.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "user/pm/timer.h"

#define PID_INIT 1
#define PID_MAX  65536u                 /* more than three for each process that there may be (clone.c) */
#define PID_WRAP 300u                   /* then from here, as on Linux: the servers' are below */
#define BUCKETS  256u
#define TICK_NS  10000000ull            /* AT_CLKTCK is 100 */
#define SA_NOCLDWAIT_ 2u                /* Linux's; musl's have another type */
#define SA_NOCLDSTOP_ 1u

static struct member init = {.pid = PID_INIT, .pgid = PID_INIT, .sid = PID_INIT};
static struct member *bucket[BUCKETS] = {[PID_INIT] = &init};
static unsigned nstopped;
static uint32_t last_pid;               /* that was given; 0: nobody was born yet */

#define each_member(m) for (unsigned b_ = 0; b_ < BUCKETS; b_++) for (struct member *m = bucket[b_]; m; m = m->next)

struct member *member_find(uint32_t pid)
{
	struct member *m = bucket[pid % BUCKETS];

	while (m && m->pid != pid) m = m->next;
	return m;
}

/* A group or session outlives its leader: whoever got its number would be that. */
static bool id_used(uint32_t id)
{
	if (member_find(id)) return true;
	each_member(m) if (m->pgid == id || m->sid == id) return true;
	return false;
}

uint32_t pid_choose(void)
{
	if (!last_pid) return 0;
	do last_pid = last_pid + 1 < PID_MAX ? last_pid + 1 : PID_WRAP;
	while (id_used(last_pid));
	return last_pid;
}

static void signal_from(const struct member *to, int signo, int code, uint32_t pid, uint32_t uid)
{
	siginfo_t info = {.si_signo = signo, .si_code = code};

	info.si_pid = (pid_t)pid;
	info.si_uid = uid;
	q_signal_post(to->pid, 0, &info, 0);
}

/* ---- the tree */

static void child_add(struct member *parent, struct member *m)
{
	struct member **at = &parent->children;

	while (*at) at = &(*at)->sibling;
	*at = m;
	m->sibling = NULL;
	m->parent = parent;
}

static void child_remove(struct member *m)
{
	struct member **at = &m->parent->children;

	while (*at != m) at = &(*at)->sibling;
	*at = m->sibling;
}

/* The kernel tells others. */
static void parent_tell(const struct member *m)
{
	q_proc_set(0, m->pid, offsetof(struct proc_attr, ppid), &m->parent->pid, sizeof(m->parent->pid));
}

void member_free(struct member *m)
{
	struct member **at = &bucket[m->pid % BUCKETS];

	while (*at != m) at = &(*at)->next;
	*at = m->next;
	child_remove(m);
	q_proc_reap(m->pid);
	free(m);
}

/* M1.  For whom there is no memory here: it ends at once, and nobody hears of it. */
static void born(uint32_t pid, uint32_t maker, uint64_t how)
{
	struct member *m = pm_alloc(sizeof(*m)), *by = member_find(maker), *parent = by ? by : &init;
	struct facts_proc f, of_parent;

	if (!m || proc_facts(pid, &f) || cpu_limit_set(&f)) {
		free(m);
		signal_from(&(struct member){.pid = pid}, SIGKILL, SI_KERNEL, 0, 0);
		return;
	}
	if (!last_pid) last_pid = pid;
	m->pid = pid;
	m->pgid = f.attr.pgid;
	m->sid = f.attr.sid;
	m->exit_signal = (int)(how >> 8 & 0x7f);
	if (how & PM_SIBLING && parent->parent) {
		m->exit_signal = parent->exit_signal;
		parent = parent->parent;
	} else if (!by) {
		m->exit_signal = SIGCHLD;
	}
	if (m->exit_signal != SIGCHLD && !proc_facts(parent->pid, &of_parent)) m->parent_execs = of_parent.execs;
	m->next = bucket[pid % BUCKETS];
	bucket[pid % BUCKETS] = m;
	child_add(parent, m);
	if (f.attr.ppid != parent->pid) parent_tell(m);
	for (int n = 1; by && n <= 64; n++)
		if (by->missed & SIGNAL_BIT(n)) signal_from(m, n, SI_USER, 0, 0);
}

/* ---- what the parent hears */

siginfo_t child_info(const struct member *m, const struct facts_proc *f, int code, int status)
{
	siginfo_t info = {.si_signo = code <= CLD_DUMPED ? m->exit_signal : SIGCHLD, .si_code = code};

	info.si_pid = (pid_t)m->pid;
	info.si_uid = f->attr.uid;
	info.si_status = status;
	info.si_utime = (long)((f->used.cpu_ns - f->used.sys_ns) / TICK_NS);
	info.si_stime = (long)(f->used.sys_ns / TICK_NS);
	return info;
}

/* M3: the signal, then the news, in that order for who waits already too. */
static void parent_hears(struct member *m, const siginfo_t *info, bool unwanted)
{
	struct member *parent = m->parent;

	waiters_hold(parent);
	if (info->si_signo) q_signal_post(parent->pid, 0, info, 0);
	if (unwanted) member_free(m);
	waiters_look(parent);
}

/* It stopped or goes on. */
static void parent_hears_stop(struct member *m, int code, int signo)
{
	struct facts_proc f, parent;
	siginfo_t info = {0};

	m->report = code == CLD_CONTINUED ? REPORT_CONTINUED : signo << 8 | 0x7f;
	if (proc_facts(m->pid, &f) || proc_facts(m->parent->pid, &parent)) return;
	if (!(parent.child_flags & SA_NOCLDSTOP_)) info = child_info(m, &f, code, signo);
	parent_hears(m, &info, false);
}

/* Does nobody want to know how it ended?  POSIX sigaction: SIGCHLD ignored, SA_NOCLDWAIT. */
static bool is_unwanted(const struct member *m)
{
	struct facts_proc parent;

	if (m->exit_signal != SIGCHLD || proc_facts(m->parent->pid, &parent)) return false;
	return parent.ignored >> (SIGCHLD - 1) & 1 || parent.child_flags & SA_NOCLDWAIT_;
}

/* An exit signal of another kind is for the program that asked for it, and ends with that or the child's (Linux). */
static void exit_signal_check(struct member *m, const struct facts_proc *f)
{
	struct facts_proc parent;

	if (m->exit_signal == SIGCHLD) return;
	if (f->execs || proc_facts(m->parent->pid, &parent) || parent.execs != m->parent_execs) m->exit_signal = SIGCHLD;
}

static void parent_hears_end(struct member *m, const struct facts_proc *f)
{
	int killed = f->exit_status & 0x7f;
	siginfo_t info = child_info(m, f, killed ? CLD_KILLED : CLD_EXITED, killed ? killed : f->exit_status >> 8);

	parent_hears(m, &info, is_unwanted(m));
}

/* ---- groups */

bool group_exists(uint32_t pgid, uint32_t sid)
{
	each_member(m) if (m->pgid == pgid && (!sid || m->sid == sid)) return true;
	return false;
}

void group_each(uint32_t pgid, void (*fn)(struct member *, void *), void *arg)
{
	each_member(m) if (pgid ? m->pgid == pgid : m != &init) fn(m, arg);
}

/* ---- orphaned groups (POSIX 3.264): nobody of the session outside the group could continue a member */

static bool group_orphaned(uint32_t pgid)
{
	each_member(m) {
		if (m->pgid != pgid || m->dead || !m->parent) continue;
		if (m->parent->pgid != pgid && m->parent->sid == m->sid) return false;
	}
	return true;
}

static void group_continue(uint32_t pgid)
{
	each_member(m) {
		if (m->pgid != pgid || m->dead) continue;
		m->held = false;
		signal_from(m, SIGHUP, SI_KERNEL, 0, 0);
		signal_from(m, SIGCONT, SI_KERNEL, 0, 0);
	}
}

/* Before somebody leaves his family, and after it: stopped groups that are orphans by that go on (POSIX 2.9.1).  There are
 * few. */
static void groups_hold(void)
{
	if (!nstopped) return;
	each_member(m) if (m->stopped) m->held = !group_orphaned(m->pgid);
}

static void groups_release(void)
{
	if (!nstopped) return;
	each_member(m) if (m->stopped && m->held && group_orphaned(m->pgid)) group_continue(m->pgid);
}

static void stopped_set(struct member *m, bool stopped)
{
	nstopped += stopped - m->stopped;
	m->stopped = stopped;
}

/* SIGSTOP stops always, others no orphaned group.  A thread that goes on may be heard after another one that stops the
 * process again. */
bool family_stop(const struct ipc_msg *in)
{
	struct member *m = member_find((uint32_t)in->arg[0]);
	int signo = (int)in->arg[1];
	bool was = m && m->stopped;
	struct facts_proc f;

	if (!m) return false;
	if (in->op == PM_STOPPED && signo != SIGSTOP && group_orphaned(m->pgid)) return true;
	/* a SIGCONT may have been before the stop that this tells of, a stop before the continuation */
	if ((!proc_facts(m->pid, &f) && f.state == 'T') != (in->op == PM_STOPPED)) return false;
	stopped_set(m, in->op == PM_STOPPED);
	if (m->stopped) parent_hears_stop(m, CLD_STOPPED, signo);
	else if (was) parent_hears_stop(m, CLD_CONTINUED, SIGCONT);
	return false;
}

/* ---- the end */

static struct member *heir_of(const struct member *m)
{
	struct facts_proc f;

	for (struct member *a = m->parent; a != &init; a = a->parent)
		if (!proc_facts(a->pid, &f) && f.attr.subreaper) return a;
	return &init;
}

/* prctl PR_SET_PDEATHSIG: once. */
static void death_signal(const struct member *child, const struct facts_proc *parent)
{
	const int32_t none = 0;
	struct facts_proc f;

	if (child->dead || proc_facts(child->pid, &f) || !f.attr.pdeath_signal) return;
	q_proc_set(0, child->pid, offsetof(struct proc_attr, pdeath_signal), &none, sizeof(none));
	signal_from(child, f.attr.pdeath_signal, SI_USER, parent->pid, parent->attr.uid);
}

/* M4 */
static void children_leave(struct member *m, const struct facts_proc *f)
{
	struct member *heir = m->children ? heir_of(m) : NULL, *c;
	struct facts_proc zombie;

	while ((c = m->children)) {
		death_signal(c, f);
		child_remove(c);
		c->exit_signal = SIGCHLD;
		child_add(heir, c);
		parent_tell(c);
		if (c->dead && !proc_facts(c->pid, &zombie)) parent_hears_end(c, &zombie);
	}
	if (!heir) return;
	waiters_hold(heir);
	waiters_look(heir);
}

static void ended(uint32_t pid)
{
	struct member *m = member_find(pid);
	struct facts_proc f;

	timers_end(pid);
	if (!m || proc_facts(pid, &f)) {
		q_proc_reap(pid);
		return;
	}
	waiters_free(m);
	groups_hold();
	children_leave(m, &f);          /* the heir may be its parent, who must not find it dead before M3 */
	m->dead = true;
	stopped_set(m, false);
	groups_release();
	exit_signal_check(m, &f);
	parent_hears_end(m, &f);
}

void family_note(const uint64_t note[2])
{
	uint32_t pid = (uint32_t)(note[0] >> 32);

	if ((note[0] & PM_NOTE) == PM_BORN) born(pid, (uint32_t)note[1], note[0]);
	if ((note[0] & PM_NOTE) == PM_ENDED) ended(pid);
}
