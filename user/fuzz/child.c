/* SPDX-License-Identifier: MIT */
/* user/fuzz/child.c - RING 3 - a process that makes random calls, from two threads, until it has made enough or dies.
 *
 * It knows itself by its pid: what fork, vfork or clone made of it ends after a few calls.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define OUT 100 /* where a verbose child says what it does */

static struct {
	uint64_t seed;
	unsigned n, index;
	int as_root, verbose;
	long pid;
	struct report *report;
} thread[THREADS];

/* The call, made; a verbose child says it before, and afterwards the result, without the C library's streams. */
static void call_make(const struct made *m, unsigned index, int verbose)
{
	char line[256];
	long r;
	int n;

	if (verbose) {
		n = snprintf(line, sizeof(line), "%u %s(%#lx, %#lx, %#lx, %#lx, %#lx, %#lx)\n", index, call_name(m->nr),
		             m->arg[0], m->arg[1], m->arg[2], m->arg[3], m->arg[4], m->arg[5]);
		RAW(SYS_write, OUT, (uintptr_t)line, n);
	}
	r = raw(m->nr, m->arg);
	if (!verbose) return;
	n = snprintf(line, sizeof(line), "%u %s = %#lx\n", index, call_name(m->nr), r);
	RAW(SYS_write, OUT, (uintptr_t)line, n);
}

static void *calls_make(void *arg)
{
	unsigned t = (uintptr_t)arg, more = 20;
	uint64_t state = thread[t].seed;
	struct made m;

	for (unsigned i = 0; i < thread[t].n; i++) {
		if (t == 0 && i % 500 == 499) things_make(&state);
		call_draw(&state, thread[t].as_root, &m);
		thread[t].report->last[t][i % REMEMBER] = m;
		call_make(&m, t, thread[t].verbose);
		thread[t].report->count[t]++;
		if (RAW(SYS_getpid, 0) != thread[t].pid && more-- == 0) break;
	}
	RAW(SYS_exit_group, 0);
	return NULL;
}

/* Calls that sleep are interrupted. */
static void on_alarm(int signo) { (void)signo; }

/* A call took away what the child itself wants to touch. */
static void on_fault(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)context;
	if (!things_mend((uintptr_t)info->si_addr)) RAW(SYS_exit_group, 3);
}

static void signals_set(void)
{
	struct sigaction a = { .sa_handler = on_alarm },
			 fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } };

	sigaction(SIGALRM, &a, NULL);
	sigaction(SIGUSR1, &a, NULL);
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

static void limits_set(uint64_t *s)
{
	setrlimit(RLIMIT_AS, &(struct rlimit){ 64ul << 20, 64ul << 20 });
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 1ul << 20, 1ul << 20 });
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (below(s, 4)) signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_NPROC, &(struct rlimit){ 100, 100 });
}

void child_run(uint64_t seed, unsigned n, int as_root, int verbose, struct report *r)
{
	pthread_t other;
	uint64_t s = seed;

	signals_set();
	limits_set(&s);
	things_make(&s);
	for (unsigned t = 0; t < THREADS; t++) {
		thread[t].seed = draw(&s);
		thread[t].n = n;
		thread[t].as_root = as_root;
		thread[t].verbose = verbose;
		thread[t].report = r;
		thread[t].pid = getpid();
	}
	if (below(&s, 2)) pthread_create(&other, NULL, calls_make, (void *)1);
	calls_make((void *)0);
}
