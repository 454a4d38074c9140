/* SPDX-License-Identifier: MIT */
/* tests/unit/vfsfix.h - HOST - a VFS whose root is a tmpfs, with memory objects that are only numbers.
 *
 * Each test starts with an empty root.  Afterwards everything it made is removed by name, and then no vnode and no
 * object may be left: a reference that was not given back shows there.
 */
#ifndef UNIT_VFSFIX_H
#define UNIT_VFSFIX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "abi/ipc.h"
#include "abi/name.h"
#include "fs/vfs_int.h"
#include "fs/vfs_lock.h"

static const struct cred root_cred = {0}, alice = {.uid = 1000, .gid = 1000}, bob = {.uid = 1001, .gid = 1001},
                         carol = {.uid = 1002, .gid = 1000};
static struct cred as;          /* who acts */
static int64_t clock_ns;
static unsigned live_objects;

/* ---- what blkclient.c has on Quire */

#define OBJECTS 64
static struct vmo_info object[OBJECTS];
static bool object_used[OBJECTS];

int object_create(struct vnode *vn, uint64_t size, uint64_t max_size, unsigned flags, struct times t, uint32_t *out)
{
	(void)vn, (void)max_size, (void)flags;
	for (uint32_t i = 1; i < OBJECTS; i++) {
		if (object_used[i]) continue;
		object_used[i] = true;
		object[i] = (struct vmo_info){.size = size, .atime = t.atime, .mtime = t.mtime, .ctime = t.ctime};
		live_objects++;
		*out = i;
		return 0;
	}
	return -ENOMEM;
}

int object_info(uint32_t o, struct vmo_info *info)
{
	assert_true(object_used[o]);
	*info = object[o];
	return 0;
}

int object_set(uint32_t o, unsigned which, uint64_t value)
{
	assert_true(object_used[o]);
	if (which == VMO_SET_ATIME) object[o].atime = (int64_t)value;
	if (which == VMO_SET_MTIME) object[o].mtime = (int64_t)value;
	if (which == VMO_SET_CTIME) object[o].ctime = (int64_t)value;
	return 0;
}

void object_close(struct vnode *vn)
{
	assert_true(object_used[vn->object]);
	object_used[vn->object] = false;
	live_objects--;
}

int64_t now_ns(void)
{
	return ++clock_ns;
}

/* Group 7 is that of every process. */
bool cred_has_group(struct cred c, uint32_t gid) { return c.pid && gid == 7; }

/* Nobody waits for a lock here: test_vfs_lock.c is about that. */
bool lock_waits(uint64_t token) { return token; }
int lock_answer(uint64_t token) { return token ? 0 : -ESRCH; }

/* ---- short names for the tests */

static inline struct vnode *top(void) { return vfs_root(); }
static inline int mk_dir(const char *p, mode_t m) { return vfs_mkdir(top(), p, strlen(p), m, as); }
static inline int rm(const char *p) { return vfs_unlink(top(), p, strlen(p), false, as); }
static inline int rm_dir(const char *p) { return vfs_unlink(top(), p, strlen(p), true, as); }
static inline int mk_link(const char *target, const char *p)
{
	return vfs_symlink(top(), p, strlen(p), target, strlen(target), as);
}

/* open() and close(): 0 or -errno. */
static inline int open_at(struct vnode *start, const char *p, int flags, mode_t mode)
{
	struct vnode *vn;
	int rc = vfs_open(start, p, strlen(p), flags, mode, as, &vn);

	if (!rc) vnode_put(vn);
	return rc;
}
static inline int opens(const char *p, int flags) { return open_at(top(), p, flags, 0644); }
static inline int mk_file(const char *p, mode_t mode) { return open_at(top(), p, O_CREAT | O_EXCL | O_WRONLY, mode); }

static inline struct vnode *find(const char *p)
{
	struct vnode *vn;

	assert_int_equal(path_lookup(top(), p, strlen(p), PATH_NOFOLLOW, root_cred, &vn), 0);
	return vn;
}

