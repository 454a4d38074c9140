/* SPDX-License-Identifier: MIT */
/* user/conformance/check.h - what these programs count: checks, and those that failed.  Runs on Linux too. */
#ifndef USER_CONFORMANCE_CHECK_H
#define USER_CONFORMANCE_CHECK_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int failed, checks;

#define check(cond) check_(!!(cond), #cond, __LINE__)
#define check_error(call, error) (errno = 0, check_((call) == -1 && errno == (error), #call ": " #error, __LINE__))

static inline void check_(int ok, const char *what, int line)
{
	checks++;
	if (ok) return;
	failed++;
	printf("not ok: %d: %s (errno %d)\n", line, what, errno);
	fflush(stdout);
}

/* A busy host stops its guest at any moment: what holds only within some time is tried again, and a fault fails it each
 * time.  What comes surely is waited for, up to PATIENCE ms. */
#define PATIENCE 60000
#define AGAIN(cond) ({ int tries_ = 20; while (!(cond) && --tries_) { } tries_ > 0; })

static inline int checked(void)
{
	printf("%d checks, %d failed\n", checks, failed);
	return failed > 0;
}

static inline long ms_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Its main thread is so, and not for a moment only.  (Or it has ended.) */
static inline void until_state(pid_t pid, char want)
{
	char path[40], line[80], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int seen = 0, i = 0; seen < 4 && state != 'Z' && i < PATIENCE / 10; i++) {
		FILE *f = fopen(path, "r");

		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		if (!f || !fgets(line, sizeof(line), f) || sscanf(line, "%*d (%*[^)]) %c", &state) != 1) state = 0;
		seen = state == want ? seen + 1 : 0;
		if (f) fclose(f);
	}
}

/* It waits for what we shall do. */
static inline void until_asleep(pid_t pid) { until_state(pid, 'S'); }

static inline long cpu_us(const struct rusage *r)
{
	return (r->ru_utime.tv_sec + r->ru_stime.tv_sec) * 1000000 + r->ru_utime.tv_usec + r->ru_stime.tv_usec;
}

static inline void ms_sleep(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) && errno == EINTR) { }
}

/* CPU time, not a sleep. */
static inline void ms_burn(long ms)
{
	struct timespec ts;
	long end = -1, now;

	do {
		for (volatile int i = 0; i < 10000; i++) { }    /* to look at the clock may be others' work */
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
		now = ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
		if (end < 0) end = now + ms;
	} while (now < end);
}

/* fn in a child; what it returns adds to our failures. */
static inline void in_child(void (*fn)(void))
{
	pid_t p;
	int st = 0;

	fflush(stdout);
	p = fork();
	if (p == 0) {
		failed = 0;
		fn();
		fflush(stdout);
		_exit(failed > 100 ? 100 : failed);
	}
	checks++;
	if (p > 0 && waitpid(p, &st, 0) == p && WIFEXITED(st)) failed += WEXITSTATUS(st);
	else failed++, printf("not ok: a child ended with status %x\n", st);
}

/* The same in fewer letters, and children that are blocks of checks. */
#define OK(cond) check_(!!(cond), #cond, __LINE__)
#define FAILS(call, error) (errno = 0, check_((call) == -1 && errno == (error), #call ": " #error, __LINE__))
#define IN_CHILD(...) ({ pid_t pid_ = fork(); if (!pid_) { failed = 0; __VA_ARGS__; fflush(stdout); _exit(failed); } pid_; })
#define CHILD(...) OK(child_end(IN_CHILD(__VA_ARGS__)) == 0)

/* Its status; -1: a signal ended it. */
static inline int child_end(pid_t pid)
{
	int st = -1;

	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

/* The directory that the program was given, made if it is not there; 0: it is the current one now. */
static inline int work_in(const char *dir)
{
	if (dir && (mkdir(dir, 0755) == 0 || errno == EEXIST) && chdir(dir) == 0) return 0;
	printf("no directory\n");
	return -1;
}

#endif
