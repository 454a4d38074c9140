/* SPDX-License-Identifier: MIT */
/* kernel/proc.c - RING 0 - processes: birth and death; what a thread says of itself; its sleep.  Families are
 * user/pm/family.c's.
 *
 *   proc_create() -> proc_publish() ~note~> ... proc_exit(): zombie ~note~> user/pm ~proc_reap~> gone
 *   stopped <-> continued: signal.c
 *
 * Locks: proc_tree_lock: the list of all.  proc->lock: threads, signals, stops, identity.
 *        Neither is taken inside the other.
 *
 * T1  A process is on all_procs from proc_publish() until proc_reap().
 * T2  The process manager hears of a birth before the child runs, and of an end when nothing but the zombie is left.
 *     The memory for both notes is there from the start: neither can fail.
 * T3  A thread that has left its process (thread->proc NULL) touches nothing of it any more. */
#include "kernel/syscalls.h"
#include "mm/map.h"

struct spinlock proc_tree_lock = SPINLOCK_INIT(RANK_PROC, "process tree");
struct list all_procs = LIST_INIT(all_procs);
uint32_t proc_last_pid = PID_INIT - 1;   /* the first process that is made is init */
uint64_t proc_births;

struct thread *proc_create(void)
{
	struct proc *p = kalloc(sizeof(*p));
	struct thread *t = NULL;

	if (!p) return NULL;
	p->handles.lock = SPINLOCK_INIT(RANK_HANDLE, "handles");
	p->refs = 1;
	p->start_ns = time_mono();
	p->lock = SPINLOCK_INIT(RANK_PROC, "process");
	mutex_init(&p->files_lock, RANK_FILE, "descriptors");
	waitq_init(&p->wait);
	list_init(&p->threads);
	list_init(&p->pending.queue);
	p->born = kalloc(sizeof(*p->born));
	p->ended = kalloc(sizeof(*p->ended));
	if (p->born && p->ended) t = proc_thread(p);
	if (!t) proc_unref(p);
	return t;
}

void proc_ref(struct proc *p) { __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED); }

void proc_unref(struct proc *p)
{
	if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL)) return;
	sigqueue_flush_locked(p, &p->pending, ~0ull, false);
	kfree(p->born);
	kfree(p->ended);
	kfree(p);
}

/* The first process with this pid or a larger one. => tree lock held */
static struct proc *proc_from_locked(uint32_t pid)
{
	list_each(struct proc, p, &all_procs, all_link)
		if (p->pid >= pid) return p;
	return NULL;
}

/* T2: the note is the port's from here on, and who hears of an end finds a zombie. */
static void pm_note(struct note **told, uint64_t what, uint64_t more)
{
	struct note *n = *told;

	*told = NULL;
	n->word[0] = what;
	n->word[1] = more;
	ipc_note(pm_port, n);
}

/* The number that the process manager proposed is in use only if it has not heard of that birth: then the next one,
 * which might be a group's whose leader is gone. */
void proc_publish(struct proc *p, const struct proc *parent, uint32_t pid, uint64_t note)
{
	struct thread *t = container_of(p->threads.next, struct thread, proc_link);
	struct proc *after;

	spin_lock(&proc_tree_lock);
	p->pid = pid ? pid : proc_last_pid + 1;
	while ((after = proc_from_locked(p->pid)) && after->pid == p->pid) p->pid++;
	t->tid = proc_last_pid = p->pid;
	proc_births++;
	list_push_back(after ? &after->all_link : &all_procs, &p->all_link);
	if (!parent) p->pgid = p->sid = p->pid;
	spin_unlock(&proc_tree_lock);
	if (parent) pm_note(&p->born, PM_BORN | note | (uint64_t)p->pid << 32, parent->pid);
}

struct proc *proc_find(uint32_t pid, bool or_next)
{
	struct proc *p;

	SPIN_HELD(&proc_tree_lock);
	p = proc_from_locked(pid);
	if (!p || (p->pid != pid && !or_next)) return NULL;
	proc_ref(p);
	return p;
}

