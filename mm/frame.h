/* SPDX-License-Identifier: MIT */
/* mm/frame.h - RING 0 - physical pages: a free list, a reserve, and small kernel objects (kmem.c). */
#ifndef MM_FRAME_H
#define MM_FRAME_H

#include "mm/page.h"

struct bootinfo;

#define FRAME_ZERO    1u        /* filled with zeros */
#define FRAME_SPARING 2u        /* nothing of the reserve, whoever asks */

void frame_init(const struct bootinfo *);       /* makes page_array; memory of the loader stays in use */
struct page *frame_alloc(enum page_use, unsigned flags);        /* refs 1; NULL: none left (above the reserve) */
uint64_t frame_free_count(void);                /* pages */
extern uint64_t frame_total;                    /* [c] pages that were ever free */
extern uint64_t frame_reserve;                  /* [c] pages that only threads marked `reserve` get */
extern const struct bootinfo *frame_bootinfo;   /* [c] what frame_init() was given */
extern uint64_t frame_low;                      /* [c] with fewer free pages than this reclaim.c works: */
bool frames_low(void);
void frame_check(void);                         /* panics on a broken invariant */

/* kmem.c: zeroed kernel objects; kfree knows the size.  Above a page: whole pages at neighbouring addresses with a
 * guard page below.  NULL: no memory.  May use the reserve when the current thread may. */
void *kalloc(size_t size);
void kfree(void *);
void kmem_check(void);                          /* panics on a broken invariant */

#endif
