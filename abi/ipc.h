/* SPDX-License-Identifier: MIT */
/* abi/ipc.h - BOTH RINGS - Quire's own system calls (0x1000 and up): messages, handles, objects, devices.
 *
 * Everything else a program asks of the kernel goes by Linux's x86-64 numbers (abi/syscalls.h).
 * All calls return >= 0 or -errno.  Only boot modules ("servers") may use the calls marked [S];
 * others get -EPERM.
 *
 *   client                 kernel                       server
 *   ipc_call(port, m) ---> queue on the port  --------> ipc_reply_recv(m)      m.token names the caller
 *      (sleeps)                                         lend_read/lend_write(m.token, ...)
 *   m = reply        <--- wake the caller    <--------- ipc_reply(m)           same token
 *
 * A message whose token is 0 is a notification: arg[0] holds the bits that were raised since the
 * last one (interrupts, wake-ups); it needs no reply.  Any message may bring a note along: what was
 * told to the server without waiting, before that message.  A server that holds a token may reply at any
 * later time.  If the caller went away (signal, death), reply and lend calls give -ESRCH.
 *
 * A server waits for no page of what is lent: where one is not there, its copy gives -EAGAIN.  Then nothing may have
 * been done yet, and it replies with status -EAGAIN and, in arg[0..3], what it lacks: where in the lent buffer that
 * begins, how many bytes, LEND_READ or LEND_WRITE, which buffer.  The caller brings these pages and the message goes
 * again; if there are none, the caller hears -EFAULT.  With arg[1] 0, -EAGAIN is a status like others.  LEND_SYNC
 * there asks the caller to write what programs wrote; the message that comes again says so in that buffer's flags.
 */
#ifndef ABI_IPC_H
#define ABI_IPC_H

#include <stdint.h>

#define IPC_ARGS     8
#define IPC_HANDLES  2
#define IPC_LENDS    2

#define LEND_READ    1u         /* the receiver may read the buffer */
#define LEND_WRITE   2u         /* the receiver may write the buffer */
#define LEND_SYNC    4u         /* all pages of files that were dirty have been written */
#define IPC_TEXT     80         /* bytes of words of a protocol's */

struct ipc_lend {
	uint64_t addr;          /* in the lender's address space; 0 as seen by the receiver */
	uint64_t len;           /* bytes */
	uint64_t flags;         /* LEND_*; 0: no buffer */
};

struct ipc_msg {
	uint64_t token;                    /* received: whom to reply to; 0: a notification */
	uint32_t op;                       /* request: one of a protocol's operations */
	int32_t  status;                   /* reply: 0 or -errno */
	uint64_t arg[IPC_ARGS];            /* as the protocol says */
	uint32_t handle[IPC_HANDLES];      /* 0: none; the receiver gets duplicates of its own */
	/* From here on not in replies. */
	struct ipc_lend lend[IPC_LENDS];
	uint64_t note[2];                  /* received: as the protocol says; note[0] 0: none */
	char     text[IPC_TEXT];
};

#define OP_NOTIFY     0u        /* token 0, arg[0] = bits, perhaps none */
#define NOTIFY_SECOND (1ull << 63)      /* of the file server's port: a second went by */
#define NOTIFY_SESSION (1ull << 62)     /* likewise: the leader of a session has ended */
#define NOTIFY_CONSOLE (1ull << 61)     /* likewise: the console has input */

/* Handles every server is started with; the variable CMDLINE of its environment is the kernel's command line. */
#define HANDLE_PORT   1         /* the server's own port */
#define HANDLE_FS     2         /* the process manager: the file server's port */
#define HANDLE_DISKS  2         /* the file server: from here on the ports of the disks' drivers, vda first */

/* number               arguments -> result */
#define SYS_ipc_call        0x1000 /* port, msg*            -> 0; the reply, whose status is in it, replaces msg
                                      up to its `lend` */
