/* SPDX-License-Identifier: MIT */
/* user/conformance/steps.c - does step by step what a test on the host asks for, and says how each step ended.
 *
 * steps mailbox
 *   mailbox   a disk of its own.  Its first sector is a line "N command"; the host writes it while we run, so it is read
 *             with O_DIRECT.  The answer to line N goes to standard output: "R N result", where result is a number, the
 *             name of an errno, or the signal that a load or store raised.
 *
 *   open i path flags  close i              flags: letters of r w c(reate) t(runc) s(O_SYNC) d(O_DIRECT)
 *   map i len  unmap i                      MAP_SHARED of descriptor i, readable and writable
 *   store i off char  load i off            one byte of the mapping
 *   write i off len char  read i off        pwrite, pread of one byte
 *   msync i off len flags                   flags: letters of s(ync) a(sync) i(nvalidate); "-" for none
 *   fsync i  fdatasync i  drop i            drop: posix_fadvise(DONTNEED)
 *   truncate i len  lock i off len  unlock i off len
 *   mount device folder  unlink path  sync  quit
 *   took                                    microseconds that the step before took
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define N 8
#define SECTOR 512

static struct { int fd; char *at; size_t len; } file[N];
static sigjmp_buf back;
static volatile int signal_code;
static char text[64];                   /* of an answer that is no number */

static void caught(int signo, siginfo_t *si, void *context)
{
	(void)context;
	signal_code = si->si_code;
	siglongjmp(back, signo);
}

static long touch(volatile char *p, int store, char c)
{
	int signo = sigsetjmp(back, 1);

	if (signo) {
		snprintf(text, sizeof(text), "%s %d", signo == SIGBUS ? "SIGBUS" : "SIGSEGV", signal_code);
		return 0;
	}
	if (store) *p = c;
	return (unsigned char)*p;
}

static long one_byte(int fd, off_t off)
{
	static unsigned char b[SECTOR] __attribute__((aligned(SECTOR)));
	ssize_t n = pread(fd, b, SECTOR, off);

	return n > 0 ? b[0] : n;
}

static long fill(int fd, off_t off, size_t len, char c)
{
	static char b[1 << 20];

	if (len > sizeof(b)) len = sizeof(b);
	memset(b, c, len);
	return pwrite(fd, b, len, off);
}

static int open_flags(const char *s)
{
	int f = strchr(s, 'w') ? O_RDWR : O_RDONLY;

	if (strchr(s, 'c')) f |= O_CREAT;
	if (strchr(s, 't')) f |= O_TRUNC;
	if (strchr(s, 's')) f |= O_SYNC;
	if (strchr(s, 'd')) f |= O_DIRECT;
	return f;
}

static long map(int i, size_t len)
{
	file[i].at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, file[i].fd, 0);
	file[i].len = len;
	return file[i].at == MAP_FAILED ? -1 : 0;
}

static int msync_flags(const char *s)
{
	return (strchr(s, 's') ? MS_SYNC : 0) | (strchr(s, 'a') ? MS_ASYNC : 0) | (strchr(s, 'i') ? MS_INVALIDATE : 0);
}

/* word[0] is the command.  A number, or -1 with errno. */
static long names(char **word)
{
	if (!strcmp(word[0], "mount")) return mkdir(word[2], 0755), mount(word[1], word[2], "ext2", 0, NULL);
	if (!strcmp(word[0], "unlink")) return unlink(word[1]);
	if (!strcmp(word[0], "sync")) return sync(), 0;
	errno = ENOSYS;
	return -1;
}

static long files(const char *c, int i, long a, long b, char **word)
{
	if (!strcmp(c, "open")) return file[i].fd = open(word[2], open_flags(word[3]), 0600), file[i].fd < 0 ? -1 : 0;
	if (!strcmp(c, "close")) return close(file[i].fd);
	if (!strcmp(c, "write")) return fill(file[i].fd, a, b, word[4][0]);
	if (!strcmp(c, "read")) return one_byte(file[i].fd, a);
	if (!strcmp(c, "fsync")) return fsync(file[i].fd);
	if (!strcmp(c, "fdatasync")) return fdatasync(file[i].fd);
	if (!strcmp(c, "drop")) return errno = posix_fadvise(file[i].fd, 0, 0, POSIX_FADV_DONTNEED), errno ? -1 : 0;
	if (!strcmp(c, "truncate")) return ftruncate(file[i].fd, a);
	return names(word);
}

static long step(char **word, int n)
{
	int i = n > 1 ? atoi(word[1]) & (N - 1) : 0;
	long a = n > 2 ? atol(word[2]) : 0, b = n > 3 ? atol(word[3]) : 0;
	const char *c = word[0];

	if (!strcmp(c, "map")) return map(i, a);
	if (!strcmp(c, "unmap")) return munmap(file[i].at, file[i].len);
	if (!strcmp(c, "store")) return touch(file[i].at + a, 1, word[3][0]);
	if (!strcmp(c, "load")) return touch(file[i].at + a, 0, 0);
	if (!strcmp(c, "msync")) return msync(file[i].at + a, b, msync_flags(word[4]));
	if (!strcmp(c, "lock")) return mlock(file[i].at + a, b);
	if (!strcmp(c, "unlock")) return munlock(file[i].at + a, b);
	return files(c, i, a, b, word);
}

static const char *error_name(void)
{
	static const struct { int e; const char *name; } known[] = {
		{EIO, "EIO"}, {ENOSPC, "ENOSPC"}, {EBUSY, "EBUSY"}, {EINVAL, "EINVAL"}, {ENOMEM, "ENOMEM"}, {ENOENT, "ENOENT"},
		{EROFS, "EROFS"}, {ENOSYS, "ENOSYS"}, {EBADF, "EBADF"}, {EFBIG, "EFBIG"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (known[i].e == errno) return known[i].name;
	}
	return strerror(errno);
}

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void answer(long seq, char *line)
{
	static long took;
	char *word[8] = {0}, *rest = line;
	long start = now_us(), rc;
	int n = 0;

	while (n < 7 && (word[n] = strtok_r(rest, " \n", &rest))) n++;
	for (int i = n; i < 7; i++) word[i] = "";
	text[0] = 0;
	errno = 0;
	rc = !strcmp(word[0], "took") ? took : step(word, n);
	took = now_us() - start;
	if (text[0]) printf("R %ld %s\n", seq, text);
	else if (rc < 0) printf("R %ld %s\n", seq, error_name());
	else printf("R %ld %ld\n", seq, rc);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO};
	static char sector[SECTOR + 1] __attribute__((aligned(SECTOR)));
	long seq, last = 0;
	int fd, used;

	fd = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECT) : -1;
	if (fd < 0) return fprintf(stderr, "usage: steps mailbox\n"), 2;
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	printf("R 0 ready\n");
	fflush(stdout);
	for (;;) {
		if (pread(fd, sector, SECTOR, 0) != SECTOR) return perror(argv[1]), 1;
		if (sscanf(sector, "%ld %n", &seq, &used) == 1 && seq > last) {
			last = seq;
			if (!strncmp(sector + used, "quit", 4)) return 0;
			answer(seq, sector + used);
		}
		usleep(2000);
	}
}
