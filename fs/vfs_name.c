/* SPDX-License-Identifier: MIT */
/* fs/vfs_name.c - RING 3 - names: open, create, mkdir, unlink, rmdir, symlink, link.
 *
 * Path:  srv_name.c > [vfs_name.c] > vfs_path.c, vfs_perm.c > a file system's create(), mkdir(), unlink() ...
 * Each function walks, checks everything, and below the blank line asks the file system, which then can fail only
 * for want of room or of a working disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "abi/ipc.h"
#include "fs/vfs_int.h"

/* A new file takes its directory's group if that has the setgid bit, else the maker's (POSIX 4: file creation). */
static struct cred cred_in(const struct vnode *dir, struct cred c)
{
	if (dir->mode & S_ISGID) c.gid = dir->gid;
	return c;
}

/* Linux: nobody makes a program that runs as a group which he is not in. */
static mode_t mode_in(const struct vnode *dir, mode_t mode, struct cred c)
{
	bool runs = (mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);

	if (runs && (dir->mode & S_ISGID) && c.uid && !perm_in_group(dir->gid, c)) mode &= ~(mode_t)S_ISGID;
	return mode;
}

/* A directory that was removed while somebody stood in it takes no new names: -ENOENT. */
static int dir_alive(struct vnode *dir)
{
	struct stat st = {0};
	int rc = dir->ops->getattr(dir, &st);

	return rc ? rc : st.st_nlink == 0 ? -ENOENT : 0;
}

/* name_new: check that w's last component can be made.  dir: slashes behind it are allowed. */
int name_new(struct walk *w, bool dir)
{
	struct vnode *vn;
	int rc;

	if (w->last != LAST_NAME) return -EEXIST;
	rc = walk_below(w, &vn);
	if (!rc) {
		vnode_put(vn);
		return -EEXIST;
	}
	if (rc != -ENOENT) return rc;
	if (w->slash && !dir) return -ENOENT;
	rc = perm_check(w->at, W_OK | X_OK, w->cred);
	return rc ? rc : dir_alive(w->at);
}

/* POSIX open(), O_CREAT: the kernel has taken the umask off the mode. */
static int open_create(struct walk *w, mode_t mode, struct vnode **out)
{
	int rc = perm_check(w->at, W_OK | X_OK, w->cred);

	if (!rc) rc = dir_alive(w->at);
	if (rc) return rc;

	mode = (mode & S_IFMT ? mode & S_IFMT : S_IFREG) | (mode_in(w->at, mode, w->cred) & 07777);
	return w->at->ops->create(w->at, w->name, w->len, mode, cred_in(w->at, w->cred), out);
}

/* The file exists: may it be opened so?  POSIX open(), ERRORS. */
static int open_allowed(const struct vnode *vn, bool slash, int flags, struct cred c)
{
	int acc = flags & O_ACCMODE;
	unsigned want = (acc != O_WRONLY ? R_OK : 0u) | (acc != O_RDONLY || (flags & O_TRUNC) ? W_OK : 0u);

	if (flags & O_PATH_FLAG) return (slash || (flags & O_DIRECTORY)) && !S_ISDIR(vn->mode) ? -ENOTDIR : 0;
	if (S_ISLNK(vn->mode)) return -ELOOP;
	if ((slash || (flags & O_DIRECTORY)) && !S_ISDIR(vn->mode)) return -ENOTDIR;
	if (S_ISDIR(vn->mode) && ((want & W_OK) || (flags & O_CREAT))) return -EISDIR;
	if (S_ISSOCK(vn->mode)) return -ENXIO;
	if ((flags & O_NOATIME_FLAG) && !perm_owner(vn, c)) return -EPERM;
	return perm_check(vn, want, c);
}

/* Walk to the last component and on through symlinks, to the file or to the place where it is to be made. */
static int open_find(struct walk *w, int flags, mode_t mode, struct vnode **vn, bool *created)
{
	bool excl = (flags & O_CREAT) && (flags & O_EXCL);
	int rc;

	for (;;) {
		rc = walk_last(w);
		if (rc) return rc;
		rc = walk_find(w, vn);
		if (rc == -ENOENT && (flags & O_CREAT) && w->last == LAST_NAME) {
			*created = true;
			return w->slash ? -EISDIR : open_create(w, mode, vn);
		}
		if (rc || !S_ISLNK((*vn)->mode) || excl || ((flags & O_NOFOLLOW) && !w->slash)) return rc;
		rc = walk_follow(w, *vn);
		if (rc) return rc;
	}
}

/* vfs_open: a reference in *out, with its memory object if it is a regular file.  Truncation is the kernel's. */
int vfs_open(struct vnode *start, const char *path, size_t len, int flags, mode_t mode, struct cred c,
             struct vnode **out)
{
	struct vnode *vn = NULL;
	bool created = false;
	struct walk w;
	int rc;

