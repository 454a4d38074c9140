/* SPDX-License-Identifier: MIT */
/* kernel/sys_vmo.c - RING 0 - the servers' system calls about memory objects and runs.
 *
 * Path:  entry.S > syscall.c > [sys_vmo.c] > mm/vmo.c, mm/writeback.c, mm/pager.c
 * Locks: vmo->lock around what vmo_set changes; otherwise none here. */
#include "kernel/syscalls.h"
#include "mm/map.h"

static int vmo_args_check(const struct vmo_args *a)
{
	if (a->flags & ~(uint64_t)(VMO_READONLY | VMO_NOGROW | VMO_EPHEMERAL | VMO_SEGMENT)) return -EINVAL;
	if (!a->port != !!(a->flags & VMO_EPHEMERAL)) return -EINVAL;   /* without a pager: tmpfs, and only that */
	if (a->size > a->max_size || a->max_size > INT64_MAX) return -EINVAL;
	return 0;
}

SYSCALL(vmo_create)
{
	struct vmo_args a = {0};
	int rc = copy_in(&a, a0, sizeof(a));
	KOBJ_HELD struct kobj *pager = object_get(a.port, KOBJ_PORT);
	struct vmo *v;

	if (!rc) rc = vmo_args_check(&a);
	if (rc) return rc;
	if (a.port && !pager) return -EBADF;

	v = vmo_create(container_of(pager, struct port, obj), a.cookie, a.size, a.max_size, a.flags);
	if (!v) return -ENOMEM;
	memcpy(v->time, a.time, sizeof(a.time));
	rc = handle_add(&current_proc()->handles, &v->obj);
	vmo_unref(v);
	return rc;
}

static struct vmo *vmo_of(struct kobj *o) { return container_of(o, struct vmo, obj); }
static struct run *run_of(struct kobj *o) { return container_of(o, struct run, obj); }

SYSCALL(vmo_info)
{
	KOBJ_HELD struct kobj *o = object_get(a0, KOBJ_VMO);
	struct vmo_info i;

	if (!o) return -EBADF;
	vmo_info(vmo_of(o), &i);
	return copy_out(a1, &i, sizeof(i));
}

SYSCALL(vmo_read)
{
	KOBJ_HELD struct kobj *o = object_get(a0, KOBJ_VMO);

	return o ? pcache_read(vmo_of(o), a1, (struct io){.buf = a2, .len = a3}, NULL) : -EBADF;
}

/* What the server says of times is what it has stored: the kernel owes it nothing about them any more. */
SYSCALL(vmo_set, handle, which, value)
{
	KOBJ_HELD struct kobj *o = object_get(handle, KOBJ_VMO);
	struct vmo *v = vmo_of(o);

	if (which < VMO_SET_ATIME || which > VMO_SET_IDS) return -EINVAL;
	if (!v) return -EBADF;

	SPIN_HELD(&v->lock);
	if (which == VMO_SET_IDS) {
		v->set_ids = value;
	} else if (which == VMO_SET_LINKS) {
		v->links = MIN(value, UINT32_MAX);
		vmo_release_check_locked(v);    /* unlinked: its dirty pages do not hold up the RELEASE any more */
	} else {                        /* in this order: a time that vmo_touch() marks meanwhile is told, or overwritten */
		__atomic_and_fetch(&v->changed, ~BIT(which), __ATOMIC_ACQUIRE);
		__atomic_store_n(&v->time[which - VMO_SET_ATIME], value, __ATOMIC_RELAXED);
	}
	return 0;
}

/* What is stored there only vm_write() cleans, since the map is wired. */
SYSCALL(vmo_map)
{
	KOBJ_HELD struct kobj *o = object_get(a0, KOBJ_VMO);
	uint32_t prot = PROT_READ | PROT_WRITE;
	uaddr_t at = 0;
	int rc;

	if (!o) return -EBADF;
	if (vmo_of(o)->flags & VMO_READONLY) prot = PROT_READ;
	rc = map_map(current_proc()->map, &at, a2, prot, prot, MAP_SHARED, vmo_of(o), a1);
	return rc ? rc : (long)at;
}

SYSCALL(vm_write) { return vm_write(current_proc()->map, a0, a1, a2); }

SYSCALL(run_done)
{
	KOBJ_HELD struct kobj *o = object_get(a0, KOBJ_RUN);

	return o ? run_done(run_of(o), a1, a2, (int)a3) : -EBADF;
}

/* At most `max` pieces; if the part needs more, they cover its beginning, as the caller sees from their lengths.  Who
 * drives no device gets -EBADF: so the file server learns no physical address (design rule 2). */
SYSCALL(dev_segments, run, off, len, to, max)
{
	KOBJ_HELD struct kobj *o = object_get(run, KOBJ_RUN);
	struct dev_seg seg[RUN_MAX];            /* a run has no more pages */
	int n, rc = 0;

	if (!current_proc()->disk || !o) return -EBADF;
	n = run_segments(run_of(o), off, len, seg, MIN(max, RUN_MAX));
	if (n > 0) rc = copy_out(to, seg, n * sizeof(seg[0]));
	return rc ? rc : n;
}
