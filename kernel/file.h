/* SPDX-License-Identifier: MIT */
/* kernel/file.h - RING 0 - descriptors: an object, a device, a directory or a pipe, with an offset and flags. */
#ifndef KERNEL_FILE_H
#define KERNEL_FILE_H

#include "abi/name.h"
#include "kernel/ipc.h"
#include "mm/page.h"

struct vmo;
struct pipe;
struct file;
struct proc;

/* What a descriptor does; NULL: a directory, or of O_PATH. */
struct file_ops {
	int64_t (*rw)(struct file *, uint64_t *pos, struct io); /* bytes or -errno; *pos moves on if it has an offset */
	int (*poll)(struct file *);     /* POLL* that hold now, of what may be not ready */
	void (*close)(struct file *);   /* the last reference went; NULL: nothing to do */
};

/* Whatever may change what the poll operation tells calls this: who waits for the thing then asks again.
 * => under the lock that the poll operation takes, or after a change that it sees; locks up to RANK_HANDLE held */
void poll_wake(uint64_t *polled);

struct file {
	struct note closed;             /* first: the file server hears of it when the last reference goes */
	uint32_t refs;                  /* atomic: descriptors, calls in progress */
	const struct file_ops *ops;     /* [c] */
	uint64_t *polled;               /* [c] atomic, poll.c: who polls what it is of; NULL: it is always ready */
	uint32_t flags;                 /* O_ACCMODE, O_SYNC ...; F_SETFL changes O_APPEND and O_NONBLOCK, by one store */
	uint32_t mode;                  /* [c] S_IFMT and permissions at open */
	uint32_t namef;                 /* [c] NAMEF_* */
	uint64_t node;                  /* [c] the file server's number; 0: none (pipes) */
	uint32_t ino;                   /* [c] st_ino of one without a node; both ends of a pipe have the same */
	struct vmo *vmo;                /* [c] a regular file or a disk: a user of it (vmo_user_get); NULL: neither */
	uint64_t base, limit;           /* [c] a partition: from where in vmo, how many bytes; 0: all of it */
	struct pipe *pipe;              /* [c] the end is told by O_ACCMODE; NULL: no pipe */
	uint32_t write_opens;           /* [c] the pipe's, if there was no writer: only later ones hang up */
	struct mutex lock;              /* RANK_FILE: offset; directory position */
	uint64_t offset;                /* [lock] */
	uint32_t err_seen;              /* [v] of vmo->wb_err: which failed write this descriptor has reported */
	struct readahead ra;            /* [lock] */
};

#define O_CLOEXEC_FD 1                  /* fd flag */
#define FD_MAX 1024

struct file *file_alloc(uint32_t flags);        /* NULL: no memory; one reference */
void file_ref(struct file *);
void file_put(struct file *);                   /* the last one closes: vmo user, note, pipe end */
/* A reference that is put at the end of its block: FILE_HELD struct file *f = fd_get(fd); NULL is none. */
static inline void file_held_put(struct file **f) { if (*f) file_put(*f); }
#define FILE_HELD __attribute__((cleanup(file_held_put)))
struct file *fd_get(int fd);                                    /* of the current process, a reference; NULL: EBADF */
struct file *fd_get_any(int fd);                                /* the same, and one that O_PATH gave */
/* At the first free number from fd on, or (replace) just there, and what was there is closed: POSIX dup2, without
 * reporting errors.  Takes over the caller's reference.  The number; -EMFILE, -EBADF */
int fd_install(struct file *, int fd, bool cloexec, bool replace);
void files_fork(struct proc *child);                            /* the current process's descriptors, shared */
void files_close(struct proc *, bool cloexec_only);             /* exec, exit */
static inline bool file_is_dir(const struct file *f) { return (f->mode & S_IFMT) == S_IFDIR; }
static inline bool file_readable(const struct file *f) { return !(f->flags & O_PATH) && (f->flags & 3) != 1; }
static inline bool file_writable(const struct file *f) { return !(f->flags & O_PATH) && (f->flags & 3) != 0; }

/* sys_name.c: the current call with these arguments, to the file server; f: the first one's, if that is a descriptor */
long name_forward(struct file *f, const uint64_t a[5], bool interruptible);

/* sys_file.c */
extern const struct file_ops vmo_ops;
int64_t file_rw(struct file *, uint64_t *pos, struct io);       /* with all checks; pos NULL: at its own offset */
int64_t fsize_exceeded(int64_t rc, uint64_t pos);               /* rc; if that is -EFBIG by RLIMIT_FSIZE with SIGXFSZ */
int file_set_size(struct file *, uint64_t size);                /* of one that has pages; likewise */

/* pipe.c */
uint64_t pipe_bytes(struct pipe *);                             /* that could be read a moment ago */
int fifo_open(struct file *, struct kobj *pipe);                /* its node is a named pipe: wait for the other end */

#endif
