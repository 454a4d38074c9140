/* SPDX-License-Identifier: MIT */
/* kernel/proc.c - RING 0 - processes: birth, family, death, and the wait for it.
 *
 *   proc_create() -> proc_publish() -> ... -> proc_exit(): zombie -> wait.c by the parent: gone
 *   stopped <-> continued: signal.c; told to the parent through `report`
 *
 * Locks: proc_tree_lock: the list of all, the families, zombies and stops.  proc->lock: threads, signals, identity.
 *        Neither is taken inside the other.
 *
 * T1  A process is on all_procs from proc_publish() until it is waited for, or dies without a parent who wants to know.
 * T2  Children of a dead process belong to init.
 * T3  A thread that has left its process (thread->proc NULL) touches nothing of it any more.
 * T4  A dead child is waited for only after its parent's signal is queued: until then who looks sleeps. */
#include "kernel/proc.h"

#include "kernel/console.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"
#include "mm/map.h"

#define PID_INIT 1
#define PID_MAX  65536                  /* more than three for each process that there may be (fork.c) */

struct spinlock proc_tree_lock = SPINLOCK_INIT(RANK_PROC, "process tree");
struct list all_procs = LIST_INIT(all_procs);
uint32_t proc_last_pid = PID_INIT;
uint64_t proc_births;

static struct proc *proc_of(struct list *l) { return container_of(l, struct proc, all_link); }

struct proc *proc_create(const char *name, struct proc *parent)
{
	struct proc *p = kalloc(sizeof(*p));

	if (!p) return NULL;
	handles_init(&p->handles);
	p->refs = 1;
	p->parent = parent;
	p->start_ns = time_mono();
	p->umask = 022;
	p->exit_signal = SIGCHLD;
	p->dumpable = true;
	kstrlcpy(p->name, name, sizeof(p->name));
	spin_init(&p->lock, RANK_PROC, "process");
	mutex_init(&p->files_lock, RANK_FILE, "descriptors");
	waitq_init(&p->wait);
	waitq_init(&p->threads_wait);
	list_init(&p->all_link);
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->threads);
	list_init(&p->pending.queue);
	mutex_init(&p->cpu_limit_lock, RANK_FILE, "CPU limit");
	memset(p->rlimit, 0xff, sizeof(p->rlimit));     /* RLIM_INFINITY; init sets what programs inherit */
	return p;
}

void proc_ref(struct proc *p) { __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED); }

void proc_unref(struct proc *p)
{
	if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL)) return;
	sigqueue_flush_locked(p, &p->pending, ~0ull);
	kfree(p);
}

/* The first process with this pid or a larger one. => tree lock held */
struct proc *proc_from_locked(uint32_t pid)
{
	list_for(l, &all_procs)
		if (proc_of(l)->pid >= pid) return proc_of(l);
	return NULL;
}

/* Not that of a group or session either, which outlives its leader: whoever got it would be their leader. */
static uint32_t pid_choose_locked(void)
{
	static uint64_t used[PID_MAX / 64];     /* [P] */

	memset(used, 0, sizeof(used));
	list_for(l, &all_procs) {
		const uint32_t id[] = {proc_of(l)->pid, proc_of(l)->pgid, proc_of(l)->sid};

		for (size_t i = 0; i < ARRAY_LEN(id); i++) used[id[i] % PID_MAX / 64] |= BIT(id[i] % 64);
	}
	do proc_last_pid = proc_last_pid + 1 >= PID_MAX ? PID_INIT + 1 : proc_last_pid + 1;
	while (used[proc_last_pid / 64] & BIT(proc_last_pid % 64));
	return proc_last_pid;
}

void proc_publish(struct proc *p, bool sibling)
{
	struct thread *t = container_of(p->threads.next, struct thread, proc_link);
	struct proc *after, *from = p->parent;

	spin_lock(&proc_tree_lock);
	if (sibling && from->parent) {
		p->exit_signal = from->exit_signal;
		p->parent = from->parent;
	}
	p->pid = p->server && !strcmp(p->name, "init") ? PID_INIT : pid_choose_locked();
	t->tid = p->pid;
	proc_births++;
	after = proc_from_locked(p->pid);
	list_push_back(after ? &after->all_link : &all_procs, &p->all_link);
	if (p->parent) {
		list_push_back(&p->parent->children, &p->sibling);
		p->pgid = from->pgid;
		p->sid = from->sid;
	} else {
		p->pgid = p->sid = p->pid;
	}
	spin_unlock(&proc_tree_lock);
}

