/* SPDX-License-Identifier: MIT */
/* user/bin/cp.c - cp from to: a file's bytes and permissions; `to` may be a directory. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy(const char *from, const char *to)
{
	static char buf[65536];
	struct stat st;
	int in = open(from, O_RDONLY), out;
	ssize_t n;

	if (in < 0 || fstat(in, &st)) return perror(from), 1;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC, st.st_mode & 0777);
	if (out < 0) return perror(to), 1;
	while ((n = read(in, buf, sizeof(buf))) > 0) {
		if (write(out, buf, n) != n) return perror(to), 1;
	}
	if (n < 0) return perror(from), 1;
	return close(out) ? perror(to), 1 : 0;
}

int main(int argc, char **argv)
{
	char full[4096];
	struct stat st;

	if (argc != 3) return fputs("usage: cp from to\n", stderr), 2;
	if (!stat(argv[2], &st) && S_ISDIR(st.st_mode)) {
		snprintf(full, sizeof(full), "%s/%s", argv[2], basename(strdup(argv[1])));
		return copy(argv[1], full);
	}
	return copy(argv[1], argv[2]);
}
