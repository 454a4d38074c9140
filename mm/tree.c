/* SPDX-License-Identifier: MIT */
/* mm/tree.c - RING 0 - a treap of intervals: who covers this address, which mappings show this page.
 *
 * Path:  map.c, fault.c (entries by address), vmo.c (entries by page index) > [tree.c]
 * Use:   tree_first_overlap(), then tree_next_overlap(), visits all that meet a range, by rising start.
 * Locks: none; the owner's lock guards the tree.  Nothing is allocated: nodes live in the items.
 *
 * A treap is a search tree by key and a heap by a random priority, which keeps it O(log n) deep with no
 * bookkeeping but rotations (Seidel and Aragon, "Randomized search trees", 1996).  Each node also knows the greatest
 * `last` of its subtree (Cormen et al., "Introduction to Algorithms", interval trees): a subtree that ends before
 * a range is skipped whole.
 *
 * T1  In order, (start, address of the node) rises.
 * T2  A child's priority is not above its parent's, and its parent link points back.
 * T3  max_last is the greatest `last` of the node and its two subtrees; start <= last. */
#include "mm/tree.h"

/* Random enough, and needs no state that would want a lock: the node's address, mixed as in MurmurHash3's finaliser. */
static uint32_t priority_of(const struct tree_node *n)
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

/* What T3 asks of n, given that its children are right. */
static uint64_t max_last_of(const struct tree_node *n)
{
	uint64_t m = n->last;

	if (n->left && n->left->max_last > m)   m = n->left->max_last;
	if (n->right && n->right->max_last > m) m = n->right->max_last;
	return m;
}

/* Where the pointer to n is kept: in its parent, or in the tree. */
static struct tree_node **link_to(struct tree *t, struct tree_node *n)
{
	if (!n->parent) return &t->root;
	return n->parent->left == n ? &n->parent->left : &n->parent->right;
}

/* c, a child of n, takes its place; n becomes its child on the other side.  T1 and, with that, the rest of T3 stay. */
static void rotate_up(struct tree *t, struct tree_node *c)
{
	struct tree_node *n = c->parent, *middle;

	*link_to(t, n) = c;
	if (n->left == c) {
		middle = c->right;
		n->left = middle;
		c->right = n;
	} else {
		middle = c->left;
		n->right = middle;
		c->left = n;
	}
	if (middle) middle->parent = n;
	c->parent = n->parent;
	n->parent = c;
	c->max_last = n->max_last;              /* the same nodes are below as were below n */
	n->max_last = max_last_of(n);
}

/* As a leaf where T1 wants it, telling every node on the way of its end (T3); then upwards until T2 is true. */
void tree_insert(struct tree *t, struct tree_node *n)
{
	struct tree_node **link = &t->root;

	INVARIANT("T3", n->start <= n->last);
	n->left = n->right = n->parent = NULL;
	n->max_last = n->last;
	n->priority = priority_of(n);
	while (*link) {
		n->parent = *link;
		if (n->parent->max_last < n->last) n->parent->max_last = n->last;
		link = goes_before(n, n->parent) ? &n->parent->left : &n->parent->right;
	}
	*link = n;
	while (n->parent && n->parent->priority < n->priority)
		rotate_up(t, n);
}

/* Turn n down until it has one child at most, which then takes its place. */
void tree_remove(struct tree *t, struct tree_node *n)
{
	struct tree_node *only;

	/* The child with the higher priority goes up, or T2 would break between the two. */
	while (n->left && n->right)
		rotate_up(t, n->left->priority > n->right->priority ? n->left : n->right);
	only = n->left ? n->left : n->right;
	*link_to(t, n) = only;
	if (only) only->parent = n->parent;
	/* n was below all of these, and its end may have been their max_last. */
	for (struct tree_node *up = n->parent; up; up = up->parent)
		up->max_last = max_last_of(up);
	n->left = n->right = n->parent = NULL;
}

/* The lowest overlap below n.  If the left subtree reaches up to `start`, the answer is there or nowhere: a node
 * there has last >= start, and if its own start is past `last`, so are all starts to its right. */
static struct tree_node *overlap_below(struct tree_node *n, uint64_t start, uint64_t last)
{
	while (n) {
		if (n->left && n->left->max_last >= start) {
			n = n->left;
			continue;
		}
		if (n->start > last) return NULL;
		if (n->last >= start) return n;
		n = n->right;
	}
	return NULL;
}

/* tree_first_overlap, tree_next_overlap: all nodes with start <= last of the range and last >= its start, in order.
 * => k of them in n cost O(log n + k log n) at most
 * => between two calls the tree must not change; the caller holds the owner's lock, or starts again */
struct tree_node *tree_first_overlap(const struct tree *t, uint64_t start, uint64_t last)
{
	return overlap_below(t->root, start, last);
}

/* The leftmost node to the right, or the first ancestor that has n on its left; it leaves out what ends before `start`,
 * and stops at what begins after `last`. */
struct tree_node *tree_next_overlap(const struct tree_node *n, uint64_t start, uint64_t last)
{
	for (;;) {
		if (n->right && n->right->max_last >= start) return overlap_below(n->right, start, last);
		while (n->parent && n->parent->right == n)
			n = n->parent;
		n = n->parent;
		if (!n || n->start > last) return NULL;
		if (n->last >= start) return (struct tree_node *)n;
	}
}

/* Each node checks its two children, so that all are checked once; the walk itself checks the order. */
void tree_check(const struct tree *t)
{
	const struct tree_node *before = NULL, *n = tree_first_overlap(t, 0, ~0ull);

	INVARIANT("T2", !t->root || !t->root->parent);
	for (; n; before = n, n = tree_next_overlap(n, 0, ~0ull)) {
		INVARIANT("T1", !before || goes_before(before, n));
		INVARIANT("T2", !n->left || (n->left->parent == n && n->left->priority <= n->priority));
		INVARIANT("T2", !n->right || (n->right->parent == n && n->right->priority <= n->priority));
		INVARIANT("T3", n->start <= n->last && n->max_last == max_last_of(n));
	}
}
