/* SPDX-License-Identifier: MIT */
/* kernel/poll.c - RING 0 - poll and select: wait until one of many descriptors is ready.
 *
 * Path:  syscall.c > [poll.c] > file->ops->poll() of pipe.c, filedev.c ...;  poll_wake() from there
 * Locks: pollhead->lock around its list of watches, inside it poller->lock around `woken`; none while a descriptor is asked.
 *
 * L1  A watch is on its pollhead's list before the descriptor is asked, so a change in between is seen: as the answer,
 *     or as a wake-up. */
#include "kernel/file.h"

#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"

struct poller {
	struct spinlock lock;           /* RANK_PORT */
	struct waitq wait;              /* [l] */
	bool woken;                     /* [l] */
};      /* [l] lock */
struct watch {
	struct pollfd p;                /* [self] */
	struct file *file;              /* [c] a reference; NULL: none, or not open */
	struct list link;               /* [pollhead->lock] */
	struct poller *poller;          /* [c] */
};

void poll_wake(struct pollhead *h)
{
	if (list_empty(&h->watches)) return;    /* L1 */
	spin_lock(&h->lock);
	list_for(l, &h->watches) {
		struct poller *p = container_of(l, struct watch, link)->poller;

		spin_lock(&p->lock);
		p->woken = true;
		waitq_wake_all(&p->wait);
		spin_unlock(&p->lock);
	}
	spin_unlock(&h->lock);
}

static struct pollhead *watch_head(const struct watch *w) { return w->file ? w->file->pollhead : NULL; }

static void watches_begin(struct watch *w, uint64_t n, struct poller *me)
{
	spin_init(&me->lock, RANK_PORT, "poll");
	waitq_init(&me->wait);
	for (; n > 0; w++, n--) {
		w->poller = me;
		w->file = fd_get(w->p.fd);
		if (!watch_head(w)) continue;
		SPIN_HELD(&watch_head(w)->lock);
		list_push_back(&watch_head(w)->watches, &w->link);
	}
}

static void watches_end(struct watch *w, uint64_t n)
{
	for (; n > 0; w++, n--) {
		FILE_HELD struct file *f = w->file;

		if (!watch_head(w)) continue;
		SPIN_HELD(&watch_head(w)->lock);
		list_remove(&w->link);
	}
}

/* Regular files, directories and most devices are always ready (POSIX poll). */
static int watch_ask(const struct watch *w)
{
	struct file *f = w->file;
	int now = POLLIN | POLLOUT;

	if (w->p.fd < 0) return 0;
	if (!f) return POLLNVAL;
	if (f->pollhead) now = f->ops->poll(f);
	if (now & POLLIN) now |= POLLRDNORM;
	if (now & POLLOUT) now |= POLLWRNORM;
	return now & (w->p.events | POLLERR | POLLHUP);
}

static long watches_ask(struct watch *w, uint64_t n)
{
	long ready = 0;

	for (; n > 0; w++, n--) {
		w->p.revents = watch_ask(w);
		if (w->p.revents) ready++;
	}
	return ready;
}

/* How many are ready, 0 at the deadline, -ERESTARTNOHAND. */
static long watches_wait(struct watch *w, uint64_t n, uint64_t deadline)
{
	struct poller me;
	long ready;
	int rc = 0;

	watches_begin(w, n, &me);
	for (;;) {
		__atomic_store_n(&me.woken, false, __ATOMIC_SEQ_CST);
		ready = watches_ask(w, n);
		if (ready || rc || deadline <= time_mono()) break;
		spin_lock(&me.lock);
		while (!me.woken && !rc) rc = waitq_sleep(&me.wait, &me.lock, deadline, true);
		spin_unlock(&me.lock);
	}
	watches_end(w, n);
	return ready || rc != -EINTR ? ready : -ERESTARTNOHAND;
}

/* ---- poll */

static long poll_until(uaddr_t fds, uint64_t n, uint64_t deadline)
{
	struct watch *w;
	long ready = 0;

	if (n > FD_MAX) return -EINVAL;
	w = kalloc(n * sizeof(*w));
	if (!w) return -ENOMEM;
	for (uint64_t i = 0; i < n && !ready; i++) ready = copy_in(&w[i].p, fds + i * sizeof(w->p), sizeof(w->p));
	if (!ready) ready = watches_wait(w, n, deadline);
	for (uint64_t i = 0; i < n && ready >= 0; i++) {
		uaddr_t to = fds + i * sizeof(w->p) + offsetof(struct pollfd, revents);

		if (copy_out(to, &w[i].p.revents, sizeof(w->p.revents))) ready = -EFAULT;
	}
	kfree(w);
	return ready;
}

