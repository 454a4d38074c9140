/* SPDX-License-Identifier: MIT */
/* links: mm/*.c tests/checks/*.c tests/unit/stub_kernel.c tests/unit/mmworld.c */
/* tests/unit/test_model.c - HOST - random mmap, mremap, mlock ... against an array that says what each page shows. */
#include "tests/unit/mmworld.h"

#include <stdlib.h>

#define BASE   0x10000000ull
#define NPAGES 40u
#define STEPS  6000u

enum kind { HOLE, MEMORY, PRIVATE, SHARED };    /* SHARED: of an object without a pager */

struct model_page {
	enum kind kind;
	uint32_t prot;
	bool     locked;
	uint64_t index;         /* in the object */
	int      byte;          /* what was stored; -1: nothing yet */
};

static struct model_page model[NPAGES];
static int shared_byte[8];
static struct vmo *shared;

static uint64_t below(uint64_t n)
{
	return (uint64_t)rand() % n;
}

static uaddr_t va_of(unsigned page)
{
	return BASE + PG(page) + (page * 37) % PAGE_SIZE;
}

/* What a program that looks at this page gets. */
static int expected_load(const struct model_page *p)
{
	if (p->kind == HOLE) return -EFAULT;
	if (!(p->prot & PROT_READ)) return -EACCES;
	if (p->kind != MEMORY && p->index >= 8) return -ENXIO;
	if (p->kind == SHARED) return shared_byte[p->index];
	if (p->byte >= 0) return p->byte;
	return p->kind == PRIVATE ? 'a' + (int)p->index : 0;
}

static int expected_store(const struct model_page *p)
{
	if (p->kind == HOLE) return -EFAULT;
	if (!(p->prot & PROT_WRITE)) return -EACCES;
	return p->kind != MEMORY && p->index >= 8 ? -ENXIO : 0;
}

static bool covered(unsigned at, unsigned n)
{
	for (unsigned i = at; i < at + n; i++)
		if (model[i].kind == HOLE) return false;
	return true;
}

static void do_map(struct fix *f, unsigned at, unsigned n)
{
	static const uint32_t prots[] = {PROT_NONE, PROT_READ, RW, RW, RW};
	struct model_page p = {.kind = MEMORY + below(3), .prot = prots[below(5)], .byte = -1, .index = below(6)};
	uint32_t flags = p.kind == MEMORY ? ANON : p.kind == SHARED ? MAP_SHARED : MAP_PRIVATE;
	struct vmo *v = p.kind == SHARED ? shared : p.kind == PRIVATE ? f->vmo : NULL;
	uaddr_t va = BASE + PG(at);

	p.locked = below(6) == 0;
	if (p.locked) flags |= MAP_LOCKED;
	assert_int_equal(map_map(f->map, &va, PG(n), p.prot, RW, flags | MAP_FIXED, v, v ? PG(p.index) : 0), 0);
	for (unsigned i = 0; i < n; i++, p.index++) model[at + i] = p;
}

static void do_unmap(struct fix *f, unsigned at, unsigned n)
{
	assert_int_equal(map_unmap(f->map, BASE + PG(at), PG(n)), 0);
	memset(&model[at], 0, n * sizeof(model[0]));
}

static void do_protect(struct fix *f, unsigned at, unsigned n)
{
	uint32_t prot = below(3) ? RW : below(2) ? PROT_READ : PROT_NONE;

	assert_int_equal(map_protect(f->map, BASE + PG(at), PG(n), prot), covered(at, n) ? 0 : -ENOMEM);
	for (unsigned i = at; covered(at, n) && i < at + n; i++) model[i].prot = prot;
}

static void do_lock(struct fix *f, unsigned at, unsigned n)
{
	bool on = below(2);

	assert_int_equal(map_lock(f->map, BASE + PG(at), BASE + PG(at + n), on ? MCL_CURRENT | MCL_ONFAULT : 0, false),
	                 covered(at, n) ? 0 : -ENOMEM);
	for (unsigned i = at; covered(at, n) && i < at + n; i++) model[i].locked = on;
}

