/* SPDX-License-Identifier: MIT */
/* user/bin/mv.c - mv from to: rename within a file system; `to` may be a directory. */
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
	char full[4096];
	const char *to = argc == 3 ? argv[2] : "";
	struct stat st;

	if (argc != 3) return fputs("usage: mv from to\n", stderr), 2;
	if (!stat(to, &st) && S_ISDIR(st.st_mode)) {
		snprintf(full, sizeof(full), "%s/%s", to, basename(strdup(argv[1])));
		to = full;
	}
	return rename(argv[1], to) ? perror(argv[1]), 1 : 0;
}
