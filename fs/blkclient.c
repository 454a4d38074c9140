/* SPDX-License-Identifier: MIT */
/* fs/blkclient.c - RING 3 - the lower seam of fs/vfs.h on Quire: disks by messages to their driver, objects by calls.
 *
 * Path:  ext2_pager.c, ext2_order.c > [blkclient.c]  ~message~>  drivers/virtio-blk/main.c
 * File data never comes here: a run is passed on to the driver, which completes it straight to the kernel.
 * Metadata lies in the mapping of the disk object; vm_write() puts exact bytes of it on the disk, in our order.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "abi/blk.h"
#include "fs/server.h"
#include "fs/vfs_share.h"

struct blk {
	uint32_t port;          /* the driver's */
	uint64_t off;           /* bytes: where this partition begins on the driver's disk */
};

/* disk_init: bytes [off, off + len) of a disk that is mapped at `map`. */
int disk_init(struct disk *d, uint32_t port, uint8_t *map, uint64_t off, uint64_t len, bool readonly)
{
	struct blk *b = malloc(sizeof(*b));

	if (!b) return -ENOMEM;
	*b = (struct blk){port, off};
	*d = (struct disk){.map = map + off, .len = len, .readonly = readonly, .impl = b};
	return 0;
}

/* The last check before the disk: nothing a damaged file system says leads out of its own partition. */
static bool in_disk(const struct disk *d, uint64_t off, uint64_t len)
{
	return len <= d->len && off <= d->len - len;
}

/* disk_write: start all, wait for all; the disk may still hold them in its cache.  0, -EIO: some of it is not there */
int disk_write(struct disk *d, const struct disk_extent *x, size_t n)
{
	long rc, before = 0, failed = 0;

	for (size_t i = 0; i < n; i++) {
		if (!in_disk(d, x[i].off, x[i].len)) return -EIO;
	}
	if (n == 0) return 0;
	for (size_t i = 0; i < n; i++) {
		rc = q_vm_write(d->map + x[i].off, x[i].len, x[i].flags);
		if (i == 0) before = rc;
		if (rc < 0) failed = rc;        /* go on: what can be written is written */
	}
	rc = q_vm_write(d->map, 0, 0);
	return failed ? (int)failed : rc == before ? 0 : -EIO;
}

/* disk_flush: everything whose write was complete before this call survives a power cut after it. */
int disk_flush(struct disk *d)
{
	struct ipc_msg m = {.op = BLK_FLUSH};
	int rc = q_call(((struct blk *)d->impl)->port, &m);

	return rc ? rc : m.status;
}

void disk_stats(const struct disk *d, uint64_t stats[5])
{
	struct ipc_msg m = {.op = BLK_STATS};
	bool ok = !q_call(((struct blk *)d->impl)->port, &m) && !m.status;

	for (int i = 0; i < 5; i++) stats[i] = ok ? m.arg[i] : 0;
}

/* The driver's 0 means queued: it will complete this part.  If it refuses, or is dead, the part fails here. */
static int run_pass(struct disk *d, uint32_t op, uint32_t run, uint64_t run_off, uint64_t off, uint64_t len)
{
	struct blk *b = d->impl;
	struct ipc_msg m = {.op = op, .arg = {(b->off + off) / 512, run_off, len}, .handle = {run}};
	int rc = in_disk(d, off, len) ? q_call(b->port, &m) : -EIO;

	if (!rc) rc = m.status;
	if (rc) disk_run_done(run, run_off, len, rc);
	return rc;
}

int disk_run_read(struct disk *d, uint32_t run, uint64_t run_off, uint64_t off, uint64_t len)
{
	return run_pass(d, BLK_READ, run, run_off, off, len);
}

int disk_run_write(struct disk *d, uint32_t run, uint64_t run_off, uint64_t off, uint64_t len)
{
	return run_pass(d, BLK_WRITE, run, run_off, off, len);
}

void disk_run_zero(uint32_t run, uint64_t run_off, uint64_t len)
{
	q_run_done(run, run_off, len, RUN_ZERO);
}

void disk_run_done(uint32_t run, uint64_t run_off, uint64_t len, int status)
{
	q_run_done(run, run_off, len, status);
}

/* The cookie of an object's pager messages is its vnode's number: a late one for a vnode that went finds nothing. */
int object_create(struct vnode *vn, uint64_t size, uint64_t max_size, unsigned flags, struct times t, uint32_t *out)
{
	struct vmo_args a = {
		.port = flags & VMO_EPHEMERAL ? 0 : HANDLE_PORT, .cookie = vn->node, .size = size, .max_size = max_size,
		.flags = flags, .atime = t.atime, .mtime = t.mtime, .ctime = t.ctime,
	};
	uint32_t uid = vfs_caller.cred.uid;
	long h = share_take(SHARE_OBJECTS, uid, 1) ? 0 : -ENFILE;

	if (h) return h;
	h = q_vmo_create(&a);
	if (h < 0) {
		share_give(SHARE_OBJECTS, uid, 1);
		return h;
	}
	vn->payer = uid;
	*out = h;
	return 0;
}

int object_info(uint32_t object, struct vmo_info *info)
{
	return q_vmo_info(object, info);
}

int object_set(uint32_t object, unsigned which, uint64_t value)
{
	return q_vmo_set(object, which, value);
}

void object_close(struct vnode *vn)
{
	q_close(vn->object);
	share_give(SHARE_OBJECTS, vn->payer, 1);
}

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return time_ns(&t);
}
