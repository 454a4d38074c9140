/* SPDX-License-Identifier: MIT */
/* mm/fault.c - RING 0 - the page fault: from an address to a page, or to the reason why not.
 *
 * Path:  entry.S > trap.c > [fault.c] > pagecache.c > pager.c  ~message~>  fs/ext2_pager.c ~> driver
 *
 *   entry        access  page of the object      what happens
 *   anonymous    any     -                       zero fill, or copy on write
 *   private      read    resident                mapped read-only, neighbours too
 *   private      write   resident                copied, the copy mapped writable
 *   shared       read    resident                mapped read-only, neighbours too
 *   shared       write   resident                room on disk is made sure of, page DIRTY, mapped writable
 *   object's     any     absent, being filled    fetched without locks; then all is looked up again
 *
 * Locks: map->lock, then vmo->lock for the moment in which a PTE on an object's page is made: so whoever holds
 *        vmo->lock and has cleared the PTEs of a page knows that it stays unmapped.  None across a sleep.
 *
 * Page tables alone hold private pages, ANON pages:
 * A1  A PTE on an ANON page is one of its references; pmap.c lets go of it with the PTE.
 * A2  A PTE on an ANON page is writable only while the page has one reference.
 */
#include "kernel/thread.h"
#include "mm/map.h"

#define AROUND 16u              /* pages, aligned: how many resident neighbours a read fault maps */

enum { FAULT_FETCH = 1, FAULT_ROOM, FAULT_MEMORY }; /* drop the locks, do this, start over */

struct fault {
	struct map *map;
	struct entry *e;        /* valid while map->lock is held */
	uaddr_t va;             /* page-aligned */
	uint64_t index;         /* in the object */
	bool write;
	struct vmo *vmo;        /* for the step without locks: a reference */
	struct readahead ra;    /* likewise: a copy, since the entry may go */
};

static pte_t pte_make(const struct entry *e, const struct page *p, bool writable)
{
	pte_t pte = page_phys(p) | PTE_P | PTE_U | PTE_A;

	if (writable) pte |= PTE_W | PTE_D;
	if (!(e->prot & PROT_EXEC)) pte |= PTE_NX;
	return pte;
}

static int fault_map(struct fault *f, const struct page *p, bool writable)
{
	return pmap_set(&f->map->pmap, f->va, pte_make(f->e, p, writable)) ? FAULT_MEMORY : 0;
}

/* A private page, with the bytes of another one (NULL: zeros). */
static int fault_copy(struct fault *f, const struct page *from)
{
	struct page *p = frame_alloc(PAGE_ANON, from ? 0 : FRAME_ZERO);
	int rc;

	if (!p) return FAULT_MEMORY;
	if (from) memcpy(page_virt(p), page_virt(from), PAGE_SIZE);
	rc = fault_map(f, p, f->e->prot & PROT_WRITE);
	if (rc) page_unref(p);
	return rc;
}

/* Nothing is there (p: NULL), or a private page. */
static int fault_private(struct fault *f, struct page *p)
{
	if (!p || (f->write && __atomic_load_n(&p->refs, __ATOMIC_ACQUIRE) > 1)) return fault_copy(f, p);
	return fault_map(f, p, f->write);       /* the last sharer: nothing to copy */
}

/* An object's page, and its resident neighbours as far as nothing is mapped for them yet.  => as fault_object() */
static int fault_read(struct fault *f, struct vmo *v, struct page *page)
{
	struct entry *e = f->e;
	uint64_t around = ROUND_DOWN(f->index, AROUND), first = MAX(around, e->vnode.start);
	uint64_t last = MIN(MIN(around + AROUND - 1, e->vnode.last), vmo_pages_locked(v) - 1);

	if (fault_map(f, page, false)) return FAULT_MEMORY;
	tree_for(n, &v->pages, first, last) {
		struct page *p = container_of(n, struct page, node);
		uaddr_t va = entry_va(e, n->start);

		if (p->state == PG_FILLING || (p->flags & PFL_LEAVING) || pmap_get(&f->map->pmap, va)) continue;
		if (pmap_set(&f->map->pmap, va, pte_make(e, p, false) & ~PTE_A)) break;
	}
	return 0;
}

/* The first store into a clean shared page, or a store after writeback took the right away (P3). */
static int fault_store_shared(struct fault *f, struct vmo *v, struct page *p)
{
	if (v->flags & VMO_READONLY) return -EACCES;
	if (!vmo_has_room_locked(v, f->index, p)) return FAULT_ROOM;
	page_dirty_locked(v, p);
	if (f->map->wired) p->flags |= PFL_OWNER;
	else vmo_touch(v, VMOC_MTIME | VMOC_CTIME);
	return fault_map(f, p, true);
}

