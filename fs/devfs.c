/* SPDX-License-Identifier: MIT */
/* fs/devfs.c - RING 3 - /dev: character devices answered by messages, disks as memory objects.
 *
 * Path:  kernel/sys_name.c  ~DEV_READ ...~>  server.c > [devfs.c] > ttydev.c, counterdev.c
 * One flat directory, made at the start, in which nothing can be created or removed.  Reading /dev/vda is no message
 * to us: open() hands out the disk object, and its driver pages it.  A partition is a part of its disk's object: the
 * kernel is told which.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "abi/name.h"
#include "fs/call.h"
#include "fs/random.h"

#define DEVFS_MAGIC 0x1373              /* linux/magic.h once had it so */

enum kind { DEV_NULL, DEV_ZERO, DEV_FULL, DEV_RANDOM, DEV_TTY, DEV_RESULTS, DEV_DISK, DEV_DIR, DEV_LINK };

struct dev {
	char name[DEV_NAME_MAX];
	enum kind kind;
	mode_t mode;
	unsigned major, minor;          /* Linux's numbers (Documentation/admin-guide/devices.txt) */
	const char *link;               /* DEV_LINK: where it leads */
	struct disk_node *disk;
	struct vnode *vn;               /* pinned: its reference is ours */
};

static struct dev devs[DISK_NODES_MAX + 16] = {
	{.name = "null", .kind = DEV_NULL, .mode = S_IFCHR | 0666, .major = 1, .minor = 3},
	{.name = "zero", .kind = DEV_ZERO, .mode = S_IFCHR | 0666, .major = 1, .minor = 5},
	{.name = "full", .kind = DEV_FULL, .mode = S_IFCHR | 0666, .major = 1, .minor = 7},
	{.name = "random", .kind = DEV_RANDOM, .mode = S_IFCHR | 0666, .major = 1, .minor = 8},
	{.name = "urandom", .kind = DEV_RANDOM, .mode = S_IFCHR | 0666, .major = 1, .minor = 9},
	/* minor 0: the controlling terminal, of those who have one */
	{.name = "tty", .kind = DEV_TTY, .mode = S_IFCHR | 0666, .major = 5, .minor = 0},
	{.name = "console", .kind = DEV_TTY, .mode = S_IFCHR | 0600, .major = 5, .minor = 1},
	{.name = "results", .kind = DEV_RESULTS, .mode = S_IFCHR | 0666, .major = 240, .minor = 0},     /* port 0xE9 */
	{.name = "fd", .kind = DEV_LINK, .mode = S_IFLNK | 0777, .link = "/proc/self/fd"},
	{.name = "stdin", .kind = DEV_LINK, .mode = S_IFLNK | 0777, .link = "/proc/self/fd/0"},
	{.name = "stdout", .kind = DEV_LINK, .mode = S_IFLNK | 0777, .link = "/proc/self/fd/1"},
	{.name = "stderr", .kind = DEV_LINK, .mode = S_IFLNK | 0777, .link = "/proc/self/fd/2"},
	{.name = "shm", .kind = DEV_DIR, .mode = S_IFDIR | S_ISVTX | 0777},
};
static unsigned ndevs = 13;
static struct vnode *dev_root;
static int64_t born;                    /* all times */
char dev_piece[DEV_PIECE];

/* shm is a directory, too, but only to be mounted on: nothing is in it. */
static int dev_lookup(struct vnode *dir, const char *name, size_t len, struct vnode **out)
{
	for (unsigned i = 0; dir == dev_root && i < ndevs; i++) {
		if (strlen(devs[i].name) != len || memcmp(devs[i].name, name, len) != 0) continue;
		*out = devs[i].vn;
		vnode_ref(*out);
		return 0;
	}
	return -ENOENT;
}

static int dev_parent(struct vnode *dir, struct vnode **out)
{
	(void)dir;
	*out = dev_root;
	vnode_ref(dev_root);
	return 0;
}

/* Positions: 0 and 1 are "." and "..", then the index in the table, which never changes. */
static int dev_readdir(struct vnode *dir, uint64_t pos, readdir_emit emit, void *arg)
{
	if (pos < 1 && !emit(arg, ".", 1, dir->ino, S_IFDIR >> 12, 1)) return 0;
	if (pos < 2 && !emit(arg, "..", 2, dev_root->ino, S_IFDIR >> 12, 2)) return 0;
	for (uint64_t i = pos < 2 ? 0 : pos - 2; dir == dev_root && i < ndevs; i++) {
		struct dev *d = &devs[i];

		if (!emit(arg, d->name, strlen(d->name), d->vn->ino, (d->mode & S_IFMT) >> 12, i + 3)) break;
	}
	return 0;
}

/* vfs_stat() has filled in the rest from the vnode. */
static int dev_getattr(struct vnode *vn, struct stat *st)
{
	st->st_nlink = S_ISDIR(vn->mode) ? 2 : 1;
	st->st_atim = st->st_mtim = st->st_ctim = time_spec(born);
	return 0;
}

