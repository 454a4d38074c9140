/* SPDX-License-Identifier: MIT */
/* user/posix/threads.c - TH1 to TH7: POSIX threads as a C library makes them of clone and futex; MP1 across threads. */
#include "posix.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

#define THREADS 4
#define ROUNDS  2000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter;
static volatile int stage;
static __thread int mine;

static void start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	must(pthread_create(t, NULL, fn, arg) == 0);
}

static void *join(pthread_t t)
{
	void *value = NULL;

	must(pthread_join(t, &value) == 0);
	return value;
}

static void *count(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
		if (i % 64 == 0) sched_yield();
	}
	return arg;
}

TEST(TH1, threads_share_memory_and_a_mutex_keeps_them_apart)
{
	pthread_t t[THREADS];

	for (long i = 0; i < THREADS; i++) start(&t[i], count, (void *)i);
	for (long i = 0; i < THREADS; i++) expect(join(t[i]) == (void *)i);
	expect(counter == THREADS * ROUNDS);
}

static void *own(void *arg)
{
	bool zero = mine == 0;

	mine = (int)(long)arg;
	sched_yield();
	return (void *)(long)(zero && mine == (int)(long)arg);
}

TEST(TH1, each_thread_has_its_own_thread_local_variables)
{
	pthread_t t[THREADS];

	mine = 77;
	for (long i = 0; i < THREADS; i++) start(&t[i], own, (void *)(i + 1));
	for (long i = 0; i < THREADS; i++) expect(join(t[i]) == (void *)1);
	expect(mine == 77);
}

static void *who(void *arg)
{
	*(pid_t *)arg = (pid_t)syscall(SYS_gettid);
	return (void *)(long)getpid();
}

TEST(TH1, threads_have_one_pid_and_different_tids)
{
	pid_t tid[2] = {0, 0};
	pthread_t a, b;

	start(&a, who, &tid[0]);
	start(&b, who, &tid[1]);
	expect(join(a) == (void *)(long)getpid() && join(b) == (void *)(long)getpid());
	expect(tid[0] != tid[1] && tid[0] != getpid() && tid[1] != getpid() && tid[0] > 0);
	expect((pid_t)syscall(SYS_gettid) == getpid());
}

static void *nothing(void *arg)
{
	return arg;
}

TEST(TH1, many_threads_come_and_go)
{
	for (long i = 0; i < 300; i++) {
		pthread_t t;

		start(&t, nothing, (void *)i);
		expect(join(t) == (void *)i);
	}
}

/* ---- conditions, barriers */

static void *ping(void *arg)
{
	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 100; i++) {
		while (stage % 2 == 0) pthread_cond_wait(&cond, &mutex);
		stage++;
		pthread_cond_signal(&cond);
	}
	pthread_mutex_unlock(&mutex);
	return arg;
}

TEST(TH2, a_condition_variable_hands_over)
{
	pthread_t t;

	start(&t, ping, NULL);
	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 100; i++) {
		stage++;
		pthread_cond_signal(&cond);
		while (stage % 2 == 1) pthread_cond_wait(&cond, &mutex);
	}
	pthread_mutex_unlock(&mutex);
	join(t);
	expect(stage == 200);
}

static void *wait_for_all(void *arg)
{
	pthread_mutex_lock(&mutex);
	counter++;
	while (!stage) pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

TEST(TH2, a_broadcast_wakes_all)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++) start(&t[i], wait_for_all, NULL);
	for (bool all = false; !all; sched_yield()) {
		pthread_mutex_lock(&mutex);
		all = counter == THREADS;
		if (all) stage = 1, pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
	}
	for (int i = 0; i < THREADS; i++) join(t[i]);
}

TEST(TH2, a_timed_wait_ends_when_its_time_comes)
{
	struct timespec end, now;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += 20000000;
	if (end.tv_nsec >= 1000000000) end.tv_sec++, end.tv_nsec -= 1000000000;
	pthread_mutex_lock(&mutex);
	expect(pthread_cond_timedwait(&cond, &mutex, &end) == ETIMEDOUT);
	clock_gettime(CLOCK_REALTIME, &now);
	expect(now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec));
	pthread_mutex_unlock(&mutex);
}

static pthread_barrier_t barrier;
static volatile int arrived[THREADS];

static void *meet(void *arg)
{
	long me = (long)arg, serial = 0;

	for (int round = 1; round <= 20; round++) {
		arrived[me] = round;
		serial += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
		for (int i = 0; i < THREADS; i++) {
			if (arrived[i] < round) return (void *)-1l;
		}
		pthread_barrier_wait(&barrier);
	}
	return (void *)serial;
}

