/* SPDX-License-Identifier: MIT */
/* user/bin/sleep.c - sleep seconds (a decimal fraction is allowed). */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	double s = argc == 2 ? atof(argv[1]) : -1;
	struct timespec t = {(time_t)s, (long)((s - (double)(time_t)s) * 1e9)};

	if (s < 0) return fputs("usage: sleep seconds\n", stderr), 2;
	while (nanosleep(&t, &t)) { }
	return 0;
}
