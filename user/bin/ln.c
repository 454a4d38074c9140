/* SPDX-License-Identifier: MIT */
/* user/bin/ln.c - ln [-s] target name */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int symbolic = argc > 1 && !strcmp(argv[1], "-s");

	if (argc != 3 + symbolic) return fputs("usage: ln [-s] target name\n", stderr), 2;
	argv += symbolic;
	return (symbolic ? symlink : link)(argv[1], argv[2]) ? perror(argv[2]), 1 : 0;
}
