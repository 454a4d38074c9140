/* SPDX-License-Identifier: MIT */
/* kernel/fork.c - RING 0 - fork, vfork, clone and clone3: processes and threads.
 *
 * Path:  syscall.c > [fork.c] > mm/mapops.c map_fork(), proc.c
 * Locks: none held; the parent's state is its own, or taken under the lock that guards it.
 */
#include "abi/pm.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/map.h"

#define PROCS_MAX 16384                 /* a quarter of the pids: proc.c finds one that is free */
#define CLONE_SIGNAL 0xffu              /* the low byte: what the parent gets at its death; 0: nothing */
#define CLONE_HARMLESS (CLONE_DETACHED | CLONE_SYSVSEM | CLONE_PTRACE | CLONE_UNTRACED | CLONE_IO)
#define CLONE_SHARED (CLONE_FS | CLONE_FILES | CLONE_SIGHAND)
#define CLONE_TIDS (CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)
#define CLONE_BOTH (CLONE_VM | CLONE_SETTLS | CLONE_TIDS | CLONE_HARMLESS)
#define CLONE_PROCESS (CLONE_BOTH | CLONE_VFORK | CLONE_PARENT | CLONE_CLEAR_SIGHAND)
#define CLONE_A_THREAD (CLONE_BOTH | CLONE_THREAD | CLONE_SHARED)

/* As clone3(2) has it, beginning with its version 0 of 64 bytes. */
struct clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tids, cgroup;
};
#define CLONE_ARGS_MIN 64u

/* What a child has from its parent besides memory (POSIX fork): all but pending signals, timers and times. */
static void inherit(struct proc *c, struct proc *p)
{
	spin_lock(&p->lock);
	memcpy(c->action, p->action, sizeof(c->action));
	c->attr = p->attr;
	c->pdeath_signal = c->subreaper = 0;    /* prctl(2): a child has them not */
	c->child_used = (struct usage){0};
	c->umask = p->umask;
	c->exe = p->exe;
	if (c->exe) file_ref(c->exe);
	c->trace = p->trace;
	if (c->trace) file_ref(c->trace);
	spin_unlock(&p->lock);
	files_fork(c);
}

/* RLIMIT_NPROC counts the threads of a user; root is free of it.  Zombies too keep their pids. */
static bool nproc_reached(const struct proc *p)
{
	uint64_t limit = p->uid && p->euid ? p->rlimit[RLIMIT_NPROC][0] : RLIM_INFINITY, n = 0, all = 0;

	SPIN_HELD(&proc_tree_lock);
	list_for(l, &all_procs) {
		struct proc *q = container_of(l, struct proc, all_link);

		all++;
		if (q->uid == p->uid) n += MAX(q->nthreads, 1u);
	}
	return n >= limit || all >= PROCS_MAX;
}

