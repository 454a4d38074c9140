/* SPDX-License-Identifier: MIT */
/* kernel/sys_proc.c - RING 0 - a process's numbers, a thread's registers, words and CPUs.
 *
 * Path:  syscall.c > [sys_proc.c] > sched.c
 * Locks: proc->lock around others' threads.
 */
#include "kernel/syscalls.h"

SYSCALL(getpid) { return current_proc()->pid; }
SYSCALL(gettid) { return current_thread()->tid; }
SYSCALL(getuid) { return current_proc()->uid; }
SYSCALL(geteuid) { return current_proc()->euid; }
SYSCALL(getgid) { return current_proc()->gid; }
SYSCALL(getegid) { return current_proc()->egid; }
SYSCALL(getppid) { return current_proc()->ppid; }

/* ---- this thread */

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

SYSCALL(arch_prctl)
{
	struct thread *t = current_thread();
	bool fs = a0 == ARCH_SET_FS || a0 == ARCH_GET_FS;
	uint32_t msr = fs ? MSR_FS_BASE : MSR_KERNEL_GS_BASE;
	uint64_t base = rdmsr(msr);

	if (a0 < ARCH_SET_GS || a0 > ARCH_GET_GS) return -EINVAL;
	if (a0 == ARCH_GET_FS || a0 == ARCH_GET_GS) return copy_out(a1, &base, sizeof(base));
	if (a1 >= USER_TOP) return -EPERM;      /* a base that is not canonical would fault in wrmsr */
	*(fs ? &t->fs_base : &t->gs_base) = a1;
	wrmsr(msr, a1);
	return 0;
}

SYSCALL(set_tid_address)
{
	current_thread()->clear_tid = a0;
	return current_thread()->tid;
}

SYSCALL(set_robust_list)
{
	if (a1 != 24) return -EINVAL;
	current_thread()->robust = a0;
	return 0;
}

/* ---- where a thread runs */

SYSCALL(sched_yield)
{
	thread_yield();
	return 0;
}

/* It leaves a CPU that it may not run on when it next goes to ring 3. */
SYSCALL(thread_bind, pid, tid, set)
{
	PROC_HELD struct proc *p = proc_find(pid, false);
	struct thread *t;

	set &= BIT(ncpus) - 1;
	if (!set) return -EINVAL;
	if (!p) return -ESRCH;
	SPIN_HELD(&p->lock);
	t = thread_from_locked(p, tid);
	if (!t || t->tid != tid) return -ESRCH;
	thread_bind(t, set);
	return 0;
}
