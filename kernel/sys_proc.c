/* SPDX-License-Identifier: MIT */
/* kernel/sys_proc.c - RING 0 - who a process is: numbers, users, groups, sessions, limits; and about the machine.
 *
 * Path:  syscall.c > [sys_proc.c]
 * Locks: proc_tree_lock around process groups and sessions; proc->lock around identity and limits.
 */
#include "kernel/console.h"
#include "kernel/fpu.h"
#include "kernel/name.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"
#include "mm/vmo.h"

SYSCALL(getpid) { return current_proc()->pid; }
SYSCALL(gettid) { return current_thread()->tid; }

SYSCALL(getppid)
{
	long pid;

	spin_lock(&proc_tree_lock);
	pid = current_proc()->parent ? current_proc()->parent->pid : 0;
	spin_unlock(&proc_tree_lock);
	return pid;
}

SYSCALL(getuid) { return current_proc()->uid; }
SYSCALL(geteuid) { return current_proc()->euid; }
SYSCALL(getgid) { return current_proc()->gid; }
SYSCALL(getegid) { return current_proc()->egid; }

SYSCALL(getgroups)
{
	return 0;                       /* no supplementary groups */
}

/* Three identities, -1 keeps one; without root each must be one that the process has (setresuid(2)). */
static long ids_set(uint32_t *real, uint32_t *effective, uint32_t *saved, const uint64_t want[3])
{
	struct proc *p = current_proc();
	uint32_t *id[3] = {real, effective, saved}, have[3] = {*real, *effective, *saved};

	for (int i = 0; i < 3; i++) {
		uint32_t w = want[i];

		if (w != UINT32_MAX && p->euid && w != have[0] && w != have[1] && w != have[2]) return -EPERM;
	}

	spin_lock(&p->lock);
	for (int i = 0; i < 3; i++)
		if ((uint32_t)want[i] != UINT32_MAX) *id[i] = want[i];
	spin_unlock(&p->lock);
	return 0;
}

SYSCALL(setresuid)
{
	struct proc *p = current_proc();

	return ids_set(&p->uid, &p->euid, &p->suid, (uint64_t[]){a0, a1, a2});
}

SYSCALL(setresgid)
{
	struct proc *p = current_proc();

	return ids_set(&p->gid, &p->egid, &p->sgid, (uint64_t[]){a0, a1, a2});
}

/* setuid: root changes all three, others the effective one alone (POSIX). */
SYSCALL(setuid)
{
	struct proc *p = current_proc();
	uint64_t keep = p->euid ? UINT32_MAX : a0;

	return ids_set(&p->uid, &p->euid, &p->suid, (uint64_t[]){keep, a0, keep});
}

SYSCALL(setgid)
{
	struct proc *p = current_proc();
	uint64_t keep = p->euid ? UINT32_MAX : a0;

	return ids_set(&p->gid, &p->egid, &p->sgid, (uint64_t[]){keep, a0, keep});
}

/* ---- process groups and sessions */

static long group_of(uint32_t pid, bool session)
{
	struct proc *p = pid ? proc_find(pid) : current_proc();
	long id;

	if (!p) return -ESRCH;
	id = session ? p->sid : p->pgid;
	if (pid) proc_unref(p);
	return id;
}

SYSCALL(getpgrp) { return group_of(0, false); }
SYSCALL(getpgid) { return group_of(a0, false); }
SYSCALL(getsid) { return group_of(a0, true); }

/* POSIX setpgid: oneself or a child, within the session, into a group of one's own or one that is there. */
static long pgid_set(struct proc *p, uint32_t pgid)
{
	struct proc *self = current_proc(), *member = NULL;
	uint32_t pid = 0;
	bool found = pgid == p->pid;
	long rc = 0;

	while (!found && (member = proc_next(pid))) {
		found = member->pgid == pgid && member->sid == self->sid;
		pid = member->pid;
		proc_unref(member);
	}
	spin_lock(&proc_tree_lock);
	if (p != self && p->parent != self) rc = -ESRCH;
	else if (p->sid != self->sid || p->sid == p->pid || !found) rc = -EPERM;
	else p->pgid = pgid;
	spin_unlock(&proc_tree_lock);
	return rc;
}

SYSCALL(setpgid)
{
	struct proc *p;
	long rc;

	if ((int)a0 < 0 || (int)a1 < 0) return -EINVAL;
	p = proc_find(a0 ? (uint32_t)a0 : current_proc()->pid);
	if (!p) return -ESRCH;
	rc = pgid_set(p, a1 ? (uint32_t)a1 : p->pid);
	proc_unref(p);
	return rc;
}

SYSCALL(setsid)
{
	struct proc *p = current_proc();
	long rc = p->pid;

	spin_lock(&proc_tree_lock);
	if (p->pgid == p->pid) rc = -EPERM;
	else p->pgid = p->sid = p->pid;
	spin_unlock(&proc_tree_lock);
	return rc;
}

/* ---- limits */

static long limit(int pid, uint64_t which, uaddr_t set, uaddr_t get)
{
	struct proc *p = current_proc();
	uint64_t new[2], old[2];

	if (pid && (uint32_t)pid != p->pid) return -ESRCH;
	if (which >= ARRAY_LEN(p->rlimit)) return -EINVAL;
	if (set && copy_in(new, set, sizeof(new))) return -EFAULT;
	if (set && new[0] > new[1]) return -EINVAL;
	if (set && which == RLIMIT_NOFILE && new[1] > FD_MAX) return -EPERM;
	if (set && new[1] > p->rlimit[which][1] && p->euid) return -EPERM;

	spin_lock(&p->lock);
	memcpy(old, p->rlimit[which], sizeof(old));
	if (set) memcpy(p->rlimit[which], new, sizeof(new));
	spin_unlock(&p->lock);
	return get ? copy_out(get, old, sizeof(old)) : 0;
}

