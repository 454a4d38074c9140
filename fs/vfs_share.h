/* SPDX-License-Identifier: MIT */
/* fs/vfs_share.h - RING 3 - what a user may take of what this server has for all of them. */
#ifndef FS_VFS_SHARE_H
#define FS_VFS_SHARE_H

#include <stdbool.h>
#include <stdint.h>

enum share {
	SHARE_LOCKS,            /* locks on files */
	SHARE_TEXTS,            /* bytes of /proc's texts */
	SHARE_NAMES,            /* bytes of tmpfs's inodes and names */
	SHARE_SEGMENTS,         /* of System V shared memory */
	SHARE_OBJECTS,          /* memory objects, open named pipes: each takes a handle */
	SHARES
};

bool share_take(enum share, uint32_t uid, uint64_t n);  /* false: there is no more, or no more for this user */
bool share_add(enum share, uint32_t uid, uint64_t n);   /* the same unasked; true for who has something */
void share_give(enum share, uint32_t uid, uint64_t n);  /* by whom it was taken */
void share_limit(enum share, uint64_t n);               /* how much there is for all */

#endif
