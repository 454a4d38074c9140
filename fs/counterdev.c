/* SPDX-License-Identifier: MIT */
/* fs/counterdev.c - RING 3 - eventfd and timerfd by messages: files without a name, and who waits for them.
 *
 * Path:  kernel/sys_name.c  ~DEV_*~>  devfs.c, call.c > [counterdev.c] > counter.c
 *        server.c > counters_run() when a timer may be due
 *
 * E1  Whoever has to wait is a token on its counter's list, in order of arrival among readers and among writers.
 * E2  What was read or written counts when the answer has reached who asked: an interrupted one changes nothing, nor
 *     one that has to bring a page first.
 * E3  The clock is looked at no later than a timer expires that somebody waits for: next_look.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#include "fs/call.h"
#include "fs/counter.h"
#include "fs/vfs_share.h"

#define NS 1000000000ull
#define SEC_MAX (INT64_MAX / NS / 2)    /* 146 years */
#define ANON_DEV 0xfffeu                /* st_dev: no mount's */
#define ANON_INODE_FS_MAGIC 0x09041934  /* linux/magic.h */
#define COST (sizeof(struct file) + sizeof(struct vnode))

struct waiter {
	struct waiter *next;
	uint64_t token, n;              /* n: to be added */
	bool write;
};

struct file {
	struct counter c;
	struct file *next;              /* of all timers */
	struct waiter *waiters;         /* E1 */
	unsigned nwaiters, sweep_at;
	bool polled;                    /* somebody was told "not ready", and may wait for it */
	uint32_t payer;
};

static struct file *timers;
static uint64_t next_look = UINT64_MAX; /* ns of CLOCK_MONOTONIC */

