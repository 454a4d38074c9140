/* SPDX-License-Identifier: MIT */
/* user/conformance/manager.c - system calls that a server answers (user/pm): their arguments lie in all kinds of memory,
 * and others' attributes are set by nobody else.  Runs on Linux too.
 *   manager DIR    the checks, with a file in DIR
 *   manager pending    what a check executes
 *   manager stopped    as root: the file server, and the process for execve, do not answer for a while
 */
#include "check.h"

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/time.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#define PAGE 4096
#define PROC_SET 0x104c                 /* Quire's, for its server alone */
#define MAX_PID 100

static void nothing(int signo) { (void)signo; }

static char *map(int fd, int prot, int flags)
{
	char *at = mmap(NULL, 2 * PAGE, prot, flags, fd, 0);

	check(at != MAP_FAILED && munmap(at + PAGE, PAGE) == 0);
	return at;
}

/* POSIX says nothing of musl's sched_getparam(), which does not ask the kernel. */
static long get(char *at) { return syscall(SYS_sched_getparam, 0, at); }
static long set(char *at) { return syscall(SYS_sched_setparam, 0, at); }

static void arguments_in_memory(void)
{
	int fd = open("arguments", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *anon = map(-1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS), *none, *file;

	check(set(anon) == 0 && get(anon + 8) == 0 && get(anon + PAGE - 4) == 0);
	check_error(get(anon + PAGE - 2), EFAULT);
	check_error(set(anon + PAGE - 2), EFAULT);
	check_error(get((char *)-4096l), EFAULT);
	check_error(get((char *)8), EFAULT);
	check_error(get(NULL), EINVAL);

	check(ftruncate(fd, PAGE) == 0 && pwrite(fd, "\1\1\1\1\1\1\1\1", 8, 0) == 8 && fsync(fd) == 0);
	check(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	file = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	check_error(set(file), EINVAL);                 /* the page comes from the disk: a priority that there is not */
	check(get(file + 4) == 0 && file[3] == 1 && file[4] == 0 && file[8] == 0);
	check(pread(fd, anon, 8, 0) == 8 && anon[3] == 1 && anon[4] == 0);
	check(ftruncate(fd, 0) == 0);
	check_error(set(file), EFAULT);

	none = map(-1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
	check_error(set(none), EFAULT);
	check(mprotect(none, PAGE, PROT_READ) == 0 && set(none) == 0);
	check_error(get(none), EFAULT);
	close(fd);
}

static void written_to_ones_own_copy(void)
{
	static char at[PAGE] __attribute__((aligned(PAGE))) = "abcdefgh";

	CHILD(check(get(at) == 0 && at[0] == 0 && at[4] == 'e'));
	check(at[0] == 'a');
}

/* Half of them lower what the other half raises: who looks sees one of both. */
static void many_ask_at_once(void)
{
	pid_t child[8];

	for (int i = 0; i < 8; i++) {
		child[i] = IN_CHILD(for (int n = 0; n < 200; n++) {
			check(setpriority(PRIO_PROCESS, 0, i) == 0);
			check(getpriority(PRIO_PROCESS, 0) == i);
		});
	}
	for (int i = 0; i < 8; i++) check(child_end(child[i]) == 0);
}

static void who_asks_without_end_can_be_killed(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t p = IN_CHILD(for (;;) getpriority(PRIO_USER, 0));

		ms_sleep(i);
		check(kill(p, SIGKILL) == 0 && child_end(p) == -1);
	}
}

static void nobody_else_sets_attributes(void)
{
	uint32_t zero = 0;

	check(syscall(PROC_SET, 0, getpid(), 0, 32, &zero, 4) == -1 && (errno == EPERM || errno == ENOSYS));
	CHILD(check(setuid(1000) == 0 && syscall(PROC_SET, 0, getpid(), 0, 32, &zero, 4) == -1 && getuid() == 1000));
}

/* POSIX fork: the child has no interval timer of its parent's.  (What exec leaves of them: timers.c.) */
static void a_child_has_no_timer(void)
{
	struct itimerval soon = {.it_value = {.tv_usec = 60000}}, none;

	check(setitimer(ITIMER_REAL, &soon, NULL) == 0);
	CHILD(check(getitimer(ITIMER_REAL, &none) == 0 && !none.it_value.tv_usec); ms_sleep(100));
	check(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL) == 0);
}

/* A signal of a timer that waits for the old program is not the new one's. */
static void a_pending_timer_ends_with_its_program(const char *self)
{
	struct itimerspec now = {.it_value = {.tv_nsec = 1}};
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	sigset_t s;
	int id;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	CHILD(sigprocmask(SIG_BLOCK, &s, NULL); syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id);
	      syscall(SYS_timer_settime, id, 0, &now, NULL); ms_sleep(20); execl(self, self, "pending", NULL));
}

