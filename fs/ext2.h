/* SPDX-License-Identifier: MIT */
/* fs/ext2.h - RING 3 - ext2: the layout on disk (little-endian, as this CPU), and what its files share.
 *
 * Metadata is read and edited in place, in disk->map.  Whoever changes a block says so with meta_dirty().
 * Root may write to the disk while it is mounted, so what is in the map may be anything at any time: what was checked
 * when it was mounted is a copy (geo, place), and every other number is checked where it is used.
 */
#ifndef FS_EXT2_H
#define FS_EXT2_H

#include "abi/ipc.h"
#include "fs/vfs.h"

struct ext2_super {                     /* at byte 1024 */
	uint32_t inodes_count, blocks_count, r_blocks_count, free_blocks_count, free_inodes_count, first_data_block;
	uint32_t log_block_size, log_frag_size, blocks_per_group, frags_per_group, inodes_per_group, mtime, wtime;
	uint16_t mnt_count, max_mnt_count, magic, state, errors, minor_rev;
	uint32_t lastcheck, checkinterval, creator_os, rev_level;
	uint16_t def_resuid, def_resgid;
	uint32_t first_ino;
	uint16_t inode_size, block_group_nr;
	uint32_t feature_compat, feature_incompat, feature_ro_compat;
};
#define EXT2_MAGIC 0xef53
#define EXT2_STATE_CLEAN 1
#define INCOMPAT_FILETYPE 0x2u
#define RO_COMPAT_SPARSE_SUPER 0x1u
#define RO_COMPAT_LARGE_FILE 0x2u

struct ext2_group {                     /* 32 bytes each, from the block after the superblock's */
	uint32_t block_bitmap, inode_bitmap, inode_table;
	uint16_t free_blocks, free_inodes, used_dirs, flags;
	uint32_t reserved[3];
};

struct ext2_raw_inode {
	uint16_t mode, uid;
	uint32_t size, atime, ctime, mtime, dtime;
	uint16_t gid, links;
	uint32_t blocks, flags, osd1, block[15], generation, file_acl, size_high, faddr;
	uint16_t frag, pad, uid_high, gid_high;
	uint32_t osd2;
	/* in inodes of more than 128 bytes */
	uint16_t extra_isize, checksum_hi;
	uint32_t ctime_extra, mtime_extra, atime_extra;
};
#define EXT2_NDIR 12u
#define EXT2_ROOT 2u
#define EXT2_INDEX_FL 0x1000u

struct ext2_dirent { uint32_t inode; uint16_t rec_len; uint8_t name_len, type; char name[]; };
#define DIRENT_LEN(n) ((8u + (n) + 3u) & ~3u)

/* In the order in which they go to disk.  TIMES: inodes where nothing else was changed: with any write, before or after. */
enum meta { META_MAP, META_INODE, META_DIR, META_TIMES, META_CLASSES };

#define RESV_BUCKETS 1024u
struct ext2 {
	struct disk *disk;
	struct mount *mnt;
	struct ext2_super *sb;          /* in the map: what is free, and times */
	struct ext2_group *group;       /* in the map: what is free */
	struct ext2_super geo;          /* the superblock that was checked */
	struct ext2_group *place;       /* the descriptors that were checked: where bitmaps and tables are */
	uint32_t block_size, ngroups, inode_size, first_block, nblocks, per_block;      /* per_block: addresses */
	uint64_t reserved;              /* blocks promised to pages that have none yet */
	struct resv *resv[RESV_BUCKETS];        /* which: ext2_resv.c */
	uint8_t *dirty[META_CLASSES];   /* a bit per block */
	uint32_t ndirty[META_CLASSES];
	uint8_t *pending;               /* freed, but the freeing is not on disk: not to be used again yet */
	uint32_t npending, npending_inodes;     /* how many */
	uint8_t *pending_inodes;
	struct ext2_inode *cache[256];  /* by inode number */
	uint32_t ncached;
	bool complained;
	bool was_clean;                 /* when it was mounted: then it is so again afterwards */
};

struct ext2_inode {
	struct ext2_inode *next;        /* hash chain */
	struct vnode *vn;
	struct ext2_raw_inode *raw;     /* in the map */
	uint32_t last;                  /* block allocated last: the next one goes behind it */
	uint64_t nresv;                 /* pages with room promised */
};

static inline struct ext2 *fs_of(const struct vnode *vn) { return vn->mnt->fs; }
static inline struct ext2_inode *inode_of(const struct vnode *vn) { return vn->fs; }
static inline void *block_at(struct ext2 *fs, uint32_t b) { return fs->disk->map + (uint64_t)b * fs->block_size; }