SYSCALL(getrlimit) { return limit(0, a0, 0, a1); }
SYSCALL(setrlimit) { return limit(0, a0, a1, 0); }
SYSCALL(prlimit64) { return limit(a0, a1, a2, a3); }

/* ---- this thread */

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004
#define MSR_FS_BASE 0xc0000100u
#define MSR_KERNEL_GS_BASE 0xc0000102u  /* holds ring 3's while ring 0 runs (SWAPGS) */

SYSCALL(arch_prctl)
{
	struct thread *t = current_thread();
	bool fs = a0 == ARCH_SET_FS || a0 == ARCH_GET_FS;
	uint32_t msr = fs ? MSR_FS_BASE : MSR_KERNEL_GS_BASE;
	uint64_t base;

	if (a0 < ARCH_SET_GS || a0 > ARCH_GET_GS) return -EINVAL;
	if (a0 == ARCH_GET_FS || a0 == ARCH_GET_GS) {
		base = rdmsr(msr);
		return copy_out(a1, &base, sizeof(base));
	}
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

/* Of the calling thread alone: C libraries ask to learn whether there are robust lists at all. */
SYSCALL(get_robust_list)
{
	uint64_t size = 24;

	if (a0 && (uint32_t)a0 != current_thread()->tid) return -EPERM;
	if (copy_out(a1, &current_thread()->robust, sizeof(uaddr_t)) || copy_out(a2, &size, sizeof(size))) return -EFAULT;
	return 0;
}

/* C libraries ask for these and do without; so the answer is not worth a line in the log. */
SYSCALL(rseq) { return -ENOSYS; }
SYSCALL(clone3) { return -ENOSYS; }

SYSCALL(sched_yield)
{
	thread_yield();
	return 0;
}

SYSCALL(sched_getaffinity)
{
	uint64_t mask = BIT(ncpus) - 1;

	if (a1 < sizeof(mask)) return -EINVAL;
	return copy_out(a2, &mask, sizeof(mask)) ? -EFAULT : (long)sizeof(mask);
}

SYSCALL(getcpu)
{
	uint32_t cpu = this_cpu()->id, node = 0;

	if (a0 && copy_out(a0, &cpu, sizeof(cpu))) return -EFAULT;
	return a1 ? copy_out(a1, &node, sizeof(node)) : 0;
}

#define PR_SET_NAME 15
#define PR_GET_NAME 16

SYSCALL(prctl)
{
	struct proc *p = current_proc();
	char name[16] = "";
	int n;

	if (a0 == PR_GET_NAME) {
		kstrlcpy(name, p->name, sizeof(name));
		return copy_out(a1, name, sizeof(name));
	}
	if (a0 != PR_SET_NAME) return -EINVAL;
	n = copy_in_str(name, a1, sizeof(name));
	if (n == -EFAULT) return n;
	name[sizeof(name) - 1] = 0;
	kstrlcpy(p->name, name, sizeof(p->name));
	return 0;
}

SYSCALL(personality) { return a0 == 0 || (uint32_t)a0 == UINT32_MAX ? 0 : -EINVAL; }

/* ---- the machine */

SYSCALL(uname)
{
	struct utsname u = {"Quire", "quire", "1.0", "#1", "x86_64", "(none)"};

	return copy_out(a0, &u, sizeof(u));
}

SYSCALL(sysinfo)
{
	struct sysinfo s = {
		.uptime = time_mono() / 1000000000, .mem_unit = PAGE_SIZE,
		.totalram = frame_total(), .freeram = frame_free_count(),
	};
	struct proc *p;

	for (uint32_t pid = 0; (p = proc_next(pid)); proc_unref(p)) {
		pid = p->pid;
		s.procs++;
	}
	return copy_out(a0, &s, sizeof(s));
}

/* RDRAND where there is one (SDM 1 7.3.17; it may fail now and then), mixed with the clock by a multiplicative hash.
 * Without RDRAND the clock is all there is: good for hash seeds, not for secrets. */
static uint64_t random_word(void)
{
	static uint64_t state;
	uint32_t r[4];
	uint64_t v = 0;
	uint8_t ok = 0;

	cpuid(1, 0, r);
	for (int i = 0; (r[2] & BIT(30)) && !ok && i < 10; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(v), "=qm"(ok));
	state = (state ^ rdtsc()) * 0x9e3779b97f4a7c15ull;
	state ^= state >> 29;
	return v ^ state;
}

void random_fill(void *buf, size_t n)
{
	for (size_t done = 0; done < n; done += 8) {
		uint64_t w = random_word();

		memcpy((char *)buf + done, &w, MIN(n - done, sizeof(w)));
	}
}

SYSCALL(getrandom)
{
	uint64_t len = MIN(a1, RW_MAX), done = 0;
	uint8_t piece[64];

	if (a2 & ~7ull) return -EINVAL;
	while (done < len) {
		uint64_t n = MIN(len - done, sizeof(piece));

		random_fill(piece, n);
		if (copy_out(a0 + done, piece, n)) return done ? (long)done : -EFAULT;
		done += n;
		if (thread_has_signal(current_thread())) break;
	}
	return done;
}

/* reboot(2): the power goes off, after everything dirty went to the disk. */
SYSCALL(reboot)
{
	if (current_proc()->euid) return -EPERM;
	if ((uint32_t)a0 != 0xfee1dead) return -EINVAL;
	if ((uint32_t)a2 != 0x4321fedc && (uint32_t)a2 != 0xcdef0123 && (uint32_t)a2 != 0x01234567) return -EINVAL;
	vmo_sync_all();
	name_sync(0);
	machine_stop(0);
}
