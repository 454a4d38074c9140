/* SPDX-License-Identifier: MIT */
/* abi/pager.h - BOTH RINGS - the pager protocol: the kernel asks a server to fill, write, reserve, commit.
 *
 * arg[0] is always the cookie given to vmo_create(); for a disk object it is the disk's index.
 * arg[1], arg[2]: byte offset in the object and length in bytes, whole pages unless said otherwise.
 * The kernel never sleeps inside a FILL or WRITE: their reply only says "queued to the device" (0)
 * or "refused" (-errno: the rest of the run fails with it); the run's completion says "done".
 *
 *   faulting thread     kernel                 file server                  driver            disk
 *   load ------------>  page FILLING
 *      (sleeps)         FILL {run} ---------->  block = map(offset)
 *                                               BLK_READ {run,off,len} ---> descriptors ----> DMA into
 *                                               <--- reply "queued" ------                    the page
 *                       <--- reply "queued" --
 *                       page CLEAN  <-------------------- run_done(run) --- interrupt <------
 *      (wakes)
 */
#ifndef ABI_PAGER_H
#define ABI_PAGER_H

#define PAGER_FILL     0x100u   /* cookie, off, len; handle[0] = run.  Tail past end of file: the kernel zeroes it.
                                   Parts completed with RUN_ZERO are holes: the page has no block yet */
#define PAGER_WRITE    0x101u   /* cookie, off, len, arg[3] = object's size, arg[4] = offset of `off` within the run
                                   (not 0 only for vm_write's sub-page extents); handle[0] = run covers whole pages,
                                   but only [arg[4], arg[4]+len) of it is to be written and completed */
#define PAGER_RESERVE  0x102u   /* cookie, off, len -> arg[0] = bytes granted from off on (>= one page), -ENOSPC:
                                   promise room on disk for pages that have no block yet, and for the size to cover
                                   them.  Idempotent.  A grant ends when they are written, cut off, or at RELEASE */
#define PAGER_COMMIT   0x103u   /* cookie, flags (COMMIT_*), size, atime, mtime, ctime (ns; arg[3..5]; 0: unchanged):
                                   put on disk all that is needed to find the data again, then flush the device.
                                   Reply when durable; -EIO: not.  On a disk object: the flush alone */
#define PAGER_RELEASE  0x104u   /* cookie, arg[2] = size, arg[3..5] = times as in COMMIT: the last open file and
                                   mapping are gone; sent if they changed anything, room was promised, or it has no
                                   name.  The server may keep the object, or destroy an unlinked file */
#define PAGER_SIZE     0x105u   /* cookie, -, arg[2] = new size: ftruncate.  The kernel already dropped the pages past
                                   the new end; the server frees blocks and reservations there (shrink) */
#define PAGER_PUNCH    0x106u   /* cookie, off, len: the kernel dropped these pages and brings none in until the reply;
                                   the server frees blocks and reservations there.  The size stays */

#define COMMIT_DATASYNC 1u      /* times need not be written (fdatasync, msync) */
#define COMMIT_NOFLUSH  2u      /* tests only: leave the device flush out on purpose */

#endif
