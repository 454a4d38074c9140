/* SPDX-License-Identifier: MIT */
/* user/conformance/hotpaths.c - what must need no lock that all CPUs share: faults, cached reads and writes, IPC, pipes.
 *
 * hotpaths [times, default 10000]
 * Between two kinds of work it calls umask(): the place where a test stops the machine and looks at the locks' counts.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 64

static const char path[] = "hotpaths.tmp";
static char page[PAGE];

static void check(int ok, const char *what)
{
	if (ok) return;
	perror(what);
	exit(1);
}

/* A byte that a poll waits for: there and back through two pipes, between two processes. */
static void pass(int from, int to, long times)
{
	struct pollfd p = {.fd = from, .events = POLLIN};
	char c = 0;

	for (long i = 0; i < times; i++) {
		if (to > from) check(write(to, &c, 1) == 1, "write");
		check(poll(&p, 1, -1) == 1 && read(from, &c, 1) == 1, "poll, read");
		if (to < from) check(write(to, &c, 1) == 1, "write");
	}
}

int main(int argc, char **argv)
{
	long times = argc > 1 ? atol(argv[1]) : 10000;
	char *p = mmap(NULL, times * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct stat st;
	int there[2], back[2];
	pid_t child;

	check(p != MAP_FAILED, "mmap");
	check(fd >= 0, path);
	for (int i = 0; i < PAGES; i++) check(pwrite(fd, page, PAGE, i * PAGE) == PAGE, "pwrite");
	check(fsync(fd) == 0, "fsync");
	check(stat(path, &st) == 0, "stat");
	check(pipe(back) == 0 && pipe(there) == 0, "pipe");
	child = fork();
	check(child >= 0, "fork");
	if (child == 0) {
		pass(there[0], back[1], times);
		return 0;
	}

	umask(022);
	for (long i = 0; i < times; i++) p[i * PAGE] = 1;
	umask(022);
	for (long i = 0; i < times; i++) check(pread(fd, page, PAGE, i % PAGES * PAGE) == PAGE, "pread");
	umask(022);
	for (long i = 0; i < times; i++) check(pwrite(fd, page, PAGE, i % PAGES * PAGE) == PAGE, "pwrite");
	umask(022);
	for (long i = 0; i < times; i++) check(stat(path, &st) == 0, "stat");
	umask(022);
	pass(back[0], there[1], times);
	umask(022);
	check(waitpid(child, NULL, 0) == child, "waitpid");
	unlink(path);
	return 0;
}
