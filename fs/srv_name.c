/* SPDX-License-Identifier: MIT */
/* fs/srv_name.c - RING 3 - the name protocol (abi/name.h): messages that open, make and remove names.
 *
 * Path:  kernel/sys_name.c, user/pm/name.c  ~message~>  server.c > [srv_name.c] > vfs_name.c, vfs_rename.c
 * Each handler takes its arguments out of the message, checks their shape, and calls the VFS.  Nothing of a message
 * is believed: nodes are looked up, lengths limited, paths copied before they are read.
 */
#define _GNU_SOURCE                     /* MFD_CLOEXEC */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "abi/name.h"
#include "fs/procfs.h"
#include "fs/server.h"
#include "fs/vfs_lock.h"

#define MEMFD "memfd:"                  /* Linux: before what it is called */

/* msg_node: a directory or file that a message names.  The process manager found its number in a descriptor, and does not
 * hold that: NULL, if it has been closed since, and if arg[5] has, where the caller's paths began. */
struct vnode *msg_node(const struct ipc_msg *in, uint64_t node)
{
	struct vnode *root = in->arg[5] ? vnode_by_number(in->arg[5]) : NULL, *vn = vnode_by_number(node);

	if (in->arg[5] && !(root && root->opens)) return NULL;
	return node == NODE_ROOT || (vn && vn->opens) ? vn : NULL;
}

/* arg[7]: who asks; arg[5]: where its paths begin. */
struct cred msg_cred(const struct ipc_msg *in)
{
	struct vnode *root = in->arg[5] ? msg_node(in, in->arg[5]) : NULL;

	return (struct cred){(uint32_t)in->arg[7], (uint32_t)(in->arg[7] >> 32), root, (uint32_t)in->arg[6]};
}

/* A lent path.  -ENAMETOOLONG, -ESRCH (the caller went away) */
int msg_path(const struct ipc_msg *in, int lend, char *buf, size_t *len)
{
	uint64_t n = in->lend[lend].flags & LEND_READ ? in->lend[lend].len : 0;
	bool text = in->lend[lend].flags & LEND_TEXT;
	int rc = 0;

	if (n > (text ? IPC_TEXT : PATH_MAX)) return -ENAMETOOLONG;
	if (text) memcpy(buf, in->text, n);
	else rc = n ? q_lend_read(in->token, lend, 0, buf, n) : 0;
	if (rc) return rc;
	buf[n] = 0;
	*len = n;
	return 0;
}

/* One path, and the directory node where it starts if it is relative.  Too large for a server's stack: those of the
 * handlers below are static, which one thread may. */
struct where { struct vnode *start; char path[PATH_MAX + 1]; size_t len; };

/* An absolute path needs no directory: openat(2) ignores a bad dirfd then. */
static int msg_where(const struct ipc_msg *in, int lend, uint64_t dir, struct where *w)
{
	int rc = msg_path(in, lend, w->path, &w->len);

	if (rc) return rc;
	w->start = msg_node(in, w->path[0] == '/' ? NODE_ROOT : dir);
	return w->start ? 0 : -EBADF;
}

/* msg_file: the existing file that a message is about: lend[0] from arg[0], or the node arg[0] itself.  A reference. */
int msg_file(const struct ipc_msg *in, unsigned at_flags, struct vnode **out)
{
	static struct where w;
	int rc = msg_where(in, 0, in->arg[0], &w);

	if (rc) return rc;
	if (w.len == 0 && (at_flags & AT_EMPTY_PATH)) {
		vnode_ref(w.start);
		*out = w.start;
		return 0;
	}
	return path_lookup(w.start, w.path, w.len, at_flags & AT_SYMLINK_NOFOLLOW ? PATH_NOFOLLOW : 0, msg_cred(in),
	                   out);
}