struct thread *proc_thread(struct proc *p)
{
	struct thread *t;

	SPIN_HELD(&p->lock);
	t = p->exiting || p->survivor ? NULL : thread_create(p, NULL, NULL);
	if (!t) return NULL;
	t->program = true;
	t->sig_stack.flags = SS_DISABLE;
	list_push_back(&p->threads, &t->proc_link);
	return t;
}

void proc_program_set(struct proc *p, struct map *m, struct file *exe)
{
	struct map *old = p->map;
	struct file *old_exe = p->exe;

	spin_lock(&p->lock);
	if (old) p->used.maxrss = MAX(p->used.maxrss, old->pmap.peak);
	p->map = m;
	p->exe = exe;
	map_switch(m);
	waitq_wake_all(&p->wait);
	spin_unlock(&p->lock);
	if (old) map_put(old);
	if (old_exe) file_put(old_exe);
}

struct usage thread_usage(struct thread *t)
{
	struct usage u = t->used;

	u.cpu_ns = thread_cpu_ns(t);
	if (t->sys_since) u.sys_ns += u.cpu_ns - t->sys_since;
	u.sys_ns = MIN(u.sys_ns, u.cpu_ns);
	return u;
}

/* ---- the end */

/* All that it has goes but its pid; who knows whose child it was says when nobody will wait for it any more. */
static void proc_bury(struct proc *p)
{
	int sig = p->exit_status & 0x7f;

	files_close(p, false);
	if (p->disk) device_stop(p->disk);      /* D2 of main.c */
	if (p->port) {                  /* its callers have -EIO, the log says why; without init there is no system */
		port_die(p->port);
		kprintf("quire: server %s died: ", p->name);
		kprintf(sig ? "signal %d\n" : "exit status %d\n", sig ? sig : p->exit_status >> 8);
		if (p->pid == PID_INIT) sys_machine_stop(1, 0, 0, 0, 0, 0);
	}
	handles_destroy(&p->handles);
	proc_program_set(p, NULL, NULL);
	if (p->trace) file_put(p->trace);
	pm_note(&p->ended, PM_ENDED | (uint64_t)p->pid << 32, 0);
	if (p->sid == p->pid) port_notify(fs_port, NOTIFY_SESSION);
}

void proc_end_locked(struct proc *p, int status)
{
	if (!p->exiting) p->exit_status = status;
	p->exiting = true;
	threads_interrupt_locked(p);
	waitq_wake_all(&p->wait);               /* who is stopped looks whether to end */
}

/* What other threads, or processes, may be waiting for in memory that they share with this one. */
void thread_memory_leave(struct thread *t)
{
	uint32_t zero = 0;

	futex_robust_exit(t);
	if (t->clear_tid && !copy_out(t->clear_tid, &zero, sizeof(zero))) futex_wake_one(t->clear_tid);
}

/* whole: all others of the process shall end, too. */
__attribute__((noreturn)) static void thread_end(int status, bool whole)
{
	struct thread *t = current_thread();
	struct proc *p = t->proc;
	bool last;

	proc_ref(p);                    /* the zombie may be reaped on another CPU before we are done with it */
	thread_memory_leave(t);
	spin_lock(&p->lock);
	list_remove(&t->proc_link);
	last = list_empty(&p->threads);
	usage_add(&p->used, thread_usage(t));
	sigqueue_flush_locked(p, &t->pending, ~0ull, false);
	if (whole || last) proc_end_locked(p, status);
	waitq_wake_all(&p->wait);               /* proc_alone() */
	spin_unlock(&p->lock);
	if (last) proc_bury(p);
	/* T3: from here on a kernel thread, on the kernel's own page tables */
	irq_disable();
	map_switch(NULL);
	t->proc = NULL;
	irq_enable();
	proc_unref(p);
	thread_exit();
}

void proc_exit(int status) { thread_end(status, true); }
void proc_thread_exit(int status) { thread_end(status, false); }

