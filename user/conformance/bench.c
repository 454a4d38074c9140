/* SPDX-License-Identifier: MIT */
/* user/conformance/bench.c - one operation after the other, for somebody outside who counts what the machine executes.
 *
 * Use:   bench [row [n]]        in the current directory; `make bench` counts (tests/bench/bench.py); one row alone, n
 *                               times, is for a profiler
 *
 * mark() is where the count is read: before and after the n operations of each row.  The rows are printed at the end,
 * so that printing costs nothing; a row whose name begins with a blank prepares the next.  Runs on Linux too.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE  4096
#define PAGES 1024                      /* of the file */
#define FEW   64

static char *self;
static int fd, append_fd, to[2], from[2];
static volatile char *file;             /* a shared mapping of it all */
static char buf[PAGE];
static struct stat st;

__attribute__((noinline)) void mark(void) { __asm__ volatile("nop; nop" : : : "memory"); }

static volatile char *fresh;            /* what a preparation left for the row that follows */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void must(long rc)
{
	if (rc < 0) die("bench");
}

static volatile char *fresh;            /* what a preparation left for the row that follows */

static volatile char *map(int how, int prot)
{
	void *p;

	if (fresh) munmap((void *)fresh, PAGES * PAGE);
	p = mmap(NULL, PAGES * PAGE, prot, how, how & MAP_ANONYMOUS ? -1 : fd, 0);

	if (p == MAP_FAILED) die("mmap");
	return p;
}

/* ---- the operations, n of each */

static void null_call(int n) { while (n--) getppid(); }

static void open_close_file(const char *name, int n)
{
	while (n--) {
		int f = open(name, O_RDONLY);

		must(f);
		close(f);
	}
}

static void open_close(int n) { open_close_file("bench.dat", n); }
static void open_close_alone(int n) { open_close_file("bench.own", n); }

static void stat_path(int n) { while (n--) must(stat("bench.dat", &st)); }
static void stat_fd(int n) { while (n--) must(fstat(fd, &st)); }
static void may_read(int n) { while (n--) must(access("bench.dat", R_OK)); }
static void change_mode(int n) { while (n--) must(chmod("bench.dat", 0644)); }
static void set_times(int n) { while (n--) must(utimensat(AT_FDCWD, "bench.dat", NULL, 0)); }
static void get_cwd(int n) { while (n--) must(getcwd(buf, PAGE) ? 0 : -1); }

static void make_dir(int n)
{
	while (n--) {
		must(mkdir("bench.dir", 0755));
		must(rmdir("bench.dir"));
	}
}

static void read_page(int n) { while (n--) must(pread(fd, buf, PAGE, n % PAGES * PAGE)); }
static void write_page(int n) { while (n--) must(pwrite(fd, buf, PAGE, n % PAGES * PAGE)); }
static void append_page(int n) { while (n--) must(write(append_fd, buf, PAGE)); }
static void load_all(int n) { for (int i = 0; i < n; i++) (void)fresh[i * PAGE]; }
static void store_all(int n) { for (int i = 0; i < n; i++) fresh[i * PAGE] = 1; }
static void load_far(int n) { for (int i = 0; i < n; i++) (void)fresh[(i * 16 + 8) * PAGE]; }

static void unmap(int n) { (void)n, munmap((void *)fresh, PAGES * PAGE), fresh = NULL; }
static void map_shared(int n) { (void)n; fresh = map(MAP_SHARED, PROT_READ | PROT_WRITE); }
static void map_anonymous(int n) { (void)n; fresh = map(MAP_PRIVATE | MAP_ANONYMOUS, PROT_READ | PROT_WRITE); }

static void map_private(int n)
{
	fresh = map(MAP_PRIVATE, PROT_READ | PROT_WRITE);
	load_all(n);
}

static void map_random(int n)
{
	(void)n;
	map_shared(n);
	must(madvise((void *)fresh, PAGES * PAGE, MADV_RANDOM));
}

static void map_clean(int n)
{
	must(fsync(fd));
	map_shared(n);
	load_all(n);
}

static void map_unmap(int n)
{
	while (n--) {
		char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		*p = 1;
		munmap(p, PAGE);
	}
}

static void protect(int n)
{
	while (n--) must(mprotect((void *)fresh, FEW * PAGE, n % 2 ? PROT_READ : PROT_READ | PROT_WRITE));
}

static void sync_clean(int n) { while (n--) must(msync((void *)file, PAGES * PAGE, MS_SYNC)); }

static void sync_one(int n)
{
	while (n--) {
		file[n % PAGES * PAGE]++;
		must(msync((void *)file, PAGES * PAGE, MS_SYNC));
	}
}

static void fsync_one(int n)
{
	while (n--) {
		file[n % PAGES * PAGE]++;
		must(fsync(fd));
	}
}

static void sync_few(int n, int apart)
{
	while (n--) {
		for (int i = 0; i < FEW; i++) file[i * apart * PAGE]++;
		must(msync((void *)file, PAGES * PAGE, MS_SYNC));
	}
}

