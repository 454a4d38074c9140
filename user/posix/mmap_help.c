/* SPDX-License-Identifier: MIT */
/* user/posix/mmap_help.c - what the mmap tests share beyond the frame: children beside us, faults of any kind. */
#include "mmap_help.h"

static sigjmp_buf back;
static struct fault got;

const char code_42[6] = {(char)0xb8, 42, 0, 0, 0, (char)0xc3};          /* mov $42, %eax; ret */
int jump_result;

int shown_file(const char *name, long n)
{
	int fd = new_file(name, n);
	char *p;

	if (!split_world() || n == 0) return fd;
	p = map_at(fd, n, PROT_READ, MAP_SHARED, 0);
	refetch(p, n);
	must(munmap(p, n) == 0);
	return fd;
}

static void caught(int signo, siginfo_t *si, void *context)
{
	(void)context;
	got = (struct fault){signo, si->si_code, si->si_addr};
	siglongjmp(back, 1);
}

struct fault fault_of(void (*fn)(void *), void *arg)
{
	struct sigaction sa = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO}, segv, bus;

	got = (struct fault){0, 0, NULL};
	sigaction(SIGSEGV, &sa, &segv);
	sigaction(SIGBUS, &sa, &bus);
	if (sigsetjmp(back, 1) == 0) fn(arg);
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	return got;
}

void jump(void *at)
{
	int (*fn)(void) = (int (*)(void))at;

	jump_result = 0;
	jump_result = fn();
}
