/* SPDX-License-Identifier: MIT */
/* kernel/filedev.c - RING 0 - descriptors that are devices: messages to the file server; ioctl.
 *
 * Path:  sys_file.c > [filedev.c]  ~message~>  fs/devfs.c
 * Locks: none across a message.
 */
#include "kernel/poll.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"
#include "mm/vmo.h"

#define DEVICE_PIECE 65536u             /* bytes lent at a time */

int name_call(struct kmsg *k, uint32_t op, bool interruptible)
{
	struct proc *p = current_proc();
	int rc;

	if (fs_port->owner == p) return -EDEADLK;       /* the file server cannot wait for itself */
	k->m.op = op;
	k->m.arg[5] = p->root_node;
	k->m.arg[6] = p->pid | (uint64_t)current_thread()->tid << 32;
	k->m.arg[7] = p->fsuid | (uint64_t)p->fsgid << 32;
	if (op == NAME_ACCESS && !(k->m.arg[1] & AT_EACCESS)) k->m.arg[7] = p->uid | (uint64_t)p->gid << 32;
	rc = ipc_call(fs_port, k, interruptible);
	if (rc == -EINTR) return -ERESTART;
	if (!rc) rc = k->m.status;
	return rc > 0 || rc < -4095 ? -EIO : rc;        /* a server cannot invent results */
}

static int64_t device_ask(struct file *f, uint64_t pos, uaddr_t buf, const char *kbuf, uint64_t len, bool write, uint32_t flags)
{
	struct kmsg k = {
		.m = {.arg = {f->node, pos, flags}},
		.lender = kbuf ? NULL : current_proc()->map,
	};
	int rc;

	k.m.lend[0] = (struct ipc_lend){kbuf ? (uint64_t)kbuf : buf, len, write ? LEND_READ : LEND_WRITE};
	rc = name_call(&k, write ? DEV_WRITE : DEV_READ, !(flags & O_NONBLOCK));
	if (rc) return rc;
	return k.m.arg[0] <= len ? (int64_t)k.m.arg[0] : -EIO;
}

/* What can be done at once no signal cuts short; a wait it does. */
static int64_t device_piece(struct file *f, uint64_t pos, uaddr_t buf, const char *kbuf, uint64_t len, bool write)
{
	uint32_t flags = f->flags;
	int64_t n = device_ask(f, pos, buf, kbuf, len, write, flags | O_NONBLOCK);

	return n != -EAGAIN || (flags & O_NONBLOCK) ? n : device_ask(f, pos, buf, kbuf, len, write, flags);
}

static int64_t device_rw(struct file *f, uint64_t pos, uaddr_t buf, const char *kbuf, uint64_t len, bool write)
{
	uint64_t done = 0;

	do {
		uint64_t want = MIN(len - done, DEVICE_PIECE);
		int64_t n = device_piece(f, pos + done, buf + done, kbuf ? kbuf + done : NULL, want, write);

		if (n < 0) return done ? (int64_t)done : n;
		done += n;
		if ((uint64_t)n < want) break;
	} while (done < len);
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

/* ---- ioctl: the kernel knows the sizes, the device the meaning */

#define FIONREAD    0x541b
#define FIONBIO     0x5421
#define FIONCLEX    0x5450
#define FIOCLEX     0x5451
#define BLKROGET    0x125e
#define BLKGETSIZE  0x1260
#define BLKFLSBUF   0x1261
#define BLKSSZGET   0x1268
#define BLKBSZGET   0x80081270
#define BLKGETSIZE64 0x80081272

/* Those of terminals: bytes of the argument, and which way they go (LEND_*: as the device sees it). */
static const struct ioctl { uint16_t request; uint8_t size, way; } ioctls[] = {
	{0x5401, 36, LEND_WRITE}, {0x5402, 36, LEND_READ},                      /* TCGETS TCSETS TCSETSW TCSETSF */
	{0x5403, 36, LEND_READ}, {0x5404, 36, LEND_READ},
	{0x5409, 0, 0}, {0x540a, 0, 0}, {0x540b, 0, 0}, {0x540e, 0, 0},         /* TCSBRK TCXONC TCFLSH TIOCSCTTY */
	{0x540f, 4, LEND_WRITE}, {0x5410, 4, LEND_READ},                        /* TIOCGPGRP TIOCSPGRP */
	{0x5411, 4, LEND_WRITE}, {0x5429, 4, LEND_WRITE}, {0x5422, 0, 0},       /* TIOCOUTQ TIOCGSID TIOCNOTTY */
	{0x5413, 8, LEND_WRITE}, {0x5414, 8, LEND_READ}, {FIONREAD, 4, LEND_WRITE},     /* TIOCGWINSZ TIOCSWINSZ */
};
#define IOCTL_MAX 36

static const struct ioctl *ioctl_find(uint32_t request)
{
	for (const struct ioctl *c = ioctls; c < ioctls + sizeof(ioctls) / sizeof(*ioctls); c++)
		if (c->request == request) return c;
	return NULL;
}

static long ioctl_device(struct file *f, uint32_t request, uaddr_t arg)
{
	uint8_t buf[IOCTL_MAX] = {0};
	const struct ioctl *c = ioctl_find(request);
	struct kmsg k = {.m = {.arg = {f->node, request, arg}}};
	int rc;

	if (!c) return -ENOTTY;
	k.m.lend[0] = (struct ipc_lend){(uint64_t)buf, c->size, c->way};
	if (c->way == LEND_READ && copy_in(buf, arg, c->size)) return -EFAULT;
	rc = name_call(&k, DEV_IOCTL, false);
	if (rc) return rc;
	if (c->way == LEND_WRITE && copy_out(arg, buf, c->size)) return -EFAULT;
	return k.m.arg[0] > INT32_MAX ? -EIO : (long)k.m.arg[0];
}

static long ioctl_fionread(const struct file *f, uaddr_t arg)
{
	uint64_t n = f->kind == FILE_PIPE ? pipe_bytes(f->pipe) : f->vmo->size - MIN(f->vmo->size, f->offset);
	int32_t v = MIN(n, (uint64_t)INT32_MAX);

	return copy_out(arg, &v, sizeof(v));
}

/* Disks: everything about them is their object's. */
static long ioctl_disk(const struct file *f, uint32_t request, uaddr_t arg)
{
	uint64_t size = file_size(f), v;

	switch (request) {
	case BLKGETSIZE64: return copy_out(arg, &size, 8);
	case BLKGETSIZE: v = size / 512; return copy_out(arg, &v, 8);
	case BLKSSZGET: v = 512; break;
	case BLKBSZGET: v = PAGE_SIZE; break;
	case BLKROGET: v = f->vmo->flags & VMO_READONLY ? 1 : 0; break;
	case BLKFLSBUF: return current_proc()->euid ? -EACCES : sys_sync(0, 0, 0, 0, 0, 0);
	default: return -ENOTTY;
	}
	return copy_out(arg, &v, 4);
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
	else if (f->kind == FILE_DEVICE) rc = ioctl_device(f, a1, a2);
	else if (f->namef & NAMEF_DISK) rc = ioctl_disk(f, a1, a2);
	else if (a1 == FIONREAD && (f->kind == FILE_PIPE || f->kind == FILE_VMO)) rc = ioctl_fionread(f, a2);
	file_put(f);
	return rc;
}