static void sync_scattered(int n) { sync_few(n, 16); }
static void sync_neighbours(int n) { sync_few(n, 1); }

static void fork_wait(int n)
{
	while (n--) {
		pid_t p = fork();

		must(p);
		if (p == 0) _exit(0);
		must(waitpid(p, NULL, 0));
	}
}

static void fork_exec(int n)
{
	while (n--) {
		pid_t p = fork();

		must(p);
		if (p == 0) {
			execl(self, self, "exit", NULL);
			_exit(127);
		}
		must(waitpid(p, NULL, 0));
	}
}

static void ping_start(int n)
{
	char c = 0;

	must(pipe(to));
	must(pipe(from));
	if (fork()) return;
	while (n-- && read(to[0], &c, 1) == 1) must(write(from[1], &c, 1));
	_exit(0);
}

static void ping(int n)
{
	char c = 0;

	while (n--) {
		must(write(to[1], &c, 1));
		must(read(from[0], &c, 1));
	}
}

static void clock_get(int n)
{
	struct timespec t;

	while (n--) clock_gettime(CLOCK_MONOTONIC, &t);
}

enum { COLD, WARM };             /* done twice before it is counted */
static const struct row { const char *name; void (*run)(int n); int n, warm; } row[] = {
	{"empty", NULL, 1, COLD},
	{"null call", null_call, 10000, WARM},
	{"clock_gettime", clock_get, 10000, WARM},
	{"open + close", open_close, 1000, WARM},
	{"open + close, nobody else has it open", open_close_alone, 1000, WARM},
	{"stat", stat_path, 1000, WARM},
	{"fstat", stat_fd, 1000, WARM},
	{"access", may_read, 1000, WARM},
	{"chmod", change_mode, 1000, WARM},
	{"utimensat", set_times, 1000, WARM},
	{"getcwd", get_cwd, 1000, WARM},
	{"mkdir + rmdir", make_dir, 100, WARM},
	{"read 4 KiB, cached", read_page, 1000, WARM},
	{"write 4 KiB, cached", write_page, 1000, WARM},
	{"append 4 KiB", append_page, 200, COLD},
	{" map", map_shared, PAGES, COLD}, {"read fault, resident, sequential", load_all, PAGES, COLD},
	{" map", map_random, PAGES, COLD},
	{"read fault, resident, far from others", load_far, PAGES / 16, COLD},
	{" map", map_clean, PAGES, COLD}, {"first store into a clean shared page", store_all, PAGES, COLD},
	{" map", map_anonymous, PAGES, COLD}, {"zero-fill fault", store_all, PAGES, COLD},
	{" map", map_private, PAGES, COLD}, {"copy-on-write fault", store_all, PAGES, COLD},
	{"mmap + store + munmap", map_unmap, 1000, WARM},
	{" map", map_anonymous, PAGES, COLD}, {" touch", store_all, FEW, COLD},
	{"mprotect, 64 pages", protect, 200, WARM},
	{" unmap", unmap, 0, COLD}, {" clean", fsync_one, 1, COLD}, {"msync, nothing dirty", sync_clean, 1000, WARM},
	{"msync, one page", sync_one, 100, WARM},
	{"fsync, one page", fsync_one, 100, WARM},
	{"msync, 64 scattered pages", sync_scattered, 20, WARM},
	{"msync, 64 neighbouring pages", sync_neighbours, 20, WARM},
	{"fork + wait", fork_wait, 100, WARM},
	{"fork + exec + wait", fork_exec, 100, WARM},
	{" start", ping_start, 1000, COLD}, {"pipe ping-pong", ping, 1000, COLD},
};
#define ROWS (sizeof(row) / sizeof(*row))

/* Rows that prepare, and the others in pairs of marks; only: this one alone, n times. */
static void run(const char *only, int n)
{
	for (const struct row *r = row; r < row + ROWS; r++) {
		if (r->name[0] == ' ') {
			r->run(only && r->run == ping_start ? n : r->n);
			continue;
		}
		if (only && strcmp(only, r->name)) continue;
		if (r->warm) r->run(2);
		mark();
		if (r->run) r->run(only ? n : r->n);
		mark();
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "exit")) return 0;
	self = argv[0];
	fd = open("bench.dat", O_RDWR | O_CREAT | O_TRUNC, 0644);
	append_fd = open("bench.app", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
	if (fd < 0 || append_fd < 0) die("bench.dat");
	write_page(PAGES);
	must(fsync(fd));
	must(close(open("bench.own", O_RDWR | O_CREAT, 0644)));
	file = map(MAP_SHARED, PROT_READ | PROT_WRITE);
	for (int i = 0; i < PAGES; i++) (void)file[i * PAGE];
	run(argv[1], argc > 2 ? atoi(argv[2]) : 1000);
	for (size_t i = 0; i < ROWS && !argv[1]; i++)
		if (row[i].name[0] != ' ') printf("%d %s\n", row[i].n, row[i].name);
	return 0;
}
