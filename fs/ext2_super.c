/* SPDX-License-Identifier: MIT */
/* fs/ext2_super.c - RING 3 - mounting: is it ext2, do we know all its features, are its numbers possible?
 *
 * Everything that is read from the disk is checked before it is used: here once for the superblock and the group
 * descriptors, elsewhere at each use; a wrong number is EIO for who asked, never a crash.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/ext2.h"

static const struct { uint32_t bit; const char *name; } incompat[] = {
	{0x1, "compression"}, {0x4, "needs_recovery (an ext3 journal)"}, {0x8, "journal_dev"}, {0x10, "meta_bg"},
	{0x40, "extents"}, {0x80, "64bit"}, {0x100, "mmp"}, {0x200, "flex_bg"}, {0x400, "ea_inode"},
	{0x1000, "dirdata"}, {0x2000, "csum_seed"}, {0x4000, "largedir"}, {0x8000, "inline_data"}, {0x10000, "encrypt"},
	{0x20000, "casefold"},
}, ro_compat[] = {
	{0x4, "btree_dir"}, {0x8, "huge_file"}, {0x10, "uninit_bg"}, {0x20, "dir_nlink"}, {0x40, "extra_isize"},
	{0x100, "quota"},
	{0x200, "bigalloc"}, {0x400, "metadata_csum"}, {0x1000, "read-only"}, {0x2000, "project"}, {0x8000, "verity"},
};

int corrupt(struct ext2 *fs, const char *what)
{
	if (!fs->complained) say("ext2: the file system is damaged: %s; run e2fsck", what);
	fs->complained = true;
	return -EIO;
}

static const char *feature_name(uint32_t unknown, bool ro)
{
	for (unsigned i = 0; !ro && i < sizeof(incompat) / sizeof(*incompat); i++) {
		if (unknown & incompat[i].bit) return incompat[i].name;
	}
	for (unsigned i = 0; ro && i < sizeof(ro_compat) / sizeof(*ro_compat); i++) {
		if (unknown & ro_compat[i].bit) return ro_compat[i].name;
	}
	return "of unknown name";
}

static int features_check(const struct ext2_super *sb, bool *readonly, char *why, size_t n)
{
	uint32_t bad = sb->feature_incompat & ~INCOMPAT_FILETYPE;
	uint32_t ro = sb->feature_ro_compat & ~(RO_COMPAT_SPARSE_SUPER | RO_COMPAT_LARGE_FILE);

	if (sb->rev_level == 0) return 0;
	if (bad) {
		snprintf(why, n, "the feature %s (incompat 0x%x) is not known", feature_name(bad, false), bad & -bad);
		return -EOPNOTSUPP;
	}
	if (ro && !*readonly) {
		snprintf(why, n, "the feature %s (ro_compat 0x%x) is not known", feature_name(ro, true), ro & -ro);
		*readonly = true;
	}
	return 0;
}

#define WRONG(...) do { snprintf(why, n, __VA_ARGS__); return -EINVAL; } while (0)

static int super_check(const struct disk *d, const struct ext2_super *sb, char *why, size_t n)
{
	uint64_t bs = 1024ull << (sb->log_block_size & 31);

	if (sb->magic != EXT2_MAGIC) WRONG("no ext2: the magic number is 0x%04x, not 0xef53", sb->magic);
	if (sb->log_block_size > 2) WRONG("damaged superblock: block size 1024 << %u", sb->log_block_size);
	if (sb->blocks_count == 0 || sb->blocks_count * bs > d->len)
		WRONG("the file system has %llu bytes, its partition %llu: a truncated image?",
		      (unsigned long long)(sb->blocks_count * bs), (unsigned long long)d->len);
	if (sb->blocks_per_group == 0 || sb->blocks_per_group > bs * 8) WRONG("damaged superblock: blocks per group");
	if (sb->inodes_per_group == 0 || sb->inodes_per_group > bs * 8) WRONG("damaged superblock: inodes per group");
	if (sb->first_data_block != (bs == 1024))
		WRONG("damaged superblock: first data block %u", sb->first_data_block);
	if (sb->rev_level > 1) WRONG("revision %u is not known", sb->rev_level);
	if (sb->rev_level == 1 &&
	    (sb->inode_size < 128 || sb->inode_size > bs || (sb->inode_size & (sb->inode_size - 1))))
		WRONG("damaged superblock: inode size %u", sb->inode_size);
	return 0;
}

static int groups_check(struct ext2 *fs, char *why, size_t n)
{
	uint64_t table = ((uint64_t)fs->geo.inodes_per_group * fs->inode_size + fs->block_size - 1) / fs->block_size;
	uint64_t end = fs->nblocks;

	if ((uint64_t)fs->ngroups * fs->geo.inodes_per_group != fs->geo.inodes_count)
		WRONG("damaged superblock: inodes count");
	if (fs->first_block + 1 + ((uint64_t)fs->ngroups * 32 + fs->block_size - 1) / fs->block_size > end)
		WRONG("damaged superblock: no room for the group descriptors");
	fs->place = malloc((fs->ngroups + 1ull) * sizeof(*fs->place));
	if (!fs->place) return -ENOMEM;
	memcpy(fs->place, fs->group, fs->ngroups * sizeof(*fs->place));
	for (uint32_t i = 0; i < fs->ngroups; i++) {
		const struct ext2_group *g = &fs->place[i];

		if (g->block_bitmap <= fs->first_block || g->block_bitmap >= end ||
		    g->inode_bitmap <= fs->first_block || g->inode_bitmap >= end || g->inode_table <= fs->first_block ||
		    g->inode_table + table > end)
			WRONG("damaged group descriptor %u", i);
	}
	return 0;
}

static int geometry(struct ext2 *fs, char *why, size_t n)
{
	fs->block_size = 1024u << fs->geo.log_block_size;
	fs->per_block = fs->block_size / 4;
	fs->first_block = fs->geo.first_data_block;
	fs->nblocks = fs->geo.blocks_count;
	fs->inode_size = fs->geo.rev_level ? fs->geo.inode_size : 128;
	fs->ngroups = (fs->nblocks - fs->first_block + fs->geo.blocks_per_group - 1) / fs->geo.blocks_per_group;
	fs->group = block_at(fs, fs->first_block + 1);
	for (int i = 0; i < META_CLASSES; i++) fs->dirty[i] = calloc(1, fs->nblocks / 8 + 1);
	fs->pending = calloc(1, fs->nblocks / 8 + 1);
	fs->pending_inodes = calloc(1, fs->geo.inodes_count / 8 + 1);
	if (!fs->dirty[0] || !fs->dirty[1] || !fs->dirty[2] || !fs->dirty[3] || !fs->pending || !fs->pending_inodes) return -ENOMEM;
	return groups_check(fs, why, n);
}

/* While it is mounted it is not clean; after a cut not before e2fsck has looked, as on Linux. */
static void state_set(struct ext2 *fs, bool clean)
{
	if (clean) fs->sb->state |= EXT2_STATE_CLEAN;
	else fs->sb->state &= ~EXT2_STATE_CLEAN;
	fs->sb->wtime = time(NULL);
	meta_dirty_at(fs, fs->sb, META_MAP);
	order_commit(fs, true);
}

