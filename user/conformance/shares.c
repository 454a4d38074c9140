/* SPDX-License-Identifier: MIT */
/* user/conformance/shares.c - one user takes as much as he gets of the file server's tables; another one still gets
 * some.  Of Quire alone: on Linux these limits are others.  As root:
 *
 *      shares
 */
#include "check.h"

#include <fcntl.h>
#include <sys/shm.h>

#define READERS 100

/* fn as this user, in a child. */
#define AS(uid, ...) CHILD({ check(setuid(uid) == 0); __VA_ARGS__; })

static void segments(void)
{
	int n = 0;

	while (shmget(IPC_PRIVATE, 4096, 0600) >= 0) n++;
	check(errno == ENOSPC && n > 1000 && n < 3000);
}

/* Files, each of which is an object of the kernel's. */
static void files(void)
{
	char name[64];
	int n = 0, fd = 0;

	umask(0);
	for (; fd >= 0 && n < 40000; n++) {
		snprintf(name, sizeof(name), "/tmp/d%d", n / 1000);
		if (n % 1000 == 0) mkdir(name, 0777);
		snprintf(name, sizeof(name), "/tmp/d%d/%d", n / 1000, n);
		fd = open(name, O_RDWR | O_CREAT, 0600);
		if (fd >= 0) close(fd);
	}
	check(errno == ENFILE && n > 5000);
}

static void another_user_s_file(void)
{
	int fd = open("/tmp/mine", O_RDWR | O_CREAT, 0600);

	check(fd >= 0 && write(fd, "x", 1) == 1 && unlink("/tmp/mine") == 0);
}

/* The terminal's queue of readers has no end. */
static void readers(void)
{
	pid_t p[READERS];
	char c;

	setsid();
	for (int i = 0; i < READERS; i++) {
		p[i] = fork();
		if (p[i] == 0) _exit(read(open("/dev/console", O_RDONLY | O_NOCTTY), &c, 1) < 0 ? errno : 0);
	}
	ms_sleep(500);
	for (int i = 0; i < READERS; i++) {
		check(waitpid(p[i], NULL, WNOHANG) == 0);
		kill(p[i], SIGKILL);
		waitpid(p[i], NULL, 0);
	}
}

int main(void)
{
	in_child(readers);
	AS(1000, segments());
	AS(1001, check(shmget(IPC_PRIVATE, 4096, 0600) >= 0));
	AS(1000, files());
	AS(1001, another_user_s_file());
	return checked();
}
