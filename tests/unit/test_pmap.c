/* links: mm/pmap.c mm/frame.c tests/checks/*.c tests/unit/stub_kernel.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_pmap.c - HOST - page tables, with a TLB that remembers as long as it is allowed to.
 *
 * The TLB of this test is the worst that the SDM permits (3A 4.10): it caches every present PTE it is shown and
 * drops nothing by itself.  After each call that takes rights away, no cached entry may say more than its PTE.  */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernel/cpu.h"
#include "mm/pmap.h"
#include "tests/unit/memory.h"
#include "tests/unit/stub_kernel.h"


#define NVA 64u
static uint64_t va_of[NVA];             /* the addresses of the random test, by index in the TLB and in the model */
static pte_t tlb[NVA];                  /* 0: not cached */
static uint64_t loaded_root;
static uint64_t free_at_shootdown;

void invlpg(uint64_t va)
{
	free_at_shootdown = frame_free_count();
	for (unsigned i = 0; i < NVA; i++)
		if (va_of[i] == va) tlb[i] = 0;
}

uint64_t read_cr3(void) { return loaded_root; }

void write_cr3(uint64_t root)
{
	free_at_shootdown = frame_free_count();
	memset(tlb, 0, sizeof(tlb));
	loaded_root = root;
}

#define shootdowns (cpus[0].tlb_shootdowns)

static struct pmap pm;
static uint64_t free_before;

static int group_setup(void **st)
{
	int rc = memory_setup(st);

	host_kernel_tables();
	return rc;
}

static int setup(void **st)
{
	(void)st;
	free_before = frame_free_count();
	shootdowns = 0;
	memset(va_of, 0, sizeof(va_of));
	if (pmap_init(&pm)) return -1;
	pmap_switch(&pm);               /* and teardown destroys what is loaded: the exit of a thread */
	return 0;
}

static int teardown(void **st)
{
	(void)st;
	pmap_check(&pm);
	pmap_destroy(&pm);
	frame_check();
	return frame_free_count() == free_before ? 0 : -1;
}

static pte_t set(uint64_t va, pte_t pte)
{
	pte_t old = pmap_get(&pm, va);

	assert_int_equal(pmap_set(&pm, va, pte), 0);
	return old;
}

static pte_t pte_remove(pte_t pte, uaddr_t va, void *arg) { (void)pte, (void)va, (void)arg; return 0; }
static pte_t pte_protect(pte_t pte, uaddr_t va, void *arg) { (void)va, (void)arg; return pte & ~PTE_W; }
static pte_t pte_count(pte_t pte, uaddr_t va, void *arg) { (void)va; ++*(unsigned *)arg; return pte; }

static unsigned count(uint64_t start, uint64_t end)
{
	unsigned n = 0;

	pmap_walk(&pm, start, end, pte_count, &n);
	return n;
}

static void clear(uint64_t start, uint64_t end) { pmap_walk(&pm, start, end, pte_remove, NULL); }

#define PTE(n) ((pte_t)(n) << PAGE_SHIFT | PTE_P | PTE_U)

static void what_is_set_is_got(void **st)
{
	(void)st;
	assert_int_equal(pmap_get(&pm, 0x400000), 0);
	assert_int_equal(set(0x400000, PTE(5)), 0);
	assert_int_equal(pmap_get(&pm, 0x400123), PTE(5));
	assert_int_equal(set(0x400000, PTE(6) | PTE_W), PTE(5));
	assert_int_equal(pm.resident, 1);
	clear(0, USER_TOP);
}

static void the_first_and_the_last_user_page_work(void **st)
{
	(void)st;
	set(0, PTE(1));
	set(USER_TOP - PAGE_SIZE, PTE(2));
	assert_int_equal(count(0, USER_TOP), 2);
	assert_int_equal(count(PAGE_SIZE, USER_TOP), 1);
	assert_int_equal(count(0, USER_TOP - PAGE_SIZE), 1);
	clear(0, USER_TOP);
	assert_int_equal(pm.resident, 0);
}

