/* SPDX-License-Identifier: MIT */
/* kernel/ipc.c - RING 0 - ports: calls and their replies, posts, notifications, and the death of a server.
 *
 * Path:  system call or mm/pager.c > [ipc.c]  ~message~>  syscall.c of the server > [ipc.c]
 * Use:   ipc_call() and ipc_post() on one side; the system calls of abi/ipc.h on the other, and carry.c.
 * Locks: port->lock around the queues and the state of their messages; not held while anybody copies or `done` runs.
 *
 * I1  A message that is under way (it has a token) is on exactly one list of its port.  Ports live for ever.
 * I2  It is over only with no copy from or to its lent buffers under way (lend_busy is 0).
 * I3  The caller of a message, or its `done`, hears of its end exactly once.
 * I4  A dead port (owner NULL) gets no new message, and none stays on it.
 * I5  A note is received before every message that was sent after it.
 * I6  A message whose handles the receiver's table cannot take fails as a whole: no half of it is seen. */
#include "kernel/syscalls.h"

struct port *fs_port;

/* The reply's words into the message, or what it says is missing (L1), and it is over: who waits for it may go on as soon
 * as the lock is free.  An errno that is none is the server's mistake: -EIO, never a made-up success.  The references in
 * obj end here; to a call they are exchanged for those of the request.
 * => p->lock held, and let go of */
static void kmsg_answer(struct port *p, struct kmsg *k, const struct ipc_msg *m, struct kobj *obj[IPC_HANDLES])
{
	bool lacks = m->status == -EAGAIN && m->arg[1] && k->lender, post = !k->caller;

	INVARIANT("I2", k->m.token && k->lend_busy == 0);
	k->m.status = m->status <= 0 && m->status > -4096 ? m->status : -EIO;
	if (lacks) memcpy(&k->lack, m->arg, sizeof(k->lack));
	else memcpy(k->m.arg, m->arg, sizeof(k->m.arg));
	for (int i = 0; i < IPC_HANDLES && !lacks && !post; i++) {
		struct kobj *sent = k->obj[i];

		k->obj[i] = obj[i];
		obj[i] = sent;
	}
	list_remove(&k->link);
	k->m.token = 0;
	if (k->caller) sched_wake(k->caller, true);
	spin_unlock(&p->lock);
	if (post) k->done(k);
	objs_drop(obj);
}

void port_die(struct port *p)
{
	struct kobj *none[IPC_HANDLES] = { NULL };
	struct list *l;

	spin_lock(&p->lock);
	p->owner = NULL;
	waitq_wake_all(&p->servers);
	while ((l = list_pop_front(&p->notes))) kfree(container_of(l, struct note, link));
	while ((l = list_pop_front(&p->queue))) list_push_back(&p->taken, l);
	while (!list_empty(&p->taken)) {
		struct kmsg *k = container_of(p->taken.next, struct kmsg, link);

		if (k->lend_busy) {
			waitq_sleep(&p->settled, &p->lock, WAIT_FOREVER, false);
			continue;
		}
		kmsg_answer(p, k, &(struct ipc_msg){ .status = -EIO }, none);
		spin_lock(&p->lock);
	}
	spin_unlock(&p->lock);
}

struct port *port_create(struct proc *owner)
{
	struct port *p = kalloc(sizeof(*p));

	if (!p) return NULL;
	kobj_init(&p->obj, KOBJ_PORT, NULL);    /* nobody drops the last reference (I1) */
	p->lock = SPINLOCK_INIT(RANK_PORT, "port");
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
	INVARIANT("I1", !k->m.token);
	if (!p->owner) return false;
	k->caller = caller;
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
	while (!rc && k->m.token) rc = sched_sleep(&p->lock, WAIT_FOREVER, interruptible);
	while (k->lend_busy) waitq_sleep(&p->settled, &p->lock, WAIT_FOREVER, false);   /* I2 */
	if (!k->m.token) return 0;      /* even after a signal: the reply wins */
	list_remove(&k->link);
	k->m.token = 0;
	return rc;
}

/* Nothing was done yet when a message goes again: a signal then withdraws it, and who is to end does not send it. */
int ipc_call(struct port *p, struct kmsg *k, bool interruptible)
{
	struct thread *t = current_thread();
	const bool fatal_only = t->fatal_only;
	int rc;

	do {
		t->fatal_only = fatal_only;     /* the server may have changed it: call_signals */
		rc = call_once(p, k, interruptible);
		if (!rc && k->lack.len) rc = thread_ends(t) ? -EINTR : lend_bring(k);
	} while (!rc && k->lack.len);
	return rc;
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
	this_cpu()->resched = resched;  /* the server's turn is next (S6 of sched.c) */
	spin_unlock(&p->lock);
}

void port_notify(struct port *p, uint64_t bits)
{
	SPIN_HELD(&p->lock);
	p->bits |= bits;
	waitq_wake_one(&p->servers);
}

/* A notification goes first: an interrupt that is served frees what the next message may need.  So do notes, but the
 * last, which comes with a message. */
static bool port_take_locked(struct port *p, struct ipc_msg *m, struct kobj *obj[IPC_HANDLES])
{
	struct note *n = container_of(list_pop_front(&p->notes), struct note, link);    /* NULL stays NULL */
	struct list *l = p->bits || !list_empty(&p->notes) ? NULL : list_pop_front(&p->queue);
	struct kmsg *k = container_of(l, struct kmsg, link);

	if (!k && !n && !p->bits) return false;
	*m = k ? k->m : (struct ipc_msg){ .op = OP_NOTIFY, .arg = { p->bits } };
	if (!k) p->bits = 0;
	else list_push_back(&p->taken, l);
	for (int i = 0; i < IPC_HANDLES; i++) {
		obj[i] = k ? k->obj[i] : NULL;
		if (obj[i]) kobj_ref(obj[i]);
	}
	m->note[0] = n ? n->word[0] : 0;
	m->note[1] = n ? n->word[1] : 0;
	kfree(n);
	return true;
}

