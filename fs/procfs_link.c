/* SPDX-License-Identifier: MIT */
/* fs/procfs_link.c - RING 3 - /proc's links: who asks, and the files of a process, by path and themselves.
 *
 * Path:  vfs_path.c > [procfs_link.c] > the kernel's facts(), vfs_path()
 * What the kernel knows of an open file is its node: so the link leads to that file, also when its name is gone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/procfs.h"

int link_self(const struct proc_node *n, char *buf, size_t len)
{
	(void)n;
	snprintf(buf, len, "%u", vfs_caller.pid);
	return vfs_caller.pid ? 0 : -ENOENT;
}

int link_thread_self(const struct proc_node *n, char *buf, size_t len)
{
	(void)n;
	snprintf(buf, len, "%u/task/%u", vfs_caller.pid, vfs_caller.tid);
	return vfs_caller.pid ? 0 : -ENOENT;
}

/* A reference to the file with this node.  0: the process has none. */
static int node_file(uint64_t node, struct vnode **out)
{
	*out = node ? vnode_by_number(node) : NULL;
	if (!*out) return -ENOENT;
	vnode_ref(*out);
	return 0;
}

static int file_path(int (*target)(const struct proc_node *, struct vnode **), const struct proc_node *n, char *buf,
                     size_t len)
{
	struct vnode *vn;
	int rc = target(n, &vn);

	if (rc) return rc;
	rc = vfs_path(vn, buf, len);
	vnode_put(vn);
	return rc;
}

int target_exe(const struct proc_node *n, struct vnode **out)
{
	struct facts_proc f;
	int rc = proc_facts(n, &f);

	return rc ? rc : node_file(f.exe, out);
}

int target_cwd(const struct proc_node *n, struct vnode **out)
{
	struct facts_proc f;
	int rc = proc_facts(n, &f);

	return rc ? rc : node_file(f.cwd, out);
}

int target_root(const struct proc_node *n, struct vnode **out)
{
	struct facts_proc f;
	int rc = proc_facts(n, &f);

	return rc ? rc : node_file(f.root, out);
}

static int fd_facts(const struct proc_node *n, struct facts_fd *d)
{
	long got = facts(FACTS_FD, n->pid, n->fd, d, sizeof(*d));

	return got < 0 ? (int)got : got == sizeof(*d) && d->fd == (uint32_t)n->fd ? 0 : -ENOENT;
}

/* Pipes are the kernel's alone: it opens them for their own process. */
int target_fd(const struct proc_node *n, struct vnode **out)
{
	struct facts_fd d;
	int rc = fd_facts(n, &d);

	if (rc) return rc;
	if (d.kind == FACTS_FD_NODE) return node_file(d.node, out);
	if (n->pid == vfs_caller.pid) {
		vfs_own_fd = n->fd;
		vfs_own_flags = d.flags;
	}
	return -ENXIO;
}

int link_exe(const struct proc_node *n, char *buf, size_t len) { return file_path(target_exe, n, buf, len); }
int link_cwd(const struct proc_node *n, char *buf, size_t len) { return file_path(target_cwd, n, buf, len); }
int link_root(const struct proc_node *n, char *buf, size_t len) { return file_path(target_root, n, buf, len); }

int link_fd(const struct proc_node *n, char *buf, size_t len)
{
	struct facts_fd d;
	int rc = fd_facts(n, &d);

	if (rc) return rc;
	if (d.kind == FACTS_FD_NODE) return file_path(target_fd, n, buf, len);
	snprintf(buf, len, "pipe:[%lu]", (unsigned long)d.node);
	return 0;
}
