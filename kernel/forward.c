/* SPDX-License-Identifier: MIT */
/* kernel/forward.c - RING 0 - system calls that a server answers: PM_CALL of abi/pm.h, and the messages of abi/name.h.
 *
 * Path:  syscall.c > [forward.c]  ~PM_CALL~>  user/pm;  sys_name.c > [forward.c]  ~message~>  fs/server.c
 * Locks: proc->lock while an attribute is set.
 *
 * O1  No other server waits for the process manager, which may have something to tell the file server; but for memory,
 *     when even the reserve is used up.
 * O2  A caller that is to end does not wait for the answer: SIGKILL always works.  Other signals end its wait if who is to
 *     answer says so (SYS_call_signals). */
#include "kernel/syscalls.h"
#include "mm/map.h"

#define OOM_PAUSE 10000000            /* ns */

struct port *pm_port, *exec_port;

long forward(struct port *to, struct kmsg *k, bool interruptible)
{
	struct thread *t = current_thread();
	int rc;

	if (!k->m.lend[0].flags) {
		k->lender = t->proc->map;
		k->m.lend[0] = (struct ipc_lend){0, USER_TOP, LEND_READ | LEND_WRITE};
		k->m.lend[1] = (struct ipc_lend){0, USER_TOP, k->target ? LEND_WRITE : 0};
	}
	t->fatal_only = true;                                                   /* O2 */
	rc = ipc_call(to, k, interruptible);
	t->fatal_only = false;
	if (rc == -EINTR) return -ERESTART;
	if (!rc) rc = k->m.status;
	return rc ? rc : (long)k->m.arg[0];
}

long pm_forward(struct port *to, struct kmsg *k, const uint64_t a[6])
{
	const struct thread *t = current_thread();

	if (t->proc->port && t->proc->pid != PID_INIT) return -ENOSYS;        /* O1 */
	k->m.op = PM_CALL;
	k->m.arg[0] = t->syscall_nr;
	memcpy(k->m.arg + 1, a, 6 * sizeof(*a));
	k->m.arg[7] = t->proc->pid | (uint64_t)t->tid << 32;
	return forward(to, k, true);
}

SYSCALL(forward)
{
	KMSG_HELD struct kmsg k = {0};

	return pm_forward(pm_port, &k, (uint64_t[]){a0, a1, a2, a3, a4, a5});
}

long name_call(struct kmsg *k, uint32_t op, bool interruptible)
{
	const struct proc *p = current_proc();

	if (fs_port->owner == p) return -EDEADLK;       /* the file server cannot wait for itself */
	k->m.op = op;
	k->m.arg[5] = p->root.node;
	k->m.arg[6] = p->pid | (uint64_t)current_thread()->tid << 32;
	k->m.arg[7] = p->fsuid | (uint64_t)p->fsgid << 32;
	return forward(fs_port, k, interruptible);
}

/* For a call that is still waited for, so that no exec of the caller's has come between, or (token 0) for none.  Who calls
 * this alone makes pids free.  What would be no text, or no number of groups, is cut. */
SYSCALL(proc_set)
{
	PROC_HELD struct proc *p = proc_find(a1, false);
	struct proc_attr new;

	if (a2 > sizeof(new) || a4 > sizeof(new) - a2) return -EINVAL;
	if (copy_in(&new, a3, a4)) return -EFAULT;
	if (!p) return -ESRCH;
	SPIN_HELD(&p->lock);
	if (a0 && !kmsg_lock(pm_port, a0)) return -ESRCH;
	memcpy((char *)&p->attr + a2, &new, a4);
	p->ngroups = MIN(p->ngroups, PROC_GROUPS);
	p->name[sizeof(p->name) - 1] = 0;
	if (a0) spin_unlock(&pm_port->lock);
	return 0;
}

SYSCALL(time_set)
{
	time_real_set(a0);
	return 0;
}

/* No page is free and none can be reclaimed.  Whose end shall help is the process manager's to say: who waits for a
 * page tries again when that may have happened, unless the end is its own. */
int oom_wait(void)
{
	const struct proc *p = current_proc();

	if (!p || p->exiting || p->port == pm_port || !pm_port->owner) return -ENOMEM;
	port_notify(pm_port, NOTIFY_NO_MEMORY);
	thread_sleep(OOM_PAUSE);
	return 0;
}
