/* SPDX-License-Identifier: MIT */
/* user/conformance/terminal.c - a session, its controlling terminal, and what happens when its leader ends.  Runs on
 * Linux too, where it needs a terminal that is nobody's:
 *
 *      terminal /dev/console
 *      terminal /dev/console typed     somebody types one, two and six, a line each, when he is told to
 */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static const char *path;
static volatile int *hups;              /* shared: [0] in the foreground, [1] in the background */
static int me;

static void on_hup(int signo) { (void)signo, hups[me]++; }

/* A session of its own, with the terminal. */
static int leader(void)
{
	int fd = open(path, O_RDWR | O_NOCTTY);

	setsid();
	check(ioctl(fd, TIOCSCTTY, 0) == 0);
	return fd;
}

static void only_who_has_a_terminal_opens_dev_tty(void)
{
	setsid();
	check_error(open("/dev/tty", O_RDWR), ENXIO);
	leader();
	check(open("/dev/tty", O_RDWR) >= 0);
	CHILD({
		check(open("/dev/tty", O_RDWR) >= 0);
		setsid();
		check_error(open("/dev/tty", O_RDWR), ENXIO);
	});
}

/* A process of its own group, until it is hung up, or for two seconds. */
static pid_t member(int which)
{
	pid_t p = fork();

	if (p) {
		setpgid(p, p);
		return p;
	}
	me = which;
	setpgid(0, 0);
	signal(SIGHUP, on_hup);
	__sync_fetch_and_add(&hups[2], 1);
	for (int i = 0; i < 6000 && !hups[0]; i++) ms_sleep(10);
	ms_sleep(100);
	_exit(0);
}

/* POSIX exit(): the foreground group of a controlling process that ends gets SIGHUP; others do not. */
static void a_leader_that_ends_hangs_up_the_foreground(void)
{
	int out[2];
	char c;

	pipe(out);
	if (fork() == 0) {
		int fd = leader();
		pid_t front = member(0);

		signal(SIGTTOU, SIG_IGN);
		member(1);
		check(tcsetpgrp(fd, front) == 0);
		while (hups[2] < 2) ms_sleep(1);
		_exit(0);
	}
	close(out[1]);
	while (read(out[0], &c, 1) > 0) { }     /* until the last of them has ended */
	check(hups[0] == 1);
	check(hups[1] == 0);
}

/* Its argument may lie where no page is yet, half on one and half on the next, or nowhere. */
static void an_argument_anywhere(void)
{
	int fd = open(path, O_RDWR | O_NOCTTY);
	char *m = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct winsize *over = (struct winsize *)(m + 4096 - 4), was, now = {.ws_row = 7, .ws_col = 9};

	check(ioctl(fd, TIOCGWINSZ, &was) == 0 && ioctl(fd, TIOCSWINSZ, &now) == 0);
	check(ioctl(fd, TIOCGWINSZ, over) == 0 && over->ws_row == 7 && over->ws_col == 9 && over->ws_xpixel == 0);
	check(ioctl(fd, TIOCSWINSZ, m + 8192) == 0 && ioctl(fd, TIOCGWINSZ, &now) == 0 && now.ws_row == 0);
	mprotect(m, 4096, PROT_READ);
	munmap(m + 8192, 4096);
	check_error(ioctl(fd, TIOCGWINSZ, m), EFAULT);
	check_error(ioctl(fd, TIOCSWINSZ, m + 8192 - 4), EFAULT);
	check_error(ioctl(fd, TIOCGWINSZ, (void *)-8L), EFAULT);
	check_error(ioctl(fd, 0x54fe, m), ENOTTY);
	check(ioctl(fd, TIOCSWINSZ, &was) == 0);
}

/* A line may be read into pages that are not there yet, by who waits for it and by who does not.  Who has no place for
 * it has not read it (on Linux it is lost). */
static void typed_lines(void)
{
	int fd = open(path, O_RDWR | O_NOCTTY);
	char *m = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *over = m + 4096 - 2, *fresh = m + 2 * 4096, *none = m + 3 * 4096;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	pid_t child = IN_CHILD(check(read(fd, over, 100) == 4 && memcmp(over, "one\n", 4) == 0));

	mprotect(none, 4096, PROT_READ);
	until_asleep(child);
	printf("type one\n");
	check(child_end(child) == 0);
	child = IN_CHILD({
		check_error(read(fd, none, 100), EFAULT);
		check(read(fd, fresh, 100) == 4 && memcmp(fresh, "two\n", 4) == 0);
	});
	until_asleep(child);
	printf("type two\n");
	check(child_end(child) == 0);
	printf("type six\n");
	check(poll(&p, 1, PATIENCE) == 1 && fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
	check(read(fd, over, 100) == 4 && memcmp(over, "six\n", 4) == 0);
	check_error(read(fd, fresh, 100), EAGAIN);
}

int main(int argc, char **argv)
{
	path = argc > 1 ? argv[1] : "/dev/console";
	hups = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2) return typed_lines(), checked();
	in_child(a_leader_that_ends_hangs_up_the_foreground);
	in_child(only_who_has_a_terminal_opens_dev_tty);
	in_child(an_argument_anywhere);
	return checked();
}
