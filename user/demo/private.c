/* SPDX-License-Identifier: MIT */
/* user/demo/private.c - MAP_PRIVATE: changed in memory, unchanged in the file (MS12, MM10). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "private.dat";
	long page = sysconf(_SC_PAGESIZE);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	char *map, back[9] = "";

	if (fd < 0 || write(fd, "original", 8) != 8) return perror(path), 1;
	map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) return perror("mmap"), 1;
	memcpy(map, "changed!", 8);
	if (msync(map, page, MS_SYNC)) return perror("msync"), 1;
	if (pread(fd, back, 8, 0) != 8) return perror("pread"), 1;
	printf("memory: %.8s, file: %s\n", map, back);
	if (strcmp(back, "original") || memcmp(map, "changed!", 8)) return 1;
	puts("private ok");
	return 0;
}
