/* SPDX-License-Identifier: MIT */
/* fs/tmpfs.c - RING 3 - files in memory: /tmp and /dev/shm.
 *
 * Path:  vfs_*.c > [tmpfs.c]
 * A file's bytes are the pages of an object without a pager: the kernel alone reads, writes and maps them, and tells
 * its size.  Here are only names, modes and links.  A vnode is its inode, and lives while it has a link or a user.
 *
 * F1  nlink counts the entries that name the file; for a directory: its own, its "." and the ".." of each child.
 * F2  A linked vnode may have no reference; inactive() frees it only when nlink is 0.
 * F3  A directory holds a reference on its parent, so that ".." works even in a removed one.
 * F4  Entry ids grow and are never reused: a readdir that is interrupted by removals neither repeats nor skips.
 * F5  Names cost wired memory of the file server: whoever makes them takes them of his share (SHARE_NAMES).  A tree is
 *     as deep as somebody made it: no function calls itself for each level.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "fs/vfs_int.h"
#include "fs/vfs_share.h"

#include "abi/ipc.h"

#define TMPFS_MAGIC 0x01021994          /* linux/magic.h: programs recognise tmpfs by it */
#define SIZE_LIMIT  (INT64_MAX & ~4095ll)
#define INODE_BYTES (sizeof(struct inode) + sizeof(struct vnode))

struct entry {
	struct entry *next;
	struct vnode *vn;
	uint64_t id;            /* [F4]; 0 and 1 are "." and ".." */
	uint32_t payer;         /* [F5] */
	size_t len;
	char name[];
};

struct inode {
	uint32_t nlink;
	struct times times;     /* of a file with an object the kernel's are truer */
	struct entry *entries;  /* directory: in the order of their ids */
	struct vnode *parent;   /* directory [F3] */
	char *target;           /* symlink */
	uint32_t payer;         /* [F5] */
};

static const struct fs_ops tmpfs_ops;
static uint64_t next_ino = 1, next_id = 2;

/* vn->fs is this file system's. */
static struct inode *inode_of(const struct vnode *vn)
{
	return vn->fs;
}

/* POSIX unlink(), open() and others: mtime and ctime of the directory are marked. */
static void dir_changed(struct vnode *dir)
{
	struct inode *in = inode_of(dir);

	in->times.mtime = in->times.ctime = now_ns();
}

/* A change of the inode itself: its links, its name. */
static void ctime_now(struct vnode *vn)
{
	inode_of(vn)->times.ctime = now_ns();
	if (vn->object) object_set(vn->object, VMO_SET_CTIME, inode_of(vn)->times.ctime);
}

/* Where the pointer to an entry is, so that it can be taken out; *result is NULL if there is none of this name. */
static struct entry **entry_find(struct vnode *dir, const char *name, size_t len)
{
	struct entry **p = &inode_of(dir)->entries;

	while (*p && ((*p)->len != len || memcmp((*p)->name, name, len) != 0)) p = &(*p)->next;
	return p;
}

/* It holds no reference: what has a link stays by itself (F2).  old: it takes the place of this one, which can be done
 * however full it is.  NULL: no memory, or none for this user */
static struct entry *entry_new(struct vnode *vn, const char *name, size_t len, const struct entry *old)
{
	struct entry *e = calloc(1, sizeof(*e) + len);
	uint32_t payer = old ? old->payer : vfs_caller.cred.uid;

	if (!e || !(old ? share_add : share_take)(SHARE_NAMES, payer, sizeof(*e) + len)) {
		free(e);
		return NULL;
	}
	e->payer = payer;
	e->vn = vn;
	e->id = next_id++;
	e->len = len;
	memcpy(e->name, name, len);
	return e;
}

static void entry_free(struct entry *e)
{
	share_give(SHARE_NAMES, e->payer, sizeof(*e) + e->len);
	free(e);
}

/* At the end, so that the list is in the order of the ids (F4). */
static void entry_add(struct vnode *dir, struct entry *e)
{
	struct entry **p = &inode_of(dir)->entries;

	while (*p) p = &(*p)->next;
	*p = e;
	dir_changed(dir);
}

