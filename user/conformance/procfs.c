/* SPDX-License-Identifier: MIT */
/* user/conformance/procfs.c - /proc as proc(5) has it: a process looks at itself and at its children.  Runs on Linux too. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul

static int failed, checks;
static char text[1 << 20];

static void check(int ok, const char *what)
{
	checks++;
	if (ok) return;
	failed++;
	printf("not ok: %s (errno %d)\n", what, errno);
}

/* The whole file into text, in pieces; its length, or -1. */
static ssize_t slurp(const char *path, size_t piece)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = 0, done = 0;

	while (fd >= 0 && (n = read(fd, text + done, piece)) > 0) done += n;
	if (fd >= 0) close(fd);
	text[fd < 0 || n < 0 ? 0 : done] = 0;
	return fd < 0 || n < 0 ? -1 : done;
}

static ssize_t slurp_of(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return slurp(path, 4096);
}

/* The number behind "\nname" in text; ~0: no such line. */
static unsigned long value(const char *name, int base)
{
	char line[64];
	const char *at;

	snprintf(line, sizeof(line), "\n%s", name);
	at = strncmp(text, name, strlen(name)) == 0 ? text - 1 : strstr(text, line);
	return at ? strtoul(at + strlen(line), NULL, base) : ~0ul;
}

/* Field n of a stat line in text; the name may hold blanks. */
static unsigned long stat_field(int n)
{
	char *at = strrchr(text, ')');

	for (n -= 2; at && n > 0; n--) at = strchr(at + 1, ' ');
	return at ? strtoul(at + 1, NULL, 10) : ~0ul;
}

static char state_of(pid_t pid) { return slurp_of(pid, "stat") > 0 ? strrchr(text, ')')[2] : 0; }

static int link_is(const char *path, const char *want)
{
	char buf[512];
	ssize_t n = readlink(path, buf, sizeof(buf) - 1);

	buf[n < 0 ? 0 : n] = 0;
	return strcmp(buf, want) == 0;
}

static void wait_state(pid_t pid, char state)
{
	for (int i = 0; i < 500 && state_of(pid) != state; i++) usleep(10000);
}

/* ---- about itself */

static void numbers(void)
{
	unsigned long vsize, started, before;
	double up, idle;
	clock_t until = clock() + CLOCKS_PER_SEC / 20;

	check(slurp("/proc/self/stat", 4096) > 0 && (pid_t)strtol(text, NULL, 10) == getpid(), "stat begins with the pid");
	check(strstr(text, "(procfs) R ") != NULL, "it has the program's name, and runs");
	check((pid_t)stat_field(4) == getppid() && (pid_t)stat_field(5) == getpgrp() && (pid_t)stat_field(6) == getsid(0),
	      "parent, group and session");
	check(stat_field(52) == 0 && strchr(text, '\n')[1] == 0, "52 fields, one line");
	vsize = stat_field(23);
	started = stat_field(22);
	before = stat_field(14) + stat_field(15);
	check(slurp("/proc/self/statm", 4096) > 0 && strtoul(text, NULL, 10) * PAGE == vsize, "statm and stat agree about the size");
	check(slurp("/proc/uptime", 4096) > 0 && sscanf(text, "%lf %lf", &up, &idle) == 2 && up * 100 + 1 >= started,
	      "it began before now");
	while (clock() < until) { }
	slurp("/proc/self/stat", 4096);
	check(stat_field(14) + stat_field(15) >= before + 3, "processor time is counted");
	check(slurp("/proc/self/comm", 4096) == 7 && strcmp(text, "procfs\n") == 0, "comm");
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
	check(slurp("/proc/self/status", 4096) > 0 && (pid_t)value("Pid:", 10) == getpid() && value("Threads:", 10) == 1, "status");
	check(value("Uid:", 10) == getuid() && value("Gid:", 10) == getgid() && (pid_t)value("PPid:", 10) == getppid(), "ids");
	check(value("SigBlk:", 16) == 1ul << (SIGUSR2 - 1) && value("SigIgn:", 16) & 1ul << (SIGHUP - 1), "blocked and ignored");
	check(value("SigCgt:", 16) & 1ul << (SIGUSR1 - 1), "caught signals");
	check((value("SigPnd:", 16) | value("ShdPnd:", 16)) == 1ul << (SIGUSR2 - 1), "pending signals");
	check(value("VmRSS:", 10) == value("RssAnon:", 10) + value("RssFile:", 10) + value("RssShmem:", 10), "VmRSS is the sum of its parts");
	check(value("VmStk:", 10) > 0 && value("VmExe:", 10) > 0 && value("VmSize:", 10) >= value("VmRSS:", 10), "sizes");
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
	check(n > 0 && slurp("/proc/self/limits", 7) == n && strcmp(whole, text) == 0, "small reads give the same as large ones");
	check(lseek(fd, 30, SEEK_SET) == 30 && read(fd, part, 20) == 20 && memcmp(part, whole + 30, 20) == 0, "lseek");
	check(lseek(fd, 0, SEEK_CUR) == 50, "the offset moved on");
	check(pread(fd, part, 20, 10) == 20 && memcmp(part, whole + 10, 20) == 0 && lseek(fd, 0, SEEK_CUR) == 50, "pread");
	check(lseek(fd, n, SEEK_SET) == n && read(fd, part, 20) == 0, "end of file");
	check(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0, "a regular file of size 0");
	close(fd);
	check(stat("/proc", &st) == 0 && S_ISDIR(st.st_mode), "/proc is a directory");
	check(open("/proc/self/nothing", O_RDONLY) == -1 && errno == ENOENT, "no such name");
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
	check(seen == 1 && self == 1, "readdir of /proc: this process and self, once each");
	check(link_is("/proc/self", mine), "self is a link to this process");
}

