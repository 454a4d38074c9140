/* SPDX-License-Identifier: MIT */
/* user/demo/producer.c - a producer syncs records one by one, each address rounded down to its page; a consumer
 * process reads them through a mapping of its own (MS7, MM10, MM11).
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORDS 100
struct record { volatile uint32_t ready; uint32_t value; char pad[92]; };       /* 100 bytes: they straddle pages */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct record *map_records(const char *path, int prot)
{
	int fd = open(path, O_RDWR);
	struct record *r = fd < 0 ? MAP_FAILED : mmap(NULL, RECORDS * sizeof(*r), prot, MAP_SHARED, fd, 0);

	if (r == MAP_FAILED) die(path);
	close(fd);
	return r;
}

static void sync_record(struct record *r)
{
	uintptr_t page = sysconf(_SC_PAGESIZE), start = (uintptr_t)r / page * page;

	if (msync((void *)start, (uintptr_t)(r + 1) - start, MS_SYNC)) die("msync");
}

static int consume(const char *path)
{
	struct record *r = map_records(path, PROT_READ);
	uint32_t sum = 0;

	for (int i = 0; i < RECORDS; i++) {
		while (!r[i].ready) usleep(1000);
		sum += r[i].value;
	}
	return sum == RECORDS * (RECORDS - 1) / 2 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "records.dat";
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644), st;
	struct record *r;
	pid_t child;

	if (fd < 0 || ftruncate(fd, RECORDS * sizeof(*r))) die(path);
	child = fork();
	if (child < 0) die("fork");
	if (child == 0) _exit(consume(path));
	r = map_records(path, PROT_READ | PROT_WRITE);
	for (int i = 0; i < RECORDS; i++) {
		r[i].value = i;
		r[i].ready = 1;
		sync_record(&r[i]);
	}
	if (waitpid(child, &st, 0) != child || st) return puts("the consumer saw something else"), 1;
	printf("%d records produced, synced and consumed\nproducer ok\n", RECORDS);
	return 0;
}
