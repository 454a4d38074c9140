/* SPDX-License-Identifier: MIT */
/* user/posix/threads_end.c - TH5 to TH7: threads cancelled, ended, exec'd away and signalled; MP1 and MU1 across threads. */
#include "posix.h"

#include <pthread.h>
#include <sys/syscall.h>

#define THREADS 4

static volatile int stage;

static void *nothing(void *arg)
{
	return arg;
}

/* ---- cancellation, exit, signals */

static volatile int cleaned;

static void cleanup(void *arg)
{
	cleaned += (int)(long)arg;
}

static void *wait_for_ever(void *arg)
{
	pthread_cleanup_push(cleanup, (void *)5);
	stage = 1;
	for (;;) pause();
	pthread_cleanup_pop(0);
	return arg;
}

TEST(TH5, a_cancelled_thread_runs_its_cleanup_and_ends)
{
	pthread_t t;

	thread_start(&t, wait_for_ever, NULL);
	while (!stage) sched_yield();
	usleep(5000);
	expect(pthread_cancel(t) == 0);
	expect(thread_join(t) == PTHREAD_CANCELED && cleaned == 5);
}

static void exit_with_sleepers(void *arg)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++) thread_start(&t[i], i % 2 ? wait_for_ever : nothing, arg);
	while (!stage) sched_yield();
	exit(9);
}

TEST(TH6, exit_ends_all_threads)
{
	expect(in_child(exit_with_sleepers, NULL) == 9);
}

static void *busy(void *arg)
{
	for (volatile unsigned long i = 0;; i++) stage = 1;
	return arg;
}

static void killed_while_busy(void *arg)
{
	pthread_t t;

	thread_start(&t, busy, arg);
	while (!stage) sched_yield();
	kill(getpid(), SIGTERM);
	for (;;) pause();
}

TEST(TH6, a_signal_ends_threads_that_never_enter_the_kernel)
{
	expect(in_child(killed_while_busy, NULL) == 128 + SIGTERM);
}

static void *run_program(void *arg)
{
	execl("/proc/self/exe", "posix", "-l", "MS4", (char *)NULL);
	execl("/conformance/posix", "posix", "-l", "MS4", (char *)NULL);
	return arg;
}

static void exec_from_a_thread(void *arg)
{
	pthread_t t, sleeper;

	thread_start(&sleeper, wait_for_ever, arg);
	while (!stage) sched_yield();
	dup2(open("/dev/null", O_WRONLY), 1);
	thread_start(&t, run_program, arg);
	for (;;) pause();
}

TEST(TH6, exec_from_any_thread_replaces_the_process)
{
	expect(in_child(exec_from_a_thread, NULL) == 0);
}

static void *last_words(void *arg)
{
	usleep(20000);
	_exit(6);
	return arg;
}

static void leader_leaves(void *arg)
{
	pthread_t t;

	thread_start(&t, last_words, arg);
	pthread_exit(NULL);
}

TEST(TH6, the_process_lives_on_when_its_first_thread_ends)
{
	expect(in_child(leader_leaves, NULL) == 6);
}

static volatile pid_t handled_by;

static void handler(int signo)
{
	(void)signo;
	handled_by = (pid_t)syscall(SYS_gettid);
}

static void *take_signal(void *arg)
{
	*(pid_t *)arg = (pid_t)syscall(SYS_gettid);
	stage = 1;
	while (!handled_by) usleep(1000);
	return NULL;
}

TEST(TH7, pthread_kill_reaches_that_thread)
{
	pid_t tid = 0;
	pthread_t t;

	signal(SIGUSR1, handler);
	thread_start(&t, take_signal, &tid);
	while (!stage) sched_yield();
	expect(pthread_kill(t, SIGUSR1) == 0);
	thread_join(t);
	expect(handled_by == tid && tid != getpid());
}

TEST(TH7, a_signal_to_the_process_goes_to_a_thread_that_does_not_block_it)
{
	sigset_t set;
	pid_t tid = 0;
	pthread_t t;

	signal(SIGUSR2, handler);
	thread_start(&t, take_signal, &tid);
	while (!stage) sched_yield();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	must(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
	expect(kill(getpid(), SIGUSR2) == 0);
	thread_join(t);
	expect(handled_by == tid);
}

/* ---- memory */

static volatile char *page;
static sigjmp_buf fault_back;

static void fault_caught(int signo)
{
	siglongjmp(fault_back, signo);
}

static void *store_until_fault(void *arg)
{
	if (sigsetjmp(fault_back, 1)) return (void *)1;
	for (;;) {
		page[0]++;
		stage = 1;
	}
	return arg;
}

TEST(MP1, a_right_taken_away_is_gone_in_all_threads)
{
	pthread_t t;

	page = map_at(-1, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	signal(SIGSEGV, fault_caught);
	thread_start(&t, store_until_fault, NULL);
	while (!stage) sched_yield();
	must(mprotect((void *)page, PAGE, PROT_READ) == 0);
	for (char c = page[0], i = 0; i < 100; i++) expect(page[0] == c);
	expect(thread_join(t) == (void *)1);
}

static void *unmap_and_map(void *arg)
{
	for (int i = 0; i < 200; i++) {
		char *p = map_at(-1, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

		p[0] = p[3 * PAGE] = (char)i;
		if (p[0] != (char)i || p[PAGE] != 0) return arg;
		must(munmap(p, 4 * PAGE) == 0);
	}
	return NULL;
}

TEST(MU1, threads_map_and_unmap_at_once)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++) thread_start(&t[i], unmap_and_map, (void *)1);
	for (int i = 0; i < THREADS; i++) expect(thread_join(t[i]) == NULL);
}
