/* SPDX-License-Identifier: MIT */
/* mm/mapops.c - RING 0 - what is done to a whole address space or along a range of it: msync, fork, brk, devices.
 *
 * Path:  sys_mem.c > [mapops.c] > writeback.c
 * Locks: map->lock while entries are looked at; none while an object is synced, so a range is walked address by
 *        address and looked up again after each object.
 */
#include "mm/map.h"

#include "mm/frame.h"
#include "mm/pagecache.h"

/* One object's part of a msync range. */
struct sync_part {
	struct vmo *vmo;                /* a reference */
	uint64_t first, last;           /* page indexes */
	uint32_t err_seen;              /* the entry's, and afterwards to be put back */
	uaddr_t  start;                 /* of the entry, to find it again */
	bool     shared, writable;
};

/* The part that begins at or after *at; *at moves behind it; *hole: something was not mapped.  false: none left */
static bool sync_next(struct map *m, uaddr_t *at, uaddr_t end, struct sync_part *s, bool *hole)
{
	struct entry *e;
	uaddr_t from;

	MUTEX_HELD(&m->lock);
	e = map_first_locked(m, *at, end - 1);
	if (!e || e->anode.start > *at) *hole = true;
	if (!e) return false;
	from = MAX(*at, e->anode.start);
	*at = MIN(end, e->anode.last + 1);
	*s = (struct sync_part){.vmo = e->vmo, .err_seen = e->err_seen, .start = from};
	s->shared = e->vmo && (e->flags & ENTRY_SHARED);
	s->writable = e->max_prot & PROT_WRITE;
	s->first = entry_index(e, from);
	s->last = entry_index(e, *at - 1);
	if (s->shared) vmo_ref(s->vmo);
	return true;
}

/* Remember in the entry what failed write has been told. */
static void sync_told(struct map *m, const struct sync_part *s)
{
	struct entry *e;

	mutex_lock(&m->lock);
	e = map_find_locked(m, s->start);
	if (e && e->vmo == s->vmo && (int32_t)(s->err_seen - e->err_seen) > 0) e->err_seen = s->err_seen;
	mutex_unlock(&m->lock);
}

/* fn for each part of the range; all of them, or up to the first error.  That error, or -ENOMEM: there is a hole */
static int parts_for(struct map *m, uaddr_t start, uaddr_t end, bool all,
                     int (*fn)(struct map *, struct sync_part *, int), int how)
{
	struct sync_part s;
	bool hole = false;
	int rc = 0, err;

	while ((all || !rc) && start < end && sync_next(m, &start, end, &s, &hole)) {
		err = fn(m, &s, how);
		if (s.shared) vmo_unref(s.vmo);
		if (err && !rc) rc = err;
	}
	return rc ? rc : hole ? -ENOMEM : 0;
}

static int sync_part(struct map *m, struct sync_part *s, int msflags)
{
	bool sync = msflags & MS_SYNC, invalidate = msflags & MS_INVALIDATE;
	unsigned wb = sync ? WB_WAIT | WB_COMMIT | WB_DATASYNC : invalidate ? WB_WAIT : 0;
	int rc;

	if (!s->shared) return 0;       /* MAP_PRIVATE, anonymous: nothing is written (POSIX msync) */
	vmo_mark_stores(s->vmo, s->first, s->last);
	rc = vmo_sync(s->vmo, s->first, s->last, wb, &s->err_seen);
	sync_told(m, s);
	if (!rc && invalidate) rc = vmo_invalidate(s->vmo, s->first, s->last);
	return rc;
}

/* Is a page of the range locked in memory? */
static bool sync_locked(struct map *m, uaddr_t start, uaddr_t end)
{
	MUTEX_HELD(&m->lock);
	map_for(e, m, start, end - 1) {
		if (e->flags & ENTRY_LOCKED) return true;
		if (!e->vmo) continue;
		SPIN_HELD(&e->vmo->lock);
		if (vmo_range_locked(e->vmo, entry_index(e, MAX(start, e->anode.start)),
		                     entry_index(e, MIN(end - 1, e->anode.last)))) return true;
	}
	return false;
}

/* map_sync: msync of whole pages [start, end), flags checked (design 5).
 * => 0; -EBUSY before any effect; -ENOMEM if a part is not mapped, after the mapped parts were done; -EIO ... */
int map_sync(struct map *m, uaddr_t start, uaddr_t end, int msflags)
{
	if ((msflags & MS_INVALIDATE) && sync_locked(m, start, end)) return -EBUSY;

	return parts_for(m, start, end, true, sync_part, msflags);
}

static int fork_entry(struct map *child, struct map *parent, struct entry *e)
{
	struct entry *n;

	if (e->flags & ENTRY_NOFORK) return 0;
	n = entry_clone(child, e);
	if (!n) return -ENOMEM;
	n->flags &= ~ENTRY_LOCKED;      /* POSIX mlock: locks are not inherited */
	entry_insert(child, n);
	return e->flags & ENTRY_SHARED ? 0 : anon_carry(child, e->anode.start, parent, e, false);
}

struct map *map_fork(struct map *parent)
{
	struct map *child = map_create();
	int rc = 0;

	if (!child) return NULL;
	mutex_lock(&parent->lock);
	child->layout = parent->layout;
	map_for(e, parent, 0, USER_TOP) {
		if (!rc) rc = fork_entry(child, parent, e);
	}
	mutex_unlock(&parent->lock);
	if (!rc) return child;
	map_put(child);
	return NULL;
}

