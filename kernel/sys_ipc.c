/* SPDX-License-Identifier: MIT */
/* kernel/sys_ipc.c - RING 0 - the system calls of abi/ipc.h about messages: handles become objects and back.
 *
 * Path:  entry.S > syscall.c > [sys_ipc.c] > ipc.c, lend.c, handle.c
 * Locks: none here; objects are held by references.
 *
 * Y1  A message whose handles the receiver's table cannot take fails as a whole: no half of it is seen. */
#include "kernel/ipc.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/time.h"
#include "kernel/usercopy.h"
#include "mm/map.h"

static struct port *port_get(uint64_t h)
{
	struct kobj *o = h <= UINT32_MAX ? handle_get(&current_proc()->handles, h, KOBJ_PORT) : NULL;

	return o ? container_of(o, struct port, obj) : NULL;
}

static void objs_put(struct kobj *obj[IPC_HANDLES])
{
	for (int i = 0; i < IPC_HANDLES; i++) {
		if (obj[i]) kobj_unref(obj[i]);
		obj[i] = NULL;
	}
}

/* The objects that a message's handles name.  -EBADF, and then nothing is held */
static int handles_to_objs(const struct ipc_msg *m, struct kobj *obj[IPC_HANDLES])
{
	for (int i = 0; i < IPC_HANDLES; i++) obj[i] = NULL;
	for (int i = 0; i < IPC_HANDLES; i++) {
		if (!m->handle[i]) continue;
		obj[i] = handle_get(&current_proc()->handles, m->handle[i], KOBJ_ANY);
		if (obj[i]) continue;
		objs_put(obj);
		return -EBADF;
	}
	return 0;
}

static void handles_undo(struct ipc_msg *m)
{
	for (int i = 0; i < IPC_HANDLES; i++) {
		if (m->handle[i]) handle_close(&current_proc()->handles, m->handle[i]);
		m->handle[i] = 0;
	}
}

/* Handles for the objects, whose references end here.  -ENOMEM, -EMFILE: none was made (Y1) */
static int objs_to_handles(struct ipc_msg *m, struct kobj *obj[IPC_HANDLES])
{
	int rc = 0;

	memset(m->handle, 0, sizeof(m->handle));
	for (int i = 0; i < IPC_HANDLES && rc >= 0; i++) {
		if (!obj[i]) continue;
		rc = handle_add(&current_proc()->handles, obj[i]);
		if (rc > 0) m->handle[i] = rc;
	}
	objs_put(obj);
	if (rc < 0) handles_undo(m);
	return MIN(rc, 0);
}

/* The caller sees its own words of the request again, but for what the reply says. */
static int call_finish(struct kmsg *k, uaddr_t msg)
{
	int rc = objs_to_handles(&k->m, k->obj);

	if (rc) k->m.status = rc;
	k->m.token = 0;
	memset(k->m.lend, 0, sizeof(k->m.lend));
	rc = copy_out(msg, &k->m, sizeof(k->m));
	if (rc) handles_undo(&k->m);
	return rc;
}

long sys_ipc_call(uint64_t port, uint64_t msg, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
	struct kmsg k = { .lender = current_proc()->map };
	struct kobj *obj[IPC_HANDLES];
	struct port *p;
	int rc = copy_in(&k.m, msg, sizeof(k.m));

	(void)a2, (void)a3, (void)a4, (void)a5;
	if (rc) return rc;
	for (int i = 0; i < IPC_LENDS; i++) {
		const struct ipc_lend *l = &k.m.lend[i];

		if (l->flags & ~(uint64_t)(LEND_READ | LEND_WRITE)) return -EINVAL;
		if (l->flags && !user_range_ok(l->addr, l->len)) return -EFAULT;
	}
	p = port_get(port);
	if (!p) return -EBADF;
	rc = handles_to_objs(&k.m, obj);

	if (!rc) {
		for (int i = 0; i < IPC_HANDLES; i++) k.obj[i] = obj[i];
		rc = ipc_call(p, &k, true);
		objs_put(obj);
	}
	kobj_unref(&p->obj);
	return rc ? rc : call_finish(&k, msg);
}

