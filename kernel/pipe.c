/* SPDX-License-Identifier: MIT */
/* kernel/pipe.c - RING 0 - pipes: 64 KiB in a ring of pages between those who write and those who read.
 *
 * Path:  sys_file.c > [pipe.c]
 * Locks: pipe->lock around the counters.  Bytes are copied without it (a user's buffer can fault): one reader and one
 *        writer at a time have the turn, and only they move `head` and `tail`.
 *
 * B1  The ring holds the bytes [head, tail); tail - head <= PIPE_SIZE.
 * B2  Only the writer with the turn touches the free part, only the reader with the turn the bytes.
 * B3  A write of at most PIPE_BUF bytes is never mixed with others (POSIX write): it waits until all fits. */
#include "kernel/file.h"
#include "kernel/poll.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"

#define PIPE_PAGES (PIPE_SIZE / PAGE_SIZE)

struct pipe {
	struct spinlock lock;           /* RANK_HANDLE */
	struct waitq wait;              /* [o] readers and writers, for anything that changes */
	uint64_t head, tail;            /* [o] bytes read and written so far */
	uint32_t readers, writers;      /* [o] open files that are this end, or both */
	uint32_t read_opens, write_opens;       /* [o] how many ever were */
	uint64_t node;                  /* [c] a named pipe's; 0: none */
	struct list link;               /* [F] fifos */
	bool     reading, writing;      /* [o] somebody has the turn */
	struct pollhead polls;
	char    *page[PIPE_PAGES];      /* [turn of the writer] made when first needed */
};      /* [o] pipe->lock  [F] fifos_lock */

static struct spinlock fifos_lock = SPINLOCK_INIT(RANK_PROC, "named pipes");
static struct list fifos = LIST_INIT(fifos);    /* those that are open, found by node */

static struct pipe *pipe_create(void)
{
	struct pipe *p = kalloc(sizeof(*p));

	if (!p) return NULL;
	spin_init(&p->lock, RANK_HANDLE, "pipe");
	waitq_init(&p->wait);
	pollhead_init(&p->polls);
	list_init(&p->link);
	return p;
}

/* => p->lock held */
static void pipe_changed_locked(struct pipe *p)
{
	waitq_wake_all(&p->wait);
	poll_wake(&p->polls);
}

static void pipe_open_locked(struct pipe *p, struct file *f)
{
	f->pipe = p;
	f->pollhead = &p->polls;
	if (!p->writers) f->write_opens = p->write_opens;
	if (file_readable(f)) p->readers++, p->read_opens++;
	if (file_writable(f)) p->writers++, p->write_opens++;
	pipe_changed_locked(p);         /* an open of the other end may wait for this one */
}

static void pipe_close(struct file *f)
{
	struct pipe *p = f->pipe;
	bool named = p && p->node, last;

	if (!p) return;                 /* a named pipe that could not be opened */
	if (named) spin_lock(&fifos_lock);
	spin_lock(&p->lock);
	if (file_readable(f)) p->readers--;
	if (file_writable(f)) p->writers--;
	last = p->readers == 0 && p->writers == 0;
	if (last) list_remove(&p->link);
	pipe_changed_locked(p);         /* readers see the end of file, writers EPIPE */
	spin_unlock(&p->lock);
	if (named) spin_unlock(&fifos_lock);
	if (!last) return;
	for (uint32_t i = 0; i < PIPE_PAGES; i++) kfree(p->page[i]);
	kfree(p);
}

/* Copy to or from the bytes of the ring from `at` on; the turn is ours.  How many, or -EFAULT, -ENOMEM; of a page that
 * cannot be copied whole nothing goes in (as on Linux). */
static int64_t pieces(struct pipe *p, uint64_t at, uaddr_t buf, const char *kbuf, uint64_t len, bool write)
{
	uint64_t done = 0, left = 0;

	while (done < len && !left) {
		uint64_t off = (at + done) & PAGE_MASK, n = MIN(len - done, PAGE_SIZE - off);
		char **page = &p->page[(at + done) / PAGE_SIZE % PIPE_PAGES];

		if (!*page) *page = kalloc(PAGE_SIZE);
		if (!*page) return done ? (int64_t)done : -ENOMEM;
		if (!write) left = copy_out_part(buf + done, *page + off, n);
		else if (kbuf) memcpy(*page + off, kbuf + done, n);
		else left = copy_in_part(*page + off, buf + done, n);
		if (!write || !left) done += n - left;
	}
	return done ? (int64_t)done : -EFAULT;
}

