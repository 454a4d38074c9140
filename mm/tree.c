/* SPDX-License-Identifier: MIT */
/* mm/tree.c - RING 0 - a treap of intervals: who covers this address, which mappings show this page, where is the page.
 *
 * Path:  map.c, fault.c (entries by address), mapops.c (entries by page index), pagecache.c (pages by index) > [tree.c]
 * Use:   tree_first_overlap(), then tree_next_overlap(), visits all that meet a range, by rising start;
 *        tree_first_marked() finds the next one with a mark: a dirty page.
 * Locks: none; the owner's lock guards the tree.  Nothing is allocated: nodes live in the items.
 *
 * A treap is a search tree by key and a heap by a random priority, which keeps it O(log n) deep with no
 * bookkeeping but rotations (Seidel and Aragon, "Randomized search trees", 1996).  Each node also knows the greatest
 * `last` of its subtree (Cormen et al., "Introduction to Algorithms", interval trees) and all marks in it: a subtree
 * that ends before a range, or has no such mark, is skipped whole.
 *
 * T1  In order, (start, address of the node) rises.
 * T2  A child's priority is not above its parent's, and its parent link points back.
 * T3  max_last is the greatest `last` of the node and its two subtrees, marks_below all their marks; start <= last. */
#include "mm/tree.h"

enum { LEFT, RIGHT };                   /* of child[] */

/* Random enough, and kept nowhere: the node's address, mixed as in MurmurHash3's finaliser. */
uint32_t tree_priority(const struct tree_node *n)
{
	uint64_t h = (uintptr_t)n;

	h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
	return (uint32_t)(h >> 32);
}

/* T1.  Equal starts are told apart by address, so that every node has one place. */
static bool goes_before(const struct tree_node *a, const struct tree_node *b)
{
	return a->start != b->start ? a->start < b->start : a < b;
}

/* T3 for n, given that its children are right.  Has anything changed? */
static bool node_update(struct tree_node *n)
{
	uint64_t max_last = n->last;
	uint8_t marks = n->marks;
	bool changed;

	for (int side = LEFT; side <= RIGHT; side++) {
		if (!n->child[side]) continue;
		max_last = MAX(max_last, n->child[side]->max_last);
		marks |= n->child[side]->marks_below;
	}
	changed = n->max_last != max_last || n->marks_below != marks;
	n->max_last = max_last;
	n->marks_below = marks;
	return changed;
}

/* T3 from n upwards, as far as there is news. */
static void path_update(struct tree_node *n)
{
	while (n && node_update(n))
		n = n->parent;
}

/* Where the pointer to n is kept: in its parent, or in the tree. */
static struct tree_node **link_to(struct tree *t, struct tree_node *n)
{
	return n->parent ? &n->parent->child[n->parent->child[RIGHT] == n] : &t->root;
}

/* c, a child of n, takes its place; n becomes its child on the other side.  T1 and, with that, the rest of T3 stay. */
static void rotate_up(struct tree *t, struct tree_node *c)
{
	struct tree_node *n = c->parent;
	int side = n->child[RIGHT] == c;
	struct tree_node *middle = c->child[!side];

	*link_to(t, n) = c;
	n->child[side] = middle;
	c->child[!side] = n;
	if (middle) middle->parent = n;
	c->parent = n->parent;
	n->parent = c;
	c->max_last = n->max_last;              /* the same nodes are below as were below n */
	c->marks_below = n->marks_below;
	(void)node_update(n);
}

/* As a leaf where T1 wants it, then upwards until T2 is true. */
void tree_insert(struct tree *t, struct tree_node *n)
{
	struct tree_node **link = &t->root;

	INVARIANT("T3", n->start <= n->last);
	n->child[LEFT] = n->child[RIGHT] = n->parent = NULL;
	while (*link) {
		n->parent = *link;
		link = &n->parent->child[goes_before(n->parent, n)];
	}
	*link = n;
	(void)node_update(n);
	path_update(n->parent);
	while (n->parent && tree_priority(n->parent) < tree_priority(n))
		rotate_up(t, n);
}

/* Turn n down until it has one child at most, which then takes its place. */
void tree_remove(struct tree *t, struct tree_node *n)
{
	struct tree_node *left, *right, *only;

	/* The child with the higher priority goes up, or T2 would break between the two. */
	while ((left = n->child[LEFT]) && (right = n->child[RIGHT]))
		rotate_up(t, tree_priority(left) > tree_priority(right) ? left : right);
	only = left ? left : n->child[RIGHT];
	*link_to(t, n) = only;
	if (only) only->parent = n->parent;
	path_update(n->parent);         /* its end may have been their max_last */
}

void tree_mark(struct tree_node *n, uint8_t marks)
{
	n->marks = marks;
	path_update(n);
}

/* Where no two overlap this is enough, and the hot path of every fault, read and write. */
struct tree_node *tree_at(const struct tree *t, uint64_t start)
{
	struct tree_node *n = t->root;

	while (n && n->start != start)
		n = n->child[n->start < start];
	return n;
}

/* The lowest node below n that may be an answer, as far as T3 tells: the others end before `start`, or it is by their
 * marks.  n may be NULL, as may the answer.  Inline: where no mark is asked for, none is looked at. */
static inline struct tree_node *lowest(struct tree_node *n, uint64_t start, uint8_t marks)
{
	struct tree_node *found = NULL;

	for (; n && n->max_last >= start && (n->marks_below & marks) == marks; n = n->child[LEFT]) found = n;
	return found;
}

/* In order the one after n, which is to its right, or the first ancestor that has n on its left. */
static inline struct tree_node *successor(const struct tree_node *n, uint64_t start, uint8_t marks)
{
	struct tree_node *next = lowest(n->child[RIGHT], start, marks);

	if (next) return next;
	while (n->parent && n->parent->child[RIGHT] == n)
		n = n->parent;
	return n->parent;
}

/* The first of n and its successors that is an answer; what begins after `last` ends the search. */
static inline struct tree_node *search(struct tree_node *n, uint64_t start, uint64_t last, uint8_t marks)
{
	while (n && n->start <= last && (n->last < start || (n->marks & marks) != marks))
		n = successor(n, start, marks);
	return n && n->start <= last ? n : NULL;
}

/* tree_first_overlap, tree_next_overlap: all nodes with start <= last of the range and last >= its start, in order.
 * => k of them in n cost O(log n + k log n) at most
 * => between two calls the tree must not change; the caller holds the owner's lock, or starts again */
struct tree_node *tree_first_overlap(const struct tree *t, uint64_t start, uint64_t last)
{
	return search(lowest(t->root, start, 0), start, last, 0);
}

struct tree_node *tree_next_overlap(const struct tree_node *n, uint64_t start, uint64_t last)
{
	return search(successor(n, start, 0), start, last, 0);
}

/* O(log n) where no two overlap. */
struct tree_node *tree_first_marked(const struct tree *t, uint64_t start, uint8_t marks)
{
	return search(lowest(t->root, start, marks), start, UINT64_MAX, marks);
}