/* What can be done under map->lock.  -EINVAL: not for this kind of mapping (madvise(2)) */
static int advise_entry(struct map *m, struct entry *e, uaddr_t from, uaddr_t to, int advice)
{
	bool keep = e->flags & (ENTRY_SHARED | ENTRY_LOCKED | ENTRY_DEVICE);

	switch (advice) {
	case MADV_NORMAL: case MADV_RANDOM: case MADV_SEQUENTIAL:
		e->ra.advice = advice;
		return 0;
	case MADV_DONTNEED:
		if (e->flags & ENTRY_LOCKED) return -EINVAL;
		if (!keep) map_zap(m, from, to);
		return 0;
	case MADV_FREE:                 /* the pages may go at any time from now on: at once */
		if (e->vmo || keep) return -EINVAL;
		map_zap(m, from, to);
		return 0;
	case MADV_DONTFORK: e->flags |= ENTRY_NOFORK; return 0;
	case MADV_DOFORK: e->flags &= ~ENTRY_NOFORK; return 0;
	default: return 0;
	}
}

/* What reads or writes, and so needs an object without locks. */
static int advise_part(struct map *m, struct sync_part *s, int advice)
{
	uint64_t off = s->first << PAGE_SHIFT, len = (s->last - s->first + 1) << PAGE_SHIFT;

	if (!s->shared) return advice != MADV_REMOVE ? 0 : s->vmo ? -EACCES : -EINVAL;
	if (advice == MADV_WILLNEED) vmo_prefetch(s->vmo, s->first, s->last);
	if (advice != MADV_REMOVE) return 0;
	return s->writable ? vmo_punch(s->vmo, off, len) : -EACCES;     /* who may not write may not punch either */
}

int map_advise(struct map *m, uaddr_t start, uaddr_t end, int advice)
{
	bool hole;
	int rc = 0;

	if (advice == MADV_WILLNEED || advice == MADV_REMOVE)
		return parts_for(m, start, end, false, advise_part, advice);
	mutex_lock(&m->lock);
	hole = map_covered(m, start, end, 0) < end - start;
	if (advice <= MADV_SEQUENTIAL || advice == MADV_DONTFORK || advice == MADV_DOFORK) rc = map_cut(m, start, end);
	map_for(e, m, start, end - 1) {
		if (!rc) rc = advise_entry(m, e, MAX(start, e->anode.start), MIN(end, e->anode.last + 1), advice);
	}
	mutex_unlock(&m->lock);
	if (!rc && !hole && (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE))
		rc = map_populate(m, start, end, advice == MADV_POPULATE_WRITE);
	return rc ? rc : hole ? -ENOMEM : 0;
}

int map_resident(struct map *m, uaddr_t start, uint64_t npages, uint8_t *in)
{
	MUTEX_HELD(&m->lock);
	for (uint64_t i = 0; i < npages; i++) {
		uaddr_t va = start + (i << PAGE_SHIFT);
		struct entry *e = map_find_locked(m, va);

		if (!e) return -ENOMEM;
		in[i] = pmap_get(&m->pmap, va) != 0;
		if (in[i] || !e->vmo) continue;
		SPIN_HELD(&e->vmo->lock);
		in[i] = radix_get(&e->vmo->pages, entry_index(e, va)) != NULL;
	}
	return 0;
}

/* map_brk: move the end of the data segment, and say where it is afterwards: a want that cannot be had changes nothing
 * (Linux brk(2)). */
uaddr_t map_brk(struct map *m, uaddr_t want)
{
	uaddr_t at = ROUND_UP(__atomic_load_n(&m->brk, __ATOMIC_RELAXED), PAGE_SIZE), to = ROUND_UP(want, PAGE_SIZE);
	int rc = 0;

	if (want < m->brk_start || want >= USER_TOP)
		rc = -ENOMEM;
	else if (to > at)
		rc = map_map(m, &at, to - at, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE | PROT_EXEC,
		             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, NULL, 0);
	else if (to < at)
		rc = map_unmap(m, to, at - to);

	mutex_lock(&m->lock);
	if (!rc) m->brk = want;
	want = m->brk;
	mutex_unlock(&m->lock);
	return want;
}

/* Give a driver its device's registers, or its rings.  The PTEs are entered at once; no page of the cache is
 * behind them. */
int map_device(struct map *m, uaddr_t *addr, paddr_t pa, uint64_t len, bool cacheable)
{
	int rc = map_map(m, addr, len, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                 NULL, 0);
	pte_t bits = PTE_P | PTE_W | PTE_U | PTE_NX | (cacheable ? 0 : PTE_PCD | PTE_PWT);

	if (rc) return rc;
	mutex_lock(&m->lock);
	rc = map_cut(m, *addr, *addr + len);    /* it may have continued a neighbour */
	if (!rc) map_find_locked(m, *addr)->flags |= ENTRY_DEVICE;
	for (uint64_t at = 0; at < len && !rc; at += PAGE_SIZE)
		rc = pmap_set(&m->pmap, *addr + at, (pa + at) | bits, NULL);
	mutex_unlock(&m->lock);
	if (rc) map_unmap(m, *addr, len);
	return rc;
}