static uint64_t clock_ns(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

static void expire(struct file *f)
{
	if (f->c.expires) counter_expire(&f->c, clock_ns(f->c.runs_on));
}

/* E3.  The date may be set meanwhile. */
static void look_later(const struct file *f)
{
	uint64_t left, look;

	if (!f->c.expires || !(f->waiters || f->polled)) return;
	left = counter_left(&f->c, clock_ns(f->c.runs_on));
	if (f->c.runs_on == CLOCK_REALTIME && left > NS) left = NS;
	look = clock_ns(CLOCK_MONOTONIC) + left;
	if (look < next_look) next_look = look;
}

/* ---- who waits */

static bool may_go(const struct file *f, const struct waiter *w)
{
	return w->write ? counter_writable(&f->c, w->n) : counter_next(&f->c) != 0;
}

/* E2.  false: it has gone, or will ask again. */
static bool answer(struct file *f, const struct waiter *w)
{
	uint64_t n = w->write ? w->n : counter_next(&f->c);
	struct ipc_msg m = {.token = w->token, .arg = {sizeof(n)}};

	if (!w->write) m.status = lent_write(w->token, 0, &n, sizeof(n));
	lent_missing(&m);
	if (q_reply(&m) || m.status) return false;
	f->c.count = w->write ? f->c.count + n : f->c.count - n;
	return true;
}

static void waiter_free(struct file *f, struct waiter **at)
{
	struct waiter *gone = *at;

	*at = gone->next;
	free(gone);
	f->nwaiters--;
}

/* Each answer may let one go on who stands before: a writer, after a reader.  => was there any? */
static bool waiters_serve(struct file *f)
{
	struct waiter **at = &f->waiters;
	bool any = false;

	while (*at) {
		bool goes = may_go(f, *at), went = goes && answer(f, *at);

		if (goes) waiter_free(f, at);
		else at = &(*at)->next;
		if (went) at = &f->waiters;
		any |= went;
	}
	return any;
}

static void pollers_wake(struct file *f)
{
	if (f->polled) q_poll_wake();
	f->polled = false;
}

/* Those that were interrupted leave dead tokens behind.  When they may be half of all, they are looked for. */
static void waiters_sweep(struct file *f)
{
	struct waiter **at = &f->waiters;

	if (f->nwaiters < f->sweep_at) return;
	while (*at) {
		const struct waiter *w = *at;
		long rc = w->write ? q_lend_read(w->token, 0, 0, &f->c, 0) : q_lend_write(w->token, 0, 0, &f->c, 0);

		if (rc == -ESRCH) waiter_free(f, at);
		else at = &(*at)->next;
	}
	f->sweep_at = 2 * f->nwaiters + 16;
}

static int waiter_add(struct file *f, const struct waiter *new)
{
	struct waiter **at = &f->waiters, *w = malloc(sizeof(*w));

	if (!w) return -ENOMEM;
	*w = *new;
	waiters_sweep(f);
	while (*at) at = &(*at)->next;
	*at = w;
	f->nwaiters++;
	return 0;
}

uint64_t counters_run(void)
{
	if (next_look == UINT64_MAX) return 0;
	if (next_look > clock_ns(CLOCK_MONOTONIC)) return next_look;
	next_look = UINT64_MAX;
	for (struct file *f = timers; f; f = f->next) {
		if (!f->waiters && !f->polled) continue;
		expire(f);
		waiters_serve(f);
		if (f->c.count) pollers_wake(f);
		look_later(f);
	}
	return next_look == UINT64_MAX ? 0 : next_look;
}

/* ---- the file */

static int anon_getattr(struct vnode *vn, struct stat *st)
{
	(void)vn, (void)st;
	return 0;                               /* vfs_stat() has it all; no times are kept */
}

static int anon_setattr(struct vnode *vn, const struct stat *st, unsigned which)
{
	(void)vn, (void)st, (void)which;
	return -EOPNOTSUPP;
}

static int anon_statfs(struct mount *m, struct statfs *s)
{
	(void)m;
	s->f_type = ANON_INODE_FS_MAGIC;
	return 0;
}

/* The last descriptor went, and nobody reads: those who are on the list have been interrupted. */
static void anon_inactive(struct vnode *vn)
{
	struct file *f = vn->fs, **at = &timers;

	while (f->waiters) waiter_free(f, &f->waiters);
	while (*at && *at != f) at = &(*at)->next;
	if (*at) *at = f->next;
	share_give(SHARE_NAMES, f->payer, COST);
	free(f);
	vnode_free(vn);
}

static const struct fs_ops anon_ops = {
	.getattr = anon_getattr, .setattr = anon_setattr, .statfs = anon_statfs, .inactive = anon_inactive,
};
static struct mount anon = {.ops = &anon_ops, .dev = ANON_DEV};

static struct vnode *anon_new(struct file *f)
{
	struct vnode *vn = vnode_new(&anon, 1, S_IRUSR | S_IWUSR);      /* Linux: one inode, of no type, for all */

	if (!vn) return NULL;
	vn->name = strdup(f->c.timed ? "anon_inode:[timerfd]" : "anon_inode:[eventfd]");
	vn->fs = f;
	if (vn->name) return vn;
	vnode_free(vn);
	return NULL;
}

static long counter_open(const struct call *c, bool timed, uint64_t first, uint32_t flags)
{
	struct file *f = calloc(1, sizeof(*f));
	uint32_t payer = vfs_caller.cred.uid;
	struct vnode *vn = NULL;
	int rc = f ? counter_make(&f->c, timed, first, flags) : -ENOMEM;

	if (!rc && !share_take(SHARE_NAMES, payer, COST)) rc = -ENOMEM;
	if (!rc && !(vn = anon_new(f))) {
		share_give(SHARE_NAMES, payer, COST);
		rc = -ENOMEM;
	}
	if (rc) {
		free(f);
		return rc;
	}
	f->payer = payer;
	f->sweep_at = 16;
	if (f->c.timed) f->next = timers, timers = f;
	vn->opens = 1;
	c->out->arg[1] = vn->mode;
	c->out->arg[2] = NAMEF_DEVICE | NAMEF_POLL;
	c->out->arg[5] = O_RDWR | (flags & (O_NONBLOCK | O_CLOEXEC));
	c->out->arg[NAME_THEN] = THEN_FD;
	return (long)vn->node;
}

long call_eventfd(const struct call *c) { return counter_open(c, false, c->arg[0], 0); }
long call_eventfd2(const struct call *c) { return counter_open(c, false, c->arg[0], (uint32_t)c->arg[1]); }
long call_timerfd_create(const struct call *c) { return counter_open(c, true, c->arg[0], (uint32_t)c->arg[1]); }

/* NULL: the node is something else. */
static struct file *file_of(const struct vnode *vn) { return vn && vn->ops == &anon_ops ? vn->fs : NULL; }

/* ---- reading, writing, polling */

/* Nobody stands before: whoever waits could not go on. */
static int counter_now(struct file *f, const struct waiter *w, const struct ipc_msg *in, struct ipc_msg *out)
{
	uint64_t n = counter_next(&f->c);
	int rc = may_go(f, w) ? 0 : -EAGAIN;

	if (!rc && !w->write) rc = lent_write(in->token, 0, &n, sizeof(n));
	if (rc) return rc;
	f->c.count = w->write ? f->c.count + w->n : f->c.count - n;
	waiters_serve(f);
	pollers_wake(f);
	out->arg[0] = sizeof(n);
	return 0;
}

/* 8 bytes, whole or not at all (eventfd(2)).  A message that asks not to wait is never withdrawn (E2). */
static int counter_rw(struct file *f, const struct ipc_msg *in, struct ipc_msg *out)
{
	struct waiter w = {.token = in->token, .write = in->op == DEV_WRITE};
	int rc = in->lend[0].len < sizeof(w.n) || (w.write && f->c.timed) ? -EINVAL : 0;

	if (!rc && w.write) rc = lent_read(in->token, 0, &w.n, sizeof(w.n));
	if (!rc && w.n > COUNT_MAX) rc = -EINVAL;
	if (rc) return rc;
	if (in->arg[2] & O_NONBLOCK) return counter_now(f, &w, in, out);
	rc = waiter_add(f, &w);
	if (rc) return rc;
	if (waiters_serve(f)) pollers_wake(f);
	look_later(f);
	if (f->waiters) q_call_signals(in->token, true);        /* it waits: now any signal may end that */
	return LATER;
}

static int counter_ask(struct file *f, struct ipc_msg *out)
{
	out->arg[0] = (uint64_t)counter_poll(&f->c);
	f->polled |= out->arg[0] != (f->c.timed ? POLLIN : POLLIN | POLLOUT);
	look_later(f);
	return 0;
}

int counter_message(struct vnode *vn, const struct ipc_msg *in, struct ipc_msg *out)
{
	struct file *f = file_of(vn);

	if (!f) return -EBADF;
	expire(f);
	switch (in->op) {
	case DEV_READ:
	case DEV_WRITE: return counter_rw(f, in, out);
	case DEV_POLL:  return counter_ask(f, out);
	default:        return -ENOTTY;
	}
}

/* ---- timerfd_settime, timerfd_gettime */

static bool timespec_ns(const struct timespec *ts, uint64_t *ns)
{
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= (long)NS) return false;
	*ns = ((uint64_t)ts->tv_sec < SEC_MAX ? (uint64_t)ts->tv_sec : SEC_MAX) * NS + (uint64_t)ts->tv_nsec;
	return true;
}

