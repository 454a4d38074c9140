/* SPDX-License-Identifier: MIT */
/* mm/mapops.c - RING 0 - what is done to a range of an address space: mprotect, msync, mlock, madvise, brk; and the
 * rmap: what is done to a range of an object in all address spaces.
 *
 * Path:  sys_mem.c > [mapops.c] > writeback.c, fault.c;  writeback.c, pagecache.c > [mapops.c] > pmap.c
 * Locks: map->lock while entries are looked at; none while an object is synced or a page brought in: a range is walked
 *        address by address, and looked up again after each part.  The rmap: vmo->lock, held by the caller, so no entry
 *        of the object comes, goes or moves, and no PTE on its pages is made; pmap->lock of each map, one by one.
 *
 * A locked entry keeps its object's pages from reclaim (pagecache.c C1) and from MS_INVALIDATE (EBUSY); private pages
 * never leave memory anyway.  map->locked counts the bytes.
 *
 * M1  An entry in vmo->entries maps page index i at anode.start + (i - vnode.start) pages, whatever its PTE says now.
 * M2  A PTE that refers to a page of the object is found through vmo->entries.  All other PTEs of these entries are on
 *     private copies, ANON pages.
 * M3  A walk over neighbouring pages is one round of TLB shootdowns for each map, however many they are.
 */
#include "mm/map.h"

/* Rights that the new protection does not give leave the PTE; those it adds come back by a fault, which knows why a
 * page is not writable. */
static pte_t protect_pte(pte_t pte, uaddr_t va, void *arg)
{
	uint32_t prot = *(uint32_t *)arg;

	if (!(prot & PROT_WRITE)) pte &= ~PTE_W;
	if (!(prot & PROT_EXEC)) pte |= PTE_NX;
	else pte &= ~PTE_NX;
	/* PROT_NONE: not present, but the page stays in the PTE; ring 0's copies must fault on it as well */
	return prot & (PROT_READ | PROT_WRITE | PROT_EXEC) ? pte | PTE_P : pte & ~PTE_P;
}

int map_protect(struct map *m, uaddr_t start, uint64_t len, uint32_t prot)
{
	uaddr_t end = start + ROUND_UP(len, PAGE_SIZE), at = start;
	int rc;

	if (start % PAGE_SIZE) return -EINVAL;
	if (len == 0) return 0;
	if (start >= USER_TOP || len > USER_TOP - start) return -ENOMEM;

	MUTEX_HELD(&m->lock);
	map_for(e, m, start, end - 1) {
		if (e->anode.start > at) return -ENOMEM;
		if (prot & ~e->max_prot) return -EACCES;
		at = e->anode.last + 1;
	}
	rc = at < end ? -ENOMEM : map_cut(m, start, end);
	if (rc) return rc;

	map_for(e, m, start, end - 1) {
		e->prot = prot;
		if (e->flags & ENTRY_DEVICE) continue;
		entry_lock(e);
		pmap_walk(&m->pmap, e->anode.start, e->anode.last + 1, protect_pte, &prot);
		entry_unlock(e);
	}
	return 0;
}

/* What a range and an entry have in common. */
struct part {
	struct entry *e;                /* valid until the lock is dropped */
	struct vmo *vmo;                /* its object, a reference; NULL: private anonymous */
	uaddr_t  start, end;
	uint64_t first, last;           /* page indexes */
	bool     shared, hole;          /* hole: something before it is not mapped */
};

/* fn for each part of the range; all of them, or up to the first error.  It has map->lock, and may drop it meanwhile.
 * That error, or -ENOMEM: there is a hole */
static int parts_for(struct map *m, uaddr_t start, uaddr_t end, bool all,
                     int (*fn)(struct map *, struct part *, int), int how)
{
	struct part s = {.end = start};
	int rc = 0, err;

	MUTEX_HELD(&m->lock);
	while ((all || !rc) && s.end < end) {
		struct entry *e = s.e = map_first_locked(m, s.end, end - 1);

		s.hole |= !e || e->anode.start > s.end;
		if (!e) break;
		s.vmo = e->vmo;
		s.start = MAX(s.end, e->anode.start);
		s.end = MIN(end, e->anode.last + 1);
		s.first = entry_index(e, s.start);
		s.last = entry_index(e, s.end - 1);
		s.shared = e->vmo && (e->flags & ENTRY_SHARED);
		if (s.vmo) vmo_ref(s.vmo);
		err = fn(m, &s, how);
		if (s.vmo) vmo_unref(s.vmo);
		if (err && !rc) rc = err;
	}
	return rc ? rc : s.hole ? -ENOMEM : 0;
}

