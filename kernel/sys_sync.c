/* SPDX-License-Identifier: MIT */
/* kernel/sys_sync.c - RING 0 - what a descriptor's bytes have to do with the disk: fsync and its kin, advice, room.
 *
 * Path:  syscall.c > [sys_sync.c] > mm/writeback.c, mm/space.c; forward.c for directories
 * Locks: none here.
 */
#include "kernel/syscalls.h"
#include "mm/vmo.h"

#define LAST_PAGE (UINT64_MAX >> PAGE_SHIFT)

static long fd_sync(int fd, unsigned wb)
{
	FILE_HELD struct file *f = fd_get(fd);

	if (!f) return -EBADF;
	if (!f->vmo) return sys_forward_name(fd, 0, 0, 0, 0, 0);        /* a directory, above all */
	split_publish(f->vmo, 0, LAST_PAGE);
	return vmo_sync(f->vmo, 0, LAST_PAGE, wb, &f->err_seen);
}

SYSCALL(fsync) { return fd_sync(a0, WB_WAIT | WB_COMMIT); }
SYSCALL(fdatasync) { return fd_sync(a0, WB_WAIT | WB_COMMIT | WB_DATASYNC); }

/* The pages of [off, off + len); len 0: to the end of the file. */
static void page_range(uint64_t off, uint64_t len, uint64_t *first, uint64_t *last)
{
	*first = off >> PAGE_SHIFT;
	*last = len && off + len > off ? (off + len - 1) >> PAGE_SHIFT : LAST_PAGE;
}

/* posix_fadvise: DONTNEED starts writing what is dirty and drops what is clean and whole in the range (FA1). */
static void advise(struct file *f, uint64_t off, uint64_t len, uint64_t advice)
{
	uint64_t first, last;

	page_range(off, len, &first, &last);
	if (advice <= MADV_SEQUENTIAL) f->ra.advice = advice;
	if (advice == POSIX_FADV_WILLNEED) vmo_prefetch(f->vmo, first, last);
	if (advice != POSIX_FADV_DONTNEED || vmo_sync(f->vmo, first, last, 0, NULL)) return;
	if (off % PAGE_SIZE) first++;
	if (len && (off + len) % PAGE_SIZE && off + len < f->vmo->size) last--;
	if (first <= last && last != UINT64_MAX) vmo_invalidate(f->vmo, first, last);
}

SYSCALL(fadvise64)
{
	FILE_HELD struct file *f = fd_get(a0);

	if (!f) return -EBADF;
	if (f->pipe) return -ESPIPE;
	if (a3 > POSIX_FADV_NOREUSE || (int64_t)a2 < 0) return -EINVAL;
	if (f->vmo) advise(f, a1, a2, a3);
	return 0;
}

SYSCALL(readahead)
{
	FILE_HELD struct file *f = fd_get(a0);

	if (!f || !file_readable(f)) return -EBADF;
	if (!f->vmo) return -EINVAL;
	if (a2 > 0) advise(f, a1, a2, POSIX_FADV_WILLNEED);
	return 0;
}

/* sync_file_range(2): the pages alone, without what finds them and without a flush: no promise of durability. */
SYSCALL(sync_file_range)
{
	const uint64_t wait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
	FILE_HELD struct file *f = fd_get(a0);
	uint64_t first, last;

	if (!f) return -EBADF;
	if (a3 & ~(wait | SYNC_FILE_RANGE_WRITE)) return -EINVAL;
	if ((int64_t)a1 < 0 || (int64_t)a2 < 0 || (int64_t)(a1 + a2) < 0) return -EINVAL;
	if (!f->vmo) return -ESPIPE;
	page_range(a1, a2, &first, &last);
	if (!(a3 & SYNC_FILE_RANGE_WRITE)) return a3 ? vmo_wait(f->vmo, first, last, &f->err_seen) : 0;
	split_publish(f->vmo, first, last);
	return vmo_sync(f->vmo, first, last, a3 & wait ? WB_WAIT : 0, &f->err_seen);
}

static long allocate(struct file *f, uint64_t mode, int64_t off, int64_t len)
{
	bool keep = mode & FALLOC_FL_KEEP_SIZE;
	uint64_t limit = current_proc()->rlimit[RLIMIT_FSIZE][0];

	if (!file_writable(f)) return -EBADF;
	if (off < 0 || len <= 0) return -EINVAL;
	if (mode & ~(uint64_t)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE) || mode == FALLOC_FL_PUNCH_HOLE) return -EOPNOTSUPP;
	if (!f->vmo || (f->namef & NAMEF_DISK)) return f->pipe ? -ESPIPE : -ENODEV;
	if (off > INT64_MAX - len) return -EFBIG;
	if (mode & FALLOC_FL_PUNCH_HOLE) return vmo_punch(f->vmo, off, len);
	if (!keep && (uint64_t)(off + len) > MAX(limit, f->vmo->size)) return file_set_size(f, off + len);
	return vmo_allocate(f->vmo, off, len, keep);
}

SYSCALL(fallocate)
{
	FILE_HELD struct file *f = fd_get(a0);

	return f ? allocate(f, a1, a2, a3) : -EBADF;
}
