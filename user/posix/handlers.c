/* SPDX-License-Identifier: MIT */
/* user/posix/handlers.c - SG3: calls that signals interrupt; SG4: handlers in handlers, and what masks keep back. */
#include <poll.h>
#include <sys/time.h>
#include <time.h>

#include "posix.h"

#define RW (PROT_READ | PROT_WRITE)

static volatile int count, seen[16];
static char *volatile area;
static volatile int file;
static volatile pid_t child;
static int ends[2];
static sigjmp_buf out;

static void on(int signo, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags};

	must(sigaction(signo, &sa, NULL) == 0);
}

static void block(int how, int signo)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, signo);
	must(sigprocmask(how, &s, NULL) == 0);
}

static bool pending(int signo)
{
	sigset_t s;

	must(sigpending(&s) == 0);
	return sigismember(&s, signo);
}

/* Writes down which signal it was. */
static void note(int signo, siginfo_t *si, void *context)
{
	(void)si;
	(void)context;
	if (count < 16) seen[count] = signo;
	count++;
}

/* SIGALRM after 10 ms and then every 10 ms, so that a call which was not yet asleep is interrupted as well. */
static void alarms(void)
{
	struct itimerval t = {{0, 10000}, {0, 10000}};

	must(setitimer(ITIMER_REAL, &t, NULL) == 0);
}

