/* SPDX-License-Identifier: MIT */
/* kernel/sys_facts.c - RING 0 - facts(): what the file server makes the text of /proc from (abi/facts.h).
 *
 * Path:  syscall.c > [sys_facts.c] > mm/pmap.c, mm/tree.c
 * One record is gathered in memory of the kernel's and copied out when no lock is held any more.  The process asked
 * about may be anybody, the server itself too, and may end meanwhile: it is held by a reference, its map by another.
 * Locks: proc->lock, files_lock or map->lock, inside that vmo->lock; nobody sleeps with one of them until a server answers,
 *        so the server can always take them.  Single numbers that other locks guard are read without: each was true at
 *        some moment of the call. */
#include "kernel/syscalls.h"
#include "mm/map.h"

#define COUNT_STEP 64u                  /* pages looked at without a break */

static int machine_facts(struct facts_machine *f)
{
	f->now_ns = time_mono();
	f->boot_ns = time_real() - f->now_ns;
	f->cpus = ncpus;
	f->forks = proc_births;
	f->last_pid = proc_last_pid;
	f->memory = frame_total * PAGE_SIZE;
	f->free = frame_free_count() * PAGE_SIZE;
	f->reserve = frame_reserve * PAGE_SIZE;
	return sizeof(*f);
}

/* By use and state of every page of memory. */
static int frame_facts(struct facts_memory *f)
{
	for (uint64_t i = 0; i < page_array_len; i++) {
		const struct page *p = &page_array[i];
		uint8_t use = p->use;           /* it may be freed just now */

		f->pages[use][use == PAGE_OBJECT ? p->state : use == PAGE_KERNEL ? p->flags & 3 : 0]++;
	}
	return sizeof(*f);
}

static int cpu_facts(uint64_t index, struct facts_cpu *f)
{
	const struct cpu *c = &cpus[MIN(index, MAX_CPUS - 1u)];
	bool idle = c->thread == c->idle;
	uint64_t now = time_mono();

	if (index >= ncpus) return 0;
	*f = c->counts;
	f->running = c->nready + !idle;
	f->idle_ns = c->idle->used.cpu_ns + (idle ? now - c->idle->run_since : 0);
	f->user_ns = now - MIN(f->idle_ns + f->sys_ns, now);
	return sizeof(*f);
}

/* ---- one process */

static void thread_facts(const struct thread *t, struct facts_proc *f)
{
	bool runs = t->state == THREAD_READY || t->state == THREAD_RUNNING;

	f->words = t->words;
	f->state = runs ? 'R' : t->interruptible ? 'S' : 'D';
	f->cpu = t->cpu->id;
	f->pending = t->pending.set;
}

/* => p->lock held, for its actions; a map's numbers are each as they are at some moment */
static void shared_facts(const struct proc *p, const struct map *m, struct facts_proc *f)
{
	f->life = p->life;
	f->server = !!p->port;
	f->attr = p->attr;
	f->used = p->used;              /* by threads that have ended */
	list_each(struct thread, t, &p->threads, proc_link) {
		f->threads++;
		usage_add(&f->used, thread_usage(t));
	}
	f->shared_pending = p->pending.set;
	f->child_flags = p->action[SIGCHLD].flags;
	for (int n = 1; n <= NSIG; n++)
		if (p->action[n].handler) *(p->action[n].handler == SIG_IGN ? &f->ignored : &f->caught) |= BIT(n - 1);
	f->exe = p->exe ? p->exe->node : 0;
	f->cwd = p->cwd.node ? p->cwd.node : NODE_ROOT;
	f->root = p->root.node ? p->root.node : NODE_ROOT;
	if (!m) return;
	f->size = m->size;
	f->locked = m->locked;
	f->rss = m->pmap.resident;
	f->rss_peak = m->pmap.peak;
	f->layout = m->layout;
}

/* Its times and state are those of a thread, or of all; next: the thread may be a later one. */
static int proc_facts(struct proc *p, uint64_t tid, bool next, struct facts_proc *f)
{
	struct thread *t;

	SPIN_HELD(&p->lock);
	t = thread_from_locked(p, tid);
	if (tid && (!t || (t->tid != tid && !next))) return -ESRCH;
	shared_facts(p, p->map, f);
	if (t) thread_facts(t, f);
	if (tid) f->used = thread_usage(t);
	f->used.maxrss = p->used.maxrss;
	if (p->stopped) f->state = 'T';
	if (p->exiting) f->state = 'X';
	if (!p->ended) f->state = 'Z';
	return sizeof(*f);
}

/* ---- its memory */

static void count(struct facts_pages *f, uint32_t sharers, bool dirty, pte_t pte)
{
	f->rss++;
	f->pss += PAGE_SIZE / sharers;
	f->part[sharers > 1][dirty]++;
	f->referenced += !!(pte & PTE_A);
}

