/* SPDX-License-Identifier: MIT */
/* user/bin/rmdir.c - rmdir path... */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		if (rmdir(argv[i])) perror(argv[i]), failed = 1;
	}
	return failed;
}
