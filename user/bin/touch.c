/* SPDX-License-Identifier: MIT */
/* user/bin/touch.c - touch path...: make it, or set its times to now. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_WRONLY | O_CREAT, 0666);

		if (fd >= 0 && futimens(fd, NULL) == 0 && close(fd) == 0) continue;
		fprintf(stderr, "touch: %s: %s\n", argv[i], strerror(errno));
		failed = 1;
	}
	return failed;
}
