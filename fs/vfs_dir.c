/* SPDX-License-Identifier: MIT */
/* fs/vfs_dir.c - RING 3 - directories as a whole: getdents64's records, and the way back up for getcwd.
 *
 * Path:  srv_name.c > [vfs_dir.c] > a file system's readdir(), parent()
 */
#include <errno.h>
#include <string.h>

#include "fs/vfs_int.h"

/* struct linux_dirent64 of getdents64(2), without its name: records are 8-byte aligned, names end with a NUL. */
struct dent {
	uint64_t ino;
	int64_t  off;           /* where to go on behind this entry */
	uint16_t reclen;
	uint8_t  type;
	char     name[];
} __attribute__((packed));

struct fill {
	char *buf;
	size_t len, used;
	uint64_t next;
	bool full;
};

/* One entry becomes one record, if it fits. */
static bool emit(void *arg, const char *name, size_t len, uint64_t ino, unsigned char type, uint64_t next)
{
	struct fill *f = arg;
	size_t reclen = (sizeof(struct dent) + len + 1 + 7) & ~(size_t)7;
	struct dent d = {ino, (int64_t)next, (uint16_t)reclen, type};

	if (f->len - f->used < reclen) {
		f->full = true;
		return false;
	}
	memset(f->buf + f->used, 0, reclen);    /* no stale bytes of ours in the padding */
	memcpy(f->buf + f->used, &d, sizeof(d));
	memcpy(f->buf + f->used + sizeof(d), name, len);
	f->used += reclen;
	f->next = next;
	return true;
}

/* vfs_readdir: as many records as fit from pos on.  *used 0: the end.  -EINVAL: not even one fits (getdents64(2)) */
int vfs_readdir(struct vnode *dir, uint64_t pos, void *buf, size_t len, size_t *used, uint64_t *next)
{
	struct fill f = {.buf = buf, .len = len, .next = pos};
	int rc = S_ISDIR(dir->mode) ? dir->ops->readdir(dir, pos, emit, &f) : -ENOTDIR;

	if (rc) return rc;
	if (f.full && f.used == 0) return -EINVAL;
	*used = f.used;
	*next = f.next;
	return 0;
}

struct search {
	uint64_t ino;
	char name[NAME_MAX + 1];
	size_t len;
};

/* The entry with this inode number that is not "." or "..".  (Returning false ends the search.) */
static bool name_of(void *arg, const char *name, size_t len, uint64_t ino, unsigned char type, uint64_t next)
{
	struct search *s = arg;

	(void)type;
	(void)next;
	if (ino != s->ino || len > NAME_MAX) return true;
	if ((len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.')) return true;
	memcpy(s->name, name, len);
	s->len = len;
	return false;
}

/* The directory above `dir`, and dir's name in it.  -ENOENT: it was removed. */
static int parent_name(struct vnode *dir, struct vnode **up, struct search *s)
{
	int rc;

	while (dir == dir->mnt->root && dir->mnt->covers) dir = dir->mnt->covers;
	rc = dir->ops->parent(dir, up);
	if (rc) return rc;
	s->ino = dir->ino;
	s->len = 0;
	rc = (*up)->ops->readdir(*up, 0, name_of, s);
	if (!rc && s->len == 0) rc = -ENOENT;
	if (rc) vnode_put(*up);
	else *up = mount_cross(*up);
	return rc;
}

/* vfs_getcwd: an absolute path of `dir` below `root`, built from its end; "(unreachable)" in front if it is not below
 * (Linux).  -ERANGE: does not fit; -ENOENT: removed */
int vfs_getcwd(struct vnode *dir, struct vnode *root, char *buf, size_t len, size_t *n)
{
	static const char outside[] = "(unreachable)";
	size_t at = len;
	struct search s;
	struct vnode *up;
	int rc = 0;

	if (!S_ISDIR(dir->mode)) return -ENOTDIR;
	if (len < 2) return -ERANGE;
	buf[--at] = 0;
	vnode_ref(dir);
	while (!rc && dir != root && (dir != dir->mnt->root || dir->mnt->covers)) {
		rc = parent_name(dir, &up, &s);
		if (rc) break;
		vnode_put(dir);
		dir = up;
		if (s.len + 1 > at) {
			rc = -ERANGE;
			break;
		}
		at -= s.len;
		memcpy(buf + at, s.name, s.len);
		buf[--at] = '/';
	}
	vnode_put(dir);
	if (rc) return rc;
	if (at == len - 1) buf[--at] = '/';
	if (dir != root) {
		if (at < strlen(outside)) return -ERANGE;
		at -= strlen(outside);
		memcpy(buf + at, outside, strlen(outside));
	}
	*n = len - at;
	memmove(buf, buf + at, *n);
	return 0;
}