/* n bytes, or an error, of what lies from *at on. */
static void turn_end(struct pipe *p, bool *turn, uint64_t *at, int64_t n)
{
	spin_lock(&p->lock);
	if (n > 0) *at += n;
	*turn = false;
	pipe_changed_locked(p);
	spin_unlock(&p->lock);
}

/* Wait for bytes and the turn.  0: the turn is ours; 1: end of file; -EAGAIN, -ERESTART.  => lock held */
static int read_enter_locked(struct pipe *p, bool nonblock)
{
	while (p->reading || p->head == p->tail) {
		if (!p->reading && p->writers == 0) return 1;
		if (nonblock) return -EAGAIN;
		if (waitq_sleep(&p->wait, &p->lock, WAIT_FOREVER, true)) return -ERESTART;
	}
	p->reading = true;
	return 0;
}

static int64_t pipe_read(struct file *f, uaddr_t buf, uint64_t len)
{
	struct pipe *p = f->pipe;
	int64_t n;
	int rc;

	if (len == 0) return 0;
	spin_lock(&p->lock);
	rc = read_enter_locked(p, f->flags & O_NONBLOCK);
	n = MIN(len, p->tail - p->head);
	spin_unlock(&p->lock);
	if (rc) return rc < 0 ? rc : 0;

	n = pieces(p, p->head, buf, NULL, n, false);
	turn_end(p, &p->reading, &p->head, n);
	return n;
}

/* Wait for room for `need` bytes and the turn.  => lock held.  0, -EPIPE, -EAGAIN, -ERESTART */
static int write_enter_locked(struct pipe *p, uint64_t need, bool nonblock)
{
	for (;;) {
		if (p->readers == 0) return -EPIPE;
		if (!p->writing && PIPE_SIZE - (p->tail - p->head) >= need) break;
		if (nonblock) return -EAGAIN;
		if (waitq_sleep(&p->wait, &p->lock, WAIT_FOREVER, true)) return -ERESTART;
	}
	p->writing = true;
	return 0;
}

/* One turn: as much as fits, all of it if len <= PIPE_BUF (B3). */
static int64_t write_turn(struct pipe *p, uaddr_t buf, const char *kbuf, uint64_t len, bool nonblock)
{
	int64_t n;
	int rc;

	spin_lock(&p->lock);
	rc = write_enter_locked(p, len <= PIPE_BUF ? len : 1, nonblock);
	n = MIN(len, PIPE_SIZE - (p->tail - p->head));
	spin_unlock(&p->lock);
	if (rc) return rc;

	n = pieces(p, p->tail, buf, kbuf, n, true);
	turn_end(p, &p->writing, &p->tail, n);
	return n;
}

static int64_t pipe_write(struct file *f, uaddr_t buf, const char *kbuf, uint64_t len)
{
	uint64_t done = 0;
	int64_t n = 0;

	while (done < len) {
		n = write_turn(f->pipe, buf + done, kbuf ? kbuf + done : NULL, len - done, f->flags & O_NONBLOCK);
		if (n < 0) break;
		done += n;
	}
	if (n == -EPIPE) signal_send(current_proc(), SIGPIPE);
	return done ? (int64_t)done : n;
}

static int64_t pipe_rw(struct file *f, uint64_t pos, uaddr_t buf, const char *kbuf, uint64_t len, bool write)
{
	return write ? pipe_write(f, buf, kbuf, len) : pipe_read(f, buf, len);
}

static int pipe_poll(struct file *f)
{
	struct pipe *p = f->pipe;
	int now = 0;

	spin_lock(&p->lock);
	if (file_writable(f)) {
		if (PIPE_SIZE - (p->tail - p->head) >= PIPE_BUF) now |= POLLOUT;
		if (p->readers == 0) now |= POLLERR;
	}
	if (file_readable(f)) {
		if (p->tail != p->head) now |= POLLIN;
		if (p->writers == 0 && p->write_opens != f->write_opens) now |= POLLHUP;
	}
	spin_unlock(&p->lock);
	return now;
}

