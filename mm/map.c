/* SPDX-License-Identifier: MIT */
/* mm/map.c - RING 0 - address spaces: entries come, split, grow, move and go.  Page tables follow by faults.
 *
 * Use:   map_map(), map_unmap(), mremap and fork for the system calls; entries are never shared.
 * Locks: map->lock throughout; vmo->lock while an entry enters or leaves its object's tree, and while its PTEs are
 *        changed (entry_lock()): others wait for a large mapping's end, but miss none of its pages.
 *
 * E1  Entries of a map do not overlap, and lie below USER_TOP.
 * E2  An entry with an object is in the object's tree, counts as one user of it and holds a reference.
 * E3  anode and vnode span the same number of pages.
 * E4  Page tables exist before private pages move: all of them do, or none.
 */
#include "mm/map.h"

#define MMAP_LOW  0x10000ull            /* never map address 0 and its neighbours by choice */
#define MMAP_HIGH 0x00007f0000000000ull /* search from here down; stacks lie above */
#define STACK_GAP (256 * PAGE_SIZE)     /* what stays free below it */

struct map *map_create(void)
{
	struct map *m = kalloc(sizeof(*m));

	if (!m) return NULL;
	mutex_init(&m->lock, RANK_MAP, "map");
	if (pmap_init(&m->pmap)) {
		kfree(m);
		return NULL;
	}
	m->refs = 1;
	m->mmap_top = MMAP_HIGH;
	return m;
}

void map_put(struct map *m)
{
	if (__atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL)) return;
	map_unmap(m, 0, USER_TOP);
	pmap_destroy(&m->pmap);
	kfree(m);
}

struct entry *map_first_locked(struct map *m, uaddr_t start, uaddr_t last)
{
	return container_of(tree_first_overlap(&m->entries, start, last), struct entry, anode);
}

/* Into both trees: len bytes at start, the first page of them that of index. */
static void entry_insert_locked(struct entry *e, uaddr_t start, uint64_t len, uint64_t index)
{
	e->anode.start = start;
	e->anode.last = start + len - 1;
	e->vnode.start = index;
	e->vnode.last = index + (len >> PAGE_SHIFT) - 1;
	e->map->size += len;
	if (e->flags & ENTRY_LOCKED) e->map->locked += len;
	tree_insert(&e->map->entries, &e->anode);
	if (e->vmo) tree_insert(&e->vmo->entries, &e->vnode);
}

static void entry_remove_locked(struct entry *e)
{
	e->map->size -= entry_bytes(e);
	if (e->flags & ENTRY_LOCKED) e->map->locked -= entry_bytes(e);
	tree_remove(&e->map->entries, &e->anode);
	if (e->vmo) tree_remove(&e->vmo->entries, &e->vnode);
}

static void entry_resize_locked(struct entry *e, uaddr_t start, uint64_t len, uint64_t index)
{
	entry_remove_locked(e);
	entry_insert_locked(e, start, len, index);
}

/* In no tree yet; NULL: no memory. */
static struct entry *entry_clone(struct map *m, const struct entry *from)
{
	struct entry *e = kalloc(sizeof(*e));

	if (!e) return NULL;
	*e = *from;                     /* its nodes are made when it enters the trees */
	e->map = m;
	e->ra = (struct readahead){.advice = from->ra.advice};
	if (e->vmo) vmo_user_get(e->vmo);
	return e;
}

static void entry_free(struct entry *e)
{
	if (e->vmo) vmo_user_put(e->vmo);
	kfree(e);
}

/* Make an entry border at address at (page-aligned).  0, -ENOMEM: nothing changed */
static int map_cut_at(struct map *m, uaddr_t at)
{
	struct entry *e = map_find_locked(m, at), *hi;

	if (!e || e->anode.start == at) return 0;
	hi = entry_clone(m, e);
	if (!hi) return -ENOMEM;
	entry_lock(e);
	entry_insert_locked(hi, at, e->anode.last + 1 - at, entry_index(e, at));
	entry_resize_locked(e, e->anode.start, at - e->anode.start, e->vnode.start);
	entry_unlock(e);
	return 0;
}

