/* SPDX-License-Identifier: MIT */
/* kernel/sys_name.c - RING 0 - opening: a path, one message to the file server, and what it gave becomes a descriptor.
 *
 * Path:  syscall.c > [sys_name.c] > filedev.c name_call()  ~message~>  fs/server.c
 * Locks: none; directories are held by references.  Not interruptible: a withdrawn create may have happened.
 */
#include "kernel/filedev.h"
#include "kernel/name.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"
#include "mm/vmo.h"

/* Copy the path in and lend it.  0, -EFAULT, -ENAMETOOLONG, -ENOMEM */
static int request_path(struct request *r, uaddr_t path)
{
	char *s = r->k.m.text;
	int n = copy_in_str(s, path, IPC_TEXT);
	uint64_t how = LEND_READ | LEND_TEXT;

	if (n == -ENAMETOOLONG) {
		how = LEND_READ;
		s = r->big = kalloc(PATH_MAX);
		n = s ? copy_in_str(s, path, PATH_MAX) : -ENOMEM;
	}
	if (n < 0) return n;
	r->k.m.lend[0] = (struct ipc_lend){(uint64_t)s, n, how};
	return 0;
}

/* The node that the path starts from: dirfd, the current directory, or the root.  -EBADF, -ENOTDIR, -ENOENT */
static int request_dir(struct request *r, int dirfd, bool empty_ok)
{
	const char *path = (const char *)r->k.m.lend[0].addr;

	r->k.m.arg[0] = NODE_ROOT;
	if (!path[0] && !empty_ok) return -ENOENT;
	if (path[0] == '/') return 0;
	r->dir = dirfd == AT_FDCWD ? cwd_get() : fd_get_any(dirfd);
	if (!r->dir) return dirfd == AT_FDCWD ? 0 : -EBADF;
	if (path[0] && r->dir->kind != FILE_DIR) return -ENOTDIR;
	r->k.m.arg[0] = r->dir->node;
	return 0;
}

int request_begin(struct request *r, int dirfd, uaddr_t path, bool empty_ok)
{
	int rc;

	*r = (struct request){0};
	rc = request_path(r, path);
	return rc ? rc : request_dir(r, dirfd, empty_ok);
}

/* A path of the kernel's. */
static int request_kernel(struct request *r, const char *path, int dirfd)
{
	*r = (struct request){0};
	r->k.m.lend[0] = (struct ipc_lend){(uint64_t)path, strlen(path), LEND_READ};
	return request_dir(r, dirfd, true);
}

int request_fd(struct request *r, int fd) { return request_kernel(r, "", fd == AT_FDCWD ? -1 : fd); }

static void request_free(struct request *r)
{
	if (r->dir) file_put(r->dir);
	kfree(r->big);
}

/* rc: what went wrong so far; otherwise send. */
int request_end(struct request *r, int rc, uint32_t op)
{
	if (!rc) rc = name_call(&r->k, op, false);
	request_free(r);
	return rc;
}

int name_sync(uint64_t node)
{
	struct kmsg k = {.m = {.arg = {node}}};

	return name_call(&k, NAME_SYNC, false);
}

/* ---- open */

static uint32_t umask_of(void) { return current_proc()->umask; }

/* One of the caller's own descriptors that the server knows nothing of, a pipe (/proc/self/fd/N): the same open file. */
static int open_again(uint64_t fd, uint32_t acc, struct file **out)
{
	struct file *f = fd <= INT32_MAX ? fd_get(fd) : NULL;

	if (!f) return -ENXIO;
	*out = f;
	if ((acc == O_WRONLY || file_readable(f)) && (acc == O_RDONLY || file_writable(f))) return 0;
	file_put(f);
	return -EACCES;
}

