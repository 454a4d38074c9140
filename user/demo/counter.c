/* SPDX-License-Identifier: MIT */
/* user/demo/counter.c - parent and child count in a shared anonymous page, atomically: the sum is exact (MM21). */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMES 100000

int main(void)
{
	atomic_int *n = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int st;

	if (n == MAP_FAILED) return perror("mmap"), 1;
	if (*n != 0) return puts("a new page is not zero"), 1;
	child = fork();
	if (child < 0) return perror("fork"), 1;
	for (int i = 0; i < TIMES; i++) atomic_fetch_add(n, 1);
	if (child == 0) _exit(0);
	if (waitpid(child, &st, 0) != child || st) return 1;
	printf("counted to %d\n", *n);
	if (*n != 2 * TIMES) return 1;
	puts("counter ok");
	return 0;
}
