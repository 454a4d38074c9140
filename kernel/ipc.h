/* SPDX-License-Identifier: MIT */
/* kernel/ipc.h - RING 0 - ports and messages (abi/ipc.h tells how ring 3 sees them).
 *
 * A kmsg lives in the memory of whoever sends it: on the stack of a thread that waits for the reply (ipc_call),
 * or inside a run, vmo or file (ipc_post), whose `done` is called when the reply comes.  The kernel never
 * allocates to send.
 */
#ifndef KERNEL_IPC_H
#define KERNEL_IPC_H

#include "abi/ipc.h"
#include "kernel/klib.h"
#include "kernel/kobj.h"
#include "kernel/lock.h"

struct map;
struct proc;
struct thread;

/* states:  IDLE -> QUEUED (call, post) -> TAKEN (server received it) -> IDLE (replied, server died, withdrawn) */
enum kmsg_state { KMSG_IDLE, KMSG_QUEUED, KMSG_TAKEN };

struct kmsg {
	struct list link;               /* [o] port's queue, or its taken list */
	struct port *port;              /* [o] held by a reference while not IDLE */
	enum kmsg_state state;          /* [o] */
	struct ipc_msg m;               /* request, then reply.  token: [o] */
	struct kobj *obj[IPC_HANDLES];  /* request: borrowed from the sender; reply: a reference, the receiver's to drop */
	struct map *lender;             /* whose addresses lend[].addr are (holds no reference: the caller sleeps in it);
	                                   NULL: kernel addresses */
	struct thread *caller;          /* [o] sleeps on port->replies for this one; NULL: a post */
	void (*done)(struct kmsg *);    /* post: replied, or the server died (m.status = -EIO).  No lock held; may post again */
	bool replied;                   /* [o] */
	uint32_t lend_busy;             /* [o] a server copies from or to the lent buffers right now */
};      /* [o] port->lock */

struct port {
	struct kobj obj;
	struct spinlock lock;
	struct list queue;              /* [o] kmsg QUEUED */
	struct list taken;              /* [o] kmsg TAKEN, found by token */
	struct waitq servers;           /* [o] threads in ipc_recv */
	struct waitq replies;           /* [o] callers */
	uint64_t bits;                  /* [o] notifications raised */
	uint64_t next_token;            /* [o] */
	struct proc *owner;             /* [o] who receives; NULL: dead, every call gives -EIO */
};

struct port *port_create(struct proc *owner);           /* NULL: no memory; one reference */
void port_die(struct port *);                           /* its server ended: all queued and taken messages fail with -EIO */

/* Send m and sleep for the reply.  interruptible: a signal withdraws the message: -EINTR (and lend copies in
 * progress are waited for).  => 0: the reply is in k (its status in k->m.status; reply objects in k->obj);
 * -EIO: no server.  No lock held. */
int ipc_call(struct port *, struct kmsg *, bool interruptible);
/* Send m, never sleep.  k->done is called exactly once.  Spinlocks up to rank VMO may be held; if the port is dead
 * done is called from a kernel worker, not from here. */
void ipc_post(struct port *, struct kmsg *);
void port_notify(struct port *, uint64_t bits);         /* from anywhere, interrupts too */

extern struct port *fs_port;            /* the file server's, once SYS_fs_ready was called; NULL before */

#endif
