/* SPDX-License-Identifier: MIT */
/* user/bin/kill.c - kill [-signal] pid...: signals by number. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	int sig = argc > 1 && argv[1][0] == '-' ? atoi(argv[1] + 1) : SIGTERM, failed = 0;

	if (argc < 2) return fputs("usage: kill [-signal] pid...\n", stderr), 2;
	for (int i = argv[1][0] == '-' ? 2 : 1; i < argc; i++) {
		if (kill(atoi(argv[i]), sig)) perror(argv[i]), failed = 1;
	}
	return failed;
}
