/* SPDX-License-Identifier: MIT */
/* user/pm/request.c - RING 3 - calls that name something, as messages to the file server: paths out of the caller's memory,
 * the directories that they begin at, one message in the caller's name.
 *
 * Path:  name.c, attr.c, shm.c > [request.c]  ~abi/name.h~>  fs/server.c
 * Use:   req_begin(), req_path() for each path, arguments into req.m.arg, req_send().
 *
 * A directory is known by its node, a number that is looked up and not held: another thread of the caller may close the
 * descriptor, or change the directory, before the file server looks.  Numbers do not come again, so that it says EBADF then
 * (msg_node() of fs/srv_name.c), and never takes another file.  Then what is in that place now is tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "abi/name.h"
#include "user/pm/pm.h"

#define TRIES 20                        /* nobody keeps us for ever by closing directories */

struct request req;

void req_begin(void)
{
	req.m = (struct ipc_msg){0};
	req.paths = 0;
}

static int fd_look(const struct call *c, int fd, struct facts_fd *f)
{
	long n = fd < 0 ? 0 : q_facts(FACTS_FDS, c->me.pid, (uint64_t)fd, f, sizeof(*f));

	if (n < 0) return (int)n;
	return n && f->fd == (uint32_t)fd ? 0 : -EBADF;
}

/* Where path i begins: at a descriptor, the current directory, or the root.  Node 0: an object of the kernel's alone. */
static int start_find(const struct call *c, unsigned i, uint64_t *node)
{
	struct facts_fd f;
	int rc;

	*node = req.path[i][0] == '/' ? NODE_ROOT : c->me.cwd;
	if (req.path[i][0] == '/' || req.fd[i] == AT_FDCWD) return 0;
	rc = fd_look(c, req.fd[i], &f);
	if (rc) return rc;
	if (req.path[i][0] && !S_ISDIR(f.mode)) return -ENOTDIR;
	*node = f.kind == FACTS_FD_NODE ? f.node : 0;
	return 0;
}

int req_start(const struct call *c, int dirfd)
{
	unsigned i = req.paths++;

	req.fd[i] = dirfd;
	return start_find(c, i, &req.m.arg[i]);
}

/* The next path is there, of n bytes. */
static int path_lend(const struct call *c, int dirfd, size_t n, bool empty_ok)
{
	char *to = req.path[req.paths];
	bool text = req.paths == 0 && n <= IPC_TEXT;

	if (!n && !empty_ok) return -ENOENT;
	req.m.lend[req.paths] = (struct ipc_lend){(uint64_t)to, n, text ? LEND_READ | LEND_TEXT : LEND_READ};
	if (text) memcpy(req.m.text, to, n);
	return req_start(c, dirfd);
}

int req_path(const struct call *c, int dirfd, uint64_t path, bool empty_ok)
{
	int n = mem_text(c, req.path[req.paths], path, PATH_MAX);

	return n < 0 ? n : path_lend(c, dirfd, (size_t)n, empty_ok);
}

int req_text(const struct call *c, const char *path)
{
	size_t n = strlen(path);

	memcpy(req.path[req.paths], path, n + 1);
	return path_lend(c, AT_FDCWD, n, false);
}

int req_fd(const struct call *c, int fd, bool path_ok)
{
	struct facts_fd f;
	int rc = fd_look(c, fd, &f);

	if (rc) return rc;
	if ((f.flags & O_PATH) && !path_ok) return -EBADF;
	req.m.arg[1] = AT_EMPTY_PATH;
	req.m.arg[2] = f.mode;                  /* asked about what is the kernel's alone */
	req.path[0][0] = 0;
	return req_start(c, fd);
}

/* Who asks (abi/name.h); access() is for its real ids. */
static void sign(const struct call *c, struct ipc_msg *m, uint32_t op)
{
	const struct proc_attr *a = &c->me.attr;
	bool real = op == NAME_ACCESS && !(m->arg[1] & AT_EACCESS);

	m->op = op;
	m->arg[5] = c->me.root == NODE_ROOT ? 0 : c->me.root;
	m->arg[6] = c->me.pid | (uint64_t)c->tid << 32;
	m->arg[7] = (real ? a->uid : a->fsuid) | (uint64_t)(real ? a->gid : a->fsgid) << 32;
}

/* Look again where m's paths begin.  Node 0 has no other number to be told. */
static bool again(struct call *c, struct ipc_msg *m)
{
	if (proc_look(c, 0, &c->me)) return false;
	for (unsigned i = 0; i < req.paths; i++)
		if (!m->arg[i] || start_find(c, i, &m->arg[i])) return false;
	return true;
}

/* A caller that is still there was there when we looked: c->me tells of it, and not of another with its number. */
long req_send(struct call *c, long rc, uint32_t op)
{
	struct ipc_msg m = req.m;
	int tries = 0;

	if (rc) return rc;
	do {
		if (q_lend_read(c->token, 0, 0, &m, 0)) return -ESRCH;
		sign(c, &m, op);
		req.m = m;
		rc = q_call(HANDLE_FS, &req.m);
		if (!rc) rc = req.m.status;
	} while (rc == -EBADF && ++tries < TRIES && again(c, &m));
	return rc;
}

long req_one(struct call *c, uint32_t op, int dirfd, uint64_t path, uint64_t flags, uint64_t x, uint64_t y)
{
	int rc;

	req_begin();
	rc = req_path(c, dirfd, path, flags & AT_EMPTY_PATH);
	req.m.arg[1] = flags;
	req.m.arg[2] = x;
	req.m.arg[3] = y;
	return req_send(c, rc, op);
}

long req_open(struct call *c, uint32_t op, int fd, uint64_t x, uint64_t y)
{
	int rc;

	req_begin();
	rc = req_fd(c, fd, false);
	req.m.arg[2] = x;
	req.m.arg[3] = y;
	return req_send(c, rc, op);
}
