/* SPDX-License-Identifier: MIT */
/* kernel/pipe.c - RING 0 - pipes: 64 KiB in a ring of pages between those who write and those who read.
 *
 * Path:  sys_file.c > [pipe.c]
 * Locks: pipe->lock around the counters.  Bytes are copied without it (a user's buffer can fault): one reader and one
 *        writer at a time have the turn, and only they move their side's `at`.
 *
 * B1  The ring holds the bytes from the readers' `at` to the writers'; never more than PIPE_SIZE.
 * B2  Only the writer with the turn touches the free part, only the reader with the turn the bytes.
 * B3  A write of at most PIPE_BUF bytes is never mixed with others (POSIX write): it waits until all fits.
 * B4  Without an open file a named pipe is empty. */
#include "kernel/syscalls.h"

#define PIPE_PAGES (PIPE_SIZE / PAGE_SIZE)

struct pipe {
	struct kobj obj;                /* referenced by its open files; of a named one, by the file server's handle */
	struct spinlock lock;           /* RANK_HANDLE */
	struct waitq wait;              /* [o] readers and writers, for anything that changes */
	struct side {
		uint64_t at;            /* [o] bytes read, or written, so far */
		uint32_t files, opens;  /* [o] open files that are this end, or both; how many ever were */
		bool     busy;          /* [o] somebody has the turn */
	} side[2];                      /* READ, WRITE */
	uint64_t polled;                /* atomic, poll.c: who polls it */
	char    *page[PIPE_PAGES];      /* [turn of the writer] made when first needed */
};      /* [o] pipe->lock */
enum { READ, WRITE };

static void pipe_destroy(struct kobj *o)
{
	struct pipe *p = container_of(o, struct pipe, obj);

	for (uint32_t i = 0; i < PIPE_PAGES; i++) kfree(p->page[i]);
	kfree(p);
}

static struct pipe *pipe_create(void)
{
	struct pipe *p = kalloc(sizeof(*p));

	if (!p) return NULL;
	kobj_init(&p->obj, KOBJ_PIPE, pipe_destroy);
	p->lock = SPINLOCK_INIT(RANK_HANDLE, "pipe");
	waitq_init(&p->wait);
	return p;
}

/* Without the lock it is that of a moment ago; never negative, since the readers' place is looked at first. */
uint64_t pipe_bytes(struct pipe *p)
{
	uint64_t from = __atomic_load_n(&p->side[READ].at, __ATOMIC_ACQUIRE);

	return __atomic_load_n(&p->side[WRITE].at, __ATOMIC_RELAXED) - from;
}

static bool is_side(const struct file *f, bool write) { return write ? file_writable(f) : file_readable(f); }

/* => p->lock held */
static void pipe_changed_locked(struct pipe *p)
{
	waitq_wake_all(&p->wait);
	poll_wake(&p->polled);
}

/* Copy to or from the bytes of the ring from `at` on; the turn is ours.  How many, or -EFAULT, -ENOMEM; of a page that
 * cannot be copied whole nothing goes in (as on Linux). */
static int64_t pieces(struct pipe *p, uint64_t at, struct io io, uint64_t len)
{
	uint64_t done = 0, left = 0;

	while (done < len && !left) {
		uint64_t off = (at + done) & PAGE_MASK, n = MIN(len - done, PAGE_SIZE - off);
		char **page = &p->page[(at + done) / PAGE_SIZE % PIPE_PAGES];

		if (!*page) *page = kalloc(PAGE_SIZE);
		if (!*page) return done ? (int64_t)done : -ENOMEM;
		left = io_copy(&io, *page + off, n);
		io_advance(&io, n);
		if (!io.write || !left) done += n - left;
	}
	return done ? (int64_t)done : -EFAULT;
}

/* Wait for the turn and for `need` bytes, or room for them.  How many there are, the turn being ours; 0: end of file;
 * -EPIPE, -EAGAIN, -ERESTART.  => lock held */
static int64_t turn_begin_locked(struct pipe *p, bool write, uint64_t need, bool nonblock)
{
	const struct side *others = &p->side[!write];
	struct side *mine = &p->side[write];

	for (;;) {
		uint64_t n = write ? PIPE_SIZE - pipe_bytes(p) : pipe_bytes(p);

		if (write && !others->files) return -EPIPE;
		if (!mine->busy && n >= need) {
			mine->busy = true;
			return n;
		}
		if (!write && !mine->busy && !others->files) return 0;
		if (nonblock) return -EAGAIN;
		if (waitq_sleep(&p->wait, &p->lock, WAIT_FOREVER, true)) return -ERESTART;
	}
}

/* Turns: each as much as there is, or fits.  A read takes what there is; a write goes on until all is written or memory
 * is bad, and one of at most PIPE_BUF bytes is one turn (B3). */
