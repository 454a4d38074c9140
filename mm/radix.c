/* SPDX-License-Identifier: MIT */
/* mm/radix.c - RING 0 - a sparse array of pointers: 64 slots a node, and bit maps that say where to look.
 *
 * Path:  pagecache.c, writeback.c > [radix.c] > kmem.c
 * Use:   radix_insert/get/remove by index; radix_next and radix_next_tagged walk in rising order, from any index on.
 * Locks: none; the owner's lock (vmo->lock) guards the whole array.
 *
 * A node at level 0 holds items, a node at level n holds nodes of level n-1; six bits of the index choose the slot of
 * each level.  A node has one bit map per tag, and one more that tells which slots are used: "the next page"
 * and "the next dirty page" are the same search, a shift and a count of trailing zeros per level.
 *
 * R1  A used slot is not NULL and has its bit in bits[USED]; a free one is NULL and has no bit at all.
 * R2  A bit of an inner slot is set exactly if a bit of that tag is set in the node below.
 * R3  No node is empty; the root has a slot besides slot 0, unless it is at level 0: the height is the least. */
#include "mm/frame.h"
#include "mm/radix.h"

#define SLOT_BITS  6u
#define SLOTS      64u
#define USED       RADIX_TAGS           /* the bit map of used slots stands behind those of the tags */
#define HEIGHT_MAX 11u                  /* 11 * 6 >= 64 bits */

/* 536 bytes: seven to a page (kmem.c).  At level 0 a bit says "this item has the tag", above "some item below has". */
struct radix_node {
	uint64_t bits[RADIX_TAGS + 1];  /* by tag; bits[USED]: the slot is not NULL */
	void    *slot[SLOTS];           /* level 0: items; else nodes of the level below */
};

/* Six bits of the index per level, the lowest at level 0. */
static unsigned slot_of(uint64_t index, unsigned level) { return index >> (level * SLOT_BITS) & (SLOTS - 1); }

/* Is index within a tree of this height?  A height of 11 covers all 64 bits. */
static bool height_covers(unsigned height, uint64_t index)
{
	return height >= HEIGHT_MAX || index >> (height * SLOT_BITS) == 0;
}

/* R1 and R2 for one slot: its bits follow what is in it now.  At level 0 a tag of an item stays as it is. */
static void slot_update(struct radix_node *n, unsigned level, unsigned i)
{
	const struct radix_node *below = n->slot[i];

	for (unsigned t = 0; t <= USED; t++)
		if (!below || (level && !below->bits[t])) n->bits[t] &= ~BIT(i);
		else if (level || t == USED) n->bits[t] |= BIT(i);
}

/* Put item at index of the node at *at, which is made if it is not there, or NULL; a node that is empty then goes.
 * -ENOMEM: nothing changed.  Recursion, here and below, is at most HEIGHT_MAX deep. */
static int node_put(void **at, unsigned level, uint64_t index, void *item)
{
	struct radix_node *n = *at ? *at : kalloc(sizeof(*n));
	unsigned i = slot_of(index, level);
	int rc = 0;

	if (!n) return -ENOMEM;
	if (level) rc = node_put(&n->slot[i], level - 1, index, item);
	else n->slot[i] = item;
	slot_update(n, level, i);
	*at = n->bits[USED] ? n : NULL;
	if (!*at) kfree(n);
	return rc;
}

/* Put roots on top until the tree covers index: what was the tree becomes slot 0.  An empty tree starts at the
 * height it needs. */
static int root_grow(struct radix *r, uint64_t index)
{
	while (r->height == 0 || !height_covers(r->height, index)) {
		if (r->root) {
			struct radix_node *n = kalloc(sizeof(*n));

			if (!n) return -ENOMEM;
			n->slot[0] = r->root;
			slot_update(n, r->height, 0);
			r->root = n;
		}
		r->height++;
	}
	return 0;
}

/* A root with nothing but slot 0 only makes the way longer: it goes (R3), also after it was put there in vain. */
static int radix_put(struct radix *r, uint64_t index, void *item)
{
	int rc = root_grow(r, index);
	void *root = r->root;
	struct radix_node *old;

	if (!rc) rc = node_put(&root, r->height - 1, index, item);
	while ((old = root) && r->height > 1 && old->bits[USED] == BIT(0)) {
		root = old->slot[0];
		r->height--;
		kfree(old);
	}
	r->root = root;
	if (!root) r->height = 0;
	return rc;
}

