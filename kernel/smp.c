/* SPDX-License-Identifier: MIT */
/* kernel/smp.c - RING 0 - several CPUs: starting them, and the three things one asks of another.
 *
 * Path:  main.c > smp_start() ... ap.S > ap_main() > sched.c;  tlb.c > shootdown_send() ~interrupt~> shootdown_poll()
 * Locks: none.  A request lies on its asker's stack; the slot for it on the other CPU is written by the asker, and
 *        cleared by the CPU that has done it.
 *
 * N1  CPU ids are 0 .. ncpus-1, and ncpus grows only when the next one is ready for interrupts.
 * N2  A CPU that waits for another with interrupts off polls: else two that wait for each other would wait for ever.
 */
#include "kernel/smp.h"

#include "boot/bootinfo.h"
#include "kernel/apic.h"
#include "kernel/thread.h"
#include "mm/frame.h"
#include "mm/pmap.h"

#define START_WAIT 5000000000ull        /* ns until a CPU is said not to come: a busy host starts QEMU threads late */

struct ap_start { uint64_t cr3, stack, entry; uint32_t far_at; uint16_t far_cs, pad, gdt_limit; uint32_t gdt_at; }
	__attribute__((packed));

extern char ap_code[], ap_code_end[], ap_params[];
static bool ap_awaited;                 /* by whoever resets it: the new CPU, or the first one when it gives up */
static struct shootdown *slot[MAX_CPUS][MAX_CPUS];      /* [who is asked][who asks] */

/* The new CPU's first C: on its idle thread's stack, on the tables of smp_start(). */
static void ap_main(void)
{
	uint32_t id = ncpus;

	while (!__atomic_exchange_n(&ap_awaited, false, __ATOMIC_ACQ_REL)) __asm__ volatile("cli; hlt");  /* too late */
	cpu_init(id);
	tlb_load(&kernel_pmap);
	apic_cpu_init();
	sched_cpu_init();
	__atomic_store_n(&ncpus, id + 1, __ATOMIC_RELEASE);     /* N1 */
	irq_enable();
	sched_idle();
}

/* Where the page's code finds tables, stack and entry; addresses within it become physical ones. */
static void params_fill(const struct pmap *pm, const struct thread *idle)
{
	paddr_t pa = frame_bootinfo->cpu_page;
	char *page = phys_to_virt(pa);
	struct ap_start *p = (struct ap_start *)(page + (ap_params - ap_code));

	memcpy(page, ap_code, ap_code_end - ap_code);
	p->cr3 = pm->root;
	p->stack = idle->kstack + KSTACK_PAGES * PAGE_SIZE;
	p->entry = (uint64_t)ap_main;
	p->far_at += pa;
	p->gdt_at += pa;
}

/* SDM 3A 8.4.4.1: INIT, 10 ms, then SIPI twice with 200 us between. */
static bool ap_start(uint32_t apic_id)
{
	uint32_t before = ncpus;
	uint64_t end;

	__atomic_store_n(&ap_awaited, true, __ATOMIC_RELEASE);
	apic_send_init(apic_id);
	clock_spin(10000000);
	for (int i = 0; i < 2 && __atomic_load_n(&ncpus, __ATOMIC_ACQUIRE) == before; i++) {
		apic_send_start(apic_id, frame_bootinfo->cpu_page >> PAGE_SHIFT);
		clock_spin(200000);
	}
	end = time_mono() + START_WAIT;
	while (__atomic_load_n(&ap_awaited, __ATOMIC_ACQUIRE) && time_mono() < end) shootdown_poll();
	if (__atomic_exchange_n(&ap_awaited, false, __ATOMIC_ACQ_REL)) return false;
	while (__atomic_load_n(&ncpus, __ATOMIC_ACQUIRE) == before) shootdown_poll();
	return true;
}

static pte_t clear_pte(pte_t pte, uaddr_t va, void *arg) { return 0; }

/* => false: one did not come, and may still: the tables, the page and a stack stay as they are for it */
static bool ap_start_all(const struct boot_machine *m, const struct pmap *pm)
{
	for (uint32_t i = 0; i < m->ncpus && ncpus < MAX_CPUS; i++) {
		if (m->cpu[i] == this_cpu()->apic_id) continue;
		cpus[ncpus].idle = thread_create(NULL, "idle", NULL, NULL);
		if (!cpus[ncpus].idle) break;
		params_fill(pm, cpus[ncpus].idle);
		if (ap_start(m->cpu[i])) continue;
		kprintf("quire: the CPU with APIC id %u does not start\n", m->cpu[i]);
		return false;
	}
	return true;
}

void smp_start(void)
{
	const struct boot_machine *m = &frame_bootinfo->machine;
	paddr_t pa = frame_bootinfo->cpu_page;
	struct pmap pm;
	pte_t old;
	bool done = true;

	if (m->ncpus < 2 || !pa || pmap_init(&pm)) return;
	/* the page where it is, executable: the only identity map; gone with these tables */
	if (pm.root >> 32 == 0 && !pmap_set(&pm, pa, pa | PTE_P | PTE_W, &old)) {
		done = ap_start_all(m, &pm);
		if (done) pmap_walk(&pm, pa, pa + PAGE_SIZE, clear_pte, NULL);
	}
	if (done) pmap_destroy(&pm);
	kprintf("quire: %u CPUs\n", ncpus);
}

/* ---- asking another CPU */

void cpu_kick(struct cpu *c)
{
	if (c != this_cpu()) apic_send(c->apic_id, VECTOR_KICK);
}

void smp_stop_others(void)
{
	if (ncpus > 1) apic_send_others_nmi();
}

static void shootdown_do(const struct shootdown *s)
{
	if (s->leave) pmap_leave(s->pmap);
	else tlb_flush(s->pmap, s->start, s->npages);
}

/* Not twice at once on one CPU: an interrupt between the work and the answer would do it again, and the second answer
 * could wipe out the asker's next request. */
void shootdown_poll(void)
{
	bool on = irq_off();
	struct shootdown **mine = slot[this_cpu()->id];

	for (uint32_t i = 0; i < ncpus; i++) {
		struct shootdown *s = __atomic_load_n(&mine[i], __ATOMIC_ACQUIRE);

		if (!s) continue;
		shootdown_do(s);
		this_cpu()->tlb_flushes++;
		__atomic_store_n(&mine[i], NULL, __ATOMIC_RELEASE);
	}
	if (on) irq_enable();
}

void shootdown_send(struct shootdown *s, uint64_t who)
{
	uint32_t me = this_cpu()->id;

	for (uint32_t i = 0; i < ncpus; i++) {
		if (!(who & BIT(i)) || i == me) continue;
		__atomic_store_n(&slot[i][me], s, __ATOMIC_RELEASE);
		apic_send(cpus[i].apic_id, VECTOR_SHOOTDOWN);
	}
	for (uint32_t i = 0; i < ncpus; i++) {
		while (i != me && __atomic_load_n(&slot[i][me], __ATOMIC_ACQUIRE)) {
			shootdown_poll();       /* N2 */
			__builtin_ia32_pause();
		}
	}
}