/* An object's page.  => map->lock and the object's held.  0, -errno, or what has to be done without locks. */
static int fault_object(struct fault *f)
{
	struct vmo *v = f->e->vmo;
	struct page *p = page_at(v, f->index);

	if (f->index >= vmo_pages_locked(v)) return -ENXIO;
	if (!p || p->state == PG_FILLING || (p->flags & PFL_LEAVING)) return FAULT_FETCH;
	p->flags |= PFL_REFERENCED;
	if (!f->write) return fault_read(f, v, p);
	if (f->e->flags & ENTRY_SHARED) return fault_store_shared(f, v, p);
	return fault_copy(f, p);
}

/* On x86-64 what may be written or executed may be read. */
static bool prot_allows(uint32_t prot, uint32_t want) { return !(want & ~prot) || (want == PROT_READ && prot); }

/* Find the entry and try; leave with the locks dropped and what is needed to continue without them. */
static int fault_try(struct fault *f, uint32_t want)
{
	struct entry *e;
	struct page *p;
	pte_t pte;
	int rc;

	f->vmo = NULL;
	MUTEX_HELD(&f->map->lock);
	e = f->e = map_find_locked(f->map, f->va);
	if (!e) e = f->e = map_grow_down(f->map, f->va);
	if (!e) return -EFAULT;
	if (!prot_allows(e->prot, want) || (e->flags & ENTRY_DEVICE)) return -EACCES;
	f->index = entry_index(e, f->va);
	entry_lock(e);
	pte = pmap_get(&f->map->pmap, f->va);
	p = pte ? phys_to_page(pte & PTE_ADDR) : NULL;
	if (e->vmo && !(p && p->use == PAGE_ANON && !(e->flags & ENTRY_SHARED))) rc = fault_object(f);
	else rc = fault_private(f, p);
	entry_unlock(e);
	if (rc > 0 && e->vmo) vmo_ref(f->vmo = e->vmo);
	if (rc == FAULT_FETCH) {
		f->ra = e->ra;
		readahead_window(&e->ra, f->index);
	}
	return rc;
}

int vm_fault(struct map *m, uaddr_t va, uint32_t want)
{
	struct fault f = {.map = m, .va = va & ~PAGE_MASK, .write = want & PROT_WRITE};
	struct page *p;
	int rc;

	if (va >= USER_TOP) return -EFAULT;
	thread_pause();
	this_cpu()->faults++;
	current_thread()->used.minflt++;
	while ((rc = fault_try(&f, want)) > 0) {
		if (rc == FAULT_FETCH) {
			this_cpu()->major++;
			current_thread()->used.majflt++;
			rc = pcache_get(f.vmo, f.index, &f.ra, &p);
			if (!rc) page_unref(p);
		} else {
			rc = rc == FAULT_ROOM ? vmo_room(f.vmo, f.index) : reclaim_wait();
		}
		if (f.vmo) vmo_unref(f.vmo);
		if (rc == -ENOMEM) rc = oom_wait();
		if (rc) break;
	}
	return rc;
}

/* Copy within one page, if its PTE allows the access; 0: it has to be faulted in.  With the locks held the PTE stays
 * what it is, and no writeback begins: what was written is owed (P3). */
static uint64_t page_copy(struct map *m, uaddr_t va, void *kbuf, uint64_t len, bool write)
{
	uint64_t off = va & PAGE_MASK, n = 0;
	struct entry *e;
	char *at;
	pte_t pte;

	MUTEX_HELD(&m->lock);
	e = map_find_locked(m, va);
	if (!e || (e->flags & ENTRY_DEVICE) || !prot_allows(e->prot, write ? PROT_WRITE : PROT_READ)) return 0;
	entry_lock(e);
	pte = pmap_get(&m->pmap, va);
	if ((pte & PTE_P) && (!write || (pte & PTE_W))) n = MIN(len, PAGE_SIZE - off);
	at = phys_to_virt((pte & PTE_ADDR) + off);
	memcpy(write ? at : kbuf, write ? kbuf : at, n);
	entry_unlock(e);
	return n;
}

/* It never faults: who asks may be the server that would have to bring the page. */
uint64_t map_peek(struct map *m, uaddr_t va, void *kbuf, uint64_t len, bool write)
{
	uint64_t done = 0, n;

	while (done < len && (n = page_copy(m, va + done, (char *)kbuf + done, len - done, write)) > 0) done += n;
	return done;
}

int map_copy(struct map *m, uaddr_t va, void *kbuf, uint64_t len, bool write)
{
	uint64_t done = 0;

	while ((done += map_peek(m, va + done, (char *)kbuf + done, len - done, write)) < len)
		if (vm_fault(m, va + done, write ? PROT_WRITE : PROT_READ)) return -EFAULT;
	return 0;
}
