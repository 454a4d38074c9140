/* SPDX-License-Identifier: MIT */
/* user/lib/say.c - RING 3 - for servers: a line for the kernel's log, and the kernel's command line. */
#define _GNU_SOURCE                     /* our name */
#include "user/lib/server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/quire.h"

#define CMDLINE_MAX 512
#define SAY_MAX     256                 /* so much is written in one piece */

/* With our name in front.  What would not print on a terminal is shown as a dot: it may come from a disk. */
void say(const char *fmt, ...)
{
	char line[SAY_MAX];
	size_t room = sizeof(line) - 2, n = (size_t)snprintf(line, room, "%s: ", program_invocation_name);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + n, room - n, fmt, ap);
	va_end(ap);
	for (char *c = line; *c; c++) {
		if (*c < ' ' && *c != '\t') *c = '.';
	}
	n = strlen(line);
	memcpy(line + n, "\r\n", 2);
	q_con_write(CON_SERIAL, line, n + 2);
}

/* Words are separated by spaces; value gets what stands behind "name=", or "". */
bool cmdline_word(const char *name, char *value, size_t len)
{
	const char *all = getenv("CMDLINE");
	char line[CMDLINE_MAX], *word, *rest = line;
	size_t n = strlen(name);

	snprintf(line, sizeof(line), "%s", all ? all : "");
	while ((word = strtok_r(rest, " \t\r\n", &rest))) {
		if (strncmp(word, name, n) != 0 || (word[n] != 0 && word[n] != '=')) continue;
		snprintf(value, len, "%s", word[n] ? word + n + 1 : "");
		return true;
	}
	return false;
}
