/* SPDX-License-Identifier: MIT */
/* kernel/exec.c - RING 0 - new programs, processes and threads: execve, fork, vfork, clone and clone3, servers.
 *
 * What is run, as whom, and where it lies is for the process manager to say (user/pm/exec.c): it gets the new memory,
 * with a stack and the vDSO in it, writes the words and a plan there (abi/pm.h), and ring 0 maps what that says.  Of a
 * server the loader says it (boot/elf.c, servers.c).  Which flags of clone go together, limits and the child's number
 * it says, too (user/pm/clone.c), and ring 0 makes what that plan says.
 *
 * execve makes the new address space complete beside the old one, then they are exchanged: no point of no return.
 * Until then every error leaves the old program as it was, and after it nothing can fail.
 *
 * Path:  syscall.c > [exec.c] > forward.c  ~PM_CALL~>  user/pm;  then mm/, proc.c.  main.c > server_create()
 * Locks: proc->lock around the exchange, and around what others may change of a parent.
 */
#include "kernel/syscalls.h"
#include "mm/map.h"

#define STACK_TOP    (VDSO_AT - PAGE_SIZE)      /* the clock's page */
#define STACK_MIN    (256ull << 10)             /* what the limit says, but the words have to fit (user/pm/exec.c) */
#define STACK_MAX    (64ull << 20)
#define STACK_WORDS  (2 * PAGE_SIZE)            /* there from the start: enough for most programs' words */
#define PROT_ALL     (PROT_READ | PROT_WRITE | PROT_EXEC)

/* Its pages are shared out of the page cache until they are stored to.  -ENOEXEC: no such place, or no such pages */
static int piece_map(struct map *m, struct kobj *o, const struct exec_piece *x)
{
	static char zeros[PAGE_SIZE];
	struct vmo *v = o && o->type == KOBJ_VMO ? container_of(o, struct vmo, obj) : NULL;
	uint32_t flags = MAP_PRIVATE | MAP_FIXED | (v ? 0 : MAP_ANONYMOUS);
	uaddr_t at = x->addr;
	int rc;

	if ((x->prot & ~PROT_ALL) || x->bytes > USER_TOP || x->zeros >= PAGE_SIZE) return -ENOEXEC;
	if (v && (x->off > v->size || x->bytes > v->size - x->off)) return -ENOEXEC;
	rc = map_map(m, &at, x->bytes + x->zeros, x->prot, PROT_ALL, flags, v, x->off);
	if (!rc && x->zeros) rc = map_copy(m, at + x->bytes, zeros, x->zeros, true);
	return rc == -EFAULT || rc == -EINVAL ? -ENOEXEC : rc;
}

/* ---- execve */

/* The plan and what it says, which lie at `at`.  Nothing of it is believed: a bad one makes a bad program. */
static int program_map(struct map *m, struct exec_plan *plan, uaddr_t at, struct kobj *const obj[IPC_HANDLES])
{
	struct exec_piece x;
	int rc = map_copy(m, at, plan, sizeof(*plan), false);

	at += sizeof(*plan);
	for (uint32_t i = 0; !rc && i < plan->npieces; i++, at += sizeof(x)) {
		rc = map_copy(m, at, &x, sizeof(x), false);
		if (!rc) rc = piece_map(m, x.object < IPC_HANDLES ? obj[x.object] : NULL, &x);
	}
	m->program = plan->program;
	return rc;
}

static void regs_start(struct trapframe *tf, uaddr_t entry, uaddr_t sp)
{
	*tf = (struct trapframe){.rip = entry, .rsp = sp, .cs = USER_CS, .ss = USER_SS, .rflags = 0x202};
}

/* End the other threads, and wait for it.  -EAGAIN: this one ends */
static int proc_alone(void)
{
	struct thread *t = current_thread();
	struct proc *p = t->proc;

	SPIN_HELD(&p->lock);
	if (p->survivor || p->exiting) return -EAGAIN;
	p->survivor = t;
	threads_interrupt_locked(p);
	while (t->proc_link.next != t->proc_link.prev && !p->exiting)   /* somebody else is on the list */
		waitq_sleep(&p->wait, &p->lock, WAIT_FOREVER, false);
	p->survivor = NULL;
	if (p->exiting) return -EAGAIN;         /* others may still be in the old address space */
	t->tid = p->pid;
	return 0;
}

/* Nothing can fail any more. */
static void program_enter(struct map *m, struct file *exe, const struct exec_plan *plan)
{
	struct thread *t = current_thread();
	struct proc *p = t->proc;

	thread_memory_leave(t);
	spin_lock(&p->lock);
	memcpy(p->name, plan->attr.name, offsetof(struct proc_attr, subreaper) - offsetof(struct proc_attr, name));
	p->name[sizeof(p->name) - 1] = 0;
	signal_actions_clear(p);
	signals_flush_locked(p, ~0ull, true);   /* timers were the old program's */
	p->execs++;
	spin_unlock(&p->lock);
	t->fs_base = t->gs_base = 0;
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	file_ref(exe);
	proc_program_set(p, m, exe);
	files_close(p, true);           /* last: who waits for the end of a pipe sees a program that was executed */
	fpu_restore(fpu_start());
	t->clear_tid = t->robust = 0;
	t->sig_stack.flags = SS_DISABLE;
	regs_start(t->tf, plan->entry, plan->program.stack);
}

