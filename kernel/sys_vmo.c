/* SPDX-License-Identifier: MIT */
/* kernel/sys_vmo.c - RING 0 - the servers' system calls about memory objects and runs.
 *
 * Path:  entry.S > syscall.c > [sys_vmo.c] > mm/vmo.c, mm/vmwrite.c, mm/pager.c
 * Locks: vmo->lock around what vmo_set changes; otherwise none here. */
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/map.h"
#include "mm/pagecache.h"
#include "mm/split.h"

#define EXTENTS_MAX 1024u

static int vmo_args_check(const struct vmo_args *a)
{
	if (a->flags & ~(uint64_t)(VMO_READONLY | VMO_NOGROW | VMO_EPHEMERAL | VMO_SEGMENT)) return -EINVAL;
	if (!a->port != !!(a->flags & VMO_EPHEMERAL)) return -EINVAL;   /* without a pager: tmpfs, and only that */
	if (a->size > a->max_size || a->max_size > INT64_MAX) return -EINVAL;
	return 0;
}

SYSCALL(vmo_create)
{
	struct port *p = NULL;
	struct vmo_args a;
	struct vmo *v;
	int rc;

	rc = copy_in(&a, a0, sizeof(a));
	if (!rc) rc = vmo_args_check(&a);
	if (rc) return rc;
	if (a.port && !(p = port_get(a.port))) return -EBADF;

	v = vmo_create(p, a.cookie, a.size, a.max_size, a.flags);
	if (p) kobj_unref(&p->obj);
	if (!v) return -ENOMEM;
	v->atime = a.atime;
	v->mtime = a.mtime;
	v->ctime = a.ctime;
	rc = handle_add(&current_proc()->handles, &v->obj);
	vmo_unref(v);
	return rc;
}

static struct vmo *vmo_get(uint64_t h) { return container_of(object_get(h, KOBJ_VMO), struct vmo, obj); }

SYSCALL(vmo_info)
{
	struct vmo_info i;
	struct vmo *v;

	v = vmo_get(a0);
	if (!v) return -EBADF;
	vmo_info(v, &i);
	vmo_unref(v);
	return copy_out(a1, &i, sizeof(i));
}

SYSCALL(vmo_read)
{
	struct vmo *v = vmo_get(a0);
	long n;

	if (!v) return -EBADF;
	n = pcache_read(v, a1, a2, a3, NULL);
	vmo_unref(v);
	return n;
}

/* What the server says of times is what it has stored: the kernel owes it nothing about them any more. */
static void vmo_set_locked(struct vmo *v, uint64_t which, uint64_t value)
{
	switch (which) {
	case VMO_SET_ATIME: v->atime = value; v->changed &= ~VMOC_ATIME; break;
	case VMO_SET_MTIME: v->mtime = value; v->changed &= ~VMOC_MTIME; break;
	case VMO_SET_IDS: v->set_ids = value; break;
	case VMO_SET_CTIME: v->ctime = value; v->changed &= ~VMOC_CTIME; break;
	default:
		v->links = MIN(value, UINT32_MAX);
		vmo_release_check_locked(v);    /* unlinked: its dirty pages do not hold up the RELEASE any more */
	}
}

SYSCALL(vmo_set)
{
	struct vmo *v;

	if (a1 < VMO_SET_ATIME || a1 > VMO_SET_IDS) return -EINVAL;
	v = vmo_get(a0);
	if (!v) return -EBADF;

	split_times(v);
	spin_lock(&v->lock);
	vmo_set_locked(v, a1, a2);
	spin_unlock(&v->lock);
	vmo_unref(v);
	return 0;
}

/* map_map() marks shared mappings of a wired map as its owner's: only vm_write() cleans what is stored there. */
SYSCALL(vmo_map)
{
	uint32_t prot = PROT_READ | PROT_WRITE;
	uaddr_t at = 0;
	struct vmo *v;
	int rc;

	v = vmo_get(a0);
	if (!v) return -EBADF;
	if (v->flags & VMO_READONLY) prot = PROT_READ;
	rc = map_map(current_proc()->map, &at, a2, prot, prot, MAP_SHARED, v, a1);
	vmo_unref(v);
	return rc ? rc : (long)at;
}

SYSCALL(vm_write)
{
	struct vm_extent *x;
	int rc;

	if (a1 > EXTENTS_MAX) return -EINVAL;
	if (a1 == 0) return 0;

	x = kalloc(a1 * sizeof(*x));
	if (!x) return -ENOMEM;
	rc = copy_in(x, a0, a1 * sizeof(*x));
	if (!rc) rc = vm_write(current_proc()->map, x, a1);
	kfree(x);
	return rc;
}

static struct run *run_get(uint64_t h) { return container_of(object_get(h, KOBJ_RUN), struct run, obj); }

SYSCALL(run_done)
{
	struct run *r;
	int rc;

	r = run_get(a0);
	if (!r) return -EBADF;
	rc = run_done(r, a1, a2, (int)a3);
	kobj_unref(&r->obj);
	return rc;
}

SYSCALL(run_zero)
{
	struct run *r;
	int rc;

	r = run_get(a0);
	if (!r) return -EBADF;
	rc = run_zero(r, a1, a2);
	kobj_unref(&r->obj);
	return rc;
}