static void the_kernel_half_is_shared(void **st)
{
	uint64_t va = 0xffffd00000000000ull;
	paddr_t page = page_phys(frame_alloc(PAGE_KERNEL, 0));

	(void)st;
	assert_int_equal(pmap_set(&kernel_pmap, va, page | PTE_P), 0);
	assert_int_equal(pmap_get(&pm, va), page | PTE_P);      /* entered after pm was made */
	assert_int_equal(((pte_t *)phys_to_virt(pm.root))[va >> 39 & 511] & PTE_U, 0);
	assert_int_equal(count(0, USER_TOP), 0);
	pmap_walk(&kernel_pmap, va, va + PAGE_SIZE, pte_remove, NULL);
	assert_int_equal(pmap_get(&pm, va), 0);
	pmap_walk(&kernel_pmap, va & ~(BIT(21) - 1), (va & ~(BIT(21) - 1)) + BIT(21), pte_remove, NULL);
	pmap_walk(&kernel_pmap, va & ~(BIT(30) - 1), (va & ~(BIT(30) - 1)) + BIT(30), pte_remove, NULL);
}

static void a_right_gained_needs_no_shootdown(void **st)
{
	(void)st;
	set(0x1000, PTE(5) | PTE_NX);
	set(0x1000, PTE(5) | PTE_NX | PTE_W);
	set(0x1000, PTE(5) | PTE_W);
	set(0x1000, PTE(5) | PTE_W | PTE_A | PTE_D);
	assert_int_equal(shootdowns, 0);
	clear(0, USER_TOP);
}

static void a_right_lost_is_shot_down_once(void **st)
{
	(void)st;
	set(0x1000, PTE(5) | PTE_W);
	set(0x1000, PTE(5));
	assert_int_equal(shootdowns, 1);
	set(0x1000, PTE(6));
	assert_int_equal(shootdowns, 2);
	set(0x1000, PTE(6) | PTE_NX);
	assert_int_equal(shootdowns, 3);
	set(0x1000, (PTE(6) | PTE_NX) & ~PTE_P);        /* PROT_NONE */
	assert_int_equal(shootdowns, 4);
	set(0x1000, PTE(6) | PTE_W);
	for (unsigned i = 2; i < 40; i++)
		set(i * PAGE_SIZE, PTE(i) | PTE_W);
	assert_int_equal(shootdowns, 4);
	pmap_walk(&pm, 0, USER_TOP, pte_protect, NULL);
	assert_int_equal(shootdowns, 5);
	pmap_walk(&pm, 0, USER_TOP, pte_protect, NULL);
	assert_int_equal(shootdowns, 5);
	clear(0, USER_TOP);
	assert_int_equal(shootdowns, 6);
}

static void a_page_without_access_keeps_its_place(void **st)
{
	(void)st;
	set(0x5000, PTE(9) & ~PTE_P);
	assert_int_equal(pm.resident, 1);
	assert_int_equal(count(0, USER_TOP), 1);
	assert_int_equal(pmap_get(&pm, 0x5000), PTE(9) & ~PTE_P);
	clear(0, USER_TOP);
	assert_int_equal(shootdowns, 1);        /* for the table that went, no PTE was cached */
}

static void an_empty_walk_touches_nothing(void **st)
{
	(void)st;
	set(0x3000, PTE(3));
	assert_int_equal(count(0x3000, 0x3000), 0);
	assert_int_equal(count(0x4000, 0x3000), 0);
	assert_int_equal(count(0x3000, 0x4000), 1);
	clear(0, USER_TOP);
}

/* munmap of a large range gives its tables back, after the TLBs forgot them. */
static void empty_tables_go_back_after_the_shootdown(void **st)
{
	uint64_t before = frame_free_count();

	(void)st;
	for (unsigned i = 0; i < 10; i++)
		set(0x10000000000ull + i * BIT(21), PTE(i + 1));
	assert_int_equal(frame_free_count(), before - 12);
	clear(0x10000000000ull, 0x10000000000ull + BIT(30));
	assert_int_equal(free_at_shootdown, before - 12);
	assert_int_equal(frame_free_count(), before - 1);       /* its 512 GiB table is not all in the range */
	pmap_check(&pm);
	set(0x10000000000ull, PTE(1));
	clear(0x10000000000ull, 0x10000000000ull + PAGE_SIZE);
	assert_int_equal(frame_free_count(), before - 3);       /* part of a table: it stays */
}

static void no_memory_for_a_table_changes_nothing(void **st)
{
	struct page *all[MEMORY_PAGES];
	unsigned n = 0;

	(void)st;
	while ((all[n] = frame_alloc(PAGE_KERNEL, 0)))
		n++;
	for (unsigned give = 0; give < 3; give++) {
		assert_int_equal(pmap_set(&pm, 0x7000, PTE(1)), -ENOMEM);
		assert_int_equal(pm.resident, 0);
		assert_int_equal(pmap_get(&pm, 0x7000), 0);
		pmap_check(&pm);
		page_unref(all[--n]);
	}
	assert_int_equal(pmap_set(&pm, 0x7000, PTE(1)), 0);
	while (n-- > 0)
		page_unref(all[n]);
	clear(0, USER_TOP);
}

