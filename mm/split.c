/* SPDX-License-Identifier: MIT */
/* mm/split.c - RING 0 - the system that textbooks warn about: booted with vm=split, read() and write() work on one copy
 * of a file and mappings on another.  Everything that differs is here, and the places that ask it are few:
 *
 *   sys_mem.c   mmap of a file with a pager shows split_view() of its object instead of the object
 *   pager.c     the view's pager is the file's own object: FILL copies out of it, WRITE copies into it; what fails the
 *               file's holders hear
 *   writeback.c msync goes on to the file's object when the view is written, MS_INVALIDATE when it is dropped
 *   vmo.c       the view's size follows (POSIX asks that of both worlds)
 *
 * So a store is seen by read() only after msync, and a write() in a mapping only after MS_INVALIDATE.  A page is the
 * unit: an msync copies whole pages, and with them the bytes that somebody wrote beside the store: such is life without
 * a unified cache.  Disks and tmpfs files stay unified.
 *
 * Locks: split_lock guards vmo->view of every object, before any vmo->lock.  A page is copied with the file's lock held.
 *
 * V5  A view holds its file as a user.  It goes when it has no users and owes nothing, or when the file is unlinked.
 *     Who still syncs it then goes on to the file: a view that went holds a reference of it until it is destroyed.
 */
#include "mm/vmo.h"

bool vm_split;
static struct spinlock split_lock = SPINLOCK_INIT(RANK_HANDLE, "views");

/* => split_lock held.  NULL: no memory */
static struct vmo *view_create(struct vmo *file)
{
	struct vmo *view = vmo_create(file->pager, file->cookie, file->size, file->max_size, file->flags);

	if (!view) return NULL;
	view->split_of = file;
	vmo_user_get(file);
	vmo_ref(file);
	file->view = view;
	return view;
}

struct vmo *split_view(struct vmo *file)
{
	struct vmo *view = file;

	if (vm_split && file->pager && !(file->flags & VMO_NOGROW)) {
		spin_lock(&split_lock);
		view = file->view ? file->view : view_create(file);
		if (view) vmo_user_get(view);
		spin_unlock(&split_lock);
	} else {
		vmo_user_get(file);
	}
	return view;
}

/* A view's last user went, or it was written: it may be time for it to go (V5). */
void split_idle(struct vmo *view)
{
	struct vmo *file = view->split_of;
	bool idle;

	spin_lock(&split_lock);
	spin_lock(&view->lock);
	idle = view->users == 0 && (view->ndirty == 0 || file->links == 0) && file->view == view;
	spin_unlock(&view->lock);
	if (idle) file->view = NULL;
	spin_unlock(&split_lock);
	if (!idle) return;
	vmo_unref(view);
	vmo_user_put(file);
}

/* The view of a file, held as its user; NULL: it has none. */
static struct vmo *view_get(struct vmo *file)
{
	if (!vm_split || file->split_of) return NULL;

	SPIN_HELD(&split_lock);
	if (file->view) vmo_user_get(file->view);
	return file->view;
}

void split_resized(struct vmo *file)
{
	struct vmo *view = view_get(file);

	if (!view) return;
	while (view->size != __atomic_load_n(&file->size, __ATOMIC_ACQUIRE)) vmo_set_size(view, file->size, false);
	vmo_user_put(view);
}

/* fsync: what was stored through mappings is the file's too. */
void split_publish(struct vmo *file, uint64_t first, uint64_t last)
{
	struct vmo *view = view_get(file);

	if (!view) return;
	vmo_sync(view, first, last, WB_WAIT, NULL);
	vmo_user_put(view);
}

/* One page of the view from the file's object.  A hole stays one: the first store must ask for room (MM15). */
static int page_from_file(struct run *r, uint32_t i)
{
	struct vmo *file = r->vmo->split_of;
	struct page *from;
	int rc;

	SPIN_HELD(&file->lock);
	rc = pcache_get_locked(file, r->first + i, NULL, &from);
	if (rc) return rc == -ENXIO ? RUN_ZERO : rc;            /* cut off meanwhile */
	memcpy(page_virt(r->page[i]), page_virt(from), PAGE_SIZE);
	r->zeroed[i] = !(from->flags & PFL_BACKED);
	return 0;
}

/* What is behind the end of file is nobody's, and asks for no room.  A page that the file has not in memory is read first. */
static int page_to_file(struct run *r, uint32_t i)
{
	struct vmo *file = r->vmo->split_of;
	uint64_t size = __atomic_load_n(&file->size, __ATOMIC_ACQUIRE);
	struct page *to;
	int rc = file->flags & VMO_READONLY ? -EROFS : 0;

	if (!rc && (r->first + i) << PAGE_SHIFT < size) rc = vmo_room(file, r->first + i);
	if (rc) return rc;
	SPIN_HELD(&file->lock);
	rc = pcache_get_locked(file, r->first + i, NULL, &to);
	if (rc) return rc == -ENXIO ? 0 : rc;
	memcpy(page_virt(to), page_virt(r->page[i]), PAGE_SIZE);
	page_dirty_locked(file, to);
	vmo_touch(file, VMOC_MTIME | VMOC_CTIME);
	return 0;
}

/* The view's pager, in place of a message: done when it returns. */
void split_run(struct run *r)
{
	uint64_t len = r->len;

	for (uint64_t off = 0; off < len; off += PAGE_SIZE) {
		uint32_t i = off >> PAGE_SHIFT;

		run_done(r, off, PAGE_SIZE, r->op == PAGER_FILL ? page_from_file(r, i) : page_to_file(r, i));
	}
}