int map_cut(struct map *m, uaddr_t start, uaddr_t end)
{
	int rc = map_cut_at(m, start);

	return rc ? rc : map_cut_at(m, end);
}

static int map_unmap_locked(struct map *m, uaddr_t start, uaddr_t end)
{
	struct entry *e;
	int rc = map_cut(m, start, end);

	if (rc) return rc;
	while ((e = map_first_locked(m, start, end - 1))) {
		entry_lock(e);
		pmap_walk(&m->pmap, e->anode.start, e->anode.last + 1, NULL, NULL);
		entry_remove_locked(e);
		entry_unlock(e);
		entry_free(e);
	}
	return 0;
}

/* The highest free range of len bytes below mmap_top.  0: none */
uaddr_t map_search(struct map *m, uint64_t len)
{
	uaddr_t low = MMAP_LOW, found = 0;

	map_for(e, m, 0, m->mmap_top - 1) {
		if (e->anode.start >= low + len) found = e->anode.start - len;
		low = MAX(low, e->anode.last + 1);
	}
	return m->mmap_top >= low + len ? m->mmap_top - len : found;
}

/* Where a new mapping goes: as asked (MAP_FIXED), the hint if it is free, or any free place. */
static int map_choose(struct map *m, uaddr_t *addr, uint64_t len, uint32_t flags)
{
	bool fits = *addr % PAGE_SIZE == 0 && *addr < USER_TOP && len <= USER_TOP - *addr;

	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (*addr % PAGE_SIZE) return -EINVAL;
		if (!fits) return -ENOMEM;
		if ((flags & MAP_FIXED_NOREPLACE) && map_first_locked(m, *addr, *addr + len - 1)) return -EEXIST;
		return 0;
	}
	if (fits && *addr >= MMAP_LOW && !map_first_locked(m, *addr, *addr + len - 1)) return 0;
	*addr = map_search(m, len);
	return *addr ? 0 : -ENOMEM;
}

/* Anonymous private memory that continues its lower neighbour extends it: brk and malloc make one
 * entry, not hundreds. */
static bool map_extend(struct map *m, uaddr_t addr, uint64_t len, const struct entry *want)
{
	struct entry *e = addr > 0 ? map_find_locked(m, addr - 1) : NULL;

	if (!e || e->vmo || want->vmo || e->flags != want->flags || e->prot != want->prot) return false;
	if (e->max_prot != want->max_prot || (e->flags & ENTRY_GROWSDOWN)) return false;
	entry_resize_locked(e, e->anode.start, entry_bytes(e) + len, 0);        /* no object: no lock */
	return true;
}

static int map_place(struct map *m, struct entry *e, uaddr_t *addr, uint64_t len, uint32_t flags, uint64_t index)
{
	int rc = map_choose(m, addr, len, flags);
	uint64_t more = len - (flags & MAP_FIXED ? map_covered(m, *addr, *addr + len, 0) : 0);

	if (!rc && m->size + more > map_limit(m, RLIMIT_AS)) rc = -ENOMEM;
	if (m->lock_future & MCL_FUTURE) e->flags |= ENTRY_LOCKED;
	if (!rc && (e->flags & ENTRY_LOCKED) && m->locked + len > map_limit(m, RLIMIT_MEMLOCK)) rc = -EAGAIN;
	if (!rc && (flags & MAP_FIXED)) rc = map_unmap_locked(m, *addr, *addr + len);
	if (rc) return rc;
	if (map_extend(m, *addr, len, e)) {
		entry_free(e);
		return 0;
	}
	entry_lock(e);
	entry_insert_locked(e, *addr, len, index);
	entry_unlock(e);
	return 0;
}

