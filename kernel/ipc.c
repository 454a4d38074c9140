/* SPDX-License-Identifier: MIT */
/* kernel/ipc.c - RING 0 - ports: calls and their replies, posts, notifications, and the death of a server.
 *
 * Path:  system call or mm/pager.c > [ipc.c]  ~message~>  sys_ipc.c of the server
 * Use:   ipc_call() and ipc_post() on one side; ipc_recv(), lend_copy(), ipc_reply() on the other.
 * Locks: port->lock around the queues and the state of their messages; not held while anybody copies or `done` runs.
 *
 * I1  A message that is not IDLE is on exactly one list of its port.  Ports live for ever.
 * I2  A message leaves TAKEN only with no copy from or to its lent buffers under way (lend_busy is 0).
 * I3  The caller of a message, or its `done`, hears of its end exactly once.
 * I4  A dead port (owner NULL) gets no new message, and none stays on it.
 * I5  A note is received before every message that was sent after it. */
#include "kernel/ipc.h"

#include "kernel/proc.h"
#include "kernel/thread.h"
#include "mm/frame.h"

struct port *fs_port;

/* The message is over; who waits for it may go on as soon as the lock is free.  Posts: `done` is still to come. */
static void kmsg_finish_locked(struct kmsg *k)
{
	INVARIANT("I2", k->state != KMSG_IDLE && k->lend_busy == 0);
	list_remove(&k->link);
	k->state = KMSG_IDLE;
	if (k->caller) sched_wake(k->caller, true);
}

/* The first message that is queued, or else taken; NULL: there is none. */
static struct kmsg *kmsg_first_locked(struct port *p)
{
	struct list *from = list_empty(&p->queue) ? &p->taken : &p->queue;

	return list_empty(from) ? NULL : container_of(from->next, struct kmsg, link);
}

void port_die(struct port *p)
{
	struct kmsg *k;

	spin_lock(&p->lock);
	p->owner = NULL;
	waitq_wake_all(&p->servers);
	while (!list_empty(&p->notes)) kfree(container_of(list_pop_front(&p->notes), struct note, link));
	while ((k = kmsg_first_locked(p))) {
		if (k->lend_busy) {
			waitq_sleep(&p->settled, &p->lock, WAIT_FOREVER, false);
			continue;
		}
		k->m.status = -EIO;
		for (int i = 0; i < IPC_HANDLES; i++) k->obj[i] = NULL; /* the request's were only borrowed */
		kmsg_finish_locked(k);
		if (k->caller) continue;
		spin_unlock(&p->lock);
		k->done(k);
		spin_lock(&p->lock);
	}
	spin_unlock(&p->lock);
}

struct port *port_create(struct proc *owner)
{
	struct port *p = kalloc(sizeof(*p));

	if (!p) return NULL;
	kobj_init(&p->obj, KOBJ_PORT, NULL);    /* nobody drops the last reference (I1) */
	spin_init(&p->lock, RANK_PORT, "port");
	list_init(&p->queue);
	list_init(&p->taken);
	list_init(&p->notes);
	waitq_init(&p->servers);
	waitq_init(&p->settled);
	p->owner = owner;
	return p;
}

/* Queue it and wake a server.  false: the port is dead.  => p->lock held */
static bool kmsg_queue_locked(struct port *p, struct kmsg *k, struct thread *caller)
{
	INVARIANT("I1", k->state == KMSG_IDLE);
	if (!p->owner) return false;
	k->state = KMSG_QUEUED;
	k->caller = caller;
	k->lend_busy = 0;
	k->lack.len = 0;
	k->m.token = ++p->last_token;
	list_push_back(&p->queue, &k->link);
	waitq_wake_one(&p->servers);
	return true;
}

static int call_once(struct port *p, struct kmsg *k, bool interruptible)
{
	int rc = 0;

	SPIN_HELD(&p->lock);
	if (!kmsg_queue_locked(p, k, current_thread())) return -EIO;
	while (!rc && k->state != KMSG_IDLE) rc = sched_sleep(&p->lock, WAIT_FOREVER, interruptible);
	if (rc == -EINTR) {             /* take the message back, unless the reply wins */
		while (k->lend_busy) waitq_sleep(&p->settled, &p->lock, WAIT_FOREVER, false);   /* I2 */
		if (k->state == KMSG_IDLE) rc = 0;
		else list_remove(&k->link);
		k->state = KMSG_IDLE;
	}
	return rc;
}

int ipc_call(struct port *p, struct kmsg *k, bool interruptible)
{
	const bool fatal_only = current_thread()->fatal_only;
	int rc;

	for (;;) {
		rc = call_once(p, k, interruptible);
		if (rc || !k->lack.len) return rc;
		rc = lend_bring(k);
		if (!rc && thread_ends(current_thread())) rc = -EINTR;  /* nothing was done yet: it need not go on */
		if (rc) return rc;
		current_thread()->fatal_only = fatal_only;      /* the server may have changed it: ipc_signals() */
	}
}

bool ipc_post(struct port *p, struct kmsg *k)
{
	SPIN_HELD(&p->lock);
	return kmsg_queue_locked(p, k, NULL);
}

