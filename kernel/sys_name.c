/* SPDX-License-Identifier: MIT */
/* kernel/sys_name.c - RING 0 - requests to the file server (abi/name.h): opening, stat, directories.
 *
 * What needs no object of ours the process manager sends, likewise (user/pm/request.c).
 *
 * Path:  syscall.c > [sys_name.c] > filedev.c name_call()  ~message~>  fs/srv_name.c, srv_stat.c, srv_file.c
 * Locks: directories are held by references; file->lock of one while its entries are read: the position moves with them.
 *        Not interruptible: a withdrawn create may have happened.
 */
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"
#include "mm/vmo.h"

#define STAT_SIZE  144                  /* struct stat, struct statx of Linux x86-64 */
#define STATX_SIZE 256

/* A message with a path, lent from kernel memory or, if it is short, in the message: the file server never sees it
 * change under it. */
struct request {
	struct kmsg k;
	struct file *dir;               /* a reference; NULL: the root, or none */
	char *big;                      /* for a path that does not fit into the message */
};

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

/* -EFAULT, -ENAMETOOLONG, -ENOMEM, -ENOENT: it is empty and may not be; -EBADF, -ENOTDIR */
static int request_begin(struct request *r, int dirfd, uaddr_t path, bool empty_ok)
{
	int rc;

	*r = (struct request){0};
	rc = request_path(r, path);
	return rc ? rc : request_dir(r, dirfd, empty_ok);
}

/* The open file itself.  -EBADF */
static int request_fd(struct request *r, int fd)
{
	*r = (struct request){0};
	r->k.m.lend[0] = (struct ipc_lend){(uint64_t)"", 0, LEND_READ};
	return request_dir(r, fd == AT_FDCWD ? -1 : fd, true);
}

