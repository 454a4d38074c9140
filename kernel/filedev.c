/* SPDX-License-Identifier: MIT */
/* kernel/filedev.c - RING 0 - descriptors that are devices: messages to the file server; ioctl.
 *
 * Path:  sys_file.c > [filedev.c]  ~message~>  fs/devfs.c
 * Locks: none across a message.
 */
#include "kernel/forward.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"
#include "mm/vmo.h"

/* At most DEV_PIECE bytes.  If it has to wait, the server lets a signal end it. */
static int64_t device_piece(struct file *f, uint64_t pos, const struct io *io)
{
	struct kmsg k = {
		.m = {.arg = {f->node, pos, f->flags}},
		.lender = io->kbuf ? NULL : current_proc()->map,
	};
	int64_t n;

	k.m.lend[0].addr = io->kbuf ? (uint64_t)io->kbuf : io->buf;
	k.m.lend[0].len = io->len;
	k.m.lend[0].flags = io->write ? LEND_READ : LEND_WRITE;
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
	struct kmsg k = {.m = {.arg = {f->node}}};
	long now = name_call(&k, DEV_POLL, false);

	return now < 0 ? POLLIN | POLLOUT : now & (POLLIN | POLLOUT | POLLHUP);
}

static const struct file_ops device_ops = {.rw = device_rw, .poll = device_poll};
static uint32_t devices_polled;         /* atomic: how many poll one that may be not ready */

void device_open(struct file *f)
{
	f->ops = &device_ops;
	f->polled = f->namef & NAMEF_POLL ? &devices_polled : NULL;
}

/* The file server: what said "not ready" may be so now. */
SYSCALL(poll_wake)
{
	poll_wake(&devices_polled);
	return 0;
}

/* ---- ioctl: the device knows what the argument is */

#define FIONREAD    0x541b
#define FIONBIO     0x5421
#define FIONCLEX    0x5450
#define FIOCLEX     0x5451
#define BLKFLSBUF   0x1261

static long ioctl_fionread(const struct file *f, uaddr_t arg)
{
	uint64_t n = f->pipe ? pipe_bytes(f->pipe) : f->vmo->size - MIN(f->vmo->size, f->offset);
	int32_t v = MIN(n, (uint64_t)INT32_MAX);

	return copy_out(arg, &v, sizeof(v));
}

/* What is about descriptors, whatever they are. */
static long ioctl_any(struct file *f, int fd, uint32_t request, uaddr_t arg)
{
	uint32_t on, flags = f->flags & ~(uint32_t)O_NONBLOCK;

	if (request != FIONBIO) return sys_fcntl(fd, F_SETFD, request == FIOCLEX, 0, 0, 0);
	if (copy_in(&on, arg, sizeof(on))) return -EFAULT;
	return sys_fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags, 0, 0, 0);
}

SYSCALL(ioctl, fd, request, arg)
{
	FILE_HELD struct file *f = fd_get(fd);
	struct kmsg k = {.m = {.arg = {f ? f->node : 0, (uint32_t)request, arg}}};

	if (!f) return -EBADF;
	if (request == FIONBIO || request == FIOCLEX || request == FIONCLEX) return ioctl_any(f, fd, request, arg);
	if ((f->namef & NAMEF_DISK) && request == BLKFLSBUF)
		return current_proc()->euid ? -EACCES : sys_sync(0, 0, 0, 0, 0, 0);
	if (f->namef & (NAMEF_DEVICE | NAMEF_DISK)) return name_call(&k, DEV_IOCTL, false);
	return request == FIONREAD && (f->pipe || f->vmo) ? ioctl_fionread(f, arg) : -ENOTTY;
}