static long exec(uaddr_t path, uaddr_t argv, uaddr_t envp)
{
	uint64_t stack = ROUND_UP(MAX(MIN(current_proc()->rlimit[RLIMIT_STACK][0], STACK_MAX), STACK_MIN), PAGE_SIZE);
	struct exec_piece x = {.addr = STACK_TOP - stack, .bytes = stack, .prot = PROT_READ | PROT_WRITE};
	/* nodes of program and interpreter, open; no descriptor has them */
	FILE_HELD struct file *f = file_alloc(O_PATH), *interp = file_alloc(O_PATH);
	struct map *m = map_create();
	KMSG_HELD struct kmsg k = {.target = m};
	struct exec_plan plan;
	int rc = f && interp && m ? piece_map(m, NULL, &x) : -ENOMEM;

	if (!rc) rc = vdso_map(m);
	if (!rc) rc = pages_bring(m, STACK_TOP - STACK_WORDS, STACK_WORDS, true);
	if (!rc) rc = pm_forward(exec_port, &k, (uint64_t[6]){path, argv, envp, STACK_TOP});
	if (!rc) {
		f->node = k.m.arg[2];
		interp->node = k.m.arg[3];
		rc = program_map(m, &plan, k.m.arg[1], k.obj);
	}
	if (!rc && plan.exec_stack) rc = map_protect(m, STACK_TOP - stack, stack, PROT_ALL);
	if (!rc) rc = proc_alone();
	if (!rc) program_enter(m, f, &plan);
	else if (m) map_put(m);
	return rc;
}

SYSCALL(execve)
{
	long rc = exec(a0, a1, a2);

	for (int i = 0; rc == -ENOMEM && i < RECLAIM_AGAIN && !reclaim_wait(); i++) rc = exec(a0, a1, a2);
	return rc;
}

/* ---- fork, vfork, clone, clone3 */

/* A process around the memory: an own copy of it, or the same; with all that a child has from its parent (POSIX fork),
 * but pending signals, timers and times.  Its thread; NULL: no memory */
static struct thread *child_make(struct proc *p, bool same_map)
{
	struct map *m = same_map ? p->map : map_fork(p->map);
	struct thread *t = m ? proc_create() : NULL;
	struct proc *c = t ? t->proc : NULL;

	if (m && same_map) map_ref(m);
	if (m && !t) map_put(m);
	if (!t) return NULL;
	c->map = m;
	spin_lock(&p->lock);
	memcpy(c->action, p->action, sizeof(c->action));
	memcpy(&c->attr, &p->attr, offsetof(struct proc_attr, pdeath_signal));
	c->exe = p->exe;
	if (c->exe) file_ref(c->exe);
	c->trace = p->trace;
	if (c->trace) file_ref(c->trace);
	spin_unlock(&p->lock);
	files_fork(c);
	return t;
}

