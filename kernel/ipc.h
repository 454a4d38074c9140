/* SPDX-License-Identifier: MIT */
/* kernel/ipc.h - RING 0 - ports and messages (abi/ipc.h tells how ring 3 sees them).
 *
 * A kmsg lives in the memory of whoever sends it: on the stack of a thread that waits for the reply (ipc_call),
 * or inside a run or vmo (ipc_post), whose `done` is called when the reply comes.  The kernel never
 * allocates to send.
 */
#ifndef KERNEL_IPC_H
#define KERNEL_IPC_H

#include "abi/ipc.h"
#include "kernel/lock.h"

struct map;
struct proc;
struct thread;

/* ---- what a handle can name, counted references, and a process's table of handles (not file descriptors) */

enum kobj_type { KOBJ_ANY, KOBJ_PORT, KOBJ_VMO, KOBJ_PIPE, KOBJ_RUN };

struct kobj {
	uint32_t refs;                          /* atomic */
	uint32_t handles;                       /* atomic: how many of these are handles in some process */
	enum kobj_type type;                    /* [c] */
	void (*destroy)(struct kobj *);         /* [c] the last reference went; no lock held */
	void (*no_handles)(struct kobj *);      /* [c] may be NULL: the last handle went; no lock held */
};

static inline void kobj_init(struct kobj *o, enum kobj_type type, void (*destroy)(struct kobj *))
{
	*o = (struct kobj){ .refs = 1, .type = type, .destroy = destroy };
}
static inline void kobj_ref(struct kobj *o) { __atomic_add_fetch(&o->refs, 1, __ATOMIC_RELAXED); }
static inline void kobj_unref(struct kobj *o)
{
	if (__atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL) == 0) o->destroy(o);
}

/* One more handle on it, or what counts as one; and one fewer, of which the last is told. */
static inline void kobj_handle(struct kobj *o)
{
	kobj_ref(o);
	__atomic_add_fetch(&o->handles, 1, __ATOMIC_RELAXED);
}
static inline void kobj_unhandle(struct kobj *o)
{
	if (__atomic_sub_fetch(&o->handles, 1, __ATOMIC_ACQ_REL) == 0 && o->no_handles) o->no_handles(o);
	kobj_unref(o);
}

/* A reference that is put at the end of its block: KOBJ_HELD struct kobj *o = object_get(h, type); NULL is none. */
static inline void kobj_held_unref(struct kobj **o) { if (*o) kobj_unref(*o); }
#define KOBJ_HELD __attribute__((cleanup(kobj_held_unref)))

#define HANDLE_PART (PAGE_SIZE / sizeof(struct kobj *))
#define HANDLE_MAX  (64 * HANDLE_PART)  /* 32,768: far more than a server's vnodes and runs in flight */
struct handles {
	struct spinlock lock;           /* RANK_HANDLE */
	struct kobj **part[HANDLE_MAX / HANDLE_PART];   /* [h] each made when it is needed; slot 0 is never used */
	uint32_t hint;                  /* [h] no slot below is free */
};

void handles_destroy(struct handles *);                         /* closes all */
int handle_add(struct handles *, struct kobj *);        /* takes a reference of its own; handle, -ENOMEM, -EMFILE */
/* A reference, by a handle of the current process; NULL: bad handle or type.  All objects begin with their kobj:
 * container_of() keeps NULL. */
struct kobj *object_get(uint64_t h, enum kobj_type);
int handle_close(struct handles *, uint64_t h);                 /* -EBADF */

/* ---- messages */

/* Under way it has a token: on its port's queue (call, post), on its taken list (server received it), until it was
 * replied to, withdrawn, or its server died. */
