/* SPDX-License-Identifier: MIT */
/* user/conformance/children.c - clone, clone3, wait4, waitid, usage, limits.  Runs on Linux too. */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static char stack[65536] __attribute__((aligned(16)));
static volatile int shared, hups;

static void on_hup(int signo) { (void)signo, hups++; }

/* ---- clone */

static int store(void *arg)
{
	shared = (int)(long)arg;
	return 5;
}

static void clone_kinds(void)
{
	siginfo_t si;
	int st;
	pid_t p = clone(store, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)7l);

	check(p > 0 && shared == 7);
	check(waitpid(p, &st, 0) == p && WIFEXITED(st) && WEXITSTATUS(st) == 5);
	p = clone(store, stack + sizeof(stack), CLONE_VM | SIGCHLD, (void *)8l);
	check(p > 0 && waitpid(p, &st, 0) == p && shared == 8);
	p = clone(store, stack + sizeof(stack), SIGCHLD, (void *)9l);
	check(p > 0 && waitpid(p, &st, 0) == p && shared == 8);

	/* another signal than SIGCHLD: found with __WCLONE or __WALL alone */
	signal(SIGUSR1, SIG_IGN);
	p = clone(store, stack + sizeof(stack), SIGUSR1, NULL);
	check(p > 0);
	check_error(waitpid(p, &st, 0), ECHILD);
	check(waitpid(p, &st, __WCLONE) == p && WEXITSTATUS(st) == 5);
	p = clone(store, stack + sizeof(stack), 0, NULL);
	check(waitpid(p, &st, __WALL) == p);
	p = fork();
	if (!p) _exit(3);
	check_error(waitpid(p, &st, __WCLONE), ECHILD);
	check(waitid(P_PID, p, &si, WEXITED) == 0 && si.si_status == 3);
}

struct args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tids, cgroup;
};

static long clone3(struct args *a, size_t size)
{
	return syscall(SYS_clone3, a, size);
}

static void clone3_rules(void)
{
	struct { struct args a; char more[64]; } big = {.a = {.exit_signal = SIGCHLD}};
	struct args a = {.exit_signal = SIGCHLD};
	int st, tid = 0;
	long p = clone3(&a, sizeof(a));

	if (p == 0) _exit(11);
	check(p > 0 && waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 11);
	p = clone3(&a, 64);
	if (p == 0) _exit(12);
	check(p > 0 && waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 12);
	p = clone3(&big.a, sizeof(big));
	if (p == 0) _exit(13);
	check(p > 0 && waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 13);
	big.more[40] = 1;
	check_error(clone3(&big.a, sizeof(big)), E2BIG);
	check_error(clone3(&a, 56), EINVAL);
	check_error(clone3(&a, 4097), E2BIG);
	check_error(clone3((void *)16, sizeof(a)), EFAULT);
	a.stack_size = 4096;
	check_error(clone3(&a, sizeof(a)), EINVAL);
	a = (struct args){.exit_signal = SIGCHLD, .stack = (uintptr_t)stack};
	check_error(clone3(&a, sizeof(a)), EINVAL);
	a = (struct args){.exit_signal = 65};
	check_error(clone3(&a, sizeof(a)), EINVAL);
	a = (struct args){.flags = SIGCHLD};
	check_error(clone3(&a, sizeof(a)), EINVAL);
	a = (struct args){.flags = CLONE_THREAD};
	check_error(clone3(&a, sizeof(a)), EINVAL);
	a = (struct args){.exit_signal = SIGCHLD, .set_tids = 1};
	check_error(clone3(&a, sizeof(a)), EINVAL);
	a = (struct args){.exit_signal = SIGCHLD, .flags = CLONE_PARENT_SETTID, .parent_tid = (uintptr_t)&tid};
	p = clone3(&a, sizeof(a));
	if (p == 0) _exit(0);
	check(tid == p && waitpid(p, &st, 0) == p);
	check_error(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL);
	check_error(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0), EINVAL);
	p = syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 0, 1ul << 63);     /* no address */
	if (p == 0) _exit(0);
	check(p == -1 && errno == EPERM);
}