static int port_receive(struct port *p, struct ipc_msg *m, struct kobj *obj[IPC_HANDLES], uint64_t deadline)
{
	int rc = 0;

	SPIN_HELD(&p->lock);
	while (p->owner && !port_take_locked(p, m, obj)) {
		if (rc) return rc;      /* not before a last look: the wake-up was ours alone */
		rc = waitq_sleep(&p->servers, &p->lock, deadline, true);
	}
	return p->owner ? 0 : -EPERM;
}

struct kmsg *kmsg_lock(struct port *p, uint64_t token)
{
	if (!p) return NULL;
	spin_lock(&p->lock);
	list_each(struct kmsg, k, &p->taken, link)
		if (k->m.token == token) return k;
	spin_unlock(&p->lock);
	return NULL;
}

/* Any signal ends the wait of who sent it, or only one that ends it itself. */
SYSCALL(call_signals, token, any)
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

/* ---- the system calls: handles become objects and back */

#define REPLY_SIZE offsetof(struct ipc_msg, lend)       /* what a reply has of a message */

void objs_drop(struct kobj *obj[IPC_HANDLES])
{
	for (int i = 0; i < IPC_HANDLES; i++) {
		if (obj[i]) kobj_unref(obj[i]);
		obj[i] = NULL;
	}
}

/* The objects that a message's handles name: references.  -EBADF, and then there may be some of them */
static int objs_get(const struct ipc_msg *m, struct kobj *obj[IPC_HANDLES])
{
	int rc = 0;

	for (int i = 0; i < IPC_HANDLES; i++) {
		obj[i] = m->handle[i] ? object_get(m->handle[i], KOBJ_ANY) : NULL;
		if (m->handle[i] && !obj[i]) rc = -EBADF;
	}
	return rc;
}

static void handles_close(struct ipc_msg *m)
{
	for (int i = 0; i < IPC_HANDLES; i++) {
		handle_close(&current_proc()->handles, m->handle[i]);
		m->handle[i] = 0;
	}
}

/* Handles for the objects, whose references end here.  -ENOMEM, -EMFILE: none was made (I6) */
static int handles_make(struct ipc_msg *m, struct kobj *obj[IPC_HANDLES])
{
	int rc = 0;

	for (int i = 0; i < IPC_HANDLES; i++) {
		int h = obj[i] ? handle_add(&current_proc()->handles, obj[i]) : 0;

		m->handle[i] = MAX(h, 0);
		rc = MIN(rc, h);
	}
	objs_drop(obj);
	if (rc) handles_close(m);
	return rc;
}

/* What it lends is looked at when it is used: none of it can be more than its own. */
SYSCALL(ipc_call, port, msg)
{
	KMSG_HELD struct kmsg k = { .lender = current_proc()->map };
	KOBJ_HELD struct kobj *to = object_get(port, KOBJ_PORT);
	int rc = copy_in(&k.m, msg, sizeof(k.m));

	if (!to) return -EBADF;
	if (!rc) rc = objs_get(&k.m, k.obj);
	k.m.token = 0;
	if (!rc) rc = ipc_call(container_of(to, struct port, obj), &k, true);
	if (rc) return rc;
	rc = handles_make(&k.m, k.obj);
	if (rc) k.m.status = rc;
	rc = copy_out(msg, &k.m, REPLY_SIZE);
	if (rc) handles_close(&k.m);
	return rc;
}

static int reply(const struct ipc_msg *m)
{
	struct port *p = current_proc()->port;
	struct kobj *obj[IPC_HANDLES];
	int rc = objs_get(m, obj);
	struct kmsg *k = rc ? NULL : kmsg_lock(p, m->token);

	if (k && !k->lend_busy) {
		kmsg_answer(p, k, m, obj);
		return 0;
	}
	if (k) spin_unlock(&p->lock);
	objs_drop(obj);
	return rc ? rc : k ? -EBUSY : -ESRCH;
}

SYSCALL(ipc_reply, msg)
{
	struct ipc_msg m;

	if (copy_in(&m, msg, REPLY_SIZE)) return -EFAULT;
	return m.token ? reply(&m) : -ESRCH;
}

/* What cannot be delivered is answered here: its caller does not wait.  A server that gives an address to which nothing
 * can be copied is dead, else whoever sent the message might wait for ever. */
SYSCALL(ipc_reply_recv, msg, until)
{
	struct port *p = current_proc()->port;
	struct kobj *obj[IPC_HANDLES];
	long rc = sys_ipc_reply(msg, 0, 0, 0, 0, 0);
	struct ipc_msg m;

	if (rc && rc != -ESRCH) return rc;      /* a caller that went away is no reason not to serve the next */
	rc = p ? port_receive(p, &m, obj, until ? until : WAIT_FOREVER) : -EPERM;
	if (rc) return rc;
	for (int i = 0; i < IPC_LENDS; i++) m.lend[i].addr = 0;
	rc = handles_make(&m, obj);
	if (rc) {
		reply(&(struct ipc_msg){ .token = m.token, .status = rc });
		m.token = 0;            /* what it receives is a notification of nothing, with the note */
		m.op = OP_NOTIFY;
		m.arg[0] = 0;
	}
	rc = copy_out(msg, &m, sizeof(m));
	if (rc) port_die(p);
	return rc;
}

SYSCALL(handle_close, handle) { return handle_close(&current_proc()->handles, handle); }
