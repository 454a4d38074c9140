/* SPDX-License-Identifier: MIT */
/* kernel/syscall.c - RING 0 - from a number in rax to the function that does it; strace.
 *
 * Path:  entry.S > trap.c > [syscall.c] > sys_*.c
 * Locks: none.
 */
#include "kernel/syscalls.h"

#include "kernel/proc.h"
#include "kernel/trap.h"
#include "kernel/usercopy.h"

#define QUIRE_FIRST 0x1000u

struct syscall {
	long (*fn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
	const char *name, *kinds;
};

#define LINUX_ENTRY(number, name, kinds) [number] = {sys_##name, #name, kinds},
#define QUIRE_ENTRY(number, name, kinds) [number - QUIRE_FIRST] = {sys_##name, #name, kinds},
static const struct syscall linux_calls[] = {SYSCALLS_LINUX(LINUX_ENTRY)};
static const struct syscall quire_calls[] = {SYSCALLS_QUIRE(QUIRE_ENTRY)};
#define LINUX_CALL(number, name, kinds) [number] = #name,
#define QUIRE_CALL(number, name, kinds)
static const char *const linux_names[] = {
#include "calls.h"                      /* all that Linux has; made by docs/syscalls.py */
};

static const struct syscall *syscall_find(uint64_t nr)
{
	const struct syscall *c = NULL;

	if (nr < ARRAY_LEN(linux_calls)) c = &linux_calls[nr];
	else if (nr >= QUIRE_FIRST && nr - QUIRE_FIRST < ARRAY_LEN(quire_calls)) c = &quire_calls[nr - QUIRE_FIRST];
	return c && c->fn ? c : NULL;
}

/* A program that asks for what Linux has and we do not: told once, so that it can be seen but not fill the log. */
static long syscall_unknown(uint64_t nr)
{
	static bool told[ARRAY_LEN(linux_names)];       /* atomic */

	if (nr < ARRAY_LEN(told) && linux_names[nr] && !__atomic_exchange_n(&told[nr], true, __ATOMIC_RELAXED))
		kprintf("quire: no system call %lu %s (%s)\n", nr, linux_names[nr], current_proc()->name);
	return -ENOSYS;
}

/* ---- strace: the word `strace` on the kernel's command line prints every call with its arguments and result. */

#define TRACE_LINE 200

static bool kind_is(const char *kind, size_t len, const char *what)
{
	return len == strlen(what) && !strncmp(kind, what, len);
}

static size_t trace_arg(char *at, size_t room, const char *kind, size_t len, uint64_t arg)
{
	char path[64] = "?";

	if (kind_is(kind, len, "path")) {
		if (copy_in_str(path, arg, sizeof(path)) == -EFAULT) return ksnprintf(at, room, "%lx", arg);
		path[sizeof(path) - 1] = 0;
		return ksnprintf(at, room, "\"%s\"", path);
	}
	if (kind_is(kind, len, "fd") || kind_is(kind, len, "int")) return ksnprintf(at, room, "%d", (int)arg);
	if (kind_is(kind, len, "size")) return ksnprintf(at, room, "%ld", (long)arg);
	return ksnprintf(at, room, "0x%lx", arg);
}

/* The arguments as text, before the call may change what they point to. */
static void trace_args(char *line, const struct syscall *c, const uint64_t arg[6])
{
	const char *kind = c->kinds;
	size_t n = ksnprintf(line, TRACE_LINE, "%s(", c->name);

	for (int i = 0; i < 6 && *kind && n < TRACE_LINE; i++) {
		size_t len = 0;

		while (kind[len] && kind[len] != ' ') len++;
		if (i) n += ksnprintf(line + n, TRACE_LINE - n, ", ");
		if (n < TRACE_LINE) n += trace_arg(line + n, TRACE_LINE - n, kind, len, arg[i]);
		kind += len + (kind[len] == ' ');
	}
}

static long syscall_traced(const struct syscall *c, const uint64_t a[6])
{
	char line[TRACE_LINE];
	uint32_t pid = current_proc()->pid;
	long r;

	trace_args(line, c, a);
	if (!strncmp(c->name, "exit", 4) || !strcmp(c->name, "execve")) kprintf("strace: %u %s) ...\n", pid, line);
	r = c->fn(a[0], a[1], a[2], a[3], a[4], a[5]);
	if (r < 0 && r > -4096) kprintf("strace: %u %s %s) = %ld\n", pid, current_proc()->name, line, r);
	else kprintf("strace: %u %s %s) = 0x%lx\n", pid, current_proc()->name, line, r);
	return r;
}

static bool tracing(void)
{
	static int on = -1;

	if (on < 0) on = cmdline_has("strace");
	return on;
}

void syscall_dispatch(struct trapframe *tf)
{
	const uint64_t a[6] = {tf->rdi, tf->rsi, tf->rdx, tf->r10, tf->r8, tf->r9};
	const struct syscall *c = syscall_find(tf->error);
	long r;

	if (c) {
		this_cpu()->doing = c->name;
		r = tracing() ? syscall_traced(c, a) : c->fn(a[0], a[1], a[2], a[3], a[4], a[5]);
	} else {
		r = syscall_unknown(tf->error);
	}
	tf->rax = r;
	/* interrupted: decide here whether it starts again, even if the signal went elsewhere meanwhile */
	if (tf->vector == TRAP_SYSCALL && r <= -ERESTART && r >= -ERESTARTNOHAND) signal_deliver(tf);
}
