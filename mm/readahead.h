/* SPDX-License-Identifier: MIT */
/* mm/readahead.h - RING 0 - how far to read ahead of a sequential reader: one per open file and per mapping. */
#ifndef MM_READAHEAD_H
#define MM_READAHEAD_H

#include "kernel/klib.h"

struct readahead {
	uint64_t next;          /* page index that a sequential reader would ask for next */
	uint32_t window;        /* pages to bring in at the next miss */
	uint32_t advice;        /* RA_* from fadvise/madvise */
};
#define RA_NORMAL     0u
#define RA_RANDOM     1u
#define RA_SEQUENTIAL 2u

/* How many pages to fill from index on, this one included: 1 .. RA_MAX.  Updates ra. */
uint32_t readahead_window(struct readahead *ra, uint64_t index);
#define RA_MAX 32u

#endif
