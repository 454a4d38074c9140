/* SPDX-License-Identifier: MIT */
/* user/bin/mkdir.c - mkdir [-p] path...: with -p parents too, and what is there already is no error. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make(char *path, int parents)
{
	for (char *s = path + 1; parents && *s; s++) {
		if (*s != '/') continue;
		*s = 0;
		if (mkdir(path, 0777) && errno != EEXIST) return -1;
		*s = '/';
	}
	return mkdir(path, 0777) && !(parents && errno == EEXIST) ? -1 : 0;
}

int main(int argc, char **argv)
{
	int parents = argc > 1 && !strcmp(argv[1], "-p"), failed = 0;

	if (argc < 2 + parents) return fputs("usage: mkdir [-p] path...\n", stderr), 2;
	for (int i = 1 + parents; i < argc; i++) {
		if (make(argv[i], parents) == 0) continue;
		fprintf(stderr, "mkdir: %s: %s\n", argv[i], strerror(errno));
		failed = 1;
	}
	return failed;
}