/* The rest of the plan, while the child does not run yet.  c: its thread, or a new one of this process.  => its tid */
static uint32_t child_start(struct thread *c, const struct clone_plan *a)
{
	struct thread *t = current_thread();
	struct proc *p = t->proc;
	uint32_t tid;

	*c->tf = *t->tf;
	c->tf->rax = 0;
	c->tf->vector = 0;
	if (a->stack) c->tf->rsp = a->stack;
	/* a load of %fs or %gs in ring 3 may have changed them: the registers know */
	c->fs_base = a->flags & CLONE_SETTLS ? a->tls : rdmsr(MSR_FS_BASE);
	c->gs_base = rdmsr(MSR_KERNEL_GS_BASE);
	c->sig_mask = c->sig_back = t->sig_mask;
	c->affinity = t->affinity;
	fpu_save(c->fpu);
	if (c->proc != p) {
		/* not where two would use it at once (sigaltstack(2)) */
		if ((a->flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM) c->sig_stack = t->sig_stack;
		if (a->flags & CLONE_CLEAR_SIGHAND) signal_actions_clear(c->proc);
		c->proc->ppid = a->flags & CLONE_PARENT ? p->ppid : p->pid;
		proc_publish(c->proc, p, a->pid, a->note);
	}
	tid = c->tid;
	if (a->flags & CLONE_CHILD_CLEARTID) c->clear_tid = a->child_tid;
	if (a->flags & CLONE_PARENT_SETTID) copy_out(a->parent_tid, &tid, sizeof(tid));
	if (a->flags & CLONE_CHILD_SETTID) map_copy(c->proc->map, a->child_tid, &tid, sizeof(tid), true);
	thread_start(c);
	return tid;
}

static long clone_make(const struct clone_plan *a)
{
	struct thread *me = current_thread();
	bool same_proc = a->flags & CLONE_THREAD;
	struct thread *t = same_proc ? proc_thread(me->proc) : child_make(me->proc, a->flags & CLONE_VM);
	PROC_HELD struct proc *c = t ? t->proc : NULL;
	uint32_t tid;

	if (!t) return same_proc ? -EAGAIN : -ENOMEM;
	proc_ref(c);
	tid = child_start(t, a);
	if (same_proc || !(a->flags & CLONE_VFORK)) return tid;
	/* until the child has executed a program or has ended; or this thread is to end: the child may sleep too */
	SPIN_HELD(&c->lock);
	me->fatal_only = true;
	while (!c->execs && c->map && !thread_has_signal(me)) waitq_sleep(&c->wait, &c->lock, WAIT_FOREVER, true);
	me->fatal_only = false;
	return tid;
}

_Static_assert(sizeof(struct clone_plan) <= sizeof(((struct ipc_msg *)0)->arg), "the answer is a plan");

/* clone(flags, stack, parent_tid, child_tid, tls): x86-64's order of arguments.  If nobody is left to judge it what is
 * asked for is done: the process manager's end is not the programs'.  What is missing for page tables and stacks may be
 * cached pages of files. */
SYSCALL(clone)
{
	KMSG_HELD struct kmsg k = {0};
	struct clone_plan *a = (struct clone_plan *)k.m.arg;
	long rc = pm_forward(pm_port, &k, (uint64_t[]){a0, a1, a2, a3, a4, current_proc()->pending.set});

	if (rc == -EIO && current_thread()->syscall_nr != SYS_clone3) {
		*a = (struct clone_plan){.flags = a0, .stack = a1, .parent_tid = a2, .child_tid = a3, .tls = a4};
		rc = 0;
	}
	/* a signal that came while this was planned goes first: it may have been for the group, without the child */
	if (!rc && !(a->flags & CLONE_THREAD) && thread_has_signal(current_thread())) return -ERESTARTNOINTR;
	if (!rc && (a->flags & CLONE_SETTLS) && a->tls >= USER_TOP) rc = -EPERM;      /* as arch_prctl */
	if (!rc) rc = clone_make(a);
	for (int i = 0; rc == -ENOMEM && i < RECLAIM_AGAIN && !reclaim_wait(); i++) rc = clone_make(a);
	return rc;
}

SYSCALL(fork) { return sys_clone(SIGCHLD, 0, 0, 0, 0, 0); }
SYSCALL(vfork) { return sys_clone(CLONE_VFORK | CLONE_VM | SIGCHLD, 0, 0, 0, 0, 0); }
SYSCALL(clone3) { return sys_clone(a0, a1, 0, 0, 0, 0); }

/* ---- boot modules */

/* All is there before it runs: a server may never wait for a page.  The object has no pager: its pages stay. */
struct thread *server_create(const struct boot_server *s)
{
	const struct boot_module *b = &frame_bootinfo->module[s->module];
	struct vmo *image = vmo_create(NULL, 0, b->len, b->len, VMO_EPHEMERAL);
	struct io io = {.buf = (uintptr_t)phys_to_virt(b->start), .len = b->len, .write = true, .kernel = true};
	struct thread *t = proc_create();
	struct port *port = t ? port_create(t->proc) : NULL;
	struct map *m = map_create();
	int rc;

	if (!image || !port || !m) panic("no memory for %s", s->plan.attr.name);
	m->wired = true;
	m->lock_future = MCL_FUTURE;
	rc = pcache_write(image, &(uint64_t){0}, io, b->len) == (int64_t)b->len ? 0 : -ENOMEM;
	for (uint32_t i = 0; !rc && i < s->plan.npieces; i++)
		rc = piece_map(m, b->piece[i].object == EXEC_ZEROS ? NULL : &image->obj, &b->piece[i]);
	if (!rc) rc = vdso_map(m);
	if (!rc) rc = map_copy(m, s->plan.program.stack, (void *)&s->words, sizeof(s->words), true);
	if (rc) panic("no memory for %s", s->plan.attr.name);
	m->lock_future = 0;
	m->program = s->plan.program;
	vmo_unref(image);
	server_uses(t, port);           /* HANDLE_PORT */
	t->program = false;
	t->reserve = true;
	t->proc->attr = s->plan.attr;
	t->proc->port = port;           /* its reference is for ever: who asks a dead one shall hear so */
	t->proc->map = m;
	regs_start(t->tf, s->plan.entry, s->plan.program.stack);
	proc_publish(t->proc, NULL, 0, 0);
	return t;
}
