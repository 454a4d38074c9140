/* SPDX-License-Identifier: MIT */
/* user/demo/onepage.c - one page of a 1 MiB mapping is synced alone (MS1, MS17).  That only it is written can be seen
 * from outside: tests/guest counts the device's writes between the lines that this prints.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (1 << 20)

static void die(const char *what)
{
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "mebibyte.dat";
	long page = sysconf(_SC_PAGESIZE);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644), pause_ms = argc > 2 ? atoi(argv[2]) : 0;
	char *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (fd < 0 || ftruncate(fd, SIZE)) die(path);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) die("mmap");
	memset(map, 'a', SIZE);
	if (msync(map, SIZE, MS_SYNC)) die("msync");

	memset(map + 17 * page, 'b', page);
	puts("before");
	usleep(pause_ms * 1000);
	if (msync(map + 17 * page, page, MS_SYNC)) die("msync");
	puts("after");
	usleep(pause_ms * 1000);
	for (int i = 0; i < 10; i++) {
		map[17 * page] = 'c' + i;
		if (msync(map + 17 * page, page, MS_SYNC)) die("msync");
	}
	puts("ten times");
	usleep(pause_ms * 1000);
	map[17 * page] = 'b';
	if (msync(map + 17 * page, page, MS_SYNC)) die("msync");
	for (int i = 0; i < SIZE / page; i++) {
		char c;

		if (pread(fd, &c, 1, i * page) != 1 || c != (i == 17 ? 'b' : 'a'))
			return puts("another page changed"), 1;
	}
	puts("onepage ok");
	return 0;
}
