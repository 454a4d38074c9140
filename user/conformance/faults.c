/* SPDX-License-Identifier: MIT */
/* user/conformance/faults.c - SIGSEGV and SIGBUS with siginfo, abort and kill, a handler that mends and returns
 * (MM8, MM14, MM20, MU1, MP1).  Runs on Linux too.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed, checks;
static sigjmp_buf back;
static volatile int got_signo, got_code;
static void *volatile got_addr;

static void check(int ok, const char *what)
{
	checks++;
	if (ok) return;
	failed++;
	printf("not ok: %s (signal %d code %d addr %p)\n", what, got_signo, got_code, got_addr);
}

static void note(int signo, siginfo_t *si, void *context)
{
	(void)context;
	got_signo = signo;
	got_code = si->si_code;
	got_addr = si->si_addr;
	siglongjmp(back, 1);
}

static void mend(int signo, siginfo_t *si, void *context)
{
	long page = sysconf(_SC_PAGESIZE);

	(void)context;
	got_signo = signo;
	mprotect((void *)((unsigned long)si->si_addr / page * page), page, PROT_READ | PROT_WRITE);
}

static void handle(int signo, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO};

	sigaction(signo, &sa, NULL);
}

/* Touch the byte; did it fault like that? */
static int faults(volatile char *p, int store, int signo, int code)
{
	got_signo = got_code = 0;
	got_addr = NULL;
	if (sigsetjmp(back, 1) == 0) {
		if (store) *p = 1;
		else (void)*p;
		return 0;
	}
	return got_signo == signo && got_code == code && got_addr == p;
}

static int child_status(void (*fn)(void))
{
	pid_t pid = fork();
	int st = -1;

	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		fn();
		_exit(0);
	}
	waitpid(pid, &st, 0);
	return st;
}

static volatile char *volatile nowhere = (char *)16;
static void die_segv(void) { *nowhere = 1; }
static void die_kill(void) { kill(getpid(), SIGTERM); }

static void mapping_faults(long page)
{
	char *none = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *ro = mmap(NULL, 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("faults.dat", O_RDWR | O_CREAT | O_TRUNC, 0644);
	char *map;

	check(faults(none + 5, 0, SIGSEGV, SEGV_ACCERR), "MM8 no access with PROT_NONE");
	check(faults(ro + 7, 1, SIGSEGV, SEGV_ACCERR), "MM8 no write without PROT_WRITE");
	check(!faults(ro + 7, 0, SIGSEGV, SEGV_ACCERR), "MM8 reading is allowed");
	munmap(ro, page);
	check(faults(ro, 0, SIGSEGV, SEGV_MAPERR), "MU1 unmapped: SEGV_MAPERR");
	check(!faults(ro + page, 0, SIGSEGV, SEGV_MAPERR), "MU1 the rest stays");
	check(faults(nowhere, 0, SIGSEGV, SEGV_MAPERR), "MM8 address 16");

	check(write(fd, "abc", 3) == 3, "write");
	map = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map[0] == 'a' && map[3] == 0 && map[page - 1] == 0, "MM12 the rest of the last page is zero");
	check(faults(map + page, 0, SIGBUS, BUS_ADRERR), "MM14 a whole page past the end");
	check(ftruncate(fd, 2 * page) == 0 && !faults(map + page, 1, SIGBUS, BUS_ADRERR),
	      "MM20 growth becomes visible");
	check(ftruncate(fd, 1) == 0 && faults(map + page, 0, SIGBUS, BUS_ADRERR), "MM20 past the new end");
	check(map[1] == 0, "MM20 what was cut off is zero");
	check(pread(fd, none, 1, 0) == -1 && errno == EFAULT, "a system call given PROT_NONE memory");
	check(pread(fd, map + 2 * page, 1, 0) == -1 && errno == EFAULT,
	      "a system call given memory past the end of file");
	close(fd);
	unlink("faults.dat");
}

int main(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *ro;
	int st;

	handle(SIGSEGV, note);
	handle(SIGBUS, note);
	mapping_faults(page);

	handle(SIGSEGV, mend);
	ro = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	got_signo = 0;
	*(volatile char *)ro = 'm';
	check(got_signo == SIGSEGV && ro[0] == 'm', "MP1 a handler mends the mapping, the store is retried");

	st = child_status(die_segv);
	check(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV, "SIGSEGV kills");
	st = child_status(abort);
	check(WIFSIGNALED(st) && WTERMSIG(st) == SIGABRT, "abort kills with SIGABRT");
	st = child_status(die_kill);
	check(WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM, "kill kills");
	printf("%d checks, %d failed\n", checks, failed);
	return failed != 0;
}