/* ext2_super.c */
int corrupt(struct ext2 *, const char *what);           /* says so once; -EIO */
/* ext2_order.c */
void meta_dirty(struct ext2 *, uint32_t block, enum meta);
void meta_dirty_at(struct ext2 *, const void *p, enum meta);   /* the block that p points into */
void meta_forget(struct ext2 *, uint32_t block);        /* freed: never written any more */
int order_commit(struct ext2 *, bool flush);            /* all owed metadata, in order */
/* ext2_block.c */
int block_alloc(struct ext2 *, uint32_t goal, bool reserved, uint32_t *out);
void block_free(struct ext2 *, uint32_t block);
bool block_ok(const struct ext2 *, uint32_t block);     /* a block that files may use */
int inode_alloc(struct ext2 *, uint32_t near_group, bool dir, uint32_t *ino);
void inode_release(struct ext2 *, uint32_t ino, bool dir);
uint64_t blocks_free(const struct ext2 *);              /* that nobody has been promised */
/* ext2_map.c: where block `index` of a file is.  *block 0: a hole. */
int map_get(struct ext2 *, struct ext2_inode *, uint64_t index, uint32_t *block);
int map_alloc(struct ext2 *, struct ext2_inode *, uint64_t index, bool reserved, uint32_t *block);
int map_cut(struct ext2 *, struct ext2_inode *, uint64_t from);        /* free every block from index `from` on */
int map_punch(struct ext2 *, struct ext2_inode *, uint64_t from, uint64_t to);  /* data blocks [from, to) */
uint64_t map_max_size(const struct ext2 *);
/* ext2_inode.c */
int inode_get(struct mount *, uint32_t ino, struct vnode **out);        /* a reference */
int inode_again(struct mount *, uint64_t ino, struct vnode **out);       /* the same; -ENOENT: it is free */
int inode_new(struct vnode *dir, mode_t mode, struct cred, struct vnode **out);
void inode_dirty(struct ext2_inode *);
uint64_t inode_size(const struct ext2_inode *);
void inode_set_size(struct ext2_inode *, uint64_t size);
void inode_touch(struct ext2_inode *, bool modified);
void inode_set_times(struct ext2_inode *, struct times);
int inode_getattr(struct vnode *, struct stat *);
int inode_setattr(struct vnode *, const struct stat *, unsigned which);
int inode_open(struct vnode *);
void inode_inactive(struct vnode *);
void inode_unlinked(struct ext2_inode *);               /* links went down: tell the kernel */
void cache_trim(struct ext2 *, uint32_t keep);
void cache_drop_all(struct ext2 *);                      /* at the end of a mount, whoever refers to them */
/* ext2_dir.c */
int dir_find(struct vnode *dir, const char *name, size_t len, struct ext2_dirent **de);
int dir_add(struct vnode *dir, const char *name, size_t len, uint32_t ino, mode_t mode);
int dir_remove(struct vnode *dir, const char *name, size_t len);
int dir_set(struct vnode *dir, struct ext2_dirent *, uint32_t ino, mode_t mode);
bool dir_empty(struct vnode *dir);
int dir_init(struct vnode *dir, uint32_t parent);
int dir_readdir(struct vnode *dir, uint64_t pos, readdir_emit, void *arg);
/* ext2_name.c, ext2_pager.c */
extern const struct fs_ops ext2_ops;
int pager_fill(struct vnode *, uint64_t off, uint64_t len, uint32_t run);
int pager_write(struct vnode *, uint64_t off, uint64_t len, uint32_t run, uint64_t size);
int pager_reserve(struct vnode *, uint64_t off, uint64_t len, uint64_t *granted);
int pager_commit(struct vnode *, unsigned flags, uint64_t size, struct times);
int pager_release(struct vnode *, uint64_t size, struct times);
int pager_set_size(struct vnode *, uint64_t size);
int pager_punch(struct vnode *, uint64_t off, uint64_t len);
/* ext2_resv.c: pages [from, to) */
uint64_t resv_cost(const struct ext2 *, bool indirect);
bool resv_has(struct ext2 *, const struct ext2_inode *, uint64_t page);
int resv_set(struct ext2 *, struct ext2_inode *, uint64_t page);
void resv_drop(struct ext2 *, struct ext2_inode *, uint64_t from, uint64_t to);
void resv_punch(struct ext2 *, struct ext2_inode *, uint64_t from, uint64_t to);
uint64_t resv_sectors(const struct ext2_inode *, uint64_t size);

#endif
