/* SPDX-License-Identifier: MIT */
/* user/demo/pingpong.c - writer and reader, two processes, answer each other in one shared page of a file (MM10, MM11). */
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 200
struct shared { atomic_int question, answer; };

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "shared.dat";
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644), st;
	struct shared *s;
	pid_t child;

	if (fd < 0 || ftruncate(fd, sizeof(*s))) return perror(path), 1;
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (s == MAP_FAILED) return perror("mmap"), 1;
	child = fork();
	if (child < 0) return perror("fork"), 1;
	for (int i = 1; i <= ROUNDS; i++) {
		if (child == 0) {
			while (s->question != i) sched_yield();
			s->answer = i * i;
		} else {
			s->question = i;
			while (s->answer != i * i) sched_yield();
		}
	}
	if (child == 0) _exit(0);
	if (waitpid(child, &st, 0) != child || st) return 1;
	printf("%d questions, %d answers\npingpong ok\n", ROUNDS, ROUNDS);
	return 0;
}
