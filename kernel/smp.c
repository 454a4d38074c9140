/* SPDX-License-Identifier: MIT */
/* kernel/smp.c - RING 0 - several CPUs: starting them, and the three things one asks of another.
 *
 * Path:  main.c > smp_start(), boot/ap.S > cpu_enter() > sched.c; tlb.c > shootdown_send() ~IPI~> shootdown_poll()
 * Locks: none.  A request lies on its asker's stack; the slot for it on the other CPU is written by the asker, and
 *        cleared by the CPU that has done it.
 *
 * N1  CPU ids are 0 .. ncpus-1, and ncpus grows only when the next one is ready for interrupts.
 * N2  A CPU that waits for another with interrupts off polls: else two that wait for each other would wait for ever.
 */
#include "boot/bootinfo.h"
#include "kernel/thread.h"
#include "mm/page.h"
#include "mm/pmap.h"

_Static_assert(BOOT_CPUS_MAX <= MAX_CPUS, "the loader lists no more CPUs than there is room for");
static struct shootdown *slot[MAX_CPUS][MAX_CPUS];      /* [who is asked][who asks] */

/* The new CPU's first C: on its idle thread's stack, on tables of the loader's. */
static void cpu_enter(void)
{
	uint32_t id = ncpus;

	cpu_init(id, cpus[id].idle);
	write_cr3(kernel_pmap.root);
	apic_cpu_init();
	__atomic_store_n(&ncpus, id + 1, __ATOMIC_RELEASE);     /* N1 */
	irq_enable();
	sched_idle();
}

/* They wait at the loader's door, and come in one after the other. */
void smp_start(void)
{
	const struct boot_machine *m = &frame_bootinfo->machine;
	struct boot_door *door = phys_to_virt(frame_bootinfo->cpu_door);

	for (uint32_t i = 0; i < m->ncpus; i++) {
		struct thread *idle = cpus[i + 1].idle = thread_create(NULL, "idle", NULL);

		if (!idle) break;
		door->stack = idle->kstack + KSTACK_PAGES * PAGE_SIZE;
		door->entry = (uint64_t)cpu_enter;
		__atomic_store_n(&door->next, m->cpu[i], __ATOMIC_RELEASE);
		while (__atomic_load_n(&ncpus, __ATOMIC_ACQUIRE) == i + 1) shootdown_poll();
	}
	if (ncpus > 1) kprintf("quire: %u CPUs\n", ncpus);
}

/* ---- asking another CPU */

void cpu_kick(struct cpu *c)
{
	if (c != this_cpu()) apic_send(c->apic_id, VECTOR_KICK);
}

void smp_stop_others(void)
{
	for (uint32_t i = 0; i < ncpus; i++)    /* N1: no other CPU has an IDT, and an NMI would reset the machine */
		if (&cpus[i] != this_cpu()) apic_send(cpus[i].apic_id, APIC_NMI);
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
		tlb_flush(s->pmap, s->start, s->npages);
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