/* radix_insert: put item (not NULL) at index, without tags.
 * => 0; -EEXIST: there is one, which stays; -ENOMEM: the array is as before, to the node */
int radix_insert(struct radix *r, uint64_t index, void *item)
{
	INVARIANT("R1", item != NULL);
	return radix_get(r, index) ? -EEXIST : radix_put(r, index, item);
}

/* The hot path of every fault, read and write: a load per level, two levels for files up to 16 MiB. */
void *radix_get(const struct radix *r, uint64_t index)
{
	void *n = r->root;

	if (!height_covers(r->height, index)) return NULL;
	for (unsigned level = r->height; n && level-- > 0;)
		n = ((struct radix_node *)n)->slot[slot_of(index, level)];
	return n;
}

/* Needs no memory, since the way to the item is there: truncation and reclaim must not fail. */
void *radix_remove(struct radix *r, uint64_t index)
{
	void *item = radix_get(r, index);

	if (item) radix_put(r, index, NULL);
	return item;
}

/* The first item at or after *index whose slot has a bit in bits[map], at level 0 and so (R2) all the way down to it;
 * *index is where.  Only below the first slot can there be a bit and nothing behind *index: then the next one is it. */
static void *node_next(const struct radix_node *n, unsigned level, uint64_t *index, unsigned map)
{
	unsigned shift = level * SLOT_BITS, first = slot_of(*index, level);
	uint64_t base = *index >> shift & ~(uint64_t)(SLOTS - 1);
	void *found = NULL;

	for (unsigned i = first; !found && i < SLOTS && n->bits[map] >> i; i++) {
		i += __builtin_ctzll(n->bits[map] >> i);
		if (i > first) *index = (base | i) << shift;    /* the first one of that slot */
		found = level ? node_next(n->slot[i], level - 1, index, map) : n->slot[i];
	}
	return found;
}

/* Both: *index is where to begin, and gets where the item is.  To go on, add one. */
void *radix_next_tagged(const struct radix *r, uint64_t *index, unsigned tag)
{
	return r->root && height_covers(r->height, *index) ? node_next(r->root, r->height - 1, index, tag) : NULL;
}

void *radix_next(const struct radix *r, uint64_t *index) { return radix_next_tagged(r, index, USED); }

/* The bit of each inner slot follows from the node below (R2). */
static void node_tag(struct radix_node *n, unsigned level, uint64_t index, unsigned tag, bool on)
{
	unsigned i = slot_of(index, level);
	struct radix_node *below = n->slot[i];

	if (level) {
		node_tag(below, level - 1, index, tag, on);
		on = below->bits[tag];
	}
	n->bits[tag] = on ? n->bits[tag] | BIT(i) : n->bits[tag] & ~BIT(i);
}

/* No item: nothing to clear. */
void radix_tag(struct radix *r, uint64_t index, unsigned tag, bool on)
{
	bool there = radix_get(r, index);

	INVARIANT("R1", there || !on);
	if (there) node_tag(r->root, r->height - 1, index, tag, on);
}

static void node_check(const struct radix_node *n, unsigned level)
{
	INVARIANT("R3", n->bits[USED] != 0);
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct radix_node *below = n->slot[i];
		bool used = n->bits[USED] >> i & 1;

		INVARIANT("R1", used == (below != NULL));
		for (unsigned t = 0; t < RADIX_TAGS; t++) {
			bool tag = n->bits[t] >> i & 1;

			INVARIANT("R1", used || !tag);
			if (used && level) INVARIANT("R2", tag == (below->bits[t] != 0));
		}
		if (used && level) node_check(below, level - 1);
	}
}

/* Every node and slot: O(size of the array), for tests and debug builds. */
void radix_check(const struct radix *r)
{
	INVARIANT("R3", (r->root == NULL) == (r->height == 0));
	INVARIANT("R3", r->height <= HEIGHT_MAX);
	if (!r->root) return;
	if (r->height > 1) INVARIANT("R3", r->root->bits[USED] != BIT(0));
	node_check(r->root, r->height - 1);
}
