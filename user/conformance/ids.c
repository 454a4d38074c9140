/* SPDX-License-Identifier: MIT */
/* user/conformance/ids.c - users, groups, set-uid programs; and what a process can set of itself.  Runs on Linux too.
 *
 *      ids [directory]         as root, since only root can become somebody else
 */
#include "check.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>

static int uids_are(uid_t r, uid_t e, uid_t s)
{
	uid_t a, b, c;

	return getresuid(&a, &b, &c) == 0 && a == r && b == e && c == s && (uid_t)setfsuid(-1) == e;
}

static int gids_are(gid_t r, gid_t e, gid_t s)
{
	gid_t a, b, c;

	return getresgid(&a, &b, &c) == 0 && a == r && b == e && c == s;
}

/* musl's own change every thread; the kernel's rules are seen at the calls themselves */
static void become_and_return(void)
{
	check(syscall(SYS_setresuid, -1, 1000, -1) == 0 && uids_are(0, 1000, 0));
	check_error(syscall(SYS_setresuid, 1001, -1, -1), EPERM);
	check_error(syscall(SYS_setuid, 1001), EPERM);
	check(syscall(SYS_setuid, 0) == 0 && uids_are(0, 0, 0));
	check(syscall(SYS_setreuid, 1000, 1001) == 0 && uids_are(1000, 1001, 1001));
	check(syscall(SYS_setreuid, 1001, 1000) == 0 && uids_are(1001, 1000, 1000));
	check_error(syscall(SYS_setreuid, 0, -1), EPERM);
	check_error(syscall(SYS_setreuid, -1, 1002), EPERM);
	check_error(syscall(SYS_setuid, -1), EINVAL);
	check(syscall(SYS_setuid, 1001) == 0 && uids_are(1001, 1001, 1000));
	check(syscall(SYS_setresuid, 1000, 1001, 1000) == 0 && uids_are(1000, 1001, 1000));
	check_error(syscall(SYS_setgid, 5), EPERM);
	check_error(setgroups(0, NULL), EPERM);
}

static void drop_for_good(void)
{
	check(syscall(SYS_setgid, 2000) == 0 && gids_are(2000, 2000, 2000));
	check(syscall(SYS_setregid, -1, 2001) == 0 && gids_are(2000, 2001, 2001));
	check(syscall(SYS_setresgid, 1, 2, 3) == 0 && gids_are(1, 2, 3));
	check(syscall(SYS_setuid, 1000) == 0 && uids_are(1000, 1000, 1000));
	check(prctl(PR_GET_DUMPABLE) != 1);
	check_error(syscall(SYS_setuid, 0), EPERM);
	check_error(syscall(SYS_setresuid, -1, 0, -1), EPERM);
	check(syscall(SYS_setresgid, -1, 3, -1) == 0 && gids_are(1, 3, 3));
	check_error(syscall(SYS_setresgid, 4, -1, -1), EPERM);
}

static void groups(void)
{
	gid_t g[4] = {7, 8, 9}, got[4];

	check(setgroups(3, g) == 0 && getgroups(0, NULL) == 3);
	check_error(getgroups(2, got), EINVAL);
	check_error(getgroups(-1, got), EINVAL);
	check(getgroups(4, got) == 3 && got[0] == 7 && got[2] == 9);
	check_error(setgroups(1 << 20, g), EINVAL);
	if (fork() == 0) _exit(getgroups(4, got) != 3);
	int st;
	check(wait(&st) > 0 && st == 0);
}

static void capabilities(void)
{
	struct { uint32_t version; int pid; } h = {0x20080522, 0};
	struct { uint32_t effective, permitted, inheritable; } d[2];

	check(syscall(SYS_capget, &h, d) == 0 && (d[0].effective & 0xff) == 0xff && d[0].effective == d[0].permitted);
	check(syscall(SYS_capset, &h, d) == 0);
	h.pid = 999999;
	check_error(syscall(SYS_capget, &h, d), ESRCH);
	h.pid = 0;
	h.version = 1;
	check_error(syscall(SYS_capget, &h, d), EINVAL);
	check(h.version == 0x20080522);
	check(syscall(SYS_capget, &(struct { uint32_t v; int p; }){0, 0}, NULL) == 0);
	check(syscall(SYS_setuid, 1000) == 0);
	check(syscall(SYS_capget, &h, d) == 0 && d[0].effective == 0 && d[1].permitted == 0);
	d[0].effective = d[0].permitted = 1;
	check_error(syscall(SYS_capset, &h, d), EPERM);
}

