/* SPDX-License-Identifier: MIT */
/* fs/vfs_where.c - RING 3 - where a file is: /proc wants paths of files that are only known as open or mapped.
 *
 * Path:  vfs_name.c, vfs_rename.c > vnode_named(); procfs_*.c > vfs_path()
 * A file does not know its names.  So the last one by which it was opened is kept, with the number of the directory;
 * nothing holds that directory, and the name is believed only if it still leads to the file.  The way from the
 * directory up is found by climbing, as for getcwd().  What has no type (an eventfd) has no path, only what it is called.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/vfs_int.h"

#define DELETED " (deleted)"            /* Linux's word for it, proc(5) */

/* Without memory the file is one without a name. */
void vnode_named(struct vnode *vn, const struct vnode *dir, const char *name, size_t len)
{
	if (vn->name && vn->dir_ino == dir->ino && strlen(vn->name) == len && memcmp(vn->name, name, len) == 0) return;
	free(vn->name);
	vn->name = strndup(name, len);
	vn->dir_ino = dir->ino;
}

/* The directory where it was opened, if there still is one of this number. */
static int dir_of(const struct vnode *vn, struct vnode **dir)
{
	*dir = vnode_by_ino(vn->mnt, vn->dir_ino);
	if (*dir) vnode_ref(*dir);
	else if (vn->mnt->ops->by_ino) return vn->mnt->ops->by_ino(vn->mnt, vn->dir_ino, dir);
	return *dir && S_ISDIR((*dir)->mode) ? 0 : -ENOENT;
}

/* Does this name lead to it?  By number: in some file systems each lookup makes a vnode. */
static bool leads_to(struct vnode *dir, const struct vnode *vn)
{
	struct vnode *now;
	bool same;

	if (dir->ops->lookup(dir, vn->name, strlen(vn->name), &now)) return false;
	same = now->ino == vn->ino;
	vnode_put(now);
	return same;
}

int vfs_path(struct vnode *vn, char *buf, size_t len)
{
	struct vnode *dir = NULL;
	bool there;
	size_t n;

	if (!(vn->mode & S_IFMT)) return (size_t)snprintf(buf, len, "%s", vn->name) < len ? 0 : -ENAMETOOLONG;
	if (S_ISDIR(vn->mode) && !vfs_getcwd(vn, vfs_root(), buf, len, &n)) return 0;
	there = vn->name && !dir_of(vn, &dir) && !vfs_getcwd(dir, vfs_root(), buf, len, &n);
	if (!there) strcpy(buf, "/");
	there = there && leads_to(dir, vn);
	if (dir) vnode_put(dir);
	if (strlen(buf) + (vn->name ? strlen(vn->name) : 0) + sizeof("/" DELETED) > len) return -ENAMETOOLONG;
	if (buf[1]) strcat(buf, "/");
	if (vn->name) strcat(buf, vn->name);
	if (!there) strcat(buf, DELETED);
	return 0;
}
