/* SPDX-License-Identifier: MIT */
/* kernel/filedev.c - RING 0 - descriptors that are devices: messages to the file server.
 *
 * Path:  sys_file.c > [filedev.c]  ~message~>  fs/devfs.c
 * Locks: none across a message.
 */
#include "kernel/syscalls.h"
#include "mm/vmo.h"

/* At most DEV_PIECE bytes.  If it has to wait, the server lets a signal end it. */
static int64_t device_piece(struct file *f, uint64_t pos, const struct io *io)
{
	KMSG_HELD struct kmsg k = {
		.m = {.arg = {f->node, pos, f->flags}},
		.lender = io->kernel ? NULL : current_proc()->map,
	};
	int64_t n;

	k.m.lend[0] = (struct ipc_lend){io->buf, io->len, io->write ? LEND_READ : LEND_WRITE};
	n = name_call(&k, io->write ? DEV_WRITE : DEV_READ, !(f->flags & O_NONBLOCK));
	return n <= (int64_t)io->len ? n : -EIO;
}

static int64_t device_rw(struct file *f, uint64_t *pos, struct io io)
{
	uint64_t done = 0, more;

	do {
		int64_t n = device_piece(f, *pos, &io);

		if (n < 0) return done ? (int64_t)done : n;
		more = (uint64_t)n == DEV_PIECE && !thread_has_signal(current_thread());
		done += n;
		*pos += n;
		io_advance(&io, n);
	} while (more && io.len > 0);
	return done;
}

static int device_poll(struct file *f)
{
	KMSG_HELD struct kmsg k = {.m = {.arg = {f->node}}};
	long now = name_call(&k, DEV_POLL, false);

	return now < 0 ? POLLIN | POLLOUT : now & (POLLIN | POLLOUT | POLLHUP);
}

static const struct file_ops device_ops = {.rw = device_rw, .poll = device_poll};
static uint64_t devices_polled;         /* atomic, poll.c: who polls one that may be not ready */

int device_open(struct file *f)
{
	f->ops = &device_ops;
	f->polled = f->namef & NAMEF_POLL ? &devices_polled : NULL;
	return 0;
}

/* The file server: what said "not ready" may be so now. */
SYSCALL(poll_wake)
{
	poll_wake(&devices_polled);
	return 0;
}