static void thread_fork(struct thread *c, struct thread *t, uaddr_t stack)
{
	*c->tf = *t->tf;
	c->tf->rax = 0;
	c->tf->vector = 0;
	if (stack) c->tf->rsp = stack;
	/* ring 3 may have set them itself where the CPU has FSGSBASE: the registers know */
	c->fs_base = rdmsr(MSR_FS_BASE);
	c->gs_base = rdmsr(MSR_KERNEL_GS_BASE);
	c->sig_mask = t->sig_mask;
	c->affinity = t->affinity;
	thread_fpu_fork(c, t);
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

/* The rest of what the caller asked for, while the child does not run yet. => its tid */
static uint32_t child_start(struct proc *c, struct thread *t, const struct clone_args *a)
{
	uint32_t tid = t->tid;

	if (a->flags & CLONE_SETTLS) t->fs_base = a->tls;
	if (a->flags & CLONE_CHILD_CLEARTID) t->clear_tid = a->child_tid;
	if (a->flags & CLONE_PARENT_SETTID) copy_out(a->parent_tid, &tid, sizeof(tid));
	if (a->flags & CLONE_CHILD_SETTID) map_copy(c->map, a->child_tid, &tid, sizeof(tid), true);
	thread_start(t);
	return tid;
}

/* A process around the memory: an own copy of it, or the same. */
static struct proc *child_make(struct proc *p, bool same_map, struct thread **t)
{
	struct proc *c = proc_create(p->name);

	if (!c) return NULL;
	*t = proc_thread(c);
	if (*t && same_map) map_ref(p->map);
	if (*t) c->map = same_map ? p->map : map_fork(p->map);
	if (c->map) return c;
	handles_destroy(&c->handles);
	if (*t) thread_free(*t);
	proc_unref(c);
	return NULL;
}

static long clone_process(const struct clone_args *a)
{
	struct proc *p = current_proc(), *c;
	struct thread *t;
	long pid;

	/* descriptors, directory and actions are shared among threads only */
	if (a->flags & ~(uint64_t)CLONE_PROCESS) return -EINVAL;
	if (a->flags & CLONE_PARENT && !p->ppid) return -EINVAL;
	if (nproc_reached(p)) return -EAGAIN;
	c = child_make(p, a->flags & CLONE_VM, &t);
	if (!c) return -ENOMEM;
	inherit(c, p);
	thread_fork(t, current_thread(), a->stack);
	/* not where two would use it at once (sigaltstack(2)) */
	if ((a->flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM) t->sig_stack = current_thread()->sig_stack;
	if (a->flags & CLONE_CLEAR_SIGHAND) signal_actions_clear(c);
	proc_ref(c);
	proc_publish(c, p, PM_SIGNAL(a->exit_signal) | (a->flags & CLONE_PARENT ? PM_SIBLING : 0));
	pid = child_start(c, t, a);
	if (a->flags & CLONE_VFORK) vfork_wait(c);
	proc_unref(c);
	return pid;
}

/* A thread: all of the process is shared, and that is the only mixture that we know (pthreads of every C library). */
static long clone_thread(const struct clone_args *a)
{
	const uint64_t all = CLONE_VM | CLONE_THREAD | CLONE_SHARED;
	struct proc *p = current_proc();
	struct thread *t;

	if ((a->flags & all) != all || a->flags & ~(uint64_t)CLONE_A_THREAD) return -EINVAL;
	if (nproc_reached(p)) return -EAGAIN;
	t = proc_thread(p);
	if (!t) return -EAGAIN;
	thread_fork(t, current_thread(), a->stack);
	return child_start(p, t, a);
}

/* What is missing for page tables and stacks may be cached pages of files. */
static long clone(const struct clone_args *a)
{
	long (*make)(const struct clone_args *) = a->flags & CLONE_THREAD ? clone_thread : clone_process;
	long rc;

	if ((a->flags & CLONE_SETTLS) && a->tls >= USER_TOP) return -EPERM;     /* wrmsr would fault, as arch_prctl */
	rc = make(a);
	for (int i = 0; rc == -ENOMEM && i < RECLAIM_AGAIN && !reclaim_wait(); i++) rc = make(a);
	return rc;
}

SYSCALL(fork) { return clone(&(struct clone_args){.exit_signal = SIGCHLD}); }
SYSCALL(vfork) { return clone(&(struct clone_args){.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD}); }

/* clone(flags, stack, parent_tid, child_tid, tls): x86-64's order of arguments. */
SYSCALL(clone)
{
	struct clone_args a = {.flags = a0 & 0xffffffffu & ~CLONE_SIGNAL, .exit_signal = a0 & CLONE_SIGNAL, .stack = a1,
	                       .parent_tid = a2, .child_tid = a3, .tls = a4};

	return a.exit_signal > NSIG ? -EINVAL : clone(&a);
}

/* A later version may have more fields: they must be 0. */
static int clone_args_in(struct clone_args *a, uaddr_t from, uint64_t size)
{
	uint8_t byte;

	if (size > PAGE_SIZE) return -E2BIG;
	if (size < CLONE_ARGS_MIN) return -EINVAL;
	*a = (struct clone_args){0};
	if (copy_in(a, from, MIN(size, sizeof(*a)))) return -EFAULT;
	for (uint64_t i = sizeof(*a); i < size; i++) {
		if (copy_in(&byte, from + i, 1)) return -EFAULT;
		if (byte) return -E2BIG;
	}
	return 0;
}

SYSCALL(clone3)
{
	struct clone_args a;
	int rc = clone_args_in(&a, a0, a1);

	if (rc) return rc;
	if (a.set_tid || a.set_tids) return a.set_tid && a.set_tids && current_proc()->euid ? -EPERM : -EINVAL;
	if (a.exit_signal > NSIG || (a.flags & (CLONE_SIGNAL | CLONE_DETACHED))) return -EINVAL;
	if ((a.flags & (CLONE_THREAD | CLONE_PARENT)) && a.exit_signal) return -EINVAL;
	if (!a.stack != !a.stack_size || !user_range_ok(a.stack, a.stack_size)) return -EINVAL;
	a.stack += a.stack_size;
	return clone(&a);
}
