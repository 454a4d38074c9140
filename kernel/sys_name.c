/* SPDX-License-Identifier: MIT */
/* kernel/sys_name.c - RING 0 - system calls that the file server answers, what it leaves to be done here; its devices.
 *
 * What names or opens something, or is about what a descriptor is, goes there as it is (NAME_CALL of abi/name.h).  The
 * answer says what the caller's thread does then (THEN_*): with what was opened, or with the descriptor in question.
 *
 * Path:  syscall.c > [sys_name.c] > forward.c name_call()  ~message~>  fs/call.c;  sys_file.c > here  ~DEV_*~>  fs/devfs.c
 * Locks: none across a message, but file->lock of a directory while its entries are read: its position moves with them.
 */
#include "kernel/syscalls.h"
#include "mm/map.h"

/* ---- devices */

/* At most DEV_PIECE bytes a message.  If it has to wait, the server lets a signal end it. */
static int64_t device_rw(struct file *f, uint64_t *pos, struct io io)
{
	uint64_t done = 0;
	int64_t n;

	do {
		KMSG_HELD struct kmsg k = {
			.m = {.arg = {f->node, *pos, f->flags}},
			.lender = io.kernel ? NULL : current_proc()->map,
		};

		k.m.lend[0] = (struct ipc_lend){io.buf, io.len, io.write ? LEND_READ : LEND_WRITE};
		n = name_call(&k, io.write ? DEV_WRITE : DEV_READ, !(f->flags & O_NONBLOCK));
		if (n > (int64_t)io.len) n = -EIO;      /* the server is wrong */
		if (n < 0) break;
		done += n;
		*pos += n;
		io_advance(&io, n);
	} while (n == DEV_PIECE && io.len > 0 && !thread_has_signal(current_thread()));
	return done ? (int64_t)done : n;
}

static int device_poll(struct file *f)
{
	KMSG_HELD struct kmsg k = {.m = {.arg = {f->node}}};
	long now = name_call(&k, DEV_POLL, false);

	return now < 0 ? POLLIN | POLLOUT : now & (POLLIN | POLLOUT | POLLHUP);
}

static const struct file_ops device_ops = {.rw = device_rw, .poll = device_poll};
static uint64_t devices_polled;         /* atomic, poll.c: who polls one that may be not ready */

/* The file server: what said "not ready" may be so now. */
SYSCALL(poll_wake)
{
	poll_wake(&devices_polled);
	return 0;
}

/* ---- what was opened */

/* One of the caller's own descriptors that is not the server's, a pipe (/proc/self/fd/N), is the same open file. */
static int open_make(const struct ipc_msg *m, struct kobj *o, struct file **out)
{
	uint32_t flags = m->arg[5];
	struct file *f;

	if (m->arg[2] & NAMEF_OWN) return (*out = fd_get(m->arg[0])) ? 0 : -ENXIO;
	f = *out = file_alloc(flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC));
	if (!f) {
		KMSG_HELD struct kmsg k = {.m = {.arg = {m->arg[0]}}};

		name_call(&k, NAME_CLOSE, false);
		return -ENOMEM;
	}
	f->node = m->arg[0];
	f->mode = m->arg[1];
	f->namef = m->arg[2];
	f->base = m->arg[3];
	f->limit = m->arg[4];
	if (file_is_dir(f) || (flags & O_PATH)) return 0;
	if (f->namef & NAMEF_DEVICE) {
		f->ops = &device_ops;
		f->polled = f->namef & NAMEF_POLL ? &devices_polled : NULL;
		return 0;
	}
	if (o && o->type == KOBJ_PIPE) return fifo_open(f, o);
	if (!o || o->type != KOBJ_VMO) return -EIO;     /* the server is wrong */
	f->ops = &vmo_ops;
	f->vmo = container_of(o, struct vmo, obj);
	vmo_user_get(f->vmo);
	f->err_seen = f->vmo->wb_err;
	return flags & O_TRUNC ? file_set_size(f, m->arg[7]) : 0;
}

/* It becomes a descriptor or a place; or, as after an error, it is closed again. */
static long open_then(const struct ipc_msg *m, struct kobj *o)
{
	struct proc *p = current_proc();
	struct file *f = NULL;
	long rc = open_make(m, o, &f);

	if (!rc && m->arg[NAME_THEN] == THEN_FD) return fd_install(f, 0, m->arg[5] & O_CLOEXEC, false);
	if (!rc && m->arg[NAME_THEN] != THEN_CLOSE) {
		struct place *at = m->arg[NAME_THEN] == THEN_CWD ? &p->cwd : &p->root, new = {f, f->node};

		MUTEX_HELD(&p->files_lock);
		f = at->dir;
		*at = new;
	}
	if (f) file_put(f);
	return rc;
}

/* ---- the calls */

/* An object is mapped whole, where the server says, or anywhere: shmat(). */
static long map_then(const uint64_t a[IPC_ARGS], struct kobj *o)
{
	struct vmo *v = container_of(o, struct vmo, obj);
	uint32_t prot = a[3] & (PROT_READ | PROT_WRITE | PROT_EXEC);
	uaddr_t at = a[1];
	int rc;

	if (!o || o->type != KOBJ_VMO) return -EIO;
	rc = map_map(current_proc()->map, &at, v->max_size, prot, prot | PROT_EXEC, a[2], v, 0);
	return rc == -EEXIST ? -EINVAL : rc ? rc : (long)at;
}

