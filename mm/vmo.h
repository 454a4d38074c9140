/* SPDX-License-Identifier: MIT */
/* mm/vmo.h - RING 0 - memory objects: the one place of a file's pages, their pager, and what is owed to the disk. */
#ifndef MM_VMO_H
#define MM_VMO_H

#include "abi/pager.h"
#include "kernel/ipc.h"
#include "mm/page.h"

struct vmo {
	struct kobj obj;
	struct spinlock lock;           /* RANK_VMO */
	struct port *pager;             /* [c] NULL: shared anonymous memory or tmpfs */
	uint64_t cookie;                /* [c] the pager's name for it */
	uint32_t flags;                 /* [c] VMO_* of abi/ipc.h */
	/* [v] size, resident and owed pages, users (open files + entries); atomic: what has changed, and the times */
	union { struct vmo_info info; struct vmo_info; };
	uint64_t max_size;              /* [c] bytes */
	struct tree pages;              /* [v] struct page by index */
	struct tree entries;            /* [v] mappings by page index (struct entry.vnode) */
	struct waitq wait;              /* [v] for page states, for the writer's turn */
	uint32_t links;                 /* [v] 0: unlinked, do not write back after the last user */
	struct thread *writer;          /* [v] whose turn to write() it is (writes do not mix); never a pager's */
	uint64_t write_end;             /* [v] up to there he is putting bytes into a page; 0: he is not */
	uint64_t grant_lo, grant_hi;    /* [v] page indexes with room granted by RESERVE */
	uint64_t punch_lo, punch_hi;    /* [v] page indexes that nobody may bring in now (fileio.c V4) */
	uint32_t wb_err;                /* atomic: counts failed writes; err_seen of files and entries compare with it */
	int      wb_errno;              /* atomic: of the last one */
	uint32_t fill_fails;            /* [v] counts failed fills; sleepers compare */
	int      fill_errno;            /* [v] of the last one */
	uint32_t unqueued;              /* [v] runs that the pager has not answered yet */
	uint64_t changes, committed;    /* [v] written or changed so often; how many of these a COMMIT has covered */
	bool     released_due;          /* [v] the pager promised room or has something to learn since RELEASE */
	uint64_t due;                   /* [v] time_mono() at which the thread shall write it; WAIT_FOREVER: clean */
	struct list all_link;           /* [W] all objects */
	bool     set_ids;               /* [v] VMO_SET_IDS; read without the lock */
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

#define VMOC_SIZE  1u             /* bits of `changed` */
#define VMOC_ATIME 2u
#define VMOC_MTIME 4u
#define VMOC_CTIME 8u

struct vmo *vmo_create(struct port *pager, uint64_t cookie, uint64_t size, uint64_t max, uint32_t flags);  /* NULL */
static inline void vmo_ref(struct vmo *v) { kobj_ref(&v->obj); }
static inline void vmo_unref(struct vmo *v) { kobj_unref(&v->obj); }
void vmo_user_get(struct vmo *);        /* an open file: also holds a reference */
void vmo_user_put(struct vmo *);        /* the last user posts RELEASE */
/* Set the size: shrink drops pages past the new end (waiting for busy ones) and zeroes the tail; tells the pager when
 * tell.  May sleep.  -EFBIG, -EINVAL (VMO_NOGROW), -EROFS, -EIO. */
int vmo_set_size(struct vmo *, uint64_t size, bool tell);       /* of a file in the writer's turn (fileio.c) */
int vmo_resize(struct vmo *, uint64_t size);                    /* fileio.c: takes the turn, and tells */
void vmo_touch(struct vmo *, uint32_t vmoc);    /* mark times now; any lock may be held */
void vmo_info(struct vmo *, struct vmo_info *); /* and clears `changed` */
void vmo_mark_stores(struct vmo *, uint64_t first, uint64_t last);      /* msync: times of stores that came unseen */
struct map;
int64_t vm_write(struct map *, uaddr_t, uint64_t len, uint32_t vmx);    /* SYS_vm_write; -EFAULT, -EINVAL */

/* Reading and writing through descriptors (fileio.c).  Bytes done, or -errno if none.
 * read: stops at end of file; without a readahead the access time stays.
 * write: extends, never past limit: -EFBIG; O_APPEND ignores *pos and sets it. */
int64_t pcache_read(struct vmo *, uint64_t pos, struct io, struct readahead *);
int64_t pcache_write(struct vmo *, uint64_t *pos, struct io, uint64_t limit);

/* fallocate(2), in bytes.  -ENOSPC, -EFBIG, -EROFS, -EOPNOTSUPP (a disk) */
int vmo_punch(struct vmo *, uint64_t off, uint64_t len);
int vmo_allocate(struct vmo *, uint64_t off, uint64_t len, bool keep_size);
void vmo_prefetch(struct vmo *, uint64_t first, uint64_t last);         /* start reading these pages, do not wait */

/* Writing back (writeback.c).  Page indexes, last inclusive.
 * flags: WB_WAIT until they are written; with it WB_COMMIT: then put on disk what finds the data again and flush;
 * WB_DATASYNC: without times.
 * *err_seen is compared with and set to the object's error count: a failure is told once to each holder.
 * 0, -EIO, -ENOSPC ... */
int vmo_sync(struct vmo *, uint64_t first, uint64_t last, unsigned wb, uint32_t *err_seen);
int vmo_wait(struct vmo *, uint64_t first, uint64_t last, uint32_t *err_seen);  /* for writes under way; starts none */
int vmo_invalidate(struct vmo *, uint64_t first, uint64_t last);        /* clean pages leave memory and page tables */
void sync_round(bool due, bool wait);           /* start writing all that is dirty, or due; wait: until it is written */
void writeback_throttle(void);                  /* a writer over the dirty limit is slowed; no lock held */
void writeback_thread(void);                    /* main.c starts it */
/* Reclaim (pagecache.c): the clock's hand goes on, twice round at most, until `want` pages are freed.  How many were */
uint32_t reclaim_pages(uint32_t want);
#define RECLAIM_BATCH 64u       /* what who needs one page frees */
/* Called by whoever got NULL from frame_alloc and holds no lock: wait for pages.  -ENOMEM: nothing can be reclaimed. */
int reclaim_wait(void);
#define RECLAIM_AGAIN 16        /* times that a call asks for more: its -ENOMEM may have another cause */

/* ---- a run: neighbouring busy pages of one object on their way from or to the disk (pager.c) */

#define RUN_MAX 128u                    /* pages */

struct run {
	struct kobj obj;                /* handles in servers keep it alive */
	struct vmo *vmo;                /* [c] a reference */
	uint32_t op;                    /* [c] PAGER_FILL or PAGER_WRITE */
	uint64_t first;                 /* [c] page index */
	uint32_t npages;                /* [c] */
	uint64_t off, len;              /* [c] the part of the run, in bytes, that is to be moved and completed */
	uint64_t left;                  /* [v] bytes not completed; 0: it has finished, or is not posted yet */
	int      status;                /* [v] first error */
	struct kmsg msg;
	struct page *page[RUN_MAX];     /* [c] held */
	uint8_t  done[RUN_MAX];         /* [v] a bit per sector of 512 bytes that was completed */
	uint8_t  zeroed[RUN_MAX];       /* [v] FILL: part of the page is a hole */
};      /* [v] vmo->lock */

/* For the Quire calls (kernel/sys_vmo.c).  off and len: bytes in the run, multiples of 512.  -EINVAL. */
int run_done(struct run *, uint64_t off, uint64_t len, int status);
/* Where [off, off+len) or its beginning is in memory, page by page; at most max.  n or -EINVAL. */
int run_segments(struct run *, uint64_t off, uint64_t len, struct dev_seg *, uint32_t max);

/* ---- what the files of mm/ do to the pages of an object.  _locked: vmo->lock is held */

/* pagecache.c */
void page_set_state(struct page *, enum page_state to);         /* the one setter; vmo->lock held */
int pcache_get(struct vmo *, uint64_t index, struct readahead *, struct page **out);
int pcache_get_locked(struct vmo *, uint64_t index, struct readahead *, struct page **out);     /* not held */
void pcache_insert_locked(struct vmo *, struct page *, uint64_t index, enum page_state);        /* none is there */
void pcache_remove_locked(struct vmo *, struct page *);         /* out of the object: unmapped, maybe freed */
void page_dirty_locked(struct vmo *, struct page *);            /* CLEAN -> DIRTY; WRITING: owed again */

static inline uint64_t vmo_pages_locked(const struct vmo *v) { return ROUND_UP(v->size, PAGE_SIZE) >> PAGE_SHIFT; }
/* fileio.c V4: is the page part of a hole that is being punched? */
static inline bool punching(const struct vmo *v, uint64_t index) { return index >= v->punch_lo && index < v->punch_hi; }

/* vmo.c */
void vmo_release_check_locked(struct vmo *);    /* no user, nothing owed: tell the pager */
int vmo_zero(struct vmo *, uint64_t from, uint64_t to);         /* a part of one page */
uint64_t dirty_end_locked(struct vmo *, uint64_t first, uint64_t last); /* of the DIRTY neighbours from first on */
void vmo_cut_locked(struct vmo *, uint64_t first, uint64_t last);       /* these pages leave; waits for busy ones */
struct vmo *vmo_next(struct vmo *);             /* of all, behind this one, which is let go; the first; NULL: no more */
struct vmo *vmo_lock_of(const struct page *);   /* the object that has the page, locked; NULL: none has it */

/* pager.c */
struct run *run_create_locked(struct vmo *, uint32_t op, uint64_t first);       /* NULL: no memory */
void page_zero_tail_locked(struct page *);      /* what of it lies past the end of file */
void run_post(struct run *);                    /* no lock held; gives up the caller's reference */
int vmo_room(struct vmo *, uint64_t index);     /* make sure of room on disk for the page: 0, -ENOSPC, -EIO */
bool vmo_has_room_locked(struct vmo *, uint64_t index, const struct page *);
int vmo_commit(struct vmo *, unsigned commit_flags);
int pager_ask(struct vmo *, struct kmsg *);     /* its answer's status, or -EIO; 0 without a pager.  No lock held */

/* writeback.c */
extern uint64_t dirty_pages;                    /* DIRTY + WRITING, all objects; atomic */

/* ---- vm=split: what the rest of mm/ asks of split.c */

extern bool vm_split;                   /* [c] the word vm=split was given */

struct vmo *split_view(struct vmo *file);       /* what mappings show: the file itself when unified; as a user of it */
void split_idle(struct vmo *view);
void split_resized(struct vmo *file);           /* its size changed; no lock held */
void split_publish(struct vmo *file, uint64_t first, uint64_t last);    /* stores through mappings reach the file */
void split_run(struct run *);
/* Where failed writes are counted. */
static inline struct vmo *vmo_file(struct vmo *v) { return v->split_of ? v->split_of : v; }

#endif
