/* SPDX-License-Identifier: MIT */
/* fs/vfs_lock.c - RING 3 - the table of locks on files, and those who wait for one.
 *
 * Path:  srv_lock.c > [vfs_lock.c] > lock_answer() of srv_lock.c
 *
 * K1  Ranges of one owner on one file do not overlap, and neighbours of one type are one range.
 * K2  Ranges of two owners overlap only if both are read locks.
 * K3  A lock is given away only after its waiter was told: one that a signal took away meanwhile gets nothing.
 * K4  Whoever waits is in the way of nobody: only locks are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "fs/vfs_lock.h"
#include "fs/vfs_share.h"

struct lock { struct lock *next; struct lock_range r; uint32_t payer; };
struct room { struct lock *lock[2]; };  /* what a change may need, had before anything is changed */
struct lock_waiter {
	struct lock_waiter *next;       /* in order of arrival, of all files */
	struct vnode *vn;
	struct lock_range r;
	uint64_t token;
	struct room room;
	unsigned seen;                  /* search_no of the search for a deadlock that came by last */
	struct lock_waiter *found;      /* of that search: what else is to be looked at */
};

static struct lock_waiter *waiters;
static unsigned search_no;

static void lock_free(struct lock *l)
{
	if (l) share_give(SHARE_LOCKS, l->payer, 1);
	free(l);
}

static struct lock *lock_new(uint32_t uid)
{
	struct lock *l = malloc(sizeof(*l));

	if (l && share_take(SHARE_LOCKS, uid, 1)) {
		l->payer = uid;
		return l;
	}
	free(l);
	return NULL;
}

static void room_free(struct room *room)
{
	lock_free(room->lock[0]);
	lock_free(room->lock[1]);
}

/* Does taking the range away leave two pieces of a lock?  Only then an unlock needs room. */
static bool splits(const struct vnode *vn, const struct lock_range *r)
{
	for (const struct lock *l = vn->locks; l; l = l->next) {
		if (l->r.owner == r->owner && l->r.flock == r->flock && l->r.start < r->start && r->end < l->r.end)
			return true;
	}
	return false;
}

static int room_get(const struct vnode *vn, const struct lock_range *r, struct room *room)
{
	*room = (struct room){0};
	if (r->type == F_UNLCK && !splits(vn, r)) return 0;
	for (int i = 0; i < 2; i++) room->lock[i] = lock_new(r->uid);
	if (room->lock[0] && room->lock[1]) return 0;
	room_free(room);
	return -ENOLCK;
}

static bool overlap(const struct lock_range *a, const struct lock_range *b)
{
	return a->start <= b->end && b->start <= a->end;
}

static bool in_the_way(const struct lock_range *have, const struct lock_range *want)
{
	return have->flock == want->flock && have->owner != want->owner && overlap(have, want) &&
	       (have->type == F_WRLCK || want->type == F_WRLCK);
}

static const struct lock *conflict(const struct vnode *vn, const struct lock_range *want)
{
	const struct lock *first = NULL;

	for (const struct lock *l = vn->locks; l; l = l->next) {
		if (in_the_way(&l->r, want) && (!first || l->r.start < first->r.start)) first = l;
	}
	return first;
}

void lock_get(struct vnode *vn, const struct lock_range *want, struct lock_range *out)
{
	const struct lock *l = conflict(vn, want);

	*out = l ? l->r : (struct lock_range){.type = F_UNLCK};
}

/* l: out of somebody's room, which is then without it. */
static void lock_add(struct vnode *vn, struct lock **l, const struct lock_range *r)
{
	(*l)->next = vn->locks;
	(*l)->r = *r;
	vn->locks = *l;
	*l = NULL;
}

static void lock_remove(struct lock **p)
{
	struct lock *l = *p;

	*p = l->next;
	lock_free(l);
}

/* Do they touch, so that two of one type are one?  (INT64_MAX has no byte behind it.) */
static bool adjacent(const struct lock_range *a, const struct lock_range *b)
{
	return (a->end < b->start && a->end + 1 == b->start) || (b->end < a->start && b->end + 1 == a->start);
}

/* Take the range out of the owner's lock *p: it may go, become shorter, or leave two pieces.  *spare is used then.
 * true: *p is still there */
static bool lock_cut(struct vnode *vn, struct lock **p, const struct lock_range *r, struct lock **spare)
{
	struct lock *l = *p;
	struct lock_range right = l->r;

	if (l->r.start < r->start && r->end < l->r.end) {
		right.start = r->end + 1;
		l->r.end = r->start - 1;
		lock_add(vn, spare, &right);
	} else if (l->r.start < r->start) {
		l->r.end = r->start - 1;
	} else if (r->end < l->r.end) {
		l->r.start = r->end + 1;
	} else {
		lock_remove(p);
		return false;
	}
	return true;
}