/* What its program says. */
static int as_pending(void)
{
	sigset_t s;

	return sigpending(&s) || sigismember(&s, SIGUSR1);
}

/* The host's name is one, whoever tells it. */
static void names_and_memory(void)
{
	struct utsname u;
	struct sysinfo s;
	char text[16] = "";

	check(sysinfo(&s) == 0 && s.totalram * s.mem_unit > 32 << 20 && s.freeram < s.totalram && s.procs > 0);
	check(uname(&u) == 0);
	if (strcmp(u.sysname, "Quire")) return;         /* here it is nobody else's */
	check(sethostname("box", 3) == 0 && uname(&u) == 0 && !strcmp(u.nodename, "box"));
	check(read(open("/proc/sys/kernel/hostname", O_RDONLY), text, 15) == 4 && !strcmp(text, "box\n"));
	CHILD(check(setuid(1000) == 0); check_error(sethostname("x", 1), EPERM);
	      check_error(reboot(RB_POWER_OFF), EPERM));
}

static pid_t server_find(const char *line)
{
	char path[32], name[16];

	for (pid_t p = 2; p < MAX_PID; p++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/comm", p);
		fd = open(path, O_RDONLY);
		memset(name, 0, sizeof(name));
		if (fd >= 0 && read(fd, name, sizeof(name) - 1) > 0 && !strcmp(name, line)) return p;
		if (fd >= 0) close(fd);
	}
	return 0;
}

/* Who waits for the file server delays no timer. */
static int names_stopped(void)
{
	struct itimerval soon = {.it_value = {.tv_usec = 60000}};
	pid_t names = server_find("fs\n"), p;
	sigset_t none, alarms;

	signal(SIGALRM, nothing);
	sigemptyset(&none);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarms, NULL);          /* it comes in sigsuspend(), not before */
	check(names && kill(names, SIGSTOP) == 0);
	ms_sleep(20);
	p = IN_CHILD(check(mkdir("/tmp/late", 0755) == 0));
	ms_sleep(20);
	check(setitimer(ITIMER_REAL, &soon, NULL) == 0);
	check_error(sigsuspend(&none), EINTR);
	check(waitpid(p, NULL, WNOHANG) == 0 && kill(names, SIGCONT) == 0 && child_end(p) == 0);
	return checked();
}

/* An execve that waits delays nobody, and can be killed; then others come to their end. */
static int exec_stopped(void)
{
	pid_t exec = server_find("pm:exec\n"), killed, p;
	int status;

	check(exec && kill(exec, SIGSTOP) == 0);
	until_state(exec, 'T');
	killed = IN_CHILD(execl("/bin/true", "true", NULL); _exit(1));
	p = IN_CHILD(execl("/bin/true", "true", NULL); _exit(1));
	until_asleep(killed);
	until_asleep(p);
	check(access("/bin/true", X_OK) == 0 && getpriority(PRIO_PROCESS, 0) == 0);
	check(kill(killed, SIGKILL) == 0 && waitpid(killed, &status, 0) == killed);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	check(waitpid(p, NULL, WNOHANG) == 0 && kill(exec, SIGCONT) == 0 && child_end(p) == 0);
	return checked();
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "stopped")) return names_stopped() + exec_stopped();
	if (argc == 2 && !strcmp(argv[1], "pending")) return as_pending();
	if (argc != 2 || work_in(argv[1])) return 2;
	signal(SIGALRM, nothing);
	a_child_has_no_timer();
	a_pending_timer_ends_with_its_program("/proc/self/exe");
	arguments_in_memory();
	written_to_ones_own_copy();
	in_child(many_ask_at_once);
	who_asks_without_end_can_be_killed();
	if (getuid() == 0) nobody_else_sets_attributes();
	names_and_memory();
	return checked();
}
