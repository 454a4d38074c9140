/* SPDX-License-Identifier: MIT */
/* mm/remap.c - RING 0 - mremap: a mapping shrinks, grows where it is, or moves with its private pages.
 *
 * Path:  sys_mem.c > [remap.c] > map.c, pmap.c
 * Locks: map->lock throughout; vmo->lock while private copies move, so that truncation finds each at one place.
 */
#include "mm/map.h"

/* Move [old, old + old_len) of entry e to a free place of new_len bytes.  Tables first: then entering a PTE cannot fail
 * (E4), and either all pages move or none.  With the object's lock held: truncation would cut empty tables out. */
static int remap_move(struct map *m, uaddr_t old, uint64_t old_len, uint64_t new_len, uaddr_t to)
{
	struct entry *e, *n;
	int rc = map_cut(m, old, old + old_len);

	if (rc) return rc;
	e = map_find_locked(m, old);
	n = entry_clone(m, e);
	if (!n) return -ENOMEM;
	entry_place(n, to, new_len, e->vnode.start);
	entry_lock(e);
	entry_insert_locked(m, n);
	rc = pmap_prepare(&m->pmap, to, to + entry_bytes(e));
	if (!rc && anon_carry(m, to, m, e, true)) panic("invariant E4 broken: a page table is missing");
	if (rc) e = n;                  /* the one that goes */
	entry_remove_locked(m, e);
	entry_unlock(e);
	entry_free(e);
	return rc;
}

/* Is the room behind the mapping free?  Then it grows where it is. */
static bool remap_extend(struct map *m, struct entry *e, uint64_t new_len, uaddr_t old)
{
	uaddr_t end = e->anode.last + 1;

	if (new_len > USER_TOP - old || map_first_locked(m, end, old + new_len - 1)) return false;
	entry_resize(m, e, e->anode.start, old + new_len - e->anode.start, e->vnode.start);
	return true;
}

/* => map->lock held, all arguments checked, old_len < new_len or MREMAP_FIXED */
static int remap_locked(struct map *m, uaddr_t *addr, uint64_t old_len, uint64_t new_len, uint32_t flags, uaddr_t to)
{
	struct entry *e = map_find_locked(m, *addr);
	uint64_t more = new_len > old_len ? new_len - old_len : 0;
	int rc;

	if (!e || (e->flags & ENTRY_DEVICE) || e->anode.last - *addr + 1 < old_len) return -EFAULT;
	if (m->size + more > map_limit(m, RLIMIT_AS)) return -ENOMEM;
	if ((e->flags & ENTRY_LOCKED) && m->locked + more > map_limit(m, RLIMIT_MEMLOCK)) return -EAGAIN;
	if (!(flags & MREMAP_FIXED)) {
		if (e->anode.last + 1 == *addr + old_len && remap_extend(m, e, new_len, *addr)) return 0;
		if (!(flags & MREMAP_MAYMOVE)) return -ENOMEM;
		to = map_search(m, new_len);
		if (!to) return -ENOMEM;
	} else {
		rc = map_unmap_locked(m, to, to + new_len);
		if (!rc && old_len > new_len) rc = map_unmap_locked(m, *addr + new_len, *addr + old_len);
		if (rc) return rc;
	}
	rc = remap_move(m, *addr, MIN(old_len, new_len), new_len, to);
	if (!rc) *addr = to;
	return rc;
}

int map_remap(struct map *m, uaddr_t *addr, uint64_t old_len, uint64_t new_len, uint32_t flags, uaddr_t to)
{
	uaddr_t old = *addr;
	bool locked = false;
	int rc = 0;

	old_len = ROUND_UP(old_len, PAGE_SIZE);
	new_len = ROUND_UP(new_len, PAGE_SIZE);
	if (old >= USER_TOP || old_len > USER_TOP - old || old_len == 0) return -EINVAL;
	if (new_len == 0 || new_len > USER_TOP) return -EINVAL;
	if (flags & MREMAP_FIXED) {
		if (to % PAGE_SIZE || to >= USER_TOP || new_len > USER_TOP - to) return -EINVAL;
		if (to < old + old_len && old < to + new_len) return -EINVAL;
	}

	mutex_lock(&m->lock);
	if (!map_find_locked(m, old)) rc = -EFAULT;
	else if (!(flags & MREMAP_FIXED) && new_len < old_len) rc = map_unmap_locked(m, old + new_len, old + old_len);
	else if ((flags & MREMAP_FIXED) || new_len > old_len) rc = remap_locked(m, addr, old_len, new_len, flags, to);
	if (!rc) locked = map_find_locked(m, *addr)->flags & ENTRY_LOCKED;
	mutex_unlock(&m->lock);
	if (!rc && locked) map_populate(m, *addr, *addr + new_len, false);
	return rc;
}
