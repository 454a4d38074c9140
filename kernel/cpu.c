/* SPDX-License-Identifier: MIT */
/* kernel/cpu.c - RING 0 - CPUs: what one needs before anything runs, its APIC, starting the others, and the three things
 * that one asks of another.  Control registers the loader has set (boot/control.c), and switched the APIC on.
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
struct cpu cpus[MAX_CPUS];
uint32_t ncpus = 1;
bool cpu_has_smap;
static struct shootdown *slot[MAX_CPUS][MAX_CPUS];      /* [who is asked][who asks] */

#define MSR_STAR  0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_FMASK 0xc0000084u
#define MSR_GS    0xc0000101u
#define TSS_SELECTOR 0x18

extern char vector_stubs[], syscall_entry[];
static struct { uint64_t low, high; } idt[256] __attribute__((aligned(16)));

/* Segments: 0x08 code, 0x10 data of ring 0; 0x18 TSS (two slots); 0x28 data, 0x30 code of ring 3. */
static void segments_load(struct cpu *c)
{
	uint64_t base = (uint64_t)&c->tss;
	struct { uint16_t limit; uint64_t base; } __attribute__((packed)) r = {sizeof(c->gdt) - 1, (uint64_t)c->gdt};

	c->gdt[1] = 0x00af9a000000ffffull;
	c->gdt[2] = 0x00cf92000000ffffull;
	c->gdt[3] = 103 | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
	c->gdt[4] = base >> 32;
	c->gdt[5] = 0x00cff2000000ffffull;
	c->gdt[6] = 0x00affa000000ffffull;
	__asm__ volatile("lgdt %0; push $0x08; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"
	                 "mov $0x10, %%eax; mov %%eax, %%ss; xor %%eax, %%eax; mov %%eax, %%ds; mov %%eax, %%es;"
	                 "mov %%eax, %%fs; mov %%eax, %%gs" : : "m"(r) : "rax", "memory");
	c->tss.ist[0] = (uint64_t)c->ist + IST_SIZE;
	c->tss.io_map = sizeof(c->tss); /* there is none: ring 3 gets no port */
	__asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR));
}

/* Interrupt gates (SDM 3A 6.14.1): every entry starts with interrupts off.  Ring 3 may call vector 3 alone.  NMI,
 * double fault and machine check may come while the stack cannot be trusted (6.14.5): they are the end, so one stack
 * does for them. */
static void idt_load(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed)) r = {sizeof(idt) - 1, (uint64_t)idt};

	for (int i = 0; i < 256; i++) {
		uint64_t at = (uint64_t)vector_stubs + 16 * i, dpl = i == 3 ? 3 : 0, ist = i == 2 || i == 8 || i == 18;

		idt[i].low = (at & 0xffff) | (uint64_t)KERNEL_CS << 16 | ist << 32 |
		             (0x8e | dpl << 5) << 40 | (at >> 16 & 0xffff) << 48;
		idt[i].high = at >> 32;
	}
	__asm__ volatile("lidt %0" : : "m"(r));
}

_Static_assert(offsetof(struct cpu, user_rsp) == 16 && offsetof(struct cpu, tss.rsp0) == 28, "entry.S");

void cpu_init(uint32_t id, struct thread *idle)
{
	struct cpu *c = &cpus[id];

	c->self = c;
	c->id = id;
	c->thread = c->idle = idle;
	idle->cpu = c;
	idle->state = THREAD_RUNNING;
	c->clock_at = ~0ull;
	list_init(&c->runq[0]);
	list_init(&c->runq[1]);
	list_init(&c->sleepers);
	spin_init(&c->runq_lock, RANK_SCHED, "run queue");
	segments_load(c);
	wrmsr(MSR_GS, (uint64_t)c);
	idt_load();
	wrmsr(MSR_STAR, (uint64_t)KERNEL_CS << 32);     /* the way back is IRET, as for traps */
	wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
	wrmsr(MSR_FMASK, 0x47700);                      /* AC, NT, IOPL, DF, IF, TF */
}

/* ---- the local APIC in xAPIC mode (SDM 3A ch. 10), each CPU its own */

#define LAPIC_ID    0x020
#define LAPIC_EOI   0x0b0
#define LAPIC_ICR   0x300               /* the second half, at 0x310, says to whom */
#define LAPIC_TIMER 0x320
#define LAPIC_INIT  0x380
#define ICR_PENDING BIT(12)             /* SDM 3A 10.6.1 */
#define ICR_ASSERT  BIT(14)

static volatile uint32_t *lapic(unsigned reg) { return phys_to_virt(frame_bootinfo->machine.lapic + reg); }

void apic_cpu_init(void)
{
	this_cpu()->apic_id = *lapic(LAPIC_ID) >> 24;
	*lapic(LAPIC_TIMER) = VECTOR_TIMER;
}

/* A second at most, so that nothing overflows: an interrupt too early does no harm (sched.c S6). */
void apic_timer_set(uint64_t ns)
{
	uint64_t count = MIN(ns, 1000000000ull) * frame_bootinfo->apic_hz / 1000000000ull;

	*lapic(LAPIC_INIT) = MAX(count, 1ull);
}

/* Two registers: no interrupt of ours may send between them. */
void apic_send(uint32_t apic_id, uint32_t what)
{
	bool on = irq_off();

	while (*lapic(LAPIC_ICR) & ICR_PENDING) __builtin_ia32_pause();
	*lapic(LAPIC_ICR + 0x10) = apic_id << 24;
	*lapic(LAPIC_ICR) = what | ICR_ASSERT;
	if (on) irq_enable();
}

void apic_eoi(void) { *lapic(LAPIC_EOI) = 0; }

/* ---- further CPUs */

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
