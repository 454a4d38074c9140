/* SPDX-License-Identifier: MIT */
/* fs/vfs_int.h - RING 3 - the VFS from the inside: walking paths, checking permissions, working on names.
 *
 * Above it is the message loop (fs/server.c, fs/srv_*.c), below it are the file systems (fs/vfs.h).
 * Reading order: vfs_node.c, vfs_path.c, vfs_perm.c, vfs_name.c, vfs_rename.c, vfs_attr.c, vfs_dir.c, vfs_mount.c.
 *
 * References: a function that hands out a vnode hands out a reference with it; a vnode that is passed in stays the
 * caller's.  All functions return 0 or -errno.
 */
#ifndef FS_VFS_INT_H
#define FS_VFS_INT_H

#include <limits.h>

#include "fs/vfs.h"

#define SYMLINKS_MAX 40         /* Linux's MAXSYMLINKS; POSIX asks for at least 8 (SYMLOOP_MAX) */

/* Linux's; musl names them only with _GNU_SOURCE. */
#define O_NOATIME_FLAG 01000000
#define O_PATH_FLAG    010000000
#define O_TMPFILE_FLAG 020000000        /* without O_DIRECTORY, which is part of its name */

/* A path on its way.  `at` is the directory reached so far; `name` the component to be looked up in it. */
enum walk_last { LAST_NAME, LAST_DOT, LAST_DOTDOT, LAST_ROOT };
struct walk {
	struct vnode *at;               /* a reference */
	struct cred cred;
	unsigned links;                 /* symlinks followed so far */
	enum walk_last last;            /* what `name` is */
	bool slash;                     /* slashes behind it: it must be a directory (POSIX 4.13) */
	size_t len;                     /* of name */
	char name[NAME_MAX + 1];
	size_t pos, end;                /* what is left of the path: path[pos..end) */
	char path[PATH_MAX + 1];
};

/* vfs_node.c: every vnode by its number */
struct vnode *vnode_by_number(uint64_t node);           /* no reference; NULL: stale or never given out */
struct vnode *vnode_by_ino(const struct mount *, uint64_t ino);        /* likewise; NULL: no vnode now */
bool vnode_any_open(const struct mount *);
size_t vnode_count(void);
void vnode_check(void);                                 /* the table's invariants; aborts */

/* vfs_path.c */
int walk_start(struct walk *, struct vnode *start, const char *path, size_t len, struct cred);
int walk_last(struct walk *);                           /* go on to the last component; w->at is its directory */
int walk_find(struct walk *, struct vnode **out);       /* look it up: "." and ".." too, on into a mount */
int walk_below(struct walk *, struct vnode **out);      /* the same, but what lies below a mount */
int walk_follow(struct walk *, struct vnode *link);     /* it is a symlink: put its target in front of the rest */
void walk_end(struct walk *);
#define PATH_NOFOLLOW 1u
int path_lookup(struct vnode *start, const char *path, size_t len, unsigned flags, struct cred, struct vnode **out);
int vnode_up(struct vnode *at, struct vnode **out);     /* "..", through mount points */
struct vnode *mount_cross(struct vnode *);              /* takes the reference, gives one */

/* vfs_perm.c */
int perm_check(const struct vnode *, unsigned want, struct cred);       /* R_OK | W_OK | X_OK; -EACCES, -EROFS */
int perm_delete(const struct vnode *dir, const struct vnode *victim, struct cred);
bool perm_in_group(uint32_t gid, struct cred);
bool perm_owner(const struct vnode *, struct cred);

/* vfs_name.c, vfs_rename.c */
int vfs_open(struct vnode *start, const char *path, size_t len, int flags, mode_t, struct cred, struct vnode **out);
int vfs_mkdir(struct vnode *start, const char *path, size_t len, mode_t, struct cred);
int vfs_mknod(struct vnode *start, const char *path, size_t len, mode_t, struct cred);
int vfs_unlink(struct vnode *start, const char *path, size_t len, bool dir, struct cred);
int vfs_symlink(struct vnode *start, const char *path, size_t len, const char *target, size_t tlen, struct cred);
int vfs_link(struct vnode *target, struct vnode *start, const char *path, size_t len, struct cred);
int name_new(struct walk *, bool dir);          /* may a new name be made where w stands?  -EEXIST, -ENOENT ... */

