/* SPDX-License-Identifier: MIT */
/* kernel/sys_dir.c - RING 0 - directories: their entries, and those where a process is and where its paths begin.
 *
 * Path:  syscall.c > [sys_dir.c] > name.h  ~message~>  fs/server.c
 * Locks: file->lock of a directory while its entries are read: the position moves with the entries.
 */
#include "kernel/name.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"

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

/* ---- the current directory */

/* at: where a process keeps the directory.  rc: what went wrong so far */
static int dir_set(struct file **at, struct file *f, int rc)
{
	struct proc *p = current_proc();
	struct file *old = f;

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

/* A directory that may be searched; reading it is another right. */
static int dir_open(uaddr_t path, struct file **f)
{
	char *s = kalloc(PATH_MAX);
	int rc = s ? copy_in_str(s, path, PATH_MAX) : -ENOMEM;

	*f = NULL;
	if (rc >= 0) rc = file_open(s, O_PATH | O_DIRECTORY, f);
	if (!rc) rc = file_may_exec(s);
	kfree(s);
	return rc;
}

SYSCALL(chdir)
{
	struct file *f;
	int rc = dir_open(a0, &f);

	return dir_set(&current_proc()->cwd, f, rc);
}

SYSCALL(chroot)
{
	struct file *f;
	int rc = dir_open(a0, &f);

	if (!rc && current_proc()->euid) rc = -EPERM;
	return dir_set(&current_proc()->root, f, rc);
}

SYSCALL(fchdir)
{
	struct request r;
	int rc = request_fd(&r, a0);
	struct file *f = r.dir;

	if (rc) return rc;
	file_ref(f);
	r.k.m.arg[1] = AT_EMPTY_PATH | AT_EACCESS;
	r.k.m.arg[2] = 1;               /* X_OK */
	rc = request_end(&r, f->kind == FILE_DIR ? 0 : -ENOTDIR, NAME_ACCESS);
	return dir_set(&current_proc()->cwd, f, rc);
}

SYSCALL(umask) { return __atomic_exchange_n(&current_proc()->umask, a0 & 0777, __ATOMIC_RELAXED); }
