/* SPDX-License-Identifier: MIT */
/* user/demo/dbpage.c - MS_SYNC|MS_INVALIDATE on a database page: written first, then read again (MS10, MS11). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 4

static void die(const char *what)
{
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "pages.db";
	long page = sysconf(_SC_PAGESIZE);
	char *db, row[32];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || ftruncate(fd, PAGES * page)) die(path);
	db = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (db == MAP_FAILED) die("mmap");

	for (int i = 0; i < PAGES; i++) {
		snprintf(db + i * page, page, "row %d", i);
		if (msync(db + i * page, page, MS_SYNC | MS_INVALIDATE)) die("msync");
		snprintf(row, sizeof(row), "row %d", i);
		if (strcmp(db + i * page, row)) return puts("the page came back different"), 1;
		printf("page %d: %s\n", i, db + i * page);
	}
	puts("dbpage ok");
	return 0;
}
