/* SPDX-License-Identifier: MIT */
/* fs/vfs_attr.c - RING 3 - attributes: stat, chmod, chown, utimensat, statfs.
 *
 * Path:  srv_name.c > [vfs_attr.c] > a file system's getattr(), setattr()
 * While a file has a memory object, the kernel's times are the true ones, since it marks them at every store and
 * write: whoever sets a time has to set it there too.
 */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "fs/vfs_int.h"

#include "abi/ipc.h"
#include "abi/name.h"

#define NS 1000000000ll

int64_t time_ns(const struct timespec *t)
{
	return t->tv_sec * NS + t->tv_nsec;
}

/* Times before 1970 are negative; tv_nsec never is. */
struct timespec time_spec(int64_t ns)
{
	bool before = ns % NS < 0;

	return (struct timespec){.tv_sec = ns / NS - before, .tv_nsec = ns % NS + (before ? NS : 0)};
}

/* vfs_stat: what every vnode knows; the file system adds size, links, blocks and times. */
int vfs_stat(struct vnode *vn, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_dev = vn->mnt->dev;
	st->st_ino = vn->ino;
	st->st_mode = vn->mode;
	st->st_uid = vn->uid;
	st->st_gid = vn->gid;
	st->st_rdev = vn->dev;
	st->st_nlink = 1;
	st->st_blksize = 4096;
	return vn->ops->getattr(vn, st);
}

/* Pass a change on, and tell the object, if there is one. */
static int attr_set(struct vnode *vn, const struct stat *st, unsigned which)
{
	int rc = vn->ops->setattr(vn, st, which);

	if (rc || !vn->object) return rc;
	if (which & ATTR_ATIME) object_set(vn->object, VMO_SET_ATIME, time_ns(&st->st_atim));
	if (which & ATTR_MTIME) object_set(vn->object, VMO_SET_MTIME, time_ns(&st->st_mtim));
	if (which & ATTR_MODE) object_set(vn->object, VMO_SET_IDS, vn->mode & (S_ISUID | S_ISGID));
	object_set(vn->object, VMO_SET_CTIME, now_ns());
	return 0;
}

/* vfs_chmod: -EPERM for others than the owner and root.  A symlink's mode means nothing, and cannot be set. */
int vfs_chmod(struct vnode *vn, mode_t mode, struct cred c)
{
	struct stat st = {.st_mode = (vn->mode & S_IFMT) | (mode & 07777)};

	if (S_ISLNK(vn->mode)) return -EOPNOTSUPP;
	if (vn->mnt->readonly) return -EROFS;
	if (!perm_owner(vn, c)) return -EPERM;
	/* POSIX chmod(): the setgid bit of a file of a group that is not the caller's is cleared. */
	if (c.uid && !perm_in_group(vn->gid, c)) st.st_mode &= ~(mode_t)S_ISGID;

	return attr_set(vn, &st, ATTR_MODE);
}

/* A setgid bit without the group's x bit has nothing to do with running. */
static mode_t mode_without_ids(mode_t mode)
{
	return mode & ~(mode_t)(S_ISUID | (mode & S_IXGRP ? S_ISGID : 0));
}

/* vfs_chown: (uint32_t)-1 keeps.  Only root gives a file away; an owner may choose the group it belongs to itself. */
int vfs_chown(struct vnode *vn, uint32_t uid, uint32_t gid, struct cred c)
{
	struct stat st = {.st_uid = uid, .st_gid = gid, .st_mode = vn->mode};
	unsigned which = (uid != UINT32_MAX ? ATTR_UID : 0) | (gid != UINT32_MAX ? ATTR_GID : 0);

	if (vn->mnt->readonly) return -EROFS;
	if (c.uid) {
		if (c.uid != vn->uid || (which & ATTR_UID && uid != vn->uid)) return -EPERM;
		if ((which & ATTR_GID) && gid != vn->gid && !perm_in_group(gid, c)) return -EPERM;
	}
	if (!which) return 0;

	/* What changes hands no longer runs as its owner (POSIX chown(); Linux does it for root's changes, too). */
	if (!S_ISDIR(vn->mode)) st.st_mode = mode_without_ids(vn->mode);
	if (st.st_mode != vn->mode) which |= ATTR_MODE;
	return attr_set(vn, &st, which);
}

/* vfs_written: somebody but root wrote to a file that runs as its owner or group. */
int vfs_written(struct vnode *vn)
{
	struct stat st = {.st_mode = mode_without_ids(vn->mode)};

	return st.st_mode == vn->mode ? 0 : attr_set(vn, &st, ATTR_MODE);
}

static int64_t time_pick(int64_t asked, int64_t now)
{
	return asked == TIME_NOW ? now : asked;
}

/* vfs_utimens: setting both to "now" takes write permission; any other change takes ownership (POSIX futimens()). */
int vfs_utimens(struct vnode *vn, int64_t atime, int64_t mtime, struct cred c)
{
	int64_t now = now_ns();
	struct stat st = {.st_atim = time_spec(time_pick(atime, now)), .st_mtim = time_spec(time_pick(mtime, now))};
	unsigned which = (atime != TIME_OMIT ? ATTR_ATIME : 0) | (mtime != TIME_OMIT ? ATTR_MTIME : 0);

	if (!which) return 0;
	if (vn->mnt->readonly) return -EROFS;
	if (!perm_owner(vn, c)) {
		if (atime != TIME_NOW || mtime != TIME_NOW) return -EPERM;
		if (perm_check(vn, W_OK, c)) return -EACCES;
	}
	return attr_set(vn, &st, which);
}

#define ST_RDONLY_FLAG 1        /* statvfs.h ST_RDONLY */
#define ST_VALID_FLAG  0x20     /* Linux: f_flags is filled in */

/* vfs_statfs: what programs look at first is always there, the counts are the file system's. */
int vfs_statfs(struct vnode *vn, struct statfs *s)
{
	memset(s, 0, sizeof(*s));
	s->f_bsize = s->f_frsize = 4096;
	s->f_namelen = NAME_MAX;
	s->f_flags = ST_VALID_FLAG | (vn->mnt->readonly ? ST_RDONLY_FLAG : 0) | vn->mnt->flags;
	s->f_fsid.__val[0] = vn->mnt->dev;
	return vn->ops->statfs ? vn->ops->statfs(vn->mnt, s) : 0;
}
