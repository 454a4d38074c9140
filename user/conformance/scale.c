/* SPDX-License-Identifier: MIT */
/* user/conformance/scale.c - what a second CPU brings: the work of one process alone, then of two at once.
 *
 * scale [seconds of each run, default 2]
 * Prints for each kind of work how many times the work of one process two of them did in the same time: 2.00 is all
 * that two CPUs can give, 1.00 is what one gives.  Runs on Linux too.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 256

static volatile long *done;             /* of each process, in memory that they share */
static int fd;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Faults on resident pages of a file: its pages are in the cache, its mapping is new each time. */
static void faults(void)
{
	volatile char *p = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) die("mmap");
	for (int i = 0; i < PAGES; i++) (void)p[i * PAGE];
	munmap((void *)p, PAGES * PAGE);
}

static void read_hits(void)
{
	static char b[PAGE];

	for (int i = 0; i < PAGES; i++) {
		if (pread(fd, b, PAGE, i * PAGE) != PAGE) die("pread");
	}
}

static void anonymous(void)
{
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) die("mmap");
	for (int i = 0; i < PAGES; i++) p[i * PAGE] = 1;
	munmap(p, PAGES * PAGE);
}

static void forks(void)
{
	pid_t pid = fork();

	if (pid == 0) _exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid) die("fork");
}

static void compute(void)
{
	static volatile unsigned x;

	for (int i = 0; i < 20000; i++) x = x * 1664525u + 1013904223u;
}

/* n processes work for so long; how much all of them did. */
static double work(void (*fn)(void), int n, double seconds)
{
	double end = now() + seconds;
	long sum = 0;

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0) die("fork");
		if (pid) continue;
		for (done[i] = 0; now() < end; done[i]++) fn();
		_exit(0);
	}
	while (wait(NULL) > 0) { }
	for (int i = 0; i < n; i++) sum += done[i];
	return sum;
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*fn)(void); } kind[] = {
		{"computing", compute}, {"faults on cached pages", faults}, {"read hits", read_hits},
		{"anonymous memory", anonymous}, {"fork + wait", forks},
	};
	double seconds = argc > 1 ? atof(argv[1]) : 2;
	char b[PAGE];

	done = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fd = open("scale.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
	memset(b, 's', sizeof(b));
	for (int i = 0; fd >= 0 && i < PAGES; i++) {
		if (write(fd, b, PAGE) != PAGE) die("scale.tmp");
	}
	if (fd < 0 || done == MAP_FAILED) die("scale.tmp");
	printf("%ld CPUs\n", sysconf(_SC_NPROCESSORS_ONLN));
	for (size_t i = 0; i < sizeof(kind) / sizeof(*kind); i++) {
		double one = work(kind[i].fn, 1, seconds), two = work(kind[i].fn, 2, seconds);

		printf("%-24s one process %8.0f, two %8.0f: %.2f\n", kind[i].name, one, two, one ? two / one : 0);
		fflush(stdout);
	}
	unlink("scale.tmp");
	return 0;
}
