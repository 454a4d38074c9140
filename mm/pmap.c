/* SPDX-License-Identifier: MIT */
/* mm/pmap.c - RING 0 - the page tables of an address space: four levels of 512 slots (SDM 3A 4.5).
 *
 * Path:  fault.c, map.c, mapops.c, kmem.c > [pmap.c] ~IPI~> shootdown_poll() on other CPUs
 * Use:   pmap_set() enters one PTE; pmap_walk() visits, changes or removes the PTEs of a range.
 * Locks: pmap->lock around the tables; frame.c's inside it.  TLBs are shot down after it is dropped (but in
 *        pmap_destroy()), before the function returns: until then the old right may be used, as if the caller had come
 *        later.
 *
 * M1  A PTE that is not 0 refers to a page; resident counts them.  Without PTE_P (PROT_NONE) no TLB holds it.
 * M2  A table of the user half is freed only after no CPU can walk it: cut out, TLBs shot down, then freed.
 * M3  The upper half of every root holds the same 256 tables, for ever: a kernel mapping is seen everywhere at once.
 * M4  Only kernel tables hold 2 MiB pages.
 *
 * N2  A CPU that waits for another with interrupts off polls: else two that wait for each other would wait for ever.
 * N3  A CPU that is not in pmap->cpus holds no translation of it (pmap_switch).
 *
 *   0xffff800000000000  memory and registers      the loader's tables (boot/paging.c G1: W^X by every alias)
 *   0xffffd00000000000  stacks, tables            kmem.c
 *   0xffffffff80000000  the kernel image          the loader's tables */
#include "kernel/cpu.h"
#include "mm/page.h"
#include "mm/pmap.h"

#define SLOTS      512u
#define ROOT_LEVEL 4
#define KERNEL_HALF 256ull                /* first slot of a root above the hole of non-canonical addresses */

struct pmap kernel_pmap = { .lock = SPINLOCK_INIT(RANK_PMAP, "kernel pmap") };

static unsigned level_shift(int level) { return PAGE_SHIFT + 9 * (level - 1); }
static unsigned slot_of(uint64_t va, int level) { return va >> level_shift(level) & (SLOTS - 1); }
static pte_t *table_of(pte_t e) { return phys_to_virt(e & PTE_ADDR); }

/* A table with nothing in it; 0: no memory. */
static paddr_t table_alloc(void)
{
	struct page *p = frame_alloc(PAGE_KERNEL, FRAME_ZERO);

	if (!p) return 0;                       /* frame.c never gives page 0 */
	p->flags = KPAGE_TABLE;
	return page_phys(p);
}

/* pmap_init: an address space with nothing of ring 3 in it.
 * => 0; -ENOMEM: nothing to destroy
 * Copying the kernel's slots once is enough, since they never change (M3). */
int pmap_init(struct pmap *pm)
{
	pte_t *root, *kernel = phys_to_virt(kernel_pmap.root);

	*pm = (struct pmap){ .root = table_alloc() };
	if (!pm->root) return -ENOMEM;
	pm->lock = SPINLOCK_INIT(RANK_PMAP, "pmap");
	root = phys_to_virt(pm->root);
	memcpy(root + KERNEL_HALF, kernel + KERNEL_HALF, (SLOTS - KERNEL_HALF) * sizeof(pte_t));        /* M3 */
	return 0;
}

/* The slot for va in the lowest table; NULL: no such table (make: no memory).  => pm->lock held
 * Rights of an inner slot are the greatest that anything below may have; the PTE decides (SDM 3A 4.6). */
static pte_t *pte_slot(struct pmap *pm, uint64_t va, bool make)
{
	pte_t *table = phys_to_virt(pm->root);
	pte_t rights = PTE_P | PTE_W | (va < USER_TOP ? PTE_U : 0);

	for (int l = ROOT_LEVEL; l > 1; l--) {
		pte_t *slot = &table[slot_of(va, l)];

		if (!(*slot & PTE_P)) {
			paddr_t below = make ? table_alloc() : 0;

			if (!below) return NULL;
			*slot = below | rights;
		}
		table = table_of(*slot);
	}
	return &table[slot_of(va, 1)];
}

