/* SPDX-License-Identifier: MIT */
/* fs/vfs_mount.c - RING 3 - the mount table: which file system covers which directory.
 *
 * Path:  disks.c, call_mount.c > [vfs_mount.c] > a file system's sync(), unmount()
 * Use:   mount_new(), the file system's own mount function, mount_attach(); mount_detach().
 *
 * T1  mnt->root and mnt->covers are referenced; covers->covered_by == mnt.
 * T2  A file system with a file open, or with something mounted on it, is not unmounted: -EBUSY.
 * T3  A detached mount covers nothing; mounts_sweep() unmounts it as soon as T2 allows.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/vfs_int.h"

struct mount *vfs_mounts;
static uint64_t next_dev = 1;

struct vnode *vfs_root(void)
{
	return vfs_mounts->root;
}

/* mount_new: not attached to anything yet; the file system's mount function sets ops, root and fs.  NULL: no memory */
struct mount *mount_new(const char *type, const char *source, const char *target, bool readonly)
{
	struct mount *m = calloc(1, sizeof(*m));

	if (!m) return NULL;
	snprintf(m->type, sizeof(m->type), "%s", type);
	snprintf(m->source, sizeof(m->source), "%s", source);
	snprintf(m->target, sizeof(m->target), "%s", target);
	m->readonly = readonly;
	m->dev = next_dev++;            /* st_dev: unlike any other mount's since the machine started */
	return m;
}

/* mount_attach: from now on every path leads through it.  -ENOTDIR; -EBUSY: something is mounted here already */
int mount_attach(struct mount *m, struct vnode *covers)
{
	struct mount **tail = &vfs_mounts;

	if (covers && !S_ISDIR(covers->mode)) return -ENOTDIR;
	if (covers && (covers->covered_by || !S_ISDIR(m->root->mode))) return -EBUSY;

	while (*tail) tail = &(*tail)->next;
	*tail = m;
	m->covers = covers;
	if (covers) {
		vnode_ref(covers);
		covers->covered_by = m;
	}
	return 0;
}

void mount_drop(struct mount *m)
{
	free(m);
}

/* T2: is anything of this mount in use?  A working directory is a descriptor, too; what is only mapped, and no
 * longer open, the file system itself knows by its objects. */
bool mount_busy(const struct mount *m)
{
	for (const struct mount *o = vfs_mounts; o; o = o->next) {
		if (o->covers && o->covers->mnt == m) return true;
	}
	return vnode_any_open(m);
}

static void mount_uncover(struct mount *m)
{
	m->covers->covered_by = NULL;
	vnode_put(m->covers);
	m->covers = NULL;
}

/* mount_detach: unmount what has this root.  The file system's unmount() says -EBUSY if a file of it is in use, else
 * it writes everything back, gives up its root vnode and all others. */
int mount_detach(struct vnode *root)
{
	struct mount *m = root->mnt, **p = &vfs_mounts;
	int rc;

	if (root != m->root) return -EINVAL;
	if (!m->covers || mount_busy(m)) return -EBUSY;
	rc = m->ops->unmount ? m->ops->unmount(m) : -EBUSY;
	if (rc) return rc;

	while (*p != m) p = &(*p)->next;
	*p = m->next;
	mount_uncover(m);
	mount_drop(m);
	return 0;
}

/* Is o mounted on m, or on something that is? */
static bool mount_above(const struct mount *o, const struct mount *m)
{
	while (o != m && o->covers) o = o->covers->mnt;
	return o == m;
}

/* mount_detach_lazily: umount2(2), MNT_DETACH: no path leads to it any more, nor to what is mounted on it. */
int mount_detach_lazily(struct vnode *root)
{
	struct mount *m = root->mnt;

	if (root != m->root) return -EINVAL;
	if (!m->covers) return -EBUSY;
	for (struct mount *o = vfs_mounts; o; o = o->next) o->detached |= mount_above(o, m);
	for (struct mount *o = vfs_mounts; o; o = o->next) {
		if (o->detached && o->covers) mount_uncover(o);
	}
	mounts_sweep();
	return 0;
}

void mounts_sweep(void)
{
	struct mount **p = &vfs_mounts, *m;

	while ((m = *p)) {
		if (!m->detached || mount_busy(m) || !m->ops->unmount || m->ops->unmount(m)) {
			p = &m->next;
			continue;
		}
		*p = m->next;
		mount_drop(m);
	}
}

/* vfs_sync: metadata back to the disks; flush: and then their caches.  Data is the kernel's to write. */
int vfs_sync(bool flush)
{
	int first = 0;

	for (struct mount *m = vfs_mounts; m; m = m->next) {
		int rc = m->ops->sync && !m->readonly ? m->ops->sync(m, flush) : 0;

		if (rc && !first) first = rc;
	}
	return first;
}