struct kmsg {
	struct list link;               /* [o] port's queue, or its taken list */
	struct ipc_msg m;               /* request, then reply.  token: [o]; 0: not under way */
	struct kobj *obj[IPC_HANDLES];  /* call: references, the caller's to drop, of the request or of the reply; post: the
	                                   sender's */
	struct map *lender;             /* [c] the map of the thread that calls, whose addresses lend[].addr are (no
	                                   reference: the thread sleeps in it); NULL: kernel addresses */
	struct map *target;             /* [c] whose memory lend[1] is; NULL: the lender's */
	struct thread *caller;          /* [o] sleeps for the reply; NULL: a post */
	void (*done)(struct kmsg *);    /* post: replied, or the server died (status -EIO).  No lock; may post again */
	uint32_t lend_busy;             /* [o] a server copies from or to the lent buffers right now */
	struct { uint64_t at, len, how, which; } lack;  /* [o] of what is lent, said the reply (abi/ipc.h); len 0: nothing */
};      /* [o] port->lock */

/* What a server is told with its next message, and nobody waits for.  It lies at the start of memory of kalloc()'s,
 * which is the port's from ipc_note() on. */
struct note { struct list link; uint64_t word[2]; };

struct port {
	struct kobj obj;
	struct spinlock lock;
	struct list queue;              /* [o] kmsgs that wait for a server */
	struct list taken;              /* [o] those that it has received, found by token */
	struct list notes;              /* [o] */
	struct waitq servers;           /* [o] threads that receive */
	struct waitq settled;           /* [o] who waits for copies from or to lent buffers to end */
	uint64_t bits;                  /* [o] notifications raised */
	uint64_t last_token;            /* [o] */
	struct proc *owner;             /* [o] who receives; NULL: dead, every call gives -EIO */
};

struct port *port_create(struct proc *owner);           /* NULL: no memory; it lives for ever */
/* Its server ended: all queued and taken messages fail with -EIO.  A second time: nothing happens.
 * => no lock held; waits for copies from and to lent buffers to end */
void port_die(struct port *);

/* Send m and sleep for the reply; bring what the server found missing of the lent buffers, and send it again (L1).
 * interruptible: a signal withdraws the message: -EINTR (and lend copies in progress are waited for).
 * => 0: the reply is in k (its status in k->m.status; reply objects in k->obj); -EIO: no server; -EFAULT: what the
 * server wants is nowhere.  No spinlock or map->lock held. */
int ipc_call(struct port *, struct kmsg *, bool interruptible);
/* Send m, never sleep.  k->done is called exactly once; false: never, the port is dead.  Spinlocks up to rank VMO may be
 * held. */
bool ipc_post(struct port *, struct kmsg *);
/* The sender goes on: an idle server is woken, but gets the CPU only when somebody gives it away.  No lock held. */
void ipc_note(struct port *, struct note *);
void port_notify(struct port *, uint64_t bits);         /* from anywhere, interrupts too */

void objs_drop(struct kobj *obj[IPC_HANDLES]);           /* their references, if they are not NULL */
/* What the call has is dropped at the end of the block: KMSG_HELD struct kmsg k = {...}. */
static inline void kmsg_held_drop(struct kmsg *k) { objs_drop(k->obj); }
#define KMSG_HELD __attribute__((cleanup(kmsg_held_drop)))

/* Between ipc.c, carry.c and forward.c. */
struct kmsg *kmsg_lock(struct port *, uint64_t token);  /* a received one, and the port locked; NULL: not locked */
/* What a reply says is missing of the lent buffers, or has to be written first.  0, -EFAULT; by who lent them */
int lend_bring(struct kmsg *);
int pages_bring(struct map *, uaddr_t addr, uint64_t len, bool write);  /* [addr, addr + len) of it: likewise */

extern struct port *fs_port;            /* the file server's */

/* ---- system calls that servers answer (forward.c) */

extern struct port *pm_port, *exec_port;        /* the process manager's, from the start; dead when it is */
/* A call as the current process made it, whose memory is lent whole if k lends nothing: its result or -errno (-EIO: the
 * server is dead); k is the reply, with references (KMSG_HELD).  interruptible: the end of the caller withdraws it
 * (-ERESTART), and other signals if the server says so (O2). */
long forward(struct port *, struct kmsg *k, bool interruptible);
/* The current call, with these arguments, to a process of the process manager; k may have a target. */
long pm_forward(struct port *, struct kmsg *k, const uint64_t arg[6]);
/* To the file server, with who asks.  -EDEADLK: it does */
long name_call(struct kmsg *k, uint32_t op, bool interruptible);

#endif
