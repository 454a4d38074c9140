/* SPDX-License-Identifier: MIT */
/* kernel/handle.c - RING 0 - a process's handles: small numbers for references on kernel objects.
 *
 * Path:  sys_ipc.c, sys_vmo.c, device.c > [handle.c]
 * Locks: handles->lock around the table; objects are referenced inside it and let go of outside.
 *
 * H1  A filled slot is one reference and one count in kobj->handles.
 * H2  An object hears of its last handle after the slot is empty: nobody can reach it by a handle any more. */
#include "kernel/handle.h"

#include "kernel/proc.h"
#include "mm/frame.h"

#define HANDLE_MIN (PAGE_SIZE / sizeof(struct kobj *))
#define HANDLE_MAX (64 * HANDLE_MIN)    /* 32,768: far more than a server's vnodes and runs in flight */

void handles_init(struct handles *t)
{
	*t = (struct handles){ .hint = 1 };
	spin_init(&t->lock, RANK_HANDLE, "handles");
}

void handles_destroy(struct handles *t)
{
	uint32_t n = t->nslots;

	for (uint32_t h = 1; h < n; h++) handle_close(t, h);
	kfree(t->slot);
	t->slot = NULL;
	t->nslots = 0;
}

/* Twice as many slots. */
static int handles_grow_locked(struct handles *t)
{
	uint32_t n = t->nslots ? t->nslots * 2 : HANDLE_MIN;
	struct kobj **slot;

	if (n > HANDLE_MAX) return -EMFILE;
	slot = kalloc(n * sizeof(*slot));
	if (!slot) return -ENOMEM;
	for (uint32_t h = 0; h < t->nslots; h++) slot[h] = t->slot[h];
	kfree(t->slot);
	t->slot = slot;
	t->nslots = n;
	return 0;
}

int handle_add(struct handles *t, struct kobj *o)
{
	uint32_t h;
	int rc;

	SPIN_HELD(&t->lock);
	h = t->hint;
	while (h < t->nslots && t->slot[h]) h++;
	if (h >= t->nslots && (rc = handles_grow_locked(t))) return rc;
	t->slot[h] = o;
	t->hint = h + 1;
	kobj_handle(o);
	return h;
}

struct kobj *handle_get(struct handles *t, uint64_t h, enum kobj_type type)
{
	struct kobj *o;

	SPIN_HELD(&t->lock);
	o = h < t->nslots ? t->slot[h] : NULL;
	if (!o || (type != KOBJ_ANY && o->type != type)) return NULL;
	kobj_ref(o);
	return o;
}

struct kobj *object_get(uint64_t h, enum kobj_type type) { return handle_get(&current_proc()->handles, h, type); }

int handle_close(struct handles *t, uint64_t h)
{
	struct kobj *o = NULL;

	spin_lock(&t->lock);
	if (h < t->nslots) o = t->slot[h];
	if (o) {
		t->slot[h] = NULL;
		t->hint = MIN(t->hint, h);
	}
	spin_unlock(&t->lock);
	if (!o) return -EBADF;
	kobj_unhandle(o);
	return 0;
}
