/* SPDX-License-Identifier: MIT */
/* user/conformance/procfs.c - /proc as proc(5) has it: a process looks at itself and its children.  Runs on Linux
 * too. */
#define _GNU_SOURCE
#include <dirent.h>
#include <mntent.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "look.h"

/* ---- about itself */

static void numbers(void)
{
	unsigned long vsize, started, before;
	double up, idle;
	clock_t until = clock() + CLOCKS_PER_SEC / 20;

	claim(slurp("/proc/self/stat", 4096) > 0 && (pid_t)strtol(text, NULL, 10) == getpid(),
	      "stat begins with the pid");
	claim(strstr(text, "(procfs) R ") != NULL, "it has the program's name, and runs");
	claim((pid_t)stat_field(4) == getppid() && (pid_t)stat_field(5) == getpgrp() &&
	              (pid_t)stat_field(6) == getsid(0),
	      "parent, group and session");
	claim(stat_field(52) == 0 && strchr(text, '\n')[1] == 0, "52 fields, one line");
	vsize = stat_field(23);
	started = stat_field(22);
	before = stat_field(14) + stat_field(15);
	claim(slurp("/proc/self/statm", 4096) > 0 && strtoul(text, NULL, 10) * PAGE == vsize,
	      "statm and stat agree about the size");
	claim(slurp("/proc/uptime", 4096) > 0 && sscanf(text, "%lf %lf", &up, &idle) == 2 && up * 100 + 1 >= started,
	      "it began before now");
	while (clock() < until) { }
	slurp("/proc/self/stat", 4096);
	claim(stat_field(14) + stat_field(15) >= before + 3, "processor time is counted");
	claim(slurp("/proc/self/comm", 4096) == 7 && strcmp(text, "procfs\n") == 0, "comm");
}

