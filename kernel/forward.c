/* SPDX-License-Identifier: MIT */
/* kernel/forward.c - RING 0 - system calls that need no ring 0: the process manager answers them (abi/pm.h).
 *
 * Path:  syscall.c > [forward.c]  ~PM_CALL~>  user/pm
 * Locks: proc->lock while an attribute is set, proc_tree_lock for group and session.
 *
 * O1  No other server waits for the process manager, which may have something to tell the file server.
 * O2  A caller that is to end does not wait for the answer: SIGKILL always works. */
#include "kernel/forward.h"

#include "abi/pm.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/map.h"

#define PID_INIT 1

struct port *pm_port, *names_port, *exec_port;

int pages_bring(struct map *m, uaddr_t addr, uint64_t len, bool write)
{
	int rc = user_range_ok(addr, len) ? 0 : -EFAULT;

	for (uaddr_t va = ROUND_DOWN(addr, PAGE_SIZE); va < addr + len && !rc; va += PAGE_SIZE)
		rc = vm_fault(m, va, write ? PROT_WRITE : PROT_READ);
	return rc ? -EFAULT : 0;
}

/* Its number is the thread's.  -EAGAIN: pages are missing, nothing was done (abi/pm.h).  Dead process manager: -EIO */
int forward_call(struct port *to, const uint64_t a[6], struct kmsg *k)
{
	struct thread *t = current_thread();
	uint64_t target = k->target ? LEND_WRITE : 0;
	struct map *m;
	const uint64_t arg[IPC_ARGS] = {t->syscall_nr, a[0], a[1], a[2], a[3], a[4], a[5], t->proc->pid | (uint64_t)t->tid << 32};
	int rc;

	if (t->proc->server && t->proc->pid != PID_INIT) return -ENOSYS;        /* O1 */
	k->lender = t->proc->map;
	k->direct = true;
	do {
		k->m = (struct ipc_msg){.op = PM_CALL};
		k->m.lend[0] = (struct ipc_lend){0, USER_TOP, LEND_READ | LEND_WRITE};
		k->m.lend[1] = (struct ipc_lend){0, USER_TOP, target};
		memcpy(k->m.arg, arg, sizeof(arg));
		t->fatal_only = true;                                           /* O2 */
		rc = ipc_call(to, k, true);
		t->fatal_only = false;
		if (rc || !k->m.status) return rc;
		objs_drop(k->obj);
		if (k->m.status != -EAGAIN) return k->m.status;
		m = target && k->m.arg[2] == 2 ? k->target : k->lender;
		rc = pages_bring(m, k->m.arg[0], k->m.arg[1], k->m.arg[2]);
	} while (!rc);
	return rc;
}

static long forward(struct port *to, const uint64_t a[6])
{
	struct kmsg k = {0};
	int rc = forward_call(to, a, &k);

	objs_drop(k.obj);
	return rc ? rc : (long)k.m.arg[0];
}

SYSCALL(forward) { return forward(pm_port, (uint64_t[]){a0, a1, a2, a3, a4, a5}); }
SYSCALL(forward_name) { return forward(names_port, (uint64_t[]){a0, a1, a2, a3, a4, a5}); }

/* For a call that is still waited for, so that no exec of the caller's has come between; of the process that was looked at:
 * pids come again, births do not.  What would be no text, or no number of groups, is cut. */
SYSCALL(proc_set)
{
	struct proc_attr new;
	struct spinlock *lock;
	struct proc *p;
	int rc = -ESRCH;

	if (current_proc()->port != pm_port) return -EPERM;
	if (a3 > sizeof(new) || a5 > sizeof(new) - a3) return -EINVAL;
	if (copy_in(&new, a4, a5)) return -EFAULT;
	p = proc_find(a1);
	if (!p) return -ESRCH;
	lock = a3 < offsetof(struct proc_attr, pgid) ? &p->lock : &proc_tree_lock;
	spin_lock(lock);
	spin_lock(&pm_port->lock);
	if (p->start_ns == a2 && kmsg_find_locked(pm_port, a0)) {
		memcpy((char *)&p->attr + a3, &new, a5);
		p->ngroups = MIN(p->ngroups, PROC_GROUPS);
		p->name[sizeof(p->name) - 1] = 0;
		rc = 0;
	}
	spin_unlock(&pm_port->lock);
	spin_unlock(lock);
	if (!rc && a3 == offsetof(struct proc_attr, rlimit[RLIMIT_CPU])) cpu_limit_set(p);
	proc_unref(p);
	return rc;
}

SYSCALL(timer_signal)
{
	struct timer_signal s;
	struct proc *p;
	long rc;

	if (current_proc()->port != pm_port) return -EPERM;
	if (copy_in(&s, a0, sizeof(s))) return -EFAULT;
	if (s.signo < 1 || s.signo > NSIG) return -EINVAL;
	p = proc_find(s.pid);
	if (!p) return -ESRCH;
	rc = signal_timer(p, &s, a1);
	proc_unref(p);
	return rc;
}

SYSCALL(time_set)
{
	if (current_proc()->port != pm_port) return -EPERM;
	time_real_set(a0);
	return 0;
}