static void clear_sighand(void)
{
	struct args a = {.exit_signal = SIGCHLD, .flags = 0x100000000ull};
	struct sigaction sa;
	int st;
	long p;

	signal(SIGUSR1, on_hup);
	signal(SIGUSR2, SIG_IGN);
	p = clone3(&a, sizeof(a));
	if (p == 0) {
		sigaction(SIGUSR1, NULL, &sa);
		if (sa.sa_handler != SIG_DFL) _exit(1);
		sigaction(SIGUSR2, NULL, &sa);
		_exit(sa.sa_handler != SIG_IGN);
	}
	check(waitpid(p, &st, 0) == p && st == 0);
}

/* ---- wait */

static void waitid_tells(void)
{
	struct rusage ru;
	siginfo_t si;
	pid_t p = fork();

	if (p == 0) {
		ms_burn(30);
		_exit(0x123);
	}
	memset(&si, 1, sizeof(si));
	check(waitid(P_PID, p, &si, WEXITED | WNOHANG | WNOWAIT) == 0);
	memset(&si, 1, sizeof(si));
	check(waitid(P_PID, p, &si, WEXITED | WNOWAIT) == 0);
	check(si.si_signo == SIGCHLD && si.si_code == CLD_EXITED && si.si_pid == p && si.si_uid == getuid() &&
	      si.si_status == 0x23);
	check(syscall(SYS_waitid, P_ALL, 0, &si, WEXITED, &ru) == 0 && si.si_pid == p);
	check(cpu_us(&ru) >= 20000 && ru.ru_minflt > 0);
	check_error(waitid(P_ALL, 0, &si, WEXITED), ECHILD);

	p = fork();
	if (p == 0) for (;;) pause();
	memset(&si, 1, sizeof(si));
	check(waitid(P_ALL, 0, &si, WEXITED | WNOHANG) == 0 && si.si_pid == 0 && si.si_signo == 0);
	kill(p, SIGSTOP);
	check(waitid(P_PID, p, &si, WSTOPPED) == 0 && si.si_code == CLD_STOPPED && si.si_status == SIGSTOP);
	check(waitid(P_PID, p, &si, WSTOPPED | WNOHANG) == 0 && si.si_pid == 0);
	kill(p, SIGCONT);
	check(waitid(P_PGID, getpgrp(), &si, WCONTINUED | WNOWAIT) == 0 && si.si_code == CLD_CONTINUED &&
	      si.si_status == SIGCONT);
	check(waitid(P_PGID, 0, &si, WCONTINUED) == 0 && si.si_pid == p);
	kill(p, SIGKILL);
	check(waitid(P_PID, p, &si, WEXITED) == 0 && si.si_code == CLD_KILLED && si.si_status == SIGKILL);
}

static void wait_errors(void)
{
	siginfo_t si;
	pid_t p = fork();

	if (p == 0) _exit(0);
	check(waitid(P_PID, p, &si, WEXITED | WNOWAIT) == 0);
	check_error(waitid(P_PID, p, &si, WSTOPPED | WNOHANG), ECHILD);         /* a zombie will not stop */
	check_error(waitid(P_PID, p, &si, 0), EINVAL);
	check_error(waitid(P_PID, p, &si, WNOHANG), EINVAL);
	check_error(waitid(P_PID, p, &si, WEXITED | 0x40), EINVAL);
	check_error(waitid(9, p, &si, WEXITED), EINVAL);
	check_error(waitid(P_PID, 0, &si, WEXITED), EINVAL);
	check_error(waitid(P_PIDFD, 777, &si, WEXITED), EBADF);
	check_error(waitpid(p, NULL, WEXITED), EINVAL);
	check_error(waitpid(-p, NULL, 0), ECHILD);
	check_error(syscall(SYS_wait4, -2147483647 - 1, 0, 0, 0), ESRCH);
	check(kill(p, 0) == 0);                 /* a zombie is there */
	check(getpgid(p) == getpgrp());
	check(waitpid(0, NULL, 0) == p);
	check_error(kill(p, 0), ESRCH);
}

static void children_ignored(void)
{
	signal(SIGCHLD, SIG_IGN);
	if (fork() == 0) {
		ms_sleep(30);
		_exit(0);
	}
	check_error(waitpid(-1, NULL, 0), ECHILD);
	signal(SIGCHLD, SIG_DFL);
}

