/* SPDX-License-Identifier: MIT */
/* kernel/sys_proc.c - RING 0 - a process's numbers, limits and settings; and about the machine.
 *
 * Path:  syscall.c > [sys_proc.c]
 * Locks: proc_tree_lock around the parent; proc->lock around limits.
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

/* ---- limits */

/* prlimit(2): of another process with all the same ids, or for root.  A reference; -ESRCH, -EPERM */
static int limit_target(int pid, struct proc **out)
{
	struct proc *self = current_proc(), *p = proc_find(pid ? (uint32_t)pid : self->pid);
	bool same;

	if (!p) return -ESRCH;
	same = self->uid == p->uid && self->uid == p->euid && self->uid == p->suid &&
	       self->gid == p->gid && self->gid == p->egid && self->gid == p->sgid;
	*out = p;
	if (p == self || !self->euid || same) return 0;
	proc_unref(p);
	return -EPERM;
}

static long limit(int pid, uint64_t which, uaddr_t set, uaddr_t get)
{
	struct proc *p;
	uint64_t new[2], old[2];
	int rc;

	if (which >= ARRAY_LEN(p->rlimit)) return -EINVAL;
	if (set && copy_in(new, set, sizeof(new))) return -EFAULT;
	if (set && new[0] > new[1]) return -EINVAL;
	if (set && which == RLIMIT_NOFILE && new[1] > FD_MAX) return -EPERM;
	rc = limit_target(pid, &p);
	if (rc) return rc;

	spin_lock(&p->lock);
	memcpy(old, p->rlimit[which], sizeof(old));
	if (set && new[1] > old[1] && current_proc()->euid) rc = -EPERM;
	else if (set) memcpy(p->rlimit[which], new, sizeof(new));
	spin_unlock(&p->lock);
	if (!rc && set && which == RLIMIT_CPU) cpu_limit_set(p);
	proc_unref(p);
	return !rc && get ? copy_out(get, old, sizeof(old)) : rc;
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

/* ---- prctl: the common part, and little of that means anything here */

enum {
	PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG = 2, PR_GET_DUMPABLE = 3, PR_SET_DUMPABLE = 4, PR_SET_NAME = 15,
	PR_GET_NAME = 16, PR_CAPBSET_READ = 23, PR_SET_CHILD_SUBREAPER = 36, PR_GET_CHILD_SUBREAPER = 37,
	PR_SET_NO_NEW_PRIVS = 38, PR_GET_NO_NEW_PRIVS = 39, PR_GET_TID_ADDRESS = 40,
};

static long prctl_name(bool set, uaddr_t at)
{
	struct proc *p = current_proc();
	char name[16] = "";

	if (!set) {
		kstrlcpy(name, p->name, sizeof(name));
		return copy_out(at, name, sizeof(name));
	}
	if (copy_in_str(name, at, sizeof(name)) == -EFAULT) return -EFAULT;
	name[sizeof(name) - 1] = 0;
	kstrlcpy(p->name, name, sizeof(p->name));
	return 0;
}

static long prctl_set(struct proc *p, int what, uint64_t v)
{
	if (what == PR_SET_PDEATHSIG ? v > NSIG : what != PR_SET_CHILD_SUBREAPER && v > 1) return -EINVAL;
	if (what == PR_SET_PDEATHSIG) p->pdeath_signal = v;
	if (what == PR_SET_DUMPABLE) p->dumpable = v;
	if (what == PR_SET_CHILD_SUBREAPER) p->subreaper = v;
	if (what == PR_SET_NO_NEW_PRIVS && !v) return -EINVAL;
	if (what == PR_SET_NO_NEW_PRIVS) p->no_new_privs = true;
	return 0;
}

SYSCALL(prctl)
{
	struct proc *p = current_proc();
	int32_t signo = p->pdeath_signal, reaper = p->subreaper;

	switch ((int)a0) {
	case PR_SET_NAME:
	case PR_GET_NAME: return prctl_name(a0 == PR_SET_NAME, a1);
	case PR_GET_PDEATHSIG: return copy_out(a1, &signo, sizeof(signo));
	case PR_GET_CHILD_SUBREAPER: return copy_out(a1, &reaper, sizeof(reaper));
	case PR_GET_TID_ADDRESS: return copy_out(a1, &current_thread()->clear_tid, sizeof(uaddr_t));
	case PR_GET_DUMPABLE: return p->dumpable;
	case PR_CAPBSET_READ: return a1 > 40 ? -EINVAL : 1;
	case PR_SET_NO_NEW_PRIVS:
	case PR_GET_NO_NEW_PRIVS:
		if (a2 | a3 | a4 || (a0 == PR_GET_NO_NEW_PRIVS && a1)) return -EINVAL;
		if (a0 == PR_GET_NO_NEW_PRIVS) return p->no_new_privs;
		return prctl_set(p, a0, a1);
	case PR_SET_PDEATHSIG:
	case PR_SET_DUMPABLE:
	case PR_SET_CHILD_SUBREAPER: return prctl_set(p, a0, a1);
	}
	return -EINVAL;
}

/* Bits that change a program's memory layout and the like are kept and mean nothing. */
SYSCALL(personality)
{
	uint32_t old = current_proc()->personality;

	if ((uint32_t)a0 != UINT32_MAX) current_proc()->personality = a0;
	return old;
}

/* ---- the machine */

static struct utsname uts = {"Quire", "quire", "1.0", "#1", "x86_64", "(none)"};       /* [uts_lock] */
static struct spinlock uts_lock = SPINLOCK_INIT(RANK_HANDLE, "uname");

SYSCALL(uname)
{
	struct utsname u;

	spin_lock(&uts_lock);
	u = uts;
	spin_unlock(&uts_lock);
	return copy_out(a0, &u, sizeof(u));
}

static long uts_set(char *name, uaddr_t from, uint64_t len)
{
	char new[sizeof(uts.nodename)] = "";

	if (current_proc()->euid) return -EPERM;
	if (len >= sizeof(new)) return -EINVAL;
	if (copy_in(new, from, len)) return -EFAULT;
	spin_lock(&uts_lock);
	memcpy(name, new, sizeof(new));
	spin_unlock(&uts_lock);
	return 0;
}

SYSCALL(sethostname) { return uts_set(uts.nodename, a0, a1); }
SYSCALL(setdomainname) { return uts_set(uts.domainname, a0, a1); }

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
