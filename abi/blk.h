/* SPDX-License-Identifier: MIT */
/* abi/blk.h - RING 3 - the block protocol: the file server asks a driver to move bytes between sectors and a run.
 *
 *   file server                         driver                                    kernel
 *   ipc_call BLK_READ {run} --------->  dev_segments(run) -> physical addresses
 *   <--- reply 0: queued ------------   device ... interrupt
 *                                       run_done(run, off, len, status) --------> pages change state
 *
 * READ and WRITE reply when the device has been told ("queued"), or -errno if it cannot be; then the
 * caller completes that part of the run itself.  When the device's queue is full the driver keeps
 * the caller waiting.  FLUSH replies when everything that was complete before it is durable.
 * The driver owns its duplicate of the run handle and closes it after run_done().
 * Requests are idempotent: they can be sent again to a restarted driver.
 */
#ifndef ABI_BLK_H
#define ABI_BLK_H

#define BLK_INFO   0x204u       /* -> arg: sectors, is it read-only; handle[0]: the disk object, paged by the driver */
#define BLK_READ   0x200u       /* arg: 512-byte sector, offset in run (bytes), length (bytes); handle[0] = run */
#define BLK_WRITE  0x201u       /* the same */
#define BLK_FLUSH  0x202u       /* -> 0 or -EIO */
#define BLK_STATS  0x203u       /* -> arg: requests to read, their sectors; to write, their sectors; flushes */

#endif
