/* SPDX-License-Identifier: MIT */
/* fs/vfs_path.c - RING 3 - from a path to a vnode: components, "..", symlinks, mount points (POSIX.1-2017 4.13).
 *
 * Path:  srv_name.c > vfs_name.c > [vfs_path.c] > a file system's lookup(), parent(), readlink()
 * Use:   walk_start(); walk_last() stops in front of the last component, since whoever creates or removes a name
 *        wants its directory; walk_find() looks it up; if it is a symlink that is to be followed, walk_follow() and
 *        walk_last() again; walk_end().  path_lookup() is all of that for those who want an existing file.
 *
 * The path is rewritten in place when a symlink is met: its target takes the place of the part already walked.
 *
 * W1  w->at is a directory, or the step that looks at it says -ENOTDIR.
 * W2  w->at is never a covered directory: mount points were crossed when it was reached.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fs/vfs_int.h"

struct caller vfs_caller;
int vfs_own_fd;
unsigned vfs_own_flags;

/* mount_cross: from a directory to the root of what is mounted on it, if anything is (several times over). */
struct vnode *mount_cross(struct vnode *vn)
{
	while (vn->covered_by) {
		struct vnode *root = vn->covered_by->root;

		vnode_ref(root);
		vnode_put(vn);
		vn = root;
	}
	return vn;
}

/* vnode_up: the directory above.  Above the root of a mount is what is above the directory it covers; above the
 * root of everything is the root itself (POSIX 4.13: dot-dot in the root directory). */
int vnode_up(struct vnode *at, struct vnode **out)
{
	int rc;

	while (at == at->mnt->root) {
		if (!at->mnt->covers) {
			vnode_ref(at);
			*out = at;
			return 0;
		}
		at = at->mnt->covers;
	}
	rc = at->ops->parent(at, out);
	if (!rc) *out = mount_cross(*out);
	return rc;
}

/* chroot(): ".." in a process's root is the root itself. */
struct vnode *cred_root(struct cred c)
{
	return c.root ? c.root : vfs_root();
}

/* walk_start: at the root, or at `start`.  Whatever it returns, walk_end() may be called. */
int walk_start(struct walk *w, struct vnode *start, const char *path, size_t len, struct cred cred)
{
	w->at = NULL;
	if (len == 0) return -ENOENT;           /* POSIX 4.13: a null pathname shall not be successfully resolved */
	if (len > PATH_MAX) return -ENAMETOOLONG;
	if (memchr(path, 0, len)) return -EINVAL;

	memcpy(w->path, path, len);
	w->pos = 0;
	w->end = len;
	w->links = 0;
	w->cred = cred;
	w->at = path[0] == '/' ? cred_root(cred) : start;
	vnode_ref(w->at);
	return 0;
}

void walk_end(struct walk *w)
{
	if (w->at) vnode_put(w->at);
	w->at = NULL;
}

/* Take the next component off the path into w->name. */
static int walk_name(struct walk *w)
{
	size_t from, len;

	while (w->pos < w->end && w->path[w->pos] == '/') w->pos++;
	for (from = w->pos; w->pos < w->end && w->path[w->pos] != '/';) w->pos++;
	len = w->pos - from;
	if (len > NAME_MAX) return -ENAMETOOLONG;
	memcpy(w->name, w->path + from, len);
	w->name[len] = 0;
	w->len = len;
	for (from = w->pos; w->pos < w->end && w->path[w->pos] == '/';) w->pos++;
	w->slash = w->pos > from;
	w->last = len == 0 ? LAST_ROOT :
	          strcmp(w->name, ".") == 0 ? LAST_DOT :
	          strcmp(w->name, "..") == 0 ? LAST_DOTDOT : LAST_NAME;
	return 0;
}

