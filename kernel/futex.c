/* SPDX-License-Identifier: MIT */
/* kernel/futex.c - RING 0 - futex(2): sleep while a word of user memory has a value; what mutexes are made of.
 *
 * Path:  syscall.c > [futex.c] > sched.c
 * Locks: futex_lock guards all sleepers.  Words are read with it held, so no wake-up falls between the look at a word and
 *        the sleep; a page that is not there is fetched without the lock, and all begins anew.
 *
 * U1  A sleeper is on the list of its key's hash until it is woken, or takes itself off.
 */
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/map.h"

#define BUCKET_BITS 6
#define BUCKETS BIT(BUCKET_BITS)
#define ROBUST_MAX 2048                 /* entries of a list that may be a circle */

/* What a word is, whoever maps it where: (object, byte), or (address space, address) if nobody shares it. */
struct key { const void *object; uint64_t offset; };

struct sleeper {
	struct list link;               /* U1 */
	struct key key;
	uint32_t bits;                  /* [c] */
	bool woken;
	struct waitq wait;
};      /* [c] constant; all else: futex_lock */

static struct spinlock futex_lock = SPINLOCK_INIT(RANK_FUTEX, "futex");
static struct list buckets[BUCKETS];    /* of sleepers; zeroed: never used yet */

/* Fibonacci hashing: the upper bits of the product depend on all of the key's. */
static struct list *bucket_of(const struct key *k)
{
	return &buckets[(((uint64_t)k->object >> 4) + (k->offset >> 2)) * 0x9e3779b97f4a7c15ull >>
	                (64 - BUCKET_BITS)];
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

static void sleeper_add_locked(struct sleeper *s)
{
	struct list *bucket = bucket_of(&s->key);

	if (!bucket->next) list_init(bucket);
	list_push_back(bucket, &s->link);
}

static long futex_wait(uaddr_t at, const struct key *k, uint32_t val, uint32_t bits, uint64_t deadline)
{
	struct sleeper s = {.key = *k, .bits = bits};
	int rc = word_lock(at, val);

	if (rc) return rc;
	waitq_init(&s.wait);
	sleeper_add_locked(&s);
	while (!s.woken && !rc) rc = waitq_sleep(&s.wait, &futex_lock, deadline, true);
	if (!s.woken) list_remove(&s.link);
	spin_unlock(&futex_lock);
	if (s.woken) return 0;
	return rc == -EINTR && deadline == WAIT_FOREVER ? -ERESTART : rc;
}

static bool key_is(const struct sleeper *s, const struct key *k)
{
	return s->key.object == k->object && s->key.offset == k->offset;
}

static void sleeper_wake_locked(struct sleeper *s)
{
	list_remove(&s->link);
	s->woken = true;
	waitq_wake_all(&s->wait);
}

/* To another word.  In the same bucket it stays where it is: who goes through that meets nobody twice. */
static void sleeper_move_locked(struct sleeper *s, const struct key *to)
{
	bool stays = bucket_of(&s->key) == bucket_of(to);

	s->key = *to;
	if (stays) return;
	list_remove(&s->link);
	sleeper_add_locked(s);
}

/* Wake up to n, move up to `move` others to another word.  How many of both. */
static long wake_locked(const struct key *k, uint32_t bits, uint32_t n, const struct key *to, uint32_t move)
{
	struct list *bucket = bucket_of(k);
	uint64_t done = 0;

	if (!bucket->next) return 0;
	list_for_safe(l, next, bucket) {
		struct sleeper *s = container_of(l, struct sleeper, link);

		if (!key_is(s, k) || !(s->bits & bits)) continue;
		if (done < n) sleeper_wake_locked(s);
		else if (done - n < move) sleeper_move_locked(s, to);
		else break;
		done++;
	}
	return done;
}

static long futex_wake(const struct key *k, uint32_t n, uint32_t bits)
{
	SPIN_HELD(&futex_lock);
	return wake_locked(k, bits, n, NULL, 0);
}

void futex_wake_one(uaddr_t at)
{
	struct key k;

	if (!key_of(at, false, &k)) futex_wake(&k, 1, ~0u);
}

static long futex_requeue(uaddr_t at, const struct key *k, uint32_t wake, uint32_t move, uaddr_t at2, bool private,
                          bool compare, uint32_t val)
{
	struct key to;
	long rc = key_of(at2, private, &to);

	if ((int)wake < 0 || (int)move < 0) return -EINVAL;
	if (rc) return rc;
	if (!compare) spin_lock(&futex_lock);
	else if ((rc = word_lock(at, val))) return rc;
	rc = wake_locked(k, ~0u, wake, &to, move);
	spin_unlock(&futex_lock);
	return rc;
}

/* FUTEX_WAIT counts from now; FUTEX_WAIT_BITSET names a moment, on the clock that the flag says. */
static int deadline_of(uaddr_t timeout, bool absolute, bool real, uint64_t *deadline)
{
	int rc;

	if (!timeout || !absolute) return deadline_in(timeout, 1, deadline);
	rc = time_in(timeout, 1, deadline);
	if (!rc && real) *deadline -= MIN(*deadline, (uint64_t)(time_real() - (int64_t)time_mono()));
	return rc;
}

SYSCALL(futex)
{
	uint32_t op = a1 & ~(uint64_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME), bits = ~0u;
	bool private = a1 & FUTEX_PRIVATE_FLAG, bitset = op == FUTEX_WAIT_BITSET || op == FUTEX_WAKE_BITSET;
	uint64_t deadline;
	struct key k;
	long rc = key_of(a0, private, &k);

	if (rc) return rc;
	if (bitset) bits = a5;
	if (!bits) return -EINVAL;
	switch (op) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		rc = deadline_of(a3, bitset, a1 & FUTEX_CLOCK_REALTIME, &deadline);
		return rc ? rc : futex_wait(a0, &k, a2, bits, deadline);
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET: return futex_wake(&k, a2, bits);
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE: return futex_requeue(a0, &k, a2, a3, a4, private, op == FUTEX_CMP_REQUEUE, a5);
	default: return -ENOSYS;        /* priority inheritance, WAKE_OP: C libraries do without */
	}
}

/* ---- robust mutexes (set_robust_list(2)): those that a dying thread owns tell the next owner */

struct robust_head { uaddr_t next; int64_t offset; uaddr_t pending; };

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
