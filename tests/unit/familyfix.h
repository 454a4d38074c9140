/* SPDX-License-Identifier: MIT */
/* tests/unit/familyfix.h - HOST - families of processes (user/pm/family.c, wait.c) over a kernel that is a table. */
#ifndef UNIT_FAMILYFIX_H
#define UNIT_FAMILYFIX_H

#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "abi/facts.h"
#include "abi/ipc.h"

/* ---- the kernel: instead of abi/quire.h */

#define ABI_QUIRE_H
#define PROCS 16

static struct facts_proc procs[PROCS];          /* by pid; pid 0: not there */
static uint64_t gone;                           /* a token whose caller went away */
static bool interruptible[100];                 /* by token */
static struct { uint32_t pid; int signo, code, status; } sent[32];
static unsigned nsent;
static bool no_memory;

static long q_facts(int kind, uint32_t pid, uint64_t index, void *buf, uint64_t size)
{
	(void)kind, (void)index;
	if (pid >= PROCS || !procs[pid].pid) return -ESRCH;
	memcpy(buf, &procs[pid], size);
	return (long)size;
}

static long q_proc_set(uint64_t token, uint32_t pid, uint64_t off, const void *buf, uint64_t len)
{
	(void)token;
	memcpy((char *)&procs[pid].attr + off, buf, len);
	return 0;
}

static long q_proc_reap(uint32_t pid)
{
	assert_int_equal(procs[pid].state, 'Z');
	procs[pid].pid = 0;
	return 0;
}

static long q_signal_post(uint32_t pid, uint32_t tid, const void *siginfo, uint64_t timer)
{
	const siginfo_t *i = siginfo;

	(void)tid, (void)timer;
	sent[nsent].pid = pid;
	sent[nsent].signo = i->si_signo;
	sent[nsent].code = i->si_code;
	sent[nsent++].status = i->si_status;
	return 0;
}

static long q_call_signals(uint64_t token, int any)
{
	if (token == gone) return -ESRCH;
	interruptible[token] = any;
	return 0;
}

/* Callers up to this one are gone. */
static long q_lend_write(uint64_t token, uint64_t which, uint64_t at, const void *from, uint64_t n)
{
	(void)which, (void)at, (void)from, (void)n;
	return token <= gone ? -ESRCH : 0;
}

#include "user/pm/family.c"
#include "user/pm/wait.c"

/* ---- what main.c, time.c and oom.c have */

void *pm_alloc(size_t n) { return no_memory ? NULL : calloc(1, n); }

static bool pages_there;
static int32_t status_out;
siginfo_t info_out;
static struct { long result; unsigned nsent; bool answered; } answer[100];      /* by token; nsent: signals before it */

int mem_out(const struct call *c, uint64_t at, const void *from, size_t n)
{
	(void)c;
	if (!pages_there) return -EFAULT;
	memcpy((void *)(uintptr_t)at, from, n);
	return 0;
}

int proc_facts(uint32_t pid, struct facts_proc *f)
{
	return q_facts(FACTS_PROC, pid, 0, f, sizeof(*f)) > 0 ? 0 : -ESRCH;
}

int proc_look(const struct call *c, uint32_t pid, struct facts_proc *f)
{
	(void)c;
	return proc_facts(pid, f);
}

int attr_set(const struct call *c, const struct facts_proc *f, const void *part, size_t n)
{
	return (int)q_proc_set(c->token, f->pid, (uint64_t)((const char *)part - (const char *)&f->attr), part, n);
}

static uint64_t timerless;                      /* bit per pid whose timers went, before it did */
void timers_end(uint32_t pid) { if (procs[pid].pid) timerless |= 1ull << pid; }
int cpu_limit_set(const struct facts_proc *f) { return f->attr.rlimit[0][0] == 7 ? -ENOMEM : 0; }