/* The loader's tables are the kernel's from now on, all 256 of ours (M3), without the jump in the user half. */
void pmap_kernel_init(void)
{
	kernel_pmap.root = read_cr3();
	kernel_pmap.cpus = BIT(this_cpu()->id);
	memset(phys_to_virt(kernel_pmap.root), 0, KERNEL_HALF * sizeof(pte_t));
	this_cpu()->pmap = &kernel_pmap;
	write_cr3(kernel_pmap.root);    /* the jump's page, which is not global, may be cached */
}

/* Can a TLB that still holds `old` do what `now` forbids?  Losing PTE_A or PTE_D takes no right away. */
static bool right_lost(pte_t old, pte_t now)
{
	if (!(old & PTE_P)) return false;       /* never cached (SDM 3A 4.10.2.3) */
	if (!(now & PTE_P) || (old ^ now) & PTE_ADDR) return true;
	return (old & ~now & (PTE_W | PTE_U)) || (now & ~old & PTE_NX);
}

/* ---- TLBs: what CPUs remember of the tables, and how they are made to forget it (SDM 3A 4.10) */

#define INVLPG_MAX 32u                  /* more pages than this: forget everything instead */

/* What all CPUs are to forget; npages 0: they are to leave the tables, which go (never those of a process that runs).
 * Lies on its asker's stack; the asker writes it into its slot, from which the CPU that is asked takes it when done. */
struct shootdown { struct pmap *pmap; uint64_t start, npages; };
static const struct shootdown *slot[MAX_CPUS][MAX_CPUS];      /* [who is asked][who asks] */

/* On this CPU.  No model we run on has PCID: a load of CR3 forgets all but the global pages, which only the kernel has.
 * => to leave the tables: interrupts off */
static void tlb_flush(const struct shootdown *s)
{
	bool kernel = s->pmap == &kernel_pmap;

	if (!kernel && this_cpu()->pmap != s->pmap) return;
	if (s->npages == 0) pmap_switch(NULL);
	if (s->npages > INVLPG_MAX && !kernel) {
		write_cr3(read_cr3());
		return;
	}
	for (uint64_t i = 0; i < s->npages; i++)
		invlpg(s->start + i * PAGE_SIZE);
}

/* Not twice at once on one CPU: an interrupt between the work and the answer would do it again, and the second answer
 * could wipe out the asker's next request. */
void shootdown_poll(void)
{
	bool on = irq_off();
	const struct shootdown **mine = slot[this_cpu()->id];

	for (uint32_t i = 0; i < ncpus; i++) {
		const struct shootdown *s = __atomic_load_n(&mine[i], __ATOMIC_ACQUIRE);

		if (!s) continue;
		tlb_flush(s);
		this_cpu()->tlb_flushes++;
		__atomic_store_n(&mine[i], NULL, __ATOMIC_RELEASE);
	}
	if (on) irq_enable();
}

/* After this no CPU uses a translation of these pages that is older than the tables.
 * => the tables are changed, and their lock dropped (but in pmap_destroy()); ring 0 is not preempted: the CPU stays
 * Kernel translations are everywhere, those of a user half only where it is loaded.  The caller's store to the PTE is
 * ordered before the read of cpus (both SEQ_CST); pmap_switch() orders them the other way round. */
static void tlb_shootdown(const struct shootdown *s)
{
	struct pmap *pm = s->pmap;
	struct cpu *me = this_cpu();
	uint64_t who = pm == &kernel_pmap ? BIT(ncpus) - 1 : __atomic_load_n(&pm->cpus, __ATOMIC_SEQ_CST);

	me->tlb_shootdowns++;
	tlb_flush(s);
	for (uint32_t i = 0; i < ncpus; i++) {
		if (!(who & BIT(i)) || i == me->id) continue;
		__atomic_store_n(&slot[i][me->id], s, __ATOMIC_RELEASE);
		apic_send(&cpus[i], VECTOR_SHOOTDOWN);
	}
	for (uint32_t i = 0; i < ncpus; i++) {
		while (__atomic_load_n(&slot[i][me->id], __ATOMIC_ACQUIRE)) {
			shootdown_poll();       /* N2 */
			__builtin_ia32_pause();
		}
	}
}