/* Private pages: their references are the PTEs that share them (A1). */
static pte_t count_anon(pte_t pte, uaddr_t va, void *arg)
{
	const struct page *p = phys_to_page(pte & PTE_ADDR);
	struct facts_pages *f = arg;

	if (!p || p->use != PAGE_ANON) return pte;
	f->anon++;
	count(f, MAX(__atomic_load_n(&p->refs, __ATOMIC_RELAXED), 1u), true, pte);
	return pte;
}

/* The pages of its object that an entry has mapped; who else has is found by the object's entries. */
static void count_object(const struct entry *e, struct vmo *v, struct facts_pages *f)
{
	uint32_t steps = 0;
	struct page *p;

	SPIN_HELD(&v->lock);
	for (uint64_t i = e->vnode.start; (p = page_next(v, &i, 0)) && i <= e->vnode.last; i++) {
		pte_t mine = 0;
		uint32_t sharers = 0;

		tree_for(n, &v->entries, i, i) {
			const struct entry *other = container_of(n, struct entry, vnode);
			pte_t pte = pmap_get(&other->map->pmap, entry_va(other, i));

			if ((pte & PTE_ADDR) != page_phys(p)) continue;
			sharers++;
			if (other == e) mine = pte;
		}
		if (mine) count(f, sharers, BIT(p->state) & PG_OWED, mine);
		if (++steps % COUNT_STEP) continue;
		spin_unlock(&v->lock);
		spin_lock(&v->lock);
	}
}

/* The entry that contains or follows address from.  pages: those of its object are counted too. */
static int map_facts(struct map *m, uaddr_t from, bool pages, struct facts_entry *f)
{
	struct entry *e;
	struct vmo *v;

	MUTEX_HELD(&m->lock);
	e = map_first_locked(m, from, USER_TOP);
	if (!e) return 0;
	v = e->vmo;
	*f = (struct facts_entry){.start = e->anode.start, .end = e->anode.last + 1, .prot = e->prot,
	                          .max_prot = e->max_prot, .flags = e->flags};
	if (v) {
		f->offset = e->vnode.start << PAGE_SHIFT;
		f->node = v->cookie;
		f->object = v->flags & VMO_NOGROW ? FACTS_DISK : v->cookie ? FACTS_FILE : FACTS_SHARED;
	}
	pmap_walk(&m->pmap, f->start, f->end, count_anon, &f->pages);
	if (v && pages) count_object(e, v, &f->pages);
	return sizeof(*f);
}

static int memory_facts(struct proc *p, uint32_t kind, uint64_t from, void *buf, uint64_t size)
{
	struct map *m;
	int n;

	spin_lock(&p->lock);
	m = p->map;
	if (m) map_ref(m);
	spin_unlock(&p->lock);
	if (!m) return 0;
	if (kind == FACTS_BYTES) n = map_peek(m, from, buf, size, false);
	else n = map_facts(m, from, kind == FACTS_PAGES, buf);
	map_put(m);
	return n;
}

static int fd_facts(struct proc *p, uint64_t fd, struct facts_fd *d)
{
	const struct file *f;

	MUTEX_HELD(&p->files_lock);
	while (fd < FD_MAX && !p->fd[fd]) fd++;
	if (fd >= FD_MAX) return 0;
	f = p->fd[fd];
	d->fd = fd;
	d->flags = f->flags;
	d->mode = f->mode;
	d->kind = f->node ? FACTS_FD_NODE : FACTS_FD_PIPE;
	d->node = f->node ? f->node : f->ino;
	d->offset = __atomic_load_n(&f->offset, __ATOMIC_RELAXED);
	return sizeof(*d);
}

/* buf: zeros, FACTS_MAX of them.  => bytes of the record */
static int facts(uint32_t kind, uint32_t pid, uint64_t index, void *buf, uint64_t size)
{
	PROC_HELD struct proc *p = kind < FACTS_PROC ? NULL : proc_find(pid, kind == FACTS_NEXT && !index);

	if (kind >= FACTS_PROC && !p) return -ESRCH;
	switch (kind) {
	case FACTS_MACHINE: return machine_facts(buf);
	case FACTS_MEMORY: return frame_facts(buf);
	case FACTS_CPU: return cpu_facts(index, buf);
	case FACTS_PROC:
	case FACTS_NEXT: return proc_facts(p, index, kind == FACTS_NEXT, buf);
	case FACTS_MAP:
	case FACTS_PAGES:
	case FACTS_BYTES: return memory_facts(p, kind, index, buf, size);
	case FACTS_FD: return fd_facts(p, index, buf);
	default: return -EINVAL;
	}
}

/* It needs no memory: there may be none. */
SYSCALL(facts, kind, pid, index, to, size)
{
	_Alignas(8) uint8_t buf[FACTS_MAX] = {0};
	long n = facts(kind, pid, index, buf, MIN(size, sizeof(buf)));

	if (n > 0) n = MIN((uint64_t)n, size);
	return n > 0 && copy_out(to, buf, n) ? -EFAULT : n;
}
