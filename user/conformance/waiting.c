/* SPDX-License-Identifier: MIT */
/* user/conformance/waiting.c - poll, ppoll, select, pselect and named pipes; each check that fails on a line; runs on
 * Linux too.
 *
 *      waiting directory
 */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/select.h>

/* What poll says of one descriptor, -1 if it fails. */
static int polled(int fd, int events, int ms)
{
	struct pollfd p = {fd, events, 0x7777};
	int n = poll(&p, 1, ms);

	return n < 0 ? -1 : p.revents;
}

static void states(void)
{
	struct pollfd two[2] = {{-1, POLLIN, 7}, {999, POLLIN, 0}};
	int p[2], file = open("f", O_RDWR | O_CREAT, 0600), null = open("/dev/null", O_RDWR);
	char buf[4096] = "";

	OK(pipe2(p, O_NONBLOCK) == 0);
	OK(polled(p[0], POLLIN | POLLOUT, 0) == 0);
	OK(polled(p[1], POLLIN | POLLOUT, 0) == POLLOUT);
	OK(write(p[1], "x", 1) == 1);
	OK(polled(p[0], POLLIN | POLLRDNORM | POLLPRI, -1) == (POLLIN | POLLRDNORM));
	while (write(p[1], buf, sizeof(buf)) > 0) { }
	OK(polled(p[1], POLLOUT, 0) == 0);
	while (read(p[0], buf, sizeof(buf)) > 0) { }
	OK(polled(p[1], POLLOUT | POLLWRNORM, 0) == (POLLOUT | POLLWRNORM));
	OK(polled(file, POLLIN | POLLOUT, -1) == (POLLIN | POLLOUT));
	OK(polled(null, POLLIN | POLLOUT, -1) == (POLLIN | POLLOUT));
	OK(poll(two, 2, -1) == 1 && two[0].revents == 0 && two[1].revents == POLLNVAL);
	OK(poll(two, 1, 0) == 0 && two[0].revents == 0);
	close(p[1]);
	OK(polled(p[0], POLLIN, -1) == POLLHUP);
	OK(polled(p[0], 0, -1) == POLLHUP);
	close(p[0]);
	OK(pipe(p) == 0);
	close(p[0]);
	OK(polled(p[1], POLLIN, -1) == POLLERR);
	FAILS(poll((void *)8, 1, 0), EFAULT);
	FAILS(poll(two, -1, 0), EINVAL);
	close(p[1]);
	close(file);
	close(null);
}

static void on_alarm(int sig) { (void)sig; }

static int a_stop_makes_it_no_longer(void)
{
	pid_t pid = IN_CHILD({
		long from = ms_now();

		OK(poll(NULL, 0, 200) == 0 && ms_now() - from >= 200);
		failed = failed ? 1 : ms_now() - from < 350 ? 0 : 2;
	});
	int end;

	ms_sleep(100);
	kill(pid, SIGSTOP);
	ms_sleep(30);
	kill(pid, SIGCONT);
	end = child_end(pid);
	OK(end == 0 || end == 2);
	return end == 0;
}

static void times(void)
{
	struct timespec ts = {0, 80000000};
	struct timeval tv = {0, 100000};
	sigset_t none, alarm_set;
	int p[2];
	long from = ms_now();
	pid_t pid;
	fd_set r;

	OK(pipe(p) == 0);
	OK(polled(p[0], POLLIN, 60) == 0 && ms_now() - from >= 60);
	from = ms_now();
	OK(poll(NULL, 0, 30) == 0 && ms_now() - from >= 30);
	from = ms_now();
	OK(ppoll(&(struct pollfd){p[0], POLLIN, 0}, 1, &ts, NULL) == 0 && ms_now() - from >= 80);
	from = ms_now();
	OK(syscall(SYS_select, 0, NULL, NULL, NULL, &tv) == 0 && ms_now() - from >= 100 && tv.tv_sec == 0 &&
	   tv.tv_usec == 0);
	from = ms_now();
	tv = (struct timeval){100, 0};
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	pid = IN_CHILD(ms_sleep(50); OK(write(p[1], "x", 1) == 1));
	/* what is left */
	OK(syscall(SYS_select, p[0] + 1, &r, NULL, NULL, &tv) == 1 && FD_ISSET(p[0], &r) && tv.tv_sec < 100);
	OK(tv.tv_sec * 1000 + tv.tv_usec / 1000 + ms_now() - from >= 99998);
	OK(child_end(pid) == 0);
	FAILS(ppoll(NULL, 0, &(struct timespec){0, 1000000000}, NULL), EINVAL);
	FAILS(ppoll(NULL, 0, &(struct timespec){-1, 0}, NULL), EINVAL);
	OK(read(p[0], &(char){0}, 1) == 1);

	/* signals: EINTR even with SA_RESTART; the mask of the call lets one in that waited, and is gone afterwards */
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm, .sa_flags = SA_RESTART}, NULL);
	ualarm(30000, 30000);                   /* again and again: the first may come too early */
	FAILS(poll(&(struct pollfd){p[0], POLLIN, 0}, 1, -1), EINTR);
	ualarm(0, 0);
	sigemptyset(&none);
	sigemptyset(&alarm_set);
	sigaddset(&alarm_set, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm_set, NULL);
	raise(SIGALRM);
	FAILS(ppoll(&(struct pollfd){p[0], POLLIN, 0}, 1, NULL, &none), EINTR);
	raise(SIGALRM);
	FAILS(pselect(0, NULL, NULL, NULL, NULL, &none), EINTR);
	sigprocmask(SIG_UNBLOCK, &alarm_set, NULL);

	OK(AGAIN(a_stop_makes_it_no_longer()));
	close(p[0]);
	close(p[1]);
}

