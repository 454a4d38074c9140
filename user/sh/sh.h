/* SPDX-License-Identifier: MIT */
/* user/sh/sh.h - a small shell: what its files share. */
#ifndef SH_H
#define SH_H

#include <stdbool.h>
#include <stddef.h>

#define WORDS_MAX 256
#define REDIRS_MAX 16
#define STAGES_MAX 16

struct redir { int fd; int kind; char *path; };         /* kind: '<', '>', 'a' (>>), '&' (path is a descriptor's number) */
struct command {                        /* one stage of a pipeline */
	char *word[WORDS_MAX + 1];
	int nwords;
	struct redir redir[REDIRS_MAX];
	int nredirs;
};
struct pipeline {
	struct command stage[STAGES_MAX];
	int nstages;
	char end;                       /* what follows: ';', '&', 'A' (&&), 'O' (||), 0 (the end) */
};

/* parse.c: take one pipeline from *at on; its strings live in `arena`.  1: one; 0: nothing left; -1: a syntax error, which
 * is named in *why.  Expansion of $ happens here, with value(). */
int parse_pipeline(const char **at, struct pipeline *p, char *arena, size_t size, const char **why);
extern const char *(*parse_value)(const char *name);    /* of $name, $?, $$; "" if unset */

/* run.c */
int run_line(const char *line);         /* all pipelines of it; the last status */
extern int last_status;
extern bool interactive;

/* jobs.c */
void job_add(int pgid, const char *text);
int job_wait(int pgid);                 /* until the group ended: the status of its last process */
void jobs_reap(bool say);
int builtin_jobs(char **argv), builtin_wait(char **argv), builtin_fg(char **argv);

/* edit.c: a line from the terminal, edited; NULL: end of input.  Valid until the next call. */
char *edit_line(const char *prompt);
void history_print(void);

#endif
