/* SPDX-License-Identifier: MIT */
/* mm/vmo.h - RING 0 - memory objects: the one place of a file's pages, their pager, and what is owed to the disk. */
#ifndef MM_VMO_H
#define MM_VMO_H

#include "kernel/ipc.h"
#include "kernel/handle.h"
#include "kernel/lock.h"
#include "kernel/usercopy.h"
#include "mm/page.h"

struct vmo {
	struct kobj obj;
	struct spinlock lock;           /* RANK_VMO */
	struct port *pager;             /* [c] NULL: shared anonymous memory or tmpfs */
	uint64_t cookie;                /* [c] the pager's name for it */
	uint32_t flags;                 /* [c] VMO_* of abi/ipc.h */
	uint64_t size;                  /* [v] bytes */
	uint64_t max_size;              /* [c] bytes */
	struct tree pages;              /* [v] struct page by index */
	struct tree entries;            /* [v] mappings by page index (struct entry.vnode) */
	struct waitq wait;              /* [v] for page states, for the writer's turn */
	uint64_t npages, ndirty;        /* [v] resident; DIRTY + WRITING */
	uint32_t users;                 /* [v] open files + entries */
	uint32_t links;                 /* [v] 0: unlinked, do not write back after the last user */
	struct thread *writer;          /* [v] whose turn to write() it is (writes do not mix); never a pager's */
	uint64_t write_end;             /* [v] up to there he is putting bytes into a page; 0: he is not */
	uint32_t changed;               /* [v] VMOC_* since the pager was told */
	int64_t  atime, mtime, ctime;   /* [v] ns since the epoch */
	uint64_t grant_lo, grant_hi;    /* [v] page indexes with room granted by RESERVE */
	uint64_t punch_lo, punch_hi;    /* [v] page indexes that nobody may bring in now (space.c V4) */
	uint32_t wb_err;                /* atomic: counts failed writes; err_seen of files and entries compare with it */
	int      wb_errno;              /* atomic: of the last one */
	uint32_t fill_fails;            /* [v] counts failed fills; sleepers compare */
	int      fill_errno;            /* [v] of the last one */
	uint32_t unqueued;              /* [v] runs that the pager has not answered yet */
	uint64_t changes, committed;    /* [v] written or changed so often; how many of these a COMMIT has covered */
	bool     released_due;          /* [v] the pager promised room or has something to learn since RELEASE */
	uint64_t dirty_since;           /* [v] time_mono() of the oldest dirty page; 0: none */
	struct list all_link;           /* [W] all objects */
	uint64_t hand;                  /* [v] page index on which reclaim.c's hand is */
	bool     set_ids;               /* [c] VMO_SET_IDS; only looked at */
	bool     release_busy;          /* [v] the RELEASE message is under way */
	struct vmo *split_of;           /* [c] this is a view (split.c) of that file; NULL: it is not */
	struct vmo *view;               /* split_lock: its view, a reference; NULL: none */
	struct kmsg release_msg;
};      /* [v] vmo->lock  [W] vmo.c's list lock  [c] constant */

/* vmo->lock held.  The page at an index; NULL: it is absent.  The first page at or after *index, which is set; of the
 * state: BIT(PG_DIRTY), BIT(PG_WRITING), or 0: any. */
static inline struct page *page_at(const struct vmo *v, uint64_t index)
{
	return container_of(tree_at(&v->pages, index), struct page, node);
}
struct page *page_next(const struct vmo *, uint64_t *index, uint8_t state);

#define VMOC_SIZE  1u
#define VMOC_ATIME 2u
#define VMOC_MTIME 4u
#define VMOC_CTIME 8u

struct vmo *vmo_create(struct port *pager, uint64_t cookie, uint64_t size, uint64_t max, uint32_t flags);  /* NULL */
static inline void vmo_ref(struct vmo *v) { kobj_ref(&v->obj); }
static inline void vmo_unref(struct vmo *v) { kobj_unref(&v->obj); }
void vmo_user_get(struct vmo *);        /* an open file: also holds a reference */
void vmo_user_put(struct vmo *);        /* the last user posts RELEASE */
/* Set the size: shrink drops pages past the new end (waiting for busy ones) and zeroes the tail; tells the pager when
 * tell.  May sleep.  -EFBIG, -EPERM (VMO_NOGROW), -EIO. */
int vmo_set_size(struct vmo *, uint64_t size, bool tell);       /* in the writer's turn (pagecache.h) */
int vmo_resize(struct vmo *, uint64_t size);                    /* fileio.c: takes the turn, and tells */
void vmo_touch(struct vmo *, uint32_t vmoc);    /* mark times now: VMOC_ATIME | VMOC_MTIME | VMOC_CTIME */
void vmo_info(struct vmo *, struct vmo_info *); /* and clears `changed` */
void vmo_mark_stores(struct vmo *, uint64_t first, uint64_t last);      /* msync: times of stores that came unseen */
struct map;
int64_t vm_write(struct map *, uaddr_t, uint64_t len, uint32_t vmx);    /* SYS_vm_write; -EFAULT, -EINVAL */
void vmo_check(struct vmo *);                   /* every invariant of this object; panics.  Takes vmo->lock */

/* Reading and writing through descriptors (fileio.c).  Bytes done, or -errno if none.
 * read: stops at end of file; without a readahead the access time stays.
 * write: extends, never past limit: -EFBIG; O_APPEND ignores *pos and sets it. */
int64_t pcache_read(struct vmo *, uint64_t pos, struct io, struct readahead *);
int64_t pcache_write(struct vmo *, uint64_t *pos, struct io, uint64_t limit);

/* fallocate(2), in bytes (space.c).  -ENOSPC, -EFBIG, -EROFS, -EOPNOTSUPP (a disk) */
int vmo_punch(struct vmo *, uint64_t off, uint64_t len);
int vmo_allocate(struct vmo *, uint64_t off, uint64_t len, bool keep_size);
void vmo_prefetch(struct vmo *, uint64_t first, uint64_t last);         /* start reading these pages, do not wait */

/* Writing back (writeback.c).  Page indexes, last inclusive.
 * flags: MS_* of msync; WB_COMMIT: then put on disk what finds the data again and flush; WB_DATASYNC: without times.
 * *err_seen is compared with and set to the object's error count: a failure is told once to each holder.
 * 0, -EIO, -ENOSPC ... */
#define WB_WAIT     1u
#define WB_COMMIT   2u
#define WB_DATASYNC 4u
int vmo_sync(struct vmo *, uint64_t first, uint64_t last, unsigned wb, uint32_t *err_seen);
int vmo_wait(struct vmo *, uint64_t first, uint64_t last, uint32_t *err_seen);  /* for writes under way; starts none */
int vmo_invalidate(struct vmo *, uint64_t first, uint64_t last);        /* clean pages leave memory and page tables */
void sync_round(uint64_t min_age, bool wait);   /* start writing what is dirty for so long (ns); wait: until written */
void writeback_throttle(void);                  /* a writer over the dirty limit is slowed; no lock held */
void writeback_thread(void), reclaim_thread(void);          /* main.c starts them */
/* Called by whoever got NULL from frame_alloc and holds no lock: wait for pages.  -ENOMEM: nothing can be reclaimed. */
int reclaim_wait(void);
#define RECLAIM_AGAIN 16        /* times that a call asks for more: its -ENOMEM may have another cause */

#endif