/* The reply that makes a descriptor: the kernel holds the vnode from now on (N3). */
static int open_reply(struct vnode *vn, uint64_t flags, struct ipc_msg *out)
{
	int rc = 0;

	if (flags & O_PATH_FLAG) rc = 0;        /* a place, nothing that can be read */
	else if (S_ISCHR(vn->mode) || S_ISBLK(vn->mode)) rc = devfs_open(vn, out);
	else if (S_ISREG(vn->mode) && vn->ops->text) out->arg[2] = NAMEF_DEVICE | NAMEF_SEEK;
	else if (S_ISREG(vn->mode)) out->handle[0] = vn->object;
	else if (!(vn->mode & S_IFMT)) rc = -ENXIO;     /* Linux: /proc/self/fd/N of an eventfd */
	if (rc) {
		vnode_put(vn);
		return rc;
	}
	vn->opens++;
	out->arg[0] = vn->node;
	out->arg[1] = vn->mnt->flags & MS_NOSUID ? vn->mode & ~(mode_t)(S_ISUID | S_ISGID) : vn->mode;
	return 0;
}

/* open, openat, creat, and opendir. */
static int name_open(const struct ipc_msg *in, struct ipc_msg *out)
{
	static struct where w;
	struct vnode *vn;
	int rc = msg_where(in, 0, in->arg[0], &w);

	vfs_own_fd = -1;
	if (!rc) rc = vfs_open(w.start, w.path, w.len, (int)in->arg[1], in->arg[2], msg_cred(in), &vn);
	if (rc == -ENXIO && vfs_own_fd >= 0) {
		out->arg[0] = vfs_own_fd;
		out->arg[2] = NAMEF_OWN;
		return 0;
	}
	return rc ? rc : open_reply(vn, in->arg[1], out);
}

/* memfd_create(2): a file of a tmpfs that nobody can reach, whose name goes as soon as it is there. */
static int memfd_make(const char *name, size_t len, struct cred c, struct vnode **out)
{
	static struct mount *m;
	struct vnode *root;
	int rc;

	if (!m) m = mount_new("tmpfs", "memfd", "", false);
	if (!m || (!m->root && tmpfs_mount(m))) return -ENOMEM;
	root = m->root;
	if (root->ops->create(root, name, len, S_IFREG | 0777, c, out)) return -ENOMEM;
	(*out)->name = strndup(name, len);      /* in no directory */
	root->ops->unlink(root, name, len);
	rc = (*out)->ops->open(*out);
	if (rc) vnode_put(*out);
	return rc;
}

static int name_memfd(const struct ipc_msg *in, struct ipc_msg *out)
{
	static char name[PATH_MAX + 1 + sizeof(MEMFD)] = MEMFD;
	struct vnode *vn;
	size_t len;
	int rc = msg_path(in, 0, name + sizeof(MEMFD) - 1, &len);

	if (!rc && (in->arg[0] & ~(uint64_t)(MFD_CLOEXEC | MFD_ALLOW_SEALING))) rc = -EINVAL;
	if (!rc && len > NAME_MAX - (sizeof(MEMFD) - 1)) rc = -EINVAL;
	if (!rc) rc = memfd_make(name, sizeof(MEMFD) - 1 + len, msg_cred(in), &vn);
	return rc ? rc : open_reply(vn, 0, out);
}

/* name_closed: the last descriptor of an open file went; `description` may own locks. */
void name_closed(uint64_t node, uint64_t description)
{
	struct vnode *vn = node == NODE_ROOT ? NULL : vnode_by_number(node);

	if (!vn || vn->opens == 0) return;
	lock_close(vn, description);
	vn->opens--;
	vnode_put(vn);
}

static int name_close(const struct ipc_msg *in, struct ipc_msg *out)
{
	(void)out;
	name_closed(in->arg[0], 0);
	return 0;
}

static int name_mkdir(const struct ipc_msg *in, struct ipc_msg *out)
{
	static struct where w;
	int rc = msg_where(in, 0, in->arg[0], &w);

	(void)out;
	return rc ? rc : vfs_mkdir(w.start, w.path, w.len, in->arg[2], msg_cred(in));
}