static int dev_setattr(struct vnode *vn, const struct stat *st, unsigned which)
{
	if (which & ATTR_MODE) vn->mode = (vn->mode & S_IFMT) | (st->st_mode & 07777);
	if (which & ATTR_UID) vn->uid = st->st_uid;
	if (which & ATTR_GID) vn->gid = st->st_gid;
	return 0;                               /* times are not kept: a device has no contents */
}

static int dev_readlink(struct vnode *vn, char *buf, size_t len, size_t *n)
{
	const char *to = ((struct dev *)vn->fs)->link;

	*n = strlen(to) < len ? strlen(to) : len;
	memcpy(buf, to, *n);
	return 0;
}

static int dev_statfs(struct mount *m, struct statfs *s)
{
	(void)m;
	s->f_type = DEVFS_MAGIC;
	return 0;
}

static void dev_inactive(struct vnode *vn)
{
	(void)vn;                               /* never: all are pinned */
}

static const struct fs_ops devfs_ops = {
	FIXED_NAMES, .lookup = dev_lookup, .readlink = dev_readlink, .readdir = dev_readdir, .parent = dev_parent,
	.getattr = dev_getattr, .setattr = dev_setattr, .inactive = dev_inactive, .statfs = dev_statfs,
};

/* A disk's vnode has the disk object as its own: whoever opens it works on that, without us. */
static int dev_make(struct mount *m, struct dev *d, uint64_t ino)
{
	d->vn = vnode_new(m, ino, d->mode);
	if (!d->vn) return -ENOMEM;
	d->vn->dev = d->disk ? d->disk->number : makedev(d->major, d->minor);
	d->vn->object = d->disk ? d->disk->object : 0;
	d->vn->fs = d;
	return 0;
}

/* devfs_mount: once, after disks_open(). */
int devfs_mount(struct mount *m)
{
	int rc;

	for (unsigned i = 0; i < ndisk_nodes; i++) {
		struct dev *d = &devs[ndevs++];

		*d = (struct dev){.kind = DEV_DISK, .mode = S_IFBLK | 0600, .disk = &disk_nodes[i]};
		memcpy(d->name, disk_nodes[i].name, sizeof(d->name));
	}
	born = now_ns();
	m->ops = &devfs_ops;
	m->root = dev_root = vnode_new(m, 1, S_IFDIR | 0755);
	rc = dev_root ? 0 : -ENOMEM;
	for (unsigned i = 0; !rc && i < ndevs; i++) rc = dev_make(m, &devs[i], i + 2);
	return rc;
}

/* The device behind a vnode; NULL: a device node of another file system, which stands for nothing here. */
static struct dev *dev_of(const struct vnode *vn)
{
	return vn && vn->ops == &devfs_ops && !S_ISDIR(vn->mode) && !S_ISLNK(vn->mode) ? vn->fs : NULL;
}

/* devfs_open: what open() replies beyond node and mode: how the kernel is to treat this device (NAMEF_*). */
int devfs_open(struct vnode *vn, struct ipc_msg *out)
{
	struct dev *d = dev_of(vn);

	if (!d || (d->kind == DEV_TTY && !d->minor && !ttydev_controls(vfs_caller.pid))) return -ENXIO;
	if (d->kind == DEV_DISK && !d->disk->whole) {
		out->arg[3] = d->disk->start;
		out->arg[4] = d->disk->disk.len;
	}
	if (d->kind == DEV_DISK) out->handle[0] = d->disk->object;
	out->arg[2] = d->kind == DEV_DISK ? NAMEF_DISK : NAMEF_DEVICE;
	if (d->kind == DEV_ZERO) out->arg[2] |= NAMEF_ZERO;
	if (d->kind == DEV_TTY) out->arg[2] |= NAMEF_POLL;
	return 0;
}

/* devfs_start: where in its object what a descriptor is open on begins, in bytes. */
uint64_t devfs_start(const struct vnode *vn)
{
	struct dev *d = dev_of(vn);

	return d && d->kind == DEV_DISK ? d->disk->start : 0;
}

static uint64_t piece_len(const struct ipc_msg *in)
{
	return in->lend[0].len < DEV_PIECE ? in->lend[0].len : DEV_PIECE;
}

/* Fill the caller's buffer with zeros, or with random bytes. */
static int dev_fill(const struct ipc_msg *in, struct ipc_msg *out, bool random)
{
	uint64_t n = out->arg[0] = piece_len(in);

	if (random) random_fill(dev_piece, n);
	else memset(dev_piece, 0, n);
	return lent_write(in->token, 0, dev_piece, n);
}

int dev_take(const struct ipc_msg *in, struct ipc_msg *out)
{
	return lent_read(in->token, 0, dev_piece, out->arg[0] = piece_len(in));
}

/* The second channel, apart from the console: what a test or CMD prints stays free of boot messages. */
static int dev_results(const struct ipc_msg *in, struct ipc_msg *out)
{
	int rc = dev_take(in, out);

	if (!rc) q_con_write(CON_RESULT, dev_piece, out->arg[0]);
	return rc;
}

