/* SPDX-License-Identifier: MIT */
/* kernel/proc.c - RING 0 - processes: birth, family, death, and the wait for it.
 *
 *   proc_create() -> proc_publish() -> ... -> proc_exit(): zombie -> wait4() by the parent: gone
 *   stopped <-> continued: signal.c; told to the parent through `report`
 *
 * Locks: proc_tree_lock: the list of all, the families, zombies and stops.  proc->lock: threads, signals, identity.
 *        Neither is taken inside the other.
 *
 * T1  A process is on all_procs from proc_publish() until it is waited for, or dies without a parent who wants to know.
 * T2  Children of a dead process belong to init.
 * T3  A thread that has left its process (thread->proc NULL) touches nothing of it any more. */
#include "kernel/proc.h"

#include "kernel/console.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"
#include "mm/map.h"

#define PROC_PAGES ((sizeof(struct proc) + PAGE_SIZE - 1) / PAGE_SIZE)
#define PID_INIT 1
#define PID_MAX  32768
#define STACK_LIMIT (8ull << 20)

struct spinlock proc_tree_lock = SPINLOCK_INIT(RANK_PROC, "process tree");
static struct list all_procs = LIST_INIT(all_procs);    /* [P] by rising pid */
uint32_t proc_last_pid = PID_INIT;
uint64_t proc_births;

static struct proc *proc_of(struct list *l) { return container_of(l, struct proc, all_link); }

static void rlimits_init(struct proc *p)
{
	for (size_t i = 0; i < ARRAY_LEN(p->rlimit); i++) p->rlimit[i][0] = p->rlimit[i][1] = RLIM_INFINITY;
	p->rlimit[RLIMIT_STACK][0] = STACK_LIMIT;
	p->rlimit[RLIMIT_CORE][0] = 0;
	p->rlimit[RLIMIT_NOFILE][0] = p->rlimit[RLIMIT_NOFILE][1] = FD_MAX;
	p->rlimit[RLIMIT_MEMLOCK][0] = p->rlimit[RLIMIT_MEMLOCK][1] = 8ull << 20;
}

struct proc *proc_create(const char *name, struct proc *parent)
{
	struct proc *p = kalloc_pages(PROC_PAGES);

	if (!p) return NULL;
	if (handles_init(&p->handles)) {
		kfree_pages(p, PROC_PAGES);
		return NULL;
	}
	p->refs = 1;
	p->parent = parent;
	p->start_ns = time_mono();
	p->umask = 022;
	kstrlcpy(p->name, name, sizeof(p->name));
	spin_init(&p->lock, RANK_PROC, "process");
	mutex_init(&p->files_lock, RANK_FILE, "descriptors");
	waitq_init(&p->wait);
	waitq_init(&p->threads_wait);
	list_init(&p->all_link);
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->threads);
	rlimits_init(p);
	return p;
}

void proc_ref(struct proc *p) { __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED); }

void proc_unref(struct proc *p)
{
	if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL)) return;
	kfree_pages(p, PROC_PAGES);
}

/* The first process with this pid or a larger one. => tree lock held */
struct proc *proc_from_locked(uint32_t pid)
{
	list_for(l, &all_procs)
		if (proc_of(l)->pid >= pid) return proc_of(l);
	return NULL;
}

static uint32_t pid_choose_locked(void)
{
	struct proc *p;

	do {
		proc_last_pid = proc_last_pid >= PID_MAX ? PID_INIT + 1 : proc_last_pid + 1;
		p = proc_from_locked(proc_last_pid);
	} while (p && p->pid == proc_last_pid);
	return proc_last_pid;
}