/* Receive, and put the message at `msg`.  What cannot be delivered is answered here, so that its caller does not wait. */
static int msg_receive(struct port *p, uaddr_t msg, uint64_t timeout)
{
	uint64_t now = time_mono(), deadline = timeout > WAIT_FOREVER - 1 - now ? WAIT_FOREVER : now + timeout;
	struct kobj *obj[IPC_HANDLES], *none[IPC_HANDLES] = { NULL };
	struct ipc_msg m;

	for (;;) {
		int rc = ipc_recv(p, &m, obj, deadline), bad;

		if (rc) return rc;
		for (int i = 0; i < IPC_LENDS; i++) m.lend[i].addr = 0;
		bad = objs_to_handles(&m, obj);
		if (!bad) {
			rc = copy_out(msg, &m, sizeof(m));
			if (!rc) return 0;
			handles_undo(&m);
		}
		if (!m.token) port_notify(p, m.arg[0]);         /* not lost: it comes again */
		else ipc_reply(&(struct ipc_msg){ .token = m.token, .status = bad ? bad : -EIO }, none);
		if (rc) return rc;
	}
}

long sys_ipc_recv(uint64_t port, uint64_t msg, uint64_t timeout, uint64_t a3, uint64_t a4, uint64_t a5)
{
	struct port *p = port_get(port);
	int rc;

	(void)a3, (void)a4, (void)a5;
	if (!p) return -EBADF;
	rc = msg_receive(p, msg, timeout);
	kobj_unref(&p->obj);
	return rc;
}

static int msg_reply(uaddr_t msg, bool maybe_none)
{
	struct kobj *obj[IPC_HANDLES];
	struct ipc_msg m;
	int rc = copy_in(&m, msg, sizeof(m));

	if (rc) return rc;
	if (!m.token) return maybe_none ? 0 : -ESRCH;
	rc = handles_to_objs(&m, obj);
	return rc ? rc : ipc_reply(&m, obj);
}

long sys_ipc_reply(uint64_t msg, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
	(void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return msg_reply(msg, false);
}

long sys_ipc_reply_recv(uint64_t port, uint64_t msg, uint64_t timeout, uint64_t a3, uint64_t a4, uint64_t a5)
{
	int rc = msg_reply(msg, true);

	if (rc && rc != -ESRCH) return rc;      /* a caller that went away is no reason not to serve the next */
	return sys_ipc_recv(port, msg, timeout, a3, a4, a5);
}

long sys_lend_read(uint64_t token, uint64_t which, uint64_t off, uint64_t buf, uint64_t len, uint64_t a5)
{
	(void)a5;
	if (which >= IPC_LENDS) return -EINVAL;
	if (!user_range_ok(buf, len)) return -EFAULT;
	return lend_copy(token, which, off, buf, len, false);
}

long sys_lend_write(uint64_t token, uint64_t which, uint64_t off, uint64_t buf, uint64_t len, uint64_t a5)
{
	(void)a5;
	if (which >= IPC_LENDS) return -EINVAL;
	if (!user_range_ok(buf, len)) return -EFAULT;
	return lend_copy(token, which, off, buf, len, true);
}

long sys_handle_close(uint64_t handle, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
	(void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return handle <= UINT32_MAX ? handle_close(&current_proc()->handles, handle) : -EBADF;
}

long sys_port_create(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
	struct port *p;
	int h;

	(void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	if (!current_proc()->server) return -EPERM;
	p = port_create(current_proc());
	if (!p) return -ENOMEM;
	h = handle_add(&current_proc()->handles, &p->obj);
	kobj_unref(&p->obj);
	return h;
}

long sys_port_notify(uint64_t port, uint64_t bits, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
	struct port *p = port_get(port);

	(void)a2, (void)a3, (void)a4, (void)a5;
	if (!p) return -EBADF;
	port_notify(p, bits);
	kobj_unref(&p->obj);
	return 0;
}