static void do_forget(struct fix *f, unsigned at, unsigned n)
{
	for (unsigned i = at; i < at + n; i++)
		if (model[i].locked) return;
	assert_int_equal(map_advise(f->map, BASE + PG(at), BASE + PG(at + n), MADV_DONTNEED),
	                 covered(at, n) ? 0 : -ENOMEM);
	for (unsigned i = at; i < at + n; i++) model[i].byte = -1;
}

static bool one_entry(struct fix *f, unsigned at, unsigned n)
{
	struct entry *e = map_find_locked(f->map, BASE + PG(at));

	return e && e->anode.last + 1 >= BASE + PG(at + n);
}

static void do_remap(struct fix *f, unsigned at, unsigned n)
{
	unsigned to = below(NPAGES), len = 1 + below(6);
	struct model_page moved[6], last = model[at + n - 1];
	bool ok = one_entry(f, at, n);
	uaddr_t va = BASE + PG(at);

	if (to + len > NPAGES || (to < at + n && at < to + len)) return;
	assert_int_equal(map_remap(f->map, &va, PG(n), PG(len), MREMAP_MAYMOVE | MREMAP_FIXED, BASE + PG(to)),
	                 ok ? 0 : -EFAULT);
	if (!ok) return;
	for (unsigned i = 0; i < len; i++) {
		moved[i] = i < n ? model[at + i] : last;
		if (i >= n) moved[i].index = last.index + (i - n + 1);
		if (i >= n) moved[i].byte = -1;
	}
	memset(&model[at], 0, n * sizeof(model[0]));
	memcpy(&model[to], moved, len * sizeof(moved[0]));
}

static void do_store(struct fix *f, unsigned at)
{
	struct model_page *p = &model[at];
	uint8_t byte = 1 + below(250);
	int rc = expected_store(p);

	assert_int_equal(user_store(f->map, va_of(at), byte), rc);
	if (rc) return;
	if (p->kind == SHARED) shared_byte[p->index] = byte;
	else p->byte = byte;
}

/* Its va_of() within the page is the same wherever the page moves: the whole page is filled with the byte. */
static void fill_page(struct fix *f, unsigned at)
{
	pte_t pte = pmap_get(&f->map->pmap, BASE + PG(at));
	int byte = expected_load(&model[at]);

	if ((pte & PTE_W) && byte >= 0) memset(phys_to_virt(pte & PTE_ADDR), byte, PAGE_SIZE);
}

static void compare(struct fix *f, struct map *m)
{
	uint64_t pages = 0, locked = 0;

	for (unsigned i = 0; i < NPAGES; i++) {
		assert_int_equal(user_load(m, va_of(i)), expected_load(&model[i]));
		pages += model[i].kind != HOLE;
		locked += model[i].locked;
	}
	assert_int_equal(m->size, PG(pages));
	if (m == f->map) assert_int_equal(m->locked, PG(locked));
	map_check(m);
	pmap_check(&m->pmap);
}

/* A child sees the same; what it stores is its own. */
static void compare_child(struct fix *f)
{
	struct map *child = map_fork(f->map);

	compare(f, child);
	for (unsigned i = 0; i < NPAGES; i++)
		if (model[i].kind != SHARED)
			assert_int_equal(user_store(child, va_of(i), 0xfe), expected_store(&model[i]));
	compare(f, f->map);
	map_put(child);
}

static void any_sequence_leaves_what_the_array_says(void **st)
{
	struct fix *f = *st;

	srand(11);
	memset(model, 0, sizeof(model));
	memset(shared_byte, 0, sizeof(shared_byte));
	shared = vmo_create(NULL, 0, PG(8), PG(8), VMO_EPHEMERAL);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned at = below(NPAGES), n = 1 + below(MIN(6u, NPAGES - at));

		switch (below(16)) {
		case 0: case 1: do_map(f, at, n); break;
		case 2: do_unmap(f, at, n); break;
		case 3: do_protect(f, at, n); break;
		case 4: do_lock(f, at, n); break;
		case 5: do_forget(f, at, n); break;
		case 6: case 7: do_remap(f, at, n); break;
		default: do_store(f, at), fill_page(f, at); break;
		}
		if (step % 16 == 0) compare(f, f->map);
		if (step % 256 == 0) compare_child(f);
	}
	map_unmap(f->map, 0, USER_TOP);
	vmo_check(shared);
	vmo_unref(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(any_sequence_leaves_what_the_array_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