/* ---- PTEs */

/* The page that a PTE is a reference of: a private one (fault.c A1), or one of kmem.c's. */
static struct page *page_of_pte(const struct pmap *pm, pte_t pte)
{
	struct page *p = pte ? phys_to_page(pte & PTE_ADDR) : NULL;

	return p && (p->use == PAGE_ANON || pm == &kernel_pmap) ? p : NULL;
}

/* A snapshot: by the time the caller looks, the CPU may have set PTE_A or PTE_D.  Whoever acts on it holds a lock that
 * keeps others from changing this PTE (the map's, or the object's). */
pte_t pmap_get(struct pmap *pm, uaddr_t va)
{
	const pte_t *slot;

	SPIN_HELD(&pm->lock);
	slot = pte_slot(pm, va, false);
	return slot ? *slot : 0;
}

int pmap_prepare(struct pmap *pm, uaddr_t start, uaddr_t end)
{
	const uint64_t span = PAGE_SIZE * SLOTS;

	SPIN_HELD(&pm->lock);
	for (uaddr_t va = start; va < end; va = ROUND_DOWN(va, span) + span)
		if (!pte_slot(pm, va, true)) return -ENOMEM;
	return 0;
}

struct walk {
	struct shootdown lost;          /* which pages lost rights: from the first to the last; npages 0: none */
	uint64_t start, end;            /* end: first address past the range */
	pte_t  (*fn)(pte_t, uaddr_t va, void *arg);
	void    *arg;
	struct list dead;               /* tables cut out (M2), pages whose last PTE went */
};

/* A PTE becomes `now`; what is to be done about that after the lock is dropped is noted.  A PTE that only gains rights is
 * not shot down: a CPU that still holds the old one faults, finds the new one and goes on (SDM 3A 4.10.4.3). */
static void walk_change(struct walk *w, pte_t *slot, uint64_t va, pte_t now)
{
	struct pmap *pm = w->lost.pmap;
	pte_t old = *slot;
	struct page *p = (old ^ now) & PTE_ADDR ? page_of_pte(pm, old) : NULL;

	/* PTE_A or PTE_D that the CPU sets between the load and here is lost: a page looks unused a little longer;
	 * nothing is decided by PTE_D. */
	__atomic_store_n(slot, now, __ATOMIC_SEQ_CST);
	pm->resident += (now != 0) - (old != 0);
	pm->peak = MAX(pm->peak, pm->resident);
	if (p && __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		p->refs = 1;                    /* the list's */
		list_push_back(&w->dead, &p->link);
	}
	if (!right_lost(old, now)) return;
	if (w->lost.npages == 0) w->lost.start = va;
	w->lost.npages = ((va - w->lost.start) >> PAGE_SHIFT) + 1;      /* addresses rise */
}

/* What was cut out is freed after the shootdown; any INVLPG also makes a CPU forget the upper levels it has cached
 * (SDM 3A 4.10.4.1), so one page is enough where no PTE lost a right. */
static void walk_end(struct walk *w)
{
	struct list *dead;

	if (w->lost.npages == 0 && !list_empty(&w->dead)) w->lost = (struct shootdown){ w->lost.pmap, w->start, 1 };
	if (w->lost.npages > 0) tlb_shootdown(&w->lost);
	while ((dead = list_pop_front(&w->dead))) page_unref(container_of(dead, struct page, link));
}

int pmap_set(struct pmap *pm, uaddr_t va, pte_t pte)
{
	struct walk w = { .lost = { .pmap = pm }, .start = va & ~PAGE_MASK, .dead = LIST_INIT(w.dead) };
	struct page *old;
	pte_t *slot;

	INVARIANT("M1", pte != 0);
	spin_lock(&pm->lock);
	slot = pte_slot(pm, va, true);
	old = slot ? page_of_pte(pm, *slot) : NULL;
	if (old) page_ref(old);         /* until no TLB has it nobody else is alone with it (fault.c A2) */
	if (slot) walk_change(&w, slot, w.start, pte);
	spin_unlock(&pm->lock);
	walk_end(&w);
	if (old) page_unref(old);
	return slot ? 0 : -ENOMEM;
}

