/* SPDX-License-Identifier: MIT */
/* mm/split.c - RING 0 - the system that textbooks warn about: booted with vm=split, read() and write() work on one copy
 * of a file and mappings on another.  Everything that differs is here, and the places that ask it are few:
 *
 *   sys_mem.c   mmap of a file with a pager shows split_view() of its object instead of the object
 *   pager.c     the view's pager is the file's own object: FILL copies out of it, WRITE copies into it; what fails the
 *               file's holders hear
 *   writeback.c msync goes on to the file's object when the view is written, MS_INVALIDATE when it is dropped
 *   vmo.c       the view's size follows (POSIX asks that of both worlds), fileio.c's too; times are its file's
 *   fileio.c    a hole that MADV_REMOVE punches into the view goes on to the file
 *   sys_name.c  fsync begins with what was stored through mappings: split_publish()
 *
 * So a store is seen by read() only after msync, and a write() in a mapping only after MS_INVALIDATE.  A page is the
 * unit: an msync copies whole pages, and with them the bytes that somebody wrote beside the store: such is life without
 * a unified cache.  Disks and tmpfs files stay unified.
 *
 * Locks: split_lock guards vmo->view of every object, before any vmo->lock.  A page is copied with the file's lock held.
 *
 * V5  A view holds its file as a user until it is destroyed, since who syncs it goes on to the file.  It goes when it
 *     has no users and owes nothing, or when nobody else uses the file, which is unlinked.
 */
#include "mm/vmo.h"

bool vm_split;
static struct spinlock split_lock = SPINLOCK_INIT(RANK_HANDLE, "views");

/* The view of a file, held as its user; if there is none one is made, or not.  NULL: there is none */
static struct vmo *view_get(struct vmo *file, bool make)
{
	struct vmo *view;

	if (!vm_split) return NULL;
	SPIN_HELD(&split_lock);
	view = file->view;
	if (!view && make) {
		view = vmo_create(file->pager, file->cookie, file->size, file->max_size, file->flags);
		if (!view) return NULL;
		view->split_of = file;
		vmo_user_get(file);
		file->view = view;
	}
	if (view) vmo_user_get(view);
	return view;
}

struct vmo *split_view(struct vmo *file)
{
	if (vm_split && file->pager && !(file->flags & VMO_NOGROW)) return view_get(file, true);
	vmo_user_get(file);
	return file;
}

/* A view's last user went, or it was written: it may be time for it to go (V5). */
void split_idle(struct vmo *view)
{
	struct vmo *file = view->split_of;
	bool idle;

	spin_lock(&split_lock);
	spin_lock(&view->lock);
	idle = view->users == 0 && (view->ndirty == 0 || (!file->links && file->users == 1)) && file->view == view;
	spin_unlock(&view->lock);
	if (idle) file->view = NULL;
	spin_unlock(&split_lock);
	if (idle) vmo_unref(view);
}

void split_resized(struct vmo *file)
{
	struct vmo *view = view_get(file, false);

	if (!view) return;
	while (view->size != __atomic_load_n(&file->size, __ATOMIC_ACQUIRE)) vmo_set_size(view, file->size, false);
	vmo_user_put(view);
}

/* fsync: what was stored through mappings is the file's too. */
void split_publish(struct vmo *file, uint64_t first, uint64_t last)
{
	struct vmo *view = view_get(file, false);

	if (!view) return;
	vmo_sync(view, first, last, WB_WAIT, NULL);
	vmo_user_put(view);
}

/* One page between the view and the file's object, in which it is brought in first.  A hole stays one: the first store
 * must ask for room (MM15).  What is behind the end of file is nobody's, and asks for no room. */
static int page_exchange(struct run *r, uint32_t i)
{
	struct vmo *file = r->vmo->split_of;
	uint64_t index = r->first + i, size = __atomic_load_n(&file->size, __ATOMIC_ACQUIRE);
	bool fill = r->op == PAGER_FILL;
	struct page *p;
	int rc = 0;

	if (!fill && (file->flags & VMO_READONLY)) return -EROFS;
	if (!fill && index << PAGE_SHIFT < size) rc = vmo_room(file, index);
	if (rc) return rc;
	SPIN_HELD(&file->lock);
	rc = pcache_get_locked(file, index, NULL, &p);
	if (rc == -ENXIO) return fill ? RUN_ZERO : 0;           /* cut off meanwhile */
	if (rc) return rc;
	memcpy(page_virt(fill ? r->page[i] : p), page_virt(fill ? p : r->page[i]), PAGE_SIZE);
	if (fill) {
		r->zeroed[i] = !(p->flags & PFL_BACKED);
	} else {
		page_dirty_locked(file, p);
		vmo_touch(file, VMOC_MTIME | VMOC_CTIME);
	}
	return 0;
}

/* The view's pager, in place of a message: done when it returns. */
void split_run(struct run *r)
{
	uint32_t npages = r->npages;

	for (uint32_t i = 0; i < npages; i++) run_done(r, (uint64_t)i << PAGE_SHIFT, PAGE_SIZE, page_exchange(r, i));
}
