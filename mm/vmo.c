/* SPDX-License-Identifier: MIT */
/* mm/vmo.c - RING 0 - memory objects: their life, users, size and times.
 *
 * Use:   vmo_create() for the file server's files and the disks, and for shared anonymous memory.
 * Locks: vmo->lock; all_lock guards the list of all objects.
 *
 * V1  An object is destroyed only without users, mappings and busy pages: each of them holds a reference.
 * V2  While an object lives, its size is the truth; the pager learns it by COMMIT, SIZE and RELEASE.
 * V3  Resident bytes past the end of file read as zero when the file grows over them.
 */
#include "kernel/thread.h"
#include "mm/map.h"

static struct spinlock all_lock = SPINLOCK_INIT(RANK_OBJECTS, "all objects");
static struct list all_vmos = LIST_INIT(all_vmos);      /* [all_lock] the newest first: a walk comes to its end */

static void vmo_destroy(struct kobj *o)
{
	struct vmo *v = container_of(o, struct vmo, obj);

	INVARIANT("V1", v->users == 0 && !v->entries.root);
	spin_lock(&v->lock);
	vmo_cut_locked(v, 0, ~0ull);
	spin_unlock(&v->lock);

	spin_lock(&all_lock);           /* after that nobody finds it, neither by a page nor here */
	list_remove(&v->all_link);
	spin_unlock(&all_lock);
	if (v->split_of) vmo_user_put(v->split_of);
	kfree(v);
}

struct vmo *vmo_create(struct port *pager, uint64_t cookie, uint64_t size, uint64_t max_size, uint32_t flags)
{
	struct vmo *v = kalloc(sizeof(*v));

	if (!v) return NULL;
	kobj_init(&v->obj, KOBJ_VMO, vmo_destroy);
	v->lock = SPINLOCK_INIT(RANK_VMO, "object");
	waitq_init(&v->wait);
	v->pager = pager;
	v->cookie = cookie;
	v->size = size;
	v->max_size = max_size;
	v->flags = flags;
	v->links = 1;
	v->changes++;
	v->due = WAIT_FOREVER;
	SPIN_HELD(&all_lock);
	list_push_front(&all_vmos, &v->all_link);
	return v;
}

struct vmo *vmo_next(struct vmo *v)
{
	struct list *at = v ? &v->all_link : &all_vmos;
	struct vmo *next = NULL;

	spin_lock(&all_lock);
	while (!next && (at = at->next) != &all_vmos) {
		next = container_of(at, struct vmo, all_link);
		if (__atomic_fetch_add(&next->obj.refs, 1, __ATOMIC_ACQUIRE) > 0) break;
		next->obj.refs = 0;     /* as it was, about to die: vmo_destroy() waits for our lock */
		next = NULL;
	}
	spin_unlock(&all_lock);
	if (v) vmo_unref(v);
	return next;
}

struct vmo *vmo_lock_of(const struct page *p)
{
	struct vmo *v;

	SPIN_HELD(&all_lock);           /* an object that has a page is not freed meanwhile */
	v = __atomic_load_n(&p->vmo, __ATOMIC_RELAXED);
	if (!v) return NULL;
	spin_lock(&v->lock);
	if (p->vmo == v) return v;
	spin_unlock(&v->lock);
	return NULL;
}

void vmo_user_get(struct vmo *v)
{
	vmo_ref(v);
	SPIN_HELD(&v->lock);
	v->users++;
}

void vmo_user_put(struct vmo *v)
{
	bool last;

	spin_lock(&v->lock);
	last = --v->users == 0;
	if (last) {
		if (v->changed || v->ndirty || !v->links) v->released_due = true;
		vmo_release_check_locked(v);
	}
	spin_unlock(&v->lock);
	if (last && v->split_of) split_idle(v);
	vmo_unref(v);
}

/* vmo_touch: mark times, of a view its file's.  atime follows relatime: only if it is older than mtime or a day. */
void vmo_touch(struct vmo *v, uint32_t which)
{
	int64_t now = time_real();

	v = vmo_file(v);
	if ((v->flags & VMO_READONLY) || (v->atime > v->mtime && now - v->atime < 86400ll * 1000000000))
		which &= ~VMOC_ATIME;
	for (int i = 0; i < 3; i++)
		if (which & VMOC_ATIME << i) __atomic_store_n(&v->time[i], now, __ATOMIC_RELAXED);
	if (which) __atomic_or_fetch(&v->changed, which, __ATOMIC_RELEASE);
}

