/* SPDX-License-Identifier: MIT */
/* user/sh/main.c - the shell: a prompt, `sh -c command`, or `sh file`. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sh.h"

static const char *value(const char *name)
{
	static char number[16];

	if (!strcmp(name, "?") || !strcmp(name, "$")) {
		snprintf(number, sizeof(number), "%d", *name == '?' ? last_status : (int)getpid());
		return number;
	}
	return getenv(name) ? getenv(name) : "";
}

static int run_file(FILE *f)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, f) > 0) run_line(line);
	free(line);
	return last_status;
}

static int prompt(void)
{
	char *line;

	interactive = true;
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	while ((line = edit_line("quire$ "))) {
		run_line(line);
		jobs_reap(true);
		fflush(stdout);
	}
	return last_status;
}

int main(int argc, char **argv)
{
	FILE *f;

	parse_value = value;
	if (argc > 2 && !strcmp(argv[1], "-c")) return run_line(argv[2]);
	if (argc > 1) {
		f = fopen(argv[1], "r");
		if (!f) return perror(argv[1]), 127;
		return run_file(f);
	}
	return isatty(0) ? prompt() : run_file(stdin);
}
