/* SPDX-License-Identifier: MIT */
/* kernel/sys_facts.c - RING 0 - facts(): what the file server makes the text of /proc from (abi/facts.h).
 *
 * Path:  syscall.c > [sys_facts.c] > mm/facts.c
 * The answer is gathered in memory of the kernel's and copied out when no lock is held any more.  The process asked
 * about may be anybody, the server itself too, and may end meanwhile: it is held by a reference, its map by another.
 * Locks: proc_tree_lock, proc->lock, files_lock and map->lock, one after the other; nobody sleeps with one of them
 *        until a server answers, so the server can always take them. */
#include "abi/facts.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"
#include "mm/map.h"

#define FACTS_SMALL 1024u
_Static_assert(sizeof(struct facts_proc) <= FACTS_SMALL, "an answer without memory");

struct query { uint32_t kind, pid; uint64_t index; void *buf; size_t size; };   /* size: of buf; the answer's */

/* A reference; NULL: it has none, or none any more. */
static struct map *proc_map(struct proc *p)
{
	struct map *m;

	SPIN_HELD(&p->lock);
	m = p->map;
	if (m) map_ref(m);
	return m;
}

/* ---- the machine */

static int facts_machine(struct proc *none, struct query *q)
{
	struct facts_machine *f = q->buf;

	f->now_ns = time_mono();
	f->boot_ns = time_real() - f->now_ns;
	f->cpus = ncpus;
	f->forks = proc_births;
	f->last_pid = proc_last_pid;
	f->memory = frame_total() * PAGE_SIZE;
	f->free = frame_free_count() * PAGE_SIZE;
	f->reserve = frame_reserve * PAGE_SIZE;
	return sizeof(*f);
}

static int facts_all_memory(struct proc *none, struct query *q)
{
	frame_facts(q->buf);
	return sizeof(struct facts_memory);
}

static int facts_cpus(struct proc *none, struct query *q)
{
	struct facts_cpu *f = q->buf;
	uint32_t n = 0, room = q->size / sizeof(*f);

	for (uint64_t i = q->index; i < ncpus && n < room; i++, n++) {
		const struct cpu *c = &cpus[i];
		bool idle = c->thread == c->idle;
		uint64_t now = time_mono();

		f[n] = c->counts;
		f[n].running = c->nready + !idle;
		f[n].idle_ns = c->idle->used.cpu_ns + (idle ? now - c->idle->run_since : 0);
		f[n].user_ns = now - MIN(f[n].idle_ns + f[n].sys_ns, now);
	}
	return n * sizeof(*f);
}

static int facts_pids(struct proc *none, struct query *q)
{
	uint32_t *pid = q->buf, n = 0, room = q->size / sizeof(*pid);

	SPIN_HELD(&proc_tree_lock);
	list_for(l, &all_procs) {
		const struct proc *p = container_of(l, struct proc, all_link);

		if (n == room) break;
		if (p->pid >= q->index) pid[n++] = p->pid;
	}
	return n * sizeof(*pid);
}

/* ---- one process */

static int facts_tids(struct proc *p, struct query *q)
{
	uint32_t *tid = q->buf, n = 0, room = q->size / sizeof(*tid);

	SPIN_HELD(&p->lock);
	list_for(l, &p->threads) {
		uint32_t t = container_of(l, struct thread, proc_link)->tid;

		if (t >= q->index && n < room) tid[n++] = t;
	}
	return n * sizeof(*tid);
}

/* exit_status: what is dead does not change any more. */
static void tree_facts(struct proc *p, struct facts_proc *f)
{
	SPIN_HELD(&proc_tree_lock);
	f->attr.pgid = p->pgid;
	f->attr.sid = p->sid;
	if (p->dead) f->state = 'Z';
	f->exit_status = p->dead ? p->exit_status : 0;
}

static void thread_facts(const struct thread *t, struct facts_proc *f)
{
	bool runs = t->state == THREAD_READY || t->state == THREAD_RUNNING;

	f->state = runs ? 'R' : t->interruptible ? 'S' : 'D';
	f->cpu = t->cpu->id;
	f->affinity = t->affinity & (BIT(ncpus) - 1);
	f->pending = t->pending.set;
	f->blocked = t->sig_mask;
	f->clear_tid = t->clear_tid;
	f->robust = t->robust;
}

static void signals_facts_locked(const struct proc *p, struct facts_proc *f)
{
	f->shared_pending = p->pending.set;
	f->child_flags = p->action[SIGCHLD].flags;
	for (int n = 1; n <= NSIG; n++)
		if (p->action[n].handler) *(p->action[n].handler == SIG_IGN ? &f->ignored : &f->caught) |= BIT(n - 1);
}

/* Of all threads, ended ones too.  => p->lock held */
static struct usage usage_locked(const struct proc *p)
{
	struct usage u = p->used, one;