/* Look w->name up in w->at, without going into what may be mounted there. */
int walk_below(struct walk *w, struct vnode **out)
{
	int rc;

	if (w->last == LAST_ROOT) {
		vnode_ref(w->at);
		*out = w->at;
		return 0;
	}
	if (!S_ISDIR(w->at->mode)) return -ENOTDIR;
	rc = perm_check(w->at, X_OK, w->cred);
	if (rc) return rc;
	if (w->last == LAST_DOTDOT && w->at != cred_root(w->cred)) return vnode_up(w->at, out);
	if (w->last == LAST_NAME) return w->at->ops->lookup(w->at, w->name, w->len, out);
	vnode_ref(w->at);
	*out = w->at;
	return 0;
}

/* walk_find: W2 holds for what it finds. */
int walk_find(struct walk *w, struct vnode **out)
{
	int rc = walk_below(w, out);

	if (!rc) *out = mount_cross(*out);
	return rc;
}

/* A link that leads to a file itself: go on from there with what is left, which may be nothing: LAST_ROOT.
 * 1: it is none */
static int walk_jump(struct walk *w, struct vnode *link)
{
	bool dir = w->pos < w->end || w->slash;
	struct vnode *vn;
	int rc = link->ops->target ? link->ops->target(link, &vn) : -EOPNOTSUPP;

	if (rc == -EOPNOTSUPP) return 1;
	if (rc) return rc == -ENXIO && dir ? -ENOTDIR : rc;     /* a pipe is no directory */
	vnode_put(w->at);
	w->at = vn;
	return dir && !S_ISDIR(vn->mode) ? -ENOTDIR : 0;
}

/* walk_follow: put the target of a symlink, which lies in w->at, in front of what is left.  Slashes behind the link
 * stay: "link/" asks for a directory.  Takes the reference on `link`. */
int walk_follow(struct walk *w, struct vnode *link)
{
	static char target[PATH_MAX + 1];
	size_t n = 0, rest = w->end - w->pos;
	int rc = ++w->links > SYMLINKS_MAX ? -ELOOP : walk_jump(w, link);
	bool jumped = rc <= 0;

	if (!jumped) rc = link->ops->readlink(link, target, PATH_MAX, &n);
	vnode_put(link);
	if (rc || jumped) return rc;
	if (n == 0) return -ENOENT;
	if (n + w->slash + rest > PATH_MAX) return -ENAMETOOLONG;

	memmove(w->path + n + w->slash, w->path + w->pos, rest);
	memcpy(w->path, target, n);
	if (w->slash) w->path[n] = '/';
	w->pos = 0;
	w->end = n + w->slash + rest;
	if (target[0] == '/') {
		vnode_put(w->at);
		w->at = cred_root(w->cred);
		vnode_ref(w->at);
	}
	return 0;
}

/* walk_last: walk until the component in w->name is the last one.  Ends: each turn shortens the path or spends one
 * of the 40 symlinks. */
int walk_last(struct walk *w)
{
	struct vnode *vn;
	int rc;

	for (;;) {
		rc = walk_name(w);
		if (rc) return rc;
		if (w->pos == w->end) return S_ISDIR(w->at->mode) || w->last == LAST_ROOT ? 0 : -ENOTDIR;
		if (w->last == LAST_ROOT) continue;
		rc = walk_find(w, &vn);
		if (rc) return rc;
		if (S_ISLNK(vn->mode)) {
			rc = walk_follow(w, vn);
			if (rc) return rc;
			continue;
		}
		vnode_put(w->at);
		w->at = vn;
	}
}

/* path_lookup: an existing file.  => a reference in *out; -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG, -EACCES, -EIO */
int path_lookup(struct vnode *start, const char *path, size_t len, unsigned flags, struct cred cred, struct vnode **out)
{
	struct vnode *vn = NULL;
	struct walk w;
	int rc = walk_start(&w, start, path, len, cred);

	while (!rc) {
		rc = walk_last(&w);
		if (!rc) rc = walk_find(&w, &vn);
		if (rc || !S_ISLNK(vn->mode) || ((flags & PATH_NOFOLLOW) && !w.slash)) break;
		rc = walk_follow(&w, vn);
	}
	if (!rc && w.slash && !S_ISDIR(vn->mode)) {
		vnode_put(vn);
		rc = -ENOTDIR;
	}
	walk_end(&w);
	if (!rc) *out = vn;
	return rc;
}
