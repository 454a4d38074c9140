/* SPDX-License-Identifier: MIT */
/* user/conformance/timers.c - interval timers, POSIX timers, timerfd, eventfd, clocks, sleeping.  Runs on Linux too. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
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

static void interval_timers(void)
{
	struct itimerval it = {{0, 20000}, {0, 50000}}, old;
	long from = ms_now();

	catch(SIGALRM);
	catch(SIGVTALRM);
	catch(SIGPROF);
	check(setitimer(ITIMER_REAL, &it, NULL) == 0);
	check(getitimer(ITIMER_REAL, &old) == 0 && old.it_interval.tv_usec == 20000 && old.it_value.tv_usec <= 50000);
	while (rings[SIGALRM] < 3) ms_sleep(5);
	check(ms_now() - from >= 88 && ms_now() - from < 5000);
	it = (struct itimerval){{0, 0}, {0, 0}};
	check(setitimer(ITIMER_REAL, &it, &old) == 0 && old.it_interval.tv_usec == 20000 && old.it_value.tv_usec > 0);
	rings[SIGALRM] = 0;
	ms_sleep(60);
	check(rings[SIGALRM] == 0);

	it = (struct itimerval){{0, 0}, {0, 60000}};
	check(setitimer(ITIMER_VIRTUAL, &it, NULL) == 0 && setitimer(ITIMER_PROF, &it, NULL) == 0);
	ms_sleep(100);                                  /* sleeping does not count */
	check(rings[SIGVTALRM] == 0 && rings[SIGPROF] == 0);
	check(getitimer(ITIMER_PROF, &old) == 0 && old.it_value.tv_usec > 20000);
	for (from = ms_now(); !rings[SIGPROF] && ms_now() - from < 20000;) { }
	check(rings[SIGPROF] == 1);
	for (volatile long i = 0; !rings[SIGVTALRM] && i < 4000000000; i++) { }
	check(rings[SIGVTALRM] == 1);
	check_error(getitimer(3, &old), EINVAL);
	it.it_value.tv_usec = 1000000;
	check_error(setitimer(ITIMER_REAL, &it, NULL), EINVAL);
	check(alarm(10) == 0 && alarm(0) == 10);
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

