/* SPDX-License-Identifier: MIT */
/* user/demo/threeways.c - three ways to the disk: MS_SYNC; MS_ASYNC + fsync; MS_ASYNC + fdatasync (MS1, FS1, FS2). */
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

static void to_disk(int way, char *page, long size, int fd)
{
	if (msync(page, size, way == 0 ? MS_SYNC : MS_ASYNC)) die("msync");
	if (way == 1 && fsync(fd)) die("fsync");
	if (way == 2 && fdatasync(fd)) die("fdatasync");
}

int main(int argc, char **argv)
{
	static const char *const name[] = {"MS_SYNC", "MS_ASYNC + fsync", "MS_ASYNC + fdatasync"};
	const char *path = argc > 1 ? argv[1] : "ways.dat";
	long page = sysconf(_SC_PAGESIZE);
	char *map, back[32];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || ftruncate(fd, 3 * page)) die(path);
	map = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) die("mmap");
	for (int way = 0; way < 3; way++) {
		strcpy(map + way * page, name[way]);
		to_disk(way, map + way * page, page, fd);
		printf("%s: on the disk\n", name[way]);
	}
	for (int way = 0; way < 3; way++) {
		if (pread(fd, back, sizeof(back), way * page) != sizeof(back) || strcmp(back, name[way]))
			return puts("lost"), 1;
	}
	puts("threeways ok");
	return 0;
}
