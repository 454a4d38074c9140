/* SPDX-License-Identifier: MIT */
/* kernel/filedev.c - RING 0 - descriptors that are devices: messages to the file server; ioctl.
 *
 * Path:  sys_file.c > [filedev.c]  ~message~>  fs/devfs.c
 * Locks: none across a message.
 */
#include "kernel/forward.h"
#include "kernel/poll.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"
#include "mm/vmo.h"

int name_sign(struct ipc_msg *m)
{
	const struct proc *p = current_proc();

	if (fs_port->owner == p) return -EDEADLK;       /* the file server cannot wait for itself */
	m->arg[5] = p->root.node;
	m->arg[6] = p->pid | (uint64_t)current_thread()->tid << 32;
	m->arg[7] = p->fsuid | (uint64_t)p->fsgid << 32;
	return 0;
}

int name_call(struct kmsg *k, uint32_t op, bool interruptible)
{
	int rc = name_sign(&k->m);

	if (rc) return rc;
	k->m.op = op;
	rc = ipc_call(fs_port, k, interruptible);
	if (rc == -EINTR) return -ERESTART;
	return rc ? rc : k->m.status;
}

static int64_t device_ask(struct file *f, uint64_t pos, const struct io *io, uint32_t flags)
{
	struct kmsg k = {
		.m = {.arg = {f->node, pos, flags}},
		.lender = io->kbuf ? NULL : current_proc()->map,
	};
	int rc;

	k.m.lend[0].addr = io->kbuf ? (uint64_t)io->kbuf : io->buf;
	k.m.lend[0].len = io->len;
	k.m.lend[0].flags = io->write ? LEND_READ : LEND_WRITE;
	rc = name_call(&k, io->write ? DEV_WRITE : DEV_READ, !(flags & O_NONBLOCK));
	if (rc) return rc;
	return k.m.arg[0] <= io->len ? (int64_t)k.m.arg[0] : -EIO;
}

/* What can be done at once no signal cuts short; a wait it does. */
static int64_t device_piece(struct file *f, uint64_t pos, const struct io *io)
{
	int64_t n = device_ask(f, pos, io, f->flags | O_NONBLOCK);

	return n != -EAGAIN || (f->flags & O_NONBLOCK) ? n : device_ask(f, pos, io, f->flags);
}

static int64_t device_rw(struct file *f, uint64_t pos, const struct io *all)
{
	struct io io = *all;
	uint64_t done = 0;
	int64_t n;

	do {
		n = device_piece(f, pos + done, &io);
		if (n < 0) return done ? (int64_t)done : n;
		done += n;
		if ((uint64_t)n < MIN(io.len, DEV_PIECE) || thread_has_signal(current_thread())) break;
		io_advance(&io, n);
	} while (io.len > 0);
	return done;
}

static int device_poll(struct file *f)
{
	struct kmsg k = {.m = {.arg = {f->node}}};

	if (!(f->namef & NAMEF_POLL)) return POLLIN | POLLOUT;
	return name_call(&k, DEV_POLL, false) ? POLLIN | POLLOUT : (int)(k.m.arg[0] & (POLLIN | POLLOUT | POLLHUP));
}

static const struct file_ops device_ops = {.rw = device_rw, .poll = device_poll};
static struct pollhead device_polls = POLLHEAD_INIT(device_polls);    /* of all that may be not ready */

void device_open(struct file *f)
{
	f->kind = FILE_DEVICE;
	f->ops = &device_ops;
	f->pollhead = &device_polls;
}

/* The file server: what said "not ready" may be so now. */
SYSCALL(poll_wake)
{
	poll_wake(&device_polls);
	return 0;
}

/* ---- ioctl: the device knows what the argument is */

#define FIONREAD    0x541b
#define FIONBIO     0x5421
#define FIONCLEX    0x5450
#define FIOCLEX     0x5451
#define BLKFLSBUF   0x1261

static long ioctl_device(struct file *f, uint32_t request, uaddr_t arg)
{
	struct kmsg k = {.m = {.op = DEV_IOCTL, .arg = {f->node, request, arg}}};
	long rc = name_sign(&k.m);

	if (!rc) rc = forward(fs_port, &k, false);
	objs_drop(k.obj);
	return rc > INT32_MAX ? -EIO : rc;
}

static long ioctl_fionread(const struct file *f, uaddr_t arg)
{
	uint64_t n = f->kind == FILE_PIPE ? pipe_bytes(f->pipe) : f->vmo->size - MIN(f->vmo->size, f->offset);
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

SYSCALL(ioctl)
{
	struct file *f = fd_get(a0);
	long rc = -ENOTTY;

	if (!f) return -EBADF;
	if (a1 == FIONBIO || a1 == FIOCLEX || a1 == FIONCLEX) rc = ioctl_any(f, a0, a1, a2);
	else if ((f->namef & NAMEF_DISK) && a1 == BLKFLSBUF)
		rc = current_proc()->euid ? -EACCES : sys_sync(0, 0, 0, 0, 0, 0);
	else if (f->kind == FILE_DEVICE || (f->namef & NAMEF_DISK)) rc = ioctl_device(f, a1, a2);
	else if (a1 == FIONREAD && (f->kind == FILE_PIPE || f->kind == FILE_VMO)) rc = ioctl_fionread(f, a2);
	file_put(f);
	return rc;
}