/* Give back all that a mount holds in memory; the disk's mapping is its owner's. */
static void fs_free(struct mount *m)
{
	struct ext2 *fs = m->fs;

	cache_drop_all(fs);
	for (int i = 0; i < META_CLASSES; i++) free(fs->dirty[i]);
	free(fs->pending);
	free(fs->pending_inodes);
	free(fs->place);
	free(fs);
	m->fs = NULL;
	m->root = NULL;
}

int ext2_mount(struct mount *m, struct disk *d, bool readonly, char *why, size_t whylen)
{
	struct ext2 *fs = calloc(1, sizeof(*fs));
	struct vnode *root;
	int rc;

	why[0] = 0;
	if (!fs) return -ENOMEM;
	if (d->len < 4096) {
		free(fs);
		snprintf(why, whylen, "the partition is too small");
		return -EINVAL;
	}
	fs->disk = d;
	fs->mnt = m;
	fs->sb = (void *)(d->map + 1024);
	fs->geo = *fs->sb;
	rc = super_check(d, &fs->geo, why, whylen);
	if (!rc) rc = features_check(&fs->geo, &readonly, why, whylen);
	if (!rc) rc = geometry(fs, why, whylen);
	m->fs = fs;
	m->ops = &ext2_ops;
	m->readonly = readonly;
	snprintf(m->type, sizeof(m->type), "ext2");
	if (!rc) rc = inode_get(m, EXT2_ROOT, &root);
	if (!rc && !S_ISDIR(root->mode)) rc = -EIO;
	if (rc == -EIO) snprintf(why, whylen, "the root directory is damaged");
	if (rc) {
		fs_free(m);
		return rc;
	}
	m->root = root;
	if (!readonly) {
		fs->was_clean = fs->sb->state & EXT2_STATE_CLEAN;
		if (!fs->was_clean) say("ext2: was not unmounted cleanly: run e2fsck");
		fs->sb->mnt_count++;
		fs->sb->mtime = time(NULL);
		state_set(fs, false);
	}
	return 0;
}

int ext2_statfs(struct mount *m, struct statfs *s)
{
	struct ext2 *fs = m->fs;

	s->f_type = EXT2_MAGIC;
	s->f_bsize = s->f_frsize = fs->block_size;
	s->f_blocks = fs->nblocks;
	s->f_bfree = blocks_free(fs) + fs->npending;    /* freed is free: whoever needs them commits first */
	s->f_bavail = s->f_bfree > fs->geo.r_blocks_count ? s->f_bfree - fs->geo.r_blocks_count : 0;
	s->f_files = fs->geo.inodes_count;
	s->f_ffree = fs->sb->free_inodes_count;
	s->f_namelen = 255;
	return 0;
}

int ext2_sync(struct mount *m, bool flush)
{
	cache_trim(m->fs, 128);
	return order_commit(m->fs, flush);
}

/* -EIO: what was owed could not be written, and is still owed: it stays mounted. */
int ext2_unmount(struct mount *m)
{
	struct ext2 *fs = m->fs;
	int rc = 0;

	cache_trim(fs, 0);
	if (fs->ncached > 1 || m->root->refs > 1) return -EBUSY;
	if (!m->readonly) rc = order_commit(fs, true);          /* all of it first: then it may be called clean */
	if (rc) return rc;
	if (!m->readonly) state_set(fs, fs->was_clean);
	fs_free(m);
	return 0;
}
