/* SPDX-License-Identifier: MIT */
/* mm/tree.h - RING 0 - a balanced tree of intervals [start, last], kept in the items; several may overlap.
 *
 * Each node knows the greatest `last` below it (max_last), so the first interval that meets a range is found
 * in O(log n).  The owner's lock guards it.  A node's start and last change only while it is out of the tree.
 */
#ifndef MM_TREE_H
#define MM_TREE_H

#include "kernel/klib.h"

struct tree_node {
	struct tree_node *left, *right, *parent;
	uint64_t start, last;           /* inclusive */
	uint64_t max_last;
	uint32_t priority;              /* treap: heap order by this */
};
struct tree { struct tree_node *root; };

void tree_insert(struct tree *, struct tree_node *);    /* ordered by start, then address */
void tree_remove(struct tree *, struct tree_node *);
struct tree_node *tree_first_overlap(const struct tree *, uint64_t start, uint64_t last);      /* lowest start; NULL */
struct tree_node *tree_next_overlap(const struct tree_node *, uint64_t start, uint64_t last);  /* after this one */
void tree_check(const struct tree *);                   /* panics on a broken invariant */

#endif
