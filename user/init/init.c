/* SPDX-License-Identifier: MIT */
/* user/init/init.c - RING 3 - pid 1: waits for the file server, then scenarios, a shell, or one command; reaps orphans.
 *
 * Words on the kernel's command line: `cmd`: run /etc/quire-cmd, its output on the result channel, power off with its
 * status; `batch`: the scenarios, then power off; `norun`: no scenarios before the prompt.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi/facts.h"
#include "abi/quire.h"
#include "user/lib/server.h"

/* Each scenario: name, command.  Their files are in /root. */
static const struct { const char *name, *command; } scenario[] = {
	{"journal", "/demo/journal"}, {"logline", "/demo/logline"}, {"seewrite", "/demo/seewrite"}, {"dbpage", "/demo/dbpage"},
	{"threeways", "/demo/threeways"}, {"producer", "/demo/producer"}, {"onepage", "/demo/onepage"},
	{"pingpong", "/demo/pingpong"}, {"private", "/demo/private"}, {"persist", "/demo/persist write && /demo/persist check"},
	{"counter", "/demo/counter"}, {"wal", "/demo/wal write && /demo/wal recover"},
};
#define NSCENARIOS (int)(sizeof(scenario) / sizeof(*scenario))

/* Plain images have the first three alone; with Debian's programs ours are the last (tests/harness/mkimage.py). */
#define SEARCH "/bin:/demo:/conformance:/usr/bin:/sbin:/usr/sbin:/quire"

static char cmdline[512];

static int has_word(const char *w)
{
	size_t n = strlen(w);

	for (const char *at = cmdline; (at = strstr(at, w)); at += n) {
		if ((at == cmdline || at[-1] == ' ') && (at[n] == 0 || at[n] == ' ')) return 1;
	}
	return 0;
}

/* Programs that still run are ended first: a file without a name is freed when the last of them lets go of it.  Who cannot
 * end, because a disk does not answer, is not waited for longer than five seconds. */
static void stop(int status)
{
	time_t end = time(NULL) + 5;
	pid_t p = 0;

	while (time(NULL) <= end && p >= 0) {
		if (p == 0) kill(-1, SIGKILL);          /* again: a fork may just have been under way */
		if (p == 0) usleep(1000);
		p = waitpid(-1, NULL, WNOHANG);
	}
	sync();
	q_machine_stop(status);
}

/* busybox's poweroff, halt and reboot ask pid 1, by these signals. */
static void asked_to_stop(int signo)
{
	if (getpid() != 1) _exit(128 + signo);          /* a child before its exec */
	stop(0);
}

/* Standard input, output and error from this path; false: it cannot be opened. */
static int take_files(const char *in, const char *out)
{
	int i = open(in, O_RDWR), o = open(out, O_RDWR);

	if (i < 0 || o < 0) return 0;
	dup2(i, 0);
	dup2(o, 1);
	dup2(o, 2);
	if (i > 2) close(i);
	if (o > 2) close(o);
	return 1;
}

/* A program starts with what a login gives it: default signals (what is ignored stays so across exec), PATH, HOME. */
static void become(char *const argv[])
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
	setenv("PATH", SEARCH, 1);
	setenv("HOME", "/root", 1);
	if (chdir("/root")) _exit(126);
	execv("/bin/sh", argv);
	_exit(127);
}

static pid_t run(const char *command, const char *in, const char *out)
{
	char *argv[] = {"sh", "-c", (char *)command, NULL};
	pid_t pid = fork();

	if (pid) return pid;
	setpgid(0, 0);
	if (!take_files(in, out)) _exit(126);
	become(argv);
	return 0;
}

/* Without the process manager nobody says who ends: it stays as it is. */
static int end_of(pid_t pid)
{
	struct facts_proc f = {0};

	while (q_facts(FACTS_PROC, (uint32_t)pid, 0, &f, sizeof(f)) > 0 && f.state != 'Z') usleep(10000);
	return f.exit_status;
}

