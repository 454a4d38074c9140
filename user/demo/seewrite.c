/* SPDX-License-Identifier: MIT */
/* user/demo/seewrite.c - a mapping sees a write() made to the file, with MS_INVALIDATE alone (MS5, MS10, MM10). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "seen.dat";
	long page = sysconf(_SC_PAGESIZE);
	char *map;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || ftruncate(fd, page)) die(path);
	map = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) die("mmap");
	if (map[0] != 0) return puts("a new page is not zero"), 1;

	if (pwrite(fd, "written", 7, 0) != 7) die("pwrite");
	if (msync(map, page, MS_INVALIDATE)) die("msync");
	printf("the mapping shows: %.7s\n", map);
	if (memcmp(map, "written", 7)) return 1;
	puts("seewrite ok");
	return 0;
}