static void request_free(struct request *r)
{
	if (r->dir) file_put(r->dir);
	kfree(r->big);
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

static int open_user(int dirfd, uaddr_t path, uint32_t flags, uint32_t mode, struct file **out)
{
	struct request r;
	int rc = request_begin(&r, dirfd, path, false);

	return open_request(&r, rc, flags, mode, out);
}

static long open_fd(int dirfd, uaddr_t path, uint32_t flags, uint32_t mode)
{
	struct file *f;
	int rc = open_user(dirfd, path, flags, mode, &f);

	return rc ? rc : fd_install(f, 0, flags & O_CLOEXEC);
}

static int file_may_exec(const struct file *f)
{
	struct kmsg k = {.m = {.arg = {f->node, AT_EMPTY_PATH | AT_EACCESS, 1}}};       /* X_OK */

	return name_call(&k, NAME_ACCESS, false);
}

SYSCALL(open) { return open_fd(AT_FDCWD, a0, a1, a2); }
SYSCALL(openat) { return open_fd(a0, a1, a2, a3); }
SYSCALL(creat) { return open_fd(AT_FDCWD, a0, O_CREAT | O_WRONLY | O_TRUNC, a1); }

/* What has no name.  rc: what went wrong so far */
static long open_new(struct request *r, int rc, uint32_t op, uint32_t flags)
{
	struct file *f;

	if (!rc) rc = name_call(&r->k, op, false);
	request_free(r);
	if (!rc) rc = open_reply(&r->k, O_RDWR | (flags & O_NONBLOCK), &f);
	return rc ? rc : fd_install(f, 0, flags & O_CLOEXEC);
}

/* The file server judges the call's own arguments. */
static long open_counter(uint64_t x, uint32_t flags)
{
	struct request r = {.k.m.arg = {current_thread()->syscall_nr, x, flags}};

	return open_new(&r, 0, NAME_COUNTER, flags);
}

SYSCALL(eventfd) { return open_counter(a0, 0); }
SYSCALL(eventfd2) { return open_counter(a0, a1); }
SYSCALL(timerfd_create) { return open_counter(a0, a1); }

SYSCALL(memfd_create)
{
	struct request r = {.k.m.arg = {a1}};
	int rc = request_path(&r, a0);

	return open_new(&r, rc == -ENAMETOOLONG ? -EINVAL : rc, NAME_MEMFD, a1 & MFD_CLOEXEC ? O_CLOEXEC : 0);
}

SYSCALL(truncate)
{
	struct file *f;
	int rc = (int64_t)a1 < 0 ? -EINVAL : open_user(AT_FDCWD, a0, O_WRONLY, 0, &f);

	if (rc) return rc;
	rc = f->kind == FILE_VMO ? file_set_size(f, a1) : -EINVAL;
	file_put(f);
	return rc;
}

/* ---- directories: their entries, those where a process is and where its paths begin */

/* One page of entries at a time.  => file->lock held */
static long dir_read(struct file *f, uaddr_t buf, uint64_t size, char *page)
{
	struct kmsg k = {.m = {.arg = {f->node, f->offset}}};
	int rc;

	size = MIN(size, PAGE_SIZE);
	k.m.lend[0] = (struct ipc_lend){(uint64_t)page, size, LEND_WRITE};
	rc = name_call(&k, NAME_READDIR, false);
	if (rc) return rc;
	if (k.m.arg[0] > size) return -EIO;
	if (copy_out(buf, page, k.m.arg[0])) return -EFAULT;
	f->offset = k.m.arg[1];
	return k.m.arg[0];
}

SYSCALL(getdents64)
{
	struct file *f = fd_get(a0);
	char *page;
	long rc;

	if (!f) return -EBADF;
	page = f->kind == FILE_DIR ? kalloc(PAGE_SIZE) : NULL;
	rc = f->kind != FILE_DIR ? -ENOTDIR : -ENOMEM;
	if (page) {
		mutex_lock(&f->lock);
		rc = dir_read(f, a1, a2, page);
		mutex_unlock(&f->lock);
		kfree(page);
	}
	file_put(f);
	return rc;
}

/* f, a directory that may be searched, becomes *at; reading it is another right.  Takes the reference. */
static int dir_set(struct file **at, struct file *f)
{
	struct proc *p = current_proc();
	struct file *old = f;
	int rc = f->kind == FILE_DIR ? file_may_exec(f) : -ENOTDIR;

	if (!rc && at == &p->root && p->euid) rc = -EPERM;
	if (!rc) {
		mutex_lock(&p->files_lock);
		old = *at;
		*at = f;
		if (at == &p->root) p->root_node = f->node;
		mutex_unlock(&p->files_lock);
	}
	if (old) file_put(old);
	return rc;
}

static int dir_change(struct file **at, uaddr_t path)
{
	struct file *f;
	int rc = open_user(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, &f);

	return rc ? rc : dir_set(at, f);
}

SYSCALL(chdir) { return dir_change(&current_proc()->cwd, a0); }
SYSCALL(chroot) { return dir_change(&current_proc()->root, a0); }

SYSCALL(fchdir)
{
	struct file *f = fd_get_any(a0);

	return f ? dir_set(&current_proc()->cwd, f) : -EBADF;
}

SYSCALL(umask) { return __atomic_exchange_n(&current_proc()->umask, a0 & 0777, __ATOMIC_RELAXED); }

/* ---- stat */

/* The server writes into kernel memory; the user gets it only whole.  rc: what went wrong so far */
static long stat_end(struct request *r, int rc, uint64_t flags, uint32_t size, uaddr_t to)
{
	char buf[STATX_SIZE] = {0};

	/* A pipe is the kernel's alone: what it knows goes into the question. */
	if (!rc && r->dir && !r->dir->node) r->k.m.arg[2] = r->dir->mode | (uint64_t)r->dir->ino << 32;
	r->k.m.arg[1] = flags;
	r->k.m.lend[1] = (struct ipc_lend){(uint64_t)buf, size, LEND_WRITE};
	if (!rc) rc = name_call(&r->k, NAME_STAT, false);
	request_free(r);
	return rc ? rc : copy_out(to, buf, size);
}

static long stat_path(int dirfd, uaddr_t path, uint64_t flags, uint32_t size, uaddr_t to)
{
	struct request r;
	int rc = request_begin(&r, dirfd, path, flags & AT_EMPTY_PATH);

	return stat_end(&r, rc, flags, size, to);
}

static long stat_fd(int fd, uaddr_t to)
{
	struct request r;
	int rc = request_fd(&r, fd);

	return stat_end(&r, rc, AT_EMPTY_PATH, STAT_SIZE, to);
}

SYSCALL(stat) { return stat_path(AT_FDCWD, a0, 0, STAT_SIZE, a1); }
SYSCALL(lstat) { return stat_path(AT_FDCWD, a0, AT_SYMLINK_NOFOLLOW, STAT_SIZE, a1); }
SYSCALL(fstat) { return stat_fd(a0, a1); }

SYSCALL(newfstatat)
{
	if (a3 & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)) return -EINVAL;
	return stat_path(a0, a1, a3, STAT_SIZE, a2);
}

/* statx(2): all of STATX_BASIC_STATS is there, whatever was asked for. */
SYSCALL(statx)
{
	const uint32_t known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;

	if ((a2 & ~(uint64_t)known) || (a2 & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE || (a3 & STATX__RESERVED))
		return -EINVAL;
	return stat_path(a0, a1, a2, STATX_SIZE, a4);
}
