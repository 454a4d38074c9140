/* SPDX-License-Identifier: MIT */
/* user/conformance/scale.c - what a second CPU brings: the work of one process alone, then of two at once.
 *
 * scale [seconds of each run, default 2]
 * Two processes that have nothing to do with each other map and read a file each; the rows "of one file" show what it
 * costs that both take the locks of one object.  Prints for each kind of work how many times the work of one process two
 * of them did in the same time: 2.00 is all that two CPUs can give, 1.00 is what one gives.  Runs on Linux too.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
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
static int file[2], fd;                 /* of each process; the one that this process works on */

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

/* n processes work for so long, each on a file of its own or all on one; how much all of them did. */
static double work(void (*fn)(void), bool one_file, int n, double seconds)
{
	double end = now() + seconds;
	long sum = 0;

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0) die("fork");
		if (pid) continue;
		fd = file[one_file ? 0 : i];
		for (done[i] = 0; now() < end; done[i]++) fn();
		_exit(0);
	}
	while (wait(NULL) > 0) { }
	for (int i = 0; i < n; i++) sum += done[i];
	return sum;
}

/* A file of PAGES pages, all in the cache; nobody finds it by name any more. */
static int file_make(const char *name)
{
	static char b[PAGE];
	int new = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	memset(b, 's', sizeof(b));
	for (int i = 0; new >= 0 && i < PAGES; i++) {
		if (write(new, b, PAGE) != PAGE) die(name);
	}
	if (new < 0 || unlink(name)) die(name);
	return new;
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*fn)(void); bool one_file; } kind[] = {
		{"computing", compute, false},
		{"faults on cached pages", faults, false}, {"faults, pages of one file", faults, true},
		{"read hits", read_hits, false}, {"read hits, one file", read_hits, true},
		{"anonymous memory", anonymous, false}, {"fork + wait", forks, false},
	};
	double seconds = argc > 1 ? atof(argv[1]) : 2;

	done = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (done == MAP_FAILED) die("mmap");
	file[0] = file_make("scale0.tmp");
	file[1] = file_make("scale1.tmp");
	printf("%ld CPUs\n", sysconf(_SC_NPROCESSORS_ONLN));
	for (size_t i = 0; i < sizeof(kind) / sizeof(*kind); i++) {
		double one = work(kind[i].fn, kind[i].one_file, 1, seconds);
		double two = work(kind[i].fn, kind[i].one_file, 2, seconds);

		printf("%-26s one process %8.0f, two %8.0f: %.2f\n", kind[i].name, one, two, one ? two / one : 0);
		fflush(stdout);
	}
	return 0;
}