	list_for(l, &p->threads) {
		one = thread_usage(container_of(l, struct thread, proc_link));
		usage_add(&u, &one);
	}
	return u;
}

static int facts_proc(struct proc *p, struct query *q)
{
	struct facts_proc *f = q->buf;
	struct map *m = proc_map(p);
	struct thread *t;

	f->pid = p->pid;
	f->server = !!p->port;
	f->start_ns = p->start_ns;
	spin_lock(&p->lock);
	f->used = usage_locked(p);
	if (q->index) t = thread_of_locked(p, q->index);
	else t = list_empty(&p->threads) ? NULL : container_of(p->threads.next, struct thread, proc_link);
	if (t) thread_facts(t, f);
	if (t && q->index) f->used = thread_usage(t);
	if (p->stopped) f->state = 'T';
	if (p->exiting) f->state = 'X';
	f->used.maxrss = p->used.maxrss;
	signals_facts_locked(p, f);
	f->attr = p->attr;
	f->threads = p->nthreads;
	f->execs = p->execs;
	f->exe = p->exe ? p->exe->node : 0;
	spin_unlock(&p->lock);
	tree_facts(p, f);
	f->umask = p->umask;
	f->cwd = p->cwd.node ? p->cwd.node : NODE_ROOT;
	f->root = p->root.node ? p->root.node : NODE_ROOT;
	if (m && q->size >= sizeof(*f)) map_sums(m, f);
	if (m) map_put(m);
	return t || !q->index ? (int)MIN(q->size, sizeof(*f)) : -ESRCH;
}

static int facts_memory(struct proc *p, struct query *q)
{
	struct map *m = proc_map(p);
	int n = 0;

	if (!m) return 0;
	if (q->kind == FACTS_BYTES) n = map_peek(m, q->index, q->buf, q->size, false);
	else n = map_facts(m, q->index, q->kind == FACTS_PAGES, q->buf, q->size / sizeof(struct facts_entry)) *
	         sizeof(struct facts_entry);
	map_put(m);
	return n;
}

/* => files_lock held */
static void fd_facts(const struct file *f, struct facts_fd *d)
{
	d->flags = f->flags;
	d->mode = f->mode;
	d->kind = f->node ? FACTS_FD_NODE : FACTS_FD_PIPE;
	d->node = f->node ? f->node : f->ino;
	d->offset = __atomic_load_n(&f->offset, __ATOMIC_RELAXED);
}

static int facts_fds(struct proc *p, struct query *q)
{
	struct facts_fd *d = q->buf;
	uint32_t n = 0, room = q->size / sizeof(*d);

	MUTEX_HELD(&p->files_lock);
	for (uint64_t i = q->index; i < FD_MAX && n < room; i++) {
		if (!p->fd[i]) continue;
		d[n].fd = i;
		fd_facts(p->fd[i], &d[n++]);
	}
	return n * sizeof(*d);
}

static const struct { int (*gather)(struct proc *, struct query *); size_t size; } kinds[] = {     /* size: of one record */
	[FACTS_MACHINE] = {facts_machine, sizeof(struct facts_machine)}, [FACTS_CPUS] = {facts_cpus, 0},
	[FACTS_MEMORY] = {facts_all_memory, sizeof(struct facts_memory)}, [FACTS_PIDS] = {facts_pids, 0},
	[FACTS_TIDS] = {facts_tids, 0}, [FACTS_PROC] = {facts_proc, FACTS_NO_MEMORY},         /* of a process, from here on */
	[FACTS_MAP] = {facts_memory, 0}, [FACTS_PAGES] = {facts_memory, 0}, [FACTS_BYTES] = {facts_memory, 0},
	[FACTS_FDS] = {facts_fds, 0},
};

static int facts(struct query *q)
{
	struct proc *p;
	int rc;

	if (q->kind >= ARRAY_LEN(kinds) || q->size < kinds[q->kind].size) return -EINVAL;
	if (q->kind < FACTS_TIDS) return kinds[q->kind].gather(NULL, q);
	p = proc_find(q->pid);
	if (!p) return -ESRCH;
	rc = kinds[q->kind].gather(p, q);
	proc_unref(p);
	return rc;
}

SYSCALL(facts)
{
	uint8_t small[FACTS_SMALL] = {0};       /* what is asked about one process needs no memory: there may be none */
	struct query q = {.kind = a0, .pid = a1, .index = a2, .size = MIN(a4, (uint64_t)FACTS_MAX), .buf = small};
	long n;

	if (q.size > sizeof(small)) q.buf = kalloc(q.size);
	if (!q.buf) return -ENOMEM;
	n = facts(&q);
	if (n > 0 && copy_out(a3, q.buf, n)) n = -EFAULT;
	if (q.buf != small) kfree(q.buf);
	return n;
}
