/* SPDX-License-Identifier: MIT */
/* user/fuzz/hints.c - RING 3 - numbers and flags that a call knows: without them most random calls would end at EINVAL.
 *
 * A value is first..last, and any of the bits.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#define OPEN                                                                                                           \
	(O_CREAT | O_TRUNC | O_APPEND | O_EXCL | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_SYNC | O_CLOEXEC | O_DIRECT)
#define CLONE                                                                                                          \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | CLONE_THREAD | CLONE_SETTLS |               \
	 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID)
#define AT (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)

static const struct hint {
	const char *name;
	int arg;
	uint64_t first, last, bits;
} hints[] = {
	{ "open", 1, 0, 3, OPEN },
	{ "openat", 2, 0, 3, OPEN | O_PATH },
	{ "mmap", 2, 0, 7, 0 },
	{ "mmap", 3, 1, 2,
	  MAP_FIXED | MAP_ANONYMOUS | MAP_POPULATE | MAP_NORESERVE | MAP_LOCKED | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE },
	{ "mmap", 5, 0, 0, 0xf000 },
	{ "mmap", 1, 0, 0x3fff, 0xf000 },
	{ "munmap", 1, 1, 1, 0xf000 },
	{ "mprotect", 1, 1, 1, 0xf000 },
	{ "mremap", 1, 0, 0x2fff, 0xf000 },
	{ "mremap", 2, 0, 0x2fff, 0x1f000 },
	{ "mremap", 3, 0, 3, 0 },
	{ "msync", 1, 0, 0x5fff, 0 },
	{ "msync", 2, 0, 7, 0 },
	{ "madvise", 1, 0, 0x5fff, 0 },
	{ "madvise", 2, 0, 25, 0 },
	{ "mlock2", 2, 0, 1, 0 },
	{ "mlockall", 0, 1, 7, 0 },
	{ "mincore", 1, 0, 0x9fff, 0 },
	{ "rt_sigaction", 0, 1, 64, 0 },
	{ "rt_sigaction", 3, 8, 8, 0 },
	{ "rt_sigprocmask", 0, 0, 2, 0 },
	{ "rt_sigprocmask", 3, 8, 8, 0 },
	{ "rt_sigpending", 1, 8, 8, 0 },
	{ "rt_sigtimedwait", 3, 8, 8, 0 },
	{ "ppoll", 4, 8, 8, 0 },
	{ "rt_sigsuspend", 1, 8, 8, 0 },
	{ "signalfd4", 2, 8, 8, 0 },
	{ "poll", 1, 0, 6, 0 },
	{ "ppoll", 1, 0, 6, 0 },
	{ "select", 0, 0, 64, 0 },
	{ "pselect6", 0, 0, 64, 0 },
	{ "fcntl", 1, 0, 9, 0 },
	{ "fcntl", 1, 1024, 1034, 0 },
	{ "fcntl", 1, 36, 38, 0 },
	{ "flock", 1, 1, 8, 0 },
	{ "ioctl", 1, 0x5401, 0x5430, 0 },
	{ "ioctl", 1, 0x1260, 0x1280, 0x80080000 },
	{ "prctl", 0, 1, 60, 0 },
	{ "arch_prctl", 0, 0x1002, 0x1005, 0 },
	{ "personality", 0, 0, 0, 0 },
	{ "getitimer", 0, 0, 2, 0 },
	{ "setitimer", 0, 0, 2, 0 },
	{ "wait4", 0, -3ull, 3, 0 },
	{ "wait4", 2, 0, 3, 8 },
	{ "waitid", 0, 0, 3, 0 },
	{ "waitid", 3, 0, 15, 0x1000000 },
	{ "futex", 1, 0, 13, 128 | 256 },
	{ "futex", 2, 0, 3, 0 },
	{ "clock_gettime", 0, 0, 11, 0 },
	{ "clock_nanosleep", 0, 0, 11, 0 },
	{ "clock_nanosleep", 1, 0, 1, 0 },
	{ "clock_getres", 0, 0, 11, 0 },
	{ "timer_create", 0, 0, 11, 0 },
	{ "timerfd_create", 0, 0, 11, 0 },
	{ "clone", 0, 0, 0, CLONE },
	{ "clone", 0, 17, 17, CLONE },
	{ "clone", 1, 0, 0, 0 },
	{ "preadv2", 5, 0, 0, 0x1f },
	{ "pwritev2", 5, 0, 0, 0x1f },
	{ "readv", 2, 0, 8, 0 },
	{ "writev", 2, 0, 8, 0 },
	{ "preadv", 2, 0, 8, 0 },
	{ "pwritev", 2, 0, 8, 0 },
	{ "preadv2", 2, 0, 8, 0 },
	{ "pwritev2", 2, 0, 8, 0 },
	{ "pread64", 3, 0, 0xffff, 0 },
	{ "pwrite64", 3, 0, 0xffff, 0 },
	{ "preadv", 3, 0, 0xffff, 0 },
	{ "pwritev", 3, 0, 0xffff, 0 },
	{ "preadv2", 3, 0, 0xffff, 0 },
	{ "pwritev2", 3, 0, 0xffff, 0 },
	{ "lseek", 1, 0, 0xffff, 0 },
	{ "lseek", 2, 0, 4, 0 },
	{ "ftruncate", 1, 0, 0xbfff, 0 },
	{ "truncate", 1, 0, 0xbfff, 0 },
	{ "fallocate", 1, 0, 3, 0 },
	{ "fallocate", 2, 0, 0xffff, 0 },
	{ "fallocate", 3, 0, 0x7fff, 0 },
	{ "copy_file_range", 5, 0, 0, 0 },
	{ "copy_file_range", 1, 0, 0, 0 },
	{ "copy_file_range", 3, 0, 0, 0 },
	{ "sendfile", 2, 0, 0, 0 },
	{ "sync_file_range", 3, 0, 7, 0 },
	{ "fadvise64", 3, 0, 5, 0 },
	{ "readahead", 1, 0, 0xffff, 0 },
	{ "linkat", 4, 0, 0, AT | AT_SYMLINK_FOLLOW },
	{ "unlinkat", 2, 0, 0, AT_REMOVEDIR },
	{ "renameat2", 4, 0, 2, 0 },
	{ "fchownat", 4, 0, 0, AT },
	{ "newfstatat", 3, 0, 0, AT },
	{ "utimensat", 3, 0, 0, AT },
	{ "faccessat2", 3, 0, 0, AT | 0x200 },
	{ "faccessat", 2, 0, 7, 0 },
	{ "access", 1, 0, 7, 0 },
	{ "statx", 2, 0, 0, AT | 0x6000 },
	{ "memfd_create", 1, 0, 3, 0 },
	{ "dup3", 2, 0, 0, O_CLOEXEC },
	{ "pipe2", 1, 0, 0, O_CLOEXEC | O_NONBLOCK | O_DIRECT },
	{ "set_robust_list", 1, 24, 24, 0 },
	{ "getrusage", 0, -1ull, 1, 0 },
	{ "getrlimit", 0, 0, 15, 0 },
	{ "setrlimit", 0, 4, 15, 0 },
	{ "prlimit64", 0, 0, 0, 0 },
	{ "prlimit64", 1, 4, 15, 0 },
	{ "setpgid", 0, 0, 0, 0 },
	{ "setpgid", 1, 0, 0, 0 },
	{ "getrandom", 2, 0, 7, 0 },
	{ "mknod", 1, 0644, 0644, 0x1000 },
	{ "mknodat", 2, 0644, 0644, 0x3000 },
	{ "eventfd2", 1, 0, 0, 0x80801 },
	{ "close_range", 2, 0, 0, 6 },
	{ "kill", 1, 0, 0, 0 },
	{ "tgkill", 2, 0, 0, 0 },
	{ "tkill", 1, 0, 0, 0 },
	{ "alarm", 0, 0, 0, 0 },
	{ "setuid", 0, -1ull, -1ull, 0 },
	{ "setresuid", 0, -1ull, -1ull, 0 },
	{ "clock_gettime", 0, 0, 8, 0 },
};

/* A value that the call knows for this argument; 0: nothing is written here about it. */
int hint(uint64_t *s, const char *name, int arg, uint64_t *value)
{
	const struct hint *found = NULL;
	uint64_t n = 0;

	for (unsigned i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		if (hints[i].arg == arg && !strcmp(hints[i].name, name) && below(s, ++n) == 0) found = &hints[i];
	if (!found) return 0;
	*value = found->first + below(s, found->last - found->first + 1);
	for (int bit = 0; bit < 64; bit++)
		if ((found->bits >> bit & 1) && below(s, 4) == 0) *value |= 1ull << bit;
	return 1;
}