/* Take an entry out, and a link from its file; the file goes if nobody uses it. */
static void entry_remove(struct vnode *dir, struct entry **p)
{
	struct entry *e = *p;
	struct vnode *vn = e->vn;

	*p = e->next;
	entry_free(e);
	dir_changed(dir);
	vnode_ref(vn);
	if (S_ISDIR(vn->mode)) {
		inode_of(vn)->nlink = 0;
		inode_of(dir)->nlink--;         /* the child's ".." */
	} else {
		inode_of(vn)->nlink--;
	}
	ctime_now(vn);
	vnode_put(vn);
}

/* A vnode and its inode, with one reference and the links that its first name gives it. */
static struct vnode *inode_new(struct mount *m, mode_t mode, struct cred c)
{
	struct inode *in = calloc(1, sizeof(*in));
	struct vnode *vn = in ? vnode_new(m, next_ino, mode) : NULL;
	uint32_t payer = vfs_caller.cred.uid;

	if (!vn || !share_take(SHARE_NAMES, payer, INODE_BYTES)) {
		if (vn) vnode_free(vn);
		free(in);
		return NULL;
	}
	next_ino++;
	in->payer = payer;
	in->times.atime = in->times.mtime = in->times.ctime = now_ns();
	in->nlink = S_ISDIR(mode) ? 2 : 1;
	vn->fs = in;
	vn->uid = c.uid;
	vn->gid = c.gid;
	return vn;
}

static void inode_free(struct vnode *vn)
{
	struct inode *in = inode_of(vn);

	share_give(SHARE_NAMES, in->payer, INODE_BYTES + (in->target ? strlen(in->target) : 0));
	free(in->target);
	free(in);
	vnode_free(vn);
}

/* The last reference went, but a file that has a name is kept (F2): it is nowhere else.  Mappings of an unlinked file
 * do not need us any more: the kernel holds its object as long as they are there.  With a removed directory its
 * parent may go. */
static void tmpfs_inactive(struct vnode *vn)
{
	while (vn && !inode_of(vn)->nlink) {
		struct vnode *parent = inode_of(vn)->parent;

		inode_free(vn);
		vn = parent && --parent->refs == 0 ? parent : NULL;
	}
}

/* Make an inode and its name, or neither. */
static int inode_make(struct vnode *dir, const char *name, size_t len, mode_t mode, struct cred c, struct vnode **out)
{
	struct vnode *vn = inode_new(dir->mnt, mode, c);
	struct entry *e = vn ? entry_new(vn, name, len, NULL) : NULL;

	if (!e) {
		if (vn) {
			inode_of(vn)->nlink = 0;
			vnode_put(vn);
		}
		return -ENOSPC;
	}
	if (S_ISDIR(mode)) {
		inode_of(vn)->parent = dir;
		vnode_ref(dir);
		inode_of(dir)->nlink++;
	}
	entry_add(dir, e);
	*out = vn;
	return 0;
}

static int tmpfs_lookup(struct vnode *dir, const char *name, size_t len, struct vnode **out)
{
	struct entry *e = *entry_find(dir, name, len);

	if (!e) return -ENOENT;
	vnode_ref(e->vn);
	*out = e->vn;
	return 0;
}

static int tmpfs_symlink(struct vnode *dir, const char *name, size_t len, const char *target, size_t tlen,
                         struct cred c)
{
	char *copy = strndup(target, tlen);
	struct vnode *vn;
	int rc = copy ? inode_make(dir, name, len, S_IFLNK | 0777, c, &vn) : -ENOMEM;

	if (rc) {
		free(copy);
		return rc;
	}
	inode_of(vn)->target = copy;
	share_add(SHARE_NAMES, inode_of(vn)->payer, strlen(copy));
	vnode_put(vn);
	return 0;
}

/* A second name for a file, never for a directory (the VFS sees to that). */
static int tmpfs_link(struct vnode *dir, const char *name, size_t len, struct vnode *target)
{
	struct entry *e = entry_new(target, name, len, NULL);

	if (!e) return -ENOSPC;
	inode_of(target)->nlink++;
	ctime_now(target);
	entry_add(dir, e);
	return 0;
}

/* unlink() and rmdir(): a directory that is in use as somebody's current one may go; it then takes no new names. */
static int tmpfs_remove(struct vnode *dir, const char *name, size_t len)
{
	struct entry **p = entry_find(dir, name, len);

	if (!*p) return -ENOENT;
	if (inode_of((*p)->vn)->entries) return -ENOTEMPTY;
	entry_remove(dir, p);
	return 0;
}

