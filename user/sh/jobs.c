/* SPDX-License-Identifier: MIT */
/* user/sh/jobs.c - children of the shell: which pipeline each belongs to, and how it ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sh.h"

#define CHILDREN_MAX 256

/* In the order of their start; a pipeline's status is that of its last process. */
static struct { int pid, pgid, status; bool ended; char name[32]; } kid[CHILDREN_MAX];
static int nkids, group;

/* pgid > 0: the first process of a pipeline; -pid: another one of the same. */
void job_add(int id, const char *text)
{
	if (nkids == CHILDREN_MAX) return;
	if (id > 0) group = id;
	kid[nkids].pid = id > 0 ? id : -id;
	kid[nkids].pgid = group;
	kid[nkids].ended = false;
	snprintf(kid[nkids].name, sizeof(kid[nkids].name), "%s", text);
	nkids++;
}

static void note(int pid, int st)
{
	for (int i = 0; i < nkids; i++) {
		if (kid[i].pid != pid) continue;
		kid[i].ended = true;
		kid[i].status = WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
	}
}

static bool running(int pgid)
{
	for (int i = 0; i < nkids; i++) {
		if (kid[i].pgid == pgid && !kid[i].ended) return true;
	}
	return false;
}

/* Forget a pipeline that ended; its status. */
static int forget(int pgid)
{
	int status = 127, n = 0;

	for (int i = 0; i < nkids; i++) {
		if (kid[i].pgid == pgid) status = kid[i].status;
		else kid[n++] = kid[i];
	}
	nkids = n;
	return status;
}

int job_wait(int pgid)
{
	int st, pid;

	while (running(pgid) && ((pid = wait(&st)) > 0 || errno == EINTR)) {
		if (pid > 0) note(pid, st);
	}
	if (interactive) tcsetpgrp(0, getpgrp());
	return forget(pgid);
}

void jobs_reap(bool say)
{
	int st, pid;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0) note(pid, st);
	for (int i = 0; i < nkids; i++) {
		if (running(kid[i].pgid)) continue;
		if (say) printf("[%d] done: %s\n", kid[i].pgid, kid[i].name);
		forget(kid[i].pgid);
		i = -1;
	}
}

int builtin_jobs(char **argv)
{
	(void)argv;
	jobs_reap(false);
	for (int i = 0; i < nkids; i++) {
		if (kid[i].pid == kid[i].pgid) printf("[%d] running: %s\n", kid[i].pgid, kid[i].name);
	}
	return 0;
}

int builtin_wait(char **argv)
{
	int status = 0;

	if (argv[1]) return job_wait(atoi(argv[1]));
	while (nkids) status = job_wait(kid[0].pgid);
	return status;
}

int builtin_fg(char **argv)
{
	int pgid = argv[1] ? atoi(argv[1]) : nkids ? kid[nkids - 1].pgid : 0;

	if (!running(pgid)) return fputs("fg: no such job\n", stderr), 1;
	if (interactive) tcsetpgrp(0, pgid);
	return job_wait(pgid);
}
