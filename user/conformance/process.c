/* SPDX-License-Identifier: MIT */
/* user/conformance/process.c - fork, wait, stop and continue, default actions, pipes, clocks.  Runs on Linux too. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int failed, checks;

static void check(int ok, const char *what)
{
	checks++;
	if (ok) return;
	failed++;
	printf("not ok: %s (errno %d)\n", what, errno);
}

/* How a child ended that ran fn. */
static int child(void (*fn)(void))
{
	pid_t p = fork();
	int status = -1;

	if (p == 0) {
		fn();
		_exit(0);
	}
	return waitpid(p, &status, 0) == p ? status : -1;
}

static void load_null(void) { __asm__ volatile("mov 8, %%eax" : : : "eax"); }
static void store_kernel(void) { __asm__ volatile("movl $1, 0xffffffff80100000"); }
static void halt(void) { __asm__ volatile("hlt"); }
static void illegal(void) { __asm__ volatile("ud2"); }
static void divide(void) { __asm__ volatile("xor %%ecx, %%ecx; idiv %%ecx" : : "a"(1), "d"(0) : "ecx"); }
static void leave(void) { _exit(7); }
/* rt_sigreturn (15) with a stack that is nowhere */
static void return_nowhere(void) { __asm__ volatile("mov $0x7000, %%rsp; mov $15, %%eax; syscall" : : : "rax"); }

static void handler_ran(int signo) { (void)signo; }

/* kill(getpid(), SIGUSR1) with a stack that is nowhere: the handler's frame cannot be written */
static void frame_nowhere(void)
{
	signal(SIGUSR1, handler_ran);
	__asm__ volatile("mov $0x7000, %%rsp; mov $39, %%eax; syscall; mov %%eax, %%edi; mov $10, %%esi;"
	                 "mov $62, %%eax; syscall; ud2" : : : "rax", "rdi", "rsi");
}

static void endings(void)
{
	int status = child(leave);

	check(WIFEXITED(status) && WEXITSTATUS(status) == 7, "exit status");
	check(WTERMSIG(child(abort)) == SIGABRT, "abort: SIGABRT");
	check(WTERMSIG(child(load_null)) == SIGSEGV, "a null pointer: SIGSEGV");
	check(WTERMSIG(child(store_kernel)) == SIGSEGV, "the kernel's text: SIGSEGV");
	check(WTERMSIG(child(halt)) == SIGSEGV, "hlt in ring 3: SIGSEGV");
	check(WTERMSIG(child(illegal)) == SIGILL, "ud2: SIGILL");
	check(WTERMSIG(child(divide)) == SIGFPE, "division by zero: SIGFPE");
	check(WTERMSIG(child(return_nowhere)) == SIGSEGV, "sigreturn without a frame: SIGSEGV");
	check(WTERMSIG(child(frame_nowhere)) == SIGSEGV, "no stack for a handler: SIGSEGV");
	check(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD, "ECHILD");
}

static void vfork_child(void)
{
	pid_t p = vfork();
	int status;

	if (p == 0) _exit(9);
	check(waitpid(p, &status, 0) == p && WEXITSTATUS(status) == 9, "vfork");
}

static void families(void)
{
	int status, bad = 0;
	pid_t p;

	for (int i = 0; i < 200; i++) {
		p = fork();
		if (p == 0) _exit(i & 127);
		bad += waitpid(p, &status, 0) != p || WEXITSTATUS(status) != (i & 127);
	}
	check(!bad, "200 children, one after the other");
	p = fork();
	if (p == 0) _exit(setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid() ? 5 : 6);
	check(waitpid(p, &status, 0) == p && WEXITSTATUS(status) == 5, "setsid");
	signal(SIGCHLD, SIG_IGN);
	p = fork();
	if (p == 0) _exit(0);
	check(waitpid(p, &status, 0) == -1 && errno == ECHILD, "SIGCHLD ignored: no zombie");
	signal(SIGCHLD, SIG_DFL);
}

static void stops(void)
{
	struct timespec nap = {0, 150000000};
	pid_t p = fork();
	int status;

	if (p == 0)
		for (;;) pause();
	kill(p, SIGSTOP);
	check(waitpid(p, &status, WUNTRACED) == p && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "stopped");
	kill(p, SIGCONT);
	check(waitpid(p, &status, WCONTINUED) == p && WIFCONTINUED(status), "continued");
	kill(p, SIGSTOP);
	kill(p, SIGKILL);
	check(waitpid(p, &status, 0) == p && WTERMSIG(status) == SIGKILL, "SIGKILL ends a stopped process");

	for (int i = 0; i < 20; i++) {          /* on a busy host it may have slept before it is stopped */
		p = fork();
		if (p == 0) _exit(nanosleep(&nap, NULL) == 0 ? 3 : 4);
		usleep(20000);
		kill(p, SIGSTOP);
		if (waitpid(p, &status, WUNTRACED) == p && WIFSTOPPED(status)) break;
	}
	kill(p, SIGCONT);
	check(waitpid(p, &status, 0) == p && WEXITSTATUS(status) == 3, "a sleep goes on after a stop");
	p = fork();
	if (p == 0)
		for (;;) { }
	usleep(20000);
	kill(p, SIGKILL);
	check(waitpid(p, &status, 0) == p && WTERMSIG(status) == SIGKILL, "a busy loop can be killed");
}

