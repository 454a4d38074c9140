/* SPDX-License-Identifier: MIT */
/* kernel/poll.c - RING 0 - poll and select: wait until one of many descriptors is ready.
 *
 * Path:  syscall.c > [poll.c] > file->ops->poll() of pipe.c, filedev.c ...;  poll_wake() from there
 * Locks: poll_lock around the wake-ups and who sleeps for one; none while a descriptor is asked.
 *
 * A thing counts who polls it; what changes where nobody does costs nothing.  Else all who poll anything ask again.
 *
 * L1  Before a thing is asked it has counted its poller, who looked how many wake-ups there were so far: a change in
 *     between is seen, as the answer or as a wake-up. */
#include "kernel/file.h"

#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"

struct watch {
	struct pollfd p;
	struct file *file;              /* a reference; NULL: none, or not open */
};

static struct spinlock poll_lock = SPINLOCK_INIT(RANK_FUTEX, "polls");
static struct waitq poll_sleepers = {LIST_INIT(poll_sleepers.threads)};         /* [poll_lock] */
static uint64_t poll_wakes;             /* [poll_lock] so far; read without it */

void poll_wake(const uint32_t *polled)
{
	if (!__atomic_load_n(polled, __ATOMIC_SEQ_CST)) return;         /* L1 */
	SPIN_HELD(&poll_lock);
	poll_wakes++;
	waitq_wake_all(&poll_sleepers);
}

/* Regular files, directories and most devices are always ready (POSIX poll). */
static int watch_ask(const struct watch *w)
{
	struct file *f = w->file;
	int now = POLLIN | POLLOUT;

	if (w->p.fd < 0) return 0;
	if (!f) return POLLNVAL;
	if (f->polled) now = f->ops->poll(f);
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
	uint64_t wakes;
	long ready;
	int rc = 0;

	for (uint64_t i = 0; i < n; i++) {
		w[i].file = fd_get(w[i].p.fd);
		if (w[i].file && w[i].file->polled) __atomic_add_fetch(w[i].file->polled, 1, __ATOMIC_SEQ_CST);
	}
	for (;;) {
		wakes = __atomic_load_n(&poll_wakes, __ATOMIC_SEQ_CST);
		ready = watches_ask(w, n);
		if (ready || rc || deadline <= time_mono()) break;
		SPIN_HELD(&poll_lock);
		while (poll_wakes == wakes && !rc) rc = waitq_sleep(&poll_sleepers, &poll_lock, deadline, true);
	}
	for (uint64_t i = 0; i < n; i++) {
		if (w[i].file && w[i].file->polled) __atomic_sub_fetch(w[i].file->polled, 1, __ATOMIC_SEQ_CST);
		if (w[i].file) file_put(w[i].file);
	}
	return ready || rc != -EINTR ? ready : -ERESTARTNOHAND;
}

/* ---- poll: a vector */

static int vector_in(struct watch *w, uint64_t n, uaddr_t fds)
{
	int rc = 0;

	for (uint64_t i = 0; i < n && !rc; i++) rc = copy_in(&w[i].p, fds + i * sizeof(w->p), sizeof(w->p));
	return rc;
}

static long vector_out(const struct watch *w, uint64_t n, uaddr_t fds, long ready)
{
	for (uint64_t i = 0; i < n; i++) {
		uaddr_t to = fds + i * sizeof(w->p) + offsetof(struct pollfd, revents);

		if (copy_out(to, &w[i].p.revents, sizeof(w->p.revents))) return -EFAULT;
	}
	return ready;
}

/* ---- select: three sets of bits */

#define SETS 3
static const int16_t set_asks[SETS] = {POLLIN, POLLOUT, POLLPRI};
static const int16_t set_shows[SETS] = {POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
                                        POLLOUT | POLLWRNORM | POLLERR, POLLPRI};

/* Each number below n has a watch: that of one which is in no set is of no descriptor. */
static int sets_in(struct watch *w, uint64_t n, const uaddr_t set[SETS])
{
	uint64_t bits[FD_MAX / 64];

	for (uint64_t fd = 0; fd < n; fd++) w[fd].p.fd = -1;
	for (int s = 0; s < SETS; s++) {
		if (set[s] && copy_in(bits, set[s], ROUND_UP(n, 64) / 8)) return -EFAULT;
		for (uint64_t fd = 0; fd < n && set[s]; fd++)
			if (bits[fd / 64] & BIT(fd % 64)) w[fd].p = (struct pollfd){fd, w[fd].p.events | set_asks[s], 0};
	}
	return 0;
}

