/* SPDX-License-Identifier: MIT */
/* kernel/event.c - RING 0 - descriptors that count: eventfd (what was written) and timerfd (expirations).
 *
 * Path:  sys_file.c, poll.c > [event.c]; a timerfd: timer.c > event_fire()
 * Locks: event->lock around the count; file->lock (a mutex) around setting the timer.
 */
#include "kernel/file.h"
#include "kernel/poll.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"

#define COUNT_MAX (~0ull - 1)           /* eventfd(2) */

struct event {
	struct spinlock lock;           /* RANK_HANDLE */
	struct waitq wait;              /* [l] */
	struct pollhead polls;
	uint64_t count;                 /* [l] */
	bool semaphore, timed;          /* [c] a read takes 1; a timerfd */
	int clock;                      /* [c] of a timerfd */
	struct ctimer on;
};      /* [l] lock */

#define EVENT(f) ((struct event *)(f)->impl)

/* => lock held */
static void event_changed_locked(struct event *e)
{
	waitq_wake_all(&e->wait);
	poll_wake(&e->polls);
}

static bool event_fire(struct ctimer *c, uint64_t n)
{
	struct event *e = container_of(c, struct event, on);
	bool taken;

	spin_lock(&e->lock);
	taken = e->count == 0;
	e->count += n;
	event_changed_locked(e);
	spin_unlock(&e->lock);
	return taken;
}

static void event_close(struct file *f)
{
	ctimer_set(&EVENT(f)->on, CLOCK_MONOTONIC, 0, 0);
	kfree(EVENT(f));
}

/* 8 bytes, whole or not at all.  -EINVAL: less room; -EAGAIN, -ERESTART, -EFAULT */
static int64_t event_rw(struct file *f, uint64_t pos, uaddr_t buf, const char *kbuf, uint64_t len, bool write)
{
	struct event *e = EVENT(f);
	uint64_t n = 0;
	int rc = 0;

	if (len < sizeof(n) || (write && e->timed)) return -EINVAL;
	if (write && kbuf) memcpy(&n, kbuf, sizeof(n));
	else if (write && copy_in(&n, buf, sizeof(n))) return -EFAULT;
	if (write && n > COUNT_MAX) return -EINVAL;

	spin_lock(&e->lock);
	while (!rc && (write ? n > COUNT_MAX - e->count : !e->count)) {
		if (f->flags & O_NONBLOCK) rc = -EAGAIN;
		else if (waitq_sleep(&e->wait, &e->lock, WAIT_FOREVER, true)) rc = -ERESTART;
	}
	if (!rc && write) e->count += n;
	if (!rc && !write) e->count -= n = e->semaphore ? 1 : e->count;
	if (!rc) event_changed_locked(e);
	spin_unlock(&e->lock);
	if (!rc && !write) rc = copy_out(buf, &n, sizeof(n));
	return rc ? rc : (int64_t)sizeof(n);
}

static int event_poll(struct file *f)
{
	struct event *e = EVENT(f);
	int now;

	spin_lock(&e->lock);
	now = (e->count ? POLLIN : 0) | (!e->timed && e->count < COUNT_MAX ? POLLOUT : 0);
	spin_unlock(&e->lock);
	return now;
}

static const struct file_ops event_ops = {.rw = event_rw, .poll = event_poll, .close = event_close};

static long event_open(struct event init, uint32_t flags)
{
	struct file *f = file_alloc(FILE_OTHER, O_RDWR | (flags & O_NONBLOCK));
	struct event *e = f ? kalloc(sizeof(*e)) : NULL;

	if (!e) {
		kfree(f);
		return -ENOMEM;
	}
	*e = init;
	spin_init(&e->lock, RANK_HANDLE, "event");
	waitq_init(&e->wait);
	pollhead_init(&e->polls);
	ctimer_init(&e->on, NULL, event_fire);
	f->mode = 0600;
	f->impl = e;
	f->ops = &event_ops;
	f->pollhead = &e->polls;
	return fd_install(f, 0, flags & O_CLOEXEC);
}

SYSCALL(eventfd2)
{
	if (a1 & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE)) return -EINVAL;
	return event_open((struct event){.count = (uint32_t)a0, .semaphore = a1 & EFD_SEMAPHORE}, a1);
}

SYSCALL(eventfd) { return event_open((struct event){.count = (uint32_t)a0}, 0); }

/* ---- timerfd */

#define NS 1000000000ull

static struct timespec to_timespec(uint64_t ns) { return (struct timespec){ns / NS, ns % NS}; }

static struct itimerspec ctimer_spec(struct ctimer *c)
{
	uint64_t left, interval;

	ctimer_get(c, &left, &interval);
	return (struct itimerspec){to_timespec(interval), to_timespec(left)};
}

/* What a relative time counts from does not change with the date. */
static void ctimer_set_spec(struct ctimer *c, int clock, bool absolute, uint64_t value, uint64_t interval)
{
	if (!absolute && clock == CLOCK_REALTIME) clock = CLOCK_MONOTONIC;
	if (!absolute && value) value += clock_of(clock, NULL, 0);
	ctimer_set(c, clock, value, interval);
}

static int itimerspec_in(uaddr_t from, uint64_t *value, uint64_t *interval)
{
	int rc = time_in(from, interval);

	return rc ? rc : time_in(from + sizeof(struct timespec), value);
}

SYSCALL(timerfd_create)
{
	if (a1 & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK)) return -EINVAL;
	if (a0 != CLOCK_REALTIME && a0 != CLOCK_MONOTONIC && a0 != CLOCK_BOOTTIME) return -EINVAL;
	return event_open((struct event){.timed = true, .clock = a0}, a1);
}

/* A reference.  -EBADF, -EINVAL: something else */
static int timerfd_get(int fd, struct file **f)
{
	*f = fd_get(fd);
	if (!*f) return -EBADF;
	if ((*f)->ops == &event_ops && EVENT(*f)->timed) return 0;
	file_put(*f);
	return -EINVAL;
}

SYSCALL(timerfd_gettime)
{
	struct itimerspec spec;
	struct file *f;
	int rc = timerfd_get(a0, &f);

	if (rc) return rc;
	spec = ctimer_spec(&EVENT(f)->on);
	file_put(f);
	return copy_out(a1, &spec, sizeof(spec));
}

/* What expired before counts no more (timerfd_settime(2)).  TFD_TIMER_CANCEL_ON_SET is not offered. */
SYSCALL(timerfd_settime)
{
	struct itimerspec old;
	uint64_t value, interval;
	struct file *f;
	int rc = a1 & ~(uint64_t)TIMER_ABSTIME ? -EINVAL : itimerspec_in(a2, &value, &interval);

	if (!rc) rc = timerfd_get(a0, &f);
	if (rc) return rc;
	mutex_lock(&f->lock);
	old = ctimer_spec(&EVENT(f)->on);
	ctimer_set(&EVENT(f)->on, CLOCK_MONOTONIC, 0, 0);
	spin_lock(&EVENT(f)->lock);
	EVENT(f)->count = 0;
	spin_unlock(&EVENT(f)->lock);
	ctimer_set_spec(&EVENT(f)->on, EVENT(f)->clock, a1 & TIMER_ABSTIME && value, value, interval);
	mutex_unlock(&f->lock);
	file_put(f);
	return a3 ? copy_out(a3, &old, sizeof(old)) : 0;
}