static void files(void)
{
	struct stat st;
	int fd = open("secret", O_CREAT | O_RDWR, 0600);

	close(fd);
	check(fd >= 0 && syscall(SYS_setresuid, 1000, 0, 0) == 0);
	check_error(access("secret", R_OK), EACCES);    /* the real user asks */
	check(faccessat(AT_FDCWD, "secret", R_OK, AT_EACCESS) == 0);
	check(syscall(SYS_setfsuid, 1000) == 0);
	check_error(open("secret", O_RDONLY), EACCES);
	fd = open("own", O_CREAT | O_RDWR, 0600);
	check(fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == 1000);
	check(syscall(SYS_setfsuid, 0) == 1000 && (fd = open("secret", O_RDONLY)) >= 0);
	check(syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
	check(syscall(SYS_setfsuid, 0) == 1000 && syscall(SYS_setfsuid, -1) == 1000);
}

/* ---- set-uid */

static int copy_self(const char *self, const char *to)
{
	char buf[4096];
	int in = open(self, O_RDONLY), out = open(to, O_CREAT | O_WRONLY | O_TRUNC, 0755);
	long n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n) return -1;
	close(in);
	return close(out);
}

/* What the set-uid program finds: as one number. */
static int status_of(const char *path, int no_new_privs)
{
	char *words[] = {(char *)path, (char *)"-who", NULL};
	int st;
	pid_t p = fork();

	if (p == 0) {
		if (no_new_privs) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		execv(path, words);
		_exit(99);
	}
	return waitpid(p, &st, 0) == p && WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

static int who(void)
{
	uid_t r, e, s;
	gid_t gr, ge, gs;

	getresuid(&r, &e, &s);
	getresgid(&gr, &ge, &gs);
	return (r == 1000) | (e == 1234 && s == 1234) << 1 | (gr == 1001) << 2 | (ge == 1235 && gs == 1235) << 3 |
	       (getauxval(AT_SECURE) == 1) << 4 | ((int)getauxval(AT_EUID) == (int)e) << 5 | (e == 1000) << 6;
}

/* Who is not root loses set-id bits by cutting a file, not by making one. */
static void set_uid_files(void)
{
	struct stat st;
	int fd = syscall(SYS_setresuid, 1000, 1000, 1000) ? -1 : creat("made", 04755);

	check(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 04755);
	check((fd = creat("made", 0600)) >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0755);
	check(fchmod(fd, 04755) == 0 && truncate("made", 1) == 0);
	check(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0755 && unlink("made") == 0);
}

static const char *self;

static void set_uid_programs(void)
{
	check(copy_self(self, "suid") == 0 && chown("suid", 1234, 1235) == 0 && chmod("suid", 06755) == 0);
	check(copy_self(self, "sgid") == 0 && chown("sgid", 1234, 1235) == 0 && chmod("sgid", 02755) == 0);
	check(copy_self(self, "lock") == 0 && chown("lock", 1234, 1235) == 0 && chmod("lock", 02745) == 0);
	check(copy_self(self, "plain") == 0);
	check(syscall(SYS_setresgid, 1001, 1001, 1001) == 0 && syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
	check(status_of("./suid", 0) == (1 | 2 | 4 | 8 | 16 | 32));
	check(status_of("./sgid", 0) == (1 | 4 | 8 | 16 | 32 | 64));
	check(status_of("./lock", 0) == (1 | 4 | 32 | 64));     /* without x for the group it means something else */
	check(status_of("./plain", 0) == (1 | 4 | 32 | 64));
	check(status_of("./suid", 1) == (1 | 4 | 32 | 64));
}

/* ---- settings */

static void settings(void)
{
	struct utsname u;
	char name[16];
	int n;

	check(prctl(PR_SET_NAME, "a name of many letters") == 0 && prctl(PR_GET_NAME, name) == 0 &&
	      !strcmp(name, "a name of many "));
	check(prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && prctl(PR_GET_PDEATHSIG, &n) == 0 && n == SIGTERM);
	check_error(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
	check(prctl(PR_GET_DUMPABLE) == 1 && prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_GET_DUMPABLE) == 0);
	check(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	check(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	check_error(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	check(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && prctl(PR_GET_CHILD_SUBREAPER, &n) == 0 && n == 1);
	check_error(prctl(12345), EINVAL);
	check(personality(0xffffffff) == 0 && personality(ADDR_NO_RANDOMIZE) == 0 &&
	      personality(0xffffffff) == ADDR_NO_RANDOMIZE);
	check(uname(&u) == 0 && !strcmp(u.machine, "x86_64"));
	check_error(sethostname("x", 65), EINVAL);
}

static void priorities(void)
{
	struct sched_param p = {0};
	struct timespec ts;
	int nice = getpriority(PRIO_PROCESS, 0) + 5;            /* on the host not always 0 before */

	check(setpriority(PRIO_PROCESS, 0, nice) == 0 && getpriority(PRIO_PROCESS, getpid()) == nice);
	if (fork() == 0) _exit(getpriority(PRIO_PROCESS, 0) != nice);
	int st;
	check(wait(&st) > 0 && st == 0);
	check(setpriority(PRIO_PROCESS, 0, 50) == 0 && getpriority(PRIO_PROCESS, 0) == 19);
	check_error(setpriority(7, 0, 0), EINVAL);
	check_error(setpriority(PRIO_PROCESS, 999999, 0), ESRCH);
	check(syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER && syscall(SYS_sched_getparam, 0, &p) == 0 &&
	      p.sched_priority == 0);
	check(sched_get_priority_max(SCHED_FIFO) == 99 && sched_get_priority_min(SCHED_RR) == 1 &&
	      sched_get_priority_max(SCHED_OTHER) == 0);
	check_error(sched_get_priority_max(77), EINVAL);
	check(sched_rr_get_interval(0, &ts) == 0);
	check(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &p) == 0);
	check_error(syscall(SYS_sched_getscheduler, 999999), ESRCH);
	check(syscall(SYS_setuid, 1000) == 0);
	check_error(setpriority(PRIO_PROCESS, 0, 3), EACCES);
	check_error(setpriority(PRIO_PROCESS, 1, 19), EPERM);
	p.sched_priority = 1;
	check_error(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p), EPERM);
	check_error(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &p), EINVAL);
}

static void limits(void)
{
	struct rlimit l, old;

	for (int i = 0; i < 16; i++) {
		check(getrlimit(i, &l) == 0);
		check(syscall(SYS_prlimit64, 0, i, NULL, &old) == 0 && old.rlim_cur == l.rlim_cur);
		check(setrlimit(i, &l) == 0);
	}
	check_error(getrlimit(16, &l), EINVAL);
	check(syscall(SYS_setuid, 1000) == 0);
	getrlimit(RLIMIT_CORE, &l);
	l.rlim_max = 4096;
	l.rlim_cur = 0;
	check(setrlimit(RLIMIT_CORE, &l) == 0);
	l.rlim_max = 8192;
	check_error(setrlimit(RLIMIT_CORE, &l), EPERM);
	l.rlim_cur = 9000;
	check_error(setrlimit(RLIMIT_CORE, &l), EINVAL);
	check_error(syscall(SYS_prlimit64, 1, RLIMIT_CORE, NULL, &l), EPERM);
	l.rlim_cur = l.rlim_max = 1 << 20;
	check(setrlimit(RLIMIT_DATA, &l) == 0);
	check((char *)syscall(SYS_brk, (char *)syscall(SYS_brk, 0) + (2 << 20)) == (char *)syscall(SYS_brk, 0));
}

static void a_group_may(void)
{
	gid_t g[2] = {4241, 4242};
	int fd = open("groups", O_CREAT | O_RDWR, 0640);

	check(fd >= 0 && fchown(fd, 0, 4242) == 0);
	check(setgroups(2, g) == 0 && syscall(SYS_setresgid, 5, 5, 5) == 0 &&
	      syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
	check(open("groups", O_RDONLY) >= 0);
	check(access("groups", R_OK) == 0);
	check_error(open("groups", O_RDWR), EACCES);
}

static void a_group_may_not(void)
{
	gid_t g[1] = {4241};

	check(setgroups(1, g) == 0 && syscall(SYS_setresgid, 5, 5, 5) == 0 &&
	      syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
	check_error(open("groups", O_RDONLY), EACCES);
}

static void changed_root(void)
{
	char buf[512];
	int fd;

	check(mkdir("inside", 0755) == 0 && mkdir("inside/d", 0755) == 0 && chroot("inside") == 0 && chdir("/") == 0);
	fd = open("/", O_RDONLY | O_DIRECTORY);
	check(fd >= 0 && syscall(SYS_getdents64, fd, buf, sizeof(buf)) > 0);
	check(access("/d", F_OK) == 0 && access("../d", F_OK) == 0);
	check_error(access("/proc", F_OK), ENOENT);
	if (fork() == 0) _exit(access("/d", F_OK) != 0);
	wait(&fd);
	check(fd == 0);
}

/* Not even root: Quire's own calls about memory objects, devices and the console; Linux has none of them */
static void servers_calls(void)
{
	for (long nr = 0x1010; nr <= 0x104a; nr++)
		check(syscall(nr, 1, 0, 0, 0, 0, 0) == -1 && (errno == EPERM || errno == ENOSYS));
}

int main(int argc, char **argv)
{
	char dir[64];

	if (argc > 1 && !strcmp(argv[1], "-who")) return who();
	if (getuid()) {
		printf("0 checks, 0 failed: not root\n");
		return 0;
	}
	umask(022);
	snprintf(dir, sizeof(dir), "%s/ids.%d", argc > 1 ? argv[1] : "", getpid());
	self = realpath(argv[0], NULL);
	if (!self) self = argv[0];
	if (mkdir(dir, 0777) || chmod(dir, 0777) || chdir(dir)) return 2;
	in_child(become_and_return);
	in_child(drop_for_good);
	in_child(groups);
	in_child(capabilities);
	in_child(files);
	in_child(set_uid_programs);
	in_child(set_uid_files);
	in_child(settings);
	in_child(priorities);
	in_child(limits);
	in_child(changed_root);
	in_child(a_group_may);
	in_child(servers_calls);
	in_child(a_group_may_not);
	return checked();
}
