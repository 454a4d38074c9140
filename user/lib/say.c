/* SPDX-License-Identifier: MIT */
/* user/lib/say.c - RING 3 - for servers: a line for the kernel's log, and the kernel's command line. */
#include "user/lib/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/quire.h"

#define CMDLINE_MAX 512

/* The kernel puts our name in front. */
void say(const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0) q_log(line, n < (int)sizeof(line) ? (uint64_t)n : sizeof(line) - 1);
}

/* Words are separated by spaces; value gets what stands behind "name=", or "". */
bool cmdline_word(const char *name, char *value, size_t len)
{
	char line[CMDLINE_MAX] = "", *word, *rest = line;
	size_t n = strlen(name);

	if (q_cmdline(line, sizeof(line)) < 0) return false;
	while ((word = strtok_r(rest, " \t\r\n", &rest))) {
		if (strncmp(word, name, n) != 0 || (word[n] != 0 && word[n] != '=')) continue;
		snprintf(value, len, "%s", word[n] ? word + n + 1 : "");
		return true;
	}
	return false;
}
