/* SPDX-License-Identifier: MIT */
/* user/conformance/dead.c - kills a server (files, a disk, processes), or writes over a mounted file system, and looks
 * what is left: EIO for what it did, at once; all else goes on.  Of Quire alone: Linux has no such servers.
 *
 *      dead fs|virtio-blk|pm:exec|pm directory
 *      dead disk /dev/vda2
 *
 * Without the file server nobody prints: the status is the line of the first check that failed.  Without the process
 * manager nobody hears of an end, and so of a status: it is on the console.
 */
#include "check.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/utsname.h>

#define BIG "/conformance/posix"        /* a file that nobody has read from its end yet */

static sigjmp_buf bus;
static int first_failed;

#define HOLDS(cond) ((cond) || first_failed ? 0 : (first_failed = __LINE__))
#define EIO_OF(call) HOLDS((call) == -1 && errno == EIO)

static void on_bus(int sig)
{
	(void)sig;
	siglongjmp(bus, 1);
}

/* What a load gives: 0; 1: SIGBUS. */
static int load(const volatile char *p)
{
	if (sigsetjmp(bus, 1)) return 1;
	(void)*p;
	return 0;
}

/* By its name in /proc. */
static pid_t server(const char *name)
{
	char path[32], line[32] = "";

	for (int pid = 1; pid < 20; pid++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		fd = open(path, O_RDONLY);
		if (fd < 0) continue;
		if (read(fd, line, sizeof(line) - 1) > 0 && !strncmp(line, name, strlen(name))) return pid;
		close(fd);
	}
	return -1;
}

/* It has ended: a call that it might still answer is none any more. */
static void server_kill(pid_t victim, int error)
{
	HOLDS(victim > 0 && (kill(victim, SIGKILL) == 0 || errno == EIO));
	for (int i = 0; i < 1000 && kill(victim, 0) == 0; i++) ms_sleep(10);
	HOLDS(kill(victim, 0) == -1 && errno == error);
}

/* A child waits for a lock that we have; its end tells what became of the call. */
static pid_t waiter(int fd)
{
	struct flock fl = {.l_type = F_WRLCK};
	pid_t p;

	HOLDS(fcntl(fd, F_SETLK, &fl) == 0);
	p = fork();
	if (p == 0) {
		alarm(60);
		_exit(fcntl(fd, F_SETLKW, &fl) == -1 ? errno : 0);
	}
	ms_sleep(100);
	return p;
}

/* What needs no server. */
static void others_live(int fd)
{
	char page[4096];
	int p[2];

	HOLDS(pipe(p) == 0 && write(p[1], "x", 1) == 1 && read(p[0], page, 1) == 1);
	HOLDS(pread(fd, page, 4096, 0) == 4096 && page[1] == 'o');
	HOLDS(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) !=
	      MAP_FAILED);
}

/* The file's data is in the cache, its page 0 dirty; `big` is an uncached page. */
static void disk_is_gone(int fd, char *map, int bigfd, const char *big, off_t end)
{
	char page[4096];

	EIO_OF(msync(map, 4096, MS_SYNC));
	EIO_OF(fsync(fd));
	EIO_OF(fdatasync(fd));
	EIO_OF(pread(bigfd, page, 4096, end));
	HOLDS(load(big) == 1);
	HOLDS(map[0] == 'd');
}

static void names_are_gone(void)
{
	char page[4096];
	struct statfs s;
	struct stat st;

	EIO_OF(open("/tmp/x", O_RDWR | O_CREAT, 0600));
	EIO_OF(stat("/", &st));
	EIO_OF(statfs("/", &s));
	EIO_OF(unlink("/tmp/x"));
	EIO_OF(chdir("/"));
	EIO_OF(syscall(SYS_getcwd, page, sizeof(page)));
	EIO_OF(write(1, "x", 1));
	EIO_OF(execl("/bin/true", "true", NULL));
	sync();
}

static void tmpfs_lives(const char *file)
{
	char c = 0;
	int fd = open(file, O_RDWR | O_CREAT, 0600);

	HOLDS(fd >= 0 && write(fd, "y", 1) == 1 && pread(fd, &c, 1, 0) == 1 && c == 'y' && unlink(file) == 0);
	HOLDS(write(1, "", 0) == 0);
}

/* One execve is under way when it is killed, one comes later. */
static int exec_is_gone(void)
{
	pid_t exec = server("pm:exec"), p;

	HOLDS(exec > 0 && kill(exec, SIGSTOP) == 0);
	until_state(exec, 'T');
	p = IN_CHILD(execl("/bin/true", "true", NULL); _exit(errno != EIO));
	until_asleep(p);
	server_kill(exec, ESRCH);
	HOLDS(child_end(p) == 0);
	EIO_OF(execl("/bin/true", "true", NULL));
	return first_failed;
}

