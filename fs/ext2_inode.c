/* SPDX-License-Identifier: MIT */
/* fs/ext2_inode.c - RING 3 - inodes: found in the mapped inode tables, cached as vnodes, freed when nobody is left.
 *
 * N1  An inode has at most one vnode; the cache finds it by number.
 * N2  While a file has an object, the object's size and times are the true ones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/ext2.h"

#define HASH(ino) ((ino) % 256u)
#define CACHE_MAX 512u

static struct ext2_raw_inode *raw_at(struct ext2 *fs, uint32_t ino)
{
	uint32_t g = (ino - 1) / fs->geo.inodes_per_group, i = (ino - 1) % fs->geo.inodes_per_group;

	return (void *)((uint8_t *)block_at(fs, fs->place[g].inode_table) + (uint64_t)i * fs->inode_size);
}

void inode_dirty(struct ext2_inode *in)
{
	meta_dirty_at(fs_of(in->vn), in->raw, META_INODE);
}

uint64_t inode_size(const struct ext2_inode *in)
{
	return in->raw->size | (S_ISREG(in->vn->mode) ? (uint64_t)in->raw->size_high << 32 : 0);
}

void inode_set_size(struct ext2_inode *in, uint64_t size)
{
	struct ext2 *fs = fs_of(in->vn);

	if (inode_size(in) == size) return;
	in->raw->size = size;
	if (S_ISREG(in->vn->mode)) in->raw->size_high = size >> 32;
	if (size > INT32_MAX && !(fs->sb->feature_ro_compat & RO_COMPAT_LARGE_FILE) && fs->geo.rev_level) {
		fs->sb->feature_ro_compat |= RO_COMPAT_LARGE_FILE;
		meta_dirty_at(fs, fs->sb, META_MAP);
	}
	inode_dirty(in);
}

/* Nanoseconds and two more bits of seconds, if this inode has room for them. */
static bool has_extra(const struct ext2_inode *in)
{
	return fs_of(in->vn)->inode_size >= 160 && in->raw->extra_isize >= 16;
}

static void time_store(const struct ext2_inode *in, uint32_t *sec, uint32_t *extra, int64_t ns)
{
	*sec = ns / 1000000000;
	if (has_extra(in)) *extra = (uint32_t)(ns % 1000000000) << 2 | ((ns / 1000000000 >> 32) & 3);
}

static int64_t time_load(const struct ext2_inode *in, uint32_t sec, uint32_t extra)
{
	int64_t s = (int32_t)sec;

	if (!has_extra(in)) return s * 1000000000;
	s += (int64_t)(extra & 3) << 32;
	if (s >= INT64_MAX / 1000000000) s = INT64_MAX / 1000000000 - 1;        /* in 2262 */
	return s * 1000000000 + (extra >> 2) % 1000000000;
}

void inode_set_times(struct ext2_inode *in, struct times t)
{
	if (t.atime) time_store(in, &in->raw->atime, &in->raw->atime_extra, t.atime);
	if (t.mtime) time_store(in, &in->raw->mtime, &in->raw->mtime_extra, t.mtime);
	if (t.ctime) time_store(in, &in->raw->ctime, &in->raw->ctime_extra, t.ctime);
	if (t.atime || t.mtime || t.ctime) meta_dirty_at(fs_of(in->vn), in->raw, META_TIMES);
}

static struct times times_of(const struct ext2_inode *in)
{
	return (struct times){
		time_load(in, in->raw->atime, in->raw->atime_extra),
		time_load(in, in->raw->mtime, in->raw->mtime_extra),
		time_load(in, in->raw->ctime, in->raw->ctime_extra),
	};
}

void inode_touch(struct ext2_inode *in, bool modified)
{
	int64_t now = now_ns();

	inode_set_times(in, (struct times){0, modified ? now : 0, now});
	inode_dirty(in);
	if (in->vn->object) object_set(in->vn->object, VMO_SET_CTIME, now);
}

static struct vnode *cache_find(struct ext2 *fs, uint32_t ino)
{
	struct ext2_inode *in = fs->cache[HASH(ino)];

	while (in && in->vn->ino != ino) in = in->next;
	return in ? in->vn : NULL;
}

static struct ext2_inode *cache_add(struct mount *m, uint32_t ino, struct ext2_raw_inode *raw)
{
	struct ext2 *fs = m->fs;
	struct ext2_inode *in = calloc(1, sizeof(*in));
	struct vnode *vn = in ? vnode_new(m, ino, raw->mode) : NULL;

