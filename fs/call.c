/* SPDX-License-Identifier: MIT */
/* fs/call.c - RING 3 - system calls that name or open something, as the program made them.
 *
 * Path:  kernel/sys_name.c  ~NAME_CALL~>  server.c > [call.c] > call_name.c, call_attr.c, call_stat.c, srv_name.c ...
 *
 * The message lends all of the caller's memory.
 * A descriptor is looked up in the kernel.  What it has there is open here: of a close we hear later, by a note.
 */
#define _GNU_SOURCE
#include "fs/call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "abi/syscalls.h"
#include "fs/procfs.h"

#define CALL(number, name, kinds) [number] = call_##name,
static const call_fn calls[] = {
	SYSCALLS_NAMES(CALL) SYSCALLS_OPEN(CALL)
	/* ring 0 does something first */
	[SYS_getdents64] = call_getdents64, [SYS_fcntl] = call_fcntl,
};
#define NCALLS (sizeof(calls) / sizeof(calls[0]))

/* ---- the caller's memory */

int mem_in(const struct call *c, void *to, uint64_t at, size_t n) { return lent_read(c->token, at, to, n); }

int mem_out(const struct call *c, uint64_t at, const void *from, size_t n) { return lent_write(c->token, at, from, n); }

int mem_text(const struct call *c, char *to, uint64_t at, size_t size)
{
	if (!c->who->path_len || at != c->arg[c->who->path_arg] || size <= sizeof(c->who->path))
		return lent_text(c->token, at, to, size);
	memcpy(to, c->who->path, sizeof(c->who->path));
	return c->who->path_len;
}

/* ---- its descriptors and directories */

/* Is it the caller whom the kernel told of just now, not another process with the number of one that was killed? */
static bool waits(uint64_t token)
{
	char none;

	return !q_lend_read(token, 0, 0, &none, 0);
}

static int fd_look(const struct call *c, int fd, struct facts_fd *f)
{
	const struct vnode *told = fd == (int)c->arg[0] && c->who->fd_node ? vnode_by_number(c->who->fd_node) : NULL;
	long n;

	if (told && told->opens) {
		*f = (struct facts_fd){.mode = c->who->fd_mode, .node = c->who->fd_node};
		if (c->who->fd_flags & NAME_FD_PATH) f->flags = O_PATH_FLAG;
		return 0;
	}
	n = fd < 0 ? 0 : facts(FACTS_FD, c->cred.pid, (uint64_t)fd, f, sizeof(*f));

	if (n < 0) return (int)n;
	if (!n || f->fd != (uint32_t)fd) {
		*f = (struct facts_fd){0};      /* told of the next one */
		return -EBADF;
	}
	return waits(c->token) ? 0 : -ESRCH;
}

/* Its node is open, for the descriptor is. */
static int where_start(struct where *w)
{
	w->start = w->fd.kind == FACTS_FD_NODE ? vnode_by_number(w->fd.node) : NULL;
	return w->start ? 0 : -EBADF;
}

int where_begin(const struct call *c, int dirfd, struct where *w)
{
	bool fd = w->path[0] != '/' && dirfd != AT_FDCWD;
	int rc;

	w->fd = (struct facts_fd){.node = w->path[0] == '/' ? NODE_ROOT : c->cwd};
	rc = fd ? fd_look(c, dirfd, &w->fd) : 0;
	if (rc) return rc;
	return fd && w->len && !S_ISDIR(w->fd.mode) ? -ENOTDIR : where_start(w);
}

int call_where(const struct call *c, int dirfd, uint64_t path, bool empty_ok, struct where *w)
{
	int n = mem_text(c, w->path, path, PATH_MAX);

	if (n < 0) return n;
	w->len = (size_t)n;
	return n || empty_ok ? where_begin(c, dirfd, w) : -ENOENT;
}

int where_fd(const struct call *c, int fd, struct where *w)
{
	int rc = fd_look(c, fd, &w->fd);

	w->len = 0;
	return rc ? rc : where_start(w);
}

int where_file(const struct call *c, const struct where *w, unsigned at_flags, struct vnode **out)
{
	unsigned flags = at_flags & AT_SYMLINK_NOFOLLOW ? PATH_NOFOLLOW : 0;

	if (w->len) return path_lookup(w->start, w->path, w->len, flags, c->cred, out);
	*out = w->start;
	vnode_ref(w->start);
	return 0;
}

int call_file(const struct call *c, int dirfd, uint64_t path, unsigned at_flags, struct vnode **out)
{
	static struct where w;
	int rc = call_where(c, dirfd, path, at_flags & AT_EMPTY_PATH, &w);

	return rc ? rc : where_file(c, &w, at_flags, out);
}

int call_fd(const struct call *c, int fd, struct vnode **out)
{
	static struct where w;
	int rc = where_fd(c, fd, &w);

	if (!rc && (w.fd.flags & O_PATH_FLAG)) rc = -EBADF;
	return rc ? rc : where_file(c, &w, 0, out);
}

/* Where the caller is came with the message: another of its threads may have gone elsewhere meanwhile, and the
 * directory have been closed.  Where it is now is open. */
static int places_now(struct call *c)
{
	static struct facts_proc f;

	if (facts(FACTS_PROC, c->cred.pid, 0, &f, sizeof(f)) <= 0 || !waits(c->token)) return -ESRCH;
	c->cwd = f.cwd;
	c->cred.root = f.root == NODE_ROOT ? NULL : vnode_by_number(f.root);
	vfs_caller.cred = c->cred;
	return 0;
}

bool call_fd_open(const struct call *c) { return c->who->fd_mode && !(c->who->fd_flags & NAME_FD_PATH); }

/* What ring 0 does with the descriptor that was the first argument, and with what. */
long call_then(const struct call *c, enum name_then then, uint64_t what)
{
	c->out->arg[1] = what;
	c->out->arg[NAME_THEN] = then;
	return 0;
}

int call_begin(const struct ipc_msg *in, struct ipc_msg *out, struct call *c)
{
	*c = (struct call){.token = in->token, .arg = in->arg, .in = in, .out = out, .cred = vfs_caller.cred};
	c->who = (const struct name_caller *)in->text;
	c->cwd = c->who->cwd ? c->who->cwd : NODE_ROOT;
	return msg_node(in, c->cwd) ? 0 : places_now(c);
}

int call_serve(const struct ipc_msg *in, struct ipc_msg *out)
{
	uint32_t nr = in->op - NAME_CALL;
	struct call c;
	long r;

	r = nr < NCALLS && calls[nr] ? call_begin(in, out, &c) : -ENOSYS;
	if (!r) r = calls[nr](&c);
	out->arg[0] = (uint64_t)r;
	return r == CALL_LATER ? LATER : 0;
}
