/* SPDX-License-Identifier: MIT */
/* mm/wire.c - RING 0 - mlock and its kin: pages that stay in memory, and faulting a whole range in.
 *
 * Path:  sys_mem.c > [wire.c] > fault.c
 * Locks: map->lock while entries are marked; none while pages are brought in.
 *
 * A locked entry keeps its object's pages from reclaim (reclaim.c C2) and from MS_INVALIDATE (EBUSY); private pages
 * never leave memory anyway.  map->locked counts the bytes.
 */
#include "mm/map.h"

/* What a page must be brought in for: private writable ones get their own copy now, shared ones are not made dirty. */
static int populate_want(struct map *m, uaddr_t va, bool write, uint32_t *want)
{
	struct entry *e;

	MUTEX_HELD(&m->lock);
	e = map_find_locked(m, va);
	if (!e) return -ENOMEM;
	if (e->flags & ENTRY_DEVICE) *want = 0;
	else *want = write || (e->prot & PROT_WRITE && !(e->flags & ENTRY_SHARED)) ? PROT_WRITE : PROT_READ;
	return 0;
}

int map_populate(struct map *m, uaddr_t start, uaddr_t end, bool write)
{
	uint32_t want;
	int rc = 0;

	for (uaddr_t va = start; va < end && !rc; va += PAGE_SIZE) {
		rc = populate_want(m, va, write, &want);
		if (!rc && want) rc = vm_fault(m, va, want);
	}
	return rc == -EACCES || rc == -ENXIO ? -EFAULT : rc;
}

/* => map->lock held; whole entries */
static void lock_range(struct map *m, uaddr_t start, uaddr_t end, bool on)
{
	map_for(e, m, start, end - 1) {
		if (!(e->flags & ENTRY_LOCKED) == !on || (e->flags & ENTRY_DEVICE)) continue;
		e->flags ^= ENTRY_LOCKED;
		m->locked += on ? entry_bytes(e) : -entry_bytes(e);
	}
}

int map_lock(struct map *m, uaddr_t start, uaddr_t end, bool on, bool onfault)
{
	uint64_t more;
	int rc = 0;

	if (on && m->max_locked == 0) return -EPERM;
	mutex_lock(&m->lock);
	if (map_covered(m, start, end, 0) < end - start) rc = -ENOMEM;
	more = end - start - map_covered(m, start, end, ENTRY_LOCKED);
	if (!rc && on && m->locked + more > m->max_locked) rc = -ENOMEM;
	if (!rc) rc = map_cut(m, start, end);
	if (!rc) lock_range(m, start, end, on);
	mutex_unlock(&m->lock);
	if (!rc && on && !onfault) rc = map_populate(m, start, end, false);
	return rc == -EFAULT ? -ENOMEM : rc;    /* POSIX mlock: a page of the range that cannot be had */
}

int map_lock_all(struct map *m, uint32_t mcl)
{
	uaddr_t at = 0;
	int rc = 0;

	if (mcl && m->max_locked == 0) return -EPERM;
	mutex_lock(&m->lock);
	if ((mcl & MCL_CURRENT) && m->size > m->max_locked) rc = -ENOMEM;
	if (!rc) {
		m->lock_future = mcl & MCL_FUTURE ? mcl & (MCL_FUTURE | MCL_ONFAULT) : 0;
		if (!mcl || (mcl & MCL_CURRENT)) lock_range(m, 0, USER_TOP, mcl != 0);
	}
	mutex_unlock(&m->lock);

	while (!rc && (mcl & (MCL_CURRENT | MCL_ONFAULT)) == MCL_CURRENT) {
		struct entry *e;
		uaddr_t start;

		mutex_lock(&m->lock);
		e = map_first_locked(m, at, USER_TOP - 1);
		start = e ? MAX(at, e->anode.start) : 0;
		at = e ? e->anode.last + 1 : 0;
		mutex_unlock(&m->lock);
		if (!e) break;
		/* what cannot be had (PROT_NONE, past the end) is no error here */
		map_populate(m, start, at, false);
	}
	return rc;
}
