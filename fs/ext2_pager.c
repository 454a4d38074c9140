/* SPDX-License-Identifier: MIT */
/* fs/ext2_pager.c - RING 3 - what the kernel asks of a file (abi/pager.h): fill, write, reserve, commit, release, size.
 *
 * Path:  mm/pager.c ~message~> server.c > [ext2_pager.c] > ext2_resv.c, ext2_map.c, blkclient.c ~message~> driver
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/pager.h"
#include "fs/ext2.h"

#define PAGE 4096u

/* Move [off, off+len) of the file, block by block, neighbours on the disk in one request. */
struct piece { struct ext2 *fs; uint32_t run; bool write; uint64_t run_off, disk_off, len; };

static void piece_flush(struct piece *p)
{
	if (!p->len) return;
	if (p->write) disk_run_write(p->fs->disk, p->run, p->run_off, p->disk_off, p->len);
	else disk_run_read(p->fs->disk, p->run, p->run_off, p->disk_off, p->len);
	p->len = 0;
}

static void piece_add(struct piece *p, uint64_t run_off, uint64_t disk_off, uint64_t len)
{
	if (p->len && (p->disk_off + p->len != disk_off || p->run_off + p->len != run_off)) piece_flush(p);
	if (!p->len) {
		p->run_off = run_off;
		p->disk_off = disk_off;
	}
	p->len += len;
}

int pager_fill(struct vnode *vn, uint64_t off, uint64_t len, uint32_t run)
{
	struct ext2 *fs = fs_of(vn);
	struct piece p = {.fs = fs, .run = run};
	uint32_t bs = fs->block_size, b;

	for (uint64_t at = 0; at < len; at += bs) {
		int rc = map_get(fs, inode_of(vn), (off + at) / bs, &b);

		if (rc || !b) piece_flush(&p);
		if (rc == -EFBIG) rc = 0;
		if (rc) disk_run_done(run, at, bs, rc);
		else if (!b) disk_run_zero(run, at, bs);
		else piece_add(&p, at, (uint64_t)b * bs, bs);
	}
	piece_flush(&p);
	return 0;
}

int pager_write(struct vnode *vn, uint64_t off, uint64_t len, uint32_t run, uint64_t size)
{
	struct ext2 *fs = fs_of(vn);
	struct ext2_inode *in = inode_of(vn);
	struct piece p = {.fs = fs, .run = run, .write = true};
	uint32_t bs = fs->block_size, b;

	for (uint64_t at = 0; at < len; at += bs) {
		int rc = 0;

		b = 0;
		if (off + at < size) rc = map_alloc(fs, in, (off + at) / bs, resv_has(fs, in, (off + at) / PAGE), &b);
		if (rc || !b) {
			piece_flush(&p);
			disk_run_done(run, at, bs, rc);         /* past the end of file: nothing to write */
		} else {
			piece_add(&p, at, (uint64_t)b * bs, bs);
		}
		if ((off + at + bs) % PAGE == 0 && !rc) resv_drop(fs, in, (off + at) / PAGE, (off + at) / PAGE + 1);
	}
	piece_flush(&p);
	if (size > inode_size(in)) inode_set_size(in, size);
	return 0;
}

/* A long window only while there is plenty: near the end each page is asked for by itself. */
int pager_reserve(struct vnode *vn, uint64_t off, uint64_t len, uint64_t *granted)
{
	struct ext2 *fs = fs_of(vn);
	struct ext2_inode *in = inode_of(vn);
	uint64_t first = off / PAGE, n = len / PAGE, i;
	int rc = 0;

	if (blocks_free(fs) < 8 * n * resv_cost(fs, true)) n = 1;
	for (i = 0; i < n && !rc; i++) {
		rc = resv_set(fs, in, first + i);
		if (rc) break;
	}
	*granted = i * PAGE;
	return i > 0 ? 0 : rc;
}

/* Size and times as the kernel has them now: a message may be older than a truncation that came before it.  A size that
 * is smaller than the inode's is left alone: PAGER_SIZE is on its way and frees the blocks, when no write
 * to them is. */
static void attributes_take(struct vnode *vn, uint64_t size, struct times t)
{
	struct ext2_inode *in = inode_of(vn);
	struct vmo_info info;

	if (!object_info(vn->object, &info)) {
		size = info.size;
		if (info.changed & 2) t.atime = info.atime;
		if (info.changed & 4) t.mtime = info.mtime;
		if (info.changed & 8) t.ctime = info.ctime;
	}
	if (size > inode_size(in)) inode_set_size(in, size);
	inode_set_times(in, t);
}

/* fsync and msync.  With DATASYNC, times alone, of whatever inodes, are no reason to write: one flush is all (P5). */
int pager_commit(struct vnode *vn, unsigned flags, uint64_t size, struct times t)
{
	struct ext2 *fs = fs_of(vn);
	bool flush = !(flags & COMMIT_NOFLUSH);

	attributes_take(vn, size, t);
	if ((flags & COMMIT_DATASYNC) && !fs->ndirty[META_MAP] && !fs->ndirty[META_INODE] && !fs->ndirty[META_DIR])
		return flush ? disk_flush(fs->disk) : 0;
	return order_commit(fs, flush);
}

/* The last user went: an unlinked file goes now, if no descriptor is left. */
int pager_release(struct vnode *vn, uint64_t size, struct times t)
{
	struct ext2_inode *in = inode_of(vn);
	struct vmo_info info = {0};

	if (vn->mnt->readonly) return 0;
	attributes_take(vn, size, t);
	if (!object_info(vn->object, &info) && info.users == 0 && info.ndirty == 0)
		resv_drop(fs_of(vn), in, 0, UINT64_MAX);
	if (vn->refs == 0) inode_inactive(vn);
	return 0;
}

int pager_set_size(struct vnode *vn, uint64_t size)
{
	struct ext2 *fs = fs_of(vn);
	struct ext2_inode *in = inode_of(vn);
	int rc;

	resv_drop(fs, in, (size + PAGE - 1) / PAGE, UINT64_MAX);
	rc = map_cut(fs, in, (size + fs->block_size - 1) / fs->block_size);
	inode_set_size(in, size);
	inode_touch(in, true);
	return rc;
}

int pager_punch(struct vnode *vn, uint64_t off, uint64_t len)
{
	struct ext2 *fs = fs_of(vn);
	struct ext2_inode *in = inode_of(vn);
	uint64_t end = off + len;

	resv_punch(fs, in, off / PAGE, end / PAGE);
	return map_punch(fs, in, off / fs->block_size, end / fs->block_size);
}
