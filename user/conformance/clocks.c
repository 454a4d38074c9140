/* SPDX-License-Identifier: MIT */
/* user/conformance/clocks.c - clocks and sleeping.  Runs on Linux too. */
#include "check.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/times.h>

static void nothing(int signo) { (void)signo; }

static void clocks(void)
{
	static const int all[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
	                          CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME};
	struct timespec ts, a, b;
	clockid_t other;
	struct timeval tv, after;

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
	gettimeofday(&after, NULL);
	check(tv.tv_sec > 1700000000 && tv.tv_sec <= ts.tv_sec && ts.tv_sec <= after.tv_sec);
	check(clock_getcpuclockid(getpid(), &other) == 0);
	ms_burn(20);
	check(clock_gettime(other, &a) == 0 && clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b) == 0);
	check(a.tv_sec * 1000000000 + a.tv_nsec >= 20000000 &&
	      b.tv_sec * 1000000000 + b.tv_nsec >= a.tv_sec * 1000000000 + a.tv_nsec);
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
	struct timespec left = {0}, t = {.tv_nsec = 30000000}, now;
	struct sigaction sa = {.sa_handler = nothing};
	long from = ms_now(), slept;

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
	setitimer(ITIMER_REAL, &(struct itimerval){{0, 50000}, {0, 50000}}, NULL);      /* the first may come too early */
	t = (struct timespec){.tv_sec = PATIENCE / 1000};
	from = ms_now();
	check_error(nanosleep(&t, &left), EINTR);
	slept = PATIENCE - left.tv_sec * 1000 - left.tv_nsec / 1000000;
	check(slept >= 0 && slept <= ms_now() - from + 1);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

/* CPU time of a process that works, and of one that sleeps: it does not go by. */
static void sleeping_by_cpu_time(void)
{
	struct sigaction sa = {.sa_handler = nothing};
	struct timespec t = {.tv_nsec = 30000000}, was, now;
	pid_t works = fork(), sleeps;
	clockid_t clock;

	while (works == 0) { }
	check(clock_getcpuclockid(works, &clock) == 0 && clock_gettime(clock, &was) == 0);
	check(clock_nanosleep(clock, 0, &t, NULL) == 0 && clock_gettime(clock, &now) == 0);
	check((now.tv_sec - was.tv_sec) * 1000000000 + now.tv_nsec - was.tv_nsec >= 30000000);
	check(clock_nanosleep(clock, TIMER_ABSTIME, &now, NULL) == 0);
	kill(works, SIGKILL);
	check(waitpid(works, NULL, 0) == works);
	check(clock_nanosleep(clock, 0, &t, NULL) == EINVAL);

	sleeps = fork();
	while (sleeps == 0) pause();
	check(clock_getcpuclockid(sleeps, &clock) == 0);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval){{0, 50000}, {0, 50000}}, NULL);
	t = (struct timespec){.tv_sec = PATIENCE / 1000};
	check(clock_nanosleep(clock, 0, &t, NULL) == EINTR);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	kill(sleeps, SIGKILL);
	check(waitpid(sleeps, NULL, 0) == sleeps);
	check_error(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &t, NULL), EOPNOTSUPP);
	check_error(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, 16, NULL), EFAULT);
}

/* Bytes, of which nobody knows the next: not a clock, but asked for as often. */
static void random_bytes(void)
{
	unsigned char a[256] = {0}, b[256] = {0}, seen[256] = {0}, *fresh;
	int kinds = 0;

	check(syscall(SYS_getrandom, a, 256, 0) == 256 && syscall(SYS_getrandom, b, 256, 1) == 256);
	check(memcmp(a, b, 256) && memcmp(a, a + 128, 128));
	for (int i = 0; i < 256; i++) seen[a[i]] = 1;
	for (int i = 0; i < 256; i++) kinds += seen[i];
	check(kinds > 100);
	check(syscall(SYS_getrandom, a, 3, 0) == 3 && syscall(SYS_getrandom, NULL, 0, 0) == 0);
	fresh = mmap(NULL, 40000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(syscall(SYS_getrandom, fresh, 40000, 0) == 40000);
	for (int i = kinds = 0; i < 40000; i++) kinds += fresh[i] == 0;
	check(kinds < 1000);
	check_error(syscall(SYS_getrandom, a, 3, 8), EINVAL);
	check_error(syscall(SYS_getrandom, 16, 3, 0), EFAULT);
}

static void times_add_up(void)
{
	struct tms a, b;
	clock_t from = times(&a);

	ms_burn(100);
	check(times(&b) - from >= 10 && b.tms_utime + b.tms_stime - a.tms_utime - a.tms_stime >= 9);
	check(a.tms_cutime == 0);
}

int main(void)
{
	in_child(clocks);
	in_child(sleeping);
	in_child(sleeping_by_cpu_time);
	in_child(times_add_up);
	in_child(random_bytes);
	return checked();
}
