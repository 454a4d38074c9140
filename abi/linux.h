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
#define MAP_FIXED_NOREPLACE   0x100000
#define MADV_NORMAL     0
#define MADV_RANDOM     1
#define MADV_SEQUENTIAL 2
#define MADV_WILLNEED   3
#define MADV_DONTNEED   4
#define MADV_FREE       8
#define MADV_REMOVE     9
#define MADV_DONTFORK   10
#define MADV_DOFORK     11
#define MADV_DONTDUMP   16
#define MADV_DODUMP     17
#define MADV_COLD       20
#define MADV_PAGEOUT    21
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#define MCL_CURRENT    1
#define MCL_FUTURE     2
#define MCL_ONFAULT    4
#define MLOCK_ONFAULT  1
#define MREMAP_MAYMOVE 1
#define MREMAP_FIXED   2
#define FALLOC_FL_KEEP_SIZE  1
#define FALLOC_FL_PUNCH_HOLE 2
#define SYNC_FILE_RANGE_WAIT_BEFORE 1
#define SYNC_FILE_RANGE_WRITE       2
#define SYNC_FILE_RANGE_WAIT_AFTER  4
#define POSIX_FADV_WILLNEED 3
#define POSIX_FADV_DONTNEED 4
#define POSIX_FADV_NOREUSE  5
#define RWF_HIPRI  1
#define RWF_DSYNC  2
#define RWF_SYNC   4
#define RWF_APPEND 16
#define MS_ASYNC       1
#define MS_INVALIDATE  2
#define MS_SYNC        4

/* How the kernel's own code says "interrupted by a signal"; never seen by ring 3 (signal.c turns them into a restart
 * or -EINTR). */
#define ERESTART       512      /* again, unless a handler without SA_RESTART ran */
#define ERESTARTNOINTR 513      /* again, whatever ran */
#define ERESTARTNOHAND 514      /* again, unless any handler ran */

/* open(2), fcntl(2), the *at() calls */
#define O_ACCMODE      03
#define O_RDONLY       00
#define O_WRONLY       01
#define O_RDWR         02
#define O_CREAT        0100
#define O_EXCL         0200
#define O_TRUNC        01000
#define O_APPEND       02000
#define O_NONBLOCK     04000
#define O_DSYNC        010000
#define O_DIRECT       040000
#define O_DIRECTORY    0200000
#define O_NOFOLLOW     0400000
#define O_CLOEXEC      02000000
#define O_PATH         010000000
#define O_SYNC         04010000
#define F_DUPFD        0
#define F_GETFD        1
#define F_SETFD        2
#define F_GETFL        3
#define F_SETFL        4
#define F_GETLK        5
#define F_SETLKW       7
#define F_DUPFD_CLOEXEC 1030
#define CLOSE_RANGE_UNSHARE 2
#define CLOSE_RANGE_CLOEXEC 4
#define AT_FDCWD            (-100)
#define PATH_MAX       4096
#define IOV_MAX        1024
#define RW_MAX         0x7ffff000ull    /* bytes that one read or write moves at most */
#define PIPE_BUF       4096
#define S_IFMT         0170000
#define S_IFIFO        0010000
#define S_IFCHR        0020000
#define S_IFDIR        0040000
#define S_IFREG        0100000
#define SEEK_SET       0
#define SEEK_CUR       1
#define SEEK_END       2
#define SEEK_DATA      3
#define SEEK_HOLE      4
#define POLLIN         0x001
#define POLLPRI        0x002
#define POLLOUT        0x004
#define POLLERR        0x008
#define POLLHUP        0x010
#define POLLNVAL       0x020
#define POLLRDNORM     0x040
#define POLLRDBAND     0x080
#define POLLWRNORM     0x100

struct iovec { uint64_t base, len; };
struct pollfd { int32_t fd; int16_t events, revents; };
#ifndef QUIRE_HOST              /* unit tests have these from the C library */
struct timespec { int64_t sec, nsec; };
struct timeval { int64_t sec, usec; };
struct itimerspec { struct timespec interval, value; };
struct stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad0;
	uint64_t rdev;
	int64_t  size, blksize, blocks;
	struct timespec atime, mtime, ctime;
	int64_t  unused[3];
};
#endif
struct statfs { int64_t type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags, spare[4]; };

/* processes */
#define CLONE_VM             0x00000100
#define CLONE_PARENT         0x00008000
#define CLONE_THREAD         0x00010000
#define CLONE_SETTLS         0x00080000
#define CLONE_VFORK          0x00004000
#define CLONE_PARENT_SETTID  0x00100000
#define CLONE_CHILD_CLEARTID 0x00200000
#define CLONE_CHILD_SETTID   0x01000000
#define CLONE_CLEAR_SIGHAND  0x100000000ull
#define SYS_clone3 435
#define FUTEX_WAIT            0
#define FUTEX_WAKE            1
#define FUTEX_REQUEUE         3
#define FUTEX_CMP_REQUEUE     4
#define FUTEX_WAIT_BITSET     9
#define FUTEX_WAKE_BITSET     10
#define FUTEX_PRIVATE_FLAG    128
#define FUTEX_CLOCK_REALTIME  256
#define FUTEX_WAITERS         0x80000000u
#define FUTEX_OWNER_DIED      0x40000000u
#define FUTEX_TID_MASK        0x3fffffffu
#define RLIMIT_FSIZE   1
#define RLIMIT_DATA    2
#define RLIMIT_STACK   3
#define RLIMIT_NPROC   6
#define RLIMIT_NOFILE  7
#define RLIMIT_MEMLOCK 8
#define RLIMIT_AS      9
#define RLIMIT_SIGPENDING 11
#define RLIM_INFINITY  (~0ull)