/* Where nothing is mapped. */
static char *nowhere(void)
{
	char *p = map_at(-1, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	must(munmap(p, PAGE) == 0);
	return p;
}

/* ---- SG3 */

static void feed(int signo, siginfo_t *si, void *context)
{
	(void)signo;
	(void)si;
	(void)context;
	if (++count == 2) (void)!write(ends[1], "x", 1);
}

TEST(SG3, a_read_is_restarted_with_sa_restart)
{
	char c = 0;

	must(pipe(ends) == 0);
	on(SIGALRM, feed, SA_RESTART);
	alarms();
	expect(read(ends[0], &c, 1) == 1 && c == 'x');
	expect(count >= 2);
}

TEST(SG3, a_read_is_interrupted_without_it)
{
	char c = 0;

	must(pipe(ends) == 0);
	on(SIGALRM, note, 0);
	alarms();
	expect_error(read(ends[0], &c, 1), EINTR);
	expect(count >= 1 && c == 0);
}

TEST(SG3, a_write_that_moved_bytes_returns_their_number)
{
	static char b[1 << 20];
	ssize_t n;

	must(pipe(ends) == 0);
	on(SIGALRM, note, 0);
	alarms();
	n = write(ends[1], b, sizeof(b));
	expect(n >= PAGE && n < (ssize_t)sizeof(b));
	expect_error(write(ends[1], b, PAGE), EINTR);
}

static void end_child(int signo, siginfo_t *si, void *context)
{
	(void)signo;
	(void)si;
	(void)context;
	if (++count == 2) kill(child, SIGTERM);
}

TEST(SG3, waiting_for_a_child_is_restarted_or_interrupted)
{
	int st = 0;

	fflush(stdout);
	child = fork();
	must(child >= 0);
	if (child == 0) {
		for (;;) pause();
	}
	on(SIGALRM, note, 0);
	alarms();
	expect_error(waitpid(child, &st, 0), EINTR);
	count = 0;
	on(SIGALRM, end_child, SA_RESTART);
	expect(waitpid(child, &st, 0) == child);
	expect(WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM && count >= 2);
}

TEST(SG3, sleep_poll_and_pause_are_never_restarted)
{
	struct timespec want = {30, 0}, left = {0, 0};
	struct pollfd none;

	on(SIGALRM, note, SA_RESTART);
	alarms();
	expect_error(nanosleep(&want, &left), EINTR);
	expect(left.tv_sec >= 20 && left.tv_sec < 30);
	must(pipe(ends) == 0);
	none = (struct pollfd){ends[0], POLLIN, 0};
	expect_error(poll(&none, 1, 30000), EINTR);
	expect_error(pause(), EINTR);
	expect(count >= 3);
}

/* ---- SG4 */

static void raise_both(int signo, siginfo_t *si, void *context)
{
	note(signo, si, context);
	if (count == 1) {
		raise(SIGUSR1);
		raise(SIGUSR2);
		seen[count++] = pending(SIGUSR1) + 2 * pending(SIGUSR2);
	}
}

TEST(SG4, a_handler_blocks_its_own_signal_and_those_of_its_mask)
{
	struct sigaction sa = {.sa_sigaction = raise_both, .sa_flags = SA_SIGINFO};

	sigaddset(&sa.sa_mask, SIGUSR2);
	must(sigaction(SIGUSR1, &sa, NULL) == 0);
	on(SIGUSR2, note, 0);
	raise(SIGUSR1);
	expect(count == 4);
	expect(seen[0] == SIGUSR1 && seen[1] == 3);     /* both were kept until the handler had returned */
	expect(seen[2] + seen[3] == SIGUSR1 + SIGUSR2);
	expect(!pending(SIGUSR1) && !pending(SIGUSR2));
}

TEST(SG4, other_signals_are_handled_inside_a_handler)
{
	on(SIGUSR1, raise_both, SA_NODEFER);
	on(SIGUSR2, note, 0);
	raise(SIGUSR1);
	expect(count == 4);
	expect(seen[0] == SIGUSR1 && seen[1] == SIGUSR1 && seen[2] == SIGUSR2 && seen[3] == 0);
}

static void leave(int signo, siginfo_t *si, void *context)
{
	note(signo, si, context);
	siglongjmp(out, 1);
}

static void grow_file(int signo, siginfo_t *si, void *context)
{
	(void)signo;
	(void)context;
	if (si->si_code != BUS_ADRERR || file < 0) _exit(9);
	if (ftruncate(file, PAGE)) _exit(8);
}

static void fault_in_turn(int signo, siginfo_t *si, void *context)
{
	note(signo, si, context);
	mprotect(area, PAGE, RW);
	*(volatile char *)(area + PAGE + 1) = 'b';
	seen[count++] = area[PAGE + 1];
}

TEST(SG4, a_fault_in_a_handler_is_handled_and_both_are_mended)
{
	int fd = new_file("f", 0);

	file = fd;
	area = map_at(-1, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	must(mmap(area + PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0) == area + PAGE);
	must(mprotect(area, PAGE, PROT_READ) == 0);
	on(SIGSEGV, fault_in_turn, 0);
	on(SIGBUS, grow_file, 0);
	*(volatile char *)area = 'a';
	expect(area[0] == 'a' && area[PAGE + 1] == 'b');
	expect(count == 2 && seen[0] == SIGSEGV && seen[1] == 'b');
}

TEST(SG4, siglongjmp_restores_the_mask)
{
	sigset_t s;

	on(SIGSEGV, leave, 0);
	for (int i = 0; i < 3; i++) {
		if (sigsetjmp(out, 1) == 0) *(volatile char *)nowhere() = 1;
		expect(count == i + 1 && seen[i] == SIGSEGV);
		must(sigprocmask(SIG_BLOCK, NULL, &s) == 0);
		expect(!sigismember(&s, SIGSEGV));
	}
}

static void fault_while_blocked(void *unused)
{
	(void)unused;
	on(SIGSEGV, note, 0);
	block(SIG_BLOCK, SIGSEGV);
	*(volatile char *)nowhere() = 1;
}

TEST(SG4, a_fault_whose_signal_is_blocked_ends_the_process)
{
	expect(in_child(fault_while_blocked, NULL) == 128 + SIGSEGV);
}

TEST(SG4, a_blocked_signal_waits_and_comes_once)
{
	on(SIGUSR1, note, 0);
	block(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	raise(SIGUSR1);
	expect(count == 0 && pending(SIGUSR1));
	block(SIG_UNBLOCK, SIGUSR1);
	expect(count == 1 && seen[0] == SIGUSR1 && !pending(SIGUSR1));
}

TEST(SG4, a_pending_signal_that_becomes_ignored_is_gone)
{
	block(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	must(pending(SIGUSR1));
	must(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	expect(!pending(SIGUSR1));
	on(SIGUSR1, note, 0);
	block(SIG_UNBLOCK, SIGUSR1);
	expect(count == 0);
}

TEST(SG4, a_handler_that_resets_itself_runs_once)
{
	struct sigaction now;

	on(SIGUSR1, note, SA_RESETHAND);
	raise(SIGUSR1);
	expect(count == 1);
	must(sigaction(SIGUSR1, NULL, &now) == 0);
	expect(now.sa_handler == SIG_DFL);
	expect_error(sigaction(SIGKILL, &now, NULL), EINVAL);
	expect_error(sigaction(SIGSTOP, &now, NULL), EINVAL);
}

TEST(SG4, sigsuspend_waits_with_another_mask_and_puts_the_old_one_back)
{
	sigset_t none, s;

	on(SIGUSR1, note, 0);
	block(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	sigemptyset(&none);
	expect_error(sigsuspend(&none), EINTR);
	expect(count == 1);
	must(sigprocmask(SIG_BLOCK, NULL, &s) == 0);
	expect(sigismember(&s, SIGUSR1));
}
