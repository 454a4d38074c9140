/* SPDX-License-Identifier: MIT */
/* kernel/cpu.c - RING 0 - what a CPU needs before anything runs: GDT, TSS, IDT, the way in for system calls.  Control
 * registers the loader has set (boot/control.c). */
#include "kernel/thread.h"

struct cpu cpus[MAX_CPUS];
uint32_t ncpus = 1;
bool cpu_has_smap;

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
