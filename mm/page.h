/* SPDX-License-Identifier: MIT */
/* mm/page.h - RING 0 - struct page: one per page of memory; the states of a file page; who may free it.
 *
 * use      owner                                      refs counts                               freed by
 * KERNEL   whoever called frame_alloc()               1 (0: never was free)                     page_unref()
 * FREE     frame.c's list, or a CPU's own             0
 * ANON     the page tables that map it, no object     PTEs + calls that hold it                 the last page_unref()
 * OBJECT   exactly one (vmo, index)                   1 for the object + holders (pins).        the last page_unref(),
 *                                                     PTEs do not count: the object finds and  after it left the object
 *                                                     clears them before it lets the page go
 *
 * state of an OBJECT page (vmo->lock); page_set_state() is the one setter, a wrong step is a panic
 *   from     to       by                        because
 *   ABSENT   FILLING  pcache_fill()             first user asks the pager; the others sleep on the object
 *   ABSENT   CLEAN    pcache_fill()             nothing to read: no pager
 *                     write_try()               a write() of all that the page can have
 *   FILLING  CLEAN    run_finish_locked()       the pager supplied it; tail past the end of file zeroed
 *   FILLING  ABSENT   run_finish_locked()       the pager failed: sleepers get its errno
 *   CLEAN    DIRTY    page_dirty_locked()       a write() or the first store through a mapping
 *   DIRTY    WRITING  writeback_gather_locked() every PTE write-protected first, TLBs shot down
 *   WRITING  CLEAN    run_finish_locked()       written (durable after the next device flush)
 *   WRITING  DIRTY    run_finish_locked()       stored to meanwhile, or the write failed: still owed
 *   CLEAN    ABSENT   pcache_remove_locked()    reclaimed, invalidated
 *   CLEAN, DIRTY -> ABSENT  vmo_cut_locked()    cut off (WRITING and FILLING pages are waited for)
 *   DIRTY    CLEAN    extent_forget()           VMX_FORGET: its owner, the file server, needs it no more
 */
#ifndef MM_PAGE_H
#define MM_PAGE_H

#include "boot/bootinfo.h"
#include "kernel/lock.h"
#include "mm/tree.h"

struct vmo;

enum page_use { PAGE_KERNEL, PAGE_FREE, PAGE_ANON, PAGE_OBJECT };
enum page_state { PG_ABSENT, PG_FILLING, PG_CLEAN, PG_DIRTY, PG_WRITING, PG_NSTATES };

/* What kmem.c knows of a page that is cut into slots of one size. */
struct slab {
	struct pool *pool;      /* [c] whose it is */
	void    *free;          /* [k] first free slot; each begins with a pointer to the next */
	uint16_t class;         /* [c] */
	uint16_t used;          /* [k] slots given out */
};      /* [k] its pool's lock */

struct page {
	union {
		struct {
			struct list link;       /* FREE: [f]; else its owner's, and alone when it is freed */
			struct slab slab;       /* a slab: kmem.c's, as is the link */
		};
		struct tree_node node;          /* [v] in an object: of vmo->pages; start, last: the page index there */
	};
	struct vmo *vmo;        /* [v] OBJECT: its owner; NULL once it left the object */
	uint32_t refs;          /* atomic; see the table */
	uint8_t  use;           /* enum page_use; changes only with refs 0 or by its single owner */
	uint8_t  state;         /* [v] enum page_state */
	uint8_t  flags;         /* [v] PFL_* or KPAGE_*; nothing once vmo is NULL */
};      /* [v] vmo->lock  [f] the lock of its struct frames */

#define PG_OWED (BIT(PG_DIRTY) | BIT(PG_WRITING))       /* the states that a page's node has as a mark */

#define PFL_BACKED     1u       /* has room on disk: a block, or a reservation */
#define PFL_REDIRTIED  2u       /* WRITING, and stored to since, or vm_write() names a part: goes back to DIRTY */
#define PFL_REFERENCED 4u       /* used since the clock's hand last passed */
#define PFL_LEAVING    8u       /* MS_INVALIDATE waits for its write: nobody maps or holds it anew */
#define PFL_OWNER      16u      /* dirtied through a server's own mapping: only its vm_write() cleans it */
#define KPAGE_TABLE    1u       /* use KERNEL: a page table */
#define KPAGE_SLAB     2u       /* use KERNEL: small objects */

/* How far to read ahead of a sequential reader: one per open file and per mapping, guarded by file->lock or map->lock;
 * a torn value costs only speed. */
struct readahead {
	uint64_t next;          /* page index that a sequential reader would ask for next */
	uint32_t window;        /* pages to bring in at the next miss */
	uint32_t advice;        /* MADV_NORMAL, _RANDOM or _SEQUENTIAL; fadvise's numbers are the same */
};

/* How many pages to fill from index on, this one included: 1 .. RA_MAX.  Updates ra. */
uint32_t readahead_window(struct readahead *ra, uint64_t index);
#define RA_MAX 32u

/* All memory is mapped at DIRECT_BASE, registers too (boot/bootinfo.h); host tests set their own base. */
#ifdef QUIRE_HOST
extern uintptr_t direct_base;
#else
#define direct_base 0xffff800000000000ull
#endif
static inline void *phys_to_virt(paddr_t pa) { return (void *)(direct_base + pa); }
static inline paddr_t virt_to_phys(const void *p) { return (uintptr_t)p - direct_base; }

extern struct page *page_array;         /* indexed by page frame number */
extern uint64_t page_array_len;
static inline paddr_t page_phys(const struct page *p) { return (paddr_t)(p - page_array) << PAGE_SHIFT; }
static inline uint64_t page_index(const struct page *p) { return p->node.start; }       /* [v] in its object */
static inline void *page_virt(const struct page *p) { return phys_to_virt(page_phys(p)); }
static inline struct page *phys_to_page(paddr_t pa)
{
	return pa >> PAGE_SHIFT < page_array_len ? &page_array[pa >> PAGE_SHIFT] : NULL;
}

static inline void page_ref(struct page *p) { __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED); }
void page_unref(struct page *);         /* frame.c: the last one frees it (an OBJECT page left its object before) */

/* ---- frame.c: physical pages: a free list, a reserve */

#define FRAME_ZERO    1u        /* filled with zeros */
#define FRAME_SPARING 2u        /* nothing of the reserve, whoever asks */

void frame_init(const struct bootinfo *);       /* makes page_array; memory of the loader stays in use */
struct page *frame_alloc(enum page_use, unsigned flags);        /* refs 1; NULL: none left (above the reserve) */
uint64_t frame_free_count(void);                /* pages */
extern uint64_t frame_total;                    /* [c] pages that were ever free */
extern uint64_t frame_reserve;                  /* [c] pages that only threads marked `reserve` get */
extern const struct bootinfo *frame_bootinfo;   /* [c] what frame_init() was given */
extern uint64_t frame_low;                      /* [c] with fewer free pages than this some are reclaimed: */
bool frames_low(void);

/* ---- kmem.c's own, for tests/checks/ to see */

#define SLOT_CLASSES 13
extern const uint16_t slot_size[SLOT_CLASSES];
/* A CPU's slabs.  Aligned: no line of memory goes to and fro between CPUs that work on their own. */
struct pool {
	struct spinlock lock;
	struct list class_list[SLOT_CLASSES];   /* [k] slabs with a free slot; zeroed: never used yet */
} __attribute__((aligned(64)));
extern struct pool pools[];

#endif
