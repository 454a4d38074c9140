/* SPDX-License-Identifier: MIT */
/* fs/vfs_lock.h - RING 3 - locks on files: POSIX record locks, Linux's open-file-description locks, flock().
 *
 * The first two are one kind: ranges of bytes, of an owner (a process, or a description).  flock()'s are of a
 * description and on the whole file, and never meet the others (Linux, flock(2)).  An owner is any number but 0; the
 * table does not look at it, but that processes' (LOCK_OWNER_PID) can end in a deadlock that is told.
 */
#ifndef FS_VFS_LOCK_H
#define FS_VFS_LOCK_H

#include "fs/vfs.h"

struct lock_range {
	uint64_t owner;
	uint32_t uid;           /* of a request: whose share it takes of (vfs_share.h) */
	bool     flock;         /* of flock(), else of fcntl() */
	short    type;          /* F_RDLCK, F_WRLCK; F_UNLCK in a request */
	int64_t  start, end;    /* the first byte and the last; INT64_MAX: to the end, wherever it will be */
};

static inline bool lock_owner_pid(uint64_t owner) { return owner <= UINT32_MAX; }

/* Ask, change, wait.  The token is the caller's, to be answered by lock_answer() when the lock has become its own.
 * get: the first lock that is in the way, by its start; *out.type F_UNLCK: none.
 * set: 0, -EAGAIN, -ENOLCK (no room); wait: 0, 1 (it waits), -EDEADLK, -ENOLCK */
void lock_get(struct vnode *, const struct lock_range *want, struct lock_range *out);
int lock_set(struct vnode *, const struct lock_range *);
int lock_wait(struct vnode *, const struct lock_range *, uint64_t token);
void lock_close(struct vnode *, uint64_t owner);        /* the owner has gone: all that it had on this file */
void lock_drop_all(struct vnode *);                     /* vnode_free() */

/* Whoever receives the messages (srv_lock.c) has these.  lock_waits: is anybody still waiting behind this token?
 * lock_answer: 0, or -ESRCH: nobody is. */
bool lock_waits(uint64_t token);
int lock_answer(uint64_t token);

#endif
