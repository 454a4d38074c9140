/* SPDX-License-Identifier: MIT */
/* user/conformance/sched.c - which CPU a thread runs on, and that nobody waits for ever for one; runs on Linux too. */
#include "check.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/mman.h>

/* false: there is no such CPU */
static int bind(int cpu)
{
	unsigned long set = 1ul << cpu;

	return syscall(SYS_sched_setaffinity, 0, sizeof(set), &set) == 0;
}

static void affinity(void)
{
	unsigned long all = 0, one = 0, now = 0;
	int n = 0;

	check(syscall(SYS_sched_getaffinity, 0, sizeof(all), &all) == 8 && (all & 1));
	for (int cpu = 0; cpu < 64; cpu++) {
		if (!(all >> cpu & 1)) continue;
		one = 1ul << cpu;
		check(bind(cpu));
		for (int i = 0; i < 50; i++) n += sched_getcpu() != cpu;
		ms_burn(20);
		n += sched_getcpu() != cpu;
		check(syscall(SYS_sched_getaffinity, getpid(), sizeof(now), &now) == 8 && now == one);
	}
	check(n == 0);
	one = 1ul << 63;
	check_error(syscall(SYS_sched_setaffinity, 0, sizeof(one), &one), EINVAL);
	check_error(syscall(SYS_sched_setaffinity, 999999, sizeof(all), &all), ESRCH);
	check_error(syscall(SYS_sched_getaffinity, 0, 4, &all), EINVAL);
}

/* At `when`, then busy until the other one is awake too.  => for how many ms we ran: a leap is the host's, or the
 * other's */
static long wait_busily(volatile int *awake, int me, const struct timespec *when)
{
	long ran = 0, before, now;

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, when, NULL);
	before = ms_now();
	awake[me] = 1;
	while (!awake[!me] && ran < 3000) {
		now = ms_now();
		if (now - before < 20) ran += now - before;
		before = now;
	}
	return ran;
}

/* One timer interrupt wakes both on a CPU that has nothing else to do: the second need not wait for the first. */
static void two_wake_at_once(void)
{
	volatile int *awake = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long longest = 0;

	for (int cpu = 0; bind(cpu); cpu++) {
		for (int i = 0; i < 3; i++) {
			struct timespec when;
			long ms;
			pid_t p;

			clock_gettime(CLOCK_MONOTONIC, &when);
			when.tv_nsec += 100000000;
			if (when.tv_nsec >= 1000000000) when.tv_sec++, when.tv_nsec -= 1000000000;
			awake[0] = awake[1] = 0;
			p = fork();
			if (p == 0) _exit(wait_busily(awake, 1, &when) > 500);
			ms = wait_busily(awake, 0, &when);
			if (ms > longest) longest = ms;
			check(child_end(p) == 0);
		}
	}
	check(longest <= 500);
}

/* => the ms in which we got so many of a CPU */
static long ms_to_burn(long ms)
{
	long start = ms_now();

	ms_burn(ms);
	return ms_now() - start;
}

/* On the CPU of the file server, which the first keeps busy: the second gets its share. */
static void calls_leave_time_for_others(void)
{
	struct stat st;
	pid_t p;

	check(bind(0));
	p = fork();
	if (p == 0) {
		for (;;) stat("/", &st);
	}
	check(AGAIN(ms_to_burn(100) < 3000));
	check(kill(p, SIGKILL) == 0 && child_end(p) == -1);
}

/* Several on that CPU call all the time: each has its share of the answers. */
static void callers_take_turns(void)
{
	volatile long *calls = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long least = LONG_MAX, most = 0;
	struct stat st;
	pid_t p[4];

	check(bind(0));
	for (int i = 0; i < 4; i++) {
		p[i] = fork();
		while (p[i] == 0) stat("/", &st), calls[i]++;
	}
	do ms_sleep(500);
	while (calls[0] + calls[1] + calls[2] + calls[3] < 20000);
	for (int i = 0; i < 4; i++) {
		check(kill(p[i], SIGKILL) == 0 && child_end(p[i]) == -1);
		if (calls[i] < least) least = calls[i];
		if (calls[i] > most) most = calls[i];
	}
	printf("of four who call, who did least %ld, who did most %ld\n", least, most);
	check(least > most / 10);
}

/* => the least time that one needed of 100, in us: how busy the machine is does not matter */
static long time_of_synced_write(int fd)
{
	struct timespec from, to;
	long least = -1, us;

	for (int i = 0; i < 100; i++) {
		clock_gettime(CLOCK_MONOTONIC, &from);
		check(pwrite(fd, "sync", 4, 0) == 4 && fsync(fd) == 0);
		clock_gettime(CLOCK_MONOTONIC, &to);
		us = (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000;
		if (least < 0 || us < least) least = us;
	}
	return least;
}

/* Where servers run somebody computes: a message from one to the next does not wait for the end of his quantum (10 ms). */
static void servers_go_before_who_computes(void)
{
	int fd = open("/root/synced", O_RDWR | O_CREAT, 0600);
	long us;
	pid_t p;

	p = fork();
	if (p == 0) {
		bind(0);
		for (;;) { }
	}
	ms_sleep(50);
	us = time_of_synced_write(fd);
	printf("a write and its fsync beside a program that computes: %ld us\n", us);
	check(us < 10000);
	check(kill(p, SIGKILL) == 0 && child_end(p) == -1);
	check(close(fd) == 0 && unlink("/root/synced") == 0);
}

/* => of 40 calls, far enough apart that the clock is not set for another's turn any more, those that took longer than a
 * quantum (10 ms) */
static int late_calls(void)
{
	struct stat st;
	int late = 0;
	long from;

	for (int i = 0; i < 40; i++) {
		ms_sleep(27);
		from = ms_now();
		stat("/", &st);
		if (ms_now() > from + 14) late++;
	}
	return late;
}

/* Who closes a file leaves a note to its server, and computes on: the server's turn comes with the end of the quantum, so
 * that others, who call it from elsewhere, do not wait for the whole computation. */
static void a_close_keeps_the_server_from_nobody(void)
{
	int late = 40;
	long from;
	pid_t p;

	p = fork();
	if (p == 0) {
		bind(0);
		while (open("/conformance/sched", O_RDONLY) < 900) { }
		for (int fd = 900;; close(fd--))
			for (from = ms_now(); ms_now() < from + 40;) { }
	}
	check(bind(1));
	ms_sleep(50);
	for (int i = 0; i < 5 && late > 4; i++) late = late_calls();        /* the machine may be busy */
	printf("of 40 calls beside one who closes and computes %d took longer than a quantum\n", late);
	check(late <= 4);
	check(kill(p, SIGKILL) == 0 && child_end(p) == -1);
}

int main(void)
{
	in_child(affinity);
	in_child(two_wake_at_once);
	in_child(calls_leave_time_for_others);
	in_child(callers_take_turns);
	in_child(servers_go_before_who_computes);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1) in_child(a_close_keeps_the_server_from_nobody);
	return checked();
}