uint64_t pipe_bytes(struct pipe *p)
{
	uint64_t n;

	spin_lock(&p->lock);
	n = p->tail - p->head;
	spin_unlock(&p->lock);
	return n;
}

static const struct file_ops pipe_ops = {.rw = pipe_rw, .poll = pipe_poll, .close = pipe_close};

static struct file *pipe_end(struct pipe *p, uint32_t flags)
{
	struct file *f = file_alloc(FILE_PIPE, flags);

	if (!f) return NULL;
	f->mode = S_IFIFO | 0600;
	f->ops = &pipe_ops;
	spin_lock(&p->lock);
	pipe_open_locked(p, f);
	spin_unlock(&p->lock);
	return f;
}

/* The open pipe of this node, or `fresh` from now on.  => fifos_lock held */
static struct pipe *fifo_find_locked(uint64_t node, struct pipe *fresh)
{
	list_for(l, &fifos) {
		struct pipe *p = container_of(l, struct pipe, link);

		if (p->node == node) return p;
	}
	fresh->node = node;
	list_push_back(&fifos, &fresh->link);
	return fresh;
}

/* POSIX open: a reader waits for a writer and the other way round, even for one that has gone again meanwhile. */
static int fifo_meet_locked(struct pipe *p, const struct file *f)
{
	const uint32_t *others = file_writable(f) ? &p->read_opens : &p->write_opens, before = *others;

	if ((f->flags & (O_NONBLOCK | O_RDWR)) || (file_writable(f) ? p->readers : p->writers)) return 0;
	while (*others == before)
		if (waitq_sleep(&p->wait, &p->lock, WAIT_FOREVER, true)) return -ERESTART;
	return 0;
}

int fifo_open(struct file *f)
{
	struct pipe *fresh = pipe_create(), *p;
	bool alone = (f->flags & (O_NONBLOCK | O_ACCMODE)) == (O_NONBLOCK | O_WRONLY);
	int rc;

	if (!fresh) return -ENOMEM;
	f->kind = FILE_PIPE;
	f->ops = &pipe_ops;
	spin_lock(&fifos_lock);
	p = fifo_find_locked(f->node, fresh);
	spin_lock(&p->lock);
	rc = alone && p->readers == 0 ? -ENXIO : 0;
	if (!rc) pipe_open_locked(p, f);
	if (p == fresh && rc) list_remove(&p->link);
	spin_unlock(&fifos_lock);
	if (!rc) rc = fifo_meet_locked(p, f);   /* from the same moment on: the other end may be gone a moment later */
	spin_unlock(&p->lock);
	if (f->pipe != fresh) kfree(fresh);
	return rc;
}

static long pipe_make(uaddr_t fds, uint32_t flags)
{
	struct pipe *p;
	struct file *r, *w;
	int fd[2];

	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK)) return -EINVAL;
	p = pipe_create();
	if (!p) return -ENFILE;
	r = pipe_end(p, O_RDONLY | (flags & O_NONBLOCK));
	w = r ? pipe_end(p, O_WRONLY | (flags & O_NONBLOCK)) : NULL;
	if (!r) kfree(p);
	else if (!w) file_put(r);
	if (!w) return -ENFILE;
	w->ino = r->ino;
	fd[0] = fd_install(r, 0, flags & O_CLOEXEC);
	fd[1] = fd_install(w, 0, flags & O_CLOEXEC);
	if (fd[0] >= 0 && fd[1] >= 0 && !copy_out(fds, fd, sizeof(fd))) return 0;
	if (fd[0] >= 0) sys_close(fd[0], 0, 0, 0, 0, 0);
	if (fd[1] >= 0) sys_close(fd[1], 0, 0, 0, 0, 0);
	return fd[0] < 0 || fd[1] < 0 ? -EMFILE : -EFAULT;
}

SYSCALL(pipe) { return pipe_make(a0, 0); }
SYSCALL(pipe2) { return pipe_make(a0, a1); }
