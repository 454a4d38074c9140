/* SPDX-License-Identifier: MIT */
/* mm/pagecache.h - RING 0 - what the files of mm/ do to the pages of an object.  _locked: vmo->lock is held. */
#ifndef MM_PAGECACHE_H
#define MM_PAGECACHE_H

#include "mm/frame.h"
#include "mm/run.h"
#include "mm/vmo.h"

/* pagecache.c */
void page_set_state(struct page *, enum page_state to);         /* the one setter; vmo->lock held */
int pcache_get(struct vmo *, uint64_t index, struct readahead *, struct page **out);
int pcache_get_locked(struct vmo *, uint64_t index, struct readahead *, struct page **out);     /* not held */
void pcache_insert_locked(struct vmo *, struct page *, uint64_t index, enum page_state);        /* none is there */
void pcache_remove_locked(struct vmo *, struct page *);         /* out of the object: unmapped, maybe freed */
void page_dirty_locked(struct vmo *, struct page *);            /* CLEAN -> DIRTY; WRITING: owed again */

/* fileio.c */
void writer_enter(struct vmo *);                /* POSIX: writes to a file do not mix.  A turn, not a lock */
void writer_leave(struct vmo *, bool wrote);
static inline uint64_t vmo_pages_locked(const struct vmo *v) { return ROUND_UP(v->size, PAGE_SIZE) >> PAGE_SHIFT; }

/* space.c V4: is the page part of a hole that is being punched? */
static inline bool punching(const struct vmo *v, uint64_t index) { return index >= v->punch_lo && index < v->punch_hi; }

/* vmo.c */
void vmo_touch_locked(struct vmo *, uint32_t vmoc);
void vmo_release_check_locked(struct vmo *);    /* no user, nothing owed: tell the pager */
int vmo_zero(struct vmo *, uint64_t from, uint64_t to, bool owed);
int vmo_zero_tail(struct vmo *, uint64_t end);  /* the rest of the page that the end of file cuts */
uint64_t dirty_end_locked(struct vmo *, uint64_t first, uint64_t last); /* of the DIRTY neighbours from first on */
void vmo_cut_locked(struct vmo *, uint64_t first, uint64_t last);       /* these pages leave; waits for busy ones */
struct vmo *vmo_next(struct vmo *);             /* of all, behind this one, which is let go; the first; NULL: no more */
struct vmo *vmo_under_hand(bool on);            /* of reclaim.c, which goes on first; a reference; NULL: at the end */

/* pager.c */
struct run *run_create_locked(struct vmo *, uint32_t op, uint64_t first);       /* NULL: no memory */
void page_zero_tail_locked(struct page *);      /* what of it lies past the end of file */
void run_post(struct run *);                    /* no lock held; gives up the caller's reference */
int vmo_room(struct vmo *, uint64_t index);     /* make sure of room on disk for the page: 0, -ENOSPC, -EIO */
bool vmo_has_room_locked(struct vmo *, uint64_t index, const struct page *);
int vmo_commit(struct vmo *, unsigned commit_flags);
int vmo_tell(struct vmo *, uint32_t op, uint64_t off, uint64_t len);    /* PAGER_SIZE (0, size), PAGER_PUNCH */

/* writeback.c */
extern uint64_t dirty_pages;                    /* DIRTY + WRITING, all objects; atomic */

#endif