static inline struct stat stat_of(const char *p)
{
	struct vnode *vn = find(p);
	struct stat st;

	assert_int_equal(vfs_stat(vn, &st), 0);
	vnode_put(vn);
	return st;
}
static inline bool exists(const char *p)
{
	struct vnode *vn;
	int rc = path_lookup(top(), p, strlen(p), PATH_NOFOLLOW, root_cred, &vn);

	if (!rc) vnode_put(vn);
	return !rc;
}
static inline int move_by(const char *from, const char *to, unsigned flags)
{
	return vfs_rename((struct name_at){top(), from, strlen(from)}, (struct name_at){top(), to, strlen(to)}, flags, as);
}
static inline int move(const char *from, const char *to) { return move_by(from, to, 0); }
static inline int hard_link(const char *from, const char *to)
{
	struct vnode *vn;
	int rc = path_lookup(top(), from, strlen(from), PATH_NOFOLLOW, as, &vn);

	if (rc) return rc;
	rc = vfs_link(vn, top(), to, strlen(to), as);
	vnode_put(vn);
	return rc;
}

/* A second tmpfs, to have something that is mounted. */
static inline int mount_here(const char *p)
{
	struct mount *m = mount_new("tmpfs", "tmpfs", p, false);
	struct vnode *dir = find(p);
	int rc;

	assert_int_equal(tmpfs_mount(m), 0);
	rc = mount_attach(m, dir);
	vnode_put(dir);
	return rc;
}

/* ---- the fixture */

static inline int vfs_setup(void **st)
{
	struct mount *m = mount_new("tmpfs", "none", "/", false);

	(void)st;
	as = root_cred;
	if (tmpfs_mount(m) || mount_attach(m, NULL)) return -1;
	m->root->mode = S_IFDIR | 0755;
	return 0;
}

struct listing { char name[128][NAME_MAX + 1]; bool dir[128]; unsigned n; };

static bool list_one(void *arg, const char *name, size_t len, uint64_t ino, unsigned char type, uint64_t next)
{
	struct listing *l = arg;

	(void)ino, (void)next;
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))) return true;
	if (l->n == 128) return false;
	memcpy(l->name[l->n], name, len);
	l->name[l->n][len] = 0;
	l->dir[l->n++] = type == S_IFDIR >> 12;
	return true;
}

static inline void empty(struct vnode *dir);

/* Empty the directory of this name; true: it was a mount, which is gone now, and what it covered is still full. */
static inline bool empty_one(struct vnode *dir, const char *name)
{
	struct vnode *vn;

	assert_int_equal(path_lookup(dir, name, strlen(name), PATH_NOFOLLOW, root_cred, &vn), 0);
	empty(vn);
	vnode_put(vn);
	if (vn != vn->mnt->root) return false;
	assert_int_equal(mount_detach(vn), 0);
	return true;
}

/* rm -r of everything in a directory, mounts too. */
static inline void empty(struct vnode *dir)
{
	struct listing *l = calloc(1, sizeof(*l));

	assert_int_equal(dir->ops->readdir(dir, 0, list_one, l), 0);
	for (unsigned i = 0; i < l->n; i++) {
		while (l->dir[i] && empty_one(dir, l->name[i])) { }
		assert_int_equal(vfs_unlink(dir, l->name[i], strlen(l->name[i]), l->dir[i], root_cred), 0);
	}
	free(l);
}

static inline int vfs_teardown(void **st)
{
	struct mount *m = vfs_mounts;

	(void)st;
	vnode_check();
	empty(top());
	assert_int_equal(vnode_count(), 1);
	assert_int_equal(live_objects, 0);
	assert_int_equal(m->ops->unmount(m), 0);
	vfs_mounts = NULL;
	mount_drop(m);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, vfs_setup, vfs_teardown)

#endif