static void sets(void)
{
	fd_set r, w, x;
	int p[2], q[2];

	OK(pipe(p) == 0 && pipe(q) == 0);
	FD_ZERO(&r); FD_ZERO(&w); FD_ZERO(&x);
	FD_SET(p[0], &r), FD_SET(q[0], &r), FD_SET(p[1], &w), FD_SET(q[1], &x);
	OK(write(q[1], "x", 1) == 1);
	OK(select(q[1] + 1, &r, &w, &x, NULL) == 2);
	OK(!FD_ISSET(p[0], &r) && FD_ISSET(q[0], &r) && FD_ISSET(p[1], &w) && !FD_ISSET(q[1], &x));
	FD_SET(p[0], &r);
	OK(select(p[0], &r, NULL, NULL, &(struct timeval){0, 0}) == 0);
	close(q[1]);
	OK(read(q[0], &(char){0}, 1) == 1);
	FD_ZERO(&r); FD_SET(q[0], &r);
	OK(select(q[0] + 1, &r, NULL, NULL, NULL) == 1 && FD_ISSET(q[0], &r));          /* end of file is readable */
	FD_ZERO(&r); FD_SET(q[1], &r);
	FAILS(select(q[1] + 1, &r, NULL, NULL, NULL), EBADF);
	FAILS(syscall(SYS_select, -1, NULL, NULL, NULL, NULL), EINVAL);
	FAILS(syscall(SYS_select, 1, (void *)8, NULL, NULL, NULL), EFAULT);
	FD_ZERO(&r);
	OK(select(FD_SETSIZE, &r, NULL, NULL, &(struct timeval){0, 0}) == 0);
	close(p[0]);
	close(p[1]);
	close(q[0]);
}

/* A ring of processes that pass a token on, each asleep in poll or select: no tick would do it in this time. */
#define RING  5
#define LAPS  100
static int ring_is_quick(void)
{
	int p[RING][2];
	pid_t pid[RING];
	long from;

	for (int i = 0; i < RING; i++) OK(pipe(p[i]) == 0);
	for (int i = 0; i < RING; i++) {
		pid[i] = IN_CHILD({
			for (int lap = 0; lap < LAPS && !failed; lap++) {
				fd_set r;
				char c;

				FD_ZERO(&r); FD_SET(p[i][0], &r);
				if (i & 1) OK(select(p[i][0] + 1, &r, NULL, NULL, NULL) == 1);
				else OK(polled(p[i][0], POLLIN, -1) & POLLIN);
				OK(read(p[i][0], &c, 1) == 1);
				if (lap < LAPS - 1 || i < RING - 1) OK(write(p[(i + 1) % RING][1], &c, 1) == 1);
			}
		});
	}
	from = ms_now();
	OK(write(p[0][1], "t", 1) == 1);
	for (int i = 0; i < RING; i++) OK(child_end(pid[i]) == 0);
	from = ms_now() - from;
	for (int i = 0; i < RING; i++) close(p[i][0]), close(p[i][1]);
	return from < 2000;
}

/* One that waits for many, one after the other of which becomes ready. */
static void many(void)
{
	static struct pollfd all[200];
	static int w[200];
	pid_t pid;

	for (int i = 0; i < 200; i++) {
		int p[2];

		OK(pipe(p) == 0);
		all[i] = (struct pollfd){p[0], POLLIN, 0};
		w[i] = p[1];
	}
	pid = IN_CHILD(for (int i = 0; i < 200; i += 7) OK(write(w[i], "x", 1) == 1));
	for (int left = 29; left > 0;) {
		OK(poll(all, 200, 10000) > 0);
		for (int i = 0; i < 200; i++) {
			if (!all[i].revents) continue;
			OK(i % 7 == 0 && all[i].revents == POLLIN);
			OK(read(all[i].fd, &(char){0}, 1) == 1);
			left--;
		}
		if (failed) break;
	}
	OK(child_end(pid) == 0);
	for (int i = 0; i < 200; i++) close(all[i].fd), close(w[i]);
}

/* ---- named pipes */