void vmo_info(struct vmo *v, struct vmo_info *info)
{
	uint64_t changed = __atomic_exchange_n(&v->changed, 0, __ATOMIC_ACQUIRE);

	SPIN_HELD(&v->lock);
	*info = v->info;
	info->changed = changed;
}

uint64_t dirty_end_locked(struct vmo *v, uint64_t first, uint64_t last)
{
	const struct page *p;

	while (first < last && (p = page_at(v, first + 1)) && p->state == PG_DIRTY) first++;
	return first;
}

/* Only the first store into a clean page faults and marks the times.  Stores that followed are marked by the msync at
 * the latest (POSIX mmap: between the store and the next msync): a page that can still be stored to may have
 * had some. */
void vmo_mark_stores(struct vmo *v, uint64_t first, uint64_t last)
{
	uint64_t i = first, end;

	SPIN_HELD(&v->lock);
	for (; page_next(v, &i, BIT(PG_DIRTY)) && i <= last; i = end + 1) {
		end = dirty_end_locked(v, i, last);
		if (pages_clear(v, i, end, PTE_W)) vmo_touch(v, VMOC_MTIME | VMOC_CTIME);
	}
}

/* Zero [from, to), if there is a page; owed if the disk may hold other bytes there, but not by a view to its file.
 * What lies behind an end of file that cuts a page is zeroed before the size grows (V3): a mapping may have stored
 * there, and the disk's block may hold what was cut off earlier. */
int vmo_zero(struct vmo *v, uint64_t from, uint64_t to)
{
	struct page *p;
	int rc;

	if (from >= to) return 0;
	SPIN_HELD(&v->lock);
	rc = pcache_get_locked(v, from >> PAGE_SHIFT, NULL, &p);
	if (rc) return rc == -ENXIO ? 0 : rc;
	memset((char *)page_virt(p) + (from & PAGE_MASK), 0, to - from);
	if (!v->split_of && ((p->flags & PFL_BACKED) || p->state == PG_WRITING)) page_dirty_locked(v, p);
	return 0;
}

/* Remove pages, waiting for those that a run has. => vmo->lock held, may be dropped meanwhile */
void vmo_cut_locked(struct vmo *v, uint64_t first, uint64_t last)
{
	uint64_t i = first;
	struct page *p;

	while ((p = page_next(v, &i, 0)) && i <= last) {
		if (p->state == PG_FILLING || p->state == PG_WRITING) {
			waitq_sleep(&v->wait, &v->lock, WAIT_FOREVER, false);
		} else {
			pcache_remove_locked(v, p);
			i++;
		}
	}
}

/* vmo_set_size: see vmo.h.  Shrinking drops the pages first, then the pager frees their blocks: a block is never
 * reused while a write to it is in flight. */
int vmo_set_size(struct vmo *v, uint64_t size, bool tell)
{
	uint64_t old = __atomic_load_n(&v->size, __ATOMIC_RELAXED), cut = ROUND_UP(size, PAGE_SIZE) >> PAGE_SHIFT;
	struct kmsg k = {.m = {.op = PAGER_SIZE, .arg = {0, 0, size}}};
	int rc;

	if (v->flags & VMO_READONLY) return -EROFS;
	if (v->flags & VMO_NOGROW) return -EINVAL;
	if (size > v->max_size) return -EFBIG;
	if (size == old) {
		vmo_touch(v, VMOC_MTIME | VMOC_CTIME);
		return 0;
	}
	rc = vmo_zero(v, MIN(size, old), ROUND_UP(MIN(size, old), PAGE_SIZE));
	if (rc) return rc;

	spin_lock(&v->lock);
	v->size = size;
	v->changes++;
	vmo_touch(v, VMOC_SIZE | VMOC_MTIME | VMOC_CTIME);
	v->grant_hi = MIN(v->grant_hi, MAX(cut, v->grant_lo));
	if (size < old) {
		pages_clear(v, cut, ~0ull, PTE_P | PTE_COPIES);        /* POSIX mmap: a reference gets SIGBUS */
		vmo_cut_locked(v, cut, ~0ull);
	}
	spin_unlock(&v->lock);
	rc = tell ? pager_ask(v, &k) : 0;
	split_resized(v);
	return rc;
}