/* ---- memory */

/* The line of maps or smaps in text whose range holds the address; it is cut there. */
static char *line_of(uintptr_t va)
{
	unsigned long lo, hi;

	for (char *at = text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		if (sscanf(at, "%lx-%lx ", &lo, &hi) == 2 && lo <= va && va < hi) return at;
	}
	return NULL;
}

static int line_has(uintptr_t va, const char *rights, const char *name)
{
	char *line = line_of(va), *end = line ? strchr(line, '\n') : NULL, *gap = line ? strchr(line, ' ') : NULL;
	size_t n = strlen(name);

	return end && gap && strncmp(gap + 1, rights, 4) == 0 && (size_t)(end - line) > n && memcmp(end - n, name, n) == 0;
}

static void maps(void)
{
	char exe[512] = "", *heap = (char *)syscall(SYS_brk, 0);        /* musl has no sbrk() */
	unsigned long lo, hi, last = 0;
	int fd = open("mapped file", O_RDWR | O_CREAT | O_TRUNC, 0600), ordered = 1, local;
	char *p;

	check((char *)syscall(SYS_brk, heap + PAGE) == heap + PAGE, "brk");
	heap[0] = 1;
	check(ftruncate(fd, 3 * PAGE) == 0, "ftruncate");
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, PAGE);
	check(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0, "exe");
	check(slurp("/proc/self/maps", 1000) > 0, "maps");
	for (char *at = text; *at; at = strchr(at, '\n') + 1) {
		ordered &= sscanf(at, "%lx-%lx ", &lo, &hi) == 2 && last <= lo && lo < hi;
		last = hi;
	}
	check(ordered, "lines rise and do not overlap");
	check(line_has((uintptr_t)&maps, "r-xp", exe), "the program's text");
	check(line_has((uintptr_t)&local, "rw-p", "[stack]"), "[stack]");
	check(line_has((uintptr_t)heap, "rw-p", "[heap]"), "[heap]");
	check(line_has((uintptr_t)p, "rw-s", "/mapped file"), "a shared file");
	check(line_of((uintptr_t)p) && strstr(line_of((uintptr_t)p), " 00001000 ") != NULL, "its offset");
	unlink("mapped file");
	slurp("/proc/self/maps", 4096);
	check(line_has((uintptr_t)p, "rw-s", "/mapped file (deleted)"), "a file without a name");
	munmap(p, 2 * PAGE);
	close(fd);
}

