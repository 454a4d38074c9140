/* SPDX-License-Identifier: MIT */
/* fs/call_mount.c - RING 3 - mount(), umount2(), sync() and its kin.
 *
 * Path:  kernel/sys_name.c  ~message~>  call.c > [call_mount.c] > vfs_mount.c, disks.c, tmpfs.c, procfs.c
 * Before a file system goes what programs wrote is written: pages that are owed would keep it busy.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "fs/call.h"
#include "fs/procfs.h"

/* What it is about times and devices makes no difference here: times are relatime's, devices are in /dev alone. */
#define FLAGS_NO_MATTER (MS_NODEV | MS_SYNCHRONOUS | MS_DIRSYNC | MS_NOATIME | MS_NODIRATIME | MS_SILENT | \
                         MS_RELATIME | MS_STRICTATIME | MS_MANDLOCK | 1u << 25 /* lazytime */)
#define FLAGS_KNOWN     (FLAGS_NO_MATTER | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_REMOUNT)

#define MGC_VAL  0xc0ed0000u            /* what mount(2) once wanted in its flags */
#define MGC_MASK 0xffff0000u

struct mount_request {
	char what[2048], type[64];
	struct where where;
	uint64_t flags;
};

/* Metadata goes after the data.  Not 0: leave it (lent_missing() of server.c), or an error */
static int sync_all(const struct call *c)
{
	int rc = lent_sync(c->in);

	return rc ? rc : vfs_sync(true);
}

long call_sync(const struct call *c)
{
	sync_all(c);
	return 0;
}

long call_syncfs(const struct call *c)
{
	static struct where w;
	int rc = where_fd(c, (int)c->arg[0], &w);

	if (w.fd.flags & O_PATH_FLAG) return -EBADF;
	return rc && w.fd.kind == FACTS_FD_NODE ? rc : sync_all(c);     /* a pipe is the kernel's, and of no file system */
}

/* A file system that needs no disk. */
static int mount_plain(const struct mount_request *q, struct vnode *covers, int (*mount)(struct mount *))
{
	struct mount *m = mount_new(q->type, q->what[0] ? q->what : q->type, q->where.path, q->flags & MS_RDONLY);
	int rc = m ? mount(m) : -ENOMEM;

	if (!rc) rc = mount_attach(m, covers);
	if (rc && m) mount_drop(m);
	return rc;
}

/* The source is a path: to a disk or to a partition. */
static int mount_block(const struct mount_request *q, struct vnode *covers, const struct call *c)
{
	struct vnode *vn;
	struct disk_node *disk;
	int rc = path_lookup(vnode_by_number(c->cwd), q->what, strlen(q->what), 0, c->cred, &vn);

	if (rc) return rc;
	disk = S_ISBLK(vn->mode) ? disk_by_number(vn->dev) : NULL;
	rc = S_ISBLK(vn->mode) ? -ENXIO : -ENOTBLK;
	vnode_put(vn);
	return disk ? mount_disk(disk->name, q->where.path, covers, q->flags & MS_RDONLY) : rc;
}

static int mount_on(const struct mount_request *q, struct vnode *covers, const struct call *c)
{
	if (!S_ISDIR(covers->mode)) return -ENOTDIR;
	if (covers == covers->mnt->root) return -EBUSY;         /* there is a mount here already, or it is the root */
	if (strcmp(q->type, "tmpfs") == 0) return mount_plain(q, covers, tmpfs_mount);
	if (strcmp(q->type, "proc") == 0) return mount_plain(q, covers, procfs_mount);
	return strcmp(q->type, "ext2") == 0 ? mount_block(q, covers, c) : -ENODEV;
}

/* ext2 is unmounted, and mounted again; if that fails, as it was. */
static int ext2_again(struct mount **at, bool readonly)
{
	struct mount old = **at;
	int rc;

	vnode_ref(old.covers);
	rc = mount_detach(old.root);
	if (!rc) {
		rc = mount_disk(old.source, old.target, old.covers, readonly);
		if (rc && !mount_disk(old.source, old.target, old.covers, old.readonly))
			old.covers->covered_by->flags = old.flags;
		*at = old.covers->covered_by;
	}
	vnode_put(old.covers);
	return rc;
}

/* mount(2), MS_REMOUNT: what is in use stays as writable as it is.  *at becomes the mount that is there then. */
static int remount(struct mount **at, const struct mount_request *q)
{
	struct mount *m = *at;
	bool readonly = q->flags & MS_RDONLY;

	if (readonly == m->readonly) return 0;
	if (!m->covers || mount_busy(m)) return -EBUSY;
	if (strcmp(m->type, "ext2") == 0) return ext2_again(at, readonly);
	m->readonly = readonly;
	return 0;
}

/* "" for what the caller has none of. */
static int text_take(const struct call *c, char *to, uint64_t at, size_t size)
{
	to[0] = 0;
	return at ? mem_text(c, to, at, size) : 0;
}

static int request_take(const struct call *c, struct mount_request *q)
{
	int rc = text_take(c, q->what, c->arg[0], sizeof(q->what));

	if (rc >= 0) rc = text_take(c, q->type, c->arg[2], sizeof(q->type));
	if (rc >= 0) rc = call_where(c, AT_FDCWD, c->arg[1], false, &q->where);
	if (rc) return rc;
	q->flags = (c->arg[3] & MGC_MASK) == MGC_VAL ? c->arg[3] & ~(uint64_t)MGC_MASK : c->arg[3];
	if (c->cred.uid) return -EPERM;
	return q->flags & ~(uint64_t)FLAGS_KNOWN ? -EINVAL : 0;
}

long call_mount(const struct call *c)
{
	static struct mount_request q;
	struct vnode *at;
	struct mount *m;
	bool root;
	int rc = request_take(c, &q);

	if (!rc && (q.flags & MS_REMOUNT)) rc = lent_sync(c->in);       /* it is unmounted, too */
	if (!rc) rc = where_file(c, &q.where, 0, &at);
	if (rc) return rc;
	if (!(q.flags & MS_REMOUNT)) {
		rc = mount_on(&q, at, c);
		m = at->covered_by;
		vnode_put(at);
	} else {
		m = at->mnt;
		root = at == m->root;
		vnode_put(at);          /* our own reference must not make it busy; the mount holds one on its root */
		rc = root ? remount(&m, &q) : -EINVAL;
	}
	if (!rc && m) m->flags = q.flags & (MS_NOSUID | MS_NOEXEC);
	return rc;
}

/* Only a mount's root can be unmounted, which is what the path leads to if something is mounted there.  MNT_FORCE does
 * not make it less busy. */
long call_umount2(const struct call *c)
{
	unsigned flags = c->arg[1] & UMOUNT_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;
	struct vnode *vn;
	int rc = c->cred.uid ? -EPERM : 0;

	if (c->arg[1] & ~(uint64_t)(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) return -EINVAL;
	if (!rc) rc = call_file(c, AT_FDCWD, c->arg[0], flags, &vn);
	if (rc) return rc;
	rc = vn == vn->mnt->root ? lent_sync(c->in) : -EINVAL;
	vnode_put(vn);
	if (rc) return rc;
	return c->arg[1] & MNT_DETACH ? mount_detach_lazily(vn) : mount_detach(vn);
}
