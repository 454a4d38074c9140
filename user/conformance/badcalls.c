/* SPDX-License-Identifier: MIT */
/* user/conformance/badcalls.c - every system call with pointers that lead nowhere: an errno, or done without harm, and
 * the system goes on.  Calls that would stop their process, or end others, are left out by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUIRE_FIRST 0x1000

static unsigned long bad[8];
static int nbad;

/* Given a bad pointer these must say EFAULT. */
static int check_efault(int fd)
{
	int failed = 0, checks = 0;

	for (int i = 0; i < nbad; i++) {
		struct { const char *name; long r; } call[] = {
			{"read", syscall(SYS_read, fd, bad[i], 16)}, {"write", syscall(SYS_write, fd, bad[i], 16)},
			{"pread64", syscall(SYS_pread64, fd, bad[i], 16, 0)}, {"pwrite64", syscall(SYS_pwrite64, fd, bad[i], 16, 0)},
			{"openat", syscall(SYS_openat, AT_FDCWD, bad[i], 0)}, {"fstat", syscall(SYS_fstat, fd, bad[i])},
			{"stat", syscall(SYS_stat, bad[i], bad[i])}, {"pipe", syscall(SYS_pipe, bad[i])},
			{"execve", syscall(SYS_execve, bad[i], bad[i], bad[i])}, {"unlink", syscall(SYS_unlink, bad[i])},
			{"rename", syscall(SYS_rename, bad[i], "x")}, {"mkdir", syscall(SYS_mkdir, bad[i], 0)},
			{"getcwd", syscall(SYS_getcwd, bad[i], 4096)}, {"uname", syscall(SYS_uname, bad[i])},
			{"clock_gettime", syscall(SYS_clock_gettime, 0, bad[i])}, {"nanosleep", syscall(SYS_nanosleep, bad[i], 0)},
			{"writev", syscall(SYS_writev, fd, bad[i], 2)}, {"rt_sigaction", syscall(SYS_rt_sigaction, SIGUSR1, bad[i], 0, 8)},
			{"readlink", syscall(SYS_readlink, "/bin", bad[i], 16)},
		};

		for (unsigned k = 0; k < sizeof(call) / sizeof(*call); k++) {
			checks++;
			if (call[k].r == -1) continue;          /* EFAULT, or another reason that came first */
			failed++;
			printf("not ok: %s with pointer %#lx gave %ld\n", call[k].name, bad[i], call[k].r);
		}
	}
	printf("%d checks with bad pointers, %d failed\n", checks, failed);
	return failed;
}

/* One number with all bad pointers in every argument. */
static void sweep_one(long nr)
{
	for (int i = 0; i < nbad; i++) {
		syscall(nr, nr < QUIRE_FIRST ? bad[i] : 1, bad[i], bad[i], bad[i], bad[i], bad[i]);
		syscall(nr, 0, bad[i], 4096, bad[i], 1, 1);
	}
}

/* All numbers, each in a child that may die; how many did. */
static int sweep(void)
{
	int st, died = 0;

	for (long nr = 0; nr < QUIRE_FIRST + 0x50; nr = nr == 450 ? QUIRE_FIRST : nr + 1) {
		pid_t pid;

		if (nr == SYS_pause || nr == SYS_reboot || nr == SYS_kill || nr == SYS_tkill || nr == SYS_rt_sigsuspend ||
		    nr == SYS_fork || nr == SYS_vfork || nr == SYS_clone || nr == SYS_poll || nr == SYS_select)
			continue;
		pid = fork();
		if (pid == 0) {
			alarm(2);
			sweep_one(nr);
			_exit(0);
		}
		if (waitpid(pid, &st, 0) != pid) return perror("waitpid"), -1;
		died += WIFSIGNALED(st);
	}
	return died;
}

int main(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("badcalls.dat", O_RDWR | O_CREAT | O_TRUNC, 0644), failed, died;

	if (two == MAP_FAILED || fd < 0 || write(fd, "some bytes to read", 18) != 18) return perror("badcalls"), 1;
	lseek(fd, 0, SEEK_SET);
	munmap(two + page, page);
	bad[nbad++] = 8;
	signal(8, SIG_IGN);             /* which may be our number, too: tgkill(8, 8, 8) */
	bad[nbad++] = (unsigned long)two + page;
	bad[nbad++] = 0xffff800000001000ul;
	bad[nbad++] = 0xffffffff80100000ul;
	bad[nbad++] = 0x0000800000000000ul;
	bad[nbad++] = 0x8000000000000000ul;
	bad[nbad++] = 0xfffffffffffffff0ul;
	failed = check_efault(fd);
	fflush(stdout);
	died = sweep();
	printf("the sweep is over, %d calls ended their caller\n", died);
	unlink("badcalls.dat");
	if (failed || died < 0) return 1;
	puts("badcalls ok");
	return 0;
}
