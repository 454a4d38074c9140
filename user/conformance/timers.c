/* SPDX-License-Identifier: MIT */
/* user/conformance/timers.c - interval timers, POSIX timers, timerfd, eventfd, limits of CPU time.  Runs on Linux too. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timerfd.h>

static volatile int rings[65];
static volatile siginfo_t last;

static void ring(int signo, siginfo_t *si, void *uc)
{
	(void)uc;
	rings[signo]++;
	last = *si;
}

static void catch(int signo)
{
	struct sigaction sa = {.sa_sigaction = ring, .sa_flags = SA_SIGINFO | SA_RESTART};

	sigaction(signo, &sa, NULL);
}

static struct timespec ms(long n) { return (struct timespec){n / 1000, n % 1000 * 1000000}; }

/* Until the signal has come so often; how often it had. */
static int await(int signo, int n)
{
	for (long from = ms_now(); rings[signo] < n && ms_now() - from < PATIENCE;) ms_sleep(5);
	return rings[signo];
}

/* The two timers of CPU time do not run while we sleep. */
static int sleeping_is_free(void)
{
	struct itimerval it = {{0, 0}, {0, 60000}}, left;

	rings[SIGVTALRM] = rings[SIGPROF] = 0;
	check(setitimer(ITIMER_VIRTUAL, &it, NULL) == 0 && setitimer(ITIMER_PROF, &it, NULL) == 0);
	ms_sleep(100);
	return !rings[SIGVTALRM] && !rings[SIGPROF] && getitimer(ITIMER_PROF, &left) == 0 &&
	       left.it_value.tv_usec > 20000;
}

static void interval_timers(void)
{
	struct itimerval it = {{0, 20000}, {0, 50000}}, old;
	long from = ms_now();

	catch(SIGALRM);
	catch(SIGVTALRM);
	catch(SIGPROF);
	check(setitimer(ITIMER_REAL, &it, NULL) == 0);
	check(getitimer(ITIMER_REAL, &old) == 0 && old.it_interval.tv_usec == 20000 && old.it_value.tv_usec <= 50000);
	check(await(SIGALRM, 3) >= 3 && ms_now() - from >= 88);
	it = (struct itimerval){{0, 0}, {0, 0}};
	check(setitimer(ITIMER_REAL, &it, &old) == 0 && old.it_interval.tv_usec == 20000 && old.it_value.tv_usec > 0);
	rings[SIGALRM] = 0;
	ms_sleep(60);
	check(rings[SIGALRM] == 0);

	check(AGAIN(sleeping_is_free()));
	for (from = ms_now(); !rings[SIGPROF] && ms_now() - from < PATIENCE;) { }
	check(rings[SIGPROF] == 1);
	for (volatile long i = 0; !rings[SIGVTALRM] && i < 4000000000; i++) { }
	check(rings[SIGVTALRM] == 1);
	check_error(getitimer(3, &old), EINVAL);
	it.it_value.tv_usec = 1000000;
	check_error(setitimer(ITIMER_REAL, &it, NULL), EINVAL);
	check(AGAIN(alarm(10) == 0 && alarm(0) == 10));
}

/* kernel's own numbers: musl's timer_t is not one */
static int timer_make(int clock, int notify, int signo, int tid)
{
	struct { uint64_t value; int signo, notify, tid, pad[11]; } e = {5, signo, notify, tid, {0}};
	int id = -1;

	return syscall(SYS_timer_create, clock, &e, &id) ? -1 : id;
}

static long timer_go(int id, int flags, struct timespec value, struct timespec interval)
{
	struct itimerspec it = {interval, value};

	return syscall(SYS_timer_settime, id, flags, &it, NULL);
}

/* Of this clock; not more than 0: it is past. */
static long ms_until(int clock, const struct timespec *when)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (when->tv_sec - now.tv_sec) * 1000 + (when->tv_nsec - now.tv_nsec) / 1000000;
}

