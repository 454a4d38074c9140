/* SPDX-License-Identifier: MIT */
/* mm/radix.h - RING 0 - a sparse array of pointers by 64-bit index, 64 to a node, with tags that find marked ones fast.
 *
 * The owner's lock guards it.  Tags of an inner slot are the OR of those below, so that the next DIRTY page of a
 * range is found in O(height).
 */
#ifndef MM_RADIX_H
#define MM_RADIX_H

#include "kernel/klib.h"

#define TAG_DIRTY   0u
#define TAG_WRITING 1u
#define RADIX_TAGS  2u

struct radix_node;
struct radix { struct radix_node *root; uint32_t height; };

int radix_insert(struct radix *, uint64_t index, void *item);   /* -EEXIST, -ENOMEM (nothing changed) */
void *radix_get(const struct radix *, uint64_t index);          /* NULL: none */
void *radix_remove(struct radix *, uint64_t index);             /* what was there; drops its tags, frees empty nodes */
void *radix_next(const struct radix *, uint64_t *index);        /* first item at or after *index, which is set */
void *radix_next_tagged(const struct radix *, uint64_t *index, unsigned tag);
void radix_tag(struct radix *, uint64_t index, unsigned tag, bool on);         /* on: the item exists */
static inline bool radix_tag_get(const struct radix *r, uint64_t index, unsigned tag)
{
	uint64_t at = index;

	return radix_next_tagged(r, &at, tag) && at == index;
}
void radix_check(const struct radix *);                         /* panics on a broken invariant */

#endif