static void status(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, _exit);
	raise(SIGUSR2);
	claim(slurp("/proc/self/status", 4096) > 0 && (pid_t)value("Pid:", 10) == getpid() &&
	              value("Threads:", 10) == 1,
	      "status");
	claim(value("Uid:", 10) == getuid() && value("Gid:", 10) == getgid() && (pid_t)value("PPid:", 10) == getppid(),
	      "ids");
	claim(value("SigBlk:", 16) == 1ul << (SIGUSR2 - 1) && value("SigIgn:", 16) & 1ul << (SIGHUP - 1),
	      "blocked and ignored");
	claim(value("SigCgt:", 16) & 1ul << (SIGUSR1 - 1), "caught signals");
	claim((value("SigPnd:", 16) | value("ShdPnd:", 16)) == 1ul << (SIGUSR2 - 1), "pending signals");
	claim(value("VmRSS:", 10) == value("RssAnon:", 10) + value("RssFile:", 10) + value("RssShmem:", 10),
	      "VmRSS is the sum of its parts");
	claim(value("VmStk:", 10) > 0 && value("VmExe:", 10) > 0 && value("VmSize:", 10) >= value("VmRSS:", 10),
	      "sizes");
	signal(SIGUSR2, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void pieces(void)
{
	char whole[4096], part[64];
	ssize_t n = slurp("/proc/self/limits", 4096);
	int fd = open("/proc/self/limits", O_RDONLY);
	struct stat st;

	memcpy(whole, text, n + 1);
	claim(n > 0 && slurp("/proc/self/limits", 7) == n && strcmp(whole, text) == 0,
	      "small reads give the same as large ones");
	claim(lseek(fd, 30, SEEK_SET) == 30 && read(fd, part, 20) == 20 && memcmp(part, whole + 30, 20) == 0, "lseek");
	claim(lseek(fd, 0, SEEK_CUR) == 50, "the offset moved on");
	claim(pread(fd, part, 20, 10) == 20 && memcmp(part, whole + 10, 20) == 0 && lseek(fd, 0, SEEK_CUR) == 50,
	      "pread");
	claim(lseek(fd, n, SEEK_SET) == n && read(fd, part, 20) == 0, "end of file");
	claim(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0, "a regular file of size 0");
	close(fd);
	claim(stat("/proc", &st) == 0 && S_ISDIR(st.st_mode), "/proc is a directory");
	claim(open("/proc/self/nothing", O_RDONLY) == -1 && errno == ENOENT, "no such name");
}

static void directories(void)
{
	char mine[16];
	int seen = 0, self = 0;
	DIR *d = opendir("/proc");

	snprintf(mine, sizeof(mine), "%d", getpid());
	for (struct dirent *e; d && (e = readdir(d));) {
		seen += strcmp(e->d_name, mine) == 0;
		self += strcmp(e->d_name, "self") == 0;
	}
	if (d) closedir(d);
	claim(seen == 1 && self == 1, "readdir of /proc: this process and self, once each");
	claim(link_is("/proc/self", mine), "self is a link to this process");
}

/* ---- files */

static void descriptors(void)
{
	char cwd[512], want[600], path[64], buf[8] = "";
	int fd = open("a file", O_RDWR | O_CREAT | O_TRUNC, 0600), fds[2], again;
	struct stat st;

	claim(getcwd(cwd, sizeof(cwd)) && link_is("/proc/self/cwd", cwd) && link_is("/proc/self/root", "/"),
	      "cwd and root");
	claim(write(fd, "hello", 5) == 5, "write");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(want, sizeof(want), "%s/a file", cwd);
	claim(link_is(path, want), "a descriptor's link tells the file's path");
	claim(rename("a file", "b file") == 0, "rename");
	snprintf(want, sizeof(want), "%s/b file", cwd);
	claim(link_is(path, want), "its new name");
	unlink("b file");
	snprintf(want, sizeof(want), "%s/b file (deleted)", cwd);
	claim(link_is(path, want), "a name that is gone");
	again = open(path, O_RDONLY);
	claim(again >= 0 && read(again, buf, 5) == 5 && strcmp(buf, "hello") == 0,
	      "the file can be opened by its descriptor");
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	close(again);
	again = open(path, O_RDONLY);
	claim(again >= 0 && pread(again, buf, 5, 0) == 5, "by /dev/fd too");
	close(again);
	close(fd);
	claim(pipe(fds) == 0, "pipe");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	claim(readlink(path, want, sizeof(want) - 1) > 6 && fstat(fds[1], &st) == 0 && st.st_ino &&
	      strtoul(want + 6, NULL, 10) == st.st_ino && memcmp(want, "pipe:[", 6) == 0, "a pipe, by its inode's number");
	again = open(path, O_RDONLY);
	claim(again >= 0 && write(fds[1], "x", 1) == 1 && read(again, buf, 1) == 1 && buf[0] == 'x',
	      "a pipe is opened again");
	close(again);
	close(fds[0]);
	close(fds[1]);
	claim(open(path, O_RDONLY) == -1 && errno == ENOENT, "a closed descriptor has no name");
	fd = memfd_create("of/mine", 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	claim(fd >= 0 && write(fd, "hello", 5) == 5 && link_is(path, "/memfd:of/mine (deleted)"), "a memfd's label");
	again = open(path, O_RDONLY);
	claim(again >= 0 && read(again, buf, 5) == 5 && strcmp(buf, "hello") == 0, "a memfd is opened again, at its start");
	claim(fchmod(fd, 0640) == 0 && fstat(again, &st) == 0 && st.st_mode == (S_IFREG | 0640) && st.st_size == 5, "one file");
	close(again);
	close(fd);
}

static void words(void)
{
	char *argv[] = {"procfs", "sleep", "an arg", "", NULL}, *envp[] = {"A=1", "B=two", NULL};
	pid_t c = fork();

	if (c == 0) {
		execve("/proc/self/exe", argv, envp);
		_exit(127);
	}
	for (int i = 0; i < 6000 && slurp_of(c, "cmdline") != 21; i++) usleep(10000);
	claim(memcmp(text, "procfs\0sleep\0an arg\0\0", 21) == 0, "cmdline");
	claim(slurp_of(c, "environ") == 10 && memcmp(text, "A=1\0B=two\0", 10) == 0, "environ");
	end(c);
}

/* ---- others */

static void zombies(void)
{
	char path[64];
	pid_t c = fork();
	int fd;

	if (c == 0) {
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", c);
	fd = open(path, O_RDONLY);
	kill(c, SIGKILL);
	wait_state(c, 'Z');
	claim(state_of(c) == 'Z', "a zombie is there");
	claim(slurp_of(c, "cmdline") == 0 && slurp_of(c, "maps") == 0, "without words and memory");
	snprintf(path, sizeof(path), "/proc/%d/exe", c);
	claim(readlink(path, text, 100) == -1 && errno == ENOENT, "without a program");
	waitpid(c, NULL, 0);
	claim(read(fd, text, 100) == -1 && errno == ESRCH, "a file of a process that is gone: ESRCH");
	claim(slurp_of(c, "stat") == -1 && errno == ENOENT, "its name is gone");
	close(fd);
}

static int thread_up[2];

static void *thread_look(void *arg)
{
	char want[64], c;

	snprintf(want, sizeof(want), "%d/task/%d", getpid(), gettid());
	claim(link_is("/proc/thread-self", want), "thread-self");
	snprintf(arg, 64, "/proc/self/task/%d/status", gettid());
	if (write(thread_up[1], "x", 1) != 1) return NULL;
	while (read(thread_up[0], &c, 1) == 1 && c == 'x' && write(thread_up[1], "x", 1) == 1) usleep(1000);
	return NULL;
}

static void threads(void)
{
	char path[64] = "";
	pthread_t t;

	claim(pipe(thread_up) == 0 && pthread_create(&t, NULL, thread_look, path) == 0, "a thread");
	for (int i = 0; i < 6000 && !path[0]; i++) usleep(10000);
	usleep(20000);
	claim(slurp("/proc/self/status", 4096) > 0 && value("Threads:", 10) == 2, "two threads");
	claim(slurp(path, 4096) > 0 && (pid_t)value("Tgid:", 10) == getpid() && (pid_t)value("Pid:", 10) != getpid(),
	      "task/TID/status");
	claim(write(thread_up[1], "q", 1) == 1 && pthread_join(t, NULL) == 0, "it ends");
	claim(slurp(path, 4096) == -1 && errno == ENOENT, "its name is gone");
}

static void rights(void)
{
	pid_t c, was_root;
	int status = -1;

	if (getuid() != 0) return;
	was_root = fork();
	while (was_root == 0) {
		if (getuid() == 0 && (setgid(1000) || setuid(1000))) _exit(1);
		pause();
	}
	for (int i = 0; i < 6000 && (slurp_of(was_root, "status") <= 0 || value("Uid:", 10) != 1000); i++) usleep(10000);
	c = fork();
	if (c == 0) {
		if (setgid(1000) || setuid(1000)) _exit(1);
		if (open("/proc/1/environ", O_RDONLY) != -1 || errno != EACCES) _exit(2);
		if (readlink("/proc/1/cwd", text, 100) != -1 || errno != EACCES) _exit(3);
		if (opendir("/proc/1/fd") || errno != EACCES) _exit(4);
		if (slurp("/proc/1/status", 4096) <= 0) _exit(5);
		if (open("/proc/1/maps", O_RDONLY) != -1 || errno != EACCES) _exit(6);
		snprintf(text, sizeof(text), "/proc/%d/environ", was_root);
		if (open(text, O_RDONLY) != -1 || errno != EACCES) _exit(7);    /* what it may know from that time */
		if (!opendir("/proc/self/fd")) _exit(8);
		_exit(0);
	}
	waitpid(c, &status, 0);
	end(was_root);
	if (status) printf("rights: exit status %d\n", WEXITSTATUS(status));
	claim(status == 0, "another's environment, directory and descriptors are not for everybody");
}

/* The kernel is asked about processes in the middle of their births and deaths. */
static void dying(void)
{
	static const char *const names[] = {"stat", "status", "cmdline", "smaps", "environ", "statm"};
	time_t until = time(NULL) + 2;
	pid_t maker = fork();
	int reads = 0;

	while (maker == 0) {
		for (int i = 0; i < 8; i++) {
			if (fork() == 0) _exit(0);
		}
		while (wait(NULL) > 0) { }
	}
	while (time(NULL) < until || (reads <= 50 && time(NULL) < until + 30)) {
		DIR *d = opendir("/proc");

		for (struct dirent *e; d && (e = readdir(d));) {
			if (e->d_name[0] >= '0' && e->d_name[0] <= '9') slurp_of(atoi(e->d_name), names[reads++ % 6]);
		}
		if (d) closedir(d);
	}
	end(maker);
	claim(reads > 50, "processes are looked at while they die");
}

/* ---- the machine */

static void machine(void)
{
	FILE *f = setmntent("/proc/mounts", "r");
	unsigned long total, cpus = 0;
	int root = 0;

	for (struct mntent *m; f && (m = getmntent(f));) root |= strcmp(m->mnt_dir, "/") == 0;
	if (f) endmntent(f);
	claim(root, "/proc/mounts has the root");
	claim(slurp("/proc/meminfo", 4096) > 0 && (total = value("MemTotal:", 10)) != ~0ul &&
	              value("MemFree:", 10) <= total && value("MemAvailable:", 10) <= total &&
	              value("Dirty:", 10) <= total,
	      "meminfo");
	slurp("/proc/stat", 4096);
	for (char *at = text; (at = strstr(at, "cpu")); at += 3) cpus++;
	claim((long)cpus - 1 == sysconf(_SC_NPROCESSORS_ONLN), "a line of /proc/stat for each processor");
	claim(value("btime", 10) > 1600000000 && value("processes", 10) > 1 && value("ctxt", 10) != ~0ul,
	      "stat's other lines");
	claim(slurp("/proc/cpuinfo", 4096) > 0 && strstr(text, "model name\t: ") && strstr(text, " sse2 "), "cpuinfo");
	claim(slurp("/proc/loadavg", 4096) > 0 && sscanf(text, "%*f %*f %*f %*u/%*u %lu", &total) == 1, "loadavg");
	claim(slurp("/proc/vmstat", 4096) > 0 && value("pgfault ", 10) > 0 && value("nr_free_pages ", 10) > 0,
	      "vmstat");
	claim(slurp("/proc/filesystems", 4096) > 0 && strstr(text, "nodev\tproc\n"), "filesystems");
	claim(slurp("/proc/sys/kernel/ostype", 4096) > 0 && slurp("/proc/sys/kernel/random/uuid", 4096) == 37,
	      "sys/kernel");
	claim(slurp("/proc/sys/vm/overcommit_memory", 4096) == 2 && slurp("/proc/sys/kernel/pid_max", 4096) > 0,
	      "sys/vm");
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/procfs.XXXXXX";

	if (argc > 1 && strcmp(argv[1], "sleep") == 0) return pause();
	(void)argv;
	if (!mkdtemp(folder) || chdir(folder)) return 2;
	numbers();
	status();
	pieces();
	directories();
	descriptors();
	words();
	zombies();
	threads();
	rights();
	dying();
	machine();
	if (chdir("/") || rmdir(folder)) return 2;
	return checked();
}
