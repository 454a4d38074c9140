/* SPDX-License-Identifier: MIT */
/* kernel/file.c - RING 0 - open files, and the table of descriptors that point to them.
 *
 * Path:  sys_*.c > [file.c]
 * Use:   fd_get() gives a reference, file_put() takes it back; the last one closes.
 * Locks: proc->files_lock around the table; file->lock is the turn of those who use the offset.  No file is put while
 *        the table is locked.
 *
 * F1  A descriptor holds one reference of its file.  So does every call that works on it.
 * F2  The file server is told once for each node, after the last reference went. */
#include "kernel/syscalls.h"
#include "mm/vmo.h"

struct file *file_alloc(uint32_t flags)
{
	static uint32_t last_ino;
	struct file *f = kalloc(sizeof(*f));

	if (!f) return NULL;
	f->refs = 1;
	f->ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
	f->flags = flags;
	mutex_init(&f->lock, RANK_FILE, "file");
	return f;
}

void file_ref(struct file *f) { __atomic_add_fetch(&f->refs, 1, __ATOMIC_RELAXED); }

void file_put(struct file *f)
{
	if (__atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL)) return;
	if (f->vmo) vmo_user_put(f->vmo);
	if (f->ops && f->ops->close) f->ops->close(f);
	if (!f->node || f->node == NODE_ROOT) {
		kfree(f);
		return;
	}
	f->closed.word[0] = f->node;
	f->closed.word[1] = (uintptr_t)f;
	ipc_note(fs_port, &f->closed);
}

/* POSIX fcntl: a process that closes any descriptor of a file loses its record locks on it. */
static void file_unlock(const struct proc *p, const struct file *f)
{
	KMSG_HELD struct kmsg k = {.m = {.arg = {f->node}}};

	if (f->node && p->locks) name_call(&k, NAME_UNLOCK, false);
}

static void fd_put(struct proc *p, struct file *f)
{
	file_unlock(p, f);
	file_put(f);
}

struct file *fd_get_any(int fd)
{
	struct proc *p = current_proc();

	if (fd < 0 || fd >= FD_MAX) return NULL;
	MUTEX_HELD(&p->files_lock);
	if (p->fd[fd]) file_ref(p->fd[fd]);
	return p->fd[fd];
}

struct file *fd_get(int fd)
{
	struct file *f = fd_get_any(fd);

	if (!f || !(f->flags & O_PATH)) return f;
	file_put(f);
	return NULL;
}

static int fd_limit(const struct proc *p) { return MIN(p->rlimit[RLIMIT_NOFILE][0], (uint64_t)FD_MAX); }

int fd_install(struct file *f, int fd, bool cloexec, bool replace)
{
	struct proc *p = current_proc();
	int limit = fd_limit(p);
	struct file *old = NULL;
	bool room;

	mutex_lock(&p->files_lock);
	while (!replace && fd < limit && p->fd[fd]) fd++;
	room = fd >= 0 && fd < limit;
	if (room) {
		old = p->fd[fd];
		p->fd[fd] = f;
		p->fd_flags[fd] = cloexec ? O_CLOEXEC_FD : 0;
		p->fd_end = MAX(p->fd_end, fd + 1);
	}
	mutex_unlock(&p->files_lock);
	if (old) fd_put(p, old);
	if (room) return fd;
	file_put(f);
	return replace ? -EBADF : -EMFILE;
}

void files_fork(struct proc *child)
{
	struct proc *p = current_proc();

	MUTEX_HELD(&p->files_lock);
	child->fd_end = p->fd_end;
	for (int i = 0; i < p->fd_end; i++) {
		child->fd[i] = p->fd[i];
		child->fd_flags[i] = p->fd_flags[i];
		if (p->fd[i]) file_ref(p->fd[i]);
	}
	child->cwd = p->cwd;
	child->root = p->root;
	if (p->cwd.dir) file_ref(p->cwd.dir);
	if (p->root.dir) file_ref(p->root.dir);
}

static struct file *fd_take(struct proc *p, int fd)
{
	struct file *f;

