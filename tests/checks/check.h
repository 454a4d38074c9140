/* SPDX-License-Identifier: MIT */
/* tests/checks/check.h - RING 0, DEBUG BUILDS - the invariants that can be counted; each panics on a broken one. */
#ifndef CHECKS_CHECK_H
#define CHECKS_CHECK_H

#include "mm/map.h"

void frame_check(void);                 /* F1, F5: every free page; takes the locks */
void kmem_check(void);                  /* K1 .. K3: every slab that has a free slot; takes the locks */
void tree_check(const struct tree *);   /* T1 .. T3; the owner's lock is held */
void pmap_check(struct pmap *);         /* M1 .. M4; takes pmap->lock */
void vmo_check(struct vmo *);           /* P1, P6 and the counters; takes vmo->lock */
void map_check(struct map *);           /* E1, E3, all its objects and its tables; takes map->lock */

#endif
