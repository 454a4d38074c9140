/* SPDX-License-Identifier: MIT */
/* user/conformance/race.c - processes that share one file by read, write and mappings, and disturb each other
 * (MM10, MM11, MM14, MM20, MS1, MS11, FT1); runs on Linux too.
 *
 * Use:   race [-s seed] [-n rounds] [-p processes] path
 *
 * The file has a stable part, where byte o belongs to process o % processes, so that neighbours in a page belong to
 * different ones, and a tail, which process 0 truncates and grows while all store to it and read it.
 *
 * R1  Only its owner stores to a byte of the stable part, and then to its place in the model: it may compare its own
 *     bytes at any time, and the parent all of them at the end.
 * R2  A byte of the tail that is not 0 tells the epoch of its store.  Truncating begins an epoch; afterwards oldest[o]
 *     is the oldest epoch of any store to a removed byte o that can have landed after the truncation: what is read at o
 *     from then on is of that epoch or a later one, or 0.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STABLE     (6 * 4096u)                  /* bytes */
#define TAIL       (3 * 4096u + 100)
#define WHOLE      (STABLE + TAIL)
#define MAX_PROCS  8
#define EPOCHS     251u                         /* that a byte can tell apart, see tail_byte() */
#define IDLE       UINT_MAX
#define MIN(a, b)  ((a) < (b) ? (a) : (b))

/* In memory that all processes share; it is no file. */
static struct shared {
	uint8_t model[STABLE];                  /* [o] written by the owner of byte o */
	atomic_uint epoch;                      /* written by process 0 */
	atomic_uint oldest[TAIL];               /* written by process 0 */
	atomic_uint storing[MAX_PROCS];         /* the epoch of process i's store to the tail, while it makes one */
	atomic_uint past_end;                   /* references that met SIGBUS */
} *shared;

static unsigned procs = 2, me;
static int fd;
static volatile uint8_t *map;                   /* the whole file at its largest */
static uint8_t buf[WHOLE];
static sigjmp_buf on_bus;
static volatile sig_atomic_t in_tail;
static volatile unsigned got_bytes;             /* from a mapping, before SIGBUS */
static uint64_t draw_state;