static int64_t pipe_rw(struct file *f, uint64_t *pos, struct io io)
{
	struct pipe *p = f->pipe;
	struct side *mine = &p->side[io.write];
	uint64_t done = 0, need = io.write && io.len <= PIPE_BUF ? io.len : 1;
	int64_t n = 0, want = 0;

	while (io.len > 0 && n == want && (io.write || !done)) {
		spin_lock(&p->lock);
		n = turn_begin_locked(p, io.write, need, f->flags & O_NONBLOCK);
		spin_unlock(&p->lock);
		if (n <= 0) break;

		want = MIN(io.len, (uint64_t)n);
		n = pieces(p, mine->at, io, want);
		spin_lock(&p->lock);
		if (n > 0) mine->at += n;
		mine->busy = false;
		pipe_changed_locked(p);
		spin_unlock(&p->lock);
		if (n <= 0) break;
		io_advance(&io, n);
		done += n;
	}
	if (n == -EPIPE) signal_send(current_proc(), SIGPIPE);
	return done ? (int64_t)done : n;
}

static int pipe_poll(struct file *f)
{
	struct pipe *p = f->pipe;
	int now = 0;

	SPIN_HELD(&p->lock);
	if (file_writable(f)) {
		if (PIPE_SIZE - pipe_bytes(p) >= PIPE_BUF) now |= POLLOUT;
		if (!p->side[READ].files) now |= POLLERR;
	}
	if (file_readable(f)) {
		if (pipe_bytes(p)) now |= POLLIN;
		if (!p->side[WRITE].files && p->side[WRITE].opens != f->write_opens) now |= POLLHUP;
	}
	return now;
}

static void pipe_close(struct file *f)
{
	struct pipe *p = f->pipe;

	spin_lock(&p->lock);
	for (int w = READ; w <= WRITE; w++) p->side[w].files -= is_side(f, w);
	if (!p->side[READ].files && !p->side[WRITE].files) p->side[READ].at = p->side[WRITE].at;        /* B4 */
	pipe_changed_locked(p);         /* readers see the end of file, writers EPIPE */
	spin_unlock(&p->lock);
	kobj_unref(&p->obj);
}

static const struct file_ops pipe_ops = {.rw = pipe_rw, .poll = pipe_poll, .close = pipe_close};

static void pipe_open_locked(struct pipe *p, struct file *f)
{
	kobj_ref(&p->obj);
	f->ops = &pipe_ops;
	f->pipe = p;
	f->polled = &p->polled;
	if (!p->side[WRITE].files) f->write_opens = p->side[WRITE].opens;
	for (int w = READ; w <= WRITE; w++) {
		p->side[w].files += is_side(f, w);
		p->side[w].opens += is_side(f, w);
	}
	pipe_changed_locked(p);         /* an open of the other end may wait for this one */
}

/* The file server: a named pipe is opened; it keeps the handle as long as descriptors of it are open. */
SYSCALL(pipe_create)
{
	struct pipe *p = pipe_create();
	int rc = p ? handle_add(&current_proc()->handles, &p->obj) : -ENOMEM;

	if (p) kobj_unref(&p->obj);
	return rc;
}

/* POSIX open: a reader waits for a writer and the other way round, even for one that has gone again meanwhile. */
int fifo_open(struct file *f, struct kobj *o)
{
	struct pipe *p = container_of(o, struct pipe, obj);
	const struct side *others = &p->side[!file_writable(f)];
	bool wait = !(f->flags & O_NONBLOCK);
	uint32_t before;

	SPIN_HELD(&p->lock);
	if (!wait && !file_readable(f) && !others->files) return -ENXIO;
	before = others->opens;
	pipe_open_locked(p, f);         /* one that is both meets itself */
	while (wait && !others->files && others->opens == before)
		if (waitq_sleep(&p->wait, &p->lock, WAIT_FOREVER, true)) return -ERESTART;
	return 0;
}

static long pipe_make(uaddr_t fds, uint32_t flags)
{
	struct file *r = file_alloc(O_RDONLY | (flags & O_NONBLOCK)), *w = file_alloc(O_WRONLY | (flags & O_NONBLOCK));
	struct pipe *p = pipe_create();
	int fd[2], rc;

	if (!r || !w || !p) {
		kfree(r);
		kfree(w);
		kfree(p);
		return -ENFILE;
	}
	r->mode = w->mode = S_IFIFO | 0600;
	w->ino = r->ino;
	spin_lock(&p->lock);
	pipe_open_locked(p, r);
	pipe_open_locked(p, w);
	spin_unlock(&p->lock);
	kobj_unref(&p->obj);
	fd[0] = fd_install(r, 0, flags & O_CLOEXEC, false);
	fd[1] = fd_install(w, 0, flags & O_CLOEXEC, false);
	rc = fd[0] < 0 || fd[1] < 0 ? -EMFILE : copy_out(fds, fd, sizeof(fd));
	for (int i = 0; rc && i < 2; i++) sys_close(fd[i], 0, 0, 0, 0, 0);
	return rc;
}

SYSCALL(pipe) { return pipe_make(a0, 0); }
SYSCALL(pipe2) { return a1 & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK) ? -EINVAL : pipe_make(a0, a1); }
