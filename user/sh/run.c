/* SPDX-License-Identifier: MIT */
/* user/sh/run.c - running pipelines: forks, pipes, redirections, process groups, and what the shell does itself. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sh.h"

int last_status;
bool interactive;

static int builtin_cd(char **argv)
{
	const char *to = argv[1] ? argv[1] : getenv("HOME");

	if (to && chdir(to) == 0) return 0;
	perror(to ? to : "cd");
	return 1;
}

static int builtin_exit(char **argv)
{
	exit(argv[1] ? atoi(argv[1]) : last_status);
}

static int builtin_export(char **argv)
{
	for (int i = 1; argv[i]; i++) {
		char *eq = strchr(argv[i], '=');

		if (!eq) continue;
		*eq = 0;
		setenv(argv[i], eq + 1, 1);
	}
	return 0;
}

static int builtin_pwd(char **argv)
{
	char buf[4096];

	(void)argv;
	if (!getcwd(buf, sizeof(buf))) return perror("pwd"), 1;
	puts(buf);
	return 0;
}

static int builtin_history(char **argv)
{
	(void)argv;
	history_print();
	return 0;
}

static int builtin_help(char **argv)
{
	(void)argv;
	puts("programs in $PATH, > >> < 2> 2>&1, |, && || ; &, 'quotes' \"quotes\" $NAME NAME=value # comments\n"
	     "cd exit export pwd history help jobs wait fg; the programs: ls /bin /demo\n"
	     "keys: arrows, Home End ^A ^E, ^K ^U ^W ^L, ^C abandons the line, ^D ends the shell");
	return 0;
}

static const struct { const char *name; int (*fn)(char **); } builtin[] = {
	{"cd", builtin_cd}, {"exit", builtin_exit}, {"export", builtin_export}, {"pwd", builtin_pwd}, {"history", builtin_history},
	{"help", builtin_help}, {"jobs", builtin_jobs}, {"wait", builtin_wait}, {"fg", builtin_fg},
};

static int (*builtin_find(const char *name))(char **)
{
	for (size_t i = 0; name && i < sizeof(builtin) / sizeof(*builtin); i++) {
		if (!strcmp(builtin[i].name, name)) return builtin[i].fn;
	}
	return NULL;
}

static bool redirect(const struct command *c)
{
	for (int i = 0; i < c->nredirs; i++) {
		const struct redir *r = &c->redir[i];
		int flags = r->kind == '<' ? O_RDONLY : O_WRONLY | O_CREAT | (r->kind == 'a' ? O_APPEND : O_TRUNC);
		int fd = r->kind == '&' ? atoi(r->path) : open(r->path, flags, 0666);

		if (fd < 0 || dup2(fd, r->fd) < 0) {
			perror(r->path);
			return false;
		}
		if (r->kind != '&' && fd != r->fd) close(fd);
	}
	return true;
}

/* NAME=value in front of a command: for that command alone; without one, for the shell. */
static char **assignments(struct command *c)
{
	char **w = c->word;

	for (; *w && strchr(*w, '=') && strchr(*w, '=') != *w; w++) {
		char *eq = strchr(*w, '=');

		*eq = 0;
		setenv(*w, eq + 1, 1);
	}
	return w;
}

static void child(struct command *c)
{
	char **argv;

	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGTSTP, SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
	if (!redirect(c)) _exit(1);
	argv = assignments(c);
	if (!*argv) _exit(0);
	if (builtin_find(*argv)) {
		int st = builtin_find(*argv)(argv);

		fflush(stdout);
		_exit(st);
	}
	execvp(*argv, argv);
	fprintf(stderr, "%s: %s\n", *argv, errno == ENOENT ? "not found" : strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* A command that the shell does itself, with its redirections put back afterwards. */
static int run_builtin(struct command *c, int (*fn)(char **))
{
	int saved[3] = {dup(0), dup(1), dup(2)}, st = 1;

	if (redirect(c)) st = fn(c->word);
	fflush(stdout);
	for (int i = 0; i < 3; i++) {
		dup2(saved[i], i);
		close(saved[i]);
	}
	return st;
}

static int run_pipeline(struct pipeline *p)
{
	int in = -1, fds[2], pgid = 0;
	bool background = p->end == '&';

	fflush(stdout);
	for (int i = 0; i < p->nstages; i++) {
		bool more = i + 1 < p->nstages;
		int pid;

		if (more && pipe(fds)) return perror("pipe"), 1;
		pid = fork();
		if (pid < 0) return perror("fork"), 1;
		if (pid == 0) {
			if (interactive) setpgid(0, pgid);
			if (interactive && !background && !pgid) tcsetpgrp(0, getpid());
			if (background && !interactive && in < 0) in = open("/dev/null", O_RDONLY);
			if (in >= 0) dup2(in, 0), close(in);
			if (more) dup2(fds[1], 1), close(fds[1]), close(fds[0]);
			child(&p->stage[i]);
		}
		if (!pgid) pgid = pid;
		if (interactive) setpgid(pid, pgid);
		if (in >= 0) close(in);
		if (more) close(fds[1]);
		in = more ? fds[0] : -1;
		job_add(i == 0 ? pgid : -pid, p->stage[i].word[0] ? p->stage[i].word[0] : "");
	}
	if (background) {
		if (interactive) printf("[%d]\n", pgid);
		return 0;
	}
	return job_wait(pgid);
}

static int run_one(struct pipeline *p)
{
	struct command *c = &p->stage[0];
	int (*fn)(char **) = p->nstages == 1 && p->end != '&' ? builtin_find(c->word[0]) : NULL;

	if (fn) return run_builtin(c, fn);
	if (p->nstages == 1 && !*assignments(&(struct command){0}) && c->nwords && strchr(c->word[0], '=') && !c->word[1] && !c->nredirs)
		return assignments(c), 0;
	return run_pipeline(p);
}

int run_line(const char *line)
{
	static char arena[65536];
	static struct pipeline p;
	const char *why = NULL;
	char before = ';';
	int rc;

	while ((rc = parse_pipeline(&line, &p, arena, sizeof(arena), &why)) > 0) {
		bool skip = (before == 'A' && last_status) || (before == 'O' && !last_status);

		if (!skip) last_status = run_one(&p);
		before = p.end;
		if (!p.end) break;
	}
	if (rc < 0) {
		fprintf(stderr, "sh: %s\n", why);
		last_status = 2;
	}
	return last_status;
}