/* A directory that moves takes its ".." along: links and F3's reference change parents. */
static void reparent(struct vnode *vn, struct vnode *from, struct vnode *to)
{
	inode_of(from)->nlink--;
	inode_of(to)->nlink++;
	vnode_ref(to);
	inode_of(vn)->parent = to;
	vnode_put(from);
}

/* The VFS has checked kinds and cycles.  Memory for the new entry comes first: without it nothing has happened. */
static int tmpfs_rename(struct vnode *odir, const char *oname, size_t olen, struct vnode *ndir, const char *nname,
                        size_t nlen)
{
	struct entry *old = *entry_find(odir, oname, olen), **victim = entry_find(ndir, nname, nlen), *fresh, **p;
	struct vnode *vn;

	if (!old) return -ENOENT;
	if (*victim && S_ISDIR((*victim)->vn->mode) && inode_of((*victim)->vn)->entries) return -ENOTEMPTY;
	vn = old->vn;
	fresh = entry_new(vn, nname, nlen, old);
	if (!fresh) return -ENOMEM;

	if (*victim) entry_remove(ndir, victim);
	entry_add(ndir, fresh);
	p = entry_find(odir, oname, olen);      /* found again: the victim may have been its neighbour */
	old = *p;
	*p = old->next;
	entry_free(old);
	dir_changed(odir);
	if (S_ISDIR(vn->mode) && odir != ndir) reparent(vn, odir, ndir);
	ctime_now(vn);
	return 0;
}

/* The VFS has checked kinds and cycles.  The entries stay where they are, and lead to each other's file. */
static int tmpfs_exchange(struct vnode *odir, const char *oname, size_t olen, struct vnode *ndir, const char *nname,
                          size_t nlen)
{
	struct entry *a = *entry_find(odir, oname, olen), *b = *entry_find(ndir, nname, nlen);
	struct vnode *vn;

	vn = a->vn;
	a->vn = b->vn;
	b->vn = vn;
	if (S_ISDIR(a->vn->mode) && odir != ndir) reparent(a->vn, ndir, odir);
	if (S_ISDIR(b->vn->mode) && odir != ndir) reparent(b->vn, odir, ndir);
	dir_changed(odir);
	dir_changed(ndir);
	ctime_now(a->vn);
	ctime_now(b->vn);
	return 0;
}

static int tmpfs_readlink(struct vnode *vn, char *buf, size_t len, size_t *n)
{
	size_t have = strlen(inode_of(vn)->target);

	*n = have < len ? have : len;
	memcpy(buf, inode_of(vn)->target, *n);
	return 0;
}

/* A removed directory still has its parent (F3). */
static int tmpfs_parent(struct vnode *dir, struct vnode **out)
{
	struct vnode *up = inode_of(dir)->parent;

	*out = up ? up : dir;
	vnode_ref(*out);
	return 0;
}

/* Positions: 0 is ".", 1 "..", then the ids of the entries. */
static int tmpfs_readdir(struct vnode *dir, uint64_t pos, readdir_emit emit, void *arg)
{
	struct inode *in = inode_of(dir);

	if (in->nlink == 0) return 0;
	if (pos < 1 && !emit(arg, ".", 1, dir->ino, S_IFDIR >> 12, 1)) return 0;
	if (pos < 2 && !emit(arg, "..", 2, in->parent ? in->parent->ino : dir->ino, S_IFDIR >> 12, 2)) return 0;
	for (struct entry *e = in->entries; e; e = e->next) {
		if (e->id < pos) continue;
		if (!emit(arg, e->name, e->len, e->vn->ino, (e->vn->mode & S_IFMT) >> 12, e->id + 1)) return 0;
	}
	return 0;
}

/* Size, times and blocks come from the object; the inode's are those of the moment before there was one. */
static int tmpfs_getattr(struct vnode *vn, struct stat *st)
{
	struct inode *in = inode_of(vn);
	struct vmo_info info;

	if (vn->object && !object_info(vn->object, &info)) {
		st->st_size = info.size;
		st->st_blocks = info.npages * 8;         /* 512-byte blocks */
		in->times = (struct times){info.atime, info.mtime, info.ctime};
	} else if (in->target) {
		st->st_size = strlen(in->target);
	}
	st->st_nlink = in->nlink;
	st->st_atim = time_spec(in->times.atime);
	st->st_mtim = time_spec(in->times.mtime);
	st->st_ctim = time_spec(in->times.ctime);
	return 0;
}