static volatile siginfo_t chld;
static void on_chld(int signo, siginfo_t *si, void *uc) { (void)signo, (void)uc, chld = *si; }

static void sigchld_tells(void)
{
	struct sigaction sa = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO};
	pid_t p;

	sigaction(SIGCHLD, &sa, NULL);
	p = fork();
	if (p == 0) {
		ms_burn(150);
		_exit(9);
	}
	while (waitpid(p, NULL, 0) < 0) { }
	check(chld.si_code == CLD_EXITED && chld.si_pid == p && chld.si_status == 9 && chld.si_uid == getuid());
	check(chld.si_utime + chld.si_stime >= 4 && chld.si_utime + chld.si_stime < 1000);
	p = fork();
	if (p == 0) raise(SIGTERM);
	while (waitpid(p, NULL, 0) < 0) { }
	check(chld.si_code == CLD_KILLED && chld.si_status == SIGTERM);
	for (int i = 0; i < 300; i++) {         /* the signal is never later than the news */
		chld.si_pid = 0;
		p = fork();
		if (p == 0) _exit(0);
		if (waitpid(p, NULL, 0) != p || chld.si_pid != p) break;
		if (i == 299) p = 0;
	}
	check(p == 0);
	sa.sa_flags |= SA_NOCLDWAIT;
	sigaction(SIGCHLD, &sa, NULL);
	chld.si_pid = 0;
	p = fork();
	if (p == 0) _exit(1);
	while (waitpid(p, NULL, 0) < 0 && errno == EINTR) { }
	check(errno == ECHILD && chld.si_pid == p);
}

static volatile int alarms;
static void on_alarm(int signo) { (void)signo, alarms++; }

static pid_t child_for(int ms)
{
	pid_t p = fork();

	if (p == 0) {
		ms_sleep(ms);
		_exit(4);
	}
	return p;
}

/* Another signal ends the waiting, or not (SA_RESTART); the child's own does not. */
static void waiting_and_signals(void)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	pid_t p = child_for(300), q;
	int *st, ended;

	sigaction(SIGALRM, &sa, NULL);
	ualarm(30000, 30000);                   /* again and again: the first may come too early */
	check_error(waitpid(p, NULL, 0), EINTR);
	check_error(waitid(P_PID, p, NULL, WEXITED), EINTR);
	sa.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &sa, NULL);
	alarms = 0;
	check(waitpid(p, NULL, 0) == p && alarms > 0);
	ualarm(0, 0);

	sa.sa_flags = 0;
	sigaction(SIGCHLD, &sa, NULL);
	for (int i = 0; i < 20; i++) {
		st = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		p = child_for(i);
		q = waitpid(p, st, 0);          /* its page is not there when the news come */
		if (q != p || WEXITSTATUS(*st) != 4) break;
		munmap(st, 4096);
		p = 0;
	}
	check(p == 0);
	sa.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &sa, NULL);

	p = fork();
	if (p == 0) {
		child_for(100);
		waitpid(-1, NULL, 0);
		_exit(0);
	}
	ms_sleep(30);
	check(kill(p, SIGKILL) == 0 && waitpid(p, &ended, 0) == p && WTERMSIG(ended) == SIGKILL);
}

/* Signals come while the child is made: fork is none of the calls that they interrupt, whatever the handler asks for. */
static void fork_and_signals(void)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	int made = 0, st;
	pid_t p, from;

	sigaction(SIGALRM, &sa, NULL);
	from = fork();
	while (from == 0) kill(getppid(), SIGALRM);
	alarms = 0;
	for (int i = 0; i < 300; i++) {
		p = (pid_t)syscall(SYS_fork);   /* the C library's blocks all signals */
		if (p == 0) _exit(5);
		while (p > 0 && waitpid(p, &st, 0) < 0 && errno == EINTR) { }
		made += p > 0 && WIFEXITED(st) && WEXITSTATUS(st) == 5;
	}
	check(made == 300 && alarms > 10 && kill(from, SIGKILL) == 0);
}

struct one { pthread_t thread; pid_t child; int ms; };

static void *wait_for_one(void *arg)
{
	struct one *o = arg;

	return (void *)(long)(waitpid(o->child, NULL, 0) == o->child);
}