static void posix_timers(void)
{
	static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
	struct itimerspec it;
	struct timespec now;
	siginfo_t si;
	sigset_t s;
	long from;
	int id;

	catch(SIGUSR1);
	for (int i = 0; i < 3; i++) {
		rings[SIGUSR1] = 0;
		id = timer_make(clocks[i], SIGEV_SIGNAL, SIGUSR1, 0);
		check(id >= 0 && timer_go(id, 0, ms(100300), ms(0)) == 0);
		check(syscall(SYS_timer_gettime, id, &it) == 0 && it.it_value.tv_sec > 0 && it.it_value.tv_sec <= 100);
		check(it.it_value.tv_sec < 100 || it.it_value.tv_nsec <= 300000000);
		check(timer_go(id, 0, ms(30), ms(0)) == 0 && await(SIGUSR1, 1) == 1 && last.si_code == SI_TIMER &&
		      last.si_timerid == id && last.si_value.sival_int == 5);
		check(syscall(SYS_timer_gettime, id, &it) == 0 && it.it_value.tv_nsec == 0 && it.it_value.tv_sec == 0);
		clock_gettime(clocks[i], &now);
		now.tv_nsec += 20000000;
		if (now.tv_nsec >= 1000000000) now.tv_sec++, now.tv_nsec -= 1000000000;
		check(timer_go(id, TIMER_ABSTIME, now, ms(0)) == 0);
		check(await(SIGUSR1, 2) == 2 && ms_until(clocks[i], &now) <= 0);
		check(timer_go(id, TIMER_ABSTIME, ms(1), ms(0)) == 0 && await(SIGUSR1, 3) == 3);        /* long ago */
		ms_sleep(20);
		check(rings[SIGUSR1] == 3 && syscall(SYS_timer_delete, id) == 0);
		check_error(syscall(SYS_timer_delete, id), EINVAL);
	}

	/* a repeated one that nobody takes: one signal, the rest are overruns */
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	rings[SIGUSR1] = 0;
	id = timer_make(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGUSR1, getpid());
	from = ms_now();
	check(timer_go(id, 0, ms(10), ms(10)) == 0);
	ms_sleep(105);
	check(sigwaitinfo(&s, &si) == SIGUSR1 && si.si_overrun >= 7 && si.si_overrun <= (ms_now() - from) / 10);
	check(syscall(SYS_timer_getoverrun, id) == si.si_overrun && !rings[SIGUSR1]);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
	check(await(SIGUSR1, 2) >= 2);
	check(timer_go(id, 0, ms(0), ms(0)) == 0 && syscall(SYS_timer_gettime, id, &it) == 0 &&
	      it.it_value.tv_nsec == 0);
	syscall(SYS_timer_delete, id);

	id = timer_make(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
	check(AGAIN(timer_go(id, 0, ms(10000), ms(0)) == 0 && syscall(SYS_timer_gettime, id, &it) == 0 &&
	            it.it_value.tv_sec == 9));
	check(timer_make(77, SIGEV_SIGNAL, SIGUSR1, 0) < 0 && errno == EINVAL);
	check(timer_make(CLOCK_MONOTONIC, SIGEV_SIGNAL, 65, 0) < 0 && errno == EINVAL);
	check(timer_make(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGUSR1, 1) < 0 && errno == EINVAL);
	check_error(timer_go(id, 0, (struct timespec){0, 1000000000}, ms(0)), EINVAL);
	check_error(timer_go(12345, 0, ms(1), ms(0)), EINVAL);
}

static int cpu_timers_sleep(int id, int id2)
{
	rings[SIGUSR1] = rings[SIGUSR2] = 0;
	check(timer_go(id, 0, ms(60), ms(0)) == 0 && timer_go(id2, 0, ms(60), ms(0)) == 0);
	ms_sleep(120);
	return rings[SIGUSR1] == 0 && rings[SIGUSR2] == 0;
}

static void cpu_timers(void)
{
	int id = timer_make(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 0);
	int id2 = timer_make(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR2, 0);

	catch(SIGUSR1);
	catch(SIGUSR2);
	check(id >= 0 && id2 >= 0 && AGAIN(cpu_timers_sleep(id, id2)));
	for (int i = 0; i < 100 && !(rings[SIGUSR1] && rings[SIGUSR2]); i++) ms_burn(120);
	ms_burn(120);
	check(rings[SIGUSR1] == 1 && rings[SIGUSR2] == 1);
}

/* The program that takes the place of one with timers: SIGALRM is to end it. */
static int sleeper(void)
{
	sigset_t s;

	ms_sleep(150);
	if (sigpending(&s) || sigismember(&s, SIGUSR1)) return 1;
	ms_sleep(PATIENCE);
	return 0;
}

static void timers_and_exec(void)
{
	int st;
	pid_t p = fork();

	if (p == 0) {
		struct itimerval it = {{0, 0}, {0, 400000}};
		char *words[] = {"timers", "sleep", NULL};
		sigset_t s;

		sigemptyset(&s);
		sigaddset(&s, SIGUSR1);
		sigprocmask(SIG_BLOCK, &s, NULL);
		check(timer_go(timer_make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0), 0, ms(50), ms(0)) == 0);
		setitimer(ITIMER_REAL, &it, NULL);
		execv(getenv("SELF"), words);
		_exit(1);
	}
	check(waitpid(p, &st, 0) == p && WIFSIGNALED(st) && WTERMSIG(st) == SIGALRM);   /* one stays, one goes */
}