static void posix_timers(void)
{
	static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
	struct itimerspec it;
	struct timespec now;
	sigset_t s;
	int id, n;

	catch(SIGUSR1);
	for (int i = 0; i < 3; i++) {
		rings[SIGUSR1] = 0;
		id = timer_make(clocks[i], SIGEV_SIGNAL, SIGUSR1, 0);
		check(id >= 0 && timer_go(id, 0, ms(300), ms(0)) == 0);
		check(syscall(SYS_timer_gettime, id, &it) == 0 && it.it_value.tv_nsec > 0 &&
		      it.it_value.tv_nsec <= 300000000);
		ms_sleep(330);
		check(rings[SIGUSR1] == 1 && last.si_code == SI_TIMER && last.si_timerid == id &&
		      last.si_value.sival_int == 5);
		check(syscall(SYS_timer_gettime, id, &it) == 0 && it.it_value.tv_nsec == 0 && it.it_value.tv_sec == 0);
		clock_gettime(clocks[i], &now);
		now.tv_nsec += 20000000;
		if (now.tv_nsec >= 1000000000) now.tv_sec++, now.tv_nsec -= 1000000000;
		check(timer_go(id, TIMER_ABSTIME, now, ms(0)) == 0);
		ms_sleep(60);
		check(rings[SIGUSR1] == 2);
		check(timer_go(id, TIMER_ABSTIME, ms(1), ms(0)) == 0);  /* long ago */
		ms_sleep(20);
		check(rings[SIGUSR1] == 3);
		check(syscall(SYS_timer_delete, id) == 0);
		check_error(syscall(SYS_timer_delete, id), EINVAL);
	}

	/* a repeated one that nobody takes: one signal, the rest are overruns */
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	rings[SIGUSR1] = 0;
	id = timer_make(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGUSR1, getpid());
	check(timer_go(id, 0, ms(10), ms(10)) == 0);
	ms_sleep(105);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
	n = syscall(SYS_timer_getoverrun, id);
	check(rings[SIGUSR1] == 1 && last.si_overrun >= 7 && last.si_overrun <= 500 && n == last.si_overrun);
	ms_sleep(40);
	check(rings[SIGUSR1] >= 2);
	check(timer_go(id, 0, ms(0), ms(0)) == 0 && syscall(SYS_timer_gettime, id, &it) == 0 &&
	      it.it_value.tv_nsec == 0);
	syscall(SYS_timer_delete, id);

	id = timer_make(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
	check(id >= 0 && timer_go(id, 0, ms(10000), ms(0)) == 0);
	check(syscall(SYS_timer_gettime, id, &it) == 0 && it.it_value.tv_sec == 9);
	check(timer_make(77, SIGEV_SIGNAL, SIGUSR1, 0) < 0 && errno == EINVAL);
	check(timer_make(CLOCK_MONOTONIC, SIGEV_SIGNAL, 65, 0) < 0 && errno == EINVAL);
	check(timer_make(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGUSR1, 1) < 0 && errno == EINVAL);
	check_error(timer_go(id, 0, (struct timespec){0, 1000000000}, ms(0)), EINVAL);
	check_error(timer_go(12345, 0, ms(1), ms(0)), EINVAL);
}

static void cpu_timers(void)
{
	int id = timer_make(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 0);
	int id2 = timer_make(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR2, 0);

	catch(SIGUSR1);
	catch(SIGUSR2);
	check(id >= 0 && id2 >= 0 && timer_go(id, 0, ms(60), ms(0)) == 0 && timer_go(id2, 0, ms(60), ms(0)) == 0);
	ms_sleep(120);
	check(rings[SIGUSR1] == 0 && rings[SIGUSR2] == 0);
	ms_burn(120);
	check(rings[SIGUSR1] == 1 && rings[SIGUSR2] == 1);
}

static void timers_and_exec(void)
{
	int st;
	pid_t p = fork();

	if (p == 0) {
		struct itimerval it = {{0, 0}, {0, 200000}};
		char *words[] = {"timers", "sleep", NULL};

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
	struct itimerspec it = {ms(20), ms(300)}, got;
	struct pollfd pf = {.fd = fd, .events = POLLIN | POLLOUT};
	long from = ms_now();
	uint64_t n;
	char c[8] = {0};

	check(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	check_error(read(fd, &n, 8), EAGAIN);
	check(timerfd_settime(fd, 0, &it, NULL) == 0);
	check(timerfd_gettime(fd, &got) == 0 && got.it_interval.tv_nsec == 20000000 && got.it_value.tv_nsec > 0);
	check_error(read(fd, &n, 4), EINVAL);
	check(poll(&pf, 1, 0) == 0);
	check(poll(&pf, 1, 5000) == 1 && pf.revents == POLLIN && ms_now() - from >= 299);
	check(take(fd) >= 1);
	ms_sleep(100);
	n = take(fd);
	check(n >= 3 && n < 500);
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

/* ---- clocks */

static void clocks(void)
{
	static const int all[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
	                          CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME};
	struct timespec ts, a, b;
	clockid_t other;
	struct timeval tv;

	for (int i = 0; i < 8; i++) {
		check(syscall(SYS_clock_gettime, all[i], &ts) == 0 && ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
		check(clock_getres(all[i], &ts) == 0 && ts.tv_sec == 0 && ts.tv_nsec > 0);
	}
	for (int i = 0; i < 8; i++) {           /* the C library's way, by the vDSO, and the kernel's */
		long was, now, then;

		syscall(SYS_clock_gettime, all[i], &a);
		clock_gettime(all[i], &ts);
		syscall(SYS_clock_gettime, all[i], &b);
		was = a.tv_sec * 1000000000 + a.tv_nsec;
		now = ts.tv_sec * 1000000000 + ts.tv_nsec;
		then = b.tv_sec * 1000000000 + b.tv_nsec;
		check(was <= now && now <= then);
	}
	check(getauxval(AT_SYSINFO_EHDR) && !memcmp((char *)getauxval(AT_SYSINFO_EHDR), "\177ELF", 4));
	check_error(syscall(SYS_clock_gettime, 55, &ts), EINVAL);
	check_error(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (void *)16), EFAULT);
	gettimeofday(&tv, NULL);
	clock_gettime(CLOCK_REALTIME, &ts);
	check(ts.tv_sec - tv.tv_sec <= 1 && tv.tv_sec > 1700000000);
	check(clock_getcpuclockid(getpid(), &other) == 0);
	ms_burn(20);
	check(clock_gettime(other, &a) == 0 && clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b) == 0);
	check(a.tv_nsec >= 20000000 && b.tv_sec * 1000000000 + b.tv_nsec >= a.tv_sec * 1000000000 + a.tv_nsec);
	check_error(syscall(SYS_clock_gettime, (~999999 * 8) | 2, &ts), EINVAL);
	check_error(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &ts), EINVAL);
	ts.tv_nsec = -1;
	check_error(clock_settime(CLOCK_REALTIME, &ts), EINVAL);
	if (getuid() == 0) check(setuid(54324) == 0);
	ts.tv_nsec = 0;
	check_error(clock_settime(CLOCK_REALTIME, &ts), EPERM);
}

static void sleeping(void)
{
	struct timespec left = {0}, t = ms(30), now;
	struct sigaction sa = {.sa_sigaction = ring};
	long from = ms_now();

	check(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL) == 0 && ms_now() - from >= 29);
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec -= 5;
	check(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &now, NULL) == 0);
	clock_gettime(CLOCK_BOOTTIME, &now);
	now.tv_nsec += 30000000;
	if (now.tv_nsec >= 1000000000) now.tv_sec++, now.tv_nsec -= 1000000000;
	from = ms_now();
	check(clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &now, NULL) == 0 && ms_now() - from >= 28);
	check(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL) == EINVAL);
	t.tv_nsec = 1000000000;
	check(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL) == EINVAL);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 50000}}, NULL);
	t = ms(5000);
	check_error(nanosleep(&t, &left), EINTR);
	check(left.tv_sec >= 3 && left.tv_sec < 5);
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

