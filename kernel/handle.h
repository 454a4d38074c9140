/* SPDX-License-Identifier: MIT */
/* kernel/handle.h - RING 0 - a process's table of handles on kernel objects (not file descriptors). */
#ifndef KERNEL_HANDLE_H
#define KERNEL_HANDLE_H

#include "kernel/kobj.h"
#include "kernel/lock.h"

struct handles {
	struct spinlock lock;           /* RANK_HANDLE */
	struct kobj **slot;             /* [h] slot[0] is never used */
	uint32_t nslots;                /* [h] */
	uint32_t hint;                  /* [h] where to look for a free one */
};

void handles_init(struct handles *);
void handles_destroy(struct handles *);                         /* closes all */
int handle_add(struct handles *, struct kobj *);        /* takes a reference of its own; handle, -ENOMEM, -EMFILE */
struct kobj *handle_get(struct handles *, uint32_t h, enum kobj_type);  /* a reference; NULL: bad handle or type */
struct kobj *object_get(uint64_t h, enum kobj_type);            /* the same, of the current process's table.  All objects
                                                                   begin with their kobj: container_of() keeps NULL */
int handle_close(struct handles *, uint32_t h);                 /* -EBADF */

#endif
