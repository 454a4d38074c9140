/* SPDX-License-Identifier: MIT */
/* kernel/sys_name.c - RING 0 - requests to the file server (abi/name.h): what gives or uses a descriptor.
 *
 * What names or opens something goes there as it is (forward.c); what was opened becomes a descriptor here, or a place.
 *
 * Path:  syscall.c > [sys_name.c] > forward.c name_forward()  ~message~>  fs/call.c > srv_name.c
 * Locks: directories are held by references; file->lock of one while its entries are read: the position moves with them.
 *        Not interruptible: a withdrawn create may have happened.
 */
#include "kernel/syscalls.h"
#include "mm/vmo.h"

/* ---- open */

static int object_open(struct file *f, struct vmo *v, uint32_t flags)
{
	f->vmo = v;
	f->ops = &vmo_ops;
	vmo_user_get(v);
	f->err_seen = v->wb_err;
	return (flags & O_TRUNC) && file_writable(f) && !(f->namef & NAMEF_DISK) ? vmo_resize(v, 0) : 0;
}

static int open_make(const struct ipc_msg *m, struct kobj *o, struct file **out)
{
	uint32_t flags = m->arg[5];
	struct file *f = *out = file_alloc(flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC));

	if (!f) return -ENOMEM;
	f->node = m->arg[0];
	f->mode = m->arg[1];
	f->namef = m->arg[2];
	f->base = m->arg[3];
	f->limit = m->arg[4];
	if (file_is_dir(f) || (flags & O_PATH)) return 0;
	if (f->namef & NAMEF_DEVICE) return device_open(f);
	if (o && o->type == KOBJ_PIPE) return fifo_open(f, o);
	if (o && o->type == KOBJ_VMO) return object_open(f, container_of(o, struct vmo, obj), flags);
	return -EIO;                    /* the server is wrong */
}

/* The current call, with the arguments in k, to the server: what that opened becomes an open file, or is closed again.
 * One of the caller's own descriptors that is not the server's, a pipe (/proc/self/fd/N), is the same open file. */
static int open_forward(struct kmsg *k, struct file **out)
{
	long rc = name_forward(k, false);

	if (rc < 0) return rc;
	if (k->m.arg[2] & NAMEF_OWN) return (*out = fd_get(rc)) ? 0 : -ENXIO;
	rc = open_make(&k->m, k->obj[0], out);
	if (rc && *out) file_put(*out);
	if (rc) *out = NULL;
	return rc;
}

SYSCALL(forward_open)
{
	KMSG_HELD struct kmsg k = {.m = {.arg = {a0, a1, a2, a3}}};
	struct file *f;
	int rc = open_forward(&k, &f);

	return rc ? rc : fd_install(f, 0, k.m.arg[5] & O_CLOEXEC, false);
}

/* The server opens it, to be written to. */
SYSCALL(truncate)
{
	KMSG_HELD struct kmsg k = {.m = {.arg = {a0}}};
	FILE_HELD struct file *f = NULL;
	int rc = (int64_t)a1 < 0 ? -EINVAL : open_forward(&k, &f);

	return rc ? rc : file_set_size(f, a1);
}

/* ---- directories: their entries, those where a process is and where its paths begin */

/* The server puts them into the caller's memory; where the next begin it is told, too, and tells. */
SYSCALL(getdents64)
{
	FILE_HELD struct file *f = fd_get(a0);
	KMSG_HELD struct kmsg k = {.m = {.arg = {a0, a1, a2}}};
	long rc;

	if (!f) return -EBADF;
	if (!file_is_dir(f)) return -ENOTDIR;
	MUTEX_HELD(&f->lock);
	k.m.arg[3] = f->offset;
	k.m.arg[4] = f->node;
	rc = name_call(&k, NAME_GETDENTS, false);
	if (rc >= 0) f->offset = k.m.arg[1];
	return rc;
}

/* The server opens a directory that may be searched; it becomes *at. */
static int dir_change(struct place *at, uint64_t arg)
{
	KMSG_HELD struct kmsg k = {.m = {.arg = {arg}}};
	FILE_HELD struct file *old = NULL;
	struct file *f;
	int rc = open_forward(&k, &f);

	if (rc) return rc;
	MUTEX_HELD(&current_proc()->files_lock);
	old = at->dir;
	*at = (struct place){f, f->node};
	return 0;
}

SYSCALL(chdir) { return dir_change(&current_proc()->cwd, a0); }
SYSCALL(fchdir) { return dir_change(&current_proc()->cwd, a0); }
SYSCALL(chroot) { return dir_change(&current_proc()->root, a0); }

SYSCALL(umask) { return __atomic_exchange_n(&current_proc()->umask, a0 & 0777, __ATOMIC_RELAXED); }
