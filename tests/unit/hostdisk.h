/* SPDX-License-Identifier: MIT */
/* tests/unit/hostdisk.h - HOST - the lower seam of fs/vfs.h for tests of ext2: an image made by mke2fs, mapped in
 * memory, a platter that only disk_write() and file data reach, and power cuts.
 */
#ifndef TESTS_HOSTDISK_H
#define TESTS_HOSTDISK_H

#include "fs/vfs.h"

struct fixture {
	struct disk disk;
	struct mount mnt;
	char why[160];
};

/* An image of kib KiB with this block size and more arguments for mke2fs (or ""); not mounted yet. */
void image_make(struct fixture *, unsigned kib, unsigned block, const char *args);
int image_mount(struct fixture *);              /* ext2_mount's result */
void image_unmount(struct fixture *);
void image_free(struct fixture *);
int image_fsck(const struct fixture *, const char *options);    /* e2fsck's exit status for what is on the platter */
void mounted(struct fixture *, unsigned kib, unsigned block);   /* made and mounted, or the test has failed */
void clean_and_free(struct fixture *);                          /* unmounted, and e2fsck likes what is there */

#define SCRATCH_NAME 80
void scratch_file(char name[SCRATCH_NAME]);     /* a new file of the host, empty; unlink() it */
int e2fsck(const char *options, const char *file, const char *log);     /* its exit status; its words are in the log */

/* A file's bytes as the kernel would write and read them: reserve, write runs of whole pages, set the size, commit. */
int file_write(struct vnode *, uint64_t off, const void *data, uint64_t len);
void object_dirty(uint32_t object, uint64_t pages);               /* what object_info() says of it */
int file_read(struct vnode *, uint64_t off, void *data, uint64_t len);
int file_commit(struct vnode *, unsigned flags);
struct vnode *path_get(struct fixture *, const char *name);     /* in the root directory; NULL: none */
struct vnode *path_create(struct fixture *, const char *name);
int path_unlink(struct fixture *, const char *name);

extern unsigned disk_writes, disk_flushes;      /* calls so far */
extern bool disk_broken;                        /* metadata cannot be written: EIO */
/* Everything written since cut_begin() is logged; cut_state() makes one state that a power cut at that position may
 * leave, each sector written since the last flush being there or not, by seed, in a file that holds the image. */
void cut_begin(void);
int cut_position(void);                         /* of the log: what was acknowledged when it was this long */
void cut_state(const struct fixture *, int position, unsigned seed, const char *file);
bool image_file_has(const char *file, const char *name, const void *data, size_t len);  /* by debugfs */

extern int64_t clock_behind;            /* seconds that now_ns() is behind the host */

#endif