static void shared_memory(void)
{
	int *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), own = 1, status;
	pid_t p = fork();

	for (int i = 0; i < 10000; i++) __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
	if (p == 0) {
		own = 2;
		_exit(own);
	}
	check(waitpid(p, &status, 0) == p && WEXITSTATUS(status) == 2 && own == 1, "private memory is private");
	check(*count == 20000, "shared memory is shared");
}

static void pipe_basics(void)
{
	char b[100];
	struct iovec v[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
	struct pollfd pf[2];
	int p[2];

	check(pipe(p) == 0 && write(p[1], "hello", 5) == 5, "pipe, write");
	check(read(p[0], b, 100) == 5 && !memcmp(b, "hello", 5), "read");
	check(writev(p[1], v, 3) == 5 && read(p[0], b, 100) == 5 && !memcmp(b, "abcde", 5), "writev");
	check(lseek(p[0], 0, SEEK_CUR) == -1 && errno == ESPIPE, "lseek: ESPIPE");
	check(fsync(p[0]) == -1 && errno == EINVAL, "fsync: EINVAL");
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	check(read(p[0], b, 1) == -1 && errno == EAGAIN, "nothing there: EAGAIN");
	pf[0] = (struct pollfd){p[0], POLLIN, 0};
	pf[1] = (struct pollfd){p[1], POLLOUT, 0};
	check(poll(pf, 2, 0) == 1 && pf[1].revents == POLLOUT, "poll: room to write");
	check(write(p[1], "x", 1) == 1 && poll(pf, 1, -1) == 1 && pf[0].revents == POLLIN, "poll: bytes to read");
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	check(write(p[1], b, 1) == -1 && errno == EPIPE, "no reader: EPIPE");
	signal(SIGPIPE, SIG_DFL);
	close(p[1]);
	check(write(p[1], b, 1) == -1 && errno == EBADF, "closed: EBADF");
}

/* 300,000 bytes through a pipe that holds 65,536. */
static void pipe_stream(void)
{
	int p[2], total = 0, bad = 0, status;
	char b[1000];
	ssize_t n;
	pid_t c;

	if (pipe(p)) return;
	c = fork();
	for (int i = 0; c == 0 && i < 300; i++) {
		memset(b, i, sizeof(b));
		if (write(p[1], b, sizeof(b)) != sizeof(b)) _exit(1);
	}
	if (c == 0) _exit(0);
	close(p[1]);
	while ((n = read(p[0], b, 777)) > 0) {
		for (int i = 0; i < n; i++) bad += b[i] != (char)((total + i) / 1000);
		total += n;
	}
	close(p[0]);
	check(n == 0 && total == 300000 && !bad, "all bytes in order, then the end of file");
	check(waitpid(c, &status, 0) == c && status == 0, "the writer wrote all");
}

static void clocks(void)
{
	struct timespec a, b;
	long us;

	clock_gettime(CLOCK_MONOTONIC, &a);
	usleep(50000);
	clock_gettime(CLOCK_MONOTONIC, &b);
	us = (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000;
	check(us >= 50000, "usleep sleeps at least so long");
	check(time(NULL) > 1600000000, "the date is right");
	check(clock_gettime(77, &a) == -1 && errno == EINVAL, "no such clock: EINVAL");
}

/* A vfork child that sleeps: its parent sleeps too, and SIGKILL ends it all the same (Linux vfork(2)). */
static void vfork_parent_killed(void)
{
	pid_t p, ended = 0;
	int status = 0, up[2];
	char c;

	if (pipe(up)) return;
	p = fork();
	if (p == 0) {
		setpgid(0, 0);
		signal(SIGUSR2, handler_ran);
		if (vfork() == 0) {
			if (write(up[1], "x", 1) == 1) pause();
			_exit(0);
		}
		_exit(0);
	}
	check(read(up[0], &c, 1) == 1, "the vfork child runs");
	kill(p, SIGUSR2);
	usleep(20000);
	check(waitpid(p, &status, WNOHANG) == 0, "a handler waits for the vfork child");
	kill(p, SIGKILL);
	for (int i = 0; i < 6000 && !ended; i++) {
		usleep(10000);
		ended = waitpid(p, &status, WNOHANG);
	}
	check(ended == p && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	      "SIGKILL ends the parent of a vfork child");
	kill(-p, SIGKILL);
}

int main(void)
{
	struct rlimit no_core = {0, 0};

	setrlimit(RLIMIT_CORE, &no_core);
	endings();
	vfork_child();
	vfork_parent_killed();
	families();
	stops();
	shared_memory();
	pipe_basics();
	pipe_stream();
	clocks();
	printf("%d checks, %d failed\n", checks, failed);
	return failed != 0;
}
