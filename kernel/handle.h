/* SPDX-License-Identifier: MIT */
/* kernel/handle.h - RING 0 - what a handle can name: ports, memory objects, pipes, runs; counted references; and a
 * process's table of handles (not file descriptors). */
#ifndef KERNEL_HANDLE_H
#define KERNEL_HANDLE_H

#include "kernel/lock.h"

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
	uint32_t hint;                  /* [h] >= 1: no slot below is free */
};

void handles_init(struct handles *);
void handles_destroy(struct handles *);                         /* closes all */
int handle_add(struct handles *, struct kobj *);        /* takes a reference of its own; handle, -ENOMEM, -EMFILE */
struct kobj *handle_get(struct handles *, uint64_t h, enum kobj_type);  /* a reference; NULL: bad handle or type */
struct kobj *object_get(uint64_t h, enum kobj_type);            /* the same, of the current process.  All objects
                                                                   begin with their kobj: container_of() keeps NULL */
int handle_close(struct handles *, uint64_t h);                 /* -EBADF */

#endif
