/* SPDX-License-Identifier: MIT */
/* fs/srv_name.c - RING 3 - the name protocol (abi/name.h): what opens and closes.
 *
 * Path:  kernel/sys_name.c, user/pm/exec.c  ~message~>  server.c, call.c > [srv_name.c] > vfs_name.c
 * A handler takes its arguments out of the message, checks their shape, and calls the VFS.  Nothing of a message
 * is believed: nodes are looked up, lengths limited, paths copied before they are read.
 */
#define _GNU_SOURCE                     /* MFD_CLOEXEC */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fs/call.h"
#include "fs/procfs.h"
#include "fs/vfs_lock.h"
#include "fs/vfs_share.h"

#define MEMFD        "memfd:"           /* Linux: before what it is called */
#define ACCESS_MODES 3u                 /* Linux's O_ACCMODE, which musl's is not */
#define LARGE_FILE   0100000u           /* O_LARGEFILE: all are */

/* msg_node: a directory or file that a message names.  The kernel found its number in a place or a descriptor, and
 * does not hold a place: NULL, if it has been closed since, and if arg[5] has, where the caller's paths began. */
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

/* A named pipe is one as long as anybody has it open: what is in it is the kernel's. */
static int pipe_open(struct vnode *vn, struct ipc_msg *out)
{
	uint32_t uid = vfs_caller.cred.uid;
	long h = vn->pipe;

	if (!h) {
		if (!share_take(SHARE_OBJECTS, uid, 1)) return -ENFILE;
		h = q_pipe_create();
		vn->payer = uid;
	}
	if (h < 0) share_give(SHARE_OBJECTS, uid, 1);
	if (h < 0) return (int)h;
	out->handle[0] = vn->pipe = (uint32_t)h;
	return 0;
}

/* The reply that makes a descriptor, or what `then` says: the kernel holds the vnode from now on (N3).  => its node */
static long open_reply(struct vnode *vn, uint64_t flags, enum name_then then, struct ipc_msg *out)
{
	int rc = 0;

	if (flags & O_PATH_FLAG) rc = 0;        /* a place, nothing that can be read */
	else if (S_ISCHR(vn->mode) || S_ISBLK(vn->mode)) rc = devfs_open(vn, out);
	else if (S_ISFIFO(vn->mode)) rc = pipe_open(vn, out);
	else if (S_ISREG(vn->mode) && vn->ops->text) out->arg[2] = NAMEF_DEVICE | NAMEF_SEEK;
	else if (S_ISREG(vn->mode)) out->handle[0] = vn->object;
	else if (!(vn->mode & S_IFMT)) rc = -ENXIO;     /* Linux: /proc/self/fd/N of an eventfd */
	if (!S_ISREG(vn->mode) || vn->ops->text || (flags & ACCESS_MODES) == O_RDONLY) flags &= ~(uint64_t)O_TRUNC;
	if (rc) {
		vnode_put(vn);
		return rc;
	}
	vn->opens++;
	out->arg[1] = vn->mnt->flags & MS_NOSUID ? vn->mode & ~(mode_t)(S_ISUID | S_ISGID) : vn->mode;
	out->arg[5] = flags;
	out->arg[NAME_THEN] = then;
	return (long)vn->node;
}

