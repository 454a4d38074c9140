/* SPDX-License-Identifier: MIT */
/* fs/vfs_rename.c - RING 3 - rename(): all its rules in one place (POSIX.1-2017 rename(), ERRORS).
 *
 * Path:  srv_name.c > [vfs_rename.c] > vfs_path.c, vfs_perm.c > a file system's rename()
 * The file system is asked only when nothing but "not empty", "no room" or a bad disk can go wrong.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fs/vfs_int.h"

#define RENAME_NOREPLACE_FLAG 1u        /* linux/fs.h; musl names them only with _GNU_SOURCE in stdio.h */
#define RENAME_EXCHANGE_FLAG  2u

/* Is `dir` the directory `top`, or somewhere below it?  1, 0 or -errno.  On a damaged disk the way up may be a circle:
 * whoever walks on meets a directory again that it looked at after 1, 2, 4, 8 ... steps. */
static int dir_within(struct vnode *dir, struct vnode *top)
{
	uint64_t seen = 0;
	struct vnode *up;
	int rc = 0;

	vnode_ref(dir);
	for (uint64_t steps = 1; dir != top && dir != dir->mnt->root; steps++) {
		rc = dir->ino == seen ? -EIO : dir->ops->parent(dir, &up);
		if (rc) break;
		if ((steps & (steps - 1)) == 0) seen = dir->ino;
		vnode_put(dir);
		dir = up;
	}
	if (!rc) rc = dir == top;
	vnode_put(dir);
	return rc;
}

/* What POSIX says of the two directory entries, whatever their kinds. */
static int names_fit(struct walk *from, struct walk *to)
{
	if (from->last != LAST_NAME || to->last != LAST_NAME) return -EBUSY;
	if (from->at->mnt != to->at->mnt) return -EXDEV;
	return 0;
}

/* Directories replace directories, all else replaces all else; slashes say "directory"; a mount point stays. */
static int kinds_fit(const struct walk *from, const struct walk *to, const struct vnode *old, const struct vnode *new)
{
	bool dir = S_ISDIR(old->mode);

	if (!dir && (from->slash || to->slash)) return -ENOTDIR;
	if (new && dir && !S_ISDIR(new->mode)) return -ENOTDIR;
	if (new && !dir && S_ISDIR(new->mode)) return -EISDIR;
	if (old->covered_by || (new && new->covered_by)) return -EBUSY;
	return 0;
}

/* A name leaves one directory and comes into the other, where another may have to leave. */
static int rename_allowed(struct walk *from, struct walk *to, struct vnode *old, struct vnode *new)
{
	int rc = perm_delete(from->at, old, from->cred);

	if (!rc) rc = new ? perm_delete(to->at, new, to->cred) : perm_check(to->at, W_OK | X_OK, to->cred);
	/* A directory that changes its parent has its ".." rewritten: that is a write to it. */
	if (!rc && S_ISDIR(old->mode) && from->at != to->at) rc = perm_check(old, W_OK, from->cred);
	return rc;
}

/* A directory does not go into itself, and does not replace one of its own ancestors. */
static int no_cycle(struct walk *from, struct walk *to, struct vnode *old, struct vnode *new)
{
	int rc;

	if (S_ISDIR(old->mode)) {
		rc = dir_within(to->at, old);
		if (rc) return rc < 0 ? rc : -EINVAL;
	}
	if (new && S_ISDIR(new->mode)) {
		rc = dir_within(from->at, new);
		if (rc) return rc < 0 ? rc : -ENOTEMPTY;
	}
	return 0;
}

/* A removed directory takes no names. */
static int target_alive(struct vnode *dir)
{
	struct stat st = {0};
	int rc = dir->ops->getattr(dir, &st);

	return rc ? rc : st.st_nlink == 0 ? -ENOENT : 0;
}

/* RENAME_EXCHANGE: each is moved to the other's place; any two kinds may change places. */
static int exchange_found(struct walk *from, struct walk *to, struct vnode *old, struct vnode *new)
{
	int rc = no_cycle(from, to, old, new);

	if (rc == -ENOTEMPTY) rc = -EINVAL;
	if (!rc && ((from->slash && !S_ISDIR(old->mode)) || (to->slash && !S_ISDIR(new->mode)))) rc = -ENOTDIR;
	if (rc || old == new) return rc;
	rc = rename_allowed(from, to, old, new);
	if (!rc && S_ISDIR(new->mode) && from->at != to->at) rc = perm_check(new, W_OK, to->cred);
	if (!rc && (old->covered_by || new->covered_by)) rc = -EBUSY;
	if (rc) return rc;

	rc = from->at->ops->exchange ?
	     from->at->ops->exchange(from->at, from->name, from->len, to->at, to->name, to->len) : -EINVAL;
	if (!rc) vnode_named(old, to->at, to->name, to->len);
	if (!rc) vnode_named(new, from->at, from->name, from->len);
	return rc;
}

/* Both ends are known: check in Linux's order, then do it. */
static int rename_found(struct walk *from, struct walk *to, struct vnode *old, struct vnode *new, unsigned flags)
{
	int rc = no_cycle(from, to, old, new);

	if (!rc && new && (flags & RENAME_NOREPLACE_FLAG)) rc = -EEXIST;
	/* POSIX: two names of one file: nothing is done, both stay. */
	if (!rc && old == new) return from->slash && !S_ISDIR(old->mode) ? -ENOTDIR : 0;
	if (!rc) rc = rename_allowed(from, to, old, new);
	if (!rc) rc = kinds_fit(from, to, old, new);
	if (!rc) rc = target_alive(to->at);
	if (rc) return rc;

	rc = from->at->ops->rename(from->at, from->name, from->len, to->at, to->name, to->len);
	if (!rc) vnode_named(old, to->at, to->name, to->len);
	return rc;
}

/* vfs_rename: flags: RENAME_NOREPLACE or RENAME_EXCHANGE.  The new name may be missing, its directory may not. */
int vfs_rename(struct name_at a, struct name_at b, unsigned flags, struct cred c)
{
	struct vnode *old = NULL, *new = NULL;
	static struct walk from, to;            /* 9 KiB are better not on a server's stack */
	int rc;

	if (flags > RENAME_EXCHANGE_FLAG) return -EINVAL;       /* not both */
	to.at = NULL;
	rc = walk_start(&from, a.start, a.path, a.len, c);
	if (!rc) rc = walk_last(&from);
	if (!rc) rc = walk_start(&to, b.start, b.path, b.len, c);
	if (!rc) rc = walk_last(&to);
	if (!rc) rc = names_fit(&from, &to);
	if (!rc) rc = walk_below(&from, &old);
	if (!rc) {
		rc = walk_below(&to, &new);
		if (rc == -ENOENT && !(flags & RENAME_EXCHANGE_FLAG)) rc = 0;
	}
	if (!rc && (flags & RENAME_EXCHANGE_FLAG)) rc = exchange_found(&from, &to, old, new);
	else if (!rc) rc = rename_found(&from, &to, old, new, flags);
	if (old) vnode_put(old);
	if (new) vnode_put(new);
	walk_end(&from);
	walk_end(&to);
	return rc;
}
