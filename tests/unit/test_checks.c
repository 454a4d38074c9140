/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_checks.c - HOST - each checker of tests/checks/ sees what is broken, and nothing when it is whole. */
#include "tests/unit/mmworld.h"

#include "tests/checks/hooks.h"

/* Is it noticed that this is one more than it should be?  It is right again afterwards. */
#define NOTICED(check, what) do { (what)++; expect_assert_failure(check); (what)--; check; } while (0)

static void a_free_page_is_free_and_counted(void **st)
{
	struct page *p = container_of(frames_all.pages.next, struct page, link);

	(void)st;
	NOTICED(frame_check(), frames_all.n);
	NOTICED(frame_check(), p->refs);
	NOTICED(frame_check(), p->use);
	cpus[0].spares.n += SPARES_MAX;
	expect_assert_failure(frame_check());
	cpus[0].spares.n -= SPARES_MAX;
	frame_check();
}

static void a_slab_has_all_its_slots(void **st)
{
	void *object = kalloc(100);
	struct slab *s = &phys_to_page(virt_to_phys(object))->slab;
	void **first = s->free, *second = *first;

	(void)st;
	kmem_check();
	NOTICED(kmem_check(), s->used);
	NOTICED(kmem_check(), s->class);
	*first = NULL;                          /* its list of free slots ends too early */
	expect_assert_failure(kmem_check());
	*first = first;                         /* or never */
	expect_assert_failure(kmem_check());
	*first = second;
	kmem_check();
	kfree(object);
}

static void page_tables_count_their_entries_and_share_the_kernel(void **st)
{
	struct fix *f = *st;
	struct pmap *pm = &f->map->pmap;
	pte_t *root = phys_to_virt(pm->root);
	uaddr_t at = map_anon(f, 2, ANON);

	fill_with(f, at, 2);
	NOTICED(pmap_check(pm), pm->resident);
	NOTICED(pmap_check(pm), root[300]);
	NOTICED(pmap_check(pm), phys_to_page(root[at >> 39] & PTE_ADDR)->refs);
	root[at >> 39] |= PTE_PS;
	expect_assert_failure(pmap_check(pm));
	root[at >> 39] &= ~PTE_PS;
	pmap_check(pm);
}

static void an_object_counts_its_pages_and_marks_those_that_it_owes(void **st)
{
	struct fix *f = *st;

	dirty_page(f->vmo, 3, 'x');
	NOTICED(vmo_check(f->vmo), f->vmo->npages);
	NOTICED(vmo_check(f->vmo), f->vmo->ndirty);
	NOTICED(vmo_check(f->vmo), get_page(f->vmo, 1)->use);
	tree_mark(&get_page(f->vmo, 3)->node, 0);
	expect_assert_failure(vmo_check(f->vmo));
	tree_mark(&get_page(f->vmo, 3)->node, BIT(PG_DIRTY));
	vmo_check(f->vmo);
}

/* After a panic the host frees spinlocks alone. */
static void map_check_again(struct map *m)
{
	m->lock.owner = NULL;
	map_check(m);
}

static void a_map_counts_its_bytes_and_its_entries_show_as_many_pages(void **st)
{
	struct fix *f = *st;
	struct entry *e;

	e = map_find_locked(f->map, map_file(f, 2, RW, MAP_SHARED));
	NOTICED(map_check_again(f->map), f->map->size);
	NOTICED(map_check_again(f->map), f->map->locked);
	NOTICED(map_check_again(f->map), e->vnode.last);
}

static void a_lock_out_of_its_order_is_noticed(void **st)
{
	struct spinlock outer = SPINLOCK_INIT(RANK_PROC, "outer"), inner = SPINLOCK_INIT(RANK_VMO, "inner");

	(void)st;
	lock_taken(&outer);
	lock_taken(&inner);
	expect_assert_failure(lock_taken(&outer));
	lock_released(&outer);                  /* in any order */
	expect_assert_failure(lock_taken(&outer));
	lock_released(&inner);
	lock_taken(&outer);
	lock_released(&outer);
	assert_int_equal(outer.taken, 2);       /* they are counted */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_free_page_is_free_and_counted),
		T(a_slab_has_all_its_slots),
		T(page_tables_count_their_entries_and_share_the_kernel),
		T(an_object_counts_its_pages_and_marks_those_that_it_owes),
		T(a_map_counts_its_bytes_and_its_entries_show_as_many_pages),
		T(a_lock_out_of_its_order_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
