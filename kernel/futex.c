/* SPDX-License-Identifier: MIT */
/* kernel/futex.c - RING 0 - futex(2): sleep while a word of user memory has a value; what mutexes are made of.
 *
 * Path:  syscall.c > [futex.c] > sched.c
 * Locks: a bucket's lock guards the sleepers on words that hash to it, and which bucket that is: who moves a sleeper to
 *        another word holds both.  Words are read with it held, so no wake-up falls between the look at a word and the
 *        sleep; a page that is not there is fetched without the lock, and all begins anew.  Inside it the sleeper's own
 *        lock, with which it sleeps: whoever wakes it may have moved it.
 *
 * U1  A sleeper is in the bucket of its key until it is woken, or takes itself out; both with the bucket's lock held.
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

struct bucket {
	struct spinlock lock;
	struct list sleepers;           /* [b] zeroed: never used yet */
} __attribute__((aligned(64)));

struct sleeper {
	struct bucket *bucket;          /* [b] where it is: constant for who holds its lock */
	struct list link;               /* [b] */
	struct key key;                 /* [b] */
	uint32_t bits;                  /* [c] */
	struct spinlock lock;
	struct waitq wait;              /* [l] */
	bool woken;                     /* [l] */
};      /* [b] bucket->lock  [l] its own lock  [c] constant */

static struct bucket buckets[BUCKETS] = { [0 ... BUCKETS - 1] = { .lock = SPINLOCK_INIT(RANK_FUTEX, "futex") } };

/* Fibonacci hashing: the upper bits of the product depend on all of the key's. */
static struct bucket *bucket_of(const struct key *k)
{
	return &buckets[(((uint64_t)k->object >> 4) + (k->offset >> 2)) * 0x9e3779b97f4a7c15ull >>
	                (64 - BUCKET_BITS)];
}

/* One, or two in order of address. */
static void buckets_lock(struct bucket *a, struct bucket *b)
{
	spin_lock(&MIN(a, b)->lock);
	if (a != b) spin_lock(&MAX(a, b)->lock);
}

static void buckets_unlock(struct bucket *a, struct bucket *b)
{
	if (a != b) spin_unlock(&MAX(a, b)->lock);
	spin_unlock(&MIN(a, b)->lock);
}

/* 0, -EINVAL (not aligned), -EFAULT (nothing mapped) */
static int key_of(uaddr_t at, bool private, struct key *k)
{
	struct map *m = current_proc()->map;
	struct entry *e;
	int rc = 0;

	if (at % 4) return -EINVAL;
	if (at >= USER_TOP) return -EFAULT;
	*k = (struct key){m, at};
	if (private) return 0;
	mutex_lock(&m->lock);
	e = map_find_locked(m, at);
	if (!e) rc = -EFAULT;
	else if (e->vmo && (e->flags & ENTRY_SHARED))
		*k = (struct key){e->vmo, (e->vnode.start << PAGE_SHIFT) + (at - e->anode.start)};
	mutex_unlock(&m->lock);
	return rc;
}

/* => 0 with the buckets locked and the word read; -EFAULT without */
static int word_lock(struct bucket *a, struct bucket *b, uaddr_t at, uint32_t *word)
{
	for (;;) {
		buckets_lock(a, b);
		if (!user_load32(word, at)) return 0;
		buckets_unlock(a, b);
		if (user_load32(word, at)) return -EFAULT;
	}
}

/* => the sleeper's bucket locked */
static void bucket_add_locked(struct bucket *b, struct sleeper *s)
{
	if (!b->sleepers.next) list_init(&b->sleepers);
	list_push_back(&b->sleepers, &s->link);
	__atomic_store_n(&s->bucket, b, __ATOMIC_RELEASE);
}

/* Nobody woke it: unless somebody does now, it leaves the bucket that it is in by now. */
static void sleeper_withdraw(struct sleeper *s)
{
	struct bucket *b;

	for (;;) {
		b = __atomic_load_n(&s->bucket, __ATOMIC_ACQUIRE);
		spin_lock(&b->lock);
		if (b == s->bucket) break;
		spin_unlock(&b->lock);
	}
	if (!s->woken) list_remove(&s->link);
	spin_unlock(&b->lock);
}

