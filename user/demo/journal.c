/* SPDX-License-Identifier: MIT */
/* user/demo/journal.c - a journal record stored through a shared mapping and made durable with MS_SYNC (MS1, MS2). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct record { unsigned sequence, length; char text[56]; };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "journal.dat";
	long page = sysconf(_SC_PAGESIZE);
	struct record *journal, back;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || ftruncate(fd, page)) die(path);
	journal = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (journal == MAP_FAILED) die("mmap");

	for (unsigned i = 0; i < 4; i++) {
		journal[i].sequence = i + 1;
		journal[i].length = snprintf(journal[i].text, sizeof(journal[i].text), "transfer %u", i);
		if (msync(journal, page, MS_SYNC)) die("msync");
		printf("record %u is durable\n", i + 1);
	}
	for (unsigned i = 0; i < 4; i++) {
		if (pread(fd, &back, sizeof(back), i * sizeof(back)) != sizeof(back)) die("pread");
		if (memcmp(&back, &journal[i], sizeof(back))) return puts("read() sees something else"), 1;
	}
	if (munmap(journal, page) || close(fd)) die("close");
	puts("journal ok");
	return 0;
}