static void times_add_up(void)
{
	struct tms a, b;
	clock_t from = times(&a);

	ms_burn(100);
	check(times(&b) - from >= 10 && b.tms_utime + b.tms_stime - a.tms_utime - a.tms_stime >= 9);
	check(a.tms_cutime == 0);
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
	it = (struct itimerspec){ms(50), ms(50)};
	check(syscall(SYS_timer_create, CLOCK_MONOTONIC, &none, &id) == 0 && syscall(SYS_timer_settime, id, 0, &it, NULL) == 0);
	for (int i = 0; i < 30; i++) {
		ms_sleep(7);
		check(syscall(SYS_timer_gettime, id, &got) == 0 && got.it_value.tv_nsec > 1 && got.it_value.tv_nsec <= 50000000);
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
	if (argc > 1) {
		ms_sleep(1000);
		return 0;
	}
	setenv("SELF", argv[0], 1);
	in_child(interval_timers);
	in_child(posix_timers);
	in_child(cpu_timers);
	in_child(timers_and_exec);
	in_child(timerfds);
	in_child(short_intervals);
	in_child(limit_of_a_zombie);
	in_child(eventfds);
	in_child(clocks);
	in_child(sleeping);
	in_child(cpu_limit);
	in_child(times_add_up);
	return checked();
}
