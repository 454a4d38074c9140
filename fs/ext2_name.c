/* SPDX-License-Identifier: MIT */
/* fs/ext2_name.c - RING 3 - names in ext2: create, link, unlink, rename and the like, and the VFS's table of them. */
#include <errno.h>
#include <string.h>

#include "fs/ext2.h"

int ext2_statfs(struct mount *, struct statfs *);
int ext2_sync(struct mount *, bool flush);
int ext2_unmount(struct mount *);

#define LINKS_MAX 32000

static int lookup(struct vnode *dir, const char *name, size_t len, struct vnode **out)
{
	struct ext2_dirent *de;
	int rc = dir_find(dir, name, len, &de);

	return rc ? rc : inode_get(dir->mnt, de->inode, out);
}

/* An inode that got no name after all. */
static void undo(struct vnode *vn)
{
	inode_of(vn)->raw->links = 0;
	vnode_put(vn);
}

static int create(struct vnode *dir, const char *name, size_t len, mode_t mode, struct cred c, struct vnode **out)
{
	int rc = inode_new(dir, mode, c, out);

	if (rc) return rc;
	rc = dir_add(dir, name, len, (*out)->ino, mode);
	if (rc) undo(*out);
	if (rc) *out = NULL;
	return rc;
}

static int mkdir_ext2(struct vnode *dir, const char *name, size_t len, mode_t mode, struct cred c, struct vnode **out)
{
	int rc = inode_of(dir)->raw->links >= LINKS_MAX ? -EMLINK : inode_new(dir, mode, c, out);

	if (rc) return rc;
	rc = dir_init(*out, dir->ino);
	if (!rc) rc = dir_add(dir, name, len, (*out)->ino, mode);
	if (rc) {
		undo(*out);
		*out = NULL;
		return rc;
	}
	inode_of(dir)->raw->links++;
	inode_dirty(inode_of(dir));
	return 0;
}

static int symlink_ext2(struct vnode *dir, const char *name, size_t len, const char *to, size_t tlen, struct cred c)
{
	struct ext2 *fs = fs_of(dir);
	struct ext2_inode *in;
	struct vnode *vn;
	uint32_t b;
	int rc = tlen >= fs->block_size ? -ENAMETOOLONG : inode_new(dir, S_IFLNK | 0777, c, &vn);

	if (rc) return rc;
	in = inode_of(vn);
	if (tlen < sizeof(in->raw->block)) {
		memcpy(in->raw->block, to, tlen);
	} else {
		rc = map_alloc(fs, in, 0, false, &b);
		if (!rc) {
			memset(block_at(fs, b), 0, fs->block_size);
			memcpy(block_at(fs, b), to, tlen);
			meta_dirty(fs, b, META_MAP);
		}
	}
	in->raw->size = tlen;
	inode_dirty(in);
	if (!rc) rc = dir_add(dir, name, len, vn->ino, S_IFLNK);
	if (rc) undo(vn);
	else vnode_put(vn);
	return rc;
}

static int readlink_ext2(struct vnode *vn, char *buf, size_t len, size_t *n)
{
	struct ext2 *fs = fs_of(vn);
	struct ext2_inode *in = inode_of(vn);
	uint64_t size = inode_size(in);
	const char *from = (const char *)in->raw->block;
	uint32_t b;
	int rc;

	if (in->raw->blocks > (in->raw->file_acl ? fs->block_size / 512 : 0)) {
		rc = map_get(fs, in, 0, &b);
		if (rc || !b) return rc ? rc : corrupt(fs, "a symbolic link without target");
		from = block_at(fs, b);
		if (size >= fs->block_size) return corrupt(fs, "a symbolic link is too long");
	} else if (size >= sizeof(in->raw->block)) {
		return corrupt(fs, "a symbolic link is too long");
	}
	*n = size < len ? size : len;
	memcpy(buf, from, *n);
	return 0;
}

static int link_ext2(struct vnode *dir, const char *name, size_t len, struct vnode *vn)
{
	struct ext2_inode *in = inode_of(vn);
	int rc = in->raw->links >= LINKS_MAX ? -EMLINK : 0;

	if (rc) return rc;
	in->raw->links++;               /* counted before it is named: a cut leaves one too many, never one too few */
	inode_unlinked(in);
	rc = dir_add(dir, name, len, vn->ino, vn->mode);
	if (rc) in->raw->links--;
	return rc;
}

