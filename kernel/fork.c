/* SPDX-License-Identifier: MIT */
/* kernel/fork.c - RING 0 - fork, vfork, clone and clone3: processes and threads.
 *
 * Which flags go together, limits, the child's number: the process manager says it (user/pm/clone.c), as of execve, and
 * ring 0 makes what its plan says.
 *
 * Path:  syscall.c > [fork.c] > forward.c  ~PM_CALL~>  user/pm;  then mm/mapops.c map_fork(), proc.c
 * Locks: none held; the parent's state is its own, or taken under the lock that guards it.
 */
#include "abi/pm.h"
#include "kernel/syscalls.h"
#include "mm/map.h"

/* What a child has from its parent besides memory (POSIX fork): all but pending signals, timers and times. */
static void inherit(struct proc *c, struct proc *p)
{
	spin_lock(&p->lock);
	memcpy(c->action, p->action, sizeof(c->action));
	c->attr = p->attr;
	c->pdeath_signal = c->subreaper = 0;    /* prctl(2): a child has them not */
	c->child_used = (struct usage){0};
	c->exe = p->exe;
	if (c->exe) file_ref(c->exe);
	c->trace = p->trace;
	if (c->trace) file_ref(c->trace);
	spin_unlock(&p->lock);
	files_fork(c);
}

static void thread_fork(struct thread *c, struct thread *t, uaddr_t stack)
{
	*c->tf = *t->tf;
	c->tf->rax = 0;
	c->tf->vector = 0;
	if (stack) c->tf->rsp = stack;
	/* a load of %fs or %gs in ring 3 may have changed them: the registers know */
	c->fs_base = rdmsr(MSR_FS_BASE);
	c->gs_base = rdmsr(MSR_KERNEL_GS_BASE);
	c->sig_mask = c->sig_back = t->sig_mask;
	c->affinity = t->affinity;
	fpu_save(c->fpu);
}

/* CLONE_VFORK: sleep until the child has executed a program or has ended; or this thread is to end: the child may sleep
 * too. */
static void vfork_wait(struct proc *c)
{
	struct thread *t = current_thread();

	SPIN_HELD(&c->lock);
	t->fatal_only = true;
	while (!c->execs && c->map && !thread_has_signal(t)) waitq_sleep(&c->wait, &c->lock, WAIT_FOREVER, true);
	t->fatal_only = false;
}

/* A process around the memory: an own copy of it, or the same.  Its thread; NULL: no memory */
static struct thread *child_make(struct proc *p, bool same_map)
{
	struct thread *t = proc_create();
	struct proc *c = t ? t->proc : NULL;

	if (!t) return NULL;
	c->map = same_map ? p->map : map_fork(p->map);
	if (c->map) {
		if (same_map) map_ref(c->map);
		inherit(c, p);
		return t;
	}
	thread_free(t);
	proc_unref(c);
	return NULL;
}

/* The rest of the plan, while the child does not run yet.  t: its thread, or a new one of this process.  => its tid */
static uint32_t child_start(struct thread *t, const struct clone_plan *a)
{
	struct thread *me = current_thread();
	struct proc *p = me->proc, *c = t->proc;
	uint32_t tid;

	thread_fork(t, me, a->stack);
	if (c != p) {
		/* not where two would use it at once (sigaltstack(2)) */
		if ((a->flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM) t->sig_stack = me->sig_stack;
		if (a->flags & CLONE_CLEAR_SIGHAND) signal_actions_clear(c);
		c->ppid = a->flags & CLONE_PARENT ? p->ppid : p->pid;
		proc_publish(c, p, a->pid, a->note);
	}
	tid = t->tid;
	if (a->flags & CLONE_SETTLS) t->fs_base = a->tls;
	if (a->flags & CLONE_CHILD_CLEARTID) t->clear_tid = a->child_tid;
	if (a->flags & CLONE_PARENT_SETTID) copy_out(a->parent_tid, &tid, sizeof(tid));
	if (a->flags & CLONE_CHILD_SETTID) map_copy(c->map, a->child_tid, &tid, sizeof(tid), true);
	thread_start(t);
	return tid;
}

static long clone_make(const struct clone_plan *a)
{
	struct proc *p = current_proc();
	bool same_proc = a->flags & CLONE_THREAD;
	struct thread *t = same_proc ? proc_thread(p) : child_make(p, a->flags & CLONE_VM);
	PROC_HELD struct proc *c = t ? t->proc : NULL;
	uint32_t tid;

	if (!t) return same_proc ? -EAGAIN : -ENOMEM;
	proc_ref(c);
	tid = child_start(t, a);
	if (c != p && a->flags & CLONE_VFORK) vfork_wait(c);
	return tid;
}

_Static_assert(sizeof(struct clone_plan) <= sizeof(((struct ipc_msg *)0)->arg), "the answer is a plan");

/* clone(flags, stack, parent_tid, child_tid, tls): x86-64's order of arguments.  If nobody is left to judge it what is
 * asked for is done: the process manager's end is not the programs'.  What is missing for page tables and stacks may be
 * cached pages of files. */
SYSCALL(clone)
{
	KMSG_HELD struct kmsg k = {0};
	struct clone_plan *a = (struct clone_plan *)k.m.arg;
	long rc = pm_forward(pm_port, &k, (uint64_t[]){a0, a1, a2, a3, a4, a5});

	if (rc == -EIO && current_thread()->syscall_nr != SYS_clone3) {
		*a = (struct clone_plan){.flags = a0, .stack = a1, .parent_tid = a2, .child_tid = a3, .tls = a4};
		rc = 0;
	}
	/* a signal that came while this was planned goes first: it may have been for the group, without the child */
	if (!rc && !(a->flags & CLONE_THREAD) && thread_has_signal(current_thread())) return -ERESTARTNOINTR;
	if (!rc && (a->flags & CLONE_SETTLS) && a->tls >= USER_TOP) rc = -EPERM;      /* as arch_prctl */
	if (!rc) rc = clone_make(a);
	for (int i = 0; rc == -ENOMEM && i < RECLAIM_AGAIN && !reclaim_wait(); i++) rc = clone_make(a);
	return rc;
}

SYSCALL(fork) { return sys_clone(SIGCHLD, 0, 0, 0, 0, 0); }
SYSCALL(vfork) { return sys_clone(CLONE_VFORK | CLONE_VM | SIGCHLD, 0, 0, 0, 0, 0); }
SYSCALL(clone3) { return sys_clone(a0, a1, 0, 0, 0, 0); }
