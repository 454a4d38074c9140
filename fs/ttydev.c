/* SPDX-License-Identifier: MIT */
/* fs/ttydev.c - RING 3 - /dev/tty and /dev/console: the serial console with a line discipline, by messages.
 *
 * Path:  console interrupt  ~notification~>  server.c > [ttydev.c] > tty.c;
 *        DEV_* messages > devfs.c > [ttydev.c] > tty.c, ttyjob.c
 *
 * D1  A read that cannot be answered waits as a token, in order of arrival; the server goes on.
 * D2  Input leaves the ring only when it and the reply have reached its reader: one that was interrupted meanwhile
 *     (-ESRCH), or that has to bring a page first (-EAGAIN), loses nothing: the next who asks gets it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "abi/name.h"
#include "fs/procfs.h"
#include "fs/server.h"
#include "fs/tty.h"
#include "fs/ttyjob.h"

/* ioctl numbers whose argument is the kernel's struct termios: musl gives them another structure's meaning. */
enum { IOC_GETS = 0x5401, IOC_SETS = 0x5402, IOC_SETSW = 0x5403, IOC_SETSF = 0x5404 };

static struct tty tty;
static struct winsize window = {.ws_row = 24, .ws_col = 80};
static struct waiter { uint64_t token, len; } *waiters;        /* as many as there are threads that read */
static unsigned nwaiters, waiters_room;
static bool polled;                             /* somebody was told "no input", and may wait for it */

static void console_output(const char *s, size_t n)
{
	q_con_write(CON_SERIAL, s, n);
}

/* kill() would be the process manager's, for whom no server waits. */
static void group_signal(uint32_t pgid, int signo)
{
	const siginfo_t info = {.si_signo = signo, .si_code = SI_KERNEL};
	struct facts_proc f = {0};

	while (facts(FACTS_NEXT, f.pid + 1, 0, &f, sizeof(f)) > 0)
		if (f.attr.pgid == pgid) q_signal_post(f.pid, 0, &info, 0);
}

static struct tty_job job = {.signal = group_signal};

static void key_signal(int signo)
{
	job_signal(&job, signo);
}

/* What its session lets the caller do now. */
static int caller_check(const struct ipc_msg *in, int signo)
{
	return job_check(&job, (uint32_t)in->arg[6], in->arg[6] >> 32, signo);
}

void ttydev_init(void)
{
	tty_init(&tty, console_output, key_signal);
	ttydev_notify(0);       /* from here on there are interrupts */
}

static void waiter_remove(unsigned i)
{
	nwaiters--;
	memmove(&waiters[i], &waiters[i + 1], (nwaiters - i) * sizeof(waiters[0]));
}

/* Answer one reader out of the ring.  (D2) */
static void waiter_answer(const struct waiter *w)
{
	static char buf[TTY_IN];
	struct ipc_msg m = {.token = w->token};
	uint32_t entries;
	size_t n = tty_peek(&tty, buf, w->len < sizeof(buf) ? w->len : sizeof(buf), &entries);

	m.status = lent_write(w->token, 0, buf, n);
	m.arg[0] = n;
	lent_missing(&m);
	if (q_reply(&m) == 0 && m.status == 0) tty_consume(&tty, entries);
}

/* In order of arrival: a reader that wants more than there is holds up those behind it, as on every terminal. */
static void waiters_serve(void)
{
	if (polled) q_poll_wake();
	polled = false;
	while (nwaiters && tty_readable(&tty, waiters[0].len)) {
		struct waiter w = waiters[0];

		waiter_remove(0);
		waiter_answer(&w);
	}
}

/* ttydev_notify: take all there is, or the console would not interrupt again. */
void ttydev_notify(uint64_t bits)
{
	char buf[256];
	long n;

	if (bits & NOTIFY_SESSION) job_refresh(&job);
	while ((n = q_con_read(buf, sizeof(buf))) > 0) tty_input(&tty, buf, n);
	waiters_serve();
}

/* Readers that were interrupted leave dead tokens behind; they are found when their place is needed. */
static void waiters_sweep(void)
{
	for (unsigned i = nwaiters; i-- > 0;) {
		if (q_lend_write(waiters[i].token, 0, 0, "", 0) == -ESRCH) waiter_remove(i);
	}
}

/* Room for another one.  -ENOMEM */
static int waiters_grow(void)
{
	struct waiter *more;

	if (nwaiters == waiters_room) waiters_sweep();
	if (nwaiters < waiters_room) return 0;
	more = realloc(waiters, (waiters_room * 2 + 16) * sizeof(*more));
	if (!more) return -ENOMEM;
	waiters = more;
	waiters_room = waiters_room * 2 + 16;
	return 0;
}