/* ---- descriptors */

static uint64_t take(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, 8) == 8 ? n : 0;
}

static void timerfds(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct itimerspec it = {ms(20), ms(100000)}, got;
	struct pollfd pf = {.fd = fd, .events = POLLIN | POLLOUT};
	long from;
	uint64_t n;
	char c[8] = {0};

	check(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	check_error(read(fd, &n, 8), EAGAIN);
	check(timerfd_settime(fd, 0, &it, NULL) == 0);
	check(timerfd_gettime(fd, &got) == 0 && got.it_interval.tv_nsec == 20000000 && got.it_value.tv_sec > 0);
	check_error(read(fd, &n, 4), EINVAL);
	check(poll(&pf, 1, 0) == 0);
	from = ms_now();
	it.it_value = ms(50);
	check(timerfd_settime(fd, 0, &it, NULL) == 0);
	check(poll(&pf, 1, PATIENCE) == 1 && pf.revents == POLLIN && ms_now() - from >= 49);
	check(take(fd) >= 1);
	ms_sleep(100);
	n = take(fd);
	check(n >= 3 && n <= (uint64_t)(ms_now() - from) / 20);
	fcntl(fd, F_SETFL, 0);
	check(take(fd) >= 1);                           /* waits */
	it = (struct itimerspec){ms(0), ms(1)};
	check(timerfd_settime(fd, TFD_TIMER_ABSTIME, &it, &got) == 0 && got.it_interval.tv_nsec == 20000000);
	check(take(fd) == 1);                           /* long ago */
	it.it_value.tv_nsec = 0;
	check(timerfd_settime(fd, 0, &it, NULL) == 0 && timerfd_gettime(fd, &got) == 0 && got.it_value.tv_nsec == 0);
	check_error(write(fd, c, 8), EINVAL);
	close(fd);
	check_error(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
	check_error(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
	check_error(timerfd_settime(0, 0, &it, NULL), EINVAL);
	check_error(timerfd_gettime(99, &got), EBADF);
}

static void eventfds(void)
{
	int fd = eventfd(3, EFD_NONBLOCK), sem = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	struct pollfd pf = {.fd = fd, .events = POLLIN | POLLOUT};
	uint64_t n = 5;

	check(fd >= 0 && poll(&pf, 1, 0) == 1 && pf.revents == (POLLIN | POLLOUT));
	check(write(fd, &n, 8) == 8 && take(fd) == 8);
	check_error(read(fd, &n, 8), EAGAIN);
	check(poll(&pf, 1, 0) == 1 && pf.revents == POLLOUT);
	n = ~0ull;
	check_error(write(fd, &n, 8), EINVAL);
	n = ~0ull - 1;
	check(write(fd, &n, 8) == 8);
	n = 1;
	check_error(write(fd, &n, 8), EAGAIN);
	check(take(sem) == 1 && take(sem) == 1);
	check_error(read(sem, &n, 8), EAGAIN);
	fcntl(sem, F_SETFL, 0);
	if (fork() == 0) {
		ms_sleep(50);
		n = 1;
		_exit(write(sem, &n, 8) != 8);
	}
	check(take(sem) == 1);
	check_error(eventfd(0, 2), EINVAL);
}

/* It has as much as its parent may have, counted from its own birth; and a limit that is gone is none. */
static void a_childs_cpu_limit(void)
{
	struct rlimit l = {1, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
	int st;
	pid_t p;

	check(setrlimit(RLIMIT_CPU, &l) == 0);
	ms_burn(300);
	p = fork();
	if (p == 0) for (;;) { }
	check(waitpid(p, &st, 0) == p && WIFSIGNALED(st) && WTERMSIG(st) == SIGXCPU);
	p = fork();
	if (p == 0) {
		setrlimit(RLIMIT_CPU, &none);
		ms_burn(1200);
		_exit(7);
	}
	check(waitpid(p, &st, 0) == p && WIFEXITED(st) && WEXITSTATUS(st) == 7);
}

static void cpu_limit(void)
{
	struct rlimit l = {1, 2};
	struct rusage ru;
	int st;
	pid_t p = fork();

	if (p == 0) {
		setrlimit(RLIMIT_CPU, &l);
		for (;;) { }
	}
	check(wait4(p, &st, 0, &ru) == p && WIFSIGNALED(st) && WTERMSIG(st) == SIGXCPU);
	check(cpu_us(&ru) > 500000);          /* Linux counts by ticks for the limit, exactly for the usage */
	p = fork();
	if (p == 0) {
		setrlimit(RLIMIT_CPU, &l);
		signal(SIGXCPU, SIG_IGN);
		for (;;) { }
	}
	check(waitpid(p, &st, 0) == p && WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL);
}

/* More rings are due than anybody could count: what nobody takes notice of rings less and less often. */
static void short_intervals(void)
{
	struct itimerspec it = {{0, 1}, {0, 1}}, got;
	int id = -1, fd = -1;
	struct { uint64_t value; int signo, notify, pad[12]; } none = {.notify = SIGEV_NONE};

	for (int i = 0; i < 300; i++) {
		fd = timerfd_create(CLOCK_MONOTONIC, 0);
		check(fd >= 0 && timerfd_settime(fd, 0, &it, NULL) == 0);
	}
	ms_burn(200);
	check(take(fd) > 1000000);
	check(syscall(SYS_timer_create, -6, &none, &id) == 0 && syscall(SYS_timer_delete, id) == 0);    /* as glibc asks for */
	check(syscall(SYS_timer_create, -2, &none, &id) == 0 && syscall(SYS_timer_delete, id) == 0);    /* its CPU time */
	it = (struct itimerspec){ms(50), ms(50)};
	check(syscall(SYS_timer_create, CLOCK_MONOTONIC, &none, &id) == 0 &&
	      syscall(SYS_timer_settime, id, 0, &it, NULL) == 0);
	for (int i = 0; i < 30; i++) {
		ms_sleep(7);
		check(syscall(SYS_timer_gettime, id, &got) == 0 && got.it_value.tv_nsec > 1 &&
		      got.it_value.tv_nsec <= 50000000);
	}
}

/* Its timers have ended; a limit that is set now must not start one. */
static void limit_of_a_zombie(void)
{
	struct rlimit l = {1, RLIM_INFINITY};

	for (int i = 0; i < 20; i++) {
		pid_t p = fork();
		siginfo_t si;

		if (p == 0) _exit(0);
		check(waitid(P_PID, p, &si, WEXITED | WNOWAIT) == 0);
		check(prlimit(p, RLIMIT_CPU, &l, NULL) == 0);
		check(waitpid(p, NULL, 0) == p);
	}
	for (int i = 0; i < 50; i++) {          /* their memory is used again */
		pid_t p = fork();

		if (p == 0) memset(malloc(1 << 20), 0xa5, 1 << 20), _exit(0);
		waitpid(p, NULL, 0);
	}
	ms_sleep(100);
}

int main(int argc, char **argv)
{
	if (argc > 1) return sleeper();
	setenv("SELF", argv[0], 1);
	in_child(interval_timers);
	in_child(posix_timers);
	in_child(cpu_timers);
	in_child(timers_and_exec);
	in_child(timerfds);
	in_child(short_intervals);
	in_child(limit_of_a_zombie);
	in_child(eventfds);
	in_child(cpu_limit);
	in_child(a_childs_cpu_limit);
	return checked();
}