/* K1: what the owner had in the range gives way; what it has of the same type melts into it.  Cannot fail. */
static void lock_apply(struct vnode *vn, struct lock_range r, struct room *room)
{
	struct lock **p = &vn->locks;

	while (*p) {
		struct lock *l = *p;
		bool mine = l->r.owner == r.owner && l->r.flock == r.flock;

		if (mine && l->r.type == r.type && (overlap(&l->r, &r) || adjacent(&l->r, &r))) {
			if (l->r.start < r.start) r.start = l->r.start;
			if (l->r.end > r.end) r.end = l->r.end;
			lock_remove(p);
		} else if (!mine || !overlap(&l->r, &r) || lock_cut(vn, p, &r, &room->lock[1])) {
			p = &l->next;
		}
	}
	if (r.type != F_UNLCK) lock_add(vn, &room->lock[0], &r);
	room_free(room);
}

/* Who waited for this file and can go on now.  K3: an answer first; no other message comes between it and the lock.
 * A lock that was given may be for reading where its owner had one for writing: then those before it
 * are asked again. */
static void waiters_serve(struct vnode *vn)
{
	struct lock_waiter **p = &waiters, *w;

	while ((w = *p)) {
		if (w->vn != vn || conflict(vn, &w->r)) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		if (lock_answer(w->token) == 0) {
			lock_apply(vn, w->r, &w->room);
			p = &waiters;
		} else {
			room_free(&w->room);
		}
		free(w);
	}
}

/* flock(2): a change of type is not atomic: the old lock goes first, and is gone if the new one cannot be had.
 * true: there is nothing to change */
static bool flock_convert(struct vnode *vn, const struct lock_range *r)
{
	for (struct lock **p = &vn->locks; *p; p = &(*p)->next) {
		if (!(*p)->r.flock || (*p)->r.owner != r->owner) continue;
		if ((*p)->r.type == r->type) return true;
		lock_remove(p);
		waiters_serve(vn);
		return false;
	}
	return false;
}

int lock_set(struct vnode *vn, const struct lock_range *r)
{
	struct room room;

	if (r->flock && flock_convert(vn, r)) return 0;
	if (r->type != F_UNLCK && conflict(vn, r)) return -EAGAIN;
	if (room_get(vn, r, &room)) return -ENOLCK;

	lock_apply(vn, *r, &room);
	waiters_serve(vn);              /* less may be locked now, or for reading only */
	return 0;
}

static void waiter_free(struct lock_waiter *w)
{
	room_free(&w->room);
	free(w);
}

/* Those whom a signal took away are still in the list until somebody comes by. */
static void waiters_sweep(const struct vnode *vn)
{
	struct lock_waiter **p = &waiters, *w;

	while ((w = *p)) {
		if (w->vn != vn || lock_waits(w->token)) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		waiter_free(w);
	}
}

/* One step of the search: those who wait and have a lock that is in the way of `want`.  Each is put on the list once.
 * true: the target itself has one */
static bool blockers_add(const struct vnode *vn, const struct lock_range *want, uint64_t target,
                         struct lock_waiter **list)
{
	for (const struct lock *l = vn->locks; l; l = l->next) {
		if (!in_the_way(&l->r, want) || !lock_owner_pid(l->r.owner)) continue;
		if (l->r.owner == target) return true;
		for (struct lock_waiter *w = waiters; w; w = w->next) {
			if (w->r.owner != l->r.owner || w->r.flock || w->seen == search_no) continue;
			w->seen = search_no;
			if (!lock_waits(w->token)) continue;
			w->found = *list;
			*list = w;
		}
	}
	return false;
}

/* Would the owner wait for itself, however many others are between?  No recursion: a program makes the chain as long as
 * it likes, and our stack is short. */
static bool leads_to_owner(const struct vnode *vn, const struct lock_range *r)
{
	struct lock_waiter *list = NULL, *w;

	if (blockers_add(vn, r, r->owner, &list)) return true;
	while ((w = list)) {
		list = w->found;
		if (blockers_add(w->vn, &w->r, r->owner, &list)) return true;
	}
	return false;
}

/* POSIX fcntl(): EDEADLK.  Linux tells it for processes alone. */
static bool deadlock(const struct vnode *vn, const struct lock_range *r)
{
	search_no++;
	return !r->flock && lock_owner_pid(r->owner) && leads_to_owner(vn, r);
}

int lock_wait(struct vnode *vn, const struct lock_range *r, uint64_t token)
{
	struct lock_waiter **p = &waiters, *w;
	int rc = lock_set(vn, r);

	if (rc != -EAGAIN) return rc;
	waiters_sweep(vn);
	if (deadlock(vn, r)) return -EDEADLK;
	w = calloc(1, sizeof(*w));
	if (!w || room_get(vn, r, &w->room)) {
		free(w);
		return -ENOLCK;
	}

	w->vn = vn;
	w->r = *r;
	w->token = token;
	while (*p) p = &(*p)->next;
	*p = w;
	return 1;
}

void lock_close(struct vnode *vn, uint64_t owner)
{
	bool any = false;

	for (struct lock **p = &vn->locks; *p;) {
		if ((*p)->r.owner != owner) {
			p = &(*p)->next;
			continue;
		}
		lock_remove(p);
		any = true;
	}
	if (any) waiters_serve(vn);
}

void lock_drop_all(struct vnode *vn)
{
	while (vn->locks) lock_remove(&vn->locks);
	for (struct lock_waiter **p = &waiters, *w; (w = *p);) {
		if (w->vn != vn) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		waiter_free(w);
	}
}
