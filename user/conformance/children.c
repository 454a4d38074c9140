/* SPDX-License-Identifier: MIT */
/* user/conformance/children.c - clone, clone3, wait4, waitid, groups, orphans.  Runs on Linux too. */
#include "check.h"

#include <fcntl.h>
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
		ms_burn(60);
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

/* ---- groups and sessions */

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
		char *words[] = {"children", "sleeper", NULL};

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
			ms_sleep(100);
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
		for (long from = ms_now(); *n == was && ms_now() - from < 5000;) sched_yield();
		if (*n == was) break;
	}
	check(*n != was);
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		pause();
		return 0;
	}
	setenv("SELF", argv[0], 1);
	in_child(clone_kinds);
	in_child(clone3_rules);
	in_child(clear_sighand);
	in_child(waitid_tells);
	in_child(wait_errors);
	in_child(children_ignored);
	in_child(sigchld_tells);
	in_child(groups);
	in_child(setpgid_after_exec);
	in_child(orphaned_group);
	in_child(subreaper);
	in_child(stop_and_continue_at_once);
	in_child(usage);
	in_child(nproc);
	return checked();
}
