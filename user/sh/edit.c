/* SPDX-License-Identifier: MIT */
/* user/sh/edit.c - editing a line in raw terminal mode, with history. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "sh.h"

#define LINE_MAX_LEN 1024
#define HISTORY 64

static char line[LINE_MAX_LEN];
static int len, at;
static char *history[HISTORY];
static int nhistory, browse;

static void out(const char *s)
{
	if (write(1, s, strlen(s)) < 0) _exit(1);
}

static void redraw(const char *prompt)
{
	char move[32];

	line[len] = 0;
	out("\r\033[K");
	out(prompt);
	out(line);
	snprintf(move, sizeof(move), "\r\033[%dC", (int)strlen(prompt) + at);
	out(move);
}

static void insert(char c)
{
	if (len + 1 >= LINE_MAX_LEN) return;
	memmove(line + at + 1, line + at, len - at);
	line[at++] = c;
	len++;
}

static void cut(int from, int to)
{
	memmove(line + from, line + to, len - to);
	len -= to - from;
	at = from;
}

static void recall(int to)
{
	if (to < 0 || to > nhistory) return;
	browse = to;
	snprintf(line, sizeof(line), "%s", to < nhistory ? history[to] : "");
	len = at = strlen(line);
}

static void remember(void)
{
	if (!len || (nhistory && !strcmp(history[nhistory - 1], line))) return;
	if (nhistory == HISTORY) {
		free(history[0]);
		memmove(history, history + 1, sizeof(*history) * --nhistory);
	}
	history[nhistory++] = strdup(line);
}

void history_print(void)
{
	for (int i = 0; i < nhistory; i++) printf("%4d  %s\n", i + 1, history[i]);
}

/* ESC [ A and friends; ESC O H of some terminals. */
static void escape(void)
{
	char c, n;

	if (read(0, &c, 1) != 1 || (c != '[' && c != 'O') || read(0, &n, 1) != 1) return;
	switch (n) {
	case 'A': recall(browse - 1); break;
	case 'B': recall(browse + 1); break;
	case 'C': at += at < len; break;
	case 'D': at -= at > 0; break;
	case 'H': at = 0; break;
	case 'F': at = len; break;
	case '1': case '3': case '4': case '7': case '8':
		if (read(0, &c, 1) != 1) return;
		if (n == '3' && at < len) cut(at, at + 1);
		else if (n == '1' || n == '7') at = 0;
		else if (n != '3') at = len;
		break;
	}
}

static int word_start(void)
{
	int i = at;

	while (i > 0 && line[i - 1] == ' ') i--;
	while (i > 0 && line[i - 1] != ' ') i--;
	return i;
}

/* One key.  1: the line is complete, 0: go on, -1: end of input */
static int key(char c)
{
	switch (c) {
	case '\r': case '\n': return 1;
	case 1: at = 0; break;
	case 5: at = len; break;
	case 3: len = at = 0; out("^C\n"); return 2;
	case 4:
		if (len == 0) return -1;
		if (at < len) cut(at, at + 1);
		break;
	case 8: case 127:
		if (at > 0) cut(at - 1, at);
		break;
	case 11: len = at; break;
	case 21: cut(0, at); break;
	case 23: cut(word_start(), at); break;
	case 12: out("\033[H\033[2J"); break;
	case 27: escape(); break;
	default:
		if ((unsigned char)c >= ' ') insert(c);
	}
	return 0;
}

char *edit_line(const char *prompt)
{
	struct termios saved, raw;
	char c;
	int done = 0;

	if (tcgetattr(0, &saved)) return NULL;
	raw = saved;
	raw.c_lflag &= ~(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(0, TCSADRAIN, &raw);
	len = at = 0;
	browse = nhistory;
	redraw(prompt);
	while (!done) {
		done = read(0, &c, 1) == 1 ? key(c) : -1;
		if (done == 0 && (unsigned char)c >= ' ' && c != 127 && at == len) out((char[]){c, 0});
		else if (done == 0) redraw(prompt);
	}
	line[len] = 0;
	tcsetattr(0, TCSADRAIN, &saved);
	if (done != 2) out("\n");
	remember();
	return done < 0 ? NULL : line;
}