static void until_there(const char *path)
{
	for (int i = 0; i < PATIENCE / 10 && access(path, F_OK); i++) ms_sleep(10);
	HOLDS(access(path, F_OK) == 0);
}

/* Calls that the process manager answers; names, files, forks and programs go on. */
static void processes_are_gone(int fd, char *map)
{
	struct utsname u;
	pid_t p;
	int other;

	EIO_OF(uname(&u));
	EIO_OF(setsid());
	EIO_OF(getpriority(PRIO_PROCESS, 0));
	EIO_OF(syscall(SYS_sched_getscheduler, 0));
	p = IN_CHILD(execl("/bin/touch", "touch", "/tmp/touched", NULL));
	HOLDS(p > 0);
	EIO_OF(waitpid(p, NULL, 0));
	until_there("/tmp/touched");
	until_state(p, 'Z');                    /* nobody reaps it any more */
	HOLDS(mkdir("/tmp/d", 0700) == 0 && rename("/tmp/d", "/tmp/e") == 0 && access("/tmp/e", X_OK) == 0);
	HOLDS(msync(map, 4096, MS_SYNC) == 0 && fsync(fd) == 0);
	other = open("/tmp/x", O_RDWR | O_CREAT, 0600);
	HOLDS(other >= 0 && write(other, "y", 1) == 1);
}

/* Root writes what he likes over the metadata of what is mounted, while everybody uses it. */
static int scribble(const char *disk)
{
	static unsigned char bytes[128 << 10];
	int fd = open(disk, O_RDWR);
	struct stat st;

	HOLDS(fd >= 0 && chdir("/tmp") == 0 && mlockall(MCL_CURRENT) == 0);
	alarm(60);
	for (int round = 0; round < 12; round++) {
		size_t n = round < 4 ? 1024 : sizeof(bytes);    /* the superblock alone, then more */

		for (size_t i = 0; i < n; i++) bytes[i] = round % 4 == 0 ? 0 : round % 4 == 1 ? 0xff : rand();
		HOLDS(pwrite(fd, bytes, n, 1024) == (ssize_t)n);
		stat("/bin/none", &st);
		close(open("/root/new", O_RDWR | O_CREAT, 0600));
		mkdir("/root/d", 0700);
		rename("/root/new", "/root/d/n");
		unlink("/root/d/n");
		statfs("/", &(struct statfs){0});
		sync();
		tmpfs_lives("x");       /* no path from the root leads there any more */
	}
	return first_failed;
}

int main(int argc, char **argv)
{
	int fs = argc > 1 && !strcmp(argv[1], "fs"), fd, bigfd = open(BIG, O_RDONLY);
	off_t end = (lseek(bigfd, 0, SEEK_END) - 1) & ~4095;
	const char *big = mmap(NULL, 4096, PROT_READ, MAP_SHARED, bigfd, end);
	char page[4096], *map;
	pid_t p, victim;

	if (argc > 2 && !strcmp(argv[1], "disk")) return scribble(argv[2]);
	if (argc < 3 || work_in(argv[2])) return 255;
	memset(page, 'o', sizeof(page));
	fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600);
	HOLDS(write(fd, page, 4096) == 4096 && write(fd, page, 4096) == 4096 && fsync(fd) == 0);
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	HOLDS(mlockall(MCL_CURRENT) == 0 && munlock(big, 4096) == 0 && madvise((void *)big, 4096, MADV_DONTNEED) == 0);
	HOLDS(posix_fadvise(bigfd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	signal(SIGBUS, on_bus);
	if (!strcmp(argv[1], "pm:exec")) return exec_is_gone();
	victim = server(argv[1]);
	map[0] = 'd';
	if (!strcmp(argv[1], "pm")) {
		HOLDS(kill(getppid(), SIGSTOP) == 0);   /* the shell, which would take us for ended */
		server_kill(victim, EIO);
		processes_are_gone(fd, map);
		others_live(fd);
		printf("first that failed: line %d\n", first_failed);
		return first_failed;
	}
	p = waiter(fd);
	alarm(60);
	server_kill(victim, ESRCH);

	disk_is_gone(fd, map, bigfd, big, end);
	others_live(fd);
	HOLDS(child_end(IN_CHILD(_exit(7))) == 7);
	if (fs) {
		names_are_gone();
		HOLDS(child_end(p) == EIO);
	} else {
		tmpfs_lives("/tmp/x");
		kill(p, SIGKILL);
	}
	return first_failed;
}