__attribute__((noreturn)) static void fail(const char *what)
{
	printf("race: process %u: %s: %s\n", me, what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

static void must(int ok, const char *what)
{
	if (!ok) fail(what);
}

static unsigned draw(unsigned below)
{
	draw_state ^= draw_state << 13;
	draw_state ^= draw_state >> 7;
	draw_state ^= draw_state << 17;
	return (draw_state >> 11) % below;
}

static void map_file(void)
{
	map = mmap(NULL, WHOLE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(map != MAP_FAILED, "mmap");
}

/* ---- the stable part */

/* The first byte at or after o that is mine. */
static unsigned own_from(unsigned o)
{
	return o + (me + procs - o % procs) % procs;
}

static void compare(const volatile uint8_t *got, unsigned at, unsigned expected, const char *how)
{
	if (*got == expected) return;
	printf("race: process %u: offset %u (page %u): expected %02x, got %02x by %s\n", me, at, at / 4096, expected, *got,
	       how);
	fflush(stdout);
	_exit(1);
}

/* Stores, or writes byte by byte, to my bytes of a stretch. */
static void stable_change(void)
{
	unsigned start = draw(STABLE), by_write = draw(3) == 0, seed = draw(256);
	unsigned len = by_write ? 16 : 1 + draw(3 * 4096);

	for (unsigned o = own_from(start); o < MIN(start + len, STABLE); o += procs) {
		uint8_t byte = seed + o / procs;

		if (by_write)
			must(pwrite(fd, &byte, 1, o) == 1, "pwrite");
		else
			map[o] = byte;
		shared->model[o] = byte;
	}
}

static void stable_compare(void)
{
	unsigned start = draw(STABLE), len = 1 + draw(3 * 4096);

	len = MIN(len, STABLE - start);
	if (draw(2)) {
		must(pread(fd, buf, len, start) == (ssize_t)len, "pread");
		for (unsigned o = own_from(start); o < start + len; o += procs)
			compare(&buf[o - start], o, shared->model[o], "read");
	} else {
		for (unsigned o = own_from(start); o < start + len; o += procs)
			compare(&map[o], o, shared->model[o], "mapping");
	}
}

/* ---- the tail: o counts from its begin */

/* Also the page is told, so that bytes of a wrong page are likely to look like a wrong epoch. */
static uint8_t tail_byte(unsigned epoch, unsigned o)
{
	return 1 + (epoch + o / 4096 * 61) % EPOCHS;
}

static unsigned epochs_since(unsigned oldest, uint8_t byte, unsigned o)
{
	return (byte - 1u + 4 * EPOCHS - o / 4096 * 61 % EPOCHS - oldest % EPOCHS) % EPOCHS;
}

static void handle_bus(int sig)
{
	if (in_tail) siglongjmp(on_bus, 1);
	signal(sig, SIG_DFL);                   /* the access is made again, and ends the process */
}

static void put_bytes(unsigned start, unsigned len)
{
	unsigned epoch = shared->storing[me];

	for (unsigned o = start; o < start + len; o++) map[STABLE + o] = tail_byte(epoch, o);
}

static void get_bytes(unsigned start, unsigned len)
{
	for (got_bytes = 0; got_bytes < len; got_bytes++) buf[got_bytes] = map[STABLE + start + got_bytes];
}

/* The file may end anywhere in the stretch by now: what lies in a page past its end gives SIGBUS, and that is right. */
static void reach_tail(void (*access)(unsigned start, unsigned len), unsigned start, unsigned len)
{
	in_tail = 1;
	if (sigsetjmp(on_bus, 1) == 0)
		access(start, len);
	else
		shared->past_end++;
	in_tail = 0;
}

static void tail_store(void)
{
	unsigned start = draw(TAIL), len = 1 + draw(4096), epoch;

	do {
		epoch = shared->epoch;
		shared->storing[me] = epoch;
	} while (shared->epoch != epoch);       /* else process 0 may have looked before we said it */
	reach_tail(put_bytes, start, MIN(len, TAIL - start));
	shared->storing[me] = IDLE;
}

/* The bytes of a stretch of the tail into buf, by read or through the mapping; how many the file had. */
static unsigned tail_bytes(unsigned start, unsigned len)
{
	ssize_t n;

	if (draw(2)) {
		n = pread(fd, buf, len, STABLE + start);
		must(n >= 0, "pread of the tail");
		return n;
	}
	reach_tail(get_bytes, start, len);
	return got_bytes;
}

static void tail_compare(void)
{
	static unsigned oldest[TAIL];           /* as they were before reading */
	unsigned start = draw(TAIL), len = 1 + draw(4096), latest;

	len = MIN(len, TAIL - start);
	for (unsigned o = start; o < start + len; o++) oldest[o] = shared->oldest[o];
	len = tail_bytes(start, len);
	latest = shared->epoch;
	for (unsigned o = start; o < start + len; o++) {
		unsigned byte = buf[o - start], late = byte ? epochs_since(oldest[o], byte, o) : 0;

		if (late <= latest - oldest[o]) continue;
		printf("race: process %u: offset %u (page %u) is %02x, removed by truncation or never stored "
		       "(epoch %u + %u, now %u)\n", me, STABLE + o, (STABLE + o) / 4096, byte, oldest[o], late, latest);
		fflush(stdout);
		_exit(1);
	}
}

/* Process 0 alone: a new end.  Stores under way may land before or after it, in their epoch. */
static void tail_resize(void)
{
	static unsigned size = TAIL;
	unsigned end = draw(4) ? draw(TAIL + 1) : draw(4) * 4096, oldest = ++shared->epoch;

	for (unsigned i = 0; i < procs; i++) {
		unsigned storing = shared->storing[i];  /* read once: it changes */

		oldest = MIN(oldest, storing);
	}
	must(ftruncate(fd, STABLE + end) == 0, "ftruncate");
	for (unsigned o = end; o < size; o++) shared->oldest[o] = oldest;
	size = end;
	if (draw(2)) return;
	size += draw(TAIL + 1 - end);
	must(ftruncate(fd, STABLE + size) == 0, "ftruncate to grow");
}

/* ---- syncing, and a round */

static void sync_some(void)
{
	static const int flags[] = {MS_SYNC, MS_ASYNC, MS_INVALIDATE, MS_SYNC | MS_INVALIDATE, MS_ASYNC | MS_INVALIDATE};
	unsigned start = draw(WHOLE / 4096) * 4096;

	switch (draw(8)) {
	case 0:
		must(fsync(fd) == 0, "fsync");
		break;
	case 1:
		must(fdatasync(fd) == 0, "fdatasync");
		break;
	case 2:
		errno = posix_fadvise(fd, start, 4 * 4096, POSIX_FADV_DONTNEED);
		must(errno == 0, "posix_fadvise");
		break;
	case 3:
		must(munmap((void *)map, WHOLE) == 0, "munmap");
		map_file();
		break;
	default:
		must(msync((void *)(map + start), MIN(4 * 4096, WHOLE - start), flags[draw(5)]) == 0, "msync");
	}
}

static void one_round(void)
{
	switch (draw(8)) {
	case 0:
	case 1:
		stable_change();
		break;
	case 2:
		stable_compare();
		break;
	case 3:
		tail_store();
		break;
	case 4:
	case 5:
		tail_compare();
		break;
	case 6:
		if (me == 0) tail_resize();
		break;
	default:
		sync_some();
	}
}

__attribute__((noreturn)) static void play(const char *path, unsigned rounds, uint64_t seed)
{
	struct sigaction act = {.sa_handler = handle_bus};

	draw_state = (seed * MAX_PROCS + me) * 0x9e3779b97f4a7c15u | 1;
	sigaction(SIGBUS, &act, NULL);
	fd = open(path, O_RDWR);
	must(fd >= 0, path);
	map_file();
	while (rounds--) one_round();
	_exit(0);
}

/* ---- the parent */

/* When one fails, the others are ended: they would fail for the same reason, or run for ever. */
static int wait_for_all(pid_t *pids)
{
	int failed = 0, status;

	for (unsigned left = procs; left > 0; left--) {
		pid_t pid = wait(&status);

		must(pid > 0, "wait");
		for (unsigned i = 0; i < procs; i++) {
			if (pids[i] == pid) pids[i] = 0;
			if (status && pids[i]) kill(pids[i], SIGKILL);
		}
		if (!failed && WIFSIGNALED(status)) printf("race: a process was killed by signal %d\n", WTERMSIG(status));
		failed |= status;
	}
	return failed;
}

/* Nobody changes the file any more: read(), the old mapping's pages and a new mapping show what its owners stored. */
static void compare_all(const char *path)
{
	struct stat st;

	fd = open(path, O_RDWR);
	must(fd >= 0 && fstat(fd, &st) == 0, path);
	must(pread(fd, buf, STABLE, 0) == (ssize_t)STABLE, "pread of the stable part");
	map_file();
	for (unsigned o = 0; o < STABLE; o++) {
		compare(&buf[o], o, shared->model[o], "read at the end");
		compare(&map[o], o, shared->model[o], "a new mapping at the end");
	}
	must(msync((void *)map, STABLE, MS_SYNC | MS_INVALIDATE) == 0, "msync");
	for (unsigned o = 0; o < STABLE; o++) compare(&map[o], o, shared->model[o], "mapping after MS_INVALIDATE");
}

int main(int argc, char **argv)
{
	unsigned rounds = 1000;
	unsigned long seed = 1;
	pid_t pids[MAX_PROCS];
	int c;

	while ((c = getopt(argc, argv, "s:n:p:")) != -1) {
		if (c == 's') seed = strtoul(optarg, NULL, 0);
		if (c == 'n') rounds = atoi(optarg);
		if (c == 'p') procs = atoi(optarg);
		if (c == '?') optind = argc;
	}
	if (optind != argc - 1 || procs < 1 || procs > MAX_PROCS)
		return fprintf(stderr, "usage: race [-s seed] [-n rounds] [-p processes, at most %d] path\n", MAX_PROCS), 2;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED, "mmap");
	for (unsigned i = 0; i < MAX_PROCS; i++) shared->storing[i] = IDLE;
	unlink(argv[optind]);
	fd = open(argv[optind], O_RDWR | O_CREAT | O_EXCL, 0644);
	must(fd >= 0 && ftruncate(fd, WHOLE) == 0 && close(fd) == 0, argv[optind]);
	for (me = 0; me < procs; me++) {
		pids[me] = fork();
		must(pids[me] >= 0, "fork");
		if (pids[me] == 0) play(argv[optind], rounds, seed);
	}
	if (wait_for_all(pids)) return printf("race: FAILED, %u processes, seed %lu\n", procs, seed), 1;
	compare_all(argv[optind]);
	printf("race: %u processes, %u rounds, seed %lu, %u references past the end: ok\n", procs, rounds, seed,
	       shared->past_end);
	return 0;
}