static long futex_wait(uaddr_t at, const struct key *k, uint32_t val, uint32_t bits, uint64_t deadline)
{
	struct sleeper s = {.key = *k, .bits = bits, .lock = SPINLOCK_INIT(RANK_PORT, "futex sleeper")};
	struct bucket *b = bucket_of(k);
	uint32_t word;
	bool woken;
	int rc = word_lock(b, b, at, &word);

	if (rc) return rc;
	if (word != val) {
		spin_unlock(&b->lock);
		return -EAGAIN;
	}
	waitq_init(&s.wait);
	bucket_add_locked(b, &s);
	spin_lock(&s.lock);
	spin_unlock(&b->lock);
	while (!s.woken && !rc) rc = waitq_sleep(&s.wait, &s.lock, deadline, true);
	woken = s.woken;                /* if not: even if it is by now, s must stay until who woke it lets go of it */
	spin_unlock(&s.lock);
	if (!woken) sleeper_withdraw(&s);
	if (s.woken) return 0;
	return rc == -EINTR && deadline == WAIT_FOREVER ? -ERESTART : rc;
}

static bool key_is(const struct sleeper *s, const struct key *k)
{
	return s->key.object == k->object && s->key.offset == k->offset;
}

/* Out of its bucket; s is gone as soon as its lock is free.  => the bucket locked */
static void sleeper_wake(struct sleeper *s)
{
	list_remove(&s->link);
	spin_lock(&s->lock);
	s->woken = true;
	waitq_wake_all(&s->wait);
	spin_unlock(&s->lock);
}

/* To another word.  => both buckets locked */
static void sleeper_move(struct sleeper *s, const struct key *to)
{
	s->key = *to;
	if (s->bucket == bucket_of(to)) return;
	list_remove(&s->link);
	bucket_add_locked(bucket_of(to), s);
}

/* Wake up to n, move up to `move` others to another word.  How many of both.  => the bucket, or both, locked */
static long wake_locked(const struct key *k, uint32_t bits, uint32_t n, const struct key *to, uint32_t move)
{
	struct list *head = &bucket_of(k)->sleepers, *l = head->next, *next;
	uint32_t woken = 0, moved = 0;

	for (; l && l != head && (woken < n || moved < move); l = next) {
		struct sleeper *s = container_of(l, struct sleeper, link);

		next = l->next;
		if (!key_is(s, k) || !(s->bits & bits)) continue;
		if (woken < n) {
			sleeper_wake(s);
			woken++;
		} else if (moved < move) {
			sleeper_move(s, to);
			moved++;
		}
	}
	return woken + moved;
}

static long futex_wake(const struct key *k, uint32_t n, uint32_t bits)
{
	struct bucket *b = bucket_of(k);
	long rc;

	spin_lock(&b->lock);
	rc = wake_locked(k, bits, n, NULL, 0);
	spin_unlock(&b->lock);
	return rc;
}

void futex_wake_one(uaddr_t at)
{
	struct key k;

	if (!key_of(at, false, &k)) futex_wake(&k, 1, ~0u);
}

static long futex_requeue(uaddr_t at, const struct key *k, uint32_t wake, uint32_t move, uaddr_t at2, bool private,
                          bool compare, uint32_t val)
{
	struct bucket *a = bucket_of(k), *b;
	struct key to;
	uint32_t word;
	long rc = key_of(at2, private, &to);

	if ((int)wake < 0 || (int)move < 0) return -EINVAL;
	if (rc) return rc;
	b = bucket_of(&to);
	if (compare && (rc = word_lock(a, b, at, &word))) return rc;
	if (!compare) buckets_lock(a, b);
	rc = compare && word != val ? -EAGAIN : wake_locked(k, ~0u, wake, &to, move);
	buckets_unlock(a, b);
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