/* The reply of NAME_OPEN becomes an open file.  The node is closed again if that fails. */
static int open_reply(struct kmsg *k, uint32_t flags, struct file **out)
{
	struct kobj *o = k->obj[0];
	uint32_t type = k->m.arg[1] & S_IFMT;
	struct file *f = file_alloc(FILE_VMO, flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC));
	bool path = flags & O_PATH;
	int rc = 0;

	if (f) {
		f->node = k->m.arg[0];
		f->mode = k->m.arg[1];
		f->namef = k->m.arg[2];
		f->base = k->m.arg[3];
		f->limit = k->m.arg[4];
		if (type == S_IFDIR) f->kind = FILE_DIR;
		else if (path) f->kind = FILE_OTHER;
		else if (f->namef & NAMEF_DEVICE) device_open(f);
		else if (o && o->type == KOBJ_VMO) f->vmo = container_of(o, struct vmo, obj);
		if (f->vmo) {
			vmo_user_get(f->vmo);
			f->err_seen = f->vmo->wb_err;
		}
	}
	for (int i = 0; i < IPC_HANDLES; i++)
		if (k->obj[i]) kobj_unref(k->obj[i]);
	if (!f) return -ENOMEM;
	*out = f;
	if (type == S_IFIFO && !path) rc = fifo_open(f);
	else if (f->kind == FILE_VMO && !f->vmo) rc = -EIO;     /* a regular file without an object: the server is wrong */
	if (rc) file_put(f);
	return rc;
}

static int open_truncate(struct file *f, uint32_t flags)
{
	if (!(flags & O_TRUNC) || f->kind != FILE_VMO || !file_writable(f) || (f->namef & NAMEF_DISK)) return 0;
	return vmo_set_size(f->vmo, 0, true);
}

/* rc: of request_begin(). */
static int open_request(struct request *r, int rc, uint32_t flags, uint32_t mode, struct file **out)
{
	if (flags & O_PATH) flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	else flags |= O_LARGEFILE;
	if (!rc && (flags & O_ACCMODE) == O_ACCMODE) rc = -EINVAL;
	r->k.m.arg[1] = flags;
	r->k.m.arg[2] = mode & 07777 & ~umask_of();
	if (!rc) rc = name_call(&r->k, NAME_OPEN, false);
	request_free(r);
	if (!rc && (r->k.m.arg[2] & NAMEF_OWN)) rc = open_again(r->k.m.arg[0], flags & O_ACCMODE, out);
	else if (!rc) rc = open_reply(&r->k, flags, out);
	if (!rc && (rc = open_truncate(*out, flags))) file_put(*out);
	return rc;
}

static long open_fd(int dirfd, uaddr_t path, uint32_t flags, uint32_t mode)
{
	struct request r;
	struct file *f;
	int rc = request_begin(&r, dirfd, path, false);

	rc = open_request(&r, rc, flags, mode, &f);
	return rc ? rc : fd_install(f, 0, flags & O_CLOEXEC);
}

int file_open(const char *path, uint32_t flags, struct file **out)
{
	struct request r;
	int rc = request_kernel(&r, path, AT_FDCWD);

	return open_request(&r, rc, flags, 0, out);
}

int file_may_exec(const char *path)
{
	struct request r;
	int rc = request_kernel(&r, path, AT_FDCWD);

	r.k.m.arg[1] = AT_EACCESS;
	r.k.m.arg[2] = 1;               /* X_OK */
	return request_end(&r, rc, NAME_ACCESS);
}

SYSCALL(open) { return open_fd(AT_FDCWD, a0, a1, a2); }
SYSCALL(openat) { return open_fd(a0, a1, a2, a3); }
SYSCALL(creat) { return open_fd(AT_FDCWD, a0, O_CREAT | O_WRONLY | O_TRUNC, a1); }

SYSCALL(truncate)
{
	struct request r;
	struct file *f;
	int rc;

	if ((int64_t)a1 < 0) return -EINVAL;
	rc = request_begin(&r, AT_FDCWD, a0, false);
	rc = open_request(&r, rc, O_WRONLY, 0, &f);
	if (rc) return rc;
	rc = f->kind == FILE_VMO ? file_set_size(f, a1) : -EINVAL;
	file_put(f);
	return rc;
}