/* How many bits are set, -EBADF. */
static long sets_out(const struct watch *w, uint64_t n, const uaddr_t set[SETS])
{
	long count = 0;

	for (int s = 0; s < SETS; s++) {
		uint64_t bits[FD_MAX / 64] = {0};

		for (uint64_t fd = 0; fd < n; fd++) {
			if (w[fd].p.revents & POLLNVAL) return -EBADF;
			if (!(w[fd].p.events & set_asks[s]) || !(w[fd].p.revents & set_shows[s])) continue;
			bits[fd / 64] |= BIT(fd % 64);
			count++;
		}
		if (set[s] && copy_out(set[s], bits, ROUND_UP(n, 64) / 8)) return -EFAULT;
	}
	return count;
}

/* ---- the calls */

/* For n watches: poll's vector is at fds; of select the three sets are. */
static long poll_until(uint64_t n, uaddr_t fds, const uaddr_t *sets, uint64_t deadline)
{
	struct watch *w;
	long rc;

	if (n > FD_MAX) return -EINVAL;
	w = kalloc(n * sizeof(*w));
	if (!w) return -ENOMEM;
	rc = sets ? sets_in(w, n, sets) : vector_in(w, n, fds);
	if (!rc) rc = watches_wait(w, n, deadline);
	if (rc >= 0) rc = sets ? sets_out(w, n, sets) : vector_out(w, n, fds, rc);
	kfree(w);
	return rc;
}

SYSCALL(poll, fds, n, ms)
{
	struct thread *t = current_thread();
	uint64_t deadline = (int)ms < 0 ? WAIT_FOREVER : time_mono() + (uint64_t)(int)ms * 1000000;
	long rc;

	if (t->sleep_until) deadline = t->sleep_until;          /* begun again after a stop: it ends when it would have */
	t->sleep_until = 0;
	rc = poll_until(n, fds, NULL, deadline);
	if (rc == -ERESTARTNOHAND) t->sleep_until = deadline;
	return rc;
}

/* What is left of a timeout (Linux; POSIX leaves it open). */
static void deadline_out(uaddr_t to, uint32_t unit, uint64_t deadline)
{
	uint64_t now = time_mono(), left = deadline > now ? deadline - now : 0;
	struct timespec ts = {left / 1000000000, left % 1000000000 / unit};

	if (to && copy_out(to, &ts, sizeof(ts))) return;        /* a constant: then it does not learn it */
}

/* mask: a signal mask for the time of the call, of size bytes; 0: none. */
static long poll_timed(uint64_t n, uaddr_t fds, const uaddr_t *sets, uaddr_t time, uint32_t unit, uaddr_t mask,
                       uint64_t size)
{
	uint64_t deadline;
	long rc = deadline_in(time, unit, &deadline);

	if (!rc && mask) rc = signal_mask_swap(mask, size);
	if (rc) return rc;
	rc = poll_until(n, fds, sets, deadline);
	if (mask && rc != -ERESTARTNOHAND) signal_mask_back();
	deadline_out(time, unit, deadline);
	return rc;
}

SYSCALL(ppoll, fds, n, time, mask, size) { return poll_timed(n, fds, NULL, time, 1, mask, size); }

/* select(2) looks at no number that cannot be; of those below a negative one it says -EINVAL, as of too many. */
SYSCALL(select) { return poll_timed(MIN((int)a0, FD_MAX), 0, (uaddr_t[]){a1, a2, a3}, a4, 1000, 0, 0); }

/* pselect6(2): the sixth argument points to the mask's address and size. */
SYSCALL(pselect6)
{
	struct { uaddr_t mask; uint64_t size; } sig = {0};

	if (a5 && copy_in(&sig, a5, sizeof(sig))) return -EFAULT;
	return poll_timed(MIN((int)a0, FD_MAX), 0, (uaddr_t[]){a1, a2, a3}, a4, 1, sig.mask, sig.size);
}
