/* SPDX-License-Identifier: MIT */
/* user/demo/logline.c - a log line under MS_ASYNC, then fsync through a second, read-only descriptor (MS3, FS3). */
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
	const char *path = argc > 1 ? argv[1] : "log.txt", *line = "the line that must not be lost\n";
	long page = sysconf(_SC_PAGESIZE);
	char *log, back[64] = "";
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644), second;

	if (fd < 0 || ftruncate(fd, page)) die(path);
	log = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (log == MAP_FAILED) die("mmap");
	second = open(path, O_RDONLY);
	if (second < 0) die(path);

	memcpy(log, line, strlen(line));
	if (msync(log, page, MS_ASYNC)) die("msync");
	puts("the write is under way");
	if (fsync(second)) die("fsync");
	puts("the log is durable");
	if (pread(second, back, strlen(line), 0) != (ssize_t)strlen(line) || strcmp(back, line)) return puts("lost"), 1;
	puts("logline ok");
	return 0;
}