int map_map(struct map *m, uaddr_t *addr, uint64_t len, uint32_t prot, uint32_t max_prot, uint32_t flags,
            struct vmo *vmo, uint64_t off)
{
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
	struct entry want = {.vmo = vmo, .prot = prot, .max_prot = max_prot}, *e;
	int rc;

	if (len == 0 || off % PAGE_SIZE) return -EINVAL;
	if (len > USER_TOP) return -ENOMEM;
	if (off + len < off || (vmo && off + len > INT64_MAX)) return -EOVERFLOW;
	len = ROUND_UP(len, PAGE_SIZE);
	if (shared) want.flags |= ENTRY_SHARED;
	if (flags & MAP_LOCKED) want.flags |= ENTRY_LOCKED;
	if (!shared && !vmo && (flags & MAP_GROWSDOWN)) want.flags |= ENTRY_GROWSDOWN;
	if (shared && !vmo && !(want.vmo = vmo_create(NULL, 0, len, len, VMO_EPHEMERAL))) return -ENOMEM;
	if (vmo) want.err_seen = vmo_file(vmo)->wb_err;
	e = entry_clone(m, &want);
	if (want.vmo != vmo) vmo_unref(want.vmo);
	if (!e) return -ENOMEM;

	mutex_lock(&m->lock);
	rc = map_place(m, e, addr, len, flags, vmo ? off >> PAGE_SHIFT : 0);      /* anonymous: off says nothing */
	if ((m->lock_future & (MCL_FUTURE | MCL_ONFAULT)) == MCL_FUTURE) flags |= MAP_LOCKED;
	mutex_unlock(&m->lock);
	if (rc) entry_free(e);
	else if (flags & (MAP_LOCKED | MAP_POPULATE)) map_populate(m, *addr, *addr + len, false);
	return rc;
}

/* Give a driver its device's registers, or its rings, at a free place.  The PTEs are entered at once; no page of the
 * cache is behind them. */
int map_device(struct map *m, uaddr_t at, paddr_t pa, uint64_t len, bool cacheable)
{
	const uint32_t prot = PROT_READ | PROT_WRITE;
	const struct entry want = {.prot = prot, .max_prot = prot, .flags = ENTRY_DEVICE};
	pte_t bits = PTE_P | PTE_W | PTE_U | PTE_NX | (cacheable ? 0 : PTE_PCD | PTE_PWT);
	struct entry *e = entry_clone(m, &want);
	int rc = 0;

	if (!e) return -ENOMEM;
	MUTEX_HELD(&m->lock);
	entry_insert_locked(e, at, len, 0);
	for (uint64_t off = 0; off < len && !rc; off += PAGE_SIZE) rc = pmap_set(&m->pmap, at + off, (pa + off) | bits);
	return rc;
}

int map_unmap(struct map *m, uaddr_t start, uint64_t len)
{
	if (start % PAGE_SIZE || len == 0 || start >= USER_TOP || len > USER_TOP - start) return -EINVAL;

	MUTEX_HELD(&m->lock);
	return map_unmap_locked(m, start, start + ROUND_UP(len, PAGE_SIZE));
}

int map_detach(struct map *m, uaddr_t start)
{
	struct entry *e;
	struct vmo *v;

	MUTEX_HELD(&m->lock);
	e = map_find_locked(m, start);
	v = e && e->anode.start == start && e->vnode.start == 0 ? e->vmo : NULL;
	if (!v || !(v->flags & VMO_SEGMENT)) return -EINVAL;
	for (uaddr_t at = start, end = start + v->max_size; at < end && (e = map_first_locked(m, at, end - 1));) {
		at = e->anode.last + 1;
		/* a whole entry: cannot fail.  v stays ours to compare with: no other can be mapped at its address */
		if (e->vmo == v) map_unmap_locked(m, e->anode.start, at);
	}
	return 0;
}