/* signals */
#define SIGHUP    1
#define SIGINT    2
#define SIGQUIT   3
#define SIGILL    4
#define SIGTRAP   5
#define SIGABRT   6
#define SIGBUS    7
#define SIGFPE    8
#define SIGKILL   9
#define SIGSEGV   11
#define SIGPIPE   13
#define SIGALRM   14
#define SIGTERM   15
#define SIGCHLD   17
#define SIGCONT   18
#define SIGSTOP   19
#define SIGTSTP   20
#define SIGTTIN   21
#define SIGTTOU   22
#define SIGURG    23
#define SIGXFSZ   25
#define SIGVTALRM 26
#define SIGPROF   27
#define SIGWINCH  28
#define SIGRTMIN  32      /* as the kernel counts */
#define NSIG      64
#define SIG_DFL   0
#define SIG_IGN   1
#define SIG_BLOCK   0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2
#define SA_SIGINFO   0x00000004u
#define SA_RESTORER  0x04000000u
#define SA_ONSTACK   0x08000000u
#define SA_RESTART   0x10000000u
#define SA_NODEFER   0x40000000u
#define SA_RESETHAND 0x80000000u
#define SS_ONSTACK   1
#define SS_DISABLE   2
#define SS_AUTODISARM 0x80000000u
#define MINSIGSTKSZ  2048
#define SI_USER      0
#define SI_KERNEL    0x80
#define SI_TIMER     (-2)
#define SEGV_MAPERR  1
#define SEGV_ACCERR  2
#define BUS_ADRALN   1
#define BUS_ADRERR   2
#define FPE_INTDIV   1
#define FPE_FLTINV   7
#define ILL_ILLOPN   2
#define TRAP_TRACE   2

struct siginfo {                /* what is used of it; the rest of SIGINFO_SIZE bytes is zero */
	int32_t signo, err, code, pad;
	union {
		struct { int32_t pid, uid, status, pad; int64_t utime, stime; } child;
		struct { int32_t pid, uid; uint64_t value; } user;      /* kill, sigqueue */
		struct { int32_t id, overrun; uint64_t value; } timer;
		struct { uint64_t addr; } fault;
	};
};
#define SIGINFO_SIZE 128
struct siginfo_whole { struct siginfo info; uint8_t zero[SIGINFO_SIZE - sizeof(struct siginfo)]; };
#define SIGSET_SIZE  8          /* bytes of a set: the only size that is taken */
struct sigaction_k { uint64_t handler, flags, restorer, mask; };
struct sigstack { uint64_t sp; uint32_t flags, pad; uint64_t size; };
struct sigcontext {             /* 256 bytes */
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
};
struct ucontext {
	uint64_t flags, link;
	struct sigstack stack;
	struct sigcontext mc;
	uint64_t sigmask;
};
#define UC_FP_XSTATE         1
#define UC_SIGCONTEXT_SS     2
#define UC_STRICT_RESTORE_SS 4
#define FP_XSTATE_MAGIC1 0x46505853u    /* in bytes 464.. of the image: an XSAVE image follows */
#define FP_XSTATE_MAGIC2 0x46505845u    /* behind the image */
struct fpx_sw { uint32_t magic1, extended_size; uint64_t features; uint32_t size, pad[7]; };
struct rt_sigframe {            /* what a handler finds at its stack pointer */
	uint64_t restorer;
	struct ucontext uc;
	struct siginfo_whole si;
};

/* a thread's registers, and what it does when it ends */
#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004
struct robust_head { uint64_t next; int64_t offset; uint64_t pending; };        /* set_robust_list(2) */

/* time */
#define CLOCK_REALTIME           0
#define CLOCK_MONOTONIC          1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID  3
#define CLOCK_MONOTONIC_RAW      4
#define CLOCK_REALTIME_COARSE    5
#define CLOCK_MONOTONIC_COARSE   6
#define CLOCK_BOOTTIME           7
#define TIMER_ABSTIME            1
#define EFD_SEMAPHORE            1

/* the auxiliary vector of a new program */
#define AT_NULL 0
#define AT_PHDR 3
#define AT_PHENT 4
#define AT_PHNUM 5
#define AT_PAGESZ 6
#define AT_CLKTCK 17
#define AT_RANDOM 25
#define AT_SYSINFO_EHDR 33
#define AT_MINSIGSTKSZ 51

#endif
