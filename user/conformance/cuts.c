/* SPDX-License-Identifier: MIT */
/* user/conformance/cuts.c - no page is somebody else's while a mapping still shows it: threads cut a file, cut and
 * change its mappings, store through them and hold memory of their own, which nobody else may change (design rule 5).
 * `cuts path seconds`
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE  4096u
#define PAGES 64u
#define SIZE  (PAGES * PAGE)

static int file;
static char *volatile shown[2]; /* MAP_SHARED, MAP_PRIVATE */
static volatile int over;
static volatile unsigned long cuts, changes, stores, foreign;
static __thread sigjmp_buf out;

static void on_fault(int signo)
{
	(void)signo;
	siglongjmp(out, 1);
}

static unsigned any(unsigned *seed, unsigned n)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % n;
}

static void *cut(void *arg)
{
	unsigned seed = 1;

	for (; !over; cuts++) {
		if (ftruncate(file, (off_t)any(&seed, PAGES) * PAGE) || ftruncate(file, SIZE)) break;
		if (cuts % 4 == 0 && posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)) break;
	}
	return arg;
}

/* Halves change their rights, pieces go and come back. */
static void *change(void *arg)
{
	unsigned which = (unsigned)(uintptr_t)arg, seed = 7 + which, from, n;
	int flags = (which ? MAP_PRIVATE : MAP_SHARED) | MAP_FIXED;

	for (; !over; changes++) {
		if (changes % 4 == 0) usleep(100);              /* the others' faults want the map, too */
		from = any(&seed, PAGES);
		n = 1 + any(&seed, PAGES - from);
		switch (any(&seed, 4)) {
		case 0: mprotect(shown[which] + from * PAGE, n * PAGE, PROT_READ); break;
		case 1: mprotect(shown[which] + from * PAGE, n * PAGE, PROT_READ | PROT_WRITE); break;
		case 2: madvise(shown[which] + from * PAGE, n * PAGE, MADV_DONTNEED); break;
		default:
			mmap(shown[which] + from * PAGE, n * PAGE, PROT_READ | PROT_WRITE, flags, file, from * PAGE);
		}
	}
	return arg;
}

static void *store(void *arg)
{
	volatile unsigned seed = 100 + (unsigned)(uintptr_t)arg;

	sigsetjmp(out, 1);
	while (!over) {
		unsigned s = seed, which = any(&s, 2);
		volatile char *page = shown[which] + any(&s, PAGES) * PAGE;

		seed = s;
		for (unsigned i = 0; i < 2000; i++) page[i * 8 % PAGE] = (char)0xa5;
		stores++;
	}
	return arg;
}

/* Pages come from where those of the file went. */
static void *hold(void *arg)
{
	unsigned long mine = (unsigned long)(uintptr_t)arg * 0x0101010101010101ul;

	while (!over) {
		unsigned long *w = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (w == MAP_FAILED) break;
		for (unsigned i = 0; i < SIZE / sizeof(*w); i++) foreign += w[i] != 0, w[i] = mine;
		for (unsigned i = 0; i < SIZE / sizeof(*w); i++) foreign += w[i] != mine;
		munmap(w, SIZE);
	}
	return arg;
}

/* Children have the private pages, too. */
static void *fork_some(void *arg)
{
	while (!over) {
		pid_t p = fork();

		if (p == 0) _exit(0);
		if (p > 0) waitpid(p, NULL, 0);
		usleep(2000);
	}
	return arg;
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
	void *(*const work[])(void *) = {cut, change, change, store, store, hold, hold, fork_some};
	const unsigned n = sizeof(work) / sizeof(work[0]);
	pthread_t t[n];
	const uintptr_t arg[] = {0, 0, 1, 0, 1, 3, 5, 0};

	file = argc > 2 ? open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0644) : -1;
	if (file < 0 || ftruncate(file, SIZE)) return perror("cuts"), 1;
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	for (int i = 0; i < 2; i++) {
		shown[i] = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, i ? MAP_PRIVATE : MAP_SHARED, file, 0);
		if (shown[i] == MAP_FAILED) return perror("mmap"), 1;
	}
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&t[i], NULL, work[i], (void *)arg[i])) return perror("pthread_create"), 1;
	sleep((unsigned)atoi(argv[2]));
	over = 1;
	for (unsigned i = 0; i < n; i++) pthread_join(t[i], NULL);
	printf("%lu cuts, %lu changes, %lu stores, %lu foreign words\n", cuts, changes, stores, foreign);
	return foreign != 0 || !cuts || !changes || !stores;
}