	if (flags & O_TMPFILE_FLAG) return -EOPNOTSUPP;
	if ((flags & O_CREAT) && (flags & O_DIRECTORY)) return -EINVAL;
	rc = walk_start(&w, start, path, len, c);
	if (!rc) rc = open_find(&w, flags, mode, &vn, &created);
	if (!rc && !created) {                  /* a file just made may be opened whatever its mode says */
		if ((flags & O_CREAT) && (flags & O_EXCL)) rc = -EEXIST;
		else rc = open_allowed(vn, w.slash, flags, c);
		if (rc) vnode_put(vn);
	}
	if (!rc && w.last == LAST_NAME && vn->mnt == w.at->mnt) vnode_named(vn, w.at, w.name, w.len);
	if (!rc && S_ISREG(vn->mode) && vn->ops->open && !(flags & O_PATH_FLAG)) {
		rc = vn->object ? 0 : vn->ops->open(vn);
		if (!rc && (vn->mode & (S_ISUID | S_ISGID))) object_set(vn->object, VMO_SET_IDS, 1);
		if (!rc && !created && c.uid && (flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY) rc = vfs_written(vn);
		if (rc) vnode_put(vn);
	}
	walk_end(&w);
	if (!rc) *out = vn;
	return rc;
}

/* vfs_mkdir: the setgid bit is handed down (as on Linux), the sticky bit may be asked for, setuid means nothing. */
int vfs_mkdir(struct vnode *start, const char *path, size_t len, mode_t mode, struct cred c)
{
	struct vnode *vn;
	struct walk w;
	int rc = walk_start(&w, start, path, len, c);

	if (!rc) rc = walk_last(&w);
	if (!rc) rc = name_new(&w, true);
	if (!rc) {
		mode = S_IFDIR | (mode & 01777) | (w.at->mode & S_ISGID);
		rc = w.at->ops->mkdir(w.at, w.name, w.len, mode, cred_in(w.at, c), &vn);
		if (!rc) vnode_put(vn);
	}
	walk_end(&w);
	return rc;
}

/* vfs_mknod: regular files and FIFOs; sockets and devices are -EPERM, which POSIX has for "not supported". */
int vfs_mknod(struct vnode *start, const char *path, size_t len, mode_t mode, struct cred c)
{
	struct vnode *vn;
	struct walk w;
	int rc;

	if (S_ISDIR(mode)) return -EPERM;
	if (S_ISLNK(mode)) return -EINVAL;
	rc = walk_start(&w, start, path, len, c);
	if (!rc) rc = walk_last(&w);
	if (!rc) rc = name_new(&w, false);
	if (!rc && (mode & S_IFMT) && !S_ISREG(mode) && !S_ISFIFO(mode)) rc = -EPERM;
	if (!rc) rc = open_create(&w, mode, &vn);
	if (!rc) vnode_put(vn);
	walk_end(&w);
	return rc;
}

/* unlink() and rmdir(): is this the right kind of thing, and may it go? */
static int unlink_allowed(const struct walk *w, const struct vnode *vn, bool dir)
{
	int rc = perm_delete(w->at, vn, w->cred);

	if (rc) return rc;
	if (dir && !S_ISDIR(vn->mode)) return -ENOTDIR;
	if (!dir && S_ISDIR(vn->mode)) return -EISDIR;          /* Linux; POSIX would have EPERM */
	if (!dir && w->slash) return -ENOTDIR;
	return vn->covered_by || vn == vn->mnt->root ? -EBUSY : 0;
}

/* vfs_unlink: unlink(), or rmdir() with dir.  "." is -EINVAL, ".." -ENOTEMPTY, the root -EBUSY (POSIX rmdir()).  A
 * trailing slash asks for a directory, and does not follow a symlink. */
int vfs_unlink(struct vnode *start, const char *path, size_t len, bool dir, struct cred c)
{
	struct vnode *vn = NULL;
	struct walk w;
	int rc = walk_start(&w, start, path, len, c);

	if (!rc) rc = walk_last(&w);
	if (!rc && w.last != LAST_NAME) {
		rc = !dir ? -EISDIR : w.last == LAST_DOT ? -EINVAL : w.last == LAST_DOTDOT ? -ENOTEMPTY : -EBUSY;
	}
	if (!rc) rc = walk_below(&w, &vn);
	if (!rc) rc = unlink_allowed(&w, vn, dir);

	if (!rc) rc = dir ? w.at->ops->rmdir(w.at, w.name, w.len) : w.at->ops->unlink(w.at, w.name, w.len);
	if (vn) vnode_put(vn);
	walk_end(&w);
	return rc;
}

/* vfs_symlink: the target is kept as it is.  Empty: -ENOENT; longer than a path: -ENAMETOOLONG (POSIX symlink()) */
int vfs_symlink(struct vnode *start, const char *path, size_t len, const char *target, size_t tlen, struct cred c)
{
	struct walk w;
	int rc;

	if (tlen == 0) return -ENOENT;
	if (tlen >= PATH_MAX) return -ENAMETOOLONG;
	if (memchr(target, 0, tlen)) return -EINVAL;
	rc = walk_start(&w, start, path, len, c);
	if (!rc) rc = walk_last(&w);
	if (!rc) rc = name_new(&w, false);
	if (!rc) rc = w.at->ops->symlink(w.at, w.name, w.len, target, tlen, cred_in(w.at, c));
	walk_end(&w);
	return rc;
}

/* vfs_link: a second name for `target`.  Order of the checks as on Linux: the new name first, then EXDEV, EPERM. */
int vfs_link(struct vnode *target, struct vnode *start, const char *path, size_t len, struct cred c)
{
	struct stat st = {0};
	struct walk w;
	int rc = walk_start(&w, start, path, len, c);

	if (!rc) rc = walk_last(&w);
	if (!rc) rc = name_new(&w, false);
	if (!rc && target->mnt != w.at->mnt) rc = -EXDEV;
	if (!rc && S_ISDIR(target->mode)) rc = -EPERM;
	if (!rc) rc = target->ops->getattr(target, &st);
	if (!rc && st.st_nlink == 0) rc = -ENOENT;              /* unlinked and open: it does not come back */

	if (!rc) rc = w.at->ops->link(w.at, w.name, w.len, target);
	walk_end(&w);
	return rc;
}
