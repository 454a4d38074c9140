/* SPDX-License-Identifier: MIT */
/* user/demo/syncmark.c - makes one record durable, says so, and waits to be killed: the program of the power-cut tests.
 *
 * syncmark way kind path number
 *   way   sync | async-fsync | async-fdatasync | fsync | fdatasync | none
 *   kind  overwrite (a file of 4 pages, synced before) | new (a file created now) | grow (a page is added to a file)
 * The record is a page of the number's digits.  After the acknowledgement "SYNCED way kind number" is written at once.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void make_durable(const char *way, char *page, int fd)
{
	int async = !strncmp(way, "async", 5);

	if (!strcmp(way, "sync") && msync(page, PAGE, MS_SYNC)) die("msync");
	if (async && msync(page, PAGE, MS_ASYNC)) die("msync");
	if (strstr(way, "fsync") && fsync(fd)) die("fsync");
	if (strstr(way, "fdatasync") && fdatasync(fd)) die("fdatasync");
}

/* The file before the record: 4 pages of dots, durable, unless it is to be new. */
static int prepare(const char *kind, const char *path, off_t *at)
{
	static char dots[4 * PAGE];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd < 0) die(path);
	*at = 0;
	if (!strcmp(kind, "new")) return fd;
	memset(dots, '.', sizeof(dots));
	if (write(fd, dots, sizeof(dots)) != sizeof(dots) || fsync(fd)) die(path);
	*at = !strcmp(kind, "grow") ? 4 * PAGE : PAGE;
	return fd;
}

int main(int argc, char **argv)
{
	char line[128], *page;
	off_t at;
	int fd, n;

	if (argc != 5) return fputs("usage: syncmark way kind path number\n", stderr), 2;
	fd = prepare(argv[2], argv[3], &at);
	if (strcmp(argv[2], "overwrite") && ftruncate(fd, at + PAGE)) die("ftruncate");
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);
	if (page == MAP_FAILED) die("mmap");
	for (int i = 0; i + 8 <= PAGE; i += 8)
		memcpy(page + i, (snprintf(line, sizeof(line), "%8s", argv[4]), line), 8);
	make_durable(argv[1], page, fd);
	n = snprintf(line, sizeof(line), "SYNCED %s %s %s\n", argv[1], argv[2], argv[4]);
	if (write(1, line, n) != n) die("write");
	for (;;) pause();
}
