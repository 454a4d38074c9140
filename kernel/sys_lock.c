/* SPDX-License-Identifier: MIT */
/* kernel/sys_lock.c - RING 0 - fcntl()'s record locks and flock(): the table is the file server's, here is who asks.
 *
 * Path:  syscall.c > file.c fcntl > [sys_lock.c] > filedev.c name_call()  ~NAME_LOCK~>  fs/srv_lock.c
 * An owner is a pid, or for locks of an open file the address of its struct file, which no other has before the server
 * was told of its close.
 */
#include "kernel/proc.h"
#include "kernel/syscalls.h"

#define FLOCK_SIZE 32                   /* struct flock of Linux x86-64 */
#define LOCK_NB 4                       /* flock(): or fail */
#define LOCK_UN 8

/* Linux: a signal ends only what may have to wait for a lock. */
static bool lock_waits(uint64_t cmd, uint64_t arg)
{
	return cmd == F_SETLKW || cmd == F_OFD_SETLKW || (cmd == NAME_FLOCK && !(arg & (LOCK_NB | LOCK_UN)));
}

static int lock_call(struct file *f, uint64_t cmd, uint64_t owner, uint64_t arg, uaddr_t flock)
{
	struct kmsg k = {
		.m = {.arg = {f->node, cmd, owner, arg, f->flags & O_ACCMODE},
		      .lend = {{flock, FLOCK_SIZE, LEND_READ | LEND_WRITE}}},
		.lender = current_proc()->map,
	};

	return f->node ? name_call(&k, NAME_LOCK, lock_waits(cmd, arg)) : -EINVAL;
}

/* POSIX fcntl: a process that closes any descriptor of a file loses its record locks on it. */
void file_unlock(struct proc *p, struct file *f)
{
	if (f->node && p->locks) lock_call(f, NAME_UNLOCK, p->pid, 0, 0);
}

long fcntl_lock(int fd, struct file *f, uint32_t cmd, uaddr_t flock)
{
	struct proc *p = current_proc();
	bool process = cmd <= F_SETLKW;
	struct file *now;
	int rc;

	if (process) p->locks = true;
	rc = lock_call(f, cmd, process ? p->pid : (uintptr_t)f, __atomic_load_n(&f->offset, __ATOMIC_RELAXED), flock);
	now = process ? fd_get(fd) : NULL;
	if (process && now != f) file_unlock(p, f);        /* another thread closed it meanwhile */
	if (now) file_put(now);
	return rc;
}

SYSCALL(flock)
{
	FILE_HELD struct file *f = fd_get(a0);

	return f ? lock_call(f, NAME_FLOCK, (uintptr_t)f, a1, 0) : -EBADF;
}