static void a_cpu_is_listed_while_it_uses_the_tables(void **st)
{
	(void)st;
	assert_int_equal(loaded_root, pm.root);
	assert_int_equal(pm.cpus, 1);
	assert_ptr_equal(this_cpu()->pmap, &pm);
	pmap_switch(NULL);
	assert_int_equal(loaded_root, kernel_pmap.root);
	assert_int_equal(pm.cpus, 0);
}

static void destroying_mapped_pages_is_a_broken_invariant(void **st)
{
	(void)st;
	set(0x1000, PTE(1));
	expect_assert_failure(pmap_destroy(&pm));
	clear(0, USER_TOP);
}

static pte_t model[NVA];

static void tlb_says_no_more_than_the_tables(void)
{
	for (unsigned i = 0; i < NVA; i++) {
		pte_t now = pmap_get(&pm, va_of[i]);

		assert_int_equal(now, model[i]);
		if (!tlb[i]) continue;
		assert_true(now & PTE_P);
		assert_int_equal(now & PTE_ADDR, tlb[i] & PTE_ADDR);
		assert_int_equal(tlb[i] & ~now & (PTE_W | PTE_U), 0);
		assert_int_equal(now & ~tlb[i] & PTE_NX, 0);
	}
}

struct change { uint64_t start, end; pte_t clear, set; };

static pte_t pte_change(pte_t pte, uaddr_t va, void *arg)
{
	struct change *c = arg;

	assert_true(va >= c->start && va < c->end);
	return c->clear == ~0ull ? 0 : (pte & ~c->clear) | c->set;
}

static void random_walk_step(void)
{
	static const struct change kind[] = {
		{ .clear = ~0ull }, { .clear = PTE_W }, { .set = PTE_NX }, { .clear = PTE_A }, { .clear = PTE_P },
		{ .set = PTE_P | PTE_W }, { .clear = PTE_NX },
	};
	struct change c = kind[rand() % ARRAY_LEN(kind)];
	uint64_t a = va_of[rand() % NVA], b = va_of[rand() % NVA];

	c.start = MIN(a, b);
	c.end = rand() % 4 ? MAX(a, b) : MIN(ROUND_UP(MAX(a, b), BIT(30)), USER_TOP);
	pmap_walk(&pm, c.start, c.end, pte_change, &c);
	for (unsigned i = 0; i < NVA; i++) {
		if (!model[i] || va_of[i] < c.start || va_of[i] >= c.end) continue;
		model[i] = c.clear == ~0ull ? 0 : (model[i] & ~c.clear) | c.set;
	}
}

static void random_sequences_leave_no_stale_right(void **st)
{
	static const pte_t rights[] = { 0, PTE_W, PTE_NX, PTE_W | PTE_NX, PTE_A };

	(void)st;
	srand(6);
	memset(model, 0, sizeof(model));
	for (unsigned i = 0; i < NVA; i++)
		va_of[i] = i ? (va_of[i - 1] + PAGE_SIZE + (i % 4 ? 0 : BIT(12 + rand() % 34))) % USER_TOP : 0;
	for (unsigned step = 0; step < 5000; step++) {
		unsigned k = rand() % NVA;
		pte_t pte = PTE(1 + rand() % 20) | rights[rand() % ARRAY_LEN(rights)];

		if (rand() % 3) {
			assert_int_equal(set(va_of[k], pte), model[k]);
			model[k] = pte;
		} else {
			random_walk_step();
		}
		tlb_says_no_more_than_the_tables();
		if (model[k] & PTE_P) tlb[k] = model[k];
		if (step % 50 == 0) pmap_check(&pm);
	}
	clear(0, USER_TOP);
	assert_int_equal(pm.resident, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_set_is_got),
		TEST(the_first_and_the_last_user_page_work),
		TEST(the_kernel_half_is_shared),
		TEST(a_right_gained_needs_no_shootdown),
		TEST(a_right_lost_is_shot_down_once),
		TEST(a_page_without_access_keeps_its_place),
		TEST(an_empty_walk_touches_nothing),
		TEST(empty_tables_go_back_after_the_shootdown),
		TEST(no_memory_for_a_table_changes_nothing),
		TEST(a_cpu_is_listed_while_it_uses_the_tables),
		TEST(destroying_mapped_pages_is_a_broken_invariant),
		TEST(random_sequences_leave_no_stale_right),
	};

	return cmocka_run_group_tests(tests, group_setup, memory_teardown);
}
