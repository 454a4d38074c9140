/* SPDX-License-Identifier: MIT */
/* fs/call.h - RING 3 - system calls that the kernel passes on as they are (NAME_CALL of abi/name.h): their arguments,
 * the caller's memory, its descriptors and directories. */
#ifndef FS_CALL_H
#define FS_CALL_H

#include "abi/facts.h"
#include "abi/name.h"
#include "fs/server.h"

struct call {
	uint64_t token;
	const uint64_t *arg;            /* five, as the program gave them */
	struct cred cred;               /* by which files are used; its root is open */
	const struct ipc_msg *in;       /* the message */
	struct ipc_msg *out;            /* the reply, whose arg[0] the result will be */
	uint64_t cwd;                   /* the node of its current directory, which is open */
	const struct name_caller *who;  /* its real ids, umask; what it told of arguments */
};

/* The caller's memory, by its own addresses: as user/lib/server.h says. */
int mem_in(const struct call *, void *to, uint64_t at, size_t n);
int mem_out(const struct call *, uint64_t at, const void *from, size_t n);
/* => length without NUL; -EFAULT, -ENAMETOOLONG */
int mem_text(const struct call *, char *to, uint64_t at, size_t size);

/* One path, and where it begins: at a descriptor, the current directory, or the root.  Too large for a server's stack:
 * those of the callers are static, which one thread may. */
struct where {
	struct vnode *start;            /* no reference.  NULL: a pipe, the kernel's alone, which fd tells of */
	struct facts_fd fd;
	size_t len;
	char path[PATH_MAX + 1];
};
/* -EFAULT, -ENAMETOOLONG, -ENOENT: it is empty and may not be; -ENOTDIR; -EBADF: no descriptor, or nothing of ours */
int call_where(const struct call *, int dirfd, uint64_t path, bool empty_ok, struct where *);
int where_begin(const struct call *, int dirfd, struct where *);        /* path and len are there */
int where_fd(const struct call *, int fd, struct where *);              /* the descriptor itself */
/* The existing file that this is, or leads to: a reference. */
int where_file(const struct call *, const struct where *, unsigned at_flags, struct vnode **out);
/* The existing file that a path, or with AT_EMPTY_PATH the descriptor, leads to, likewise. */
int call_file(const struct call *, int dirfd, uint64_t path, unsigned at_flags, struct vnode **out);
int call_fd(const struct call *, int fd, struct vnode **out);           /* an open file; none that O_PATH gave */
bool call_fd_open(const struct call *);          /* the first argument is such a descriptor, if only a pipe's */
/* What ring 0 does then with the descriptor that is the first argument.  0 */
long call_then(const struct call *, enum name_then, uint64_t what);

/* A message with a struct name_caller becomes a call.  -ESRCH: its caller has gone */
int call_begin(const struct ipc_msg *in, struct ipc_msg *out, struct call *);
/* The handler of NAME_CALL. */
int call_serve(const struct ipc_msg *in, struct ipc_msg *out);

#define CALL_LATER INT64_MIN            /* the token is kept: who has it answers */
typedef long (*call_fn)(const struct call *);         /* => as Linux's call: a result, or -errno; CALL_LATER */
#define CALL(name) long call_##name(const struct call *)
/* call_name.c */
CALL(mkdir); CALL(mkdirat); CALL(mknod); CALL(mknodat); CALL(unlink); CALL(unlinkat); CALL(rmdir); CALL(rename);
CALL(renameat); CALL(renameat2); CALL(link); CALL(linkat); CALL(symlink); CALL(symlinkat); CALL(readlink);
CALL(readlinkat); CALL(getcwd); CALL(getdents64);
/* call_attr.c */
CALL(chmod); CALL(fchmod); CALL(fchmodat); CALL(chown); CALL(lchown); CALL(fchown); CALL(fchownat); CALL(access);
CALL(faccessat); CALL(faccessat2); CALL(utime); CALL(utimes); CALL(futimesat); CALL(utimensat);
/* srv_name.c, counterdev.c: the reply says what else the descriptor needs (abi/name.h) */
CALL(open); CALL(creat); CALL(openat); CALL(memfd_create); CALL(truncate); CALL(chdir); CALL(fchdir); CALL(chroot);
CALL(eventfd); CALL(eventfd2); CALL(timerfd_create); CALL(timerfd_settime); CALL(timerfd_gettime);
/* call_stat.c, call_mount.c, sysv_shm.c */
CALL(stat); CALL(lstat); CALL(fstat); CALL(newfstatat); CALL(statx); CALL(statfs); CALL(fstatfs);
CALL(mount); CALL(umount2); CALL(sync); CALL(syncfs);
CALL(shmget); CALL(shmctl); CALL(shmat);
CALL(getrandom);                        /* random.c */
CALL(ioctl);                            /* devfs.c */
CALL(fcntl); CALL(flock);               /* srv_lock.c */
/* call_space.c */
CALL(fsync); CALL(fdatasync); CALL(ftruncate); CALL(fallocate); CALL(fadvise64); CALL(readahead); CALL(sync_file_range);
#undef CALL

#endif
