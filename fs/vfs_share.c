/* SPDX-License-Identifier: MIT */
/* fs/vfs_share.c - RING 3 - this server's memory is wired and its tables have ends: no user may take it all.
 *
 * Path:  vfs_lock.c, procfs_text.c, tmpfs.c, sysv_shm.c, blkclient.c, srv_name.c > [vfs_share.c]
 *
 * S1  Whoever but root takes something has, with it, no more than what is left for the others.  So the first user may
 *     have half of all, the next one half of the rest, and so on.
 */
#include <stdlib.h>

#include "fs/vfs_share.h"

#define BUCKETS 64u

struct user {
	struct user *next;
	uint32_t uid;
	uint64_t has[SHARES];           /* not 0 all of them, or it is gone */
};

static struct user *users[BUCKETS];
static uint64_t taken[SHARES];
static uint64_t limits[SHARES] = {
	[SHARE_LOCKS] = 65536,
	[SHARE_TEXTS] = 16u << 20,
	[SHARE_NAMES] = 16u << 20,
	[SHARE_SEGMENTS] = 4096,        /* Linux's SHMMNI */
	[SHARE_OBJECTS] = 28000,        /* the kernel gives 32,768 handles; runs on their way need some */
};

static struct user **user_at(uint32_t uid)
{
	struct user **p = &users[uid % BUCKETS];

	while (*p && (*p)->uid != uid) p = &(*p)->next;
	return p;
}

bool share_take(enum share kind, uint32_t uid, uint64_t n)
{
	const struct user *u = *user_at(uid);
	uint64_t left = limits[kind] > taken[kind] ? limits[kind] - taken[kind] : 0;

	if (n > left || (uid && (u ? u->has[kind] : 0) + n > left - n)) return false;
	return share_add(kind, uid, n);
}

bool share_add(enum share kind, uint32_t uid, uint64_t n)
{
	struct user **p = user_at(uid), *u = *p ? *p : calloc(1, sizeof(*u));

	if (!u) return false;
	u->uid = uid;
	u->has[kind] += n;
	taken[kind] += n;
	*p = u;
	return true;
}

void share_give(enum share kind, uint32_t uid, uint64_t n)
{
	struct user **p = user_at(uid), *u = *p;

	if (!n) return;
	u->has[kind] -= n;
	taken[kind] -= n;
	for (unsigned i = 0; i < SHARES; i++) {
		if (u->has[i]) return;
	}
	*p = u->next;
	free(u);
}

void share_limit(enum share kind, uint64_t n)
{
	limits[kind] = n;
}
