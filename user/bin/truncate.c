/* SPDX-License-Identifier: MIT */
/* user/bin/truncate.c - truncate -s bytes path: set a file's length, making it if it is not there. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd;

	if (argc != 4 || strcmp(argv[1], "-s")) return fputs("usage: truncate -s bytes path\n", stderr), 2;
	fd = open(argv[3], O_WRONLY | O_CREAT, 0666);
	if (fd < 0 || ftruncate(fd, atoll(argv[2]))) return perror(argv[3]), 1;
	return 0;
}