/* Even a read that can be answered at once goes through the queue, since only there the reply is watched (D2). */
static int tty_read_message(const struct ipc_msg *in)
{
	int rc = caller_check(in, SIGTTIN);

	if (rc || in->lend[0].len == 0) return rc;
	if ((in->arg[2] & O_NONBLOCK) && (nwaiters || !tty_readable(&tty, in->lend[0].len))) return -EAGAIN;
	rc = waiters_grow();
	if (rc) return rc;
	waiters[nwaiters++] = (struct waiter){in->token, in->lend[0].len};
	waiters_serve();
	if (nwaiters) q_call_signals(in->token, true);  /* it waits: now any signal may end that */
	return LATER;
}

/* Output never waits: the console takes all of it. */
static int tty_write_message(const struct ipc_msg *in, struct ipc_msg *out)
{
	int rc = tty.modes.lflag & TOSTOP ? caller_check(in, SIGTTOU) : 0;

	if (!rc) rc = dev_take(in, out);
	if (!rc) tty_write(&tty, dev_piece, out->arg[0]);
	return rc;
}

static int modes_take(const struct ipc_msg *in, bool flush)
{
	struct tty_modes m;
	int rc = ioctl_take(in, &m, sizeof(m));

	if (rc) return rc;
	if (flush) tty_flush(&tty);
	tty_modes_set(&tty, &m);
	waiters_serve();                /* a line that was being edited may be input now */
	return 0;
}

static int window_take(const struct ipc_msg *in)
{
	struct winsize new;
	int rc = ioctl_take(in, &new, sizeof(new));

	if (rc) return rc;
	if (memcmp(&new, &window, sizeof(new))) job_signal(&job, SIGWINCH);
	window = new;
	return 0;
}

/* ---- ioctl */

/* What only a session's own processes may ask; those in the background are stopped before they change anything. */
static int job_ioctl(const struct ipc_msg *in)
{
	uint32_t pid = (uint32_t)in->arg[6], tid = in->arg[6] >> 32;
	int32_t pgid, sid;
	int rc;

	switch (ioctl_request(in)) {
	case TIOCSCTTY: return job_acquire(&job, pid);
	case TIOCNOTTY: return job_release(&job, pid);
	case TIOCSPGRP:
		rc = ioctl_take(in, &pgid, sizeof(pgid));
		return rc ? rc : job_set(&job, pid, tid, pgid);
	default:
		rc = job_get(&job, pid, &pgid, &sid);
		return rc ? rc : ioctl_give(in, ioctl_request(in) == TIOCGSID ? &sid : &pgid, sizeof(pgid));
	}
}

/* Output has been sent as soon as it is written: TCSETSW, TCSBRK and flushing output have nothing to wait for. */
static int change_ioctl(const struct ipc_msg *in)
{
	int rc = caller_check(in, SIGTTOU);

	if (rc) return rc;
	switch (ioctl_request(in)) {
	case IOC_SETS:
	case IOC_SETSW:  return modes_take(in, false);
	case IOC_SETSF:  return modes_take(in, true);
	case TCFLSH:
		if (in->arg[2] > TCIOFLUSH) return -EINVAL;
		if (in->arg[2] != TCOFLUSH) tty_flush(&tty);
		return 0;
	default:         return 0;
	}
}

int ttydev_ioctl(const struct ipc_msg *in)
{
	int32_t n = (int32_t)tty_waiting(&tty), none = 0;

	switch (ioctl_request(in)) {
	case IOC_GETS:   return ioctl_give(in, &tty.modes, sizeof(tty.modes));
	case TIOCGWINSZ: return ioctl_give(in, &window, sizeof(window));
	case TIOCSWINSZ: return window_take(in);
	case FIONREAD:   return ioctl_give(in, &n, sizeof(n));
	case TIOCOUTQ:   return ioctl_give(in, &none, sizeof(none));
	case TIOCSCTTY:
	case TIOCNOTTY:
	case TIOCSPGRP:
	case TIOCGPGRP:
	case TIOCGSID:   return job_ioctl(in);
	case IOC_SETS:
	case IOC_SETSW:
	case IOC_SETSF:
	case TCSBRK:
	case TCXONC:
	case TCFLSH:     return change_ioctl(in);
	default:         return -ENOTTY;
	}
}

bool ttydev_controls(uint32_t pid)
{
	int32_t pgid, sid;

	return job_get(&job, pid, &pgid, &sid) == 0;
}

int ttydev_message(const struct ipc_msg *in, struct ipc_msg *out)
{
	switch (in->op) {
	case DEV_READ:  return tty_read_message(in);
	case DEV_WRITE: return tty_write_message(in, out);
	default:
		out->arg[0] = POLLOUT | (tty_readable(&tty, 1) ? POLLIN : 0);
		polled |= !(out->arg[0] & POLLIN);
		return 0;
	}
}