	if (!vn) {
		free(in);
		return NULL;
	}
	*in = (struct ext2_inode){.next = fs->cache[HASH(ino)], .vn = vn, .raw = raw};
	fs->cache[HASH(ino)] = in;
	fs->ncached++;
	vn->fs = in;
	vn->uid = raw->uid | (uint32_t)raw->uid_high << 16;
	vn->gid = raw->gid | (uint32_t)raw->gid_high << 16;
	vn->dev = S_ISCHR(raw->mode) || S_ISBLK(raw->mode) ? raw->block[0] ? raw->block[0] : raw->block[1] : 0;
	return in;
}

static void cache_drop(struct ext2 *fs, struct ext2_inode *in)
{
	struct ext2_inode **p = &fs->cache[HASH(in->vn->ino)];

	while (*p != in) p = &(*p)->next;
	*p = in->next;
	fs->ncached--;
	resv_drop(fs, in, 0, UINT64_MAX);
	vnode_free(in->vn);
	free(in);
}

int inode_get(struct mount *m, uint32_t ino, struct vnode **out)
{
	struct ext2 *fs = m->fs;
	struct ext2_inode *in;
	struct vnode *vn = cache_find(fs, ino);

	if (vn) {
		vnode_ref(vn);
		*out = vn;
		return 0;
	}
	if (ino == 0 || ino > fs->geo.inodes_count) return corrupt(fs, "an inode number is out of range");
	if (!raw_at(fs, ino)->links) return corrupt(fs, "a name leads to a free inode");
	in = cache_add(m, ino, raw_at(fs, ino));
	if (!in) return -ENOMEM;
	*out = in->vn;
	return 0;
}

/* One that may be gone. */
int inode_again(struct mount *m, uint64_t ino, struct vnode **out)
{
	struct ext2 *fs = m->fs;

	if (ino == 0 || ino > fs->geo.inodes_count || !raw_at(fs, ino)->links) return -ENOENT;
	return inode_get(m, ino, out);
}

int inode_new(struct vnode *dir, mode_t mode, struct cred c, struct vnode **out)
{
	struct ext2 *fs = fs_of(dir);
	struct ext2_raw_inode *raw;
	struct ext2_inode *in;
	uint32_t ino;
	int rc = inode_alloc(fs, (dir->ino - 1) / fs->geo.inodes_per_group, S_ISDIR(mode), &ino);

	if (rc) return rc;
	if (cache_find(fs, ino)) return corrupt(fs, "an inode in use is marked free");          /* N1 */
	raw = raw_at(fs, ino);
	memset(raw, 0, fs->inode_size);
	raw->mode = mode;
	raw->uid = c.uid;
	raw->uid_high = c.uid >> 16;
	raw->gid = c.gid;
	raw->gid_high = c.gid >> 16;
	raw->links = S_ISDIR(mode) ? 2 : 1;
	if (fs->inode_size >= 160) raw->extra_isize = 32 < fs->inode_size - 128 ? 32 : 16;
	in = cache_add(dir->mnt, ino, raw);
	if (!in) {
		raw->links = 0;
		inode_release(fs, ino, S_ISDIR(mode));
		return -ENOMEM;
	}
	inode_set_times(in, (struct times){now_ns(), now_ns(), now_ns()});
	inode_dirty(in);
	*out = in->vn;
	return 0;
}

/* The extended attributes' block is shared and counted (ext2's xattr block: magic, refcount). */
static void acl_release(struct ext2 *fs, struct ext2_inode *in)
{
	uint32_t b = in->raw->file_acl, *h;

	if (!b) return;
	in->raw->file_acl = 0;
	if (!block_ok(fs, b)) {
		corrupt(fs, "an attribute block is out of range");
		return;
	}
	h = block_at(fs, b);
	if (h[0] != 0xea020000u) return;
	if (h[1] > 1) {
		h[1]--;
		meta_dirty(fs, b, META_MAP);
	} else {
		block_free(fs, b);
	}
}

static bool fast_symlink(struct ext2 *fs, const struct ext2_inode *in)
{
	return S_ISLNK(in->vn->mode) && in->raw->blocks == (in->raw->file_acl ? fs->block_size / 512 : 0);
}

/* Nobody names it, nobody uses it: its blocks and number are free again. */
static void inode_destroy(struct ext2 *fs, struct ext2_inode *in)
{
	bool dir = S_ISDIR(in->vn->mode), data = S_ISREG(in->vn->mode) || dir || S_ISLNK(in->vn->mode);
	uint32_t now = now_ns() / 1000000000;

	if (data && !fast_symlink(fs, in)) map_cut(fs, in, 0);
	acl_release(fs, in);
	/* a smaller one would be a link of ext3's list of orphans */
	in->raw->dtime = now < fs->geo.inodes_count ? fs->geo.inodes_count : now;
	in->raw->size = in->raw->size_high = 0;
	inode_dirty(in);
	inode_release(fs, in->vn->ino, dir);
	cache_drop(fs, in);
}

