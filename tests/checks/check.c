/* SPDX-License-Identifier: MIT */
/* tests/checks/check.c - RING 0, DEBUG BUILDS - every invariant that can be counted, structure by structure.
 *
 * Path:  the unit tests, hooks.c > [check.c]
 * Use:   a *_check() panics on a broken invariant; the file that its number is from says what it is and why.
 * Locks: check.h says whose each takes; in map_check() they nest as everywhere: MAP > VMO, MAP > PMAP. */
#ifdef QUIRE_HOST
/* A unit program may be made of one file of mm/, and calls the checker of that one alone. */
#pragma weak frames_all
#pragma weak kernel_pmap
#pragma weak map_first_locked
#pragma weak page_array
#pragma weak page_array_len
#pragma weak page_next
#pragma weak pools
#pragma weak slot_size
#pragma weak tree_first_overlap
#pragma weak tree_next_overlap
#pragma weak tree_priority
#endif

#include "tests/checks/check.h"

#include "kernel/cpu.h"

/* ---- mm/frame.c */

static void frames_check(struct frames *f)
{
	uint64_t n = 0;

	SPIN_HELD(&f->lock);
	list_each(struct page, p, &f->pages, link) {
		INVARIANT("F1", p > page_array && p < page_array + page_array_len);
		INVARIANT("F1", p->use == PAGE_FREE && p->refs == 0 && p->link.next->prev == &p->link);
		INVARIANT("F1", ++n <= f->n);
	}
	INVARIANT("F1", n == f->n);
}

/* O(free pages). */
void frame_check(void)
{
	frames_check(&frames_all);
	for (struct cpu *c = cpus; c < cpus + ncpus; c++) {
		frames_check(&c->spares);
		INVARIANT("F5", c->spares.n <= SPARES_MAX);
	}
}

/* ---- mm/kmem.c */

static void pool_check(struct pool *o)
{
	SPIN_HELD(&o->lock);
	for (unsigned c = 0; c < SLOT_CLASSES; c++) {
		unsigned nempty = 0, slots = PAGE_SIZE / slot_size[c];

		if (!o->class_list[c].next) continue;
		list_each(struct page, s, &o->class_list[c], link) {
			unsigned n = 0;

			INVARIANT("K1", s->flags == KPAGE_SLAB && s->slab.class == c && s->slab.pool == o);
			for (void **f = s->slab.free; f; f = *f) {
				INVARIANT("K1", phys_to_page(virt_to_phys(f)) == s);
				INVARIANT("K2", ++n <= slots);
			}
			INVARIANT("K2", n > 0 && n + s->slab.used == slots);
			nempty += s->slab.used == 0;
		}
		INVARIANT("K3", nempty <= 1);
	}
}

/* Full slabs are on no list; their users know them. */
void kmem_check(void)
{
	for (uint32_t i = 0; i < ncpus; i++) pool_check(&pools[i]);
}

/* ---- mm/tree.c */

/* T2 for the link to a child, and what T3 adds up. */
static void child_check(const struct tree_node *n, const struct tree_node *c, uint64_t *max_last, uint8_t *marks)
{
	if (!c) return;
	INVARIANT("T2", c->parent == n && tree_priority(c) <= tree_priority(n));
	*max_last = MAX(*max_last, c->max_last);
	*marks |= c->marks_below;
}

/* Each node checks its two children, so that all are checked once; the walk itself checks the order. */
void tree_check(const struct tree *t)
{
	const struct tree_node *before = NULL, *n = tree_first_overlap(t, 0, ~0ull);

	INVARIANT("T2", !t->root || !t->root->parent);
	for (; n; before = n, n = tree_next_overlap(n, 0, ~0ull)) {
		uint64_t max_last = n->last;
		uint8_t marks = n->marks;

		INVARIANT("T1", !before || before->start < n->start || (before->start == n->start && before < n));
		child_check(n, n->child[0], &max_last, &marks);
		child_check(n, n->child[1], &max_last, &marks);
		INVARIANT("T3", n->start <= n->last && n->max_last == max_last && n->marks_below == marks);
	}
}

/* ---- mm/pmap.c */

#define SLOTS 512u                      /* of a table; the kernel's half of a root are the upper 256 */

/* Counts the PTEs below (M1); each inner slot is a table of ours (M2), not a big page (M4). */
static uint64_t table_check(const pte_t *table, int level, unsigned nslots)
{
	uint64_t entered = 0;

	for (unsigned i = 0; i < nslots; i++) {
		const struct page *p;

		if (!table[i]) continue;
		if (level == 1) {
			entered++;
			continue;
		}
		INVARIANT("M4", (table[i] & PTE_P) && !(table[i] & PTE_PS));
		p = phys_to_page(table[i] & PTE_ADDR);
		INVARIANT("M2", p && p->use == PAGE_KERNEL && p->refs == 1);
		entered += table_check(page_virt(p), level - 1, SLOTS);
	}
	return entered;
}

void pmap_check(struct pmap *pm)
{
	const pte_t *root = phys_to_virt(pm->root), *kernel = phys_to_virt(kernel_pmap.root);

	SPIN_HELD(&pm->lock);
	INVARIANT("M1", table_check(root, 4, SLOTS / 2) == pm->resident);
	for (unsigned i = SLOTS / 2; i < SLOTS; i++)
		INVARIANT("M3", root[i] == kernel[i]);
}

/* ---- mm/vmo.c, mm/map.c */

void vmo_check(struct vmo *v)
{
	uint64_t i = 0, n = 0, owed = 0;
	struct page *p;

	SPIN_HELD(&v->lock);
	tree_check(&v->pages);
	tree_check(&v->entries);
	for (; (p = page_next(v, &i, 0)); i++) {
		INVARIANT("P1", p->vmo == v && p->node.last == i && p->use == PAGE_OBJECT && p->refs > 0);
		INVARIANT("P6", p->node.marks == (BIT(p->state) & PG_OWED));
		n++;
		owed += p->state == PG_DIRTY || p->state == PG_WRITING;
	}
	INVARIANT("P1", n == v->npages && owed == v->ndirty);
}

void map_check(struct map *m)
{
	uint64_t bytes = 0, locked = 0;
	struct entry *prev = NULL;

	MUTEX_HELD(&m->lock);
	tree_check(&m->entries);
	map_for(e, m, 0, ~0ull) {
		INVARIANT("E1", e->anode.last < USER_TOP && (!prev || prev->anode.last < e->anode.start));
		INVARIANT("E3", !e->vmo || (e->vnode.last - e->vnode.start + 1) << PAGE_SHIFT == entry_bytes(e));
		if (e->vmo) vmo_check(e->vmo);
		bytes += entry_bytes(e);
		if (e->flags & ENTRY_LOCKED) locked += entry_bytes(e);
		prev = e;
	}
	INVARIANT("E1", bytes == m->size && locked == m->locked);
	pmap_check(&m->pmap);
}