static int name_mknod(const struct ipc_msg *in, struct ipc_msg *out)
{
	static struct where w;
	int rc = msg_where(in, 0, in->arg[0], &w);

	(void)out;
	return rc ? rc : vfs_mknod(w.start, w.path, w.len, in->arg[2], msg_cred(in));
}

static int name_unlink(const struct ipc_msg *in, struct ipc_msg *out)
{
	static struct where w;
	int rc = msg_where(in, 0, in->arg[0], &w);

	(void)out;
	return rc ? rc : vfs_unlink(w.start, w.path, w.len, in->arg[1] & AT_REMOVEDIR, msg_cred(in));
}

static int name_rename(const struct ipc_msg *in, struct ipc_msg *out)
{
	static struct where from, to;
	int rc = msg_where(in, 0, in->arg[0], &from);

	(void)out;
	if (!rc) rc = msg_where(in, 1, in->arg[1], &to);
	if (rc) return rc;
	return vfs_rename((struct name_at){from.start, from.path, from.len},
	                  (struct name_at){to.start, to.path, to.len}, in->arg[2], msg_cred(in));
}

/* linkat() does not follow a last symlink, unless it is asked to: the contrary of all others. */
static int name_link(const struct ipc_msg *in, struct ipc_msg *out)
{
	static struct where to;
	unsigned flags = in->arg[2] & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW;
	struct vnode *target;
	int rc = msg_where(in, 1, in->arg[1], &to);

	(void)out;
	if (msg_cred(in).uid == 0) flags |= in->arg[2] & AT_EMPTY_PATH; /* a right to read all (Linux) */
	if (!rc) rc = msg_file(in, flags, &target);
	if (rc) return rc;
	rc = vfs_link(target, to.start, to.path, to.len, msg_cred(in));
	vnode_put(target);
	return rc;
}

/* The target is any text: whether it leads somewhere is asked when somebody follows it. */
static int name_symlink(const struct ipc_msg *in, struct ipc_msg *out)
{
	static char target[PATH_MAX + 1];
	static struct where w;
	size_t len;
	int rc = msg_where(in, 0, in->arg[0], &w);

	(void)out;
	if (!rc) rc = msg_path(in, 1, target, &len);
	return rc ? rc : vfs_symlink(w.start, w.path, w.len, target, len, msg_cred(in));
}

static int name_readlink(const struct ipc_msg *in, struct ipc_msg *out)
{
	static char target[PATH_MAX];
	struct vnode *vn;
	size_t n = 0;
	int rc = msg_file(in, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &vn);

	if (rc) return rc;
	rc = S_ISLNK(vn->mode) ? vn->ops->readlink(vn, target, sizeof(target), &n) : -EINVAL;
	vnode_put(vn);
	if (rc) return rc;
	if (n > in->lend[1].len) n = in->lend[1].len;           /* readlink(2) cuts, and says so by its result alone */
	out->arg[0] = n;
	return n ? q_lend_write(in->token, 1, 0, target, n) : 0;
}

/* The caller's supplementary groups are the kernel's to know; it waits for us, so it is there. */
bool cred_has_group(struct cred c, uint32_t gid)
{
	static struct facts_proc f;
	uint32_t n = facts(FACTS_PROC, c.pid, 0, &f, sizeof(f)) > 0 ? f.attr.ngroups : 0;

	while (n && f.attr.groups[n - 1] != gid) n--;
	return n;
}

handler srv_name_handler(uint32_t op)
{
	switch (op) {
	case NAME_OPEN:     return name_open;
	case NAME_CLOSE:    return name_close;
	case NAME_MEMFD:    return name_memfd;
	case NAME_MKDIR:    return name_mkdir;
	case NAME_MKNOD:    return name_mknod;
	case NAME_UNLINK:   return name_unlink;
	case NAME_RENAME:   return name_rename;
	case NAME_LINK:     return name_link;
	case NAME_SYMLINK:  return name_symlink;
	case NAME_READLINK: return name_readlink;
	default:            return NULL;
	}
}