static int sync_part(struct map *m, struct part *s, int msflags)
{
	bool sync = msflags & MS_SYNC, invalidate = msflags & MS_INVALIDATE;
	unsigned wb = sync ? WB_WAIT | WB_COMMIT | WB_DATASYNC : invalidate ? WB_WAIT : 0;
	uint32_t seen = s->e->err_seen;
	struct entry *e;
	int rc;

	if (!s->shared) return 0;       /* MAP_PRIVATE, anonymous: nothing is written (POSIX msync) */
	mutex_unlock(&m->lock);
	vmo_mark_stores(s->vmo, s->first, s->last);
	rc = vmo_sync(s->vmo, s->first, s->last, wb, &seen);
	if (!rc && invalidate) rc = vmo_invalidate(s->vmo, s->first, s->last);
	mutex_lock(&m->lock);
	e = map_find_locked(m, s->start);       /* remember in it what failed write has been told */
	if (e && e->vmo == s->vmo && (int32_t)(seen - e->err_seen) > 0) e->err_seen = seen;
	return rc;
}

/* Is one of its pages locked in memory, by whomever? */
static int busy_part(struct map *m, struct part *s, int how)
{
	if (s->e->flags & ENTRY_LOCKED) return -EBUSY;
	if (!s->vmo) return 0;
	SPIN_HELD(&s->vmo->lock);
	return vmo_range_locked(s->vmo, s->first, s->last) ? -EBUSY : 0;
}

/* map_sync: msync of whole pages [start, end), flags checked (design 5).
 * => 0; -EBUSY before any effect; -ENOMEM if a part is not mapped, after the mapped parts were done; -EIO ... */
int map_sync(struct map *m, uaddr_t start, uaddr_t end, int msflags)
{
	if ((msflags & MS_INVALIDATE) && parts_for(m, start, end, false, busy_part, 0) == -EBUSY) return -EBUSY;

	return parts_for(m, start, end, true, sync_part, msflags);
}

enum { POPULATE_WRITE = 1, POPULATE_OVER_HOLES };

/* Bring its pages in: private writable ones get their own copy now, shared ones are not made dirty. */
static int populate_part(struct map *m, struct part *s, int how)
{
	uint32_t want = how == POPULATE_WRITE || ((s->e->prot & PROT_WRITE) && !s->shared) ? PROT_WRITE : PROT_READ;
	int rc = 0;

	if (s->hole && how != POPULATE_OVER_HOLES) return -ENOMEM;
	if (s->e->flags & ENTRY_DEVICE) return 0;
	mutex_unlock(&m->lock);
	for (uaddr_t va = s->start; va < s->end && !rc; va += PAGE_SIZE) rc = vm_fault(m, va, want);
	mutex_lock(&m->lock);
	return rc;
}

int map_populate(struct map *m, uaddr_t start, uaddr_t end, bool write)
{
	int rc = parts_for(m, start, end, false, populate_part, write ? POPULATE_WRITE : 0);

	return rc == -EACCES || rc == -ENXIO ? -EFAULT : rc;
}

int map_lock(struct map *m, uaddr_t start, uaddr_t end, uint32_t mcl, bool all)
{
	bool on = mcl & MCL_CURRENT;
	uint64_t mapped, more;
	int rc = 0;

	if (mcl && map_limit(m, RLIMIT_MEMLOCK) == 0) return -EPERM;
	mutex_lock(&m->lock);
	mapped = map_covered(m, start, end, 0);
	more = mapped - map_covered(m, start, end, ENTRY_LOCKED);
	if (!all && mapped < end - start) rc = -ENOMEM;
	if (on && m->locked + more > map_limit(m, RLIMIT_MEMLOCK)) rc = -ENOMEM;
	if (!rc) rc = map_cut(m, start, end);
	if (!rc && all) m->lock_future = mcl & MCL_FUTURE ? mcl & (MCL_FUTURE | MCL_ONFAULT) : 0;
	map_for(e, m, start, end - 1) {
		if (rc || (mcl && !on) || !(e->flags & ENTRY_LOCKED) == !on || (e->flags & ENTRY_DEVICE)) continue;
		e->flags ^= ENTRY_LOCKED;
		m->locked += on ? entry_bytes(e) : -entry_bytes(e);
	}
	mutex_unlock(&m->lock);
	if (rc || (mcl & (MCL_CURRENT | MCL_ONFAULT)) != MCL_CURRENT) return rc;
	/* mlockall: what cannot be had (PROT_NONE, past the end) is no error */
	if (all) parts_for(m, start, end, true, populate_part, POPULATE_OVER_HOLES);
	else rc = map_populate(m, start, end, false);
	return rc == -EFAULT ? -ENOMEM : rc;    /* POSIX mlock: a page of the range that cannot be had */
}

