/* SPDX-License-Identifier: MIT */
/* user/conformance/locks.c - fcntl()'s record locks, open-file-description locks and flock(), between processes; each
 * check that fails on a line; runs on Linux too.
 *
 *      locks directory
 */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/mman.h>

static int lock_at(int fd, int cmd, int type, int whence, long start, long len)
{
	struct flock fl = {.l_type = type, .l_whence = whence, .l_start = start, .l_len = len};

	return fcntl(fd, cmd, &fl);
}

static int set(int fd, int type, long start, long len) { return lock_at(fd, F_SETLK, type, SEEK_SET, start, len); }
static int set_wait(int fd, int type, long start, long len)
{
	return lock_at(fd, F_SETLKW, type, SEEK_SET, start, len);
}

static int ofd_set(int fd, int type, long start, long len)
{
	return lock_at(fd, F_OFD_SETLK, type, SEEK_SET, start, len);
}

static int new_file(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0) printf("not ok: %s: %s\n", name, strerror(errno)), exit(1);
	return fd;
}

/* What another process would find in its way: "w 10-19 parent", as this text. */
static const char *seen(int fd, int type, long start, long len)
{
	static char *text;
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len, .l_pid = 4711};

	if (!text) text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child_end(IN_CHILD({
		if (fcntl(fd, F_GETLK, &fl)) snprintf(text, 99, "%s", strerror(errno));
		else if (fl.l_type == F_UNLCK)
			snprintf(text, 99, fl.l_pid == 4711 && fl.l_start == start ? "free" : "changed");
		else snprintf(text, 99, "%s %ld+%ld %s", fl.l_type == F_WRLCK ? "w" : "r", (long)fl.l_start,
		              (long)fl.l_len, fl.l_pid == getppid() ? "parent" : fl.l_pid == -1 ? "ofd" : "other");
		if (fl.l_type != F_UNLCK && fl.l_whence != SEEK_SET) strcpy(text, "whence");
	}));
	return text;
}
static int sees(int fd, int type, long start, long len, const char *what)
{
	const char *s = seen(fd, type, start, len);

	if (!strcmp(s, what)) return 1;
	printf("# seen: %s\n", s);
	return 0;
}

static void ranges(void)
{
	int fd = new_file("r");

	OK(sees(fd, F_WRLCK, 0, 0, "free"));
	OK(set(fd, F_WRLCK, 10, 10) == 0);
	OK(sees(fd, F_WRLCK, 0, 0, "w 10+10 parent"));
	OK(sees(fd, F_RDLCK, 19, 1, "w 10+10 parent"));
	OK(sees(fd, F_WRLCK, 20, 0, "free"));
	OK(sees(fd, F_WRLCK, 0, 10, "free"));
	OK(set(fd, F_WRLCK, 30, 10) == 0);
	OK(set(fd, F_WRLCK, 20, 10) == 0);                      /* the gap between them: one range */
	OK(sees(fd, F_WRLCK, 0, 0, "w 10+30 parent"));
	OK(set(fd, F_UNLCK, 15, 5) == 0);                       /* split */
	OK(sees(fd, F_WRLCK, 0, 0, "w 10+5 parent"));
	OK(sees(fd, F_WRLCK, 15, 0, "w 20+20 parent"));
	OK(set(fd, F_RDLCK, 25, 5) == 0);                       /* another type in the middle */
	OK(sees(fd, F_RDLCK, 20, 0, "w 20+5 parent"));
	OK(sees(fd, F_WRLCK, 25, 5, "r 25+5 parent"));
	OK(sees(fd, F_RDLCK, 25, 5, "free"));
	OK(sees(fd, F_RDLCK, 26, 0, "w 30+10 parent"));
	OK(set(fd, F_WRLCK, 0, 0) == 0);                        /* swallows all */
	OK(sees(fd, F_RDLCK, 1l << 40, 1, "w 0+0 parent"));
	OK(set(fd, F_UNLCK, 100, 0) == 0);
	OK(sees(fd, F_RDLCK, 0, 0, "w 0+100 parent"));
	OK(set(fd, F_UNLCK, 0, 0) == 0);
	CHILD(OK(set(fd, F_WRLCK, 0, 0) == 0));                 /* gone with the child */
	OK(sees(fd, F_WRLCK, 0, 0, "free"));
	close(fd);
}

