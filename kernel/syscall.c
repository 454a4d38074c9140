/* SPDX-License-Identifier: MIT */
/* kernel/syscall.c - RING 0 - from a number in rax to the function that does it; strace.
 *
 * Path:  entry.S > trap.c > [syscall.c] > sys_*.c, forward.c
 * Locks: none.
 */
#include "abi/trace.h"
#include "kernel/syscalls.h"
#include "mm/map.h"

#define QUIRE_FIRST 0x1000u

struct syscall {
	long (*fn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
	const char *name, *kinds;
};

#define LINUX_ENTRY(number, name, kinds) [number] = {sys_##name, #name, kinds},
#define QUIRE_ENTRY(number, name, kinds) [number - QUIRE_FIRST] = {sys_##name, #name, kinds},
#define PM_ENTRY(number, name, kinds) [number] = {sys_forward, #name, kinds},
#define NAMES_ENTRY(number, name, kinds) [number] = {sys_forward_name, #name, kinds},
#define OPEN_ENTRY(number, name, kinds) [number] = {sys_forward_open, #name, kinds},
static const struct syscall linux_calls[] = {
	SYSCALLS_LINUX(LINUX_ENTRY) SYSCALLS_PM(PM_ENTRY) SYSCALLS_REFUSED(PM_ENTRY) SYSCALLS_NAMES(NAMES_ENTRY)
	SYSCALLS_OPEN(OPEN_ENTRY)
};
static const struct syscall quire_calls[] = {SYSCALLS_QUIRE(QUIRE_ENTRY)};
const char *syscall_kinds(uint32_t nr) { return linux_calls[nr].kinds; }

static SYSCALL(denied) { return -EPERM; }

/* What is not there the process manager refuses, and tells of it. */
static const struct syscall *syscall_find(uint64_t nr)
{
	static const struct syscall denied = {sys_denied, "denied", ""}, unknown = {sys_forward, "unknown", ""};
	const struct syscall *c = &unknown;

	if (nr < ARRAY_LEN(linux_calls)) c = &linux_calls[nr];
	else if (nr >= SYS_vmo_create && nr <= SYS_poll_wake && !current_proc()->port) c = &denied;
	else if (nr >= SYS_proc_set && nr <= SYS_proc_reap && current_proc()->port != pm_port) c = &denied;
	else if (nr >= QUIRE_FIRST && nr - QUIRE_FIRST < ARRAY_LEN(quire_calls)) c = &quire_calls[nr - QUIRE_FIRST];
	return c->fn ? c : &unknown;
}

/* ---- strace: who was given a pipe for it, and its children, tell their calls there; user/bin/strace.c reads them */

/* Which arguments may be texts is for the reader to know: here what can be read as one is copied. */
static void trace_texts(struct trace_record *r)
{
	static const uint8_t which[TRACE_TEXTS] = TRACE_WHICH;

	for (int i = 0; i < TRACE_TEXTS; i++) {
		if (copy_in_str(r->text[i], r->arg[which[i]], TRACE_TEXT) == -EFAULT) r->text[i][0] = 0;
		r->text[i][TRACE_TEXT - 1] = 0;
	}
}

static long syscall_traced(const struct syscall *c, const struct trapframe *tf, struct proc *p)
{
	struct trace_record r = {.nr = tf->error, .pid = p->pid, .result = TRACE_NO_RESULT};
	const struct io tell = {(uintptr_t)&r, sizeof(r), .write = true, .kernel = true};

	memcpy(r.arg, (uint64_t[]){tf->rdi, tf->rsi, tf->rdx, tf->r10, tf->r8, tf->r9}, sizeof(r.arg));
	trace_texts(&r);
	memcpy(r.name, p->name, sizeof(r.name) - 1);
	if (c->fn == sys_exit || c->fn == sys_exit_group) file_rw(p->trace, NULL, tell);
	r.result = c->fn(tf->rdi, tf->rsi, tf->rdx, tf->r10, tf->r8, tf->r9);
	file_rw(p->trace, NULL, tell);
	return r.result;
}

/* For good: until the process and its children have ended. */
SYSCALL(trace, fd)
{
	FILE_HELD struct file *f = fd_get(fd);
	struct proc *p = current_proc();

	if (!f || !f->pipe || !file_writable(f)) return -EINVAL;
	SPIN_HELD(&p->lock);
	if (p->trace) return -EINVAL;
	p->trace = f;
	file_ref(f);
	return 0;
}

void syscall_dispatch(struct trapframe *tf)
{
	const struct syscall *c = syscall_find(tf->error);
	struct proc *p = current_proc();
	long r;

	current_thread()->doing = c->name;
	if (p->trace && p->euid == p->uid) r = syscall_traced(c, tf, p); /* a set-uid program's are its own */
	else r = c->fn(tf->rdi, tf->rsi, tf->rdx, tf->r10, tf->r8, tf->r9);
	tf->rax = r;
	DEBUG_CALL(check_some(p->map));
	/* interrupted: decide here whether it starts again, even if the signal went elsewhere meanwhile */
	if (tf->vector == TRAP_SYSCALL && r <= -ERESTART && r >= -ERESTARTNOHAND) signal_deliver(tf);
}