#define SYS_ipc_reply       0x1002 /* msg* (token, status, arg, handle) -> 0, -ESRCH; -EBUSY: another thread copies */
#define SYS_ipc_reply_recv  0x1003 /* msg*, until (ns of CLOCK_MONOTONIC; 0: for ever): reply to msg->token if it is not 0,
                                      then receive from the server's own port -> 0, -EINTR, -ETIMEDOUT; -EPERM: it has
                                      none, or gave an address to which nothing can be copied */
#define SYS_lend_read       0x1004 /* token, which lend, offset, buf, len -> 0, -EAGAIN: copy from the lent buffer */
#define SYS_lend_write      0x1005 /* token, which lend, offset, buf, len -> 0, -EAGAIN: copy to the lent buffer */
#define SYS_handle_close    0x1006 /* handle -> 0, -EBADF */

/* Memory objects [S]. */
#define SYS_vmo_create      0x1010 /* const vmo_args* -> handle */
#define SYS_vmo_info        0x1011 /* handle, vmo_info* -> 0 */
#define SYS_vmo_set         0x1012 /* handle, which (VMO_SET_*), value -> 0 */
#define SYS_vmo_map         0x1013 /* handle, offset, len (bytes, pages) -> address of a shared mapping whose dirty
                                      pages the kernel never writes on its own account (design rule 4) */
#define SYS_vmo_read        0x1015 /* handle, offset, buf, len -> bytes: of a file's contents; waits for its pager */
#define SYS_pipe_create     0x1016 /* -> handle: on a pipe, for who opens a named one (abi/name.h) */
#define SYS_vm_write        0x1014 /* addr, len (multiples of 512), VMX_*: begin to write these bytes of such a mapping,
                                      which may span pages; len 0: wait for all writes of its object -> how many of
                                      these have failed: before this one began, or until now */

/* ns since the epoch; time[which - VMO_SET_ATIME] */
#define VMO_TIMES union { struct { int64_t atime, mtime, ctime; }; int64_t time[3]; }

struct vmo_args {
	uint64_t port;          /* handle of the pager's port; 0: no pager (tmpfs, shared memory) */
	uint64_t cookie;        /* arg[0] of every pager message */
	uint64_t size;          /* bytes */
	uint64_t max_size;      /* bytes: EFBIG past it */
	uint64_t flags;         /* VMO_* */
	VMO_TIMES;
};
#define VMO_READONLY  1u        /* on a read-only file system: EROFS for stores and writes */
#define VMO_NOGROW    2u        /* fixed size (a disk): writes past the end ENOSPC */
#define VMO_EPHEMERAL 4u        /* tmpfs: no pager, pages live as long as the object */
#define VMO_SEGMENT   8u        /* with EPHEMERAL: System V shared memory, which shmdt() may unmap */

struct vmo_info {
	uint64_t size;          /* bytes; the kernel's is the true one while the object lives */
	uint64_t npages;        /* resident pages */
	uint64_t ndirty;        /* of these, DIRTY or WRITING */
	uint64_t users;         /* open files and mappings, all processes */
	uint64_t changed;       /* bit 0 size, 1 atime, 2 mtime, 3 ctime: since the last vmo_info or pager commit */
	VMO_TIMES;
};
#define VMO_SET_ATIME 1
#define VMO_SET_MTIME 2
#define VMO_SET_CTIME 3
#define VMO_SET_IDS   5         /* not 0: it runs as its owner or group: before others than root write, NAME_WRITTEN */
#define VMO_SET_LINKS 4         /* link count: 0 tells the kernel that nobody will want the pages after the last user */

/* Whoever has pages written: */
#define WB_WAIT     1u          /* ... waits for that */
#define WB_COMMIT   2u          /* then what finds the data again is put on disk, and the disk's cache flushed */
#define WB_DATASYNC 4u          /* but not times */