static void whence(void)
{
	int fd = new_file("w");

	OK(ftruncate(fd, 1000) == 0);
	OK(lseek(fd, 100, SEEK_SET) == 100);
	OK(lock_at(fd, F_SETLK, F_WRLCK, SEEK_CUR, 5, 10) == 0);
	OK(sees(fd, F_WRLCK, 0, 0, "w 105+10 parent"));
	OK(lock_at(fd, F_SETLK, F_UNLCK, SEEK_SET, 0, 0) == 0);
	OK(lock_at(fd, F_SETLK, F_WRLCK, SEEK_END, -10, 0) == 0);
	OK(sees(fd, F_WRLCK, 0, 0, "w 990+0 parent"));
	OK(lock_at(fd, F_SETLK, F_UNLCK, SEEK_SET, 0, 0) == 0);
	OK(lock_at(fd, F_SETLK, F_WRLCK, SEEK_CUR, 0, -20) == 0);
	OK(sees(fd, F_WRLCK, 0, 0, "w 80+20 parent"));
	FAILS(lock_at(fd, F_SETLK, F_WRLCK, SEEK_SET, -1, 1), EINVAL);
	FAILS(lock_at(fd, F_SETLK, F_WRLCK, SEEK_SET, 5, -6), EINVAL);
	FAILS(lock_at(fd, F_SETLK, F_WRLCK, 3, 0, 1), EINVAL);
	FAILS(lock_at(fd, F_SETLK, 3, SEEK_SET, 0, 1), EINVAL);
	FAILS(lock_at(fd, F_GETLK, F_UNLCK, SEEK_SET, 0, 1), EINVAL);
	FAILS(lock_at(fd, F_SETLK, F_WRLCK, SEEK_CUR, 0x7fffffffffffffffl, 1), EOVERFLOW);
	FAILS(lock_at(fd, F_SETLK, F_WRLCK, SEEK_SET, 2, 0x7fffffffffffffffl), EOVERFLOW);
	OK(lock_at(fd, F_SETLK, F_WRLCK, SEEK_SET, 0x7fffffffffffffffl, 1) == 0);
	OK(lock_at(fd, F_SETLK, F_WRLCK, SEEK_SET, 0x7ffffffffffffffel, 1) == 0);
	OK(sees(fd, F_WRLCK, 0x7ffffffffffffff0l, 0, "w 9223372036854775806+0 parent"));
	FAILS(fcntl(fd, F_SETLK, (void *)8), EFAULT);
	FAILS(set(999, F_WRLCK, 0, 0), EBADF);
	close(fd);
	fd = open("w", O_RDONLY);
	FAILS(set(fd, F_WRLCK, 0, 0), EBADF);
	OK(set(fd, F_RDLCK, 0, 0) == 0);
	close(fd);
	fd = open("w", O_WRONLY);
	FAILS(set(fd, F_RDLCK, 0, 0), EBADF);
	OK(set(fd, F_WRLCK, 0, 0) == 0);
	close(fd);
}

static void between_processes(void)
{
	int fd = new_file("b"), other;

	OK(set(fd, F_RDLCK, 0, 100) == 0);
	CHILD({
		OK(set(fd, F_RDLCK, 50, 100) == 0);
		FAILS(set(fd, F_WRLCK, 50, 10), EAGAIN);
		OK(set(fd, F_WRLCK, 100, 50) == 0);
		OK(set(fd, F_UNLCK, 0, 0) == 0);                /* the child's alone */
	});
	OK(sees(fd, F_WRLCK, 0, 0, "r 0+100 parent"));
	CHILD(close(fd));                                       /* not inherited: this closes nothing of the parent's */
	OK(sees(fd, F_WRLCK, 0, 0, "r 0+100 parent"));

	/* POSIX: any descriptor of the file, even one that never locked */
	other = open("b", O_RDONLY);
	close(other);
	OK(sees(fd, F_WRLCK, 0, 0, "free"));
	OK(set(fd, F_WRLCK, 0, 0) == 0);
	other = dup(fd);
	OK(dup2(STDIN_FILENO, other) == other);
	OK(sees(fd, F_WRLCK, 0, 0, "free"));
	close(other);
	close(fd);
}