SYSCALL(poll)
{
	struct thread *t = current_thread();
	uint64_t deadline = (int)a2 < 0 ? WAIT_FOREVER : time_mono() + (uint64_t)(int)a2 * 1000000;
	long rc;

	if (t->sleep_until) deadline = t->sleep_until;          /* begun again after a stop: it ends when it would have */
	t->sleep_until = 0;
	rc = poll_until(a0, a1, deadline);
	if (rc == -ERESTARTNOHAND) t->sleep_until = deadline;
	return rc;
}

/* ---- timeouts that tell what is left of them (Linux; POSIX leaves it open) */

static void deadline_out(uaddr_t to, uint32_t unit, uint64_t deadline)
{
	uint64_t now = time_mono(), left = deadline > now ? deadline - now : 0;
	struct timespec ts = {left / 1000000000, left % 1000000000 / unit};

	if (to && copy_out(to, &ts, sizeof(ts))) return;        /* a constant: then it does not learn it */
}

SYSCALL(ppoll)
{
	uint64_t deadline;
	long rc = deadline_in(a2, 1, &deadline);

	if (!rc && a3) rc = signal_mask_swap(a3, a4);
	if (rc) return rc;
	rc = poll_until(a0, a1, deadline);
	if (a3 && rc != -ERESTARTNOHAND) signal_mask_back();
	deadline_out(a2, 1, deadline);
	return rc;
}

/* ---- select: three sets of bits */

#define SETS 3
static const int16_t set_shows[SETS] = {POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
                                        POLLOUT | POLLWRNORM | POLLERR, POLLPRI};
typedef uint64_t fd_sets[SETS][FD_MAX / 64];

/* The descriptors of the sets become watches: how many. */
static long sets_watch(fd_sets set, uint64_t nfds, struct watch *w)
{
	long n = 0;

	for (uint64_t fd = 0; fd < nfds; fd++) {
		int16_t events = 0;

		for (int s = 0; s < SETS; s++)
			if (set[s][fd / 64] & BIT(fd % 64)) events |= set_shows[s];
		if (events) w[n++].p = (struct pollfd){fd, events, 0};
	}
	return n;
}

/* How many bits are left, -EBADF. */
static long sets_show(fd_sets set, const struct watch *w, long n)
{
	long bits = 0;

	for (; n > 0; w++, n--) {
		if (w->p.revents & POLLNVAL) return -EBADF;
		for (int s = 0; s < SETS; s++) {
			uint64_t *word = &set[s][w->p.fd / 64], bit = BIT(w->p.fd % 64);

			if (!(*word & bit)) continue;
			if (w->p.revents & set_shows[s]) bits++;
			else *word &= ~bit;
		}
	}
	return bits;
}

static long select_until(uint64_t nfds, const uaddr_t user[SETS], uint64_t deadline)
{
	struct watch *w = kalloc(nfds * sizeof(*w));
	uint64_t bytes = ROUND_UP(nfds, 64) / 8;
	long n, rc = w ? 0 : -ENOMEM;
	fd_sets set = {0};

	for (int s = 0; s < SETS && !rc; s++)
		if (user[s]) rc = copy_in(set[s], user[s], bytes);
	n = rc ? 0 : sets_watch(set, nfds, w);
	if (!rc) rc = watches_wait(w, n, deadline);
	if (rc >= 0) rc = sets_show(set, w, n);
	for (int s = 0; s < SETS && rc >= 0; s++)
		if (user[s] && copy_out(user[s], set[s], bytes)) rc = -EFAULT;
	kfree(w);
	return rc;
}

/* mask: a signal mask for the time of the call, of size bytes; 0: none. */
static long select_call(uint64_t nfds, const uaddr_t user[SETS], uaddr_t time, uint32_t unit, uaddr_t mask, uint64_t size)
{
	uint64_t deadline;
	long rc = (int)nfds < 0 ? -EINVAL : deadline_in(time, unit, &deadline);

	if (!rc && mask) rc = signal_mask_swap(mask, size);
	if (rc) return rc;
	rc = select_until(MIN((uint64_t)(int)nfds, (uint64_t)FD_MAX), user, deadline);
	if (mask && rc != -ERESTARTNOHAND) signal_mask_back();
	deadline_out(time, unit, deadline);
	return rc;
}

SYSCALL(select) { return select_call(a0, (uaddr_t[]){a1, a2, a3}, a4, 1000, 0, 0); }

/* pselect6(2): the sixth argument points to the mask's address and size. */
SYSCALL(pselect6)
{
	struct { uaddr_t mask; uint64_t size; } sig = {0};

	if (a5 && copy_in(&sig, a5, sizeof(sig))) return -EFAULT;
	return select_call(a0, (uaddr_t[]){a1, a2, a3}, a4, 1, sig.mask, sig.size);
}
