/* SPDX-License-Identifier: MIT */
/* fs/srv_lock.c - RING 3 - the name protocol (abi/name.h): fcntl()'s locks and flock().
 *
 * Path:  kernel/sys_name.c  ~message~>  call.c, server.c > [srv_lock.c] > vfs_lock.c
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "fs/call.h"
#include "fs/vfs_lock.h"

/* musl has the numbers only with _GNU_SOURCE. */
enum { OFD_GETLK = 36, OFD_SETLK = 37, OFD_SETLKW = 38, SET_PIPE = 1031, GET_PIPE = 1032 };

static uint32_t command(const struct call *c) { return (uint32_t)c->arg[1]; }
static bool is_ofd(uint64_t cmd) { return cmd >= OFD_GETLK && cmd <= OFD_SETLKW; }

/* A copy of nothing from or to the caller says whether it is still there. */
bool lock_waits(uint64_t token)
{
	return q_lend_write(token, 0, 0, "", 0) != -ESRCH;
}

int lock_answer(uint64_t token)
{
	struct ipc_msg m = {.token = token};

	return q_reply(&m);
}

/* Where l_whence points to. */
static int flock_base(const struct call *c, struct vnode *vn, short whence, int64_t *base)
{
	struct stat st;
	int rc = 0;

	*base = 0;
	if (whence == SEEK_CUR) {
		*base = (int64_t)c->who->file.offset;
	} else if (whence == SEEK_END) {
		rc = vfs_stat(vn, &st);
		*base = st.st_size;
	} else if (whence != SEEK_SET) {
		rc = -EINVAL;
	}
	return rc;
}

/* POSIX fcntl(): a negative length is what lies in front of the start; 0 reaches to the end of every file. */
static int flock_range(int64_t base, const struct flock *fl, struct lock_range *r)
{
	if (__builtin_add_overflow(base, fl->l_start, &r->start)) return fl->l_start > 0 ? -EOVERFLOW : -EINVAL;
	if (r->start < 0) return -EINVAL;
	r->end = INT64_MAX;
	if (fl->l_len > 0 && __builtin_add_overflow(r->start, fl->l_len - 1, &r->end)) return -EOVERFLOW;
	if (fl->l_len >= 0) return 0;
	if (r->start + fl->l_len < 0) return -EINVAL;
	r->end = r->start - 1;
	r->start += fl->l_len;
	return 0;
}

static int flock_take(const struct call *c, struct vnode *vn, struct flock *fl, struct lock_range *r)
{
	int64_t base;
	int rc = lent_read(c->token, c->arg[2], fl, sizeof(*fl));

	*r = (struct lock_range){.owner = c->who->file.description, .uid = c->cred.uid, .type = fl->l_type};
	if (!is_ofd(command(c))) r->owner = c->cred.pid;
	if (!rc) rc = flock_base(c, vn, fl->l_whence, &base);
	if (!rc) rc = flock_range(base, fl, r);
	if (!rc && fl->l_type != F_RDLCK && fl->l_type != F_WRLCK && fl->l_type != F_UNLCK) rc = -EINVAL;
	if (!rc && is_ofd(command(c)) && fl->l_pid) rc = -EINVAL;
	return rc;
}

/* Nothing in the way: the type says so, the rest stays as it was. */
static int record_get(const struct call *c, struct vnode *vn, struct flock *fl, const struct lock_range *r)
{
	struct lock_range have;
	int rc = r->type == F_UNLCK ? -EINVAL : lent_write(c->token, c->arg[2], fl, sizeof(*fl));

	if (rc) return rc;              /* all of it is there before any of it changes: it is read again otherwise */
	lock_get(vn, r, &have);
	fl->l_type = have.type;
	if (have.type != F_UNLCK) {
		fl->l_whence = SEEK_SET;
		fl->l_start = have.start;
		fl->l_len = have.end == INT64_MAX ? 0 : have.end - have.start + 1;
		fl->l_pid = lock_owner_pid(have.owner) ? (pid_t)have.owner : -1;
	}
	return lent_write(c->token, c->arg[2], fl, sizeof(*fl));
}

/* Linux: a signal ends only what has to wait for a lock. */
static long wait_for(const struct call *c, struct vnode *vn, const struct lock_range *r)
{
	int rc = lock_wait(vn, r, c->token);

	if (rc <= 0) return rc;
	q_call_signals(c->token, true);
	return CALL_LATER;
}

/* A read lock takes a descriptor that can read, a write lock one that can write. */
static long record_lock(const struct call *c, struct vnode *vn)
{
	uint64_t cmd = command(c), mode = c->who->fd_flags & O_ACCMODE;
	struct lock_range r;
	struct flock fl;
	int rc = flock_take(c, vn, &fl, &r);

	if (rc) return rc;
	if (cmd == F_GETLK || cmd == OFD_GETLK) return record_get(c, vn, &fl, &r);
	if (r.type == F_RDLCK && mode == O_WRONLY) return -EBADF;
	if (r.type == F_WRLCK && mode == O_RDONLY) return -EBADF;
	if (cmd == F_SETLKW || cmd == OFD_SETLKW) return wait_for(c, vn, &r);
	return lock_set(vn, &r);
}

long call_flock(const struct call *c)
{
	struct vnode *vn = vnode_by_number(c->who->fd_node);
	struct lock_range r = {.owner = c->who->file.description, .uid = c->cred.uid, .flock = true, .end = INT64_MAX};

	if (!call_fd_open(c)) return -EBADF;
	switch (c->arg[1] & ~(uint64_t)LOCK_NB) {
	case LOCK_SH: r.type = F_RDLCK; break;
	case LOCK_EX: r.type = F_WRLCK; break;
	case LOCK_UN: r.type = F_UNLCK; break;
	default: return -EINVAL;
	}
	if (!vn) return -EINVAL;
	return c->arg[1] & LOCK_NB ? lock_set(vn, &r) : wait_for(c, vn, &r);
}

/* All pipes have one size. */
static long pipe_size(const struct call *c, const struct vnode *vn)
{
	if (c->who->fd_node && !(vn && S_ISFIFO(vn->mode))) return -EBADF;
	return command(c) == SET_PIPE && c->arg[2] > PIPE_SIZE ? -EPERM : (long)PIPE_SIZE;
}

/* What ring 0 does not know: what it does is about descriptors and the flags of open files alone. */
long call_fcntl(const struct call *c)
{
	struct vnode *vn = vnode_by_number(c->who->fd_node);

	switch (command(c)) {
	case F_GETOWN:
	case F_SETOWN:   return 0;              /* nobody is: there is no SIGIO */
	case SET_PIPE:
	case GET_PIPE:   return pipe_size(c, vn);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case OFD_GETLK:
	case OFD_SETLK:
	case OFD_SETLKW: return vn ? record_lock(c, vn) : -EINVAL;
	default:         return -EINVAL;
	}
}

static int name_unlock(const struct ipc_msg *in, struct ipc_msg *out)
{
	struct vnode *vn = vnode_by_number(in->arg[0]);

	(void)out;
	if (vn) lock_close(vn, msg_cred(in).pid);
	return 0;
}

handler srv_lock_handler(uint32_t op)
{
	return op == NAME_UNLOCK ? name_unlock : NULL;
}