#define VMX_KEEP_DIRTY 1u       /* other parts of the last page are still owed: it goes back to DIRTY */
#define VMX_FORGET     2u       /* write nothing: the page's contents no longer matter, make it CLEAN */

/* Runs: handles on a set of busy pages that a pager message carries.  off and len are bytes within
 * the run, multiples of 512.  Every byte of a run must be completed once; then its pages are
 * released.  Closing the last handle of an unfinished run completes the rest with -EIO. */
#define SYS_run_done        0x1020 /* run, off, len, status -> 0 [S]: this part is done, or failed with -errno, or
                                      is a hole (RUN_ZERO), and filled with zeros */
#define RUN_ZERO 1

/* Devices.  A driver begins with its PCI function's registers and with memory for rings in its address space, as the
 * loader has laid them out (boot/disk.c).  Its port is notified of MSI-X entry n by bit n. */
#define SYS_dev_segments    0x1034 /* run, off, len, dev_seg*, max -> n [drivers]: where these bytes are for DMA, page by page */

#define DEV_MEMORY     0x20000000000ull /* wired, zeroed and contiguous; a struct dev_info is its first page */
#define DEV_MEMORY_LEN (40 * 4096ull)
#define DEV_PIECES     8
struct dev_piece { uint64_t bar, off, len, addr; };     /* registers, uncached: bytes of a BAR; len 0: none */
struct dev_info {
	uint64_t phys;                          /* of DEV_MEMORY */
	uint64_t msix_entries;                  /* that can be used; the others are masked */
	struct dev_piece piece[DEV_PIECES];
	uint8_t  config[256];                   /* a copy of configuration space */
};
struct dev_seg { uint64_t phys; uint64_t len; };

#define SYS_poll_wake       0x1049 /* -> 0 [S]: what DEV_POLL said was not ready may be now: who polls asks again */

/* Console, second channel, end of the world [S]. */
#define SYS_con_write       0x1040 /* channel, buf, len -> n: so many were written, with nothing between */
#define SYS_con_read        0x1041 /* buf, len -> n, without waiting: console input; n < len: NOTIFY_CONSOLE for more */
#define SYS_machine_stop    0x1043 /* status (0..255) -> does not return: prints the end token, ends QEMU */
#define SYS_signal_post     0x1045 /* pid, tid (0: any thread), siginfo*, timer (0: none) -> SIGNAL_* (abi/pm.h) [S]: this
                                      signal (number 0: none), whoever may send it; -ESRCH: none such, or a zombie;
                                      -EAGAIN: RLIMIT_SIGPENDING.  timer: 1 + how many programs the process has executed
                                      before the one whose timer it is (-ESRCH: that is over); si_overrun: how often it
                                      rang, less 1, or TIMER_* */
#define SYS_call_signals    0x1046 /* token, any -> 0 [S]: any signal ends the wait of this caller, or (0) only one
                                      that ends itself; -ESRCH: it went away */
#define SYS_facts           0x1048 /* kind, pid, index, buf, len -> bytes: abi/facts.h; -ESRCH, -EINVAL: no such kind */
#define SYS_trace           0x104b /* pipe: this process and its children tell their calls there (abi/trace.h) -> 0 */

#define SYS_proc_set        0x104c /* token (0: nobody asked), pid, offset, buf, len -> 0: this part of its attributes;
                                      -ESRCH: it is gone, or who asked; for the process manager alone */

#define SYS_proc_reap       0x1050 /* pid -> 0: this zombie is gone; for the process manager alone */

#define SYS_time_set        0x104d /* ns since the epoch -> 0: the date; for the process manager alone */

#define SYS_thread_bind     0x104f /* pid, tid, set -> 0: it runs on these CPUs alone (bit n: CPU n); -EINVAL:
                                      there is none of them; -ESRCH; for the process manager alone */

#define CON_SERIAL 0            /* COM1: kernel log and terminal */
#define CON_RESULT 1            /* port 0xE9: test results, output of CMD */

#endif
