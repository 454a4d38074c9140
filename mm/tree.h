/* SPDX-License-Identifier: MIT */
/* mm/tree.h - RING 0 - a balanced tree of intervals [start, last], kept in the items; several may overlap.
 *
 * Each node knows the greatest `last` below it (max_last) and which marks are there (marks_below), so the first
 * interval that meets a range, or has a mark, is found in O(log n).  The owner's lock guards it.  A node's start and
 * last change only while it is out of the tree.
 */
#ifndef MM_TREE_H
#define MM_TREE_H

#include "kernel/klib.h"

struct tree_node {
	struct tree_node *child[2];     /* what goes before it, what goes behind it */
	struct tree_node *parent;
	uint64_t start, last;           /* inclusive */
	uint64_t max_last;
	uint8_t marks, marks_below;     /* bits of the owner's; below: its own, too */
};
struct tree { struct tree_node *root; };

void tree_insert(struct tree *, struct tree_node *);    /* ordered by start, then address */
void tree_remove(struct tree *, struct tree_node *);
void tree_mark(struct tree_node *, uint8_t marks);      /* instead of those that it had */
struct tree_node *tree_at(const struct tree *, uint64_t start);                /* one that begins there; NULL */
struct tree_node *tree_first_overlap(const struct tree *, uint64_t start, uint64_t last);      /* lowest start; NULL */
struct tree_node *tree_next_overlap(const struct tree_node *, uint64_t start, uint64_t last);  /* after this one */
struct tree_node *tree_first_marked(const struct tree *, uint64_t start, uint8_t marks);       /* ends there or later */
/* Each that meets [start, last], by rising start; none comes or goes meanwhile. */
#define tree_for(n, t, start, last) \
	for (struct tree_node *n = tree_first_overlap(t, start, last); n; n = tree_next_overlap(n, start, last))
uint32_t tree_priority(const struct tree_node *);       /* T2; for tests/checks/ */

#endif
