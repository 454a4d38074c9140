/* SPDX-License-Identifier: MIT */
/* abi/name.h - BOTH RINGS - the name protocol: system calls that name something, on their way to the file server.
 *
 * Those that name a file ring 0 passes on as they are (NAME_CALL); what open files and devices need are messages of its
 * own.
 *
 * A node is the file server's number for an open file, directory or device; the kernel keeps it in
 * a descriptor and gives it back with a note.  NODE_ROOT is the root directory and is never
 * closed.  Always: arg[5] = the node where the caller's paths begin (chroot), 0: the
 * root; arg[6] = pid | tid << 32 of the caller, arg[7] = uid | gid << 32.
 *
 *   program      kernel                          file server
 *   open() --->  openat {dirfd, path} -------->  walk, create, permission
 *                descriptor on the object <----  {node, type, vmo handle}
 *   read() --->  the kernel works on the object alone: no message while the pages are resident
 *   close() -->  a note {node, description} ->  comes with the next message: the number is given back, and the locks
 *                                               end whose owner is this description (any number)
 */
#ifndef ABI_NAME_H
#define ABI_NAME_H

#include <stdint.h>

#include "abi/ipc.h"

#define NODE_ROOT 1u

#define NAME_EXEC     0x300u /* from the process manager: a program's file is opened; lend0 path; text: struct
                                name_caller -> arg0 node, arg1 st_mode as its mount has it, arg3 uid | gid << 32;
                                handle0 = vmo */
#define NAME_CLOSE    0x301u /* node that was opened, if no descriptor was made of it */
#define NAME_UNLOCK   0x316u /* node: all record locks of the caller's process on it end */
#define NAME_WRITTEN  0x315u /* node: somebody but root is going to write to it (VMO_SET_IDS) */

#define PIPE_SIZE  65536u       /* bytes that a pipe holds */

#define NAME_HOST     0x31bu /* from the process manager: the host's name, of 65 bytes, in lend0 */

/* NAME_CALL + Linux's number: a system call as the program made it.  arg[0..4] its arguments, lend[0] all memory of the
 * caller, at its own addresses; text: struct name_caller.  => status 0, arg[0] the result; or status -errno.
 * If the result is no error, arg[NAME_THEN] says what the caller's thread has to do then.
 * What opens answers: arg[0] node, arg[1] st_mode, arg[2] NAMEF_*, of a partition arg[3] where on the disk it begins,
 * arg[4] its bytes, arg[5] the open file's flags (O_*); handle[0] = vmo for regular files and block devices; of a named
 * pipe the pipe, the same one while anybody has it open.  With O_TRUNC in arg[5] the kernel cuts it to arg[7] bytes; it
 * also waits for a pipe's other end. */
#define NAME_CALL     0x1000u
#define NAME_THEN     6
enum name_then {
	THEN_NOTHING,
	THEN_FD,                /* what was opened becomes a descriptor, the call's result */
	THEN_CWD, THEN_ROOT,    /* where the caller is, or its paths begin */
	THEN_CLOSE,             /* nothing more */
	THEN_MAP,               /* handle0, whole, at arg1 or anywhere; arg2 MAP_*, arg3 PROT_*: where is the result */
	/* of the descriptor that was the first argument, or its open file: */
	THEN_CLOEXEC,           /* arg1: FD_CLOEXEC or 0 */
	THEN_NONBLOCK,          /* arg1: O_NONBLOCK or 0 */
	THEN_SEEK,              /* arg1: its position */
	THEN_ADVICE,            /* arg1: MADV_NORMAL, _RANDOM, _SEQUENTIAL: how it is going to be read */
	THEN_SIZE,              /* arg1: bytes; past RLIMIT_FSIZE EFBIG and SIGXFSZ */
	THEN_ROOM,              /* arg1, arg2: offset, length; arg3: the size stays (fallocate) */
	THEN_PUNCH,             /* arg1, arg2: offset, length of a hole */
	/* of its pages arg1 to arg2, the last inclusive: */
	THEN_FETCH,             /* they begin to be read */
	THEN_WAIT,              /* writes under way are waited for, and failed ones told */
	THEN_SYNC,              /* those that are dirty begin to be written; arg3: WB_* */
	THEN_DROP,              /* they begin to be written; those of arg3 to arg4, if any, leave memory */
};
/* Of an open file: a number above 2^32 that no other has as long as this is open; its position; of a file or pipe, how
 * many bytes can be read from there. */
struct name_file { uint64_t description, offset, left; };
struct __attribute__((may_alias)) name_caller {         /* it lies in the message's text */
	uint64_t cwd;                   /* its current directory's node, 0: the root */
	uint64_t fd_node;               /* of the descriptor that is the first argument, if it is one of a file; or 0 */
	uint32_t uid, gid;              /* real ids */
	uint16_t umask, fd_mode;        /* 0: there is no such descriptor, or the first argument is none */
	uint8_t  fd_flags;              /* its O_ACCMODE; NAME_FD_PATH: O_PATH gave it */
	uint8_t  path_arg, path_len;    /* of which argument `path` is the text; its length, 0: it is not told */
	union {
		char path[IPC_TEXT - 32];
		struct name_file file;  /* of the descriptor, in calls without a path */
	};
};
#define NAME_FD_PATH  4u
_Static_assert(sizeof(struct name_caller) == IPC_TEXT, "it fits into a message");

/* Character devices: NAMEF_DEVICE.  DEV_READ and DEV_WRITE may be answered late (a terminal, an eventfd); the kernel
 * withdraws them when a signal arrives that ends the caller, and at any other if the server said so (SYS_call_signals);
 * the server's reply then gives -ESRCH.  With O_NONBLOCK they are answered at once, -EAGAIN if they would have to wait,
 * and are not withdrawn. */
#define DEV_RESTART   512    /* a status: -DEV_RESTART: a signal is on its way, the call starts again after it */
#define DEV_READ      0x320u /* node, offset, flags (O_NONBLOCK); lend0 out -> arg0 bytes; if DEV_PIECE, not all */
#define DEV_WRITE     0x321u /* node, offset, flags; lend0 in -> arg0 bytes, likewise */
#define DEV_PIECE     65536u /* bytes that are moved at once: others do not wait long */
#define DEV_POLL      0x323u /* node -> arg0 POLLIN | POLLOUT that hold now */

#define NAMEF_DEVICE  1u        /* read and write are messages */
#define NAMEF_ZERO    2u        /* /dev/zero: mmap gives anonymous memory */
#define NAMEF_POLL    4u        /* not always ready: DEV_POLL */
#define NAMEF_DISK    8u        /* a block device: the vmo is the disk object */
#define NAMEF_SEEK    16u       /* with DEVICE: its descriptors have an offset, as those of a file */
#define NAMEF_OWN     32u       /* no node: arg0 is one of the caller's own descriptors, which is opened again */

#endif
