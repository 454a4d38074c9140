/* SPDX-License-Identifier: MIT */
/* user/pm/clone.c - RING 3 - fork, vfork, clone, clone3: what may be shared with whom, how many there may be, the
 * child's number.
 *
 * Path:  kernel/exec.c  ~PM_CALL~>  main.c > [clone.c] > family.c;  the answer is a plan (abi/pm.h), and of the birth
 *        a note tells
 * Nothing is kept of a child that is planned: the kernel may find no memory for it, or its maker may be killed.
 * What its group is sent meanwhile its maker has missed for it (kill.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "abi/pm.h"
#include "user/pm/family.h"

#define PROCS_MAX 16384u                /* a quarter of the pids: family.c finds one that is free */
#define NSIG_MAX  64u
#define USER_TOP  0x00007ffffffff000ull /* past a program's addresses */
#define SIGNAL    0xffu                 /* the low byte of clone's flags: what the parent gets at its death, or 0 */
#define CLEAR_SIGHAND 0x100000000ull
#define HARMLESS  (CLONE_DETACHED | CLONE_SYSVSEM | CLONE_PTRACE | CLONE_UNTRACED | (uint32_t)CLONE_IO)
#define SHARED    (CLONE_FS | CLONE_FILES | CLONE_SIGHAND)
#define TIDS      (CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)
#define BOTH      (CLONE_VM | CLONE_SETTLS | TIDS | HARMLESS)
#define PROCESS   (BOTH | CLONE_VFORK | CLONE_PARENT | CLEAR_SIGHAND)
#define THREAD    (BOTH | CLONE_THREAD | SHARED)
#define THREAD_IS (CLONE_VM | CLONE_THREAD | SHARED)

/* As clone3(2) has it, beginning with its version 0 of 64 bytes. */
struct args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tids, cgroup;
};
#define ARGS_MIN 64u
#define ARGS_MAX 4096u

struct count { uint32_t uid; uint64_t limit, all, threads; };

static void count(struct member *m, void *arg)
{
	struct count *n = arg;
	struct facts_proc f;

	n->all++;
	if (n->limit == RLIM_INFINITY || n->threads >= n->limit || proc_facts(m->pid, &f)) return;
	if (f.attr.uid == n->uid) n->threads += f.threads ? f.threads : 1;
}

/* RLIMIT_NPROC counts the threads of a user; root is free of it.  Zombies too keep their pids. */
static bool nproc_reached(const struct proc_attr *me)
{
	struct count n = {.uid = me->uid, .limit = me->uid && me->euid ? me->rlimit[RLIMIT_NPROC][0] : RLIM_INFINITY};

	group_each(0, count, &n);
	return n.threads >= n.limit || n.all >= PROCS_MAX;
}

/* Descriptors, directory and actions are shared among threads only; a thread shares all of the process, and that is the
 * only mixture that we know (pthreads of every C library). */
static int flags_check(const struct call *c, uint64_t flags)
{
	if (flags & CLONE_THREAD) return (flags & THREAD_IS) != THREAD_IS || flags & ~(uint64_t)THREAD ? -EINVAL : 0;
	if (flags & ~(uint64_t)PROCESS) return -EINVAL;
	return flags & CLONE_PARENT && !c->me.attr.ppid ? -EINVAL : 0;
}

static long plan(struct call *c, const struct args *a)
{
	struct clone_plan p = {
		.flags = a->flags, .stack = a->stack, .tls = a->tls,
		.parent_tid = a->parent_tid, .child_tid = a->child_tid,
		.note = PM_SIGNAL(a->exit_signal) | (a->flags & CLONE_PARENT ? PM_SIBLING : 0),
	};
	struct member *me = member_find(c->me.pid);
	struct ipc_msg m = {.token = c->token};
	int rc = flags_check(c, a->flags);

	if (rc) return rc;
	if (nproc_reached(&c->me.attr)) return -EAGAIN;
	if (!(a->flags & CLONE_THREAD)) {
		p.pid = pid_choose();
		/* but those that came since this call began, and are blocked; SIGKILL ends all that is under way */
		if (me) me->missed &= SIGNAL_BIT(SIGKILL) | (c->me.shared_pending & ~c->arg[5]);
	}
	memcpy(m.arg, &p, sizeof(p));
	c->answered = true;
	q_reply(&m);
	return 0;
}

/* clone(flags, stack, parent_tid, child_tid, tls): x86-64's order of arguments. */
long pm_clone(struct call *c)
{
	struct args a = {
		.flags = c->arg[0] & 0xffffffffu & ~SIGNAL, .exit_signal = c->arg[0] & SIGNAL, .stack = c->arg[1],
		.parent_tid = c->arg[2], .child_tid = c->arg[3], .tls = c->arg[4],
	};

	return a.exit_signal > NSIG_MAX ? -EINVAL : plan(c, &a);
}

/* A later version may have more fields: they must be 0. */
static int args_in(const struct call *c, struct args *a)
{
	static char bytes[ARGS_MAX];
	uint64_t size = c->arg[1];

	if (size > sizeof(bytes)) return -E2BIG;
	if (size < ARGS_MIN) return -EINVAL;
	memset(bytes, 0, sizeof(*a));
	if (mem_in(c, bytes, c->arg[0], size)) return -EFAULT;
	for (uint64_t i = sizeof(*a); i < size; i++)
		if (bytes[i]) return -E2BIG;
	memcpy(a, bytes, sizeof(*a));
	return 0;
}

long pm_clone3(struct call *c)
{
	struct args a;
	int rc = args_in(c, &a);

	if (rc) return rc;
	if (a.set_tid || a.set_tids) return a.set_tid && a.set_tids && c->me.attr.euid ? -EPERM : -EINVAL;
	if (a.exit_signal > NSIG_MAX || a.flags & (SIGNAL | CLONE_DETACHED)) return -EINVAL;
	if (a.flags & (CLONE_THREAD | CLONE_PARENT) && a.exit_signal) return -EINVAL;
	if (!a.stack != !a.stack_size || a.stack > USER_TOP || a.stack_size > USER_TOP - a.stack) return -EINVAL;
	a.stack += a.stack_size;
	return plan(c, &a);
}
