/* SPDX-License-Identifier: MIT */
/* fs/ext2_dir.c - RING 3 - directories: blocks of entries whose record lengths fill each block.
 *
 * An indexed directory (dir_index) looks linear to who reads it in order; who changes it clears the index flag.
 * D1  An entry's 8 bytes of header never straddle a sector of 512 bytes when we place it, so a torn write of a block
 *     cannot break the chain of record lengths: each sector is written whole, and a header lies in one.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "fs/ext2.h"

static int block_of(struct vnode *dir, uint64_t index, uint8_t **out)
{
	struct ext2 *fs = fs_of(dir);
	uint32_t b;
	int rc = map_get(fs, inode_of(dir), index, &b);

	if (rc) return rc;
	if (!b) return corrupt(fs, "a directory has a hole");
	*out = block_at(fs, b);
	return 0;
}

static bool entry_ok(const struct ext2 *fs, const struct ext2_dirent *de, uint32_t off)
{
	return de->rec_len >= 8 && de->rec_len % 4 == 0 && de->rec_len <= fs->block_size - off &&
	       de->rec_len >= 8u + de->name_len && de->inode <= fs->geo.inodes_count;
}

/* Call fn for each entry until it returns not 0; that, 0, or -EIO. */
typedef int (*entry_fn)(struct vnode *dir, struct ext2_dirent *de, struct ext2_dirent *prev, uint64_t pos, void *arg);

static int each(struct vnode *dir, uint64_t from, entry_fn fn, void *arg)
{
	struct ext2 *fs = fs_of(dir);
	uint64_t size = inode_size(inode_of(dir));
	int rc = 0;

	if (size / fs->block_size > fs->nblocks) return corrupt(fs, "a directory is larger than the disk");
	for (uint64_t i = from / fs->block_size; i * fs->block_size < size && !rc; i++) {
		struct ext2_dirent *prev = NULL;
		uint8_t *block = NULL;

		rc = block_of(dir, i, &block);
		for (uint32_t off = 0; !rc && off + 8 <= fs->block_size;) {
			struct ext2_dirent *de = (void *)(block + off);

			if (!entry_ok(fs, de, off)) return corrupt(fs, "a directory entry");
			rc = fn(dir, de, prev, i * fs->block_size + off, arg);
			prev = de;
			off += de->rec_len;
		}
	}
	return rc;
}

struct search { const char *name; size_t len; struct ext2_dirent *found, *prev; };

static int match(struct vnode *dir, struct ext2_dirent *de, struct ext2_dirent *prev, uint64_t pos, void *arg)
{
	struct search *s = arg;

	if (!de->inode || de->name_len != s->len || memcmp(de->name, s->name, s->len)) return 0;
	s->found = de;
	s->prev = prev;
	return 1;
}

int dir_find(struct vnode *dir, const char *name, size_t len, struct ext2_dirent **de)
{
	struct search s = {name, len, NULL, NULL};
	int rc = each(dir, 0, match, &s);

	if (rc < 0) return rc;
	*de = s.found;
	return s.found ? 0 : -ENOENT;
}

static uint8_t type_of(const struct ext2 *fs, mode_t mode)
{
	static const uint8_t type[16] = {[1] = 5, [2] = 3, [4] = 2, [6] = 4, [8] = 1, [10] = 7, [12] = 6};

	return fs->geo.rev_level && (fs->geo.feature_incompat & INCOMPAT_FILETYPE) ? type[mode >> 12 & 15] : 0;
}

static void dir_changed(struct vnode *dir, void *p)
{
	struct ext2_inode *in = inode_of(dir);

	meta_dirty_at(fs_of(dir), p, META_DIR);
	in->raw->flags &= ~EXT2_INDEX_FL;
	inode_touch(in, true);
}

struct room { uint32_t need; struct ext2_dirent *at; uint32_t skip; };

/* Bytes to leave before a header at off so that it does not straddle a sector (D1); entries are 4-byte aligned. */
static uint32_t align_skip(uint64_t off)
{
	return off % 512 > 504 ? 512 - off % 512 : 0;
}

static int has_room(struct vnode *dir, struct ext2_dirent *de, struct ext2_dirent *prev, uint64_t pos, void *arg)
{
	struct room *r = arg;
	uint32_t used = de->inode ? DIRENT_LEN(de->name_len) : 0, skip = used ? align_skip(pos + used) : 0;

	if (de->rec_len < used + skip + r->need) return 0;
	r->at = de;
	r->skip = used + skip;
	return 1;
}

