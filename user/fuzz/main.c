/* SPDX-License-Identifier: MIT */
/* user/fuzz/main.c - RING 3 - random system calls from several processes; a supervisor starts them again when they die.
 *
 * Use:   fuzz [-s seed] [-t seconds] [-p processes] [-n calls] [-v] [-R] [-r seed] directory
 *        -v   a child that does not end, or is killed for that, is told with its last calls
 *        -R   every fourth child is root: in a machine of its own alone
 *        -r   one child alone with this seed of a child, each call printed before it is made
 *
 * The supervisor is root, its children are not, so they cannot signal it, and a file that is fsynced
 * at the start is read at the end: it must be whole.  A child that SIGKILL does not end is a failure.
 *
 * Linux's answers are its own; run there, the fuzzer tests itself.  It wants root, to become somebody else.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 8
#define CANARY 65536
#define UID 2000 /* and the following: nobody else's */
#define OUT 100
#define STUCK 500 /* ms without a call: SIGKILL */
#define LOST 30000 /* ms that SIGKILL may take */

static uint64_t first_seed = 1;
static unsigned seconds = 10, processes = 4, calls_each = 3000;
static int verbose, roots;

static struct worker {
	pid_t pid;
	uint64_t seed, seen, since,
		killed; /* its calls when last looked, ms since they are so many, ms of SIGKILL or 0 */
	int as_root;
	struct report *report;
} worker[WORKERS];
static uint64_t children, made;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ul + t.tv_nsec / 1000000;
}

__attribute__((noreturn)) static void fail(const char *what)
{
	printf("fuzz: seed %lu: %s: %s\n", first_seed, what, strerror(errno));
	exit(1);
}

/* ---- the canary */

static void canary_fill(char *p)
{
	for (int i = 0; i < CANARY; i++)
		p[i] = (i * 31 + i / 256) & 0xff;
}

static void canary_write(void)
{
	static char text[CANARY];
	int fd = open("canary", O_RDWR | O_CREAT | O_TRUNC, 0600);

	canary_fill(text);
	if (fd < 0 || write(fd, text, CANARY) != CANARY || fsync(fd) || close(fd)) fail("canary");
}

static void canary_check(void)
{
	static char text[CANARY], is[CANARY];
	int fd = open("canary", O_RDONLY);

	canary_fill(text);
	if (fd < 0 || read(fd, is, CANARY) != CANARY) fail("the canary is gone");
	if (memcmp(text, is, CANARY)) fail("the canary has changed");
	close(fd);
}

/* ---- children */

static void become(unsigned i, int as_root)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	if (dup2(1, OUT) < 0 || null < 0) _exit(1);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (!verbose) fcntl(OUT, F_SETFD, FD_CLOEXEC), close(OUT);
	if (!as_root && (setgid(UID + i) || setuid(UID + i))) _exit(1);
}

/* The file that all children work on. */
static void shared_make(void)
{
	int fd = open("shared", O_RDWR | O_CREAT | O_NOFOLLOW, 0666);

	if (fd >= 0) fchmod(fd, 0666), close(fd);
}

static void child_start(unsigned i, uint64_t seed, int tell)
{
	struct worker *w = &worker[i];
	char dir[16];

	snprintf(dir, sizeof(dir), "w%u", i);
	w->seed = seed;
	w->as_root = roots && seed % 4 == 0;
	w->seen = w->killed = 0;
	w->since = now();
	memset(w->report, 0, sizeof(*w->report));
	fflush(stdout);
	w->pid = fork();
	if (w->pid < 0) fail("fork");
	if (w->pid) return;
	shared_make();
	if (mkdir(dir, 0777) && errno != EEXIST) _exit(1);
	if (chown(dir, UID + i, UID + i) || chmod(dir, 0777)) _exit(1); /* the one before may have changed it */
	if (chdir(dir)) _exit(1);
	verbose = tell;
	become(i, w->as_root);
	child_run(seed, calls_each, w->as_root, tell, w->report);
}

/* What a child left running: all of its user, or of its session. */
static void rest_kill(unsigned i)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (worker[i].as_root)
			kill(-worker[i].pid, SIGKILL);
		else if (!setgid(UID + i) && !setuid(UID + i))
			kill(-1, SIGKILL);
		_exit(0);
	}
	if (pid > 0) waitpid(pid, NULL, 0);
}

