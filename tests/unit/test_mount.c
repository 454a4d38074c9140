/* links: fs/vfs_*.c fs/tmpfs.c fs/call_mount.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_mount.c - HOST - mount() and umount2(); the disk's file system is a tmpfs. */
#include <sys/mount.h>

#include "fs/call.h"
#include "tests/unit/vfsfix.h"

static int disk_fails;          /* so often: mount_disk() */
static int sync_rc;             /* lent_sync(): -EAGAIN is that the caller has to write first what it owes */

int mem_text(const struct call *c, char *to, uint64_t at, size_t size)
{
	size_t n = strlen((const char *)at);

	(void)c;
	if (n >= size) return -ENAMETOOLONG;
	memcpy(to, (const char *)at, n + 1);
	return (int)n;
}

int call_where(const struct call *c, int dirfd, uint64_t path, bool empty_ok, struct where *w)
{
	(void)dirfd, (void)empty_ok;
	w->start = top();
	w->len = (size_t)mem_text(c, w->path, path, sizeof(w->path));
	return 0;
}

int where_file(const struct call *c, const struct where *w, unsigned at_flags, struct vnode **out)
{
	(void)at_flags;
	return path_lookup(w->start, w->path, w->len, 0, c->cred, out);
}

int call_file(const struct call *c, int dirfd, uint64_t path, unsigned at_flags, struct vnode **out)
{
	static struct where w;

	call_where(c, dirfd, path, false, &w);
	return where_file(c, &w, at_flags, out);
}

int where_fd(const struct call *c, int fd, struct where *w)
{
	(void)c, (void)fd, (void)w;
	return -EBADF;
}

int call_fd(const struct call *c, int fd, struct vnode **out)
{
	(void)c, (void)fd, (void)out;
	return -EBADF;
}

int lent_sync(const struct ipc_msg *in)
{
	(void)in;
	return sync_rc;
}

int procfs_mount(struct mount *m) { return tmpfs_mount(m); }

struct disk_node *disk_by_number(uint64_t number)
{
	(void)number;
	return NULL;
}

int mount_disk(const char *name, const char *target, struct vnode *covers, bool readonly)
{
	struct mount *m;

	if (disk_fails > 0) return disk_fails--, -EIO;
	m = mount_new("ext2", name, target, readonly);
	assert_int_equal(tmpfs_mount(m), 0);
	return mount_attach(m, covers);
}

static int mounts(const char *type, const char *where, uint64_t flags)
{
	const uint64_t arg[5] = {(uintptr_t)"vdb1", (uintptr_t)where, (uintptr_t)type, flags};
	struct call c = {.arg = arg, .cwd = NODE_ROOT};

	return (int)call_mount(&c);
}

static int unmounts_by(const char *where, uint64_t flags)
{
	const uint64_t arg[5] = {(uintptr_t)where, flags};
	struct call c = {.arg = arg};

	return (int)call_umount2(&c);
}

static int unmounts(const char *where) { return unmounts_by(where, 0); }

static struct mount *mount_at(const char *path)
{
	struct vnode *vn = find(path);
	struct mount *m = vn->mnt;

	vnode_put(vn);
	return m;
}

static void disk_on(const char *path)
{
	struct vnode *dir;

	assert_int_equal(mk_dir(path, 0755), 0);
	dir = find(path);
	assert_int_equal(mount_disk("vdb1", path, dir, false), 0);
	vnode_put(dir);
}

static void a_disk_is_mounted_again_with_other_flags(void **st)
{
	(void)st;
	disk_on("/d");
	assert_int_equal(mounts("ext2", "/d", MS_REMOUNT | MS_RDONLY | MS_NOSUID), 0);
	assert_true(mount_at("/d")->readonly);
	assert_int_equal(mount_at("/d")->flags, MS_NOSUID);
	assert_int_equal(mounts("ext2", "/d", MS_REMOUNT), 0);
	assert_false(mount_at("/d")->readonly);
	assert_int_equal(mount_at("/d")->flags, 0);
	assert_int_equal(unmounts("/d"), 0);
}

static void what_cannot_be_mounted_anew_stays_as_it_was(void **st)
{
	(void)st;
	disk_on("/d");
	mount_at("/d")->flags = MS_NOEXEC;
	disk_fails = 1;
	assert_int_equal(mounts("ext2", "/d", MS_REMOUNT | MS_RDONLY | MS_NOSUID), -EIO);
	assert_false(mount_at("/d")->readonly);
	assert_int_equal(mount_at("/d")->flags, MS_NOEXEC);
	assert_int_equal(unmounts("/d"), 0);
}

static void only_a_mount_is_mounted_again(void **st)
{
	(void)st;
	assert_int_equal(mk_dir("/d", 0755), 0);
	assert_int_equal(mounts("tmpfs", "/d", MS_REMOUNT), -EINVAL);
	assert_int_equal(mounts("tmpfs", "/", MS_REMOUNT | MS_RDONLY), -EBUSY);
	assert_int_equal(unmounts("/d"), -EINVAL);
	assert_int_equal(mounts("tmpfs", "/d", MS_NOSUID), 0);
	assert_int_equal(mounts("tmpfs", "/d", 0), -EBUSY);
	assert_int_equal(mount_at("/d")->flags, MS_NOSUID);
	assert_int_equal(unmounts("/d"), 0);
}

/* Nothing is done yet when the caller is sent away to write what it owes; who may not do it is not even sent. */
static void what_is_owed_is_written_before_a_mount_goes(void **st)
{
	(void)st;
	disk_on("/d");
	sync_rc = -EAGAIN;
	assert_int_equal(unmounts("/d"), -EAGAIN);
	assert_int_equal(mounts("ext2", "/d", MS_REMOUNT | MS_RDONLY), -EAGAIN);
	assert_false(mount_at("/d")->readonly);
	assert_int_equal(unmounts_by("/d", 0x1000), -EINVAL);
	sync_rc = 0;
	assert_int_equal(unmounts("/d"), 0);
}

/* With a file of the lower one in use, and one mounted on it: both leave the tree, and go with the last user. */
static void a_detached_mount_goes_with_its_last_user(void **st)
{
	struct vnode *f;
	char path[64];
	size_t n;

	(void)st;
	disk_on("/d");
	disk_on("/d/e");
	assert_int_equal(mk_file("/d/f", 0644), 0);
	f = find("/d");
	f->opens++;
	assert_int_equal(unmounts("/d"), -EBUSY);
	assert_int_equal(unmounts_by("/", MNT_DETACH), -EBUSY);
	assert_int_equal(unmounts_by("/d", MNT_DETACH), 0);
	assert_int_equal(rm("/d/f"), -ENOENT);
	assert_non_null(vfs_mounts->next);
	assert_null(vfs_mounts->next->next);                    /* nobody used the upper one */
	assert_int_equal(mk_dir("/d/new", 0755), 0);
	assert_int_equal(vfs_getcwd(f, vfs_root(), path, sizeof(path), &n), 0);
	assert_string_equal(path, "(unreachable)/");
	mounts_sweep();
	assert_non_null(vfs_mounts->next);
	f->opens--;
	vnode_put(f);
	mounts_sweep();
	assert_null(vfs_mounts->next);
	assert_int_equal(rm_dir("/d/new"), 0);
	assert_int_equal(rm_dir("/d"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_disk_is_mounted_again_with_other_flags), T(what_cannot_be_mounted_anew_stays_as_it_was),
		T(only_a_mount_is_mounted_again), T(what_is_owed_is_written_before_a_mount_goes),
		T(a_detached_mount_goes_with_its_last_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
