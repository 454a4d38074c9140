/* SPDX-License-Identifier: MIT */
/* user/posix/threads.c - TH1 to TH4: POSIX threads as a C library makes them of clone and futex. */
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

	for (long i = 0; i < THREADS; i++) thread_start(&t[i], count, (void *)i);
	for (long i = 0; i < THREADS; i++) expect(thread_join(t[i]) == (void *)i);
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
	for (long i = 0; i < THREADS; i++) thread_start(&t[i], own, (void *)(i + 1));
	for (long i = 0; i < THREADS; i++) expect(thread_join(t[i]) == (void *)1);
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

	thread_start(&a, who, &tid[0]);
	thread_start(&b, who, &tid[1]);
	expect(thread_join(a) == (void *)(long)getpid() && thread_join(b) == (void *)(long)getpid());
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

		thread_start(&t, nothing, (void *)i);
		expect(thread_join(t) == (void *)i);
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

	thread_start(&t, ping, NULL);
	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 100; i++) {
		stage++;
		pthread_cond_signal(&cond);
		while (stage % 2 == 1) pthread_cond_wait(&cond, &mutex);
	}
	pthread_mutex_unlock(&mutex);
	thread_join(t);
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

	for (int i = 0; i < THREADS; i++) thread_start(&t[i], wait_for_all, NULL);
	for (bool all = false; !all; sched_yield()) {
		pthread_mutex_lock(&mutex);
		all = counter == THREADS;
		if (all) stage = 1, pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
	}
	for (int i = 0; i < THREADS; i++) thread_join(t[i]);
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
	for (long i = 0; i < THREADS; i++) thread_start(&t[i], meet, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		long n = (long)thread_join(t[i]);

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

TEST(TH4, exec_lets_go_of_robust_mutexes_too)
{
	struct shared *s = shared_in_file(PTHREAD_MUTEX_ROBUST);
	pid_t p = fork();
	int st = -1, rc;

	if (p == 0) {
		must(pthread_mutex_lock(&s->mutex) == 0);
		s->stage = 1;
		execl("/bin/sleep", "sleep", "60", NULL);
		_exit(1);
	}
	while (s->stage != 1) sched_yield();
	for (int i = 0; (rc = pthread_mutex_trylock(&s->mutex)) == EBUSY && i < 500; i++) usleep(10000);
	expect(rc == EOWNERDEAD);
	expect(kill(p, SIGKILL) == 0 && waitpid(p, &st, 0) == p && st == SIGKILL);      /* it runs the other program */
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

	thread_start(&owner, own_and_end, s);
	while (s->stage != 1) sched_yield();
	thread_start(&waiter, wait_for_the_dead, s);
	expect(thread_join(waiter) == (void *)EOWNERDEAD);
}