static long open_at(const struct call *c, const struct where *w, uint64_t flags, uint64_t mode)
{
	struct ipc_msg *out = c->out;
	struct vnode *vn;
	int rc;

	flags = flags & O_PATH_FLAG ? flags & (O_PATH_FLAG | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : flags | LARGE_FILE;
	if ((flags & ACCESS_MODES) == ACCESS_MODES) return -EINVAL;
	vfs_own_fd = -1;
	rc = vfs_open(w->start, w->path, w->len, (int)flags, mode & 07777 & ~c->who->umask, c->cred, &vn);
	if (rc == -ENXIO && vfs_own_fd >= 0) {
		if ((vfs_own_flags & ACCESS_MODES) != O_RDWR && ((vfs_own_flags ^ flags) & ACCESS_MODES)) return -EACCES;
		out->arg[2] = NAMEF_OWN;
		out->arg[5] = flags & ~(uint64_t)O_TRUNC;
		out->arg[NAME_THEN] = THEN_FD;
		return vfs_own_fd;
	}
	return rc ? rc : open_reply(vn, flags, THEN_FD, out);
}

long call_openat(const struct call *c)
{
	static struct where w;
	int rc = call_where(c, (int)c->arg[0], c->arg[1], false, &w);

	return rc ? rc : open_at(c, &w, c->arg[2], c->arg[3]);
}

long call_open(const struct call *c)
{
	static struct where w;
	int rc = call_where(c, AT_FDCWD, c->arg[0], false, &w);

	return rc ? rc : open_at(c, &w, c->arg[1], c->arg[2]);
}

long call_creat(const struct call *c)
{
	static struct where w;
	int rc = call_where(c, AT_FDCWD, c->arg[0], false, &w);

	return rc ? rc : open_at(c, &w, O_CREAT | O_WRONLY | O_TRUNC, c->arg[1]);
}

/* truncate(2): nobody waits for the other end of a pipe. */
long call_truncate(const struct call *c)
{
	static struct where w;
	struct vnode *vn;
	int rc = (int64_t)c->arg[1] < 0 ? -EINVAL : call_where(c, AT_FDCWD, c->arg[0], false, &w);

	if (!rc) rc = vfs_open(w.start, w.path, w.len, O_WRONLY | O_TRUNC | O_NONBLOCK, 0, c->cred, &vn);
	if (rc) return rc == -ENXIO ? -EINVAL : rc;
	c->out->arg[7] = c->arg[1];
	if (S_ISREG(vn->mode) && !vn->ops->text) return open_reply(vn, O_WRONLY | O_TRUNC, THEN_CLOSE, c->out);
	vnode_put(vn);
	return -EINVAL;
}

/* By its effective id, which setfsuid() leaves as it is. */
static bool caller_is_root(const struct call *c)
{
	static struct facts_proc f;

	return facts(FACTS_PROC, c->cred.pid, 0, &f, sizeof(f)) > 0 && f.attr.euid == 0;
}

/* Where somebody is going to be, or (root) his paths to begin.  Takes the reference. */
static long dir_reply(struct vnode *vn, const struct call *c, bool root)
{
	int rc = S_ISDIR(vn->mode) ? perm_check(vn, X_OK, c->cred) : -ENOTDIR;

	if (!rc && root && !caller_is_root(c)) rc = -EPERM;
	if (!rc) return open_reply(vn, O_PATH_FLAG | O_DIRECTORY, root ? THEN_ROOT : THEN_CWD, c->out);
	vnode_put(vn);
	return rc;
}

static long dir_open(const struct call *c, bool root)
{
	static struct where w;
	struct vnode *vn;
	int rc = call_where(c, AT_FDCWD, c->arg[0], false, &w);

	if (!rc) rc = vfs_open(w.start, w.path, w.len, O_PATH_FLAG | O_DIRECTORY, 0, c->cred, &vn);
	return rc ? rc : dir_reply(vn, c, root);
}

long call_chdir(const struct call *c) { return dir_open(c, false); }
long call_chroot(const struct call *c) { return dir_open(c, true); }

long call_fchdir(const struct call *c)
{
	static struct where w;
	int rc = where_fd(c, (int)c->arg[0], &w);

	if (rc) return rc == -EBADF && w.fd.kind != FACTS_FD_NODE ? -ENOTDIR : rc;
	vnode_ref(w.start);
	return dir_reply(w.start, c, false);
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

long call_memfd_create(const struct call *c)
{
	static char name[PATH_MAX + sizeof(MEMFD)] = MEMFD;
	int len = mem_text(c, name + sizeof(MEMFD) - 1, c->arg[0], PATH_MAX);
	struct vnode *vn;
	int rc = len == -ENAMETOOLONG ? -EINVAL : len < 0 ? len : 0;

	if (!rc && (c->arg[1] & ~(uint64_t)(MFD_CLOEXEC | MFD_ALLOW_SEALING))) rc = -EINVAL;
	if (!rc && (size_t)len > NAME_MAX - (sizeof(MEMFD) - 1)) rc = -EINVAL;
	if (!rc) rc = memfd_make(name, sizeof(MEMFD) - 1 + (size_t)len, c->cred, &vn);
	return rc ? rc : open_reply(vn, O_RDWR | LARGE_FILE | (c->arg[1] & MFD_CLOEXEC ? O_CLOEXEC : 0), THEN_FD, c->out);
}

/* For execve: a regular file that may be run.  Nobody waits for the other end of a pipe. */
static int exec_open(const struct call *c, const struct where *w, struct vnode **vn)
{
	int rc;

	if (!w->len) return -ENOENT;
	vfs_own_fd = -1;
	rc = vfs_open(w->start, w->path, w->len, O_RDONLY | O_NONBLOCK, 0, c->cred, vn);
	if (rc == -ENXIO && vfs_own_fd >= 0) return -EACCES;
	if (rc) return rc;
	rc = S_ISREG((*vn)->mode) && !(*vn)->ops->text ? perm_check(*vn, X_OK, c->cred) : -EACCES;
	if (rc) vnode_put(*vn);
	return rc;
}

static int name_exec(const struct ipc_msg *in, struct ipc_msg *out)
{
	static struct where w;
	struct vnode *vn;
	struct call c;
	long rc = in->lend[0].len < sizeof(w.path) ? call_begin(in, out, &c) : -ENAMETOOLONG;

	w.len = in->lend[0].len;
	if (!rc) rc = lent_read(in->token, 0, w.path, w.len);
	w.path[rc ? 0 : w.len] = 0;
	if (!rc) rc = where_begin(&c, AT_FDCWD, &w);
	if (!rc) rc = exec_open(&c, &w, &vn);
	if (rc) return (int)rc;
	out->arg[0] = (uint64_t)open_reply(vn, O_RDONLY, THEN_NOTHING, out);
	out->arg[3] = vn->uid | (uint64_t)vn->gid << 32;
	return 0;
}

/* name_closed: the last descriptor of an open file went; `description` may own locks. */
void name_closed(uint64_t node, uint64_t description)
{
	struct vnode *vn = node == NODE_ROOT ? NULL : vnode_by_number(node);

	if (!vn || vn->opens == 0) return;
	lock_close(vn, description);
	if (--vn->opens == 0 && vn->pipe) {
		q_close(vn->pipe);
		share_give(SHARE_OBJECTS, vn->payer, 1);
		vn->pipe = 0;
	}
	vnode_put(vn);
}

static int name_close(const struct ipc_msg *in, struct ipc_msg *out)
{
	(void)out;
	name_closed(in->arg[0], 0);
	return 0;
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
	return op == NAME_EXEC ? name_exec : op == NAME_CLOSE ? name_close : NULL;
}
