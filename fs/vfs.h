/* SPDX-License-Identifier: MIT */
/* fs/vfs.h - RING 3 - the file server's two seams: vnodes above (each file system provides fs_ops),
 * the disk and memory objects below (Quire: blkclient.c; host tests: tests/unit/hostdisk.c).
 *
 * The file server has one thread: nothing here needs a lock.  All functions return 0 or -errno.
 * File data never passes through here: only runs (handles on busy pages) do.
 */
#ifndef FS_VFS_H
#define FS_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statfs.h>

struct vnode;
struct mount;
struct lock;

/* Who asks.  root: where its paths begin, NULL: the root; pid: whom cred_has_group() asks about, 0: nobody. */
struct cred { uint32_t uid, gid; struct vnode *root; uint32_t pid; };
bool cred_has_group(struct cred, uint32_t gid);         /* a supplementary one: asks the kernel */

/* Called by readdir for each entry; false: the buffer is full, stop before this entry. */
typedef bool (*readdir_emit)(void *arg, const char *name, size_t len, uint64_t ino, unsigned char dtype,
                             uint64_t next_pos);

struct times { int64_t atime, mtime, ctime; };          /* ns since the epoch; 0: unchanged */

/* What a file system provides.  `dir` is a directory of this file system; names are len bytes, no '/', no NUL,
 * at most 255 (longer: -ENAMETOOLONG before we get here).  A returned vnode carries one reference for the caller.
 * The VFS has checked permissions, mount points, "." and "..", read-only mounts and that types fit. */
struct fs_ops {
	int (*lookup)(struct vnode *dir, const char *name, size_t len, struct vnode **out);
	int (*create)(struct vnode *dir, const char *name, size_t len, mode_t mode, struct cred, struct vnode **out);
	int (*mkdir)(struct vnode *dir, const char *name, size_t len, mode_t mode, struct cred, struct vnode **out);
	int (*symlink)(struct vnode *dir, const char *name, size_t len, const char *target, size_t tlen, struct cred);
	int (*link)(struct vnode *dir, const char *name, size_t len, struct vnode *target);
	int (*unlink)(struct vnode *dir, const char *name, size_t len);          /* not a directory */
	int (*rmdir)(struct vnode *dir, const char *name, size_t len);           /* -ENOTEMPTY */
	int (*rename)(struct vnode *odir, const char *oname, size_t olen,
	              struct vnode *ndir, const char *nname, size_t nlen);       /* replaces an existing target */
	int (*exchange)(struct vnode *odir, const char *oname, size_t olen,
	                struct vnode *ndir, const char *nname, size_t nlen);     /* both exist; NULL: -EINVAL */
	int (*readlink)(struct vnode *, char *buf, size_t len, size_t *n);
	int (*readdir)(struct vnode *dir, uint64_t pos, readdir_emit, void *arg);  /* "." and ".." included */
	int (*parent)(struct vnode *dir, struct vnode **out);                    /* ".."; never asked of a root */
	int (*getattr)(struct vnode *, struct stat *);
	int (*setattr)(struct vnode *, const struct stat *, unsigned which);     /* ATTR_* */
	int (*open)(struct vnode *);            /* regular file: make vn->object if there is none */
	/* Instead of that, a file without an object, whose bytes are made up: from off on, good until the next call. */
	int (*text)(struct vnode *, uint64_t off, const char **at, size_t *n);
	/* A symlink that leads to a file itself, whatever its text says; NULL or -EOPNOTSUPP: it is one like others. */
	int (*target)(struct vnode *link, struct vnode **out);
	int (*by_ino)(struct mount *, uint64_t ino, struct vnode **out);       /* a directory; NULL: all have vnodes */
	/* The last reference went: free it, or keep it cached.  A vnode with an object is kept while object_info()
	 * shows users or dirty pages: mappings outlive descriptors.  An unlinked one goes at the later of this and
	 * release().  The file system finds its cached vnodes by inode number, hands out one vnode per inode, and
	 * evicts the idle ones. */
	void (*inactive)(struct vnode *);

	/* The pager (abi/pager.h), byte offsets.  fill and write must see to it that every byte of the run part is
	 * completed: by the driver, by disk_run_zero() or by disk_run_done() with an error.  `size`: the object's. */
	int (*fill)(struct vnode *, uint64_t off, uint64_t len, uint32_t run);
	int (*write)(struct vnode *, uint64_t off, uint64_t len, uint32_t run, uint64_t size);
	int (*reserve)(struct vnode *, uint64_t off, uint64_t len, uint64_t *granted);
	int (*commit)(struct vnode *, unsigned flags, uint64_t size, struct times);
	int (*release)(struct vnode *, uint64_t size, struct times);
	int (*set_size)(struct vnode *, uint64_t size);
	int (*punch)(struct vnode *, uint64_t off, uint64_t len);       /* whole pages; the size stays */