SYSCALL(exit) { proc_thread_exit((a0 & 0xff) << 8); }
SYSCALL(exit_group) { proc_exit((a0 & 0xff) << 8); }

/* Nobody will wait for this zombie: its pid is free. */
SYSCALL(proc_reap, pid)
{
	struct proc *p;

	SPIN_HELD(&proc_tree_lock);
	p = proc_from_locked(pid);
	if (!p || p->pid != pid || p->ended) return -ESRCH;
	list_remove(&p->all_link);
	proc_unref(p);
	return 0;
}

/* ---- what a thread asks about itself */

SYSCALL(getpid) { return current_proc()->pid; }
SYSCALL(gettid) { return current_thread()->tid; }
SYSCALL(getuid) { return current_proc()->uid; }
SYSCALL(geteuid) { return current_proc()->euid; }
SYSCALL(getgid) { return current_proc()->gid; }
SYSCALL(getegid) { return current_proc()->egid; }
SYSCALL(getppid) { return current_proc()->ppid; }

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
	if (a1 != sizeof(struct robust_head)) return -EINVAL;
	current_thread()->robust = a0;
	return 0;
}

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

/* ---- sleeping */

#define NS 1000000000ll
#define SEC_MAX (INT64_MAX / NS / 2)    /* longer sleeps than 146 years end then */

int thread_sleep_until(uint64_t until, bool interruptible)
{
	int rc = 0;

	while (!rc) rc = sched_sleep(NULL, until, interruptible);
	return rc;
}

void thread_sleep(uint64_t ns) { thread_sleep_until(time_mono() + ns, false); }

int deadline_in(uaddr_t from, uint32_t unit, int64_t since, uint64_t *deadline)
{
	struct timespec ts;

	*deadline = WAIT_FOREVER;
	if (!from) return 0;
	if (copy_in(&ts, from, sizeof(ts))) return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= NS / unit) return -EINVAL;
	*deadline = MAX(since + MIN(ts.sec, SEC_MAX) * NS + ts.nsec * unit, 0);
	return 0;
}

int deadline_out(uaddr_t to, uint32_t unit, uint64_t deadline)
{
	int64_t left = MAX((int64_t)(deadline - time_mono()), 0);
	struct timespec ts = {left / NS, left % NS / unit};

	return to ? copy_out(to, &ts, sizeof(ts)) : 0;
}

/* Interrupted by a handler it tells what is left; after a mere stop it goes on to the same end.  Of a clock that may be
 * set, or stands still while nothing runs, the process manager says how long until it is asked again (PM_SLEEP). */
SYSCALL(clock_nanosleep)
{
	bool absolute = a1 & TIMER_ABSTIME, real = (int)a0 == CLOCK_REALTIME && !absolute;
	bool steady = real || (int)a0 == CLOCK_MONOTONIC || (int)a0 == CLOCK_BOOTTIME;
	struct thread *t = current_thread();
	uint64_t end = t->sleep_until;
	long left, rc;

	t->sleep_until = 0;
	if (steady && !a2) return -EFAULT;
	rc = steady && !end ? deadline_in(a2, 1, absolute ? 0 : time_mono(), &end) : 0;
	if (rc) return rc;
	do {
		KMSG_HELD struct kmsg k = {0};

		left = steady ? (long)(end - time_mono()) : pm_forward(pm_port, &k, (uint64_t[]){a0, a1, a2, end, 0, 0});
		if (!steady) end = k.m.arg[1];
		if (left <= 0) return steady ? 0 : left;       /* over; or an errno of the process manager's */
	} while (thread_sleep_until(time_mono() + left, true) != -EINTR);
	if (steady && !absolute && deadline_out(a3, 1, end)) return -EFAULT;
	t->sleep_until = end;
	return -ERESTARTNOHAND;
}

SYSCALL(nanosleep) { return sys_clock_nanosleep(CLOCK_REALTIME, 0, a0, a1, 0, 0); }