struct proc *proc_next(uint32_t pid)
{
	struct proc *p;

	spin_lock(&proc_tree_lock);
	for (p = proc_from_locked(pid + 1); p && p->dead; p = proc_from_locked(p->pid + 1)) { }
	if (p) proc_ref(p);
	spin_unlock(&proc_tree_lock);
	return p;
}

struct proc *proc_find(uint32_t pid)
{
	struct proc *p;

	spin_lock(&proc_tree_lock);
	p = proc_from_locked(pid);
	if (p && p->pid != pid) p = NULL;
	if (p) proc_ref(p);
	spin_unlock(&proc_tree_lock);
	return p;
}

struct thread *proc_thread(struct proc *p)
{
	struct thread *t = thread_create(p, NULL, NULL, NULL);

	if (!t) return NULL;
	t->reserve = p->server;
	t->sig_stack.flags = SS_DISABLE;
	spin_lock(&p->lock);
	if (p->exiting || p->survivor) {
		spin_unlock(&p->lock);
		thread_free(t);
		return NULL;
	}
	list_push_back(&p->threads, &t->proc_link);
	p->nthreads++;
	spin_unlock(&p->lock);
	return t;
}

void proc_map_release(struct proc *p)
{
	spin_lock(&proc_tree_lock);
	p->borrowed_map = false;
	waitq_wake_all(&p->wait);
	spin_unlock(&proc_tree_lock);
}

/* ---- the end */

/* All that a process has, but its place in the family. */
static void proc_strip(struct proc *p)
{
	struct map *m = p->map;
	struct file *exe = p->exe;

	cpu_limit_set(p);
	if (m) p->used.maxrss = MAX(p->used.maxrss, m->pmap.peak);
	files_close(p, false);
	if (p->port) port_die(p->port);
	handles_destroy(&p->handles);
	if (p->port) kobj_unref(&p->port->obj);
	p->port = NULL;
	spin_lock(&p->lock);
	p->map = NULL;
	p->exe = NULL;
	map_switch(NULL);
	spin_unlock(&p->lock);
	if (m) map_put(m);
	if (exe) file_put(exe);
	if (p->trace) file_put(p->trace);
	proc_map_release(p);
}

/* Does nobody want to know how it ended?  POSIX sigaction: SIGCHLD ignored, SA_NOCLDWAIT. => tree lock held */
static bool unwanted_locked(const struct proc *p)
{
	const struct sigaction_k *a = p->parent ? &p->parent->action[SIGCHLD] : NULL;

	return !a || (p->exit_signal == SIGCHLD && (a->handler == SIG_IGN || (a->flags & SA_NOCLDWAIT)));
}

/* Who gets p's children: the nearest that asked for orphans (prctl), else init.  NULL: init itself ends */
static struct proc *reaper_locked(const struct proc *p)
{
	struct proc *init = proc_from_locked(PID_INIT);

	for (struct proc *a = p->parent; a; a = a->parent)
		if (a->subreaper && !a->dead) return a;
	return init && init->pid == PID_INIT && init != p ? init : NULL;
}

/* T2. => tree lock held */
static void orphan_children_locked(struct proc *p)
{
	struct proc *heir = reaper_locked(p);
	struct list *l;

	while ((l = list_pop_front(&p->children))) {
		struct proc *c = container_of(l, struct proc, sibling);

		c->parent = heir;
		c->exit_signal = SIGCHLD;
		if (!heir) continue;
		list_push_back(&heir->children, l);
		waitq_wake_all(&heir->wait);
	}
}

/* The children that asked for a signal when their parent dies (prctl PR_SET_PDEATHSIG). */
static void children_tell(struct proc *p)
{
	struct proc *found;
	int signo = 0;

	do {
		found = NULL;
		spin_lock(&proc_tree_lock);
		list_for(l, &p->children) {
			struct proc *c = container_of(l, struct proc, sibling);

			if (!c->pdeath_signal || c->dead) continue;
			found = c;
			signo = c->pdeath_signal;
			c->pdeath_signal = 0;
			proc_ref(c);
			break;
		}
		spin_unlock(&proc_tree_lock);
		if (found) signal_send(found, signo, SI_USER, p->pid);
		if (found) proc_unref(found);
	} while (found);
}

