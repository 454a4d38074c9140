/* SPDX-License-Identifier: MIT */
/* kernel/poll.c - RING 0 - poll and select: wait until one of many descriptors is ready.
 *
 * Path:  syscall.c > [poll.c] > file->ops->poll() of pipe.c, sys_name.c (devices);  poll_wake() from there
 * Locks: crowd->lock around the wake-ups and who sleeps for one; none while a descriptor is asked.
 *
 * Who polls belongs to one of 64 crowds, by the number of the thread.  A thing that is polled has a bit for each crowd
 * that has asked it since it changed last: a change wakes these crowds, and all in them ask again, whatever they poll:
 * what that costs is time alone, and there are no lists to keep.
 *
 * L1  Before a thing is asked it has the crowd's bit, and the poller has looked how many wake-ups there were so far: a
 *     change in between is seen, as the answer or as a wake-up. */
#include "kernel/syscalls.h"

#define CROWDS 64

static struct crowd {
	struct spinlock lock;           /* RANK_FUTEX */
	struct waitq sleepers;          /* [c] all 0: nobody ever slept */
	uint64_t wakes;                 /* [c] so far; read without it */
} crowds[CROWDS] = {[0 ... CROWDS - 1] = {.lock = SPINLOCK_INIT(RANK_FUTEX, "polls")}};         /* [c] lock */

void poll_wake(uint64_t *polled)
{
	uint64_t bits = *polled ? __atomic_exchange_n(polled, 0, __ATOMIC_SEQ_CST) : 0;         /* L1 */

	for (; bits; bits &= bits - 1) {
		struct crowd *c = &crowds[__builtin_ctzll(bits)];

		SPIN_HELD(&c->lock);
		c->wakes++;
		if (c->sleepers.threads.next) waitq_wake_all(&c->sleepers);
	}
}

/* Regular files, directories and most devices are always ready (POSIX poll). */
static int poll_ask(const struct pollfd *p, struct file *f, uint64_t crowd_bit)
{
	int now = POLLIN | POLLOUT;

	if (p->fd < 0) return 0;
	if (!f) return POLLNVAL;
	if (f->polled) {
		if (crowd_bit) __atomic_or_fetch(f->polled, crowd_bit, __ATOMIC_SEQ_CST);
		now = f->ops->poll(f);
	}
	if (now & POLLIN) now |= POLLRDNORM;
	if (now & POLLOUT) now |= POLLWRNORM;
	return now & (p->events | POLLERR | POLLHUP);
}

/* How many are ready, 0 at the deadline, -ERESTARTNOHAND.  Others' wake-ups may come faster than all can be asked: so
 * signals are looked for each time.  Who will not wait asks for no wake-up. */
static long poll_wait(struct pollfd *p, struct file **f, uint64_t n, uint64_t deadline)
{
	uint64_t crowd = current_thread()->tid % CROWDS, bit, wakes;
	struct crowd *c = &crowds[crowd];
	int rc = 0;

	for (;;) {
		bool waits = deadline > time_mono();
		long ready = 0;

		thread_pause();
		if (thread_has_signal(current_thread())) rc = -EINTR;
		wakes = __atomic_load_n(&c->wakes, __ATOMIC_SEQ_CST);
		for (uint64_t i = 0; i < n; i++) {
			bit = waits && !rc && !ready ? BIT(crowd) : 0;
			p[i].revents = poll_ask(&p[i], f[i], bit);
			if (p[i].revents) ready++;
		}
		if (ready || rc || !waits) return ready || rc != -EINTR ? ready : -ERESTARTNOHAND;
		SPIN_HELD(&c->lock);
		if (!c->sleepers.threads.next) waitq_init(&c->sleepers);
		while (c->wakes == wakes && !rc) rc = waitq_sleep(&c->sleepers, &c->lock, deadline, true);
	}
}

/* ---- select: three sets of bits */

#define SETS 3
static const int16_t set_asks[SETS] = {POLLIN, POLLOUT, POLLPRI};
static const int16_t set_shows[SETS] = {POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
                                        POLLOUT | POLLWRNORM | POLLERR, POLLPRI};

