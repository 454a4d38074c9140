/* SPDX-License-Identifier: MIT */
/* mm/pmap.h - RING 0 - x86-64 page tables of an address space, and the TLBs that cache them (SDM 3A 4.5, 4.10).
 *
 * pmap.c knows nothing of objects: callers decide what a PTE says and own what it refers to.
 * Every function that removes rights returns only after no CPU can use the old ones.
 */
#ifndef MM_PMAP_H
#define MM_PMAP_H

#include "kernel/lock.h"

typedef uint64_t pte_t;
#define PTE_P   BIT(0)
#define PTE_W   BIT(1)
#define PTE_U   BIT(2)
#define PTE_PWT BIT(3)
#define PTE_PCD BIT(4)
#define PTE_A   BIT(5)
#define PTE_D   BIT(6)
#define PTE_PS  BIT(7)          /* in a PDE: it maps 2 MiB itself */
#define PTE_G   BIT(8)
#define PTE_NX  BIT(63)
#define PTE_ADDR 0x000ffffffffff000ull

struct pmap {
	struct spinlock lock;   /* RANK_PMAP: all tables below root */
	paddr_t  root;          /* [c] what CR3 gets; the upper half is shared with the kernel */
	uint64_t cpus;          /* atomic: bit per CPU that has it loaded */
	uint64_t resident;      /* [lock] PTEs that are not 0 */
	uint64_t peak;          /* [lock] the most there ever were */
};

int pmap_init(struct pmap *);                   /* -ENOMEM */
void pmap_destroy(struct pmap *);               /* frees the tables; every user PTE is 0 already */
void pmap_switch(struct pmap *);                /* load it on this CPU, interrupts off; NULL: the kernel's own */

pte_t pmap_get(struct pmap *, uaddr_t va);      /* 0: none */
/* Put pte (not 0) at va; a present old PTE is shot down if it differs in page or loses rights.  A PTE on an ANON page
 * (fault.c A1) or of kmem.c's takes over a reference, which ends when another page or nothing comes in its place.
 * -ENOMEM: no table page, nothing changed. */
int pmap_set(struct pmap *, uaddr_t va, pte_t pte);
int pmap_prepare(struct pmap *, uaddr_t start, uaddr_t end);    /* tables for the range: then pmap_set() cannot fail */
/* A PTE of a PROT_NONE page keeps its page with PTE_P clear: every function treats any PTE that is not 0 as occupied.
 * Visit each occupied PTE in [start, end): fn returns its new value (0 removes it, same value keeps it); no fn removes
 * all.  Runs under pmap->lock.  After the walk the TLBs are shot down once, if any PTE lost a right; then pages of
 * which that was the last reference are freed. */
void pmap_walk(struct pmap *, uaddr_t start, uaddr_t end, pte_t (*fn)(pte_t, uaddr_t va, void *arg), void *arg);

extern struct pmap kernel_pmap;                 /* its user half is empty */
void pmap_kernel_init(void);                    /* once, after frame_init(): the loader's tables become the kernel's */
/* What kmem.c maps; who faults here ran over the end of a stack. */
#define VMAP_BASE  0xffffd00000000000ull
#define VMAP_BYTES (16ull << 30)

#endif