static struct timespec spec_of(uint64_t ns) { return (struct timespec){(time_t)(ns / NS), (long)(ns % NS)}; }

/* The timer that is open, as it is now; it is open as long as the call, which is over before a note of its close comes.
 * -EBADF; -EINVAL: no timerfd */
static int timer_of(const struct call *c, struct file **f)
{
	static struct where w;
	int rc = where_fd(c, (int)c->arg[0], &w);

	if (rc == -EBADF && w.fd.kind != FACTS_FD_NODE) return -EINVAL;
	if (rc || (w.fd.flags & O_PATH_FLAG)) return rc ? rc : -EBADF;
	*f = file_of(w.start);
	if (!*f || !(*f)->c.timed) return -EINVAL;
	expire(*f);
	return 0;
}

static int timer_out(const struct call *c, const struct file *f, uint64_t to)
{
	struct itimerspec it = {spec_of(f->c.interval), spec_of(counter_left(&f->c, clock_ns(f->c.runs_on)))};

	return mem_out(c, to, &it, sizeof(it));
}

long call_timerfd_gettime(const struct call *c)
{
	struct file *f;
	int rc = timer_of(c, &f);

	return rc ? rc : timer_out(c, f, c->arg[1]);
}

/* TFD_TIMER_CANCEL_ON_SET is not offered. */
long call_timerfd_settime(const struct call *c)
{
	bool absolute = c->arg[1] & TFD_TIMER_ABSTIME;
	uint64_t value, interval;
	struct itimerspec new;
	struct file *f;
	int rc;

	if (mem_in(c, &new, c->arg[2], sizeof(new))) return -EFAULT;
	if ((c->arg[1] & ~(uint64_t)TFD_TIMER_ABSTIME) || !timespec_ns(&new.it_value, &value) ||
	    !timespec_ns(&new.it_interval, &interval)) return -EINVAL;
	rc = timer_of(c, &f);
	if (!rc && c->arg[3]) rc = timer_out(c, f, c->arg[3]);
	if (rc) return rc;
	f->c.runs_on = !absolute && f->c.clock == CLOCK_REALTIME ? CLOCK_MONOTONIC : f->c.clock;
	counter_set(&f->c, absolute, value, interval, clock_ns(f->c.runs_on));
	look_later(f);
	return 0;
}
