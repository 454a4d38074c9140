/* SPDX-License-Identifier: MIT */
/* abi/linux.h - RING 0 - the part of Linux's x86-64 user interface that the kernel speaks: numbers and structures.
 *
 * Ring 3 has the same from musl's own headers and must not include this one.
 */
#ifndef ABI_LINUX_H
#define ABI_LINUX_H
#ifndef QUIRE_RING0
#error "ring 3 takes these from the C library"
#endif

#include <stdint.h>

/* errno values (asm-generic/errno.h numbers) */
#define EPERM          1
#define ENOENT         2
#define ESRCH          3
#define EINTR          4
#define EIO            5
#define ENXIO          6
#define E2BIG          7
#define ENOEXEC        8
#define EBADF          9
#define ECHILD         10
#define EAGAIN         11
#define ENOMEM         12
#define EACCES         13
#define EFAULT         14
#define EBUSY          16
#define EEXIST         17
#define EXDEV          18
#define ENODEV         19
#define ENOTDIR        20
#define EISDIR         21
#define EINVAL         22
#define ENFILE         23
#define EMFILE         24
#define ENOTTY         25
#define ETXTBSY        26
#define EFBIG          27
#define ENOSPC         28
#define ESPIPE         29
#define EROFS          30
#define EMLINK         31
#define EPIPE          32
#define EDOM           33
#define ERANGE         34
#define EDEADLK        35
#define ENAMETOOLONG   36
#define ENOLCK         37
#define ENOSYS         38
#define ENOTEMPTY      39
#define ELOOP          40
#define EOVERFLOW      75
#define EOPNOTSUPP     95
#define EAFNOSUPPORT   97
#define ETIMEDOUT      110
#define ECANCELED      125

/* mmap(2), mprotect(2), msync(2) */
#define PROT_NONE      0
#define PROT_READ      1
#define PROT_WRITE     2
#define PROT_EXEC      4
#define PROT_GROWSDOWN 0x01000000
#define PROT_GROWSUP   0x02000000
#define MAP_SHARED            0x01
#define MAP_PRIVATE           0x02
#define MAP_SHARED_VALIDATE   0x03
#define MAP_TYPE              0x0f
#define MAP_FIXED             0x10
#define MAP_ANONYMOUS         0x20
#define MAP_GROWSDOWN         0x0100
#define MAP_DENYWRITE         0x0800
#define MAP_EXECUTABLE        0x1000
#define MAP_LOCKED            0x2000
#define MAP_NORESERVE         0x4000
#define MAP_POPULATE          0x8000
#define MAP_NONBLOCK          0x10000
#define MAP_STACK             0x20000
#define MAP_HUGETLB           0x40000
#define MAP_SYNC              0x80000
#define MAP_FIXED_NOREPLACE   0x100000
#define MADV_NORMAL     0
#define MADV_RANDOM     1
#define MADV_SEQUENTIAL 2
#define MADV_WILLNEED   3
#define MADV_DONTNEED   4
#define MS_ASYNC       1
#define MS_INVALIDATE  2
#define MS_SYNC        4

#endif
