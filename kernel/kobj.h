/* SPDX-License-Identifier: MIT */
/* kernel/kobj.h - RING 0 - what a handle can name: ports, memory objects, runs, devices; counted references. */
#ifndef KERNEL_KOBJ_H
#define KERNEL_KOBJ_H

#include "kernel/klib.h"

enum kobj_type { KOBJ_ANY, KOBJ_PORT, KOBJ_VMO, KOBJ_RUN, KOBJ_DEVICE };

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

#endif