static void fifos(void)
{
	long from = ms_now();
	struct stat st;
	char buf[8];
	pid_t pid;
	int r, w;

	unlink("p");
	OK(mkfifo("p", 0600) == 0);
	FAILS(mkfifo("p", 0600), EEXIST);
	OK(stat("p", &st) == 0 && S_ISFIFO(st.st_mode) && st.st_size == 0);
	FAILS(open("p", O_WRONLY | O_NONBLOCK), ENXIO);
	r = open("p", O_RDONLY | O_NONBLOCK);
	OK(r >= 0 && read(r, buf, 8) == 0);                     /* nobody writes: the end */
	OK(polled(r, POLLIN, 0) == 0);
	w = open("p", O_WRONLY | O_NONBLOCK);
	OK(w >= 0);
	FAILS(read(r, buf, 8), EAGAIN);
	OK(write(w, "hello", 5) == 5 && polled(r, POLLIN, 0) == POLLIN && read(r, buf, 8) == 5);
	OK(fstat(r, &st) == 0 && S_ISFIFO(st.st_mode));
	FAILS(lseek(r, 0, SEEK_SET), ESPIPE);
	close(w);
	OK(polled(r, POLLIN, 0) == POLLHUP);
	w = open("p", O_RDONLY | O_NONBLOCK);                   /* one who never saw a writer */
	OK(polled(w, POLLIN, 0) == 0 && polled(r, POLLIN, 0) == POLLHUP);
	close(w);
	close(r);

	/* each side waits for the other */
	pid = IN_CHILD({
		ms_sleep(60);
		w = open("p", O_WRONLY);
		OK(w >= 0 && write(w, "x", 1) == 1);
	});
	r = open("p", O_RDONLY);
	OK(r >= 0 && ms_now() - from > 50 && read(r, buf, 8) == 1 && read(r, buf, 8) == 0);
	OK(child_end(pid) == 0);
	close(r);
	from = ms_now();
	pid = IN_CHILD(ms_sleep(60); r = open("p", O_RDONLY); OK(r >= 0); close(r));
	w = open("p", O_WRONLY);                                /* even if it is gone by now */
	OK(w >= 0 && ms_now() - from > 50);
	OK(child_end(pid) == 0);
	close(w);
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
	ualarm(30000, 30000);
	FAILS(open("p", O_RDONLY), EINTR);
	ualarm(0, 0);
	r = open("p", O_RDWR);
	OK(r >= 0 && write(r, "ab", 2) == 2 && read(r, buf, 8) == 2);
	FAILS(open("p", O_RDONLY | O_DIRECTORY), ENOTDIR);
	OK(unlink("p") == 0);
	OK(write(r, "c", 1) == 1 && read(r, buf, 8) == 1);
	close(r);

	/* what nobody read goes with the last who has it open */
	OK(mkfifo("p", 0600) == 0);
	r = open("p", O_RDWR);
	OK(r >= 0 && write(r, "left", 4) == 4);
	close(r);
	r = open("p", O_RDONLY | O_NONBLOCK);
	OK(r >= 0 && read(r, buf, 8) == 0);
	close(r);
	OK(unlink("p") == 0);
}

/* A writer that is there for a moment: whoever waited for one goes on. */
static void brief_writers(void)
{
	char c;

	OK(mkfifo("b", 0600) == 0);
	for (int i = 0; i < 300 && !failed; i++) {
		pid_t pid = IN_CHILD({
			int w = open("b", O_WRONLY);

			OK(w >= 0 && write(w, "x", 1) == 1);
		});
		int r;

		alarm(60);
		r = open("b", O_RDONLY);
		OK(r >= 0 && read(r, &c, 1) == 1 && c == 'x');
		close(r);
		OK(child_end(pid) == 0);
	}
	alarm(0);
	OK(unlink("b") == 0);
}

static volatile int pipes;
static void on_pipe(int sig) { (void)sig, pipes++; }

/* Nobody reads the rest of a write: SIGPIPE, though a part was written. */
static void reader_leaves(void)
{
	static char much[300000];
	int p[2];
	pid_t pid;
	long n;

	OK(pipe(p) == 0);
	sigaction(SIGPIPE, &(struct sigaction){.sa_handler = on_pipe}, NULL);
	pid = IN_CHILD(ms_sleep(50); OK(read(p[0], much, 5000) == 5000));
	close(p[0]);
	n = write(p[1], much, sizeof(much));
	OK(n >= 65536 && n < (long)sizeof(much) && pipes == 1);
	FAILS(write(p[1], much, 1), EPIPE);
	OK(pipes == 2 && child_end(pid) == 0);
	close(p[1]);
}

int main(int argc, char **argv)
{
	if (work_in(argc > 1 ? argv[1] : NULL)) return 2;
	states();
	times();
	sets();
	OK(AGAIN(ring_is_quick()));
	many();
	fifos();
	brief_writers();
	reader_leaves();
	return checked();
}
