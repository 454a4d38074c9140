/* SPDX-License-Identifier: MIT */
/* user/conformance/signals.c - handlers, masks, interrupted calls, frames and alternate stacks.  Runs on Linux too. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static int failed, checks;
static volatile int got, nested;
static char *page;
static volatile double spoiled = 1.5;

static void check(int ok, const char *what)
{
	checks++;
	if (ok) return;
	failed++;
	printf("not ok: %s (errno %d)\n", what, errno);
}

static void note(int signo) { got = signo; }

/* Runs one inside the other: counts how deep. */
static void again(int signo)
{
	if (++nested < 3) raise(signo);
}

/* Makes the page writable, and spoils the vector registers. */
static void mend(int signo, siginfo_t *si, void *context)
{
	(void)context;
	got = signo;
	spoiled = spoiled * 2.5 + 1;
	mprotect((void *)((unsigned long)si->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}

/* Skips the instruction: the frame is what counts. */
static void skip(int signo, siginfo_t *si, void *context)
{
	ucontext_t *c = context;

	(void)si;
	got = signo;
	c->uc_mcontext.gregs[REG_RIP] += 2;
}

static volatile unsigned long seen __attribute__((used));

/* Tells what it finds in a register that a function leaves as it is. */
__attribute__((naked)) static void look(int signo)
{
	(void)signo;
	__asm__("mov %rbx, seen(%rip); ret");
}

static void handle(int signo, void (*fn)(int), int flags)
{
	struct sigaction sa = {.sa_handler = fn, .sa_flags = flags};

	sigaction(signo, &sa, NULL);
}

static void handle_info(int signo, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags};

	sigaction(signo, &sa, NULL);
}

static void alarm_ms(int ms)
{
	struct timeval t = {ms / 1000, ms % 1000 * 1000};
	struct itimerval it = {t, t};           /* again and again: the first may come before the call that it interrupts */

	got = 0;
	setitimer(ITIMER_REAL, &it, NULL);
}

static void masks(void)
{
	sigset_t one, old, pending, none;

	handle(SIGUSR1, note, 0);
	raise(SIGUSR1);
	check(got == SIGUSR1, "a handler runs");
	sigemptyset(&none);
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	sigprocmask(SIG_BLOCK, &one, &old);
	got = 0;
	raise(SIGUSR1);
	sigpending(&pending);
	check(got == 0 && sigismember(&pending, SIGUSR1), "blocked: pending, not delivered");
	check(sigsuspend(&none) == -1 && errno == EINTR && got == SIGUSR1, "sigsuspend lets it through");
	sigprocmask(SIG_BLOCK, NULL, &pending);
	check(sigismember(&pending, SIGUSR1), "and puts the mask back");
	got = 0;
	raise(SIGUSR1);
	sigprocmask(SIG_SETMASK, &old, NULL);
	check(got == SIGUSR1, "unblocked: delivered at once");
}

static void flags(void)
{
	handle(SIGUSR2, again, SA_NODEFER);
	nested = 0;
	raise(SIGUSR2);
	check(nested == 3, "SA_NODEFER: the handler is interrupted by its own signal");
	handle(SIGUSR2, again, 0);
	nested = 1;
	raise(SIGUSR2);
	check(nested >= 2, "without it the second waits for the first");
	handle(SIGUSR2, note, SA_RESETHAND);
	raise(SIGUSR2);
	check(signal(SIGUSR2, SIG_DFL) == SIG_DFL, "SA_RESETHAND: the default action is back");
	check(signal(SIGKILL, note) == SIG_ERR && errno == EINVAL, "SIGKILL: EINVAL");
	check(kill(-12345, 0) == -1 && errno == ESRCH, "no such group: ESRCH");
	check(kill(getpid(), 99) == -1 && errno == EINVAL, "no such signal: EINVAL");
}

static void interrupted(void)
{
	struct timespec minute = {60, 0}, left = {0}, from, now;
	int p[2], status;
	char c;
	pid_t child;

	if (pipe(p)) return;
	handle(SIGALRM, note, 0);
	alarm_ms(20);
	check(read(p[0], &c, 1) == -1 && errno == EINTR && got == SIGALRM, "read without SA_RESTART: EINTR");
	alarm_ms(20);
	clock_gettime(CLOCK_MONOTONIC, &from);
	check(nanosleep(&minute, &left) == -1 && errno == EINTR && left.tv_sec < 60, "nanosleep: EINTR");
	clock_gettime(CLOCK_MONOTONIC, &now);
	check(now.tv_sec - from.tv_sec + left.tv_sec >= 59, "and what is left");
	alarm_ms(20);
	check(pause() == -1 && errno == EINTR && got == SIGALRM, "pause: EINTR");
	handle(SIGALRM, note, SA_RESTART);
	child = fork();
	if (child == 0) {
		usleep(100000);
		_exit(write(p[1], "z", 1) != 1);
	}
	alarm_ms(20);
	check(read(p[0], &c, 1) == 1 && c == 'z' && got == SIGALRM, "read with SA_RESTART goes on");
	alarm_ms(0);
	waitpid(child, &status, 0);
}

/* So a chain of frame pointers leads on from the handler. */
static void registers(void)
{
	long rc = SYS_kill;

	handle(SIGUSR1, look, 0);
	__asm__ volatile("syscall" : "+a"(rc) : "D"(getpid()), "S"(SIGUSR1), "b"(0x5157ul) : "rcx", "r11", "memory");
	check(rc == 0 && seen == 0x5157, "a handler begins with the registers of what it interrupts");
}

static void frames(void)
{
	static char stack[65536];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
	double x = 3.25;

	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	handle_info(SIGSEGV, mend, 0);
	got = 0;
	__asm__ volatile("" : "+x"(x));
	page[100] = 'x';
	__asm__ volatile("" : "+x"(x));
	check(got == SIGSEGV && page[100] == 'x', "a fault that the handler mends");
	check(x == 3.25, "vector registers come back");
	signal(SIGSEGV, SIG_DFL);
	handle_info(SIGILL, skip, 0);
	got = 0;
	__asm__ volatile("ud2");
	check(got == SIGILL, "a changed rip is where it goes on");
	check(sigaltstack(&ss, NULL) == 0, "sigaltstack");
	handle_info(SIGILL, skip, SA_ONSTACK);
	got = 0;
	__asm__ volatile("ud2");
	check(got == SIGILL && sigaltstack(NULL, &ss) == 0 && ss.ss_flags == 0, "a handler on the alternate stack");
	memset(stack, 0, sizeof(stack));
}

int main(void)
{
	masks();
	flags();
	interrupted();
	registers();
	frames();
	printf("%d checks, %d failed\n", checks, failed);
	return failed != 0;
}