void ipc_note(struct port *p, struct note *n)
{
	bool resched;

	spin_lock(&p->lock);
	resched = this_cpu()->resched;
	if (p->owner) list_push_back(&p->notes, &n->link);
	else kfree(n);
	waitq_wake_one(&p->servers);
	this_cpu()->resched = resched;
	sched_tick();           /* the server's turn is next (S6 of sched.c) */
	spin_unlock(&p->lock);
}

void port_notify(struct port *p, uint64_t bits)
{
	spin_lock(&p->lock);
	p->bits |= bits;
	if (p->bits) waitq_wake_one(&p->servers);
	spin_unlock(&p->lock);
}

static void note_take_locked(struct port *p, struct ipc_msg *m)
{
	struct list *l = list_pop_front(&p->notes);

	if (!l) return;
	memcpy(m->note, container_of(l, struct note, link)->word, sizeof(m->note));
	kfree(container_of(l, struct note, link));
}

/* A notification goes first: an interrupt that is served frees what the next message may need.  So do notes, but the
 * last, which comes with a message. */
static bool port_take_locked(struct port *p, struct ipc_msg *m, struct kobj *obj[IPC_HANDLES])
{
	struct list *note = p->notes.next;
	struct kmsg *k;

	for (int i = 0; i < IPC_HANDLES; i++) obj[i] = NULL;
	if (p->bits || (note != &p->notes && (note->next != &p->notes || list_empty(&p->queue)))) {
		*m = (struct ipc_msg){ .op = OP_NOTIFY, .arg = { p->bits } };
		note_take_locked(p, m);
		p->bits = 0;
		return true;
	}
	if (list_empty(&p->queue)) return false;
	k = container_of(list_pop_front(&p->queue), struct kmsg, link);
	list_push_back(&p->taken, &k->link);
	k->state = KMSG_TAKEN;
	*m = k->m;
	m->note[0] = 0;
	note_take_locked(p, m);
	for (int i = 0; i < IPC_HANDLES; i++) {
		obj[i] = k->obj[i];
		if (obj[i]) kobj_ref(obj[i]);
	}
	return true;
}

int ipc_recv(struct ipc_msg *m, struct kobj *obj[IPC_HANDLES], uint64_t deadline)
{
	struct port *p = current_proc()->port;
	int rc = 0;

	if (!p) return -EPERM;
	SPIN_HELD(&p->lock);
	for (;;) {
		if (!p->owner) return -EPERM;
		if (port_take_locked(p, m, obj)) return 0;      /* even after a signal, or too late: the wake-up was ours alone */
		if (rc) return rc;
		rc = waitq_sleep(&p->servers, &p->lock, deadline, true);
	}
}

struct kmsg *kmsg_find_locked(struct port *p, uint64_t token)
{
	list_for(l, &p->taken) {
		struct kmsg *k = container_of(l, struct kmsg, link);

		if (k->m.token == token) return k;
	}
	return NULL;
}

struct kmsg *kmsg_lock(struct port *p, uint64_t token)
{
	struct kmsg *k;

	if (!p) return NULL;
	spin_lock(&p->lock);
	k = kmsg_find_locked(p, token);
	if (!k) spin_unlock(&p->lock);
	return k;
}

void objs_drop(struct kobj *obj[IPC_HANDLES])
{
	for (int i = 0; i < IPC_HANDLES; i++) {
		if (obj[i]) kobj_unref(obj[i]);
		obj[i] = NULL;
	}
}

int ipc_signals(uint64_t token, bool any)
{
	struct port *p = current_proc()->port;
	struct kmsg *k = kmsg_lock(p, token);

	if (!k) return -ESRCH;
	if (k->caller) {
		k->caller->fatal_only = !any;
		thread_interrupt(k->caller);
	}
	spin_unlock(&p->lock);
	return 0;
}

/* The reply's words into the message, or what it says is missing (L1).  An errno that is none is the server's mistake:
 * -EIO, never a made-up success. */
static void kmsg_answer_locked(struct kmsg *k, const struct ipc_msg *m, struct kobj *obj[IPC_HANDLES])
{
	bool lacks = m->status == -EAGAIN && m->arg[1] && k->lender;

	k->m.status = m->status <= 0 && m->status > -4096 ? m->status : -EIO;
	if (lacks) memcpy(&k->lack, m->arg, sizeof(k->lack));
	else memcpy(k->m.arg, m->arg, sizeof(k->m.arg));
	for (int i = 0; i < IPC_HANDLES && !lacks; i++) {
		k->obj[i] = k->caller ? obj[i] : NULL;
		if (k->caller) obj[i] = NULL;
	}
	kmsg_finish_locked(k);
}

int ipc_reply(const struct ipc_msg *m, struct kobj *obj[IPC_HANDLES])
{
	struct port *p = current_proc()->port;
	struct kmsg *k = kmsg_lock(p, m->token);
	int rc = !k ? -ESRCH : k->lend_busy ? -EBUSY : 0;
	bool post = !rc && !k->caller;  /* once the lock is free, a caller may be gone, and k with it */

	if (!rc) kmsg_answer_locked(k, m, obj);
	if (k) spin_unlock(&p->lock);
	if (post) k->done(k);
	objs_drop(obj);
	return rc;
}