void proc_publish(struct proc *p)
{
	struct thread *t = container_of(p->threads.next, struct thread, proc_link);
	struct proc *after;

	spin_lock(&proc_tree_lock);
	p->pid = p->server && !strcmp(p->name, "init") ? PID_INIT : pid_choose_locked();
	t->tid = p->pid;
	proc_births++;
	after = proc_from_locked(p->pid);
	list_push_back(after ? &after->all_link : &all_procs, &p->all_link);
	if (p->parent) {
		list_push_back(&p->parent->children, &p->sibling);
		p->pgid = p->parent->pgid;
		p->sid = p->parent->sid;
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
	struct proc *p = pid ? proc_next(pid - 1) : NULL;

	if (!p || p->pid == pid) return p;
	proc_unref(p);
	return NULL;
}

struct thread *proc_thread(struct proc *p)
{
	struct thread *t = thread_create(p, NULL);

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

uint64_t proc_cpu_ns(struct proc *p)
{
	uint64_t ns;

	spin_lock(&p->lock);
	ns = p->cpu_ns;
	list_for(l, &p->threads) ns += container_of(l, struct thread, proc_link)->cpu_ns;
	spin_unlock(&p->lock);
	return ns;
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

	p->alarm_interval = 0;          /* it must not arm itself again */
	timer_cancel(&p->alarm);
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
	proc_map_release(p);
}

/* Does nobody want to know how it ended?  POSIX sigaction: SIGCHLD ignored, SA_NOCLDWAIT. => tree lock held */
static bool unwanted_locked(const struct proc *p)
{
	const struct sigaction_k *a = p->parent ? &p->parent->action[SIGCHLD] : NULL;

	return !a || a->handler == SIG_IGN || (a->flags & SA_NOCLDWAIT);
}

/* T2. => tree lock held */
static void orphan_children_locked(struct proc *p)
{
	struct proc *init = proc_from_locked(PID_INIT);
	struct list *l;

	if (init && init->pid != PID_INIT) init = NULL;
	while ((l = list_pop_front(&p->children))) {
		struct proc *c = container_of(l, struct proc, sibling);

		c->parent = init;
		if (init) list_push_back(&init->children, l);
	}
	if (init) waitq_wake_all(&init->wait);
}

/* Become a zombie, or nothing at once; tell the parent.  Gives up the reference of T1 in the second case. */
static void proc_leave_family(struct proc *p)
{
	struct proc *parent;
	bool unwanted;

	spin_lock(&proc_tree_lock);
	orphan_children_locked(p);
	unwanted = unwanted_locked(p);
	parent = p->parent;
	if (parent) proc_ref(parent);
	p->dead = true;
	if (unwanted) {
		list_remove(&p->all_link);
		list_remove(&p->sibling);
	}
	if (parent) waitq_wake_all(&parent->wait);
	spin_unlock(&proc_tree_lock);

	if (parent) {
		bool killed = p->exit_status & 0x7f;

		signal_send_child(parent, killed ? CLD_KILLED : CLD_EXITED, p->pid, p->uid,
		                  killed ? p->exit_status & 0x7f : p->exit_status >> 8);
		proc_unref(parent);
	}
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

/* => p->lock held */
static void others_interrupt_locked(struct proc *p, const struct thread *but)
{
	list_for(l, &p->threads) {
		struct thread *t = container_of(l, struct thread, proc_link);

		if (t != but) thread_interrupt(t);
	}
}

/* Leave the process; whole: all others shall too.  The first who says so, or the last thread, decides the status.
 * true: this is the last thread */
static bool proc_thread_leave(struct proc *p, struct thread *t, int status, bool whole)
{
	bool last;

	spin_lock(&p->lock);
	list_remove(&t->proc_link);
	last = --p->nthreads == 0;
	if (!p->exiting && (whole || last)) {
		p->exit_code = status;
		p->exiting = true;
	}
	p->cpu_ns += t->cpu_ns;
	if (p->exiting) others_interrupt_locked(p, t);
	waitq_wake_all(&p->threads_wait);
	spin_unlock(&p->lock);
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
	if (!rc) others_interrupt_locked(p, t);
	while (!rc && p->nthreads > 1 && !p->exiting) waitq_sleep(&p->threads_wait, &p->lock, WAIT_FOREVER, false);
	if (p->survivor == t) p->survivor = NULL;
	if (!rc) t->tid = p->pid;
	spin_unlock(&p->lock);
	return rc;
}

/* What other threads, or processes, may be waiting for in memory that they share with this one. */
static void thread_memory_leave(struct thread *t)
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

/* ---- wait4 */

struct wait_request { int64_t pid; uint32_t options; int status; uint64_t cpu_ns; };

static bool wait_matches(const struct proc *self, const struct proc *c, int64_t pid)
{
	if (pid > 0) return c->pid == pid;
	if (pid == 0) return c->pgid == self->pgid;
	return pid == -1 || c->pgid == -pid;
}

/* Has this child something to tell?  => tree lock held */
static bool wait_news_locked(struct proc *c, struct wait_request *w)
{
	uint32_t asked = c->report == 0xffff ? WCONTINUED : WUNTRACED;

	if (c->dead) {
		w->status = c->exit_status;
		w->cpu_ns = c->cpu_ns;
		return true;
	}
	if (!c->report || !(w->options & asked)) return false;
	w->status = c->report;
	c->report = 0;
	return true;
}

/* One look at all children.  0: none has news; the child with a reference in *out.  -ECHILD.  => tree lock held */
static int wait_look_locked(struct proc *p, struct wait_request *w, struct proc **out)
{
	bool any = false;

	list_for(l, &p->children) {
		struct proc *c = container_of(l, struct proc, sibling);

		if (!wait_matches(p, c, w->pid)) continue;
		any = true;
		if (!wait_news_locked(c, w)) continue;
		*out = c;
		proc_ref(c);
		if (c->dead) {
			list_remove(&c->sibling);
			list_remove(&c->all_link);
		}
		return 0;
	}
	return any ? 0 : -ECHILD;
}

static void usage_fill(struct rusage *r, uint64_t cpu_ns)
{
	*r = (struct rusage){.utime = {cpu_ns / 1000000000, cpu_ns / 1000 % 1000000}};
}

/* Take the news of c: a zombie is gone afterwards. */
static long wait_take(struct proc *p, struct proc *c, const struct wait_request *w, uaddr_t status, uaddr_t usage)
{
	long rc = c->pid;
	struct rusage r;

	if (c->dead) {
		spin_lock(&p->lock);
		p->child_cpu_ns += c->cpu_ns + c->child_cpu_ns;
		spin_unlock(&p->lock);
		proc_unref(c);          /* T1 */
	}
	proc_unref(c);
	usage_fill(&r, w->cpu_ns);
	if (status && copy_out(status, &w->status, sizeof(w->status))) return -EFAULT;
	if (usage && copy_out(usage, &r, sizeof(r))) return -EFAULT;
	return rc;
}

SYSCALL(wait4)
{
	struct wait_request w = {.pid = (int)a0, .options = a2};
	struct proc *p = current_proc(), *c = NULL;
	int rc;

	/* __WALL, __WCLONE and __WNOTHREAD (the top bits) make no difference here */
	if (a2 & 0x1fffffff & ~(uint64_t)(WNOHANG | WUNTRACED | WCONTINUED)) return -EINVAL;

	spin_lock(&proc_tree_lock);
	while (!(rc = wait_look_locked(p, &w, &c)) && !c && !(w.options & WNOHANG)) {
		rc = waitq_sleep(&p->wait, &proc_tree_lock, WAIT_FOREVER, true);
		if (rc == -EINTR) rc = -ERESTART;
		if (rc) break;
	}
	spin_unlock(&proc_tree_lock);
	return rc || !c ? rc : wait_take(p, c, &w, a1, a3);
}

SYSCALL(getrusage)
{
	struct proc *p = current_proc();
	struct rusage r;

	if ((int)a0 != 0 && (int)a0 != -1 && (int)a0 != 1) return -EINVAL;
	usage_fill(&r, (int)a0 == -1 ? p->child_cpu_ns : proc_cpu_ns(p));
	return copy_out(a1, &r, sizeof(r));
}

SYSCALL(times)
{
	struct proc *p = current_proc();
	uint64_t tick = 10000000;       /* ns: AT_CLKTCK is 100 */
	int64_t tms[4] = {proc_cpu_ns(p) / tick, 0, p->child_cpu_ns / tick, 0};

	if (a0 && copy_out(a0, tms, sizeof(tms))) return -EFAULT;
	return time_mono() / tick;
}

SYSCALL(exit) { proc_thread_exit((a0 & 0xff) << 8); }
SYSCALL(exit_group) { proc_exit((a0 & 0xff) << 8); }