struct rusage usage_of(const struct usage *u, uint64_t rss_peak)
{
	(void)rss_peak;
	return (struct rusage){.ru_utime.tv_usec = (long)(u->cpu_ns / 1000)};
}

void serve_again(uint64_t token, const uint64_t arg[IPC_ARGS])
{
	struct call c = {.token = token, .nr = (uint32_t)arg[0], .arg = arg + 1};
	long r;

	c.me = procs[(uint32_t)arg[7]];
	r = c.nr == SYS_wait4 ? pm_wait4(&c) : pm_waitid(&c);
	answer[token].answered = !c.answered;
	answer[token].result = r;
	answer[token].nsent = nsent;
}

/* ---- what happens */

enum { INIT = 1, SHELL = 2, A = 3, B = 4, C = 5 };
static uint64_t last_token;

static void birth_with(uint32_t maker, uint32_t pid, uint32_t how)
{
	const uint64_t note[2] = {PM_BORN | how | (uint64_t)pid << 32, maker};

	procs[pid] = (struct facts_proc){.pid = pid, .state = 'S', .attr = procs[maker].attr};
	procs[pid].attr.ppid = maker;
	family_note(note);
}
static void birth(uint32_t maker, uint32_t pid) { birth_with(maker, pid, PM_SIGNAL(SIGCHLD)); }

static void end(uint32_t pid, int status)
{
	const uint64_t note[2] = {PM_ENDED | (uint64_t)pid << 32};

	procs[pid].state = 'Z';
	procs[pid].exit_status = status;
	family_note(note);
}

/* Its word that it has stopped, or goes on; stop_told(): which is not so any more. */
static inline bool stop_told(uint32_t op, uint32_t pid, int signo)
{
	return family_stop(&(struct ipc_msg){.op = op, .arg = {pid, (uint64_t)signo}});
}
static inline bool stop(uint32_t op, uint32_t pid, int signo)
{
	procs[pid].state = op == PM_STOPPED ? 'T' : 'S';
	return stop_told(op, pid, signo);
}

static uint64_t call(uint64_t nr, uint32_t me, int pid, uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t arg[IPC_ARGS] = {nr, (uint64_t)pid, a, b, c, 0, 0, me | (uint64_t)++last_token << 32};

	serve_again(last_token, arg);
	return last_token;
}
static uint64_t wait_for(uint32_t me, int pid, int options)
{
	return call(SYS_wait4, me, pid, (uintptr_t)&status_out, (uint64_t)options, 0);
}

static inline long waited(uint32_t me, int pid, int options)
{
	uint64_t t = wait_for(me, pid, options);

	assert_true(answer[t].answered);
	return answer[t].result;
}

static void group_set(uint32_t pid, uint32_t pgid) { procs[pid].attr.pgid = member_find(pid)->pgid = pgid; }

/* init, and a shell that leads a session. */
static int fresh(void **st)
{
	(void)st;
	memset(procs, 0, sizeof(procs));
	memset(bucket, 0, sizeof(bucket));
	memset(answer, 0, sizeof(answer));
	init = (struct member){.pid = PID_INIT, .pgid = PID_INIT, .sid = PID_INIT};
	bucket[PID_INIT] = &init;
	nstopped = nsent = last_pid = 0;
	last_token = gone = timerless = 0;
	no_memory = false;
	pages_there = true;
	status_out = -1;
	procs[INIT] = (struct facts_proc){.pid = INIT, .state = 'S', .attr.pgid = 1, .attr.sid = 1};
	birth(INIT, SHELL);
	group_set(SHELL, SHELL);
	procs[SHELL].attr.sid = member_find(SHELL)->sid = SHELL;
	return 0;
}

static int done(void **st)
{
	(void)st;
	each_member(m) waiters_free(m);
	for (uint32_t pid = 2; pid < PROCS; pid++)
		if (member_find(pid)) free(member_find(pid));   /* each is alone in its bucket */
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, done)

#endif