TEST(TH2, nobody_passes_a_barrier_before_all_have_come)
{
	pthread_t t[THREADS];
	long serial = 0;

	must(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
	for (long i = 0; i < THREADS; i++) start(&t[i], meet, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		long n = (long)join(t[i]);

		expect(n >= 0);
		serial += n;
	}
	expect(serial == 20);
}

/* ---- between processes */

struct shared { pthread_mutex_t mutex; long counter; int stage; };

static struct shared *shared_in_file(int kind)
{
	int fd = new_file("shared", PAGE);
	struct shared *s = (struct shared *)map_file(fd, PAGE);
	pthread_mutexattr_t attr;

	memset(s, 0, sizeof(*s));
	must(pthread_mutexattr_init(&attr) == 0);
	must(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0);
	must(pthread_mutexattr_setrobust(&attr, kind) == 0);
	must(pthread_mutex_init(&s->mutex, &attr) == 0);
	close(fd);
	return s;
}

/* Maps the file anew: at another address the word is the same futex. */
static void count_shared(void *arg)
{
	int fd = open("shared", O_RDWR);
	char *other = map_file(fd, 2 * PAGE);
	struct shared *s = (struct shared *)other;

	expect(other != arg);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&s->mutex);
		s->counter++;
		pthread_mutex_unlock(&s->mutex);
		if (i % 16 == 0) sched_yield();
	}
}

TEST(TH3, a_mutex_in_a_mapped_file_works_between_processes)
{
	struct shared *s = shared_in_file(PTHREAD_MUTEX_STALLED);
	pid_t pid[3];

	for (int i = 0; i < 3; i++) {
		pid[i] = fork();
		must(pid[i] >= 0);
		if (pid[i] == 0) {
			count_shared(s);
			exit(0);
		}
	}
	for (int i = 0; i < 3; i++) {
		int st = -1;

		expect(waitpid(pid[i], &st, 0) == pid[i] && st == 0);
	}
	expect(s->counter == 3 * ROUNDS);
}

static void die_with_it(void *arg)
{
	struct shared *s = arg;

	must(pthread_mutex_lock(&s->mutex) == 0);
	s->stage = 1;
	kill(getpid(), SIGKILL);
}

TEST(TH4, a_robust_mutex_tells_that_its_owner_died)
{
	struct shared *s = shared_in_file(PTHREAD_MUTEX_ROBUST);

	expect(in_child(die_with_it, s) == 128 + SIGKILL && s->stage == 1);
	expect(pthread_mutex_lock(&s->mutex) == EOWNERDEAD);
	expect(pthread_mutex_consistent(&s->mutex) == 0);
	expect(pthread_mutex_unlock(&s->mutex) == 0);
	expect(pthread_mutex_lock(&s->mutex) == 0 && pthread_mutex_unlock(&s->mutex) == 0);
}

static void *wait_for_the_dead(void *arg)
{
	struct shared *s = arg;

	s->stage = 2;
	return (void *)(long)pthread_mutex_lock(&s->mutex);
}

static void *own_and_end(void *arg)
{
	struct shared *s = arg;

	must(pthread_mutex_lock(&s->mutex) == 0);
	s->stage = 1;
	while (s->stage != 2) sched_yield();
	usleep(10000);
	syscall(SYS_exit, 0);           /* the thread alone, and not as the library would */
	return NULL;
}

TEST(TH4, a_thread_that_dies_wakes_who_waits_for_its_robust_mutex)
{
	struct shared *s = shared_in_file(PTHREAD_MUTEX_ROBUST);
	pthread_t owner, waiter;

	start(&owner, own_and_end, s);
	while (s->stage != 1) sched_yield();
	start(&waiter, wait_for_the_dead, s);
	expect(join(waiter) == (void *)EOWNERDEAD);
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

	start(&t, wait_for_ever, NULL);
	while (!stage) sched_yield();
	usleep(5000);
	expect(pthread_cancel(t) == 0);
	expect(join(t) == PTHREAD_CANCELED && cleaned == 5);
}

static void exit_with_sleepers(void *arg)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++) start(&t[i], i % 2 ? wait_for_ever : nothing, arg);
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

	start(&t, busy, arg);
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

	start(&sleeper, wait_for_ever, arg);
	while (!stage) sched_yield();
	dup2(open("/dev/null", O_WRONLY), 1);
	start(&t, run_program, arg);
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

	start(&t, last_words, arg);
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
	start(&t, take_signal, &tid);
	while (!stage) sched_yield();
	expect(pthread_kill(t, SIGUSR1) == 0);
	join(t);
	expect(handled_by == tid && tid != getpid());
}

TEST(TH7, a_signal_to_the_process_goes_to_a_thread_that_does_not_block_it)
{
	sigset_t set;
	pid_t tid = 0;
	pthread_t t;

	signal(SIGUSR2, handler);
	start(&t, take_signal, &tid);
	while (!stage) sched_yield();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	must(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
	expect(kill(getpid(), SIGUSR2) == 0);
	join(t);
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
	start(&t, store_until_fault, NULL);
	while (!stage) sched_yield();
	must(mprotect((void *)page, PAGE, PROT_READ) == 0);
	for (char c = page[0], i = 0; i < 100; i++) expect(page[0] == c);
	expect(join(t) == (void *)1);
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

	for (int i = 0; i < THREADS; i++) start(&t[i], unmap_and_map, (void *)1);
	for (int i = 0; i < THREADS; i++) expect(join(t[i]) == NULL);
}
