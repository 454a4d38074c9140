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

/* R1: slot and bit change together, here and in slot_clear() alone. */
static void slot_put(struct radix_node *n, unsigned i, void *item)
{
	n->slot[i] = item;
	n->bits[USED] |= BIT(i);
}

static void slot_clear(struct radix_node *n, unsigned i)
{
	n->slot[i] = NULL;
	for (unsigned t = 0; t <= RADIX_TAGS; t++)
		n->bits[t] &= ~BIT(i);
}

/* The nodes on the way to index, path[level]; how many of them exist, counted from the root.  0: index is outside. */
static inline unsigned path_find(const struct radix *r, uint64_t index, struct radix_node *path[HEIGHT_MAX])
{
	struct radix_node *n = r->root;
	unsigned level = r->height;

	if (!height_covers(r->height, index)) return 0;
	while (n && level-- > 0) {
		path[level] = n;
		n = level ? n->slot[slot_of(index, level)] : NULL;
	}
	return r->height - level;
}

/* Make R2 and R3 true again on the way to index, after its lowest node lost something or remained empty. */
static void path_trim(struct radix *r, uint64_t index)
{
	struct radix_node *path[HEIGHT_MAX];
	unsigned have = path_find(r, index, path);

	/* Upwards: a node that became empty leaves its parent, which may become empty by that. */
	for (unsigned level = r->height - have; have && level < r->height; level++) {
		struct radix_node *n = path[level], *up = level + 1 < r->height ? path[level + 1] : NULL;
		unsigned i = up ? slot_of(index, level + 1) : 0;

		if (n->bits[USED] == 0) {
			if (up) slot_clear(up, i);
			else    r->root = NULL;
			kfree(n);
			continue;
		}
		for (unsigned t = 0; up && t < RADIX_TAGS; t++)
			if (n->bits[t] == 0) up->bits[t] &= ~BIT(i);
	}
	/* A root with nothing but slot 0 only makes the way longer (R3). */
	while (r->root && r->height > 1 && r->root->bits[USED] == BIT(0)) {
		struct radix_node *old = r->root;

		r->root = old->slot[0];
		r->height--;
		kfree(old);
	}
	if (!r->root) r->height = 0;
}

/* Put roots on top until the tree covers index: what was the tree becomes slot 0.  An empty tree starts at the
 * height it needs. */
static int root_grow(struct radix *r, uint64_t index)
{
	while (!r->root && !height_covers(r->height + 1, index))
		r->height++;
	while (!r->root || !height_covers(r->height, index)) {
		struct radix_node *n = kalloc(sizeof(*n));

		if (!n) return -ENOMEM;
		if (r->root) {
			slot_put(n, 0, r->root);
			for (unsigned t = 0; t < RADIX_TAGS; t++)
				if (r->root->bits[t]) n->bits[t] = BIT(0);
		}
		r->root = n;
		r->height++;
	}
	return 0;
}

/* radix_insert: put item (not NULL) at index, without tags.
 * => 0; -EEXIST: there is one, which stays; -ENOMEM: the array is as before, to the node
 * Nodes are brought one by one; path_trim() takes back those of a failed insertion, as it does after a removal. */
int radix_insert(struct radix *r, uint64_t index, void *item)
{
	struct radix_node *n, *below;

	INVARIANT("R1", item != NULL);
	if (radix_get(r, index)) return -EEXIST;

	n = root_grow(r, index) ? NULL : r->root;
	for (unsigned level = r->height - 1; n && level > 0; level--) {
		below = n->slot[slot_of(index, level)];
		if (!below && (below = kalloc(sizeof(*below)))) slot_put(n, slot_of(index, level), below);
		n = below;
	}
	if (n) slot_put(n, slot_of(index, 0), item);
	else   path_trim(r, index);
	return n ? 0 : -ENOMEM;
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

/* Needs no memory: truncation and reclaim must not fail. */
void *radix_remove(struct radix *r, uint64_t index)
{
	struct radix_node *path[HEIGHT_MAX];
	void *item = radix_get(r, index);

	if (!item) return NULL;
	path_find(r, index, path);
	slot_clear(path[0], slot_of(index, 0));
	path_trim(r, index);
	return item;
}

/* The first index at or after *index whose slot has a bit in bits[map], at level 0 and so (R2) all the way down to it.
 * Where a subtree has no such slot left, the search starts again at the root with the first index behind it. */
static void *bits_next(const struct radix *r, uint64_t *index, unsigned map)
{
	uint64_t at = *index;

	for (;;) {
		const struct radix_node *n = r->root;
		unsigned level = r->height;

		if (!n || !n->bits[map] || !height_covers(r->height, at)) return NULL;
		while (level-- > 0) {
			unsigned i = slot_of(at, level);
			uint64_t left = n->bits[map] >> i, behind;

			if (!left) {            /* nothing from here to the end of this node */
				if (level + 1 == r->height) return NULL;
				behind = (at >> (level + 1) * SLOT_BITS) + 1;
				at = behind << (level + 1) * SLOT_BITS;
				break;
			}
			if (!(left & 1)) {      /* a later slot: its first index */
				i += __builtin_ctzll(left);
				at >>= level * SLOT_BITS;
				at = ((at & ~(uint64_t)(SLOTS - 1)) | i) << level * SLOT_BITS;
			}
			if (level == 0) {
				*index = at;
				return n->slot[i];
			}
			n = n->slot[i];
		}
	}
}

/* Both: *index is where to begin, and gets where the item is.  To go on, add one. */
void *radix_next(const struct radix *r, uint64_t *index) { return bits_next(r, index, USED); }

void *radix_next_tagged(const struct radix *r, uint64_t *index, unsigned tag) { return bits_next(r, index, tag); }

/* Upwards, as long as a node's first bit came or its last one went (R2).  No item: nothing to clear. */
void radix_tag(struct radix *r, uint64_t index, unsigned tag, bool on)
{
	struct radix_node *path[HEIGHT_MAX];
	unsigned have = path_find(r, index, path);
	bool there = have && have == r->height && path[0]->slot[slot_of(index, 0)];

	INVARIANT("R1", there || !on);
	for (unsigned level = 0; there && level < r->height; level++) {
		uint64_t *bits = &path[level]->bits[tag], was = *bits, bit = BIT(slot_of(index, level));

		*bits = on ? was | bit : was & ~bit;
		if (!was == !*bits) return;
	}
}

/* Recursion is at most HEIGHT_MAX deep. */
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
