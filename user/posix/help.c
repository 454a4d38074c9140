/* SPDX-License-Identifier: MIT */
/* user/posix/help.c - what the conformance tests share: checks, files of a known pattern, faults caught, turns. */
#include "posix.h"

static bool failed_here;
static sigjmp_buf back;
static volatile int got_signo, got_code;
static void *volatile got_addr;

bool expect_(bool ok, const char *what, const char *file, int line, bool with_errno)
{
	int e = errno;

	if (!ok) {
		printf("# %s:%d: not so: %s", file, line, what);
		if (with_errno && e) printf(" (errno: %s)", strerror(e));
		printf("\n");
		fflush(stdout);
		failed_here = true;
	}
	return with_errno ? ok : !failed_here;
}

void give_up(const char *what, const char *file, int line)
{
	expect_(false, what, file, line, true);
	exit(1);
}

void skip(const char *why)
{
	printf("# skipped: %s\n", why);
	exit(failed_here ? 1 : 77);
}

char pattern(long i)
{
	return (char)(i * 7 + i / 251 + 1);
}

bool is_pattern(const void *p, long from, long n)
{
	const char *c = p;

	for (long i = 0; i < n; i++) {
		if (c[i] != pattern(from + i)) return false;
	}
	return true;
}

bool all_are(const void *p, char c, size_t n)
{
	const char *b = p;

	for (size_t i = 0; i < n; i++) {
		if (b[i] != c) return false;
	}
	return true;
}

int new_file(const char *name, long n)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char b[PAGE];

	must(fd >= 0);
	for (long at = 0; at < n; at += PAGE) {
		long m = n - at < PAGE ? n - at : PAGE;

		for (long i = 0; i < m; i++) b[i] = pattern(at + i);
		must(pwrite(fd, b, m, at) == m);
	}
	return fd;
}

char *map_at(int fd, size_t n, int prot, int flags, off_t offset)
{
	void *p = mmap(NULL, n, prot, flags, fd, offset);

	must(p != MAP_FAILED);
	return p;
}

char *map_file(int fd, size_t n)
{
	return map_at(fd, n, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
}

void read_at(int fd, void *to, size_t n, off_t offset)
{
	must(pread(fd, to, n, offset) == (ssize_t)n);
}

void write_at(int fd, const void *from, size_t n, off_t offset)
{
	must(pwrite(fd, from, n, offset) == (ssize_t)n);
}

int byte_at(int fd, off_t offset)
{
	unsigned char c;
	ssize_t n = pread(fd, &c, 1, offset);

	must(n >= 0);
	return n == 1 ? c : -1;
}

long size_of(int fd)
{
	struct stat s;

	must(fstat(fd, &s) == 0);
	return s.st_size;
}

long offset_of(int fd)
{
	return lseek(fd, 0, SEEK_CUR);
}

bool holds(int fd, const char *text)
{
	char b[256];
	ssize_t n = pread(fd, b, sizeof(b), 0);

	return n == (ssize_t)strlen(text) && !memcmp(b, text, n);
}

void publish(void *p, size_t n)
{
	must(msync(p, n, MS_SYNC) == 0);
}

void refetch(void *p, size_t n)
{
	must(msync(p, n, MS_SYNC | MS_INVALIDATE) == 0);
}

static void caught(int signo, siginfo_t *si, void *context)
{
	(void)context;
	got_signo = signo;
	got_code = si->si_code;
	got_addr = si->si_addr;
	siglongjmp(back, 1);
}

bool faults(volatile void *at, bool store, int signo, int code)
{
	struct sigaction sa = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO}, segv, bus;
	volatile char *p = at;

	got_signo = got_code = 0;
	got_addr = NULL;
	sigaction(SIGSEGV, &sa, &segv);
	sigaction(SIGBUS, &sa, &bus);
	if (sigsetjmp(back, 1) == 0) {
		if (store) *p = 1;
		else (void)*p;
	}
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	if (got_signo == signo && got_code == code && got_addr == p) return true;
	printf("# signal %d, si_code %d, si_addr %p, for %p\n", got_signo, got_code, got_addr, (void *)p);
	errno = 0;
	return false;
}

int in_child(void (*fn)(void *), void *arg)
{
	pid_t pid;
	int st;

	fflush(stdout);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		failed_here = false;
		fn(arg);
		exit(failed_here ? 1 : 0);
	}
	must(waitpid(pid, &st, 0) == pid);
	if (WIFEXITED(st) && WEXITSTATUS(st) == 1) failed_here = true;
	return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
}

pid_t child_start(void (*fn)(void *), void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	must(pid >= 0);
	if (pid > 0) return pid;
	failed_here = false;
	fn(arg);
	exit(failed_here ? 1 : 0);
}

void child_end(pid_t pid)
{
	int st;

	must(waitpid(pid, &st, 0) == pid);
	expect(WIFEXITED(st) && WEXITSTATUS(st) == 0);
}

void thread_start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	must(pthread_create(t, NULL, fn, arg) == 0);
}

void *thread_join(pthread_t t)
{
	void *value = NULL;

	must(pthread_join(t, &value) == 0);
	return value;
}

struct turns turns_new(void)
{
	struct turns t;

	must(pipe(t.to) == 0 && pipe(t.from) == 0);
	return t;
}

void turn_give(int pipe_end[2])
{
	must(write(pipe_end[1], "x", 1) == 1);
}

void turn_wait(int pipe_end[2])
{
	char c;

	must(read(pipe_end[0], &c, 1) == 1);
}