static void parent_tell_end(struct proc *p, struct proc *parent)
{
	int killed = p->exit_status & 0x7f;
	struct siginfo info = child_info(p, killed ? CLD_KILLED : CLD_EXITED, killed ? killed : p->exit_status >> 8);

	info.signo = p->exit_signal;
	if (info.signo) signal_queue(parent, 0, &info);
}

/* Tell the parent, then become a zombie or nothing at once: who waits hears of it only with the signal sent (T4).
 * Gives up the reference of T1 in the second case. */
static void proc_leave_family(struct proc *p)
{
	struct proc *parent;
	bool unwanted;

	children_tell(p);
	pgrp_leave(p);
	spin_lock(&proc_tree_lock);
	orphan_children_locked(p);
	parent = p->parent;
	if (parent) proc_ref(parent);
	p->dead = true;
	spin_unlock(&proc_tree_lock);
	if (p->sid == p->pid) port_notify(fs_port, NOTIFY_SESSION);
	if (parent) parent_tell_end(p, parent);
	if (parent) proc_unref(parent);

	spin_lock(&proc_tree_lock);
	p->told = true;
	unwanted = unwanted_locked(p);
	if (unwanted) {
		list_remove(&p->all_link);
		list_remove(&p->sibling);
	}
	if (p->parent) waitq_wake_all(&p->parent->wait);
	spin_unlock(&proc_tree_lock);
	if (unwanted) proc_unref(p);
}

/* A server is gone: its callers have their -EIO (port_die()), the log says why.  Without init there is no system. */
static void server_gone(const struct proc *p)
{
	int sig = p->exit_status & 0x7f;

	kprintf("quire: server %s died: ", p->name);
	kprintf(sig ? "signal %d\n" : "exit status %d\n", sig ? sig : p->exit_status >> 8);
	if (p->pid == PID_INIT) machine_stop(1);
}

/* Leave the process; whole: all others shall too.  The first who says so, or the last thread, decides the status.
 * true: this is the last thread */
static bool proc_thread_leave(struct proc *p, struct thread *t, int status, bool whole)
{
	struct usage used = thread_usage(t);
	bool last;

	spin_lock(&p->lock);
	list_remove(&t->proc_link);
	last = --p->nthreads == 0;
	if (!p->exiting && (whole || last)) {
		p->exit_code = status;
		p->exiting = true;
	}
	usage_add(&p->used, &used);
	sigqueue_flush_locked(p, &t->pending, ~0ull);
	if (p->exiting) threads_interrupt_locked(p);
	waitq_wake_all(&p->threads_wait);
	spin_unlock(&p->lock);
	spin_lock(&proc_tree_lock);     /* who is stopped looks whether to end */
	waitq_wake_all(&p->wait);
	spin_unlock(&proc_tree_lock);
	return last;
}

int proc_alone(void)
{
	struct thread *t = current_thread();
	struct proc *p = t->proc;
	int rc = 0;

	spin_lock(&p->lock);
	if (p->survivor || p->exiting) rc = -EAGAIN;
	else p->survivor = t;
	if (!rc) threads_interrupt_locked(p);
	while (!rc && p->nthreads > 1 && !p->exiting) waitq_sleep(&p->threads_wait, &p->lock, WAIT_FOREVER, false);
	if (p->survivor == t) p->survivor = NULL;
	if (!rc && p->exiting) rc = -EAGAIN;    /* others may still be in the old address space */
	if (!rc) t->tid = p->pid;
	spin_unlock(&p->lock);
	return rc;
}

/* What other threads, or processes, may be waiting for in memory that they share with this one. */
void thread_memory_leave(struct thread *t)
{
	uint32_t zero = 0;

	futex_robust_exit(t);
	if (t->clear_tid && !copy_out(t->clear_tid, &zero, sizeof(zero))) futex_wake_one(t->clear_tid);
}

__attribute__((noreturn)) static void thread_end(int status, bool whole)
{
	struct thread *t = current_thread();
	struct proc *p = t->proc;

	proc_ref(p);                    /* a parent on another CPU may take the zombie before we are done with it */
	thread_memory_leave(t);
	if (proc_thread_leave(p, t, status, whole)) {
		proc_strip(p);
		p->exit_status = p->exit_code;
		if (p->server) server_gone(p);
		proc_leave_family(p);
	}
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
