/* SPDX-License-Identifier: MIT */
/* fs/srv_mount.c - RING 3 - the name protocol (abi/name.h): NAME_MOUNT and NAME_UMOUNT.
 *
 * Path:  user/pm/name.c  ~message~>  server.c > [srv_mount.c] > vfs_mount.c, disks.c, tmpfs.c, procfs.c
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "abi/name.h"
#include "fs/procfs.h"
#include "fs/server.h"

/* What it is about times and devices makes no difference here: times are relatime's, devices are in /dev alone. */
#define FLAGS_NO_MATTER (MS_NODEV | MS_SYNCHRONOUS | MS_DIRSYNC | MS_NOATIME | MS_NODIRATIME | MS_SILENT | \
                         MS_RELATIME | MS_STRICTATIME | MS_MANDLOCK | 1u << 25 /* lazytime */)
#define FLAGS_KNOWN     (FLAGS_NO_MATTER | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_REMOUNT)

struct mount_request {
	char what[PATH_MAX + 1], where[PATH_MAX + 1];
	const char *type;
	size_t len;
	uint64_t flags;
	struct vnode *source;           /* where `what` begins, if that is a path */
};

/* A file system that needs no disk. */
static int mount_plain(const struct mount_request *q, struct vnode *covers, int (*mount)(struct mount *))
{
	struct mount *m = mount_new(q->type, q->what[0] ? q->what : q->type, q->where, q->flags & MS_RDONLY);
	int rc = m ? mount(m) : -ENOMEM;

	if (!rc) rc = mount_attach(m, covers);
	if (rc && m) mount_drop(m);
	return rc;
}

/* The source is a path: to a disk or to a partition. */
static int mount_block(const struct mount_request *q, struct vnode *covers, struct cred c)
{
	struct vnode *start = q->source, *vn;
	struct disk_node *disk;
	int rc = start ? path_lookup(start, q->what, strlen(q->what), 0, c, &vn) : -EBADF;

	if (rc) return rc;
	disk = S_ISBLK(vn->mode) ? disk_by_number(vn->dev) : NULL;
	rc = S_ISBLK(vn->mode) ? -ENXIO : -ENOTBLK;
	vnode_put(vn);
	return disk ? mount_disk(disk->name, q->where, covers, q->flags & MS_RDONLY) : rc;
}

static int mount_on(const struct mount_request *q, struct vnode *covers, struct cred c)
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

static int request_take(const struct ipc_msg *in, struct mount_request *q)
{
	size_t n;
	int rc = msg_cred(in).uid ? -EPERM : msg_path(in, 0, q->what, &n);

	if (!rc) rc = msg_path(in, 1, q->where, &q->len);
	if (rc) return rc;
	q->type = q->what + strlen(q->what) + 1;
	q->source = msg_node(in, in->arg[0]);
	q->flags = in->arg[2];
	return q->type > q->what + n || (q->flags & ~(uint64_t)FLAGS_KNOWN) ? -EINVAL : 0;
}

/* lend0: "source\0fstype"; lend1: where. */
static int name_mount(const struct ipc_msg *in, struct ipc_msg *out)
{
	static struct mount_request q;
	struct vnode *start = msg_node(in, in->arg[1]), *at;
	struct mount *m;
	bool root;
	int rc = request_take(in, &q);

	(void)out;
	if (!rc) rc = start ? path_lookup(start, q.where, q.len, 0, msg_cred(in), &at) : -EBADF;
	if (rc) return rc;
	if (!(q.flags & MS_REMOUNT)) {
		rc = mount_on(&q, at, msg_cred(in));
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
static int name_umount(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;
	int rc = msg_cred(in).uid ? -EPERM : 0;

	(void)out;
	if (in->arg[2] & ~(uint64_t)(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) return -EINVAL;
	if (!rc) rc = msg_file(in, in->arg[2] & UMOUNT_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0, &vn);
	if (rc) return rc;
	rc = vn == vn->mnt->root ? 0 : -EINVAL;
	vnode_put(vn);
	if (rc) return rc;
	return in->arg[2] & MNT_DETACH ? mount_detach_lazily(vn) : mount_detach(vn);
}

handler srv_mount_handler(uint32_t op)
{
	return op == NAME_MOUNT ? name_mount : op == NAME_UMOUNT ? name_umount : NULL;
}
