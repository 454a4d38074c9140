/* SPDX-License-Identifier: MIT */
/* user/conformance/wakeups.c - who sleeps is woken when he has to be, and only then: words of robust mutexes whose owner
 * dies between unlocking and waking, calls that no signal interrupts, several who wait for one signal, those whose CPU is
 * in a call of many seconds.  Runs on Linux too.
 */
#include "check.h"

#include <pthread.h>
#include <sys/mman.h>

enum { FUTEX_WAIT = 0, FUTEX_OWNER_DIED = 0x40000000 };
#define FUTEX_WAITERS 0x80000000

static volatile int *shared;            /* words that parent and children have in common */

static long futex(volatile int *word, int op, int val) { return syscall(SYS_futex, word, op, val, NULL, NULL, 0); }

/* Dies in the middle of an unlock: pending is said, the word holds `left` already, the waiter was not woken. */
static void unlock_and_die(int left)
{
	static struct { void *next; long offset; volatile void *pending; } head = {&head, 0, NULL};     /* get_robust_list(2) */

	head.pending = shared;
	syscall(SYS_set_robust_list, &head, sizeof(head));
	shared[0] = left;
	raise(SIGKILL);
}

/* The last word of robust_futexes.rst: the kernel wakes in his stead.  left: a word without an owner */
static void robust_pending(int left)
{
	const int locked = (int)(12345 | FUTEX_WAITERS);
	pid_t waiter, owner;
	int st = -1;

	shared[0] = locked;
	waiter = fork();
	if (!waiter) _exit(futex(shared, FUTEX_WAIT, locked) ? 1 : 0);
	ms_sleep(50);
	owner = fork();
	if (!owner) unlock_and_die(left);
	check(waitpid(owner, NULL, 0) == owner);
	for (int i = 0; i < 40 && waitpid(waiter, &st, WNOHANG) == 0; i++) ms_sleep(50);
	check(WIFEXITED(st) && WEXITSTATUS(st) == 0);
	if (st == -1) kill(waiter, SIGKILL), waitpid(waiter, NULL, 0);
}

static void robust(void)
{
	robust_pending(0);
	robust_pending((int)(FUTEX_WAITERS | FUTEX_OWNER_DIED));
}

static volatile int signals;
static void on_signal(int sig) { (void)sig, signals++; }

/* Calls that Linux never ends with EINTR, whoever answers them. */
static void uninterrupted(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct rlimit r;
	pid_t other;
	long until = ms_now() + 500;
	int eintr = 0;

	sigaction(SIGUSR1, &sa, NULL);
	other = fork();
	for (pid_t me = getppid(); !other;) kill(me, SIGUSR1);
	while (ms_now() < until || signals < 20) {
		if (mkdir("/tmp/wakeups", 0755) || chmod("/tmp/wakeups", 0700) || rmdir("/tmp/wakeups")) eintr++;
		if (getrlimit(RLIMIT_NOFILE, &r) || getpgid(0) < 0 || getpriority(PRIO_PROCESS, 0) < 0) eintr++;
	}
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	check(eintr == 0);
}

static volatile int took[2];

static void *signal_waiter(void *arg)
{
	int *n = arg;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	while (took[*n] < 10) {
		if (sigwaitinfo(&set, NULL) == SIGUSR2) took[*n]++;
	}
	return NULL;
}

/* A signal to the process is for one of them; the other goes on waiting. */
static void sigwaits(void)
{
	static int who[2] = {0, 1};
	pthread_t t[2];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 2; i++) check(!pthread_create(&t[i], NULL, signal_waiter, &who[i]));
	for (int sent = 0; sent < 20; sent++) {
		kill(getpid(), SIGUSR2);
		for (int ms = 0; took[0] + took[1] <= sent && ms < 1000; ms++) ms_sleep(1);
		check(took[0] + took[1] == sent + 1);
	}
}

/* One system call of some seconds, on the same CPU as whoever looks. */
static void long_call(long (*call)(char *buf, size_t n))
{
	const size_t n = 48 << 20;
	char *buf = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long from, longest = 0, at;
	pid_t p;

	memset(buf, 1, n);
	shared[1] = 0;
	p = fork();
	if (p == 0) {
		memset(buf, 2, n);
		at = ms_now();
		if (call(buf, n)) _exit(1);
		shared[1] = (int)(ms_now() - at) + 1;
		_exit(0);
	}
	for (from = ms_now(); !shared[1] && ms_now() - from < 60000;) {
		at = ms_now();
		ms_sleep(1);
		if (ms_now() - at > longest) longest = ms_now() - at;
	}
	check(child_end(p) == 0);
	if (longest * 3 > (long)shared[1] && longest > 100)
		printf("a call of %ld ms, nobody else for %ld ms\n", (long)shared[1], longest);
	check(longest * 3 <= (long)shared[1] || longest <= 100);
	munmap(buf, n);
}

/* Of many pages that are not there. */
static long residents(char *buf, size_t n)
{
	char *at = mmap(NULL, n / 8 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return mincore(at, n / 8 * 4096, (unsigned char *)buf);
}

static void long_calls(void)
{
	unsigned long one = 1;

	check(!syscall(SYS_sched_setaffinity, 0, sizeof(one), &one));
	long_call(residents);
}

int main(void)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	in_child(robust);
	in_child(uninterrupted);
	in_child(sigwaits);
	in_child(long_calls);
	return checked();
}