uint64_t map_covered(struct map *m, uaddr_t start, uaddr_t end, uint32_t flags)
{
	uint64_t bytes = 0;

	map_for(e, m, start, end - 1) {
		if ((e->flags & flags) == flags) bytes += MIN(end - 1, e->anode.last) - MAX(start, e->anode.start) + 1;
	}
	return bytes;
}

struct entry *map_grow_down(struct map *m, uaddr_t va)
{
	struct entry *e = map_first_locked(m, va, USER_TOP - 1);
	uint64_t more;

	if (!e || !(e->flags & ENTRY_GROWSDOWN) || va < MMAP_LOW + STACK_GAP) return NULL;
	more = e->anode.start - (va & ~PAGE_MASK);
	if (entry_bytes(e) + more > map_limit(m, RLIMIT_STACK) || m->size + more > map_limit(m, RLIMIT_AS)) return NULL;
	if ((e->flags & ENTRY_LOCKED) && m->locked + more > map_limit(m, RLIMIT_MEMLOCK)) return NULL;
	if (map_first_locked(m, (va & ~PAGE_MASK) - STACK_GAP, e->anode.start - 1)) return NULL;
	entry_resize_locked(e, e->anode.start - more, entry_bytes(e) + more, 0);
	return e;
}

/* ---- copies: for a child, and for what mremap moves */

#define CHUNK 64u                       /* pages carried per walk: no lock is held for two page tables at once */

struct chunk {
	uaddr_t start;
	bool    move, any;
	pte_t   pte[CHUNK];
};

/* Note a private page's PTE for its other place; what is shared loses the right to write (A2).  An object's own page is
 * faulted in there. */
static pte_t carry_pte(pte_t pte, uaddr_t va, void *arg)
{
	struct page *p = phys_to_page(pte & PTE_ADDR);
	struct chunk *c = arg;

	if (!p || p->use != PAGE_ANON) return pte;
	if (!c->move) pte &= ~PTE_W;
	c->any = true;
	c->pte[(va - c->start) >> PAGE_SHIFT] = pte;
	page_ref(p);
	return c->move ? 0 : pte;
}

/* The private pages of e at n's place: shared copy on write, or moved.  -ENOMEM: some of them */
static int entry_carry(const struct entry *n, const struct entry *e, bool move)
{
	int rc = 0;

	for (uaddr_t va = e->anode.start; va <= e->anode.last && !rc; va += CHUNK << PAGE_SHIFT) {
		uaddr_t end = MIN(va + (CHUNK << PAGE_SHIFT), e->anode.last + 1);
		uaddr_t to = n->anode.start + (va - e->anode.start);
		struct chunk c = {.start = va, .move = move};

		pmap_walk(&e->map->pmap, va, end, carry_pte, &c);
		for (uint32_t i = 0; c.any && i < CHUNK; i++, to += PAGE_SIZE) {
			if (c.pte[i] && !rc) rc = pmap_set(&n->map->pmap, to, c.pte[i]);
			if (c.pte[i] && rc) page_unref(phys_to_page(c.pte[i] & PTE_ADDR));
		}
	}
	return rc;
}

/* The same pages at another place, with the object's lock held: truncation finds each private copy at one of both.
 * move: private pages leave the old place, whose entry goes next; tables are there already (E4). */
static int entry_copy(struct map *to, uaddr_t at, uint64_t len, const struct entry *e, bool move)
{
	struct entry *n = entry_clone(to, e);
	int rc;

	if (!n) return -ENOMEM;
	if (!move) n->flags &= ~ENTRY_LOCKED;   /* POSIX mlock: locks are not inherited */
	entry_lock(e);
	entry_insert_locked(n, at, len, e->vnode.start);
	rc = e->flags & ENTRY_SHARED ? 0 : entry_carry(n, e, move);
	entry_unlock(e);
	INVARIANT("E4", !move || !rc);
	return rc;
}