/* Each number below n is polled; one that is in no set is no descriptor's. */
static int sets_in(struct pollfd *p, uint64_t n, const uaddr_t set[SETS])
{
	uint64_t bits[FD_MAX / 64];

	for (uint64_t fd = 0; fd < n; fd++) p[fd].fd = -1;
	for (int s = 0; s < SETS; s++) {
		if (set[s] && copy_in(bits, set[s], ROUND_UP(n, 64) / 8)) return -EFAULT;
		for (uint64_t fd = 0; fd < n && set[s]; fd++)
			if (bits[fd / 64] & BIT(fd % 64)) p[fd] = (struct pollfd){fd, p[fd].events | set_asks[s], 0};
	}
	return 0;
}

/* How many bits are set, -EBADF. */
static long sets_out(const struct pollfd *p, uint64_t n, const uaddr_t set[SETS])
{
	long count = 0;

	for (int s = 0; s < SETS; s++) {
		uint64_t bits[FD_MAX / 64] = {0};

		for (uint64_t fd = 0; fd < n; fd++) {
			if (p[fd].revents & POLLNVAL) return -EBADF;
			if (!(p[fd].events & set_asks[s]) || !(p[fd].revents & set_shows[s])) continue;
			bits[fd / 64] |= BIT(fd % 64);
			count++;
		}
		if (set[s] && copy_out(set[s], bits, ROUND_UP(n, 64) / 8)) return -EFAULT;
	}
	return count;
}

/* ---- the calls */

/* poll's vector of n, or select's sets of numbers below n.  What is polled stays open meanwhile, whoever closes it. */
static long poll_until(uint64_t n, uaddr_t fds, const uaddr_t *sets, uint64_t deadline)
{
	struct pollfd *p;
	struct file **f;
	long rc;

	if (n > FD_MAX) return -EINVAL;
	p = kalloc(n * (sizeof(*p) + sizeof(*f)));
	f = (struct file **)(p + n);
	if (!p) return -ENOMEM;
	rc = sets ? sets_in(p, n, sets) : copy_in(p, fds, n * sizeof(*p));
	for (uint64_t i = 0; i < n && !rc; i++) f[i] = fd_get(p[i].fd);
	if (!rc) rc = poll_wait(p, f, n, deadline);
	for (uint64_t i = 0; i < n; i++)
		if (f[i]) file_put(f[i]);
	if (sets && rc >= 0) rc = sets_out(p, n, sets);
	for (uint64_t i = 0; i < n && !sets && rc >= 0; i++, fds += sizeof(*p))
		if (copy_out(fds + offsetof(struct pollfd, revents), &p[i].revents, sizeof(p->revents))) rc = -EFAULT;
	kfree(p);
	return rc;
}

SYSCALL(poll, fds, n, ms)
{
	struct thread *t = current_thread();
	uint64_t deadline = (int)ms < 0 ? WAIT_FOREVER : time_mono() + (uint64_t)(int)ms * 1000000;
	long rc;

	if (t->sleep_until) deadline = t->sleep_until;  /* begun again after a stop: it ends when it would have */
	t->sleep_until = 0;
	rc = poll_until(n, fds, NULL, deadline);
	if (rc == -ERESTARTNOHAND) t->sleep_until = deadline;
	return rc;
}

/* mask: a signal mask for the time of the call, of size bytes; 0: none. */
static long poll_timed(uint64_t n, uaddr_t fds, const uaddr_t *sets, uaddr_t time, uint32_t unit, uaddr_t mask,
                       uint64_t size)
{
	uint64_t deadline;
	long rc = deadline_in(time, unit, time_mono(), &deadline);

	if (!rc && mask) rc = signal_mask_swap(mask, size);
	if (rc) return rc;
	rc = poll_until(n, fds, sets, deadline);
	if (mask && rc != -ERESTARTNOHAND) signal_mask_back();
	deadline_out(time, unit, deadline);     /* what is left (Linux); a constant does not learn it */
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
