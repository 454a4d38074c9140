/* SPDX-License-Identifier: MIT */
/* mm/map.h - RING 0 - an address space: entries by address, and page tables made from them as they are used. */
#ifndef MM_MAP_H
#define MM_MAP_H

#include "abi/facts.h"
#include "mm/pmap.h"
#include "mm/vmo.h"

/* One mapping.  Lives in map->entries by address, and in vmo->entries by page index (both inclusive ranges).
 * anode and vnode change only while out of both trees: under map->lock and vmo->lock. */
struct entry {
	struct tree_node anode;         /* [m] start, last: user addresses */
	struct tree_node vnode;         /* [v] start, last: page indexes in vmo */
	struct map *map;                /* [c] */
	struct vmo *vmo;                /* [c] NULL: private anonymous; else a user and a reference */
	uint32_t prot;                  /* [m] PROT_* now */
	uint32_t max_prot;              /* [c] what mprotect may give */
	uint32_t flags;                 /* [m] ENTRY_*; who only looks: [m] or [v] */
	uint32_t err_seen;              /* [m] of vmo->wb_err */
	struct readahead ra;            /* [m] */
};      /* [m] map->lock  [v] vmo->lock  [c] constant */

#define ENTRY_SHARED    FACTSE_SHARED   /* MAP_SHARED: stores go to the object */
#define ENTRY_LOCKED    FACTSE_LOCKED   /* mlock */
#define ENTRY_GROWSDOWN FACTSE_GROWS    /* a stack */
#define ENTRY_DEVICE    8u              /* device memory or rings: PTEs are entered at once, no pages behind them */
#define ENTRY_NOFORK    16u             /* a child does not get it */

struct map {
	struct mutex lock;              /* RANK_MAP */
	union { struct map_layout layout; struct map_layout; };         /* [m] */
	struct pmap pmap;
	struct tree entries;            /* [m] */
	uint32_t refs;                  /* atomic */
	uint64_t size, locked;          /* [m] bytes mapped; of these locked in memory */
	uint32_t lock_future;           /* [m] mlockall: MCL_FUTURE, MCL_ONFAULT */
	bool     wired;                 /* [c] a server: what it stores through shared mappings it writes itself */
};

/* sys_mem.c: bytes that the current process may have (RLIMIT_*) in its own map; in others there is no limit. */
uint64_t map_limit(const struct map *, int resource);
struct map *map_create(void);           /* NULL: no memory */
static inline void map_ref(struct map *m) { __atomic_add_fetch(&m->refs, 1, __ATOMIC_RELAXED); }
void map_put(struct map *);             /* the last one unmaps all */
struct map *map_fork(struct map *);     /* NULL: no memory */
/* Load its page tables on this CPU; NULL: the kernel's. */
static inline void map_switch(struct map *m) { pmap_switch(m ? &m->pmap : NULL); }

/* Map len bytes (rounded up to pages) at *addr (hint, or MAP_FIXED), of vmo from byte offset off, or anonymous (NULL:
 * MAP_SHARED makes an object of its own).  flags: Linux MAP_*.  max_prot as mprotect may give later.
 * On success *addr is the place; takes its own reference and user of vmo.
 * -EINVAL, -ENOMEM, -EEXIST (FIXED_NOREPLACE), -EAGAIN (MAP_LOCKED over the limit), -EOVERFLOW (no object has such
 * bytes).  A failed call leaves mappings as they were. */
int map_map(struct map *, uaddr_t *addr, uint64_t len, uint32_t prot, uint32_t max_prot, uint32_t flags,
            struct vmo *vmo, uint64_t off);
int map_unmap(struct map *, uaddr_t start, uint64_t len);
int map_detach(struct map *, uaddr_t start);    /* shmdt(): what is left of the segment attached at start; -EINVAL */
int map_protect(struct map *, uaddr_t start, uint64_t len, uint32_t prot);
int map_sync(struct map *, uaddr_t start, uaddr_t end, int msflags);   /* msync after its checks */
int map_advise(struct map *, uaddr_t start, uaddr_t end, int advice);     /* MADV_*; -ENOMEM: a hole, after the rest */
int map_resident(struct map *, uaddr_t va);             /* mincore: is the page in memory?  1, 0, -ENOMEM */
uaddr_t map_brk(struct map *, uaddr_t want);    /* where it is then */
/* mremap(2): *addr moves.  -EFAULT: no one mapping there; -ENOMEM, -EAGAIN (locked, over the limit), -EINVAL */
int map_remap(struct map *, uaddr_t *addr, uint64_t old_len, uint64_t new_len, uint32_t flags, uaddr_t to);
/* Lock [start, end) as MCL_* says, or unlock it (0).  all: whatever is there, and what will be: mlockall, munlockall.
 * -ENOMEM over a hole or the limit, -EPERM if the limit is 0: nothing done. */