static void drop_link(struct vnode *vn, int by)
{
	struct ext2_inode *in = inode_of(vn);

	in->raw->links = in->raw->links > by ? in->raw->links - by : 0;
	inode_unlinked(in);
}

static int unlink_ext2(struct vnode *dir, const char *name, size_t len)
{
	struct vnode *vn;
	int rc = lookup(dir, name, len, &vn);

	if (rc) return rc;
	rc = dir_remove(dir, name, len);
	if (!rc) drop_link(vn, 1);
	vnode_put(vn);
	return rc;
}

static int rmdir_ext2(struct vnode *dir, const char *name, size_t len)
{
	struct vnode *vn;
	int rc = lookup(dir, name, len, &vn);

	if (rc) return rc;
	if (!dir_empty(vn)) rc = -ENOTEMPTY;
	if (!rc) rc = dir_remove(dir, name, len);
	if (!rc) {
		drop_link(vn, 2);
		drop_link(dir, 1);
	}
	vnode_put(vn);
	return rc;
}

/* A directory moved to another parent: its ".." and both link counts. */
static int reparent(struct vnode *vn, struct vnode *from, struct vnode *to)
{
	struct ext2_dirent *up;
	int rc = dir_find(vn, "..", 2, &up);

	if (rc) return rc;
	inode_of(to)->raw->links++;
	inode_dirty(inode_of(to));
	dir_set(vn, up, to->ino, S_IFDIR);
	drop_link(from, 1);
	return 0;
}

/* The new name could not be made durable: it leads nowhere again, or to what it led to before.  An inode with one link
 * more names than it counts would be freed while one of them is there. */
static void rename_undo(struct vnode *dir, const char *name, size_t len, const struct vnode *old)
{
	struct ext2_dirent *de;

	if (!old) dir_remove(dir, name, len);
	else if (!dir_find(dir, name, len, &de)) dir_set(dir, de, old->ino, old->mode);
}

/* The new name is on the disk before the old one goes: at every power cut the file has a name. */
static int rename_ext2(struct vnode *odir, const char *oname, size_t olen, struct vnode *ndir, const char *nname,
                       size_t nlen)
{
	struct vnode *vn, *old = NULL;
	struct ext2_dirent *de;
	int rc = lookup(odir, oname, olen, &vn);

	if (rc) return rc;
	rc = lookup(ndir, nname, nlen, &old);
	if (rc == -ENOENT) rc = dir_add(ndir, nname, nlen, vn->ino, vn->mode);
	else if (!rc && S_ISDIR(old->mode) && !dir_empty(old)) rc = -ENOTEMPTY;
	else if (!rc && !(rc = dir_find(ndir, nname, nlen, &de))) rc = dir_set(ndir, de, vn->ino, vn->mode);
	if (!rc) {
		rc = order_commit(fs_of(vn), true);
		if (!rc) rc = dir_remove(odir, oname, olen);
		if (rc) rename_undo(ndir, nname, nlen, old);
	}
	if (!rc && S_ISDIR(vn->mode) && odir != ndir) rc = reparent(vn, odir, ndir);
	if (!rc) inode_touch(inode_of(vn), false);
	if (!rc && old) {
		drop_link(old, S_ISDIR(old->mode) ? 2 : 1);
		if (S_ISDIR(old->mode)) drop_link(ndir, 1);
	}
	if (old) vnode_put(old);
	vnode_put(vn);
	return rc;
}

static int parent_ext2(struct vnode *dir, struct vnode **out)
{
	return lookup(dir, "..", 2, out);
}

const struct fs_ops ext2_ops = {
	.lookup = lookup, .create = create, .mkdir = mkdir_ext2, .symlink = symlink_ext2, .link = link_ext2,
	.unlink = unlink_ext2, .rmdir = rmdir_ext2, .rename = rename_ext2, .readlink = readlink_ext2,
	.readdir = dir_readdir, .parent = parent_ext2, .getattr = inode_getattr, .setattr = inode_setattr,
	.open = inode_open, .inactive = inode_inactive, .by_ino = inode_again, .fill = pager_fill, .write = pager_write,
	.reserve = pager_reserve, .commit = pager_commit, .release = pager_release, .set_size = pager_set_size,
	.punch = pager_punch, .statfs = ext2_statfs, .sync = ext2_sync, .unmount = ext2_unmount,
};