static int dir_grow(struct vnode *dir, struct ext2_dirent **out)
{
	struct ext2 *fs = fs_of(dir);
	struct ext2_inode *in = inode_of(dir);
	uint64_t size = inode_size(in);
	uint32_t b;
	int rc = map_alloc(fs, in, size / fs->block_size, false, &b);

	if (rc) return rc;
	memset(block_at(fs, b), 0, fs->block_size);
	*out = block_at(fs, b);
	(*out)->rec_len = fs->block_size;
	meta_dirty(fs, b, META_MAP);            /* O1 */
	inode_set_size(in, size + fs->block_size);
	return 0;
}

static void entry_fill(struct ext2 *fs, struct ext2_dirent *de, const char *name, size_t len, uint32_t ino, mode_t mode)
{
	de->name_len = len;
	de->type = type_of(fs, mode);
	memcpy(de->name, name, len);
	de->inode = ino;
}

int dir_add(struct vnode *dir, const char *name, size_t len, uint32_t ino, mode_t mode)
{
	struct room r = {.need = DIRENT_LEN(len)};
	struct ext2 *fs = fs_of(dir);
	struct ext2_dirent *de;
	int rc = each(dir, 0, has_room, &r);

	if (rc < 0) return rc;
	if (!r.at) {
		rc = dir_grow(dir, &r.at);
		if (rc) return rc;
	}
	de = (void *)((char *)r.at + r.skip);
	if (r.skip) {                           /* the new one first, then it is linked in */
		de->rec_len = r.at->rec_len - r.skip;
		entry_fill(fs, de, name, len, ino, mode);
		r.at->rec_len = r.skip;
	} else {
		entry_fill(fs, de, name, len, ino, mode);
	}
	dir_changed(dir, de);
	return 0;
}

int dir_remove(struct vnode *dir, const char *name, size_t len)
{
	struct search s = {name, len, NULL, NULL};
	int rc = each(dir, 0, match, &s);

	if (rc < 0) return rc;
	if (!s.found) return -ENOENT;
	if (s.prev) s.prev->rec_len += s.found->rec_len;
	s.found->inode = 0;
	dir_changed(dir, s.found);
	return 0;
}

int dir_set(struct vnode *dir, struct ext2_dirent *de, uint32_t ino, mode_t mode)
{
	de->inode = ino;
	de->type = type_of(fs_of(dir), mode);
	dir_changed(dir, de);
	return 0;
}

static int not_dot(struct vnode *dir, struct ext2_dirent *de, struct ext2_dirent *prev, uint64_t pos, void *arg)
{
	bool dot = de->name[0] == '.' && (de->name_len == 1 || (de->name_len == 2 && de->name[1] == '.'));

	return de->inode && !dot;
}

bool dir_empty(struct vnode *dir)
{
	return each(dir, 0, not_dot, NULL) == 0;
}

int dir_init(struct vnode *dir, uint32_t parent)
{
	struct ext2 *fs = fs_of(dir);
	struct ext2_dirent *dot, *up;
	int rc = dir_grow(dir, &dot);

	if (rc) return rc;
	dot->rec_len = 12;
	entry_fill(fs, dot, ".", 1, dir->ino, S_IFDIR);
	up = (void *)((char *)dot + 12);
	up->rec_len = fs->block_size - 12;
	entry_fill(fs, up, "..", 2, parent, S_IFDIR);
	dir_changed(dir, dot);
	return 0;
}

struct emit { uint64_t from; readdir_emit fn; void *arg; };

static int emit_entry(struct vnode *dir, struct ext2_dirent *de, struct ext2_dirent *prev, uint64_t pos, void *arg)
{
	static const unsigned char type[8] = {DT_UNKNOWN, DT_REG, DT_DIR, DT_CHR, DT_BLK, DT_FIFO, DT_SOCK, DT_LNK};
	struct emit *e = arg;

	if (pos < e->from || !de->inode) return 0;
	return !e->fn(e->arg, de->name, de->name_len, de->inode, type[de->type & 7], pos + de->rec_len);
}

/* Positions are byte offsets; an entry that was merged into its neighbour is just skipped. */
int dir_readdir(struct vnode *dir, uint64_t pos, readdir_emit emit, void *arg)
{
	struct emit e = {pos, emit, arg};
	int rc = each(dir, pos, emit_entry, &e);

	return rc < 0 ? rc : 0;
}