int map_lock(struct map *, uaddr_t start, uaddr_t end, uint32_t mcl, bool all);
int map_populate(struct map *, uaddr_t start, uaddr_t end, bool write); /* fault all in; the first error */
int map_device(struct map *, uaddr_t at, paddr_t pa, uint64_t len, bool cacheable);    /* ENTRY_DEVICE; -ENOMEM */

/* vm_fault: make va accessible for want (PROT_READ, PROT_WRITE or PROT_EXEC), or say why not.
 * => nothing locked, interrupts on; may sleep
 * => 0: retry the instruction
 *    -EFAULT: nothing mapped (SEGV_MAPERR)   -EACCES: not allowed (SEGV_ACCERR)
 *    -ENXIO: past the end of the object (SIGBUS BUS_ADRERR)   -EIO, -ENOSPC: SIGBUS
 *    -ENOMEM: no memory, and none to be had (the process is killed) */
int vm_fault(struct map *, uaddr_t va, uint32_t want);

/* Copy between kernel memory and any map's user memory, faulting pages in: lent buffers.  0 or -EFAULT. */
int map_copy(struct map *, uaddr_t va, void *kbuf, uint64_t len, bool write);
uint64_t map_peek(struct map *, uaddr_t va, void *kbuf, uint64_t len, bool write);    /* what is there; bytes */

/* map->lock held. */
struct entry *map_first_locked(struct map *, uaddr_t start, uaddr_t last);      /* the first that meets it; NULL */
static inline struct entry *map_find_locked(struct map *m, uaddr_t va) { return map_first_locked(m, va, va); }
/* Each entry that meets [start, last], by rising address; none comes or goes meanwhile.  anode is its first member:
 * NULL stays NULL. */
#define map_for(e, m, start, last_) \
	for (struct entry *e = map_first_locked(m, start, last_); e; \
	     e = container_of(tree_next_overlap(&e->anode, start, last_), struct entry, anode))
/* The lock of its object, if it has one: held from the moment that PTEs of the entry, or the entry, are out of an rmap
 * walk's sight until the TLBs know, and while a PTE is judged by the page behind it (M2 of mapops.c). */
static inline void entry_lock(const struct entry *e) { if (e->vmo) spin_lock(&e->vmo->lock); }
static inline void entry_unlock(const struct entry *e) { if (e->vmo) spin_unlock(&e->vmo->lock); }
static inline uint64_t entry_bytes(const struct entry *e) { return e->anode.last - e->anode.start + 1; }
/* The page index that an address of it shows, and the address of an index. */
static inline uint64_t entry_index(const struct entry *e, uaddr_t va)
{
	return e->vnode.start + ((va - e->anode.start) >> PAGE_SHIFT);
}
static inline uaddr_t entry_va(const struct entry *e, uint64_t index)
{
	return e->anode.start + ((index - e->vnode.start) << PAGE_SHIFT);
}
uaddr_t map_search(struct map *, uint64_t len);         /* a free range; 0: none */
uint64_t map_covered(struct map *, uaddr_t start, uaddr_t end, uint32_t flags);         /* bytes with these ENTRY_* */
struct entry *map_grow_down(struct map *, uaddr_t va);  /* a stack that may grow to va does; NULL: there is none */
int map_cut(struct map *, uaddr_t start, uaddr_t end);  /* entry borders at start and end; -ENOMEM */

/* The rmap (mapops.c), vmo->lock held: every PTE of the object's pages first to last loses these bits (PTE_P: it goes
 * away), in one round of shootdowns for each map.  Which of the bits there were: PTE_W: stored to since, PTE_A: used. */
#define PTE_COPIES BIT(9)               /* with these: private copies lose them, too; no bit of a PTE's */
pte_t pages_clear(struct vmo *, uint64_t first, uint64_t last, pte_t bits);
static inline pte_t page_clear(struct page *p, pte_t b) { return pages_clear(p->vmo, page_index(p), page_index(p), b); }
bool vmo_range_locked(struct vmo *, uint64_t first, uint64_t last);     /* mlock()ed by any entry; vmo->lock held */

#endif