/* A file whose bytes are made up: those from the message's offset on. */
static int text_read(struct vnode *vn, const struct ipc_msg *in, struct ipc_msg *out)
{
	const char *at;
	size_t n;
	int rc = vn->ops->text(vn, in->arg[1], &at, &n);

	if (rc) return rc;
	out->arg[0] = n < piece_len(in) ? n : piece_len(in);
	return lent_write(in->token, 0, at, out->arg[0]);
}

/* The node of these messages is that of a descriptor; a directory or a file sent here is a confused client: -EBADF. */
static int dev_read(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn = vnode_by_number(in->arg[0]);
	struct dev *d = dev_of(vn);

	if (vn && S_ISREG(vn->mode) && vn->ops->text) return text_read(vn, in, out);
	if (!d) return counter_message(vn, in, out);
	switch (d->kind) {
	case DEV_NULL:
	case DEV_RESULTS: return 0;             /* end of file */
	case DEV_ZERO:
	case DEV_FULL:    return dev_fill(in, out, false);
	case DEV_RANDOM:  return dev_fill(in, out, true);
	case DEV_TTY:     return ttydev_message(in, out);
	default:          return -EINVAL;
	}
}

static int dev_write(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn = vnode_by_number(in->arg[0]);
	struct dev *d = dev_of(vn);

	if (!d) return vn && vn->ops->text ? -EIO : counter_message(vn, in, out);       /* Linux: nobody listens to /proc */
	switch (d->kind) {
	case DEV_FULL:    return -ENOSPC;
	case DEV_RESULTS: return dev_results(in, out);
	case DEV_TTY:     return ttydev_message(in, out);
	case DEV_DISK:    return -EINVAL;
	default:
		out->arg[0] = in->lend[0].len;  /* taken, and gone */
		return 0;
	}
}

uint32_t ioctl_request(const struct ipc_msg *in) { return (uint32_t)in->arg[1]; }

int ioctl_give(const struct ipc_msg *in, const void *p, size_t n) { return lent_write(in->token, in->arg[2], p, n); }

int ioctl_take(const struct ipc_msg *in, void *p, size_t n) { return lent_read(in->token, in->arg[2], p, n); }

/* All disks, as sync(). */
static int flush(const struct ipc_msg *in)
{
	int rc = vfs_caller.cred.uid ? -EACCES : lent_sync(in);

	return rc ? rc : vfs_sync(true);
}

static int disk_ioctl(const struct disk *d, const struct ipc_msg *in)
{
	uint64_t size = d->len;
	unsigned long sectors = size / 512;
	int n;

	switch (ioctl_request(in)) {
	case BLKGETSIZE64: return ioctl_give(in, &size, sizeof(size));
	case BLKGETSIZE:   return ioctl_give(in, &sectors, sizeof(sectors));
	case BLKSSZGET:    n = 512; break;
	case BLKBSZGET:    n = 4096; break;
	case BLKROGET:     n = d->readonly; break;
	case BLKFLSBUF:    return flush(in);
	default:           return -ENOTTY;
	}
	return ioctl_give(in, &n, sizeof(n));
}

/* What is about descriptors, whatever they are, ring 0 does.  -ENOTTY: it is not */
static long descriptor_ioctl(const struct call *c)
{
	int on;

	switch (ioctl_request(c->in)) {
	case FIOCLEX:  return call_then(c, THEN_CLOEXEC, FD_CLOEXEC);
	case FIONCLEX: return call_then(c, THEN_CLOEXEC, 0);
	case FIONBIO:
		if (ioctl_take(c->in, &on, sizeof(on))) return -EFAULT;
		return call_then(c, THEN_NONBLOCK, on ? O_NONBLOCK : 0);
	default: return -ENOTTY;
	}
}

long call_ioctl(const struct call *c)
{
	struct vnode *vn = vnode_by_number(c->who->fd_node);
	struct dev *d = dev_of(vn);
	bool bytes = !c->who->fd_node || (vn && !vn->ops->text && (S_ISREG(vn->mode) || S_ISFIFO(vn->mode)));
	int n = c->who->file.left < INT32_MAX ? (int)c->who->file.left : INT32_MAX;
	long rc = call_fd_open(c) ? descriptor_ioctl(c) : -EBADF;

	if (rc != -ENOTTY) return rc;
	if (bytes && ioctl_request(c->in) == FIONREAD) return ioctl_give(c->in, &n, sizeof(n));
	if (d && d->kind == DEV_TTY) return ttydev_ioctl(c->in);
	return d && d->kind == DEV_DISK ? disk_ioctl(&d->disk->disk, c->in) : -ENOTTY;
}

/* All but the terminal and what counts are always ready. */
static int dev_poll(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn = vnode_by_number(in->arg[0]);
	struct dev *d = dev_of(vn);

	if (d && d->kind == DEV_TTY) return ttydev_message(in, out);
	if (!d && !(vn && vn->ops->text)) return counter_message(vn, in, out);
	out->arg[0] = POLLIN | POLLOUT;
	return 0;
}

handler dev_handler(uint32_t op)
{
	switch (op) {
	case DEV_READ:  return dev_read;
	case DEV_WRITE: return dev_write;
	case DEV_POLL:  return dev_poll;
	default:        return NULL;
	}
}