	MUTEX_HELD(&p->files_lock);
	f = p->fd[fd];
	p->fd[fd] = NULL;
	return f;
}

void files_close(struct proc *p, bool cloexec_only)
{
	for (int i = 0; i < p->fd_end; i++) {
		struct file *f;

		if (!p->fd[i] || (cloexec_only && !(p->fd_flags[i] & O_CLOEXEC_FD))) continue;
		f = fd_take(p, i);
		if (f) fd_put(p, f);
	}
	if (cloexec_only) return;
	if (p->cwd.dir) file_put(p->cwd.dir);
	if (p->root.dir) file_put(p->root.dir);
	p->cwd = p->root = (struct place){0};
}

/* ---- descriptors' system calls */

SYSCALL(close)
{
	struct file *f = (uint32_t)a0 < FD_MAX ? fd_take(current_proc(), a0) : NULL;

	if (!f) return -EBADF;
	fd_put(current_proc(), f);
	return 0;
}

/* close_range(2): CLOSE_RANGE_UNSHARE has nothing to do, no two processes share a table. */
SYSCALL(close_range)
{
	if ((uint32_t)a0 > (uint32_t)a1 || (a2 & ~(uint64_t)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))) return -EINVAL;
	for (uint32_t fd = a0; fd <= (uint32_t)a1 && fd < FD_MAX; fd++) {
		if (a2 & CLOSE_RANGE_CLOEXEC) current_proc()->fd_flags[fd] = O_CLOEXEC_FD;
		else sys_close(fd, 0, 0, 0, 0, 0);
	}
	return 0;
}

SYSCALL(dup)
{
	struct file *f = fd_get_any(a0);

	return f ? fd_install(f, 0, false, false) : -EBADF;
}

SYSCALL(dup3, from, to, flags)
{
	struct file *f;

	if ((int)from == (int)to || (flags & ~(uint64_t)O_CLOEXEC)) return -EINVAL;
	f = fd_get_any(from);
	return f ? fd_install(f, to, flags & O_CLOEXEC, true) : -EBADF;
}

SYSCALL(dup2, from, to)
{
	if ((int)from != (int)to) return sys_dup3(from, to, 0, 0, 0, 0);
	return sys_fcntl(from, F_GETFD, 0, 0, 0, 0) < 0 ? -EBADF : (int)to;
}

/* The file server knows the rest, above all locks (fs/srv_lock.c). */
static long fcntl_ask(int fd, struct file *f, uint32_t cmd, uint64_t arg)
{
	FILE_HELD struct file *now = NULL;
	bool process = cmd >= F_GETLK && cmd <= F_SETLKW;
	long rc;

	if (process) current_proc()->locks = true;
	rc = name_forward(f, (uint64_t[5]){fd, cmd, arg}, true);
	now = fd_get(fd);
	if (process && now != f) file_unlock(current_proc(), f);        /* another thread closed it meanwhile */
	return rc;
}

SYSCALL(fcntl, fd, cmd, arg)
{
	const uint32_t may = O_APPEND | O_NONBLOCK;     /* POSIX: F_SETFL changes nothing else */
	FILE_HELD struct file *f = fd_get_any(fd);

	cmd = (uint32_t)cmd;
	if (!f || ((f->flags & O_PATH) && cmd > F_GETFL && cmd != F_DUPFD_CLOEXEC)) return -EBADF;
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (arg >= (uint64_t)fd_limit(current_proc())) return -EINVAL;
		file_ref(f);
		return fd_install(f, arg, cmd == F_DUPFD_CLOEXEC, false);
	case F_GETFD: return current_proc()->fd_flags[(int)fd];
	case F_SETFD:
		current_proc()->fd_flags[(int)fd] = arg & O_CLOEXEC_FD;
		return 0;
	case F_GETFL: return f->flags & ~(uint32_t)O_CLOEXEC;
	case F_SETFL:
		f->flags = (f->flags & ~may) | (arg & may);
		return 0;
	default: return fcntl_ask(fd, f, cmd, arg);
	}
}