/* A number of the mapping at va in smaps of pid, in KiB. */
static unsigned long smap(pid_t pid, void *va, const char *name)
{
	char *line, want[64];

	if (slurp_of(pid, "smaps") <= 0 || !(line = line_of((uintptr_t)va))) return ~0ul;
	snprintf(want, sizeof(want), "\n%s:", name);
	line = strstr(line, want);
	return line ? strtoul(line + strlen(want), NULL, 10) : ~0ul;
}

/* Dirty, too: a program that was just built is owed to its disk. */
static unsigned long shared(pid_t pid, void *va) { return smap(pid, va, "Shared_Clean") + smap(pid, va, "Shared_Dirty"); }

static pid_t child_asleep(void)
{
	pid_t p = fork();

	if (p == 0) {
		pause();
		_exit(0);
	}
	wait_state(p, 'S');
	return p;
}

static void end(pid_t p)
{
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

static void smaps(void)
{
	char *p = mmap(NULL, 17 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t self = getpid(), c;

	mprotect(p, PAGE, PROT_READ);           /* so that what lies between is a mapping of its own */
	mprotect(p + 16 * PAGE, PAGE, PROT_READ);
	for (int i = 2; i < 7; i++) p[i * PAGE] = 1;
	check(smap(self, p + PAGE, "Size") == 60 && smap(self, p + PAGE, "Rss") == 20 && smap(self, p + PAGE, "Pss") == 20, "Rss");
	check(smap(self, p + PAGE, "Private_Dirty") == 20 && smap(self, p + PAGE, "Anonymous") == 20, "anonymous pages are private");
	c = child_asleep();
	check(smap(c, p + PAGE, "Shared_Dirty") == 20 && smap(c, p + PAGE, "Pss") == 10, "after fork they are shared");
	p[2 * PAGE] = 2;
	check(smap(c, p + PAGE, "Shared_Dirty") == 16 && smap(self, p + PAGE, "Private_Dirty") == 4, "a copied page is private again");
	check(shared(c, (void *)&smaps) >= 4, "text is shared");
	check(smap(c, (void *)&smaps, "Pss") < smap(c, (void *)&smaps, "Rss"), "and counts in parts");
	check(slurp_of(c, "smaps_rollup") > 0 && strstr(text, "[rollup]") && value("Rss:", 10) >= 20, "smaps_rollup");
	end(c);
	check(mlock(p + 3 * PAGE, PAGE) == 0 && smap(self, p + 3 * PAGE, "Locked") == 4, "a locked page");
	munmap(p, 17 * PAGE);
}

/* Two processes that exec'd the same file have its text from one page cache. */
static void shared_text(void)
{
	char *argv[] = {"procfs", "sleep", NULL};
	pid_t c = fork();

	if (c == 0) {
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	for (int i = 0; i < 500 && (slurp_of(c, "cmdline") != 13 || state_of(c) != 'S'); i++) usleep(10000);
	check(shared(c, (void *)&shared_text) >= 4, "text of two programs from one file is shared");
	check(smap(c, (void *)&shared_text, "Anonymous") == 0, "and nobody's own");
	end(c);
}

/* ---- files */

static void descriptors(void)
{
	char cwd[512], want[600], path[64], buf[8] = "";
	int fd = open("a file", O_RDWR | O_CREAT | O_TRUNC, 0600), fds[2], again;

	check(getcwd(cwd, sizeof(cwd)) && link_is("/proc/self/cwd", cwd) && link_is("/proc/self/root", "/"), "cwd and root");
	check(write(fd, "hello", 5) == 5, "write");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(want, sizeof(want), "%s/a file", cwd);
	check(link_is(path, want), "a descriptor's link tells the file's path");
	check(rename("a file", "b file") == 0, "rename");
	snprintf(want, sizeof(want), "%s/b file", cwd);
	check(link_is(path, want), "its new name");
	unlink("b file");
	snprintf(want, sizeof(want), "%s/b file (deleted)", cwd);
	check(link_is(path, want), "a name that is gone");
	again = open(path, O_RDONLY);
	check(again >= 0 && read(again, buf, 5) == 5 && strcmp(buf, "hello") == 0, "the file can be opened by its descriptor");
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	close(again);
	again = open(path, O_RDONLY);
	check(again >= 0 && pread(again, buf, 5, 0) == 5, "by /dev/fd too");
	close(again);
	close(fd);
	check(pipe(fds) == 0, "pipe");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	check(readlink(path, want, sizeof(want)) > 6 && memcmp(want, "pipe:[", 6) == 0, "a pipe");
	again = open(path, O_RDONLY);
	check(again >= 0 && write(fds[1], "x", 1) == 1 && read(again, buf, 1) == 1 && buf[0] == 'x', "a pipe is opened again");
	close(again);
	close(fds[0]);
	close(fds[1]);
	check(open(path, O_RDONLY) == -1 && errno == ENOENT, "a closed descriptor has no name");
}

static void words(void)
{
	char *argv[] = {"procfs", "sleep", "an arg", "", NULL}, *envp[] = {"A=1", "B=two", NULL};
	pid_t c = fork();

	if (c == 0) {
		execve("/proc/self/exe", argv, envp);
		_exit(127);
	}
	for (int i = 0; i < 500 && slurp_of(c, "cmdline") != 21; i++) usleep(10000);
	check(memcmp(text, "procfs\0sleep\0an arg\0\0", 21) == 0, "cmdline");
	check(slurp_of(c, "environ") == 10 && memcmp(text, "A=1\0B=two\0", 10) == 0, "environ");
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
	check(state_of(c) == 'Z', "a zombie is there");
	check(slurp_of(c, "cmdline") == 0 && slurp_of(c, "maps") == 0, "without words and memory");
	snprintf(path, sizeof(path), "/proc/%d/exe", c);
	check(readlink(path, text, 100) == -1 && errno == ENOENT, "without a program");
	waitpid(c, NULL, 0);
	check(read(fd, text, 100) == -1 && errno == ESRCH, "a file of a process that is gone: ESRCH");
	check(slurp_of(c, "stat") == -1 && errno == ENOENT, "its name is gone");
	close(fd);
}

static int thread_up[2];

static void *thread_look(void *arg)
{
	char want[64], c;

	snprintf(want, sizeof(want), "%d/task/%d", getpid(), gettid());
	check(link_is("/proc/thread-self", want), "thread-self");
	snprintf(arg, 64, "/proc/self/task/%d/status", gettid());
	if (write(thread_up[1], "x", 1) != 1) return NULL;
	while (read(thread_up[0], &c, 1) == 1 && c == 'x' && write(thread_up[1], "x", 1) == 1) usleep(1000);
	return NULL;
}

static void threads(void)
{
	char path[64] = "";
	pthread_t t;

	check(pipe(thread_up) == 0 && pthread_create(&t, NULL, thread_look, path) == 0, "a thread");
	for (int i = 0; i < 500 && !path[0]; i++) usleep(10000);
	usleep(20000);
	check(slurp("/proc/self/status", 4096) > 0 && value("Threads:", 10) == 2, "two threads");
	check(slurp(path, 4096) > 0 && (pid_t)value("Tgid:", 10) == getpid() && (pid_t)value("Pid:", 10) != getpid(), "task/TID/status");
	check(write(thread_up[1], "q", 1) == 1 && pthread_join(t, NULL) == 0, "it ends");
	check(slurp(path, 4096) == -1 && errno == ENOENT, "its name is gone");
}

static void rights(void)
{
	pid_t c;
	int status = -1;

	if (getuid() != 0) return;
	c = fork();
	if (c == 0) {
		if (setgid(1000) || setuid(1000)) _exit(1);
		if (open("/proc/1/environ", O_RDONLY) != -1 || errno != EACCES) _exit(2);
		if (readlink("/proc/1/cwd", text, 100) != -1 || errno != EACCES) _exit(3);
		if (opendir("/proc/1/fd") || errno != EACCES) _exit(4);
		if (slurp("/proc/1/status", 4096) <= 0) _exit(5);
		if (open("/proc/1/maps", O_RDONLY) != -1 || errno != EACCES) _exit(6);
		_exit(0);
	}
	waitpid(c, &status, 0);
	if (status) printf("rights: exit status %d\n", WEXITSTATUS(status));
	check(status == 0, "another's environment, directory and descriptors are not for everybody");
}

/* The kernel is asked about processes in the middle of their births and deaths. */
static void dying(void)
{
	static const char *const names[] = {"stat", "status", "cmdline", "smaps", "environ", "statm"};
	time_t until = time(NULL) + 2;
	pid_t maker = fork();
	int reads = 0;

	if (maker == 0) {
		while (time(NULL) <= until) {
			for (int i = 0; i < 8; i++) {
				if (fork() == 0) _exit(0);
			}
			while (wait(NULL) > 0) { }
		}
		_exit(0);
	}
	while (time(NULL) < until) {
		DIR *d = opendir("/proc");

		for (struct dirent *e; d && (e = readdir(d));) {
			if (e->d_name[0] >= '0' && e->d_name[0] <= '9') slurp_of(atoi(e->d_name), names[reads++ % 6]);
		}
		if (d) closedir(d);
	}
	waitpid(maker, NULL, 0);
	check(reads > 50, "processes are looked at while they die");
}

/* ---- the machine */

static void machine(void)
{
	FILE *f = setmntent("/proc/mounts", "r");
	unsigned long total, cpus = 0;
	int root = 0;

	for (struct mntent *m; f && (m = getmntent(f));) root |= strcmp(m->mnt_dir, "/") == 0;
	if (f) endmntent(f);
	check(root, "/proc/mounts has the root");
	check(slurp("/proc/meminfo", 4096) > 0 && (total = value("MemTotal:", 10)) != ~0ul && value("MemFree:", 10) <= total &&
	      value("MemAvailable:", 10) <= total && value("Dirty:", 10) <= total, "meminfo");
	slurp("/proc/stat", 4096);
	for (char *at = text; (at = strstr(at, "cpu")); at += 3) cpus++;
	check((long)cpus - 1 == sysconf(_SC_NPROCESSORS_ONLN), "a line of /proc/stat for each processor");
	check(value("btime", 10) > 1600000000 && value("processes", 10) > 1 && value("ctxt", 10) != ~0ul, "stat's other lines");
	check(slurp("/proc/cpuinfo", 4096) > 0 && strstr(text, "model name\t: ") && strstr(text, " sse2 "), "cpuinfo");
	check(slurp("/proc/loadavg", 4096) > 0 && sscanf(text, "%*f %*f %*f %*u/%*u %lu", &total) == 1, "loadavg");
	check(slurp("/proc/vmstat", 4096) > 0 && value("pgfault ", 10) > 0 && value("nr_free_pages ", 10) > 0, "vmstat");
	check(slurp("/proc/filesystems", 4096) > 0 && strstr(text, "nodev\tproc\n"), "filesystems");
	check(slurp("/proc/sys/kernel/ostype", 4096) > 0 && slurp("/proc/sys/kernel/random/uuid", 4096) == 37, "sys/kernel");
	check(slurp("/proc/sys/vm/overcommit_memory", 4096) == 2 && slurp("/proc/sys/kernel/pid_max", 4096) > 0, "sys/vm");
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
	maps();
	smaps();
	shared_text();
	descriptors();
	words();
	zombies();
	threads();
	rights();
	dying();
	machine();
	if (chdir("/") || rmdir(folder)) return 2;
	printf("%d checks, %d failed\n", checks, failed);
	return failed != 0;
}
