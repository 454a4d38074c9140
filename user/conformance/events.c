/* SPDX-License-Identifier: MIT */
/* user/conformance/events.c - eventfd and timerfd: who waits, who is interrupted, who shares one.  Runs on Linux too. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

#define READERS 8
#define ROUNDS  300
#define PAGE    4096

static const struct itimerspec soon = {{0, 0}, {0, 50000000}};
static volatile int alarms;

static void on_alarm(int signo)
{
	(void)signo;
	alarms++;
}

static void alarm_in(long us, int flags)
{
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = flags};
	struct itimerval it = {{0, 0}, {0, us}};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

static uint64_t take(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, 8) == 8 ? n : 0;
}

static int put(int fd, uint64_t n) { return write(fd, &n, 8) == 8; }

static int ready(int fd, int events)
{
	struct pollfd p = {.fd = fd, .events = (short)events};

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

/* A full one lets its writer wait until somebody has read. */
static void a_full_one_waits(void)
{
	int fd = eventfd(0, 0);
	long from = ms_now();
	pid_t p;

	check(put(fd, ~0ull - 1) && ready(fd, POLLIN | POLLOUT) == POLLIN);
	p = fork();
	if (p == 0) {
		ms_sleep(50);
		_exit(take(fd) != ~0ull - 1);
	}
	check(put(fd, 7) && ms_now() - from >= 49 && child_end(p) == 0 && take(fd) == 7);
}

static void a_signal_interrupts(void)
{
	int fd = eventfd(0, 0), full = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	uint64_t n = 1;

	alarm_in(30000, 0);
	check_error(read(fd, &n, 8), EINTR);
	alarm_in(30000, 0);
	check_error(read(timer, &n, 8), EINTR);
	check(put(full, ~0ull - 1));
	alarm_in(30000, 0);
	n = 1;
	check_error(write(full, &n, 8), EINTR);
	check(alarms == 3 && take(full) == ~0ull - 1);          /* nothing was added */

	alarm_in(20000, SA_RESTART);
	check(timerfd_settime(timer, 0, &soon, NULL) == 0);
	check(take(timer) == 1);
	while (alarms < 4) ms_sleep(5);                         /* a busy machine: it may ring after the other */
	check(put(fd, 5) && take(fd) == 5);                     /* nobody was left behind to take it */
}

static void shared_by_fork_and_dup(void)
{
	int fd = eventfd(0, 0), other = dup(fd);
	pid_t p = fork();

	if (p == 0) _exit(take(other) != 3);
	close(other);
	check(put(fd, 3) && child_end(p) == 0 && ready(fd, POLLIN) == 0);
	p = fork();
	if (p == 0) {
		ms_sleep(30);
		_exit(!put(fd, 2));
	}
	check(take(fd) == 2 && child_end(p) == 0);
}

static void poll_and_select_wait(void)
{
	int fd = eventfd(0, EFD_NONBLOCK), timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = timer, .events = POLLIN}};
	struct timeval tv = {5, 0};
	fd_set in;
	pid_t child = fork();

	if (child == 0) {
		ms_sleep(40);
		_exit(!put(fd, 1));
	}
	check(poll(p, 2, 5000) == 1 && p[0].revents == POLLIN && p[1].revents == 0 && child_end(child) == 0);
	check(take(fd) == 1 && timerfd_settime(timer, 0, &soon, NULL) == 0);
	FD_ZERO(&in);
	FD_SET(fd, &in);
	FD_SET(timer, &in);
	check(select(timer + 1, &in, NULL, NULL, &tv) == 1 && FD_ISSET(timer, &in) && !FD_ISSET(fd, &in) &&
	      take(timer) == 1);
	check(poll(p, 2, 20) == 0);
}

/* By settime in another process, while one polls and one reads. */
static void set_while_others_wait(void)
{
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct pollfd p = {.fd = timer, .events = POLLIN};
	pid_t child = fork();
	struct itimerspec it = soon;

	if (child == 0) {
		ms_sleep(20);
		_exit(timerfd_settime(timer, 0, &it, NULL) != 0);
	}
	check(poll(&p, 1, 5000) == 1 && take(timer) == 1 && child_end(child) == 0);
	child = fork();
	if (child == 0) {
		ms_sleep(20);
		clock_gettime(CLOCK_MONOTONIC, &it.it_value);
		_exit(timerfd_settime(timer, TFD_TIMER_ABSTIME, &it, NULL) != 0);
	}
	check(take(timer) == 1 && child_end(child) == 0);
}