	int (*statfs)(struct mount *, struct statfs *);
	int (*sync)(struct mount *, bool flush);        /* metadata back to the disk, in order */
	int (*unmount)(struct mount *);                 /* clean: sync, mark the file system clean; -EBUSY */
};

#define ATTR_MODE  1u
#define ATTR_UID   2u
#define ATTR_GID   4u
#define ATTR_ATIME 8u
#define ATTR_MTIME 16u

struct vnode {
	const struct fs_ops *ops;
	struct mount *mnt;
	uint64_t ino;
	mode_t   mode;          /* type and permissions; the file system keeps it true */
	uint32_t uid, gid;
	uint32_t refs;          /* vnode_ref(), vnode_put() */
	uint32_t opens;         /* of these, descriptors of the kernel: opens less the notes of closes */
	uint32_t object;        /* handle of its memory object, 0: none yet */
	uint32_t pipe;          /* of a named pipe, while it is open */
	uint32_t payer;         /* whose share its object or pipe takes (vfs_share.h) */
	uint64_t dev;           /* character device number, for S_IFCHR */
	struct lock *locks;             /* vfs_lock.c */
	struct mount *covered_by;       /* directory: what is mounted here */
	struct vnode *hash_next;        /* the VFS's table of nodes by number */
	uint64_t node;          /* the node number that the kernel knows; the cookie of its object too */
	uint64_t dir_ino;       /* the directory and the name by which it was opened last; NULL: never was */
	char    *name;
	void    *fs;            /* the file system's own */
};

struct mount {
	const struct fs_ops *ops;
	struct vnode *root;     /* holds a reference */
	struct vnode *covers;   /* the directory below, NULL for the root file system, and if detached */
	struct mount *next;
	bool     readonly;
	bool     detached;      /* no path leads to it; it goes with its last user */
	uint64_t flags;         /* MS_NOSUID, MS_NOEXEC */
	uint64_t dev;           /* st_dev */
	char     source[32], type[16], target[128];
	void    *fs;
};

/* vfs_node.c, used by file systems */
struct vnode *vnode_new(struct mount *, uint64_t ino, mode_t mode);     /* one reference; NULL: no memory */
void vnode_ref(struct vnode *);
void vnode_put(struct vnode *);         /* the last one calls ops->inactive() */
struct vnode *vnode_next(const struct mount *, const struct vnode *last);
void vnode_free(struct vnode *);        /* by the file system, out of inactive() or later; closes the object */

/* ext2: the one exported function.  Reads the superblock through the disk's mapping.
 * -EINVAL: no ext2 or damaged (why is put in `why`, one line naming the field or feature);
 * -EOPNOTSUPP: a feature it does not know, named in `why`; sets mnt->readonly where ext2 allows only that. */
struct disk;
int ext2_mount(struct mount *, struct disk *, bool readonly, char *why, size_t whylen);

/* The disk, or a partition of it. */
struct disk {
	uint8_t *map;           /* all its bytes, mapped shared: metadata is read and edited in place */
	uint64_t len;           /* bytes */
	bool     readonly;
	void    *impl;          /* blkclient.c's */
};
struct disk_extent { uint64_t off; uint32_t len; uint32_t flags; };     /* bytes, 512-multiples; VMX_* of abi/ipc.h */

/* Write these bytes of disk->map to the disk, wait until they are written (durable after disk_flush). 0, -EIO */
int disk_write(struct disk *, const struct disk_extent *, size_t n);
int disk_flush(struct disk *);
/* File data: move bytes between the run and the disk; done when the driver says so.  off: byte offset on the disk. */
int disk_run_read(struct disk *, uint32_t run, uint64_t run_off, uint64_t off, uint64_t len);
int disk_run_write(struct disk *, uint32_t run, uint64_t run_off, uint64_t off, uint64_t len);
void disk_run_zero(uint32_t run, uint64_t run_off, uint64_t len);
void disk_run_done(uint32_t run, uint64_t run_off, uint64_t len, int status);

/* Memory objects (the kernel's; the host tests simulate them). */
struct vmo_info;
int object_create(struct vnode *, uint64_t size, uint64_t max_size, unsigned flags, struct times, uint32_t *out);
int object_info(uint32_t object, struct vmo_info *);
int object_set(uint32_t object, unsigned which, uint64_t value);        /* VMO_SET_* */
void object_close(struct vnode *);      /* its object */

int64_t now_ns(void);                   /* CLOCK_REALTIME */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));   /* a line for the kernel's log */

#endif