/* Idle: no descriptor, no mapping, no page that is still owed. */
static bool inode_idle(const struct ext2_inode *in)
{
	struct vmo_info info = {0};

	if (in->vn->refs) return false;
	if (!in->vn->object || object_info(in->vn->object, &info)) return true;
	return info.users == 0 && (info.ndirty == 0 || !in->raw->links);
}

void inode_inactive(struct vnode *vn)
{
	struct ext2_inode *in = inode_of(vn);
	struct ext2 *fs = fs_of(vn);

	if (in->raw->links && fs->ncached <= CACHE_MAX) return;
	if (!inode_idle(in)) return;            /* PAGER_RELEASE comes when the last user went */
	if (!in->raw->links && !vn->mnt->readonly) inode_destroy(fs, in);
	else if (fs->ncached > CACHE_MAX) cache_trim(fs, CACHE_MAX / 2);
}

void cache_trim(struct ext2 *fs, uint32_t keep)
{
	for (uint32_t h = 0; h < 256 && fs->ncached > keep; h++) {
		for (struct ext2_inode *in = fs->cache[h], *next; in; in = next) {
			next = in->next;
			if (in->vn != fs->mnt->root && inode_idle(in) && in->raw->links) cache_drop(fs, in);
		}
	}
}

void cache_drop_all(struct ext2 *fs)
{
	for (uint32_t h = 0; h < 256; h++) {
		while (fs->cache[h]) cache_drop(fs, fs->cache[h]);
	}
}

void inode_unlinked(struct ext2_inode *in)
{
	inode_touch(in, false);
	if (in->vn->object) object_set(in->vn->object, VMO_SET_LINKS, in->raw->links);
}

int inode_getattr(struct vnode *vn, struct stat *st)
{
	struct ext2_inode *in = inode_of(vn);
	struct vmo_info info = {0};
	uint64_t promised = 0;

	if (vn->object && !object_info(vn->object, &info)) {
		inode_set_size(in, info.size);
		inode_set_times(in, (struct times){info.changed & 2 ? info.atime : 0, info.changed & 4 ? info.mtime : 0,
		                                   info.changed & 8 ? info.ctime : 0});
	}
	struct times t = times_of(in);

	st->st_dev = vn->mnt->dev;
	st->st_ino = vn->ino;
	st->st_mode = vn->mode;
	st->st_nlink = in->raw->links;
	st->st_uid = vn->uid;
	st->st_gid = vn->gid;
	st->st_rdev = vn->dev;
	st->st_size = inode_size(in);
	st->st_blksize = 4096;
	/* with those that dirty pages will have: a file without blocks would be taken for one hole (tar,
	 * cp --sparse) */
	if (info.ndirty) promised = resv_sectors(in, st->st_size);
	st->st_blocks = in->raw->blocks + (promised < info.ndirty * 8 ? promised : info.ndirty * 8);
	st->st_atim = (struct timespec){t.atime / 1000000000, t.atime % 1000000000};
	st->st_mtim = (struct timespec){t.mtime / 1000000000, t.mtime % 1000000000};
	st->st_ctim = (struct timespec){t.ctime / 1000000000, t.ctime % 1000000000};
	return 0;
}

static int64_t ns_of(struct timespec t)
{
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int inode_setattr(struct vnode *vn, const struct stat *st, unsigned which)
{
	struct ext2_inode *in = inode_of(vn);

	if (which & ATTR_MODE) vn->mode = in->raw->mode = (vn->mode & S_IFMT) | (st->st_mode & 07777);
	if (which & ATTR_UID) {
		vn->uid = st->st_uid;
		in->raw->uid = vn->uid;
		in->raw->uid_high = vn->uid >> 16;
	}
	if (which & ATTR_GID) {
		vn->gid = st->st_gid;
		in->raw->gid = vn->gid;
		in->raw->gid_high = vn->gid >> 16;
	}
	inode_touch(in, false);
	inode_set_times(in, (struct times){which & ATTR_ATIME ? ns_of(st->st_atim) : 0,
	                                   which & ATTR_MTIME ? ns_of(st->st_mtim) : 0, 0});
	if (vn->object && (which & ATTR_ATIME)) object_set(vn->object, VMO_SET_ATIME, ns_of(st->st_atim));
	if (vn->object && (which & ATTR_MTIME)) object_set(vn->object, VMO_SET_MTIME, ns_of(st->st_mtim));
	return 0;
}

int inode_open(struct vnode *vn)
{
	struct ext2_inode *in = inode_of(vn);

	if (!S_ISREG(vn->mode) || vn->object) return 0;
	return object_create(vn, inode_size(in), map_max_size(fs_of(vn)), vn->mnt->readonly ? VMO_READONLY : 0,
	                     times_of(in), &vn->object);
}