/* Wait for this child, reaping whoever else ends; the shell's kind of status. */
static int await(pid_t pid)
{
	int st;

	for (;;) {
		pid_t p = wait(&st);

		if (p < 0 && errno == EIO) st = end_of(p = pid);
		if (p == pid) return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
		if (p < 0 && errno == ECHILD) return 127;
	}
}

static void tell(const char *line)
{
	int r = open("/dev/results", O_WRONLY);

	printf("%s\n", line);
	fflush(stdout);
	if (r < 0) return;
	dprintf(r, "%s\n", line);
	close(r);
}

static int scenarios(void)
{
	int failed = 0;
	char line[64];

	for (int i = 0; i < NSCENARIOS; i++) {
		int status = await(run(scenario[i].command, "/dev/null", "/tmp/scenario.log"));

		failed += status != 0;
		snprintf(line, sizeof(line), "%s %s", status ? "FAIL" : "PASS", scenario[i].name);
		tell(line);
		if (status) await(run("cat /tmp/scenario.log", "/dev/null", "/dev/console"));
	}
	snprintf(line, sizeof(line), "%d passed, %d failed", NSCENARIOS - failed, failed);
	tell(line);
	return failed;
}

/* The file holds the command; its end of line is not part of it. */
static int one_command(void)
{
	static char command[65536];
	int fd = open("/etc/quire-cmd", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, command, sizeof(command) - 1);

	if (n < 0) return 127;
	close(fd);
	while (n > 0 && command[n - 1] == '\n') n--;
	command[n] = 0;
	return await(run(command, "/dev/null", "/dev/results"));
}

static int shell(void)
{
	static char *argv[] = {"-sh", NULL};    /* a login shell: it reads /etc/profile */
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		ioctl(0, TIOCSCTTY, 0);         /* ^C and job control are this session's */
		become(argv);
	}
	return await(pid);
}

/* What programs begin with; all else is without limit.  Numbers as Linux has them, not all of which musl names. */
static void limits_set(void)
{
	static const struct { int which; struct rlimit limit; } limits[] = {
		{RLIMIT_STACK, {8 << 20, RLIM_INFINITY}}, {RLIMIT_CORE, {0, RLIM_INFINITY}}, {RLIMIT_NOFILE, {1024, 1024}},
		{RLIMIT_MEMLOCK, {8 << 20, 8 << 20}}, {11 /* SIGPENDING */, {1024, 1024}},
		{12 /* MSGQUEUE */, {819200, 819200}}, {13 /* NICE */, {0, 0}}, {14 /* RTPRIO */, {0, 0}},
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (setrlimit(limits[i].which, &limits[i].limit)) printf("limit %d: %s\n", limits[i].which, strerror(errno));
}

int main(void)
{
	struct stat st;

	signal(SIGINT, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGUSR1, asked_to_stop);
	signal(SIGUSR2, asked_to_stop);
	signal(SIGTERM, asked_to_stop);
	snprintf(cmdline, sizeof(cmdline), "%s", getenv("CMDLINE"));
	unsetenv("CMDLINE");           /* not for programs */
	if (stat("/", &st)) {           /* waits until it has mounted the root */
		say("the file server cannot serve: %m");
		stop(1);
	}
	limits_set();
	mkdir("/proc", 0555);
	if (mount("proc", "/proc", "proc", 0, NULL)) say("/proc: %m");
	if (!take_files("/dev/console", "/dev/console")) {
		say("/dev/console cannot be opened: %m");
		stop(1);
	}
	close(creat("/tmp/scenario.log", 0644));
	if (has_word("cmd")) stop(one_command());
	printf("Quire is up.\n");
	if (has_word("batch")) stop(scenarios() ? 1 : 0);
	if (!has_word("norun")) scenarios();
	await(run("cat /etc/conformance", "/dev/null", "/dev/console"));
	printf("`poweroff` ends the machine, `help` lists what the shell knows.\n");
	/* A shell that cannot run because its disk is gone is not tried again and again as fast as can be. */
	while (isatty(0)) {
		if (shell() > 125) sleep(1);
	}
	stop(1);                        /* the file server is dead: nobody could read or print a line any more */
}