struct map *map_fork(struct map *parent)
{
	struct map *child = map_create();
	int rc = 0;

	if (!child) return NULL;
	mutex_lock(&parent->lock);
	child->layout = parent->layout;
	map_for(e, parent, 0, USER_TOP) {
		if (!rc && !(e->flags & ENTRY_NOFORK)) rc = entry_copy(child, e->anode.start, entry_bytes(e), e, false);
	}
	mutex_unlock(&parent->lock);
	if (!rc) return child;
	map_put(child);
	return NULL;
}

/* A mapping grows where it is, or moves.  => map->lock held, all arguments checked, it grows or MREMAP_FIXED */
static int remap_locked(struct map *m, uaddr_t *addr, uint64_t old_len, uint64_t new_len, uint32_t flags, uaddr_t to)
{
	struct entry *e = map_find_locked(m, *addr);
	uint64_t len = MIN(old_len, new_len), more = new_len - len;
	uaddr_t end = *addr + len;
	int rc = 0;

	if (!e || (e->flags & ENTRY_DEVICE) || e->anode.last - *addr + 1 < old_len) return -EFAULT;
	if (m->size + more > map_limit(m, RLIMIT_AS)) return -ENOMEM;
	if ((e->flags & ENTRY_LOCKED) && m->locked + more > map_limit(m, RLIMIT_MEMLOCK)) return -EAGAIN;
	if (flags & MREMAP_FIXED) {
		rc = map_unmap_locked(m, to, to + new_len);
		if (!rc && len < old_len) rc = map_unmap_locked(m, end, *addr + old_len);
	} else if (e->anode.last + 1 == end && end + more <= USER_TOP && !map_first_locked(m, end, end + more - 1)) {
		entry_lock(e);
		entry_resize_locked(e, e->anode.start, entry_bytes(e) + more, e->vnode.start);
		entry_unlock(e);
		return 0;
	} else {
		to = flags & MREMAP_MAYMOVE ? map_search(m, new_len) : 0;
		if (!to) rc = -ENOMEM;
	}
	if (!rc) rc = map_cut(m, *addr, end);
	if (!rc) rc = pmap_prepare(&m->pmap, to, to + len);     /* E4 */
	if (!rc) rc = entry_copy(m, to, new_len, map_find_locked(m, *addr), true);
	if (rc) return rc;
	map_unmap_locked(m, *addr, end);        /* whole entries: cannot fail */
	*addr = to;
	return 0;
}

int map_remap(struct map *m, uaddr_t *addr, uint64_t old_len, uint64_t new_len, uint32_t flags, uaddr_t to)
{
	uaddr_t old = *addr;
	bool locked = false;
	int rc = 0;

	old_len = ROUND_UP(old_len, PAGE_SIZE);
	new_len = ROUND_UP(new_len, PAGE_SIZE);
	if (old % PAGE_SIZE || old >= USER_TOP || old_len > USER_TOP - old || old_len == 0) return -EINVAL;
	if (new_len == 0 || new_len > USER_TOP) return -EINVAL;
	if (flags & MREMAP_FIXED) {
		if (to % PAGE_SIZE || to >= USER_TOP || new_len > USER_TOP - to) return -EINVAL;
		if (to < old + old_len && old < to + new_len) return -EINVAL;
	}

	mutex_lock(&m->lock);
	if (!map_find_locked(m, old)) rc = -EFAULT;
	else if ((flags & MREMAP_FIXED) || new_len > old_len) rc = remap_locked(m, addr, old_len, new_len, flags, to);
	else if (new_len < old_len) rc = map_unmap_locked(m, old + new_len, old + old_len);
	if (!rc) locked = map_find_locked(m, *addr)->flags & ENTRY_LOCKED;
	mutex_unlock(&m->lock);
	if (!rc && locked) map_populate(m, *addr, *addr + new_len, false);
	return rc;
}