/* -EINVAL: not for this kind of mapping (madvise(2)) */
static int advise_part(struct map *m, struct part *s, int advice)
{
	bool keep = s->e->flags & (ENTRY_SHARED | ENTRY_LOCKED | ENTRY_DEVICE);
	bool kept_in_entry = advice <= MADV_SEQUENTIAL || advice == MADV_DONTFORK || advice == MADV_DOFORK;
	int rc = kept_in_entry ? map_cut(m, s->start, s->end) : 0;

	if (rc) return rc;
	s->e = map_find_locked(m, s->start);

	switch (advice) {
	case MADV_NORMAL: case MADV_RANDOM: case MADV_SEQUENTIAL: s->e->ra.advice = advice; break;
	case MADV_DONTFORK: s->e->flags |= ENTRY_NOFORK; break;
	case MADV_DOFORK: s->e->flags &= ~ENTRY_NOFORK; break;
	case MADV_FREE:                 /* the pages may go at any time from now on: at once */
	case MADV_DONTNEED:
		if (advice == MADV_FREE ? s->vmo || keep : s->e->flags & ENTRY_LOCKED) return -EINVAL;
		if (keep) break;
		entry_lock(s->e);
		pmap_walk(&m->pmap, s->start, s->end, NULL, NULL);
		entry_unlock(s->e);
		break;
	case MADV_REMOVE:               /* who may not write may not punch either */
		if (!s->shared) return s->vmo ? -EACCES : -EINVAL;
		if (!(s->e->max_prot & PROT_WRITE)) return -EACCES;
		mutex_unlock(&m->lock);
		rc = vmo_punch(s->vmo, s->first << PAGE_SHIFT, s->end - s->start);
		mutex_lock(&m->lock);
		break;
	case MADV_WILLNEED:
		if (!s->shared) break;
		mutex_unlock(&m->lock);
		vmo_prefetch(s->vmo, s->first, s->last);
		mutex_lock(&m->lock);
	}
	return rc;
}

int map_advise(struct map *m, uaddr_t start, uaddr_t end, int advice)
{
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return map_populate(m, start, end, advice == MADV_POPULATE_WRITE);
	return parts_for(m, start, end, false, advise_part, advice);
}

int map_resident(struct map *m, uaddr_t va)
{
	struct entry *e;

	MUTEX_HELD(&m->lock);
	e = map_find_locked(m, va);
	if (!e) return -ENOMEM;
	if (pmap_get(&m->pmap, va)) return 1;
	if (!e->vmo) return 0;
	SPIN_HELD(&e->vmo->lock);
	return page_at(e->vmo, entry_index(e, va)) != NULL;
}

/* map_brk: move the end of the data segment, and say where it is afterwards: a want that cannot be had changes nothing
 * (Linux brk(2)). */
uaddr_t map_brk(struct map *m, uaddr_t want)
{
	const uint32_t prot = PROT_READ | PROT_WRITE, how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	uaddr_t start = m->program.brk_start, brk = __atomic_load_n(&m->program.brk, __ATOMIC_RELAXED);
	uaddr_t at = ROUND_UP(brk, PAGE_SIZE), to = ROUND_UP(want, PAGE_SIZE);
	int rc = 0;

	if (want < start || want >= USER_TOP || want - start > map_limit(m, RLIMIT_DATA)) rc = -ENOMEM;
	else if (to > at) rc = map_map(m, &at, to - at, prot, prot | PROT_EXEC, how, NULL, 0);
	else if (to < at) rc = map_unmap(m, to, at - to);

	MUTEX_HELD(&m->lock);
	if (!rc) m->program.brk = want;
	return m->program.brk;
}

/* ---- the rmap */

struct rmap_walk { pte_t bits, had; };  /* to take away; that there were */

static pte_t rmap_pte(pte_t pte, uaddr_t va, void *arg)
{
	struct rmap_walk *w = arg;
	struct page *p = phys_to_page(pte & PTE_ADDR);

	if (p && p->use == PAGE_ANON && !(w->bits & PTE_COPIES)) return pte;
	w->had |= pte;
	return w->bits & PTE_P ? 0 : pte & ~w->bits;
}

pte_t pages_clear(struct vmo *v, uint64_t first, uint64_t last, pte_t bits)
{
	struct rmap_walk w = {.bits = bits};

	tree_for(n, &v->entries, first, last) {
		struct entry *e = container_of(n, struct entry, vnode);
		uint64_t lo = MAX(first, n->start), hi = MIN(last, n->last);

		pmap_walk(&e->map->pmap, entry_va(e, lo), entry_va(e, hi + 1), rmap_pte, &w);
	}
	return w.had & bits;
}

bool vmo_range_locked(struct vmo *v, uint64_t first, uint64_t last)
{
	tree_for(n, &v->entries, first, last) {
		if (container_of(n, struct entry, vnode)->flags & ENTRY_LOCKED) return true;
	}
	return false;
}
