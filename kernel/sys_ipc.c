/* SPDX-License-Identifier: MIT */
/* kernel/sys_ipc.c - RING 0 - the system calls of abi/ipc.h about messages: handles become objects and back.
 *
 * Path:  entry.S > syscall.c > [sys_ipc.c] > ipc.c, handle.c
 * Locks: none here; objects are held by references.
 *
 * Y1  A message whose handles the receiver's table cannot take fails as a whole: no half of it is seen. */
#include "kernel/syscalls.h"
#include "mm/map.h"

#define IPC_REPLY_SIZE offsetof(struct ipc_msg, lend)   /* what a reply has of a message */

/* The objects that a message's handles name.  -EBADF, and then nothing is held */
static int handles_to_objs(const struct ipc_msg *m, struct kobj *obj[IPC_HANDLES])
{
	int rc = 0;

	for (int i = 0; i < IPC_HANDLES; i++) {
		obj[i] = m->handle[i] ? object_get(m->handle[i], KOBJ_ANY) : NULL;
		if (m->handle[i] && !obj[i]) rc = -EBADF;
	}
	if (rc) objs_drop(obj);
	return rc;
}

/* Handles for the objects, whose references end here.  -ENOMEM, -EMFILE: none was made (Y1) */
static int objs_to_handles(struct ipc_msg *m, struct kobj *obj[IPC_HANDLES])
{
	struct handles *mine = &current_proc()->handles;
	int rc = 0;

	for (int i = 0; i < IPC_HANDLES; i++) {
		int h = obj[i] ? handle_add(mine, obj[i]) : 0;

		m->handle[i] = MAX(h, 0);
		rc = MIN(rc, h);
	}
	objs_drop(obj);
	for (int i = 0; i < IPC_HANDLES && rc; i++) {
		handle_close(mine, m->handle[i]);
		m->handle[i] = 0;
	}
	return rc;
}

/* What it lends is looked at when it is used: none of it can be more than its own. */
SYSCALL(ipc_call, port, msg)
{
	struct kmsg k = { .lender = current_proc()->map };
	KOBJ_HELD struct kobj *to = object_get(port, KOBJ_PORT);
	struct kobj *obj[IPC_HANDLES];
	int rc = copy_in(&k.m, msg, sizeof(k.m));

	if (!to) return -EBADF;
	if (!rc) rc = handles_to_objs(&k.m, obj);
	if (rc) return rc;

	k.m.token = 0;
	memcpy(k.obj, obj, sizeof(obj));
	rc = ipc_call(container_of(to, struct port, obj), &k, true);
	objs_drop(obj);
	if (rc) return rc;
	rc = objs_to_handles(&k.m, k.obj);
	if (rc) k.m.status = rc;
	rc = copy_out(msg, &k.m, IPC_REPLY_SIZE);
	for (int i = 0; i < IPC_HANDLES && rc; i++) handle_close(&current_proc()->handles, k.m.handle[i]);
	return rc;
}

/* Receive, and put the message at `msg`.  What cannot be delivered is answered here: its caller does not wait. */
static int msg_receive(uaddr_t msg, uint64_t deadline)
{
	struct kobj *obj[IPC_HANDLES], *none[IPC_HANDLES] = { NULL };
	struct ipc_msg m;
	int rc = ipc_recv(&m, obj, deadline), bad;

	if (rc) return rc;
	for (int i = 0; i < IPC_LENDS; i++) m.lend[i].addr = 0;
	bad = objs_to_handles(&m, obj);
	if (bad) {
		ipc_reply(&(struct ipc_msg){ .token = m.token, .status = bad }, none);
		m.token = 0;            /* what it receives is a notification of nothing, with the note */
		m.op = OP_NOTIFY;
		m.arg[0] = 0;
	}
	rc = copy_out(msg, &m, sizeof(m));
	if (rc) port_die(current_proc()->port); /* else whoever sent it might wait for ever */
	return rc;
}

SYSCALL(ipc_reply)
{
	struct kobj *obj[IPC_HANDLES];
	struct ipc_msg m;
	int rc = copy_in(&m, a0, IPC_REPLY_SIZE);

	if (rc) return rc;
	if (!m.token) return -ESRCH;
	rc = handles_to_objs(&m, obj);
	return rc ? rc : ipc_reply(&m, obj);
}

SYSCALL(ipc_reply_recv, msg, until)
{
	long rc = sys_ipc_reply(msg, 0, 0, 0, 0, 0);

	if (rc && rc != -ESRCH) return rc;      /* a caller that went away is no reason not to serve the next */
	return msg_receive(msg, until ? until : WAIT_FOREVER);
}

SYSCALL(handle_close, handle) { return handle_close(&current_proc()->handles, handle); }