static void last_calls(const struct worker *w)
{
	for (int t = 0; t < THREADS; t++) {
		uint64_t n = w->report->count[t];

		for (uint64_t k = n < REMEMBER ? 0 : n - REMEMBER + 1; k <= n; k++) {
			struct made m = w->report->last[t][k % REMEMBER];

			if (k || m.nr)
				printf("  %d %s(%#lx, %#lx, %#lx, %#lx, %#lx, %#lx)\n", t, call_name(m.nr), m.arg[0],
				       m.arg[1], m.arg[2], m.arg[3], m.arg[4], m.arg[5]);
		}
	}
}

static uint64_t calls_of(const struct worker *w)
{
	uint64_t n = 0;

	for (int t = 0; t < THREADS; t++)
		n += w->report->count[t];
	return n;
}

/* Look at a child: gone, at work, or stuck.  1: its place is free */
static int child_look(unsigned i)
{
	struct worker *w = &worker[i];
	uint64_t n = calls_of(w), at = now();
	int st;

	if (waitpid(w->pid, &st, WNOHANG) == w->pid) {
		made += n > 2 * calls_each ? 0 : n;
		rest_kill(i);
		return 1;
	}
	if (n != w->seen) w->seen = n, w->since = at;
	if (w->killed && at - w->killed > LOST) {
		printf("fuzz: child %d (seed %lu) does not die; its last calls:\n", w->pid, w->seed);
		last_calls(w);
		fail("SIGKILL has no effect");
	}
	if (!w->killed && at - w->since > STUCK) {
		if (verbose) printf("child %d (seed %lu) sleeps:\n", w->pid, w->seed), last_calls(w);
		kill(w->pid, SIGKILL);
		w->killed = at;
	}
	return 0;
}

static void run(void)
{
	uint64_t state = first_seed, end = now() + seconds * 1000ul, busy = 1;

	for (unsigned i = 0; i < processes; i++)
		child_start(i, draw(&state) >> 8, 0), children++;
	while (busy) {
		busy = 0;
		usleep(5000);
		for (unsigned i = 0; i < processes; i++) {
			if (worker[i].pid && child_look(i)) worker[i].pid = 0;
			if (!worker[i].pid && now() < end) child_start(i, draw(&state) >> 8, 0), children++;
			if (worker[i].pid && now() > end && !worker[i].killed)
				kill(worker[i].pid, SIGKILL), worker[i].killed = now();
			busy |= worker[i].pid != 0;
		}
	}
}

static int options(int argc, char **argv, uint64_t *one)
{
	int c;

	while ((c = getopt(argc, argv, "s:t:p:n:r:vR")) != -1) {
		switch (c) {
		case 's': first_seed = strtoull(optarg, NULL, 0); break;
		case 't': seconds = atoi(optarg); break;
		case 'p': processes = atoi(optarg); break;
		case 'n': calls_each = atoi(optarg); break;
		case 'r': *one = strtoull(optarg, NULL, 0); break;
		case 'v': verbose = 1; break;
		case 'R': roots = 1; break;
		default: return 0;
		}
	}
	return optind == argc - 1 && processes >= 1 && processes <= WORKERS;
}

int main(int argc, char **argv)
{
	uint64_t one = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!options(argc, argv, &one) || geteuid() != 0) {
		fprintf(stderr, "use, as root: fuzz [-s seed] [-t seconds] [-p processes] [-n calls] [-v] [-R] [-r "
		                "seed] directory\n");
		return 2;
	}
	mkdir(argv[optind], 0755);
	if (chdir(argv[optind])) fail(argv[optind]);
	canary_write();
	for (unsigned i = 0; i < processes; i++) {
		worker[i].report = mmap(NULL, sizeof(struct report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		                        -1, 0);
		if (worker[i].report == MAP_FAILED) fail("mmap");
	}
	printf("fuzz: seed %lu, %u processes, %u s\n", first_seed, processes, seconds);
	if (one) {
		child_start(0, one, 1);
		while (!child_look(0))
			usleep(5000);
		printf("fuzz: the child is gone after %lu calls\n", made);
		return 0;
	}
	run();
	canary_check();
	printf("fuzz: seed %lu: %lu calls of %lu children: ok\n", first_seed, made, children);
	return 0;
}
