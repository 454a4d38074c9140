/* SPDX-License-Identifier: MIT */
/* fs/vfs_node.c - RING 3 - vnodes: the file server's handles on files, found by the number that the kernel knows.
 *
 * Path:  srv_name.c, srv_pager.c > [vfs_node.c] > a file system's inactive()
 * Use:   vnode_new() gives one reference; vnode_ref(), vnode_put().  With the last one gone the file system decides
 *        whether to keep the vnode for later (fs/vfs.h, inactive).
 *
 * N1  A number names one vnode for ever: numbers count up and are not used again, so that a stale one, of a
 *     descriptor or a pager message that outlived its file, finds nothing instead of something else.
 * N2  A vnode is in the table from vnode_new() to vnode_free().
 * N3  opens <= refs: each descriptor of the kernel holds a reference.
 */
#include <stdlib.h>

#include "fs/vfs_int.h"
#include "fs/vfs_lock.h"

#include "abi/name.h"

#define NBUCKETS 1024u          /* a power of two; numbers count up, so that they spread by themselves */

static struct vnode *bucket[NBUCKETS];
static uint64_t next_node = NODE_ROOT + 1;      /* NODE_ROOT itself means "the root, whatever is mounted there" */
static size_t count;

struct vnode *vnode_new(struct mount *mnt, uint64_t ino, mode_t mode)
{
	struct vnode *vn = calloc(1, sizeof(*vn));

	if (!vn) return NULL;
	vn->ops = mnt->ops;
	vn->mnt = mnt;
	vn->ino = ino;
	vn->mode = mode;
	vn->refs = 1;
	vn->node = next_node++;                 /* N1: 2^64 of them last */
	vn->hash_next = bucket[vn->node % NBUCKETS];
	bucket[vn->node % NBUCKETS] = vn;
	count++;
	return vn;
}

void vnode_ref(struct vnode *vn)
{
	vn->refs++;
}

void vnode_put(struct vnode *vn)
{
	if (--vn->refs == 0) vn->ops->inactive(vn);
}

/* vnode_free: the file system is done with it.  => no reference is left; pages of its object that are mapped live on
 * in the kernel, which holds the object as long as it needs it. */
void vnode_free(struct vnode *vn)
{
	struct vnode **p = &bucket[vn->node % NBUCKETS];

	while (*p && *p != vn) p = &(*p)->hash_next;
	if (*p) *p = vn->hash_next;
	count--;
	lock_drop_all(vn);
	if (vn->object) object_close(vn);
	free(vn->name);
	free(vn);
}

/* vnode_by_number: of a message's node or cookie.  No reference: it is good until the message is done. */
struct vnode *vnode_by_number(uint64_t node)
{
	struct vnode *vn;

	if (node == NODE_ROOT) return vfs_root();
	for (vn = bucket[node % NBUCKETS]; vn && vn->node != node; vn = vn->hash_next) { }
	return vn;
}

/* vnode_next: the vnodes of a mount, one after the other, from NULL on.  => none comes or goes meanwhile */
struct vnode *vnode_next(const struct mount *m, const struct vnode *last)
{
	uint64_t i = last ? last->node % NBUCKETS : 0;
	struct vnode *vn = last ? last->hash_next : bucket[0];

	while (!vn || vn->mnt != m) {
		if (vn) vn = vn->hash_next;
		else if (++i < NBUCKETS) vn = bucket[i];
		else return NULL;
	}
	return vn;
}

/* vnode_by_ino: a search of all, for what is rare. */
struct vnode *vnode_by_ino(const struct mount *m, uint64_t ino)
{
	struct vnode *vn = vnode_next(m, NULL);

	while (vn && vn->ino != ino) vn = vnode_next(m, vn);
	return vn;
}

/* Does the kernel have a descriptor on anything of this mount? */
bool vnode_any_open(const struct mount *m)
{
	struct vnode *vn = vnode_next(m, NULL);

	while (vn && !vn->opens) vn = vnode_next(m, vn);
	return vn;
}

size_t vnode_count(void)
{
	return count;
}

/* vnode_check: N2 and N3.  Called by the unit tests after every test. */
void vnode_check(void)
{
	size_t n = 0;

	for (unsigned i = 0; i < NBUCKETS; i++) {
		for (struct vnode *vn = bucket[i]; vn; vn = vn->hash_next) {
			if (vn->node % NBUCKETS != i || vn->opens > vn->refs || vn->ops != vn->mnt->ops) abort();
			n++;
		}
	}
	if (n != count) abort();
}