static void what_it_is(void)
{
	int fd = eventfd(1, 0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), flags;
	char path[32], text[64] = {0};
	struct itimerspec it;
	struct stat st;
	uint64_t n[2] = {9, 9};

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	check(readlink(path, text, sizeof(text) - 1) > 0 && !strcmp(text, "anon_inode:[eventfd]"));
	check_error(open(path, O_RDONLY), ENXIO);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", timer);
	check(readlink(path, text, sizeof(text) - 1) > 0 && !strcmp(text, "anon_inode:[timerfd]"));
	check(fstat(fd, &st) == 0 && st.st_mode == 0600 && st.st_nlink == 1 && st.st_size == 0);
	flags = fcntl(fd, F_GETFL);
	check((flags & O_ACCMODE) == O_RDWR && fcntl(fd, F_GETFD) == 0 && fcntl(timer, F_GETFD) == FD_CLOEXEC);
	check_error(read(fd, n, 0), EINVAL);
	check_error(write(fd, n, 7), EINVAL);
	check(write(fd, n, 8) == 8 && read(fd, n, 16) == 8 && n[0] == 10 && n[1] == 9);
	check_error(read(timer, n, 7), EINVAL);
	check_error(pread(fd, n, 8, 0), ESPIPE);
	check_error(preadv(timer, &(struct iovec){n, 8}, 1, 0), ESPIPE);
	check_error(pwritev(fd, &(struct iovec){n, 8}, 1, 0), ESPIPE);
	check_error(isatty(fd) - 1, ENOTTY);
	check_error(ftruncate(fd, 0), EINVAL);
	check_error(timerfd_gettime(fd, &it), EINVAL);
	check_error(timerfd_gettime(timer, (void *)8), EFAULT);
	check_error(timerfd_settime(timer, 2 * TFD_TIMER_CANCEL_ON_SET, &soon, NULL), EINVAL);
	check_error(timerfd_settime(timer, 0, (void *)8, NULL), EFAULT);
	it = (struct itimerspec){{0, 0}, {0, 1000000000}};
	check_error(timerfd_settime(timer, 0, &it, NULL), EINVAL);
}

static void of_something_else(void)
{
	int to[2], dir = open("/", O_RDONLY), path = open("/", O_PATH);
	struct itimerspec it;

	check(pipe(to) == 0 && dir >= 0 && path >= 0);
	check_error(timerfd_gettime(to[0], &it), EINVAL);
	check_error(timerfd_settime(to[1], 0, &soon, &it), EINVAL);
	check_error(timerfd_gettime(dir, &it), EINVAL);
	check_error(timerfd_gettime(path, &it), EBADF);
	check_error(timerfd_settime(-1, 0, &soon, NULL), EBADF);
	check_error(timerfd_settime(1000, 0, &soon, NULL), EBADF);
	check_error(timerfd_settime(1000, 0, (void *)8, NULL), EFAULT);
}

/* ---- many at once */

static int sem, back;

static void *reader(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		if (take(sem) != 1 || !put(back, 1)) return arg;
	return NULL;
}

/* Each count wakes one reader: none is lost, none is taken twice. */
static void many_readers(void)
{
	pthread_t t[READERS];
	uint64_t got = 0;

	sem = eventfd(0, EFD_SEMAPHORE);
	back = eventfd(0, 0);
	for (int i = 0; i < READERS; i++) check(pthread_create(&t[i], NULL, reader, &sem) == 0);
	for (int i = 0; i < ROUNDS; i++) check(put(sem, READERS));
	while (got < READERS * ROUNDS) got += take(back);
	check(got == READERS * ROUNDS && ready(sem, POLLIN) == 0);
	for (int i = 0; i < READERS; i++) {
		void *rc = &sem;

		check(pthread_join(t[i], &rc) == 0 && rc == NULL);
	}
}

/* Two processes that wait for each other, under signals: one by poll, one by read. */
static void ping_pong_under_signals(void)
{
	int there = eventfd(0, 0), here = eventfd(0, EFD_NONBLOCK);
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 700}, {0, 700}}, none = {{0, 0}, {0, 0}};
	struct pollfd p = {.fd = here, .events = POLLIN};
	pid_t child = fork();

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	if (child == 0) {
		for (int i = 0; i < 10 * ROUNDS; i++)
			if (take(there) != 1 || !put(here, 1)) _exit(1);
		_exit(0);
	}
	for (int i = 0; i < 10 * ROUNDS; i++) {
		check(put(there, 1));
		while (poll(&p, 1, 10000) < 0 && errno == EINTR) { }
		check(p.revents == POLLIN && take(here) == 1);
	}
	setitimer(ITIMER_REAL, &none, NULL);
	check(child_end(child) == 0);
}

/* What is read or written may lie where no page is yet, half on one and half on the next, or in a file; or nowhere. */
static void buffers_anywhere(void)
{
	int fd = eventfd(0, 0), file = memfd_create("x", 0);
	char *m = mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *shared;
	char *late = m + 3 * PAGE - 4, *none = m + 4 * PAGE;
	uint64_t n;
	pid_t p;

	check(ftruncate(file, PAGE) == 0);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	mprotect(none, PAGE, PROT_READ);
	munmap(none + PAGE, PAGE);

	check(put(fd, 5) && read(fd, m + PAGE - 4, 8) == 8 && memcpy(&n, m + PAGE - 4, 8) && n == 5);
	p = fork();
	if (p == 0) _exit(read(fd, late, 8) != 8 || !memcpy(&n, late, 8) || n != 6);
	until_asleep(p);
	check(put(fd, 6) && child_end(p) == 0);
	check(pwrite(file, &(uint64_t){7}, 8, 0) == 8);
	check(write(fd, shared, 8) == 8 && read(fd, shared + 16, 8) == 8 && shared[16] == 7);
	check_error(write(fd, none + PAGE, 8), EFAULT);
	check_error(write(fd, none + PAGE - 4, 8), EFAULT);
	check(ready(fd, POLLIN) == 0 && put(fd, 8));
	check_error(read(fd, none, 8), EFAULT);
}

int main(void)
{
	in_child(a_full_one_waits);
	in_child(a_signal_interrupts);
	in_child(shared_by_fork_and_dup);
	in_child(poll_and_select_wait);
	in_child(set_while_others_wait);
	in_child(what_it_is);
	in_child(of_something_else);
	in_child(many_readers);
	in_child(ping_pong_under_signals);
	in_child(buffers_anywhere);
	return checked();
}
