/* SPDX-License-Identifier: MIT */
/* kernel/fork.c - RING 0 - fork, vfork, and clone as far as it makes processes or threads.
 *
 * Path:  syscall.c > [fork.c] > mm/mapops.c map_fork(), proc.c
 * Locks: none held; the parent's state is its own, or taken under the lock that guards it.
 */
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/map.h"

#define CLONE_SIGNAL 0xffu              /* the low byte: what the parent gets at its death; SIGCHLD here, or nothing */
#define CLONE_KNOWN (CLONE_SIGNAL | CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | \
                     CLONE_DETACHED | CLONE_CHILD_SETTID)

/* What a child has from its parent besides memory (POSIX fork): all but pending signals, alarm and times. */
static void inherit(struct proc *c, struct proc *p)
{
	spin_lock(&p->lock);
	memcpy(c->action, p->action, sizeof(c->action));
	memcpy(c->rlimit, p->rlimit, sizeof(c->rlimit));
	c->uid = p->uid, c->euid = p->euid, c->suid = p->suid;
	c->gid = p->gid, c->egid = p->egid, c->sgid = p->sgid;
	c->umask = p->umask;
	c->exe = p->exe;
	if (c->exe) file_ref(c->exe);
	spin_unlock(&p->lock);
	files_fork(c);
}

static void thread_fork(struct thread *c, struct thread *t, uaddr_t stack)
{
	*c->tf = *t->tf;
	c->tf->rax = 0;
	c->tf->vector = 0;
	if (stack) c->tf->rsp = stack;
	/* ring 3 may have set them itself where the CPU has FSGSBASE: the registers know */
	c->fs_base = rdmsr(0xc0000100);
	c->gs_base = rdmsr(0xc0000102);
	c->sig_mask = t->sig_mask;
	c->sig_stack = t->sig_stack;
	thread_fpu_fork(c, t);
}

/* Undo a child that was never published. */
static void child_drop(struct proc *c, struct thread *t)
{
	if (c->map) map_put(c->map);
	if (c->exe) file_put(c->exe);
	files_close(c, false);
	handles_destroy(&c->handles);
	if (t) {
		t->proc = NULL;
		thread_free(t);
	}
	proc_unref(c);
}

/* CLONE_VFORK: sleep until the child has another map, or none. */
static void vfork_wait(struct proc *c)
{
	spin_lock(&proc_tree_lock);
	while (c->borrowed_map) waitq_sleep(&c->wait, &proc_tree_lock, WAIT_FOREVER, false);
	spin_unlock(&proc_tree_lock);
}

static long clone(uint64_t flags, uaddr_t stack, uaddr_t parent_tid, uaddr_t child_tid)
{
	struct proc *p = current_proc(), *c;
	struct thread *t;
	uint32_t pid;

	if ((flags & ~(uint64_t)CLONE_KNOWN) || (flags & CLONE_VM && !(flags & CLONE_VFORK))) return -ENOSYS;
	if ((flags & CLONE_SIGNAL) && (flags & CLONE_SIGNAL) != SIGCHLD) return -EINVAL;
	c = proc_create(p->name, p);
	if (!c) return -ENOMEM;
	t = proc_thread(c);
	if (flags & CLONE_VM) map_ref(p->map);
	if (t) c->map = flags & CLONE_VM ? p->map : map_fork(p->map);
	if (!t || !c->map) {
		if (!t && (flags & CLONE_VM)) map_put(p->map);
		child_drop(c, t);
		return -ENOMEM;
	}
	inherit(c, p);
	thread_fork(t, current_thread(), stack);
	if (flags & CLONE_CHILD_CLEARTID) t->clear_tid = child_tid;

	c->borrowed_map = flags & CLONE_VFORK;
	proc_ref(c);
	proc_publish(c);
	pid = c->pid;
	if (flags & CLONE_PARENT_SETTID) copy_out(parent_tid, &pid, sizeof(pid));
	if (flags & CLONE_CHILD_SETTID) map_copy(c->map, child_tid, &pid, sizeof(pid), true);
	thread_start(t);
	if (flags & CLONE_VFORK) vfork_wait(c);
	proc_unref(c);
	return pid;
}

/* A thread: all of the process is shared, and that is the only mixture that we know (pthreads of every C library). */
static long clone_thread(uint64_t flags, uaddr_t stack, uaddr_t parent_tid, uaddr_t child_tid, uaddr_t tls)
{
	const uint64_t shared = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
	const uint64_t known = shared | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID |
	                       CLONE_CHILD_CLEARTID | CLONE_DETACHED;
	struct thread *t;
	uint32_t tid;

	if ((flags & shared) != shared) return -EINVAL;
	if (flags & ~known) return -ENOSYS;
	t = proc_thread(current_proc());
	if (!t) return -EAGAIN;
	thread_fork(t, current_thread(), stack);
	t->sig_stack.flags = SS_DISABLE;
	if (flags & CLONE_SETTLS) t->fs_base = tls;
	if (flags & CLONE_CHILD_CLEARTID) t->clear_tid = child_tid;
	tid = t->tid;
	if (flags & CLONE_PARENT_SETTID) copy_out(parent_tid, &tid, sizeof(tid));
	if (flags & CLONE_CHILD_SETTID) copy_out(child_tid, &tid, sizeof(tid));
	thread_start(t);
	return tid;
}

SYSCALL(fork) { return clone(SIGCHLD, 0, 0, 0); }
SYSCALL(vfork) { return clone(SIGCHLD | CLONE_VFORK | CLONE_VM, 0, 0, 0); }

/* clone(flags, stack, parent_tid, child_tid, tls): x86-64's order of arguments. */
SYSCALL(clone) { return a0 & CLONE_THREAD ? clone_thread(a0, a1, a2, a3, a4) : clone(a0, a1, a2, a3); }