static int tmpfs_setattr(struct vnode *vn, const struct stat *st, unsigned which)
{
	struct inode *in = inode_of(vn);

	if (which & ATTR_MODE) vn->mode = (vn->mode & S_IFMT) | (st->st_mode & 07777);
	if (which & ATTR_UID) vn->uid = st->st_uid;
	if (which & ATTR_GID) vn->gid = st->st_gid;
	if (which & ATTR_ATIME) in->times.atime = time_ns(&st->st_atim);
	if (which & ATTR_MTIME) in->times.mtime = time_ns(&st->st_mtim);
	in->times.ctime = now_ns();
	return 0;
}

/* The object is made at the first open, and lives as long as the file: its pages are the file. */
static int tmpfs_open(struct vnode *vn)
{
	return object_create(vn, 0, SIZE_LIMIT, VMO_EPHEMERAL, inode_of(vn)->times, &vn->object);
}

/* All of memory is the limit; what is free for everybody is free here. */
static int tmpfs_statfs(struct mount *m, struct statfs *s)
{
	struct sysinfo si;

	(void)m;
	s->f_type = TMPFS_MAGIC;
	if (sysinfo(&si) == 0) {
		s->f_blocks = (uint64_t)si.totalram * si.mem_unit / 4096;
		s->f_bfree = s->f_bavail = (uint64_t)si.freeram * si.mem_unit / 4096;
	}
	return 0;
}

/* Is a file of it mapped, or referenced by others than the directories below it (F3) and, the root, by the mount? */
static bool tmpfs_busy(const struct mount *m)
{
	uint64_t refs = 0, known = 1;
	struct vmo_info info;

	for (struct vnode *vn = NULL; (vn = vnode_next(m, vn));) {
		refs += vn->refs;
		known += inode_of(vn)->parent != NULL;
		if (vn->object && !object_info(vn->object, &info) && info.users) return true;
	}
	return refs != known;
}

/* Down to a directory with nothing below its first entry, and up again when it is empty. */
static void tree_empty(struct vnode *root)
{
	struct vnode *dir = root;
	struct entry *e;

	while ((e = inode_of(dir)->entries) || dir != root) {
		if (!e) dir = inode_of(dir)->parent;
		else if (inode_of(e->vn)->entries) dir = e->vn;
		else entry_remove(dir, &inode_of(dir)->entries);
	}
}

/* Its files are nowhere else: they are gone with it, as on Linux. */
static int tmpfs_unmount(struct mount *m)
{
	if (tmpfs_busy(m)) return -EBUSY;
	tree_empty(m->root);
	inode_of(m->root)->nlink = 0;
	vnode_put(m->root);
	return 0;
}

static const struct fs_ops tmpfs_ops = {
	.lookup = tmpfs_lookup, .create = inode_make, .mkdir = inode_make, .symlink = tmpfs_symlink, .link = tmpfs_link,
	.unlink = tmpfs_remove, .rmdir = tmpfs_remove, .rename = tmpfs_rename, .exchange = tmpfs_exchange,
	.readlink = tmpfs_readlink, .readdir = tmpfs_readdir, .parent = tmpfs_parent, .getattr = tmpfs_getattr,
	.setattr = tmpfs_setattr, .open = tmpfs_open, .inactive = tmpfs_inactive, .statfs = tmpfs_statfs, .unmount = tmpfs_unmount,
};

/* tmpfs_mount: an empty file system that everybody may write to, as /tmp is everywhere.  All names of all of them
 * together may take a 16th of memory: some 40,000 files for 256 MiB. */
int tmpfs_mount(struct mount *m)
{
	struct sysinfo si;

	if (sysinfo(&si) == 0) share_limit(SHARE_NAMES, (uint64_t)si.totalram * si.mem_unit / 16);
	m->ops = &tmpfs_ops;
	m->root = inode_new(m, S_IFDIR | S_ISVTX | 0777, (struct cred){0});
	return m->root ? 0 : -ENOMEM;
}
