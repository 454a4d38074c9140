/* SPDX-License-Identifier: MIT */
/* fs/srv_pager.c - RING 3 - the pager protocol (abi/pager.h): the kernel asks what a page's block is.
 *
 * Path:  mm/pager.c  ~message~>  server.c > [srv_pager.c] > ext2_pager.c > blkclient.c  ~message~>  driver
 * The cookie is a node number; one that is no longer known means the file went while the message was on its way.
 * tmpfs files have no pager, disks are paged by their driver: only files of disk file systems come here.
 *
 * The run's handle is closed by server.c after the handler: what the driver needs, it has a duplicate of.
 */
#include <errno.h>

#include "abi/pager.h"
#include "fs/server.h"

#define PAGE 4096u

/* The file of a message, if it has a pager and [arg1, arg1 + arg2) makes sense. */
static int pager_range(const struct ipc_msg *in, struct vnode **vn)
{
	*vn = vnode_by_number(in->arg[0]);
	if (!*vn || !S_ISREG((*vn)->mode) || !(*vn)->ops->fill) return -EBADF;
	if (in->arg[2] == 0 || in->arg[1] > INT64_MAX || in->arg[2] > INT64_MAX - in->arg[1]) return -EINVAL;
	return 0;
}

static int pager_file(const struct ipc_msg *in, struct vnode **vn)
{
	*vn = vnode_by_number(in->arg[0]);
	return *vn && S_ISREG((*vn)->mode) && (*vn)->ops->fill ? 0 : -EBADF;
}

static struct times msg_times(const struct ipc_msg *in)
{
	return (struct times){(int64_t)in->arg[3], (int64_t)in->arg[4], (int64_t)in->arg[5]};
}

/* A miss: where on the disk are these pages?  0 means that the driver has been asked, or the bytes are holes. */
static int pager_fill(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;
	int rc = pager_range(in, &vn);

	(void)out;
	if (!rc && (in->arg[1] % PAGE || in->arg[2] % PAGE || !in->handle[0])) rc = -EINVAL;
	return rc ? rc : vn->ops->fill(vn, in->arg[1], in->arg[2], in->handle[0]);
}

static int pager_write(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;
	int rc = pager_range(in, &vn);

	(void)out;
	/* arg[4], an offset within the run, is for vm_write's parts of pages: only a disk object has these. */
	if (!rc && (in->arg[1] % PAGE || in->arg[2] % PAGE || in->arg[4] || !in->handle[0])) rc = -EINVAL;
	if (!rc && vn->mnt->readonly) rc = -EROFS;
	return rc ? rc : vn->ops->write(vn, in->arg[1], in->arg[2], in->handle[0], in->arg[3]);
}

/* A store into a page without a block: promise room now, so that a full disk is told before data can be lost. */
static int pager_reserve(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;
	int rc = pager_range(in, &vn);

	if (!rc && vn->mnt->readonly) rc = -EROFS;
	return rc ? rc : vn->ops->reserve(vn, in->arg[1], in->arg[2], &out->arg[0]);
}

/* fsync and msync: the data is written; put on disk, in order, what finds it again, and flush. */
static int pager_commit(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;
	int rc = pager_file(in, &vn);

	(void)out;
	return rc ? rc : vn->ops->commit(vn, in->arg[1], in->arg[2], msg_times(in));
}

/* Nothing is wrong with a release that finds no file: it was destroyed by the close that came just before. */
static int pager_release(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;

	(void)out;
	if (pager_file(in, &vn)) return 0;
	return vn->ops->release(vn, in->arg[2], msg_times(in));
}

/* ftruncate: the pages behind the new end are gone already, their blocks can follow. */
static int pager_size(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;
	int rc = pager_file(in, &vn);

	(void)out;
	if (!rc && vn->mnt->readonly) rc = -EROFS;
	return rc ? rc : vn->ops->set_size(vn, in->arg[2]);
}

/* fallocate: a hole.  The kernel brings none of these pages in until we answer. */
static int pager_punch(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn;
	int rc = pager_range(in, &vn);

	(void)out;
	if (!rc && vn->mnt->readonly) rc = -EROFS;
	return rc ? rc : vn->ops->punch(vn, in->arg[1], in->arg[2]);
}

handler srv_pager_handler(uint32_t op)
{
	static const handler table[] = {
		[PAGER_FILL - PAGER_FILL] = pager_fill,
		[PAGER_WRITE - PAGER_FILL] = pager_write,
		[PAGER_RESERVE - PAGER_FILL] = pager_reserve,
		[PAGER_COMMIT - PAGER_FILL] = pager_commit,
		[PAGER_RELEASE - PAGER_FILL] = pager_release,
		[PAGER_SIZE - PAGER_FILL] = pager_size,
		[PAGER_PUNCH - PAGER_FILL] = pager_punch,
	};

	return op >= PAGER_FILL && op - PAGER_FILL < sizeof(table) / sizeof(*table) ? table[op - PAGER_FILL] : NULL;
}
