/* SPDX-License-Identifier: MIT */
/* user/conformance/groups.c - process groups, sessions, stopping, orphans.  Runs on Linux too. */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

static volatile int hups;

static void on_hup(int signo) { (void)signo, hups++; }

static void groups(void)
{
	int to[2], back[2];
	char c;
	pid_t p;

	if (pipe(to) || pipe(back)) _exit(99);
	p = fork();
	if (p == 0) {
		if (write(back[1], "a", 1) != 1 || read(to[0], &c, 1) != 1) _exit(1);
		setsid();
		if (write(back[1], "b", 1) != 1 || read(to[0], &c, 1) != 1) _exit(1);
		_exit(0);
	}
	check(read(back[0], &c, 1) == 1);
	check_error(setpgid(p, 31999), EPERM);
	check_error(setpgid(p, -1), EINVAL);
	check(setpgid(p, p) == 0 && getpgid(p) == p && setpgid(p, getpgrp()) == 0);
	check_error(setpgid(999999, 0), ESRCH);
	check_error(setpgid(getppid(), 0), ESRCH);
	check(write(to[1], "a", 1) == 1 && read(back[0], &c, 1) == 1);
	check_error(setpgid(p, 0), EPERM);
	check(getsid(p) == p && getpgid(p) == p);
	check(write(to[1], "b", 1) == 1 && waitpid(p, NULL, 0) == p);
	check(setpgid(0, 0) == 0 && getpgrp() == getpid());
	check_error(setsid(), EPERM);
}

static void setpgid_after_exec(void)
{
	int end[2], st = pipe(end);
	pid_t p;
	char c;

	fcntl(end[1], F_SETFD, FD_CLOEXEC);
	p = fork();
	if (p == 0) {
		char *words[] = {"groups", "sleeper", NULL};

		execv(getenv("SELF"), words);
		_exit(1);
	}
	close(end[1]);
	check(st == 0 && read(end[0], &c, 1) == 0);     /* the program runs */
	check_error(setpgid(p, p), EACCES);
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

/* The middle process ends: its stopped child's group becomes an orphan and gets SIGHUP and SIGCONT. */
static void orphaned_group(void)
{
	int out[2];
	char c = 0;
	pid_t p;

	if (pipe(out)) _exit(99);
	p = fork();
	if (p == 0) {
		pid_t q;

		setsid();
		q = fork();
		if (q == 0) {
			setpgid(0, 0);
			signal(SIGHUP, on_hup);
			kill(getpid(), SIGTSTP);                /* it stops: its parent is of another group */
			c = hups ? 'h' : '-';
			if (write(out[1], &c, 1) != 1) _exit(1);
			kill(getpid(), SIGTSTP);                /* nobody could continue it now: nothing happens */
			c = 'n';
			if (write(out[1], &c, 1) != 1) _exit(1);
			_exit(0);
		}
		waitpid(q, NULL, WUNTRACED);
		_exit(0);
	}
	close(out[1]);
	waitpid(p, NULL, 0);
	check(read(out[0], &c, 1) == 1 && c == 'h');
	check(read(out[0], &c, 1) == 1 && c == 'n');
}

static void orphans(void)
{
	pid_t middle, p;
	int st;

	check(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	middle = fork();
	if (middle == 0) {
		p = fork();
		if (p == 0) {
			for (int i = 0; i < PATIENCE / 10 && getppid() != getpgrp(); i++) ms_sleep(10);
			_exit(getppid() == getpgrp() ? 21 : 22);
		}
		_exit(0);
	}
	check(waitpid(middle, &st, 0) == middle);
	check(waitpid(-1, &st, 0) > 0 && WEXITSTATUS(st) == 21);        /* in_child() made us a group's leader below */
	prctl(PR_SET_CHILD_SUBREAPER, 0);

	middle = fork();
	if (middle == 0) {
		p = fork();
		if (p == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			ms_sleep(10000);
			_exit(0);
		}
		ms_sleep(50);
		_exit(0);
	}
	check(waitpid(middle, &st, 0) == middle);
}

static void subreaper(void)
{
	setpgid(0, 0);
	orphans();
}

/* A SIGCONT is never lost, not even one that comes while the process is about to stop. */
static void stop_and_continue_at_once(void)
{
	volatile long *n = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t p = fork();
	long was;

	if (p == 0) for (;;) ++*n;
	for (int i = 0; i < 500; i++) {
		kill(p, SIGSTOP);
		for (volatile int k = 0; k < i * 40; k++) { }
		kill(p, SIGCONT);
		was = *n;
		for (long from = ms_now(); *n == was && ms_now() - from < PATIENCE;) sched_yield();
		if (*n == was) break;
	}
	check(*n != was);
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

#define ROBUST_PAGES 600
static volatile int leaving;

static void *stopper(void *arg)
{
	while (!leaving) ms_sleep(1);
	ms_sleep(10);
	kill(getpid(), SIGSTOP);
	return arg;
}

/* The last words of a thread take long: a robust list (set_robust_list(2)) on pages that have to be read from the disk,
 * each far from the one before. */
static void exit_slowly(const char *file)
{
	struct node { struct node *next; long offset; struct node *pending; } *n;
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *m;

	unlink(file);
	ftruncate(fd, ROBUST_PAGES * 4096);
	m = mmap(NULL, ROBUST_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (int i = 0; i < ROBUST_PAGES; i++) {
		n = (struct node *)(m + (i * 37 % ROBUST_PAGES) * 4096);
		n->next = (struct node *)(m + ((i + 1) * 37 % ROBUST_PAGES) * 4096);
	}
	msync(m, ROBUST_PAGES * 4096, MS_SYNC | MS_INVALIDATE);
	madvise(m, ROBUST_PAGES * 4096, MADV_RANDOM);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	syscall(SYS_set_robust_list, m, 24L);
	leaving = 1;
	syscall(SYS_exit_group, 7);
}

/* exit_group() ends threads that are stopped, too. */
static void ends_while_another_thread_is_stopped(void)
{
	pthread_t t;
	int st = 0;
	pid_t p = fork();

	if (p == 0) {
		pthread_create(&t, NULL, stopper, NULL);
		exit_slowly("slow");
	}
	for (int i = 0; i < PATIENCE / 50 && waitpid(p, &st, WNOHANG) == 0; i++) ms_sleep(50);
	check(WIFEXITED(st) && WEXITSTATUS(st) == 7);
	kill(p, SIGKILL);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		pause();
		return 0;
	}
	setenv("SELF", argv[0], 1);
	in_child(groups);
	in_child(setpgid_after_exec);
	in_child(orphaned_group);
	in_child(subreaper);
	in_child(stop_and_continue_at_once);
	in_child(ends_while_another_thread_is_stopped);
	return checked();
}
