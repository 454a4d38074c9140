/* SPDX-License-Identifier: MIT */
/* abi/name.h - BOTH RINGS - the name protocol: system calls that name something, on their way to the file server.
 *
 * Ring 0 sends what opens, closes, reads and tells (open, stat, getdents, devices, locks); the process manager all else
 * (user/pm/request.c), as the caller would.
 *
 * A node is the file server's number for an open file, directory or device; the kernel keeps it in
 * a descriptor and gives it back with a note.  NODE_ROOT is the root directory and is never
 * closed.  A path is lent in lend[0] (its length without a NUL), and is relative to the directory
 * node in arg[0] unless it starts with '/'.  Always: arg[5] = the node where the caller's paths begin (chroot), 0: the
 * root; arg[6] = pid | tid << 32 of the caller, arg[7] = uid | gid << 32.
 *
 *   program      kernel                          file server
 *   open() --->  NAME_OPEN {dir, path} ------->  walk, create, permission
 *                descriptor on the object <----  {node, type, vmo handle}
 *   read() --->  the kernel works on the object alone: no message while the pages are resident
 *   close() -->  a note {node, description} ->  comes with the next message: the number is given back, and the locks
 *                                               end whose owner is this description (any number)
 */
#ifndef ABI_NAME_H
#define ABI_NAME_H

#define NODE_ROOT 1u

#define NAME_OPEN     0x300u /* dir, flags (O_*), mode & ~umask; lend0 path -> arg0 node, arg1 st_mode, arg2 NAMEF_*,
                                of a partition arg3 where on the disk it begins, arg4 its bytes; handle0 = vmo for
                                regular files and block devices.  O_TRUNC is the kernel's work */
#define NAME_CLOSE    0x301u /* node: the process manager's, which opened it and gave no descriptor for it */
#define NAME_STAT     0x302u /* dir, at-flags (AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH: arg0 itself); lend0 path,
                                lend1 out: struct stat of Linux x86-64 (144 bytes), or statx (256).  Node 0: a pipe; st_mode | st_ino << 32 follow */
#define NAME_MKDIR    0x303u /* dir, -, mode; lend0 path */
#define NAME_UNLINK   0x304u /* dir, at-flags (AT_REMOVEDIR); lend0 path */
#define NAME_RENAME   0x305u /* olddir, newdir, flags (RENAME_*); lend0 old path, lend1 new path (both in) */
#define NAME_LINK     0x306u /* olddir, newdir, at-flags; lend0 old path, lend1 new path (both in) */
#define NAME_SYMLINK  0x307u /* dir; lend0 path of the new link, lend1 its target (both in) */
#define NAME_READLINK 0x308u /* dir; lend0 path, lend1 out -> arg0 bytes */
#define NAME_CHMOD    0x309u /* dir, at-flags, mode; lend0 path */
#define NAME_CHOWN    0x30au /* dir, at-flags, uid, gid ((uint32_t)-1: keep); lend0 path */
#define NAME_UTIMENS  0x30bu /* dir, at-flags, atime, mtime (ns; NAME_TIME_OMIT, NAME_TIME_NOW); lend0 path */
#define NAME_ACCESS   0x30cu /* dir, at-flags, mode (R_OK ...); lend0 path.  Without AT_EACCESS arg[7]: the real ids */
#define NAME_READDIR  0x30du /* node, position; lend0 out: struct linux_dirent64 records -> arg0 bytes (0: the end),
                                arg1 next position */
#define NAME_STATFS   0x30eu /* dir, at-flags; lend0 path, lend1 out: struct statfs of Linux x86-64 (120 bytes) */
#define NAME_SYNC     0x30fu /* node or 0 for all: write metadata back and flush (the kernel wrote the data) */
#define NAME_GETCWD   0x310u /* node; lend0 out -> arg0 bytes, with the NUL */
#define NAME_MOUNT    0x311u /* directories of both, flags (MS_*); lend0 "source\0fstype", lend1 target path */
#define NAME_UMOUNT   0x312u /* dir, -, flags (MNT_*, UMOUNT_NOFOLLOW); lend0 target path */
#define NAME_MKNOD    0x313u /* dir, dev, mode; lend0 path (FIFOs and the like: -EPERM until they exist) */
#define NAME_LOCK     0x314u /* node, command, owner, offset of the descriptor, its O_ACCMODE; lend0 in and out: struct
                                flock.  Commands are fcntl()'s (F_SETLK ..., F_OFD_SETLK ...); NAME_FLOCK: arg3 is
                                flock()'s operation; NAME_UNLOCK: all that this owner has on the file; neither lends.
                                An owner is a pid, or above 2^32 a description.  Who has to wait is answered late */
#define NAME_WRITTEN  0x315u /* node: somebody but root is going to write to it (VMO_SET_IDS) */

#define NAME_SHMGET   0x318u /* key, size, flags of shmget() -> arg0 the segment's number */
#define NAME_SHMAT    0x319u /* number, flags of shmat() -> handle0 = vmo, mapped whole */
#define NAME_SHMCTL   0x31au /* number, command; lend0 in and out for IPC_STAT and others: Linux's structure */

#define NAME_UNLOCK 0u
#define NAME_FLOCK  1u

#define NAME_COUNTER  0x31cu /* the number of a system call (eventfd, eventfd2, timerfd_create), its arguments -> as
                                NAME_OPEN */
#define NAME_MEMFD    0x31fu /* flags of memfd_create(); lend0 what it is called -> as NAME_OPEN */
#define NAME_TIMER_GET 0x31du /* node of a timerfd -> arg0 ns left, arg1 interval */
#define NAME_TIMER_SET 0x31eu /* node, is it absolute, value, interval (ns) -> as it was before */

#define NAME_HOST     0x31bu /* from the process manager: the host's name, of 65 bytes, in lend0 */

/* Character devices: NAMEF_DEVICE.  DEV_READ and DEV_WRITE may be answered late (a terminal, an eventfd); the kernel
 * withdraws them when a signal arrives, and the server's reply then gives -ESRCH.  With O_NONBLOCK they are answered at
 * once, -EAGAIN if they would have to wait, and are not withdrawn; so the kernel asks first. */
#define DEV_RESTART   512    /* a status: -DEV_RESTART: a signal is on its way, the call starts again after it */
#define DEV_READ      0x320u /* node, offset, flags (O_NONBLOCK); lend0 out -> arg0 bytes */
#define DEV_WRITE     0x321u /* node, offset, flags; lend0 in -> arg0 bytes */
#define DEV_IOCTL     0x322u /* node, request, argument; lend0: all of the caller's memory -> arg0 result; -EAGAIN as
                                PM_CALL has it: arg0, arg1, arg2 say what of the memory is missing */
#define DEV_POLL      0x323u /* node -> arg0 POLLIN | POLLOUT that hold now */

#define NAMEF_DEVICE  1u        /* read and write are messages */
#define NAMEF_ZERO    2u        /* /dev/zero: mmap gives anonymous memory */
#define NAMEF_POLL    4u        /* not always ready: DEV_POLL */
#define NAMEF_DISK    8u        /* a block device: the vmo is the disk object */
#define NAMEF_SEEK    16u       /* with DEVICE: its descriptors have an offset, as those of a file */
#define NAMEF_OWN     32u       /* no node: arg0 is one of the caller's own descriptors, which is opened again */

#define NAME_TIME_OMIT  INT64_MIN
#define NAME_TIME_NOW   (INT64_MIN + 1)

#endif
