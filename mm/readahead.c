/* SPDX-License-Identifier: MIT */
/* mm/readahead.c - RING 0 - how many pages to ask for at a miss: doubles while the reader is sequential.
 *
 * Path:  pagecache.c > [readahead.c]
 * Locks: the owner of the struct readahead guards it (file->lock, map->lock); a torn value costs only speed.
 */
#include "mm/readahead.h"

#define RA_FIRST 4u

uint32_t readahead_window(struct readahead *ra, uint64_t index)
{
	/* a miss at the first page, or inside what the last window should have covered, counts as sequential */
	bool sequential = index == ra->next || (ra->window && index > ra->next - ra->window && index < ra->next);
	uint32_t n;

	if (ra->advice == RA_RANDOM) return 1;
	if (ra->advice == RA_SEQUENTIAL) n = RA_MAX;
	else if (!sequential) n = 1;
	else n = ra->window ? MIN(ra->window * 2, RA_MAX) : RA_FIRST;
	ra->window = n;
	ra->next = index + n;
	return n;
}