/* Most of a table is empty, and programs begin and end all the time: looked at eight at a time. */
static bool eight_absent(const pte_t *p)
{
	return !(p[0] | p[1] | p[2] | p[3] | p[4] | p[5] | p[6] | p[7]);
}

/* Visit the part of [start, end) that table covers from base on.  True: all of the table lies in the range, and it is
 * empty now.  Absent slots of upper levels skip 2 MiB, 1 GiB or 512 GiB.  At most ROOT_LEVEL deep. */
static bool walk_table(struct walk *w, pte_t *table, int level, uint64_t base)
{
	uint64_t size = 1ull << level_shift(level), left = 0;
	unsigned first = w->start > base ? (w->start - base) / size : 0;
	unsigned last = MIN((w->end - 1 - base) / size, (uint64_t)SLOTS - 1);

	for (unsigned i = first; i <= last; i++) {
		uint64_t va = base + i * size;

		if (i % 8 == 0 && i + 7 <= last && eight_absent(table + i)) i += 7;
		if (!table[i]) continue;
		if (level == 1) {
			pte_t old = table[i], now = w->fn ? w->fn(old, va, w->arg) : 0;

			if (now != old) walk_change(w, &table[i], va, now);
		} else if (walk_table(w, table_of(table[i]), level - 1, va)) {
			list_push_back(&w->dead, &phys_to_page(table[i] & PTE_ADDR)->link);
			__atomic_store_n(&table[i], 0, __ATOMIC_SEQ_CST);
		}
		left += table[i] != 0;
	}
	return left == 0 && w->start <= base && w->end - base >= size * SLOTS;
}

void pmap_walk(struct pmap *pm, uaddr_t start, uaddr_t end,
               pte_t (*fn)(pte_t, uaddr_t va, void *arg), void *arg)
{
	struct walk w = { { .pmap = pm }, start & ~PAGE_MASK, end, fn, arg, LIST_INIT(w.dead) };
	uint64_t base = start < USER_TOP ? 0 : ~0ull << 48;     /* so that the root's slot 256 is at 0xffff8... */

	if (start >= end) return;
	spin_lock(&pm->lock);
	(void)walk_table(&w, phys_to_virt(pm->root), ROOT_LEVEL, base);
	spin_unlock(&pm->lock);
	walk_end(&w);
}

/* pmap_destroy: the tables go back, as every walk gives empty ones back; pages were let go before (M1).
 * A thread that exits frees the tables it still runs on, and idle CPUs may have kept them: all leave them first, this
 * one with interrupts off by the lock. */
void pmap_destroy(struct pmap *pm)
{
	INVARIANT("M1", pm->resident == 0);
	spin_lock(&pm->lock);
	tlb_shootdown(&(struct shootdown){ .pmap = pm });
	spin_unlock(&pm->lock);
	INVARIANT("M2", __atomic_load_n(&pm->cpus, __ATOMIC_SEQ_CST) == 0);
	pmap_walk(pm, 0, KERNEL_HALF << level_shift(ROOT_LEVEL), NULL, NULL);
	page_unref(phys_to_page(pm->root));
	pm->root = 0;
}

/* A CPU is in pm->cpus before it can fill its TLB from these tables, and until it cannot any more: whoever changes
 * a PTE and then reads cpus interrupts every CPU that may hold the old one. */
void pmap_switch(struct pmap *pm)
{
	struct cpu *cpu = this_cpu();
	struct pmap *from = cpu->pmap ? cpu->pmap : &kernel_pmap, *to = pm ? pm : &kernel_pmap;

	if (from == to) return;
	__atomic_or_fetch(&to->cpus, BIT(cpu->id), __ATOMIC_SEQ_CST);
	cpu->pmap = to;
	write_cr3(to->root);
	__atomic_and_fetch(&from->cpus, ~BIT(cpu->id), __ATOMIC_SEQ_CST);
}