static void waiting(void)
{
	int fd = new_file("q"), go[2];
	pid_t a, b;
	char c;

	OK(pipe(go) == 0);
	OK(set(fd, F_WRLCK, 0, 10) == 0);
	a = IN_CHILD({
		OK(set_wait(fd, F_WRLCK, 5, 10) == 0);
		OK(write(go[1], "a", 1) == 1);
	});
	b = IN_CHILD(OK(set_wait(fd, F_RDLCK, 0, 1) == 0); OK(write(go[1], "b", 1) == 1));
	until_asleep(a);
	until_asleep(b);
	OK(poll(&(struct pollfd){go[0], POLLIN, 0}, 1, 0) == 0);
	OK(set(fd, F_UNLCK, 5, 5) == 0);                        /* lets the first go on */
	OK(read(go[0], &c, 1) == 1 && c == 'a');
	OK(child_end(a) == 0);
	/* a write lock becomes a read lock: lets the second go on */
	OK(set(fd, F_RDLCK, 0, 5) == 0);
	OK(read(go[0], &c, 1) == 1 && c == 'b');
	OK(child_end(b) == 0);

	/* the end of who has it lets others go on; also when it is killed */
	a = IN_CHILD({
		OK(set(fd, F_WRLCK, 100, 1) == 0);
		OK(write(go[1], "c", 1) == 1);
		for (;;) pause();
	});
	OK(read(go[0], &c, 1) == 1 && c == 'c');
	b = IN_CHILD(OK(set_wait(fd, F_WRLCK, 100, 1) == 0));
	until_asleep(b);
	kill(a, SIGKILL);
	OK(child_end(b) == 0);
	OK(child_end(a) == -1);
	close(fd);
}

static void on_alarm(int sig) { (void)sig; }

static void interrupted(void)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	int fd = new_file("i"), go[2];
	char c;
	pid_t pid;

	sigaction(SIGALRM, &sa, NULL);
	OK(pipe(go) == 0);
	OK(set(fd, F_WRLCK, 0, 0) == 0);
	pid = IN_CHILD({
		struct sigaction again = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

		ualarm(50000, 50000);                           /* the first may come too early */
		FAILS(set_wait(fd, F_WRLCK, 0, 0), EINTR);
		FAILS(set(fd, F_WRLCK, 0, 0), EAGAIN);          /* the request is gone, the lock is not ours */
		sigaction(SIGALRM, &again, NULL);
		OK(write(go[1], "x", 1) == 1);
		OK(set_wait(fd, F_WRLCK, 0, 0) == 0);           /* SA_RESTART: it waits on */
		ualarm(0, 0);
		OK(write(go[1], "y", 1) == 1);
	});
	OK(read(go[0], &c, 1) == 1 && c == 'x');
	ms_sleep(150);
	OK(set(fd, F_UNLCK, 0, 0) == 0);
	OK(read(go[0], &c, 1) == 1 && c == 'y');
	OK(child_end(pid) == 0);
	OK(sees(fd, F_WRLCK, 0, 0, "free"));
	close(fd);
}

