/* SPDX-License-Identifier: MIT */
/* user/conformance/look.h - files of /proc, read and taken apart: for procfs.c and procmem.c. */
#ifndef LOOK_H
#define LOOK_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096ul
#define claim(cond, what) check_(!!(cond), what, __LINE__)

static char text[1 << 20];

/* The whole file into text, in pieces; its length, or -1. */
static inline ssize_t slurp(const char *path, size_t piece)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = 0, done = 0;

	while (fd >= 0 && (n = read(fd, text + done, piece)) > 0) done += n;
	if (fd >= 0) close(fd);
	text[fd < 0 || n < 0 ? 0 : done] = 0;
	return fd < 0 || n < 0 ? -1 : done;
}

static inline ssize_t slurp_of(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return slurp(path, 4096);
}

/* The number behind "\nname" in text; ~0: no such line. */
static inline unsigned long value(const char *name, int base)
{
	char line[64];
	const char *at;

	snprintf(line, sizeof(line), "\n%s", name);
	at = strncmp(text, name, strlen(name)) == 0 ? text - 1 : strstr(text, line);
	return at ? strtoul(at + strlen(line), NULL, base) : ~0ul;
}

/* Field n of a stat line in text; the name may hold blanks. */
static inline unsigned long stat_field(int n)
{
	char *at = strrchr(text, ')');

	for (n -= 2; at && n > 0; n--) at = strchr(at + 1, ' ');
	return at ? strtoul(at + 1, NULL, 10) : ~0ul;
}

static inline char state_of(pid_t pid) { return slurp_of(pid, "stat") > 0 ? strrchr(text, ')')[2] : 0; }

static inline int link_is(const char *path, const char *want)
{
	char buf[512];
	ssize_t n = readlink(path, buf, sizeof(buf) - 1);

	buf[n < 0 ? 0 : n] = 0;
	return strcmp(buf, want) == 0;
}

static inline void wait_state(pid_t pid, char state)
{
	for (int i = 0; i < 500 && state_of(pid) != state; i++) usleep(10000);
}

static inline pid_t child_asleep(void)
{
	pid_t p = fork();

	if (p == 0) {
		pause();
		_exit(0);
	}
	wait_state(p, 'S');
	return p;
}

static inline void end(pid_t p)
{
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

#endif