struct name_at { struct vnode *start; const char *path; size_t len; };
int vfs_rename(struct name_at from, struct name_at to, unsigned flags, struct cred);

/* vfs_attr.c */
int vfs_stat(struct vnode *, struct stat *);
int vfs_chmod(struct vnode *, mode_t, struct cred);
int vfs_written(struct vnode *);
int vfs_chown(struct vnode *, uint32_t uid, uint32_t gid, struct cred);
#define TIME_OMIT INT64_MIN
#define TIME_NOW  (INT64_MIN + 1)
int vfs_utimens(struct vnode *, int64_t atime, int64_t mtime, struct cred);    /* ns, TIME_* */
int vfs_statfs(struct vnode *, struct statfs *);
int64_t time_ns(const struct timespec *);
struct timespec time_spec(int64_t ns);

/* vfs_dir.c */
int vfs_readdir(struct vnode *dir, uint64_t pos, void *buf, size_t len, size_t *used, uint64_t *next);
int vfs_getcwd(struct vnode *dir, struct vnode *root, char *buf, size_t len, size_t *n);    /* n: with NUL; -ERANGE */

/* vfs_mount.c */
extern struct mount *vfs_mounts;                /* in the order of mounting; the first is the root */
struct vnode *vfs_root(void);                   /* no reference */
struct vnode *cred_root(struct cred);           /* where absolute paths begin; no reference */
struct mount *mount_new(const char *type, const char *source, const char *target, bool readonly);
int mount_attach(struct mount *, struct vnode *covers);        /* m->root is set; covers NULL: the root */
int mount_detach(struct vnode *root);           /* -EINVAL: no mount's root, -EBUSY */
int mount_detach_lazily(struct vnode *root);    /* -EINVAL, -EBUSY: the root file system */
void mounts_sweep(void);                        /* detached ones that nobody uses any more go */
bool mount_busy(const struct mount *);
void mount_drop(struct mount *);                /* one that was never attached */
int vfs_sync(bool flush);                       /* every mount; the first error, all are tried */

/* vfs_fixed.c */
int fixed_make(struct vnode *dir, const char *name, size_t len, mode_t, struct cred, struct vnode **out);
int fixed_symlink(struct vnode *dir, const char *name, size_t len, const char *target, size_t tlen, struct cred);
int fixed_link(struct vnode *dir, const char *name, size_t len, struct vnode *target);
int fixed_remove(struct vnode *dir, const char *name, size_t len);
int fixed_rename(struct vnode *odir, const char *oname, size_t olen,
                 struct vnode *ndir, const char *nname, size_t nlen);
#define FIXED_NAMES \
	.create = fixed_make, .mkdir = fixed_make, .symlink = fixed_symlink, .link = fixed_link, \
	.unlink = fixed_remove, .rmdir = fixed_remove, .rename = fixed_rename

/* vfs_where.c: a file's path, from the name by which it was opened last */
void vnode_named(struct vnode *, const struct vnode *dir, const char *name, size_t len);       /* it leads there */
int vfs_path(struct vnode *, char *buf, size_t len);    /* with a NUL, and " (deleted)" if it is so.  -ENAMETOOLONG */

/* Who asks: of the message that is being answered (server.c). */
struct caller { uint32_t pid, tid; struct cred cred; };
extern struct caller vfs_caller;
extern unsigned vfs_own_flags;  /* and this is how it is open (O_*) */
extern int vfs_own_fd;          /* with -ENXIO: the path led to this descriptor of its own, which is no file of ours */

/* tmpfs.c, procfs.c */
int tmpfs_mount(struct mount *);
int procfs_mount(struct mount *);

#endif