/* Linux: a signal ends the wait for a lock, not the end of one, whatever else the system is busy with. */
static void unlocking_is_not_interrupted(void)
{
	struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	struct sigaction sa = {.sa_handler = on_alarm};
	int fd = new_file("u"), wrong = 0;
	long end = ms_now() + 400;
	struct stat st;
	pid_t busy[2];

	for (int i = 0; i < 2; i++) {
		busy[i] = fork();
		while (busy[i] == 0) stat("u", &st);
	}
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	while (ms_now() < end) {
		wrong += set(fd, F_WRLCK, 0, 0) != 0 || set(fd, F_UNLCK, 0, 0) != 0;
		wrong += flock(fd, LOCK_EX | LOCK_NB) != 0 || flock(fd, LOCK_UN) != 0;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	OK(wrong == 0);
	for (int i = 0; i < 2; i++) {
		kill(busy[i], SIGKILL);
		child_end(busy[i]);
	}
	close(fd);
}

static void deadlocks(void)
{
	int fd = new_file("d"), go[2], ready[2];
	char c;
	pid_t a, b;

	OK(pipe(go) == 0 && pipe(ready) == 0);
	OK(set(fd, F_WRLCK, 0, 1) == 0);
	a = IN_CHILD({
		OK(set(fd, F_WRLCK, 1, 1) == 0);
		OK(write(go[1], "1", 1) == 1);
		OK(set_wait(fd, F_WRLCK, 0, 1) == 0);
	});
	OK(read(go[0], &c, 1) == 1);
	until_asleep(a);
	FAILS(set_wait(fd, F_RDLCK, 1, 1), EDEADLK);            /* two */
	b = IN_CHILD({
		OK(set(fd, F_WRLCK, 2, 1) == 0);
		OK(write(go[1], "2", 1) == 1);
		OK(set_wait(fd, F_WRLCK, 1, 1) == 0);
	});
	OK(read(go[0], &c, 1) == 1);
	until_asleep(b);
	FAILS(set_wait(fd, F_WRLCK, 2, 1), EDEADLK);            /* three */
	OK(set(fd, F_UNLCK, 0, 1) == 0);
	OK(child_end(a) == 0);
	OK(child_end(b) == 0);

	/* one that was interrupted waits for nobody any more */
	a = IN_CHILD({
		OK(set(fd, F_WRLCK, 1, 1) == 0);
		OK(set(fd, F_UNLCK, 9, 1) == 0);
		OK(write(go[1], "1", 1) == 1);
		OK(read(ready[0], &c, 1) == 1);
		ualarm(50000, 50000);
		FAILS(set_wait(fd, F_WRLCK, 0, 1), EINTR);
		ualarm(0, 0);
		OK(write(go[1], "2", 1) == 1);
		ms_sleep(100);
	});
	OK(read(go[0], &c, 1) == 1);
	OK(set(fd, F_WRLCK, 0, 1) == 0 && write(ready[1], "r", 1) == 1);
	OK(read(go[0], &c, 1) == 1 && c == '2');
	OK(set_wait(fd, F_WRLCK, 1, 1) == 0);                   /* it waits, until the other ends */
	OK(child_end(a) == 0);
	close(fd);
}

static void descriptions(void)
{
	int a = new_file("o"), b = open("o", O_RDWR), c = dup(a);

	OK(ofd_set(a, F_WRLCK, 0, 10) == 0);
	OK(ofd_set(c, F_WRLCK, 5, 10) == 0);                    /* the same description */
	FAILS(ofd_set(b, F_RDLCK, 0, 1), EAGAIN);               /* another one, of the same process */
	FAILS(set(a, F_RDLCK, 0, 1), EAGAIN);                   /* and its record locks meet them */
	OK(sees(a, F_WRLCK, 0, 0, "w 0+15 ofd"));
	CHILD(OK(ofd_set(a, F_UNLCK, 0, 5) == 0));              /* inherited */
	OK(sees(a, F_WRLCK, 0, 0, "w 5+10 ofd"));
	close(open("o", O_RDONLY));                             /* no other close matters */
	close(a);
	OK(sees(b, F_WRLCK, 0, 0, "w 5+10 ofd"));
	close(c);
	OK(sees(b, F_WRLCK, 0, 0, "free"));
	FAILS(fcntl(b, F_OFD_SETLK, &(struct flock){.l_type = F_WRLCK, .l_pid = 1}), EINVAL);
	close(b);
}

static void flocks(void)
{
	int a = new_file("f"), b = open("f", O_RDONLY), d = open(".", O_RDONLY);
	pid_t pid;

	OK(flock(a, LOCK_SH) == 0);
	OK(flock(b, LOCK_SH) == 0);
	FAILS(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);        /* and the shared one is lost (flock(2)) */
	OK(flock(b, LOCK_EX | LOCK_NB) == 0);                   /* no access mode is asked for */
	OK(flock(b, LOCK_EX | LOCK_NB) == 0);
	FAILS(flock(a, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	OK(set(a, F_WRLCK, 0, 0) == 0);                         /* record locks are another world */
	OK(set(a, F_UNLCK, 0, 0) == 0);
	pid = IN_CHILD({
		OK(flock(a, LOCK_EX) == 0);
	});
	until_asleep(pid);                                      /* it waits */
	OK(waitpid(pid, NULL, WNOHANG) == 0);
	OK(flock(b, LOCK_UN) == 0);
	OK(child_end(pid) == 0);
	FAILS(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);        /* a's description is still open here */
	CHILD(OK(flock(a, LOCK_UN) == 0));
	OK(flock(b, LOCK_EX | LOCK_NB) == 0);
	close(b);
	OK(flock(a, LOCK_EX | LOCK_NB) == 0);
	OK(flock(d, LOCK_EX | LOCK_NB) == 0);
	FAILS(flock(a, 0), EINVAL);
	FAILS(flock(a, LOCK_SH | LOCK_EX), EINVAL);
	FAILS(flock(999, LOCK_SH), EBADF);
	close(a);
	close(d);
}

/* Many processes add to one counter under a lock: none is lost. */
#define ADDERS 6
#define ROUNDS 60
static void adders(void)
{
	int fd = new_file("n");
	pid_t pid[ADDERS];
	long n = 0;

	OK(write(fd, &n, sizeof(n)) == sizeof(n));
	for (int i = 0; i < ADDERS; i++) {
		pid[i] = IN_CHILD({
			int mine = open("n", O_RDWR);

			for (int k = 0; k < ROUNDS; k++) {
				if (i & 1 ? set_wait(mine, F_WRLCK, 0, 8)
				          : lock_at(mine, F_OFD_SETLKW, F_WRLCK, SEEK_SET, 0, 8))
					failed++;
				if (pread(mine, &n, 8, 0) != 8) failed++;
				if (k % 8 == 0) sched_yield();
				n++;
				if (pwrite(mine, &n, 8, 0) != 8) failed++;
				if (i & 1 ? set(mine, F_UNLCK, 0, 8) : ofd_set(mine, F_UNLCK, 0, 8)) failed++;
			}
		});
	}
	for (int i = 0; i < ADDERS; i++) OK(child_end(pid[i]) == 0);
	OK(pread(fd, &n, 8, 0) == 8 && n == ADDERS * ROUNDS);
	close(fd);
}

/* A thread waits for a lock while another closes the descriptor: nothing stays locked (Linux, and POSIX's spirit). */
static int shared_fd;
static void *waits(void *arg)
{
	(void)arg;
	set_wait(shared_fd, F_WRLCK, 0, 0);
	return NULL;
}

static void closed_meanwhile(void)
{
	int fd = new_file("c"), go[2];
	pthread_t t;
	pid_t pid;
	char c;

	OK(pipe(go) == 0);
	pid = IN_CHILD({
		OK(set(fd, F_WRLCK, 0, 0) == 0);
		OK(write(go[1], "x", 1) == 1);
		ms_sleep(150);
	});
	OK(read(go[0], &c, 1) == 1);
	shared_fd = fd;
	pthread_create(&t, NULL, waits, NULL);
	ms_sleep(50);
	close(fd);
	pthread_join(t, NULL);
	OK(child_end(pid) == 0);
	fd = open("c", O_RDWR);
	OK(sees(fd, F_WRLCK, 0, 0, "free"));
	close(fd);
}

int main(int argc, char **argv)
{
	if (work_in(argc > 1 ? argv[1] : NULL)) return 2;
	ranges();
	whence();
	between_processes();
	waiting();
	interrupted();
	unlocking_is_not_interrupted();
	deadlocks();
	descriptions();
	flocks();
	adders();
	closed_meanwhile();
	return checked();
}