/* Each thread waits for its own, and the last to end is the first that is waited for. */
static void threads_wait(void)
{
	struct one one[5];
	void *ok;

	for (int i = 0; i < 5; i++) one[i].child = child_for(150 - 30 * i);
	for (int i = 0; i < 5; i++) check(pthread_create(&one[i].thread, NULL, wait_for_one, &one[i]) == 0);
	for (int i = 0; i < 5; i++) check(pthread_join(one[i].thread, &ok) == 0 && ok);
	check_error(waitpid(-1, NULL, 0), ECHILD);
}

/* A child that leaves an orphan, one that is killed while it waits, one that stops and goes on: all are heard of. */
static void one_family(int i)
{
	int st;
	pid_t p = fork();

	if (p == 0) {
		if (fork() == 0) _exit(0);
		_exit(i & 0x7f);
	}
	check(waitpid(p, &st, 0) == p && WIFEXITED(st) && WEXITSTATUS(st) == (i & 0x7f));
	p = fork();
	if (p == 0) {
		if (fork() == 0) for (;;) pause();
		waitpid(-1, NULL, 0);
		_exit(1);
	}
	kill(p, SIGSTOP);
	check(waitpid(p, &st, WUNTRACED) == p && WIFSTOPPED(st));
	kill(p, SIGCONT);
	check(waitpid(p, &st, WCONTINUED) == p && WIFCONTINUED(st));
	kill(p, SIGKILL);
	check(waitpid(p, &st, 0) == p && WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL);
	check_error(waitpid(-1, NULL, 0), ECHILD);
}

static void many_families(void)
{
	pid_t p[6];
	int st;

	for (int i = 0; i < 6; i++) {
		p[i] = fork();
		if (p[i]) continue;
		setpgid(0, 0);
		failed = 0;
		for (int n = 0; n < 40 && !failed; n++) one_family(n);
		kill(0, SIGKILL * !failed);     /* the orphans too */
		_exit(failed);
	}
	for (int i = 0; i < 6; i++) check(waitpid(p[i], &st, 0) == p[i] && WIFSIGNALED(st));
	check_error(waitpid(-1, NULL, 0), ECHILD);
}

static void usage(void)
{
	struct rusage a, b;
	pid_t p = fork();

	if (p == 0) {
		volatile char *much = malloc(16 << 20);

		for (int i = 0; i < 16 << 20; i += 4096) much[i] = 1;
		ms_burn(100);
		_exit(0);
	}
	check(wait4(p, NULL, 0, &a) == p && getrusage(RUSAGE_CHILDREN, &b) == 0);
	check(cpu_us(&a) >= 90000 && cpu_us(&b) >= cpu_us(&a));
	check(a.ru_maxrss >= 16 << 10 && b.ru_maxrss >= 16 << 10 && a.ru_maxrss < 100000);
	ms_burn(50);
	check(getrusage(RUSAGE_SELF, &a) == 0 && getrusage(RUSAGE_THREAD, &b) == 0);
	check(cpu_us(&a) >= 40000 && cpu_us(&b) >= 40000);
	ms_sleep(20);
	check(getrusage(RUSAGE_SELF, &b) == 0 && b.ru_nvcsw > a.ru_nvcsw && b.ru_minflt > 0);
	check_error(getrusage(7, &a), EINVAL);
}

static void nproc(void)
{
	struct rlimit l = {3, 3};
	pid_t p[8];
	int n = 0;

	if (getuid() == 0 && setuid(54321)) return;
	setrlimit(RLIMIT_NPROC, &l);
	while (n < 8 && (p[n] = fork()) > 0) n++;
	if (n < 8 && p[n] == 0) {
		pause();
		_exit(0);
	}
	check(n < 8 && errno == EAGAIN);
	while (n-- > 0) kill(p[n], SIGKILL), waitpid(p[n], NULL, 0);
}

int main(void)
{
	in_child(clone_kinds);
	in_child(clone3_rules);
	in_child(clear_sighand);
	in_child(waitid_tells);
	in_child(wait_errors);
	in_child(children_ignored);
	in_child(sigchld_tells);
	in_child(waiting_and_signals);
	in_child(fork_and_signals);
	in_child(threads_wait);
	in_child(many_families);
	in_child(usage);
	in_child(nproc);
	return checked();
}