/* With the pages, or the size, of a file or a disk. */
static long vmo_then(struct file *f, const uint64_t a[IPC_ARGS])
{
	uint64_t limit = current_proc()->rlimit[RLIMIT_FSIZE][0];
	struct vmo *v = f->vmo;

	switch (a[NAME_THEN]) {
	case THEN_SIZE: return file_set_size(f, a[1]);
	case THEN_ROOM:
		if (!a[3] && a[1] + a[2] > MAX(limit, v->size)) return fsize_exceeded(-EFBIG, a[1] + a[2]);
		return vmo_allocate(v, a[1], a[2], a[3]);
	case THEN_PUNCH: return vmo_punch(v, a[1], a[2]);
	case THEN_FETCH: vmo_prefetch(v, a[1], a[2]); return 0;
	case THEN_WAIT: return vmo_wait(v, a[1], a[2], &f->err_seen);
	case THEN_SYNC:
		split_publish(v, a[1], a[2]);
		return vmo_sync(v, a[1], a[2], a[3], &f->err_seen);
	case THEN_DROP:
		if (!vmo_sync(v, a[1], a[2], 0, NULL) && a[3] <= a[4]) vmo_invalidate(v, a[3], a[4]);
		return 0;
	default: return -EIO;           /* the server is wrong */
	}
}

/* With the open file that was asked about, even if the number is another one's by now, or with the number. */
static long file_then(struct file *f, int fd, const uint64_t a[IPC_ARGS])
{
	switch (a[NAME_THEN]) {
	case THEN_CLOEXEC: current_proc()->fd_flags[fd] = a[1] & O_CLOEXEC_FD; return 0;
	case THEN_NONBLOCK: f->flags = (f->flags & ~(uint32_t)O_NONBLOCK) | (a[1] & O_NONBLOCK); return 0;
	case THEN_SEEK: f->offset = a[1]; return a[0];
	case THEN_ADVICE: f->ra.advice = a[1]; return 0;
	default: return f->vmo ? vmo_then(f, a) : -EIO;
	}
}

/* Along goes what the file server would ask next, in most cases; where it is not told it asks. */
static void caller_tell(struct kmsg *k, const struct file *f, const char *kinds)
{
	struct name_caller *who = (struct name_caller *)k->m.text;
	const struct proc *p = current_proc();
	bool fd = kinds[0] == 'f', path_next = fd && kinds[2] && kinds[3] == 'p';       /* "fd ...", "fd path ..." */
	int n = 0;

	who->umask = p->umask;
	who->uid = p->uid;
	who->gid = p->gid;
	who->cwd = p->cwd.node;
	if (f) {
		uint64_t at = __atomic_load_n(&f->offset, __ATOMIC_RELAXED);
		uint64_t left = f->pipe ? pipe_bytes(f->pipe) : f->vmo ? f->vmo->size - MIN(f->vmo->size, at) : 0;

		who->fd_node = f->node;
		who->fd_mode = f->mode;
		who->fd_flags = (f->flags & O_ACCMODE) | (f->flags & O_PATH ? NAME_FD_PATH : 0);
		/* no other has this address before the server was told of its close */
		who->file = (struct name_file){(uintptr_t)f, at, left};
	}
	if (path_next || kinds[0] == 'p')
		n = copy_in_str(who->path, k->m.arg[fd], sizeof(who->path));
	who->path_arg = fd;
	who->path_len = MAX(n, 0);
}

long name_forward(struct file *f, const uint64_t a[5], bool interruptible)
{
	const uint32_t nr = current_thread()->syscall_nr;
	KMSG_HELD struct kmsg k = {0};
	long rc;

	memcpy(k.m.arg, a, 5 * sizeof(*a));
	caller_tell(&k, f, syscall_kinds(nr));
	rc = name_call(&k, NAME_CALL + nr, interruptible);
	if (rc < 0 || !k.m.arg[NAME_THEN]) return rc;
	/* all the rest may lock and wait, but getdents64 has the directory's lock: the server is wrong */
	if (current_thread()->mutexes && k.m.arg[NAME_THEN] != THEN_SEEK) return -EIO;
	if (k.m.arg[NAME_THEN] == THEN_MAP) return map_then(k.m.arg, k.obj[0]);
	if (k.m.arg[NAME_THEN] <= THEN_CLOSE) return open_then(&k.m, k.obj[0]);
	return f ? file_then(f, a[0], k.m.arg) : -EIO;
}

static long call_forward(const uint64_t a[5], bool interruptible)
{
	FILE_HELD struct file *f = syscall_kinds(current_thread()->syscall_nr)[0] == 'f' ? fd_get_any(a[0]) : NULL;

	return name_forward(f, a, interruptible);
}

SYSCALL(forward_name) { return call_forward((uint64_t[]){a0, a1, a2, a3, a4}, true); }
/* Not interruptible: what has been opened would stay open. */
SYSCALL(forward_open) { return call_forward((uint64_t[]){a0, a1, a2, a3, a4}, false); }

/* The server puts entries into the caller's memory, and tells where the next begin. */
SYSCALL(getdents64)
{
	FILE_HELD struct file *f = fd_get(a0);

	if (!f) return -EBADF;
	MUTEX_HELD(&f->lock);
	return name_forward(f, (uint64_t[5]){a0, a1, a2}, true);
}

SYSCALL(umask) { return __atomic_exchange_n(&current_proc()->umask, a0 & 0777, __ATOMIC_RELAXED); }
