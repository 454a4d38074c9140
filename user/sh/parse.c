/* SPDX-License-Identifier: MIT */
/* user/sh/parse.c - the shell's grammar: words with quotes and $, redirections, pipelines, ; & && || and comments. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sh.h"

static const char *no_value(const char *name) { return name[0] ? "" : ""; }
const char *(*parse_value)(const char *name) = no_value;

struct lexer { const char *at; char *out, *end; const char *why; };

static bool put(struct lexer *l, char c)
{
	if (l->out + 1 >= l->end) l->why = "the line is too long";
	else *l->out++ = c;
	return !l->why;
}

/* $name, ${name}, $? and $$; anything else after $ leaves it as it is. */
static void dollar(struct lexer *l)
{
	char name[64];
	size_t n = 0;
	bool brace = l->at[1] == '{';
	const char *p = l->at + 1 + brace;

	if (*p == '?' || *p == '$') name[n++] = *p++;
	else
		while ((isalnum((unsigned char)*p) || *p == '_') && n + 1 < sizeof(name)) name[n++] = *p++;
	name[n] = 0;
	if (n == 0 || (brace && *p != '}')) {
		put(l, '$');
		l->at++;
		return;
	}
	l->at = p + brace;
	for (const char *v = parse_value(name); *v; v++) put(l, *v);
}

static void quoted(struct lexer *l, char quote)
{
	for (l->at++; *l->at && *l->at != quote && !l->why;) {
		if (quote == '"' && *l->at == '$') {
			dollar(l);
			continue;
		}
		if (quote == '"' && *l->at == '\\' && l->at[1] && strchr("\\\"$", l->at[1])) l->at++;
		put(l, *l->at++);
	}
	if (*l->at != quote) l->why = "a quote is not closed";
	else l->at++;
}

/* A word at l->at, without its quotes. */
static char *word(struct lexer *l)
{
	char *start = l->out;

	while (*l->at && !strchr(" \t\n;&|<>", *l->at) && !l->why) {
		if (*l->at == '\'' || *l->at == '"') quoted(l, *l->at);
		else if (*l->at == '$') dollar(l);
		else if (*l->at == '\\' && l->at[1]) put(l, l->at[1]), l->at += 2;
		else put(l, *l->at++);
	}
	put(l, 0);
	return start;
}

static void blanks(struct lexer *l)
{
	while (*l->at == ' ' || *l->at == '\t') l->at++;
	if (*l->at == '#')
		while (*l->at && *l->at != '\n') l->at++;
}

/* [n]< [n]> [n]>> [n]>&m : true if there was one */
static bool redirection(struct lexer *l, struct command *c)
{
	const char *p = l->at;
	struct redir r = {.fd = -1};

	if (isdigit((unsigned char)*p) && (p[1] == '<' || p[1] == '>')) r.fd = *p++ - '0';
	if (*p != '<' && *p != '>') return false;
	r.kind = *p++;
	if (r.fd < 0) r.fd = r.kind == '>';
	if (r.kind == '>' && *p == '>') r.kind = 'a', p++;
	else if (*p == '&') r.kind = '&', p++;
	l->at = p;
	blanks(l);
	r.path = word(l);
	if (!*r.path) l->why = "a redirection has no file";
	else if (c->nredirs == REDIRS_MAX) l->why = "too many redirections";
	else c->redir[c->nredirs++] = r;
	return true;
}

static void command(struct lexer *l, struct command *c)
{
	*c = (struct command){0};
	for (blanks(l); *l->at && !strchr("\n;&|", *l->at) && !l->why; blanks(l)) {
		if (redirection(l, c)) continue;
		if (c->nwords == WORDS_MAX) l->why = "too many words";
		else c->word[c->nwords++] = word(l);
	}
	c->word[c->nwords] = NULL;
}

static char separator(struct lexer *l)
{
	char c = *l->at;

	if (!c) return 0;
	l->at++;
	if (c == '\n') return ';';
	if ((c == '&' || c == '|') && *l->at == c) {
		l->at++;
		return c == '&' ? 'A' : 'O';
	}
	return c;
}

int parse_pipeline(const char **at, struct pipeline *p, char *arena, size_t size, const char **why)
{
	struct lexer l = {*at, arena, arena + size, NULL};

	p->nstages = 0;
	for (blanks(&l); *l.at == '\n' || *l.at == ';'; blanks(&l)) l.at++;
	if (!*l.at) return 0;
	do {
		if (p->nstages == STAGES_MAX) l.why = "the pipeline is too long";
		else command(&l, &p->stage[p->nstages++]);
		if (!l.why && !p->stage[p->nstages - 1].nwords && !p->stage[p->nstages - 1].nredirs) l.why = "a command is missing";
		p->end = separator(&l);
	} while (p->end == '|' && !l.why);
	*at = l.at;
	*why = l.why;
	return l.why ? -1 : 1;
}
