/* SPDX-License-Identifier: MIT */
/* kernel/futex.c - RING 0 - futex(2): sleep while a word of user memory has a value; what mutexes are made of.
 *
 * Path:  syscall.c > [futex.c] > sched.c
 * Locks: futex_lock guards all sleepers.  Words are read with it held, so no wake-up falls between the look at a word and
 *        the sleep; a page that is not there is fetched without the lock, and all begins anew.
 *
 * U1  A sleeper is on the list of its key's hash until it is woken, or takes itself off.
 */
#include "kernel/syscalls.h"
#include "mm/map.h"

#define BUCKET_BITS 6
#define BUCKETS BIT(BUCKET_BITS)
#define ROBUST_MAX 2048                 /* entries of a list that may be a circle */

/* What a word is, whoever maps it where: (object, byte), or (address space, address) if nobody shares it. */
struct key { const void *object; uint64_t offset; };

struct sleeper {
	struct list link;               /* U1; empty: woken */
	struct key key;
	uint32_t bits;                  /* [c] */
	struct thread *thread;          /* [c] */
};      /* [c] constant; all else: futex_lock */

static struct spinlock futex_lock = SPINLOCK_INIT(RANK_FUTEX, "futex");
static struct list buckets[BUCKETS];    /* of sleepers; zeroed: never used yet */

/* Fibonacci hashing: the upper bits of the product depend on all of the key's.  => futex_lock held */
static struct list *bucket_of(const struct key *k)
{
	struct list *b = &buckets[(((uint64_t)k->object >> 4) + (k->offset >> 2)) * 0x9e3779b97f4a7c15ull >>
	                          (64 - BUCKET_BITS)];

	if (!b->next) list_init(b);
	return b;
}

/* 0, -EINVAL (not aligned), -EFAULT (nothing mapped) */
static int key_of(uaddr_t at, bool private, struct key *k)
{
	struct map *m = current_proc()->map;
	struct entry *e;

	if (at % 4) return -EINVAL;
	if (at >= USER_TOP) return -EFAULT;
	*k = (struct key){m, at};
	if (private) return 0;
	MUTEX_HELD(&m->lock);
	e = map_find_locked(m, at);
	if (!e) return -EFAULT;
	if (e->vmo && (e->flags & ENTRY_SHARED))
		*k = (struct key){e->vmo, (e->vnode.start << PAGE_SHIFT) + (at - e->anode.start)};
	return 0;
}

/* => 0 with the lock held: the word is val; -EAGAIN, -EFAULT without */
static int word_lock(uaddr_t at, uint32_t val)
{
	uint32_t word;

	for (;;) {
		spin_lock(&futex_lock);
		if (!user_load32(&word, at)) break;
		spin_unlock(&futex_lock);
		if (user_load32(&word, at)) return -EFAULT;
	}
	if (word == val) return 0;
	spin_unlock(&futex_lock);
	return -EAGAIN;
}

static long futex_wait(uaddr_t at, const struct key *k, uint32_t val, uint32_t bits, uint64_t deadline)
{
	struct sleeper s = {.key = *k, .bits = bits, .thread = current_thread()};
	int rc = word_lock(at, val);

	if (rc) return rc;
	list_push_back(bucket_of(k), &s.link);
	while (!list_empty(&s.link) && !rc) rc = sched_sleep(&futex_lock, deadline, true);
	if (list_empty(&s.link)) rc = 0;
	list_remove(&s.link);
	spin_unlock(&futex_lock);
	return rc == -EINTR && deadline == WAIT_FOREVER ? -ERESTART : rc;
}

/* Wake up to n, have up to `move` others wait for another word.  How many of both.  Who moves within its bucket stays
 * where it is: so it is not met twice. */
static long wake_locked(const struct key *k, uint32_t bits, uint32_t n, const struct key *to, uint32_t move)
{
	struct list *bucket = bucket_of(k);
	uint64_t done = 0;

	list_each_safe(struct sleeper, s, bucket, link) {
		if (s->key.object != k->object || s->key.offset != k->offset || !(s->bits & bits)) continue;
		if (done == (uint64_t)n + move) break;
		if (done++ < n) {
			list_remove(&s->link);
			sched_wake(s->thread, false);
			continue;
		}
		s->key = *to;
		if (bucket_of(to) == bucket) continue;
		list_remove(&s->link);
		list_push_back(bucket_of(to), &s->link);
	}
	return done;
}

void futex_wake_one(uaddr_t at)
{
	struct key k;

	if (key_of(at, false, &k)) return;
	SPIN_HELD(&futex_lock);
	wake_locked(&k, ~0u, 1, NULL, 0);
}

SYSCALL(futex)
{
	uint32_t op = a1 & ~(uint64_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME), bits = ~0u;
	bool private = a1 & FUTEX_PRIVATE_FLAG, bitset = op == FUTEX_WAIT_BITSET || op == FUTEX_WAKE_BITSET;
	bool requeue = op == FUTEX_REQUEUE || op == FUTEX_CMP_REQUEUE;
	/* WAIT's time counts from now, WAIT_BITSET names a moment, on the clock that the flag says */
	int64_t since = !bitset ? time_mono() : a1 & FUTEX_CLOCK_REALTIME ? time_mono() - time_real() : 0;
	uint64_t deadline;
	struct key k, to;
	long rc = key_of(a0, private, &k);

	if (rc) return rc;
	if (bitset) bits = a5;
	if (!bits || (requeue && ((int)a2 < 0 || (int)a3 < 0))) return -EINVAL;
	if (requeue && (rc = key_of(a4, private, &to))) return rc;
	if (op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET) {
		rc = deadline_in(a3, 1, since, &deadline);
		return rc ? rc : futex_wait(a0, &k, a2, bits, deadline);
	}
	/* priority inheritance, WAKE_OP: C libraries do without */
	if (op != FUTEX_WAKE && op != FUTEX_WAKE_BITSET && !requeue) return -ENOSYS;
	if (op == FUTEX_CMP_REQUEUE) rc = word_lock(a0, a5);
	else spin_lock(&futex_lock);
	if (rc) return rc;
	rc = wake_locked(&k, bits, a2, &to, requeue ? a3 : 0);
	spin_unlock(&futex_lock);
	return rc;
}

/* ---- robust mutexes (set_robust_list(2)): those that a dying thread owns tell the next owner */

/* pending: it was about to lock or unlock.  If nobody has the mutex, it may have unlocked it and not woken the next one
 * yet, or have been woken for it: that wake-up is owed to another (Linux: robust-futexes). */
static void robust_mark(uaddr_t at, uint32_t tid, bool pending)
{
	uint32_t word, new;

	if (at % 4 || user_load32(&word, at)) return;
	if (pending && !(word & FUTEX_TID_MASK)) futex_wake_one(at);
	do {
		if ((word & FUTEX_TID_MASK) != tid) return;
		new = word;
		if (user_swap32(at, &word, (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED)) return;
	} while (word != new);
	if (word & FUTEX_WAITERS) futex_wake_one(at);
}

void futex_robust_exit(struct thread *t)
{
	struct robust_head h;
	uaddr_t at, next;

	if (!t->robust || copy_in(&h, t->robust, sizeof(h))) return;
	at = h.next & ~1ull;            /* bit 0 marks PI mutexes, which we do not have */
	for (int i = 0; i < ROBUST_MAX && at != t->robust; i++) {
		if (copy_in(&next, at, sizeof(next))) break;
		if (at != h.pending) robust_mark(at + h.offset, t->tid, false);
		at = next & ~1ull;
	}
	if (h.pending) robust_mark((h.pending & ~1ull) + h.offset, t->tid, true);
}
