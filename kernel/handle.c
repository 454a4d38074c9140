/* SPDX-License-Identifier: MIT */
/* kernel/handle.c - RING 0 - a process's handles: small numbers for references on kernel objects.
 *
 * Path:  sys_ipc.c, sys_vmo.c, device.c > [handle.c]
 * Locks: handles->lock around the table; objects are referenced inside it and let go of outside.
 *
 * H1  A filled slot is one reference and one count in kobj->handles.
 * H2  An object hears of its last handle after the slot is empty: nobody can reach it by a handle any more. */
#include "kernel/proc.h"

void handles_init(struct handles *t)
{
	*t = (struct handles){ .hint = 1 };
	spin_init(&t->lock, RANK_HANDLE, "handles");
}

/* NULL: its part was never made. */
static struct kobj **slot_of(struct handles *t, uint64_t h)
{
	return h < HANDLE_MAX && t->part[h / HANDLE_PART] ? &t->part[h / HANDLE_PART][h % HANDLE_PART] : NULL;
}

void handles_destroy(struct handles *t)
{
	for (uint32_t h = 0; slot_of(t, h); h++) handle_close(t, h);
	for (size_t i = 0; i < ARRAY_LEN(t->part); i++) kfree(t->part[i]);
	memset(t->part, 0, sizeof(t->part));
}

int handle_add(struct handles *t, struct kobj *o)
{
	struct kobj ***part, **slot;
	uint32_t h;

	SPIN_HELD(&t->lock);
	for (h = t->hint; (slot = slot_of(t, h)) && *slot; h++) { }
	if (h == HANDLE_MAX) return -EMFILE;
	part = &t->part[h / HANDLE_PART];
	if (!*part) *part = kalloc(PAGE_SIZE);
	if (!*part) return -ENOMEM;
	*slot_of(t, h) = o;
	t->hint = h + 1;
	kobj_handle(o);
	return h;
}

struct kobj *handle_get(struct handles *t, uint64_t h, enum kobj_type type)
{
	struct kobj **slot;

	SPIN_HELD(&t->lock);
	slot = slot_of(t, h);
	if (!slot || !*slot || (type != KOBJ_ANY && (*slot)->type != type)) return NULL;
	kobj_ref(*slot);
	return *slot;
}

struct kobj *object_get(uint64_t h, enum kobj_type type) { return handle_get(&current_proc()->handles, h, type); }

int handle_close(struct handles *t, uint64_t h)
{
	struct kobj *o = NULL, **slot;

	spin_lock(&t->lock);
	slot = slot_of(t, h);
	if (slot && (o = *slot)) {
		*slot = NULL;
		t->hint = MIN(t->hint, h);
	}
	spin_unlock(&t->lock);
	if (!o) return -EBADF;
	kobj_unhandle(o);
	return 0;
}
