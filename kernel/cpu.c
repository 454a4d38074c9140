/* SPDX-License-Identifier: MIT */
/* kernel/cpu.c - RING 0 - CPUs: what one needs before anything runs, its APIC, starting the others, and what one asks of
 * another; the clock.  GDT, IDT, TSS, control registers and APIC are the loader's work (boot/bootinfo.h).
 *
 * Path:  main.c > smp_start(), boot/ap.S > cpu_enter() > sched.c; pmap.c > apic_send() ~IPI~> trap.c > shootdown_poll()
 * Locks: none.
 *
 * N1  CPU ids are 0 .. ncpus-1, and ncpus grows only when the next one is ready for interrupts.
 */
#include "kernel/thread.h"
#include "mm/map.h"

_Static_assert(BOOT_CPUS_MAX <= MAX_CPUS, "the loader lists no more CPUs than there is room for");
struct cpu cpus[MAX_CPUS];
uint32_t ncpus = 1;
bool cpu_has_smap;

#define MSR_GS 0xc0000101u

_Static_assert(offsetof(struct cpu, user_rsp) == 16 && offsetof(struct cpu, tss) == 24, "entry.S");
_Static_assert(offsetof(struct boot_tss, rsp0) == 4, "entry.S");

void cpu_init(const struct bootinfo *bi, uint32_t id, struct thread *idle)
{
	struct boot_tables *tables = phys_to_virt(bi->tables);
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
	c->runq_lock = SPINLOCK_INIT(RANK_SCHED, "run queue");
	c->tss = &tables->tss[id];
	wrmsr(MSR_GS, (uint64_t)c);
	__asm__ volatile("ltr %w0" : : "r"(BOOT_TSS(id)));
}

/* ---- the local APIC in xAPIC mode (SDM 3A ch. 10), each CPU its own */

#define LAPIC_EOI   0x0b0
#define LAPIC_ICR   0x300               /* the second half, at 0x310, says to whom */
#define LAPIC_INIT  0x380
#define ICR_PENDING BIT(12)             /* SDM 3A 10.6.1 */
#define ICR_ASSERT  BIT(14)
#define ICR_NMI     0x400u              /* delivery mode */

static volatile uint32_t *lapic(unsigned reg) { return phys_to_virt(frame_bootinfo->machine.lapic + reg); }

/* A second at most, so that nothing overflows: an interrupt too early does no harm (sched.c S6). */
void apic_timer_set(uint64_t ns)
{
	uint64_t count = MIN(ns, 1000000000ull) * frame_bootinfo->apic_hz / 1000000000ull;

	*lapic(LAPIC_INIT) = MAX(count, 1ull);
}

/* what: a vector, or ICR_NMI.  Two registers: no interrupt of ours may send between them. */
void apic_send(const struct cpu *to, uint32_t what)
{
	bool on = irq_off();

	while (*lapic(LAPIC_ICR) & ICR_PENDING) __builtin_ia32_pause();
	*lapic(LAPIC_ICR + 0x10) = (uint32_t)frame_bootinfo->machine.cpu[to->id] << 24;
	*lapic(LAPIC_ICR) = what | ICR_ASSERT;
	if (on) irq_enable();
}

void apic_eoi(void) { *lapic(LAPIC_EOI) = 0; }

/* ---- further CPUs */

/* The new CPU's first C: on its idle thread's stack, on tables of the loader's. */
static void cpu_enter(void)
{
	uint32_t id = ncpus;

	cpu_init(frame_bootinfo, id, cpus[id].idle);
	write_cr3(kernel_pmap.root);
	__atomic_store_n(&ncpus, id + 1, __ATOMIC_RELEASE);     /* N1 */
	irq_enable();
	sched_idle();
}

/* They wait at the loader's door, and come in one after the other. */
void smp_start(void)
{
	const struct boot_machine *m = &frame_bootinfo->machine;
	struct boot_door *door = phys_to_virt(frame_bootinfo->cpu_door);

	for (uint32_t i = 1; i < m->ncpus; i++) {
		struct thread *idle = cpus[i].idle = thread_create(NULL, "idle", NULL);

		if (!idle) break;
		door->stack = idle->kstack + KSTACK_PAGES * PAGE_SIZE;
		door->entry = (uint64_t)cpu_enter;
		__atomic_store_n(&door->next, m->cpu[i], __ATOMIC_RELEASE);
		while (__atomic_load_n(&ncpus, __ATOMIC_ACQUIRE) == i) shootdown_poll();
	}
	if (ncpus > 1) kprintf("quire: %u CPUs\n", ncpus);
}

/* ---- asking another CPU */

void cpu_kick(struct cpu *c)
{
	if (c != this_cpu()) apic_send(c, VECTOR_KICK);
}

void smp_stop_others(void)
{
	for (uint32_t i = 0; i < ncpus; i++)    /* N1: no other CPU has a TSS, and an NMI would reset the machine */
		if (&cpus[i] != this_cpu()) apic_send(&cpus[i], ICR_NMI);
}

/* ---- what time it is, here and in the vDSO: two pages that all programs share, the clock's parameters and code that
 * reads them.  It is made once; its first page changes by single stores (abi/vdso.h). */

struct vdso_clock time_clock;
static struct vmo *vdso;

uint64_t time_mono(void)
{
	return (unsigned __int128)(__builtin_ia32_rdtsc() - time_clock.tsc_base) * time_clock.tsc_mult >> 32;
}

int64_t time_real(void) { return time_clock.real_base + (int64_t)time_mono(); }

static int64_t vdso_write(const void *from, uint64_t len)
{
	struct io io = {.buf = (uintptr_t)from, .len = len, .write = true, .kernel = true};

	return pcache_write(vdso, &(uint64_t){0}, io, len);
}

void time_real_set(int64_t ns)
{
	time_clock.real_base = ns - (int64_t)time_mono();
	vdso_write(&time_clock, sizeof(time_clock));         /* a program that asks the vDSO hears it from now on */
}

/* => a thread's context: it may sleep for memory */
void vdso_init(void)
{
	vdso = vmo_create(NULL, 0, 2 * PAGE_SIZE, 2 * PAGE_SIZE, 0);
	if (!vdso || vdso_write(phys_to_virt(frame_bootinfo->vdso), 2 * PAGE_SIZE) < 0) panic("no memory for the vDSO");
}

int vdso_map(struct map *m)
{
	const uint32_t prot = PROT_READ | PROT_EXEC;
	uaddr_t at = VDSO_AT - PAGE_SIZE;

	return map_map(m, &at, 2 * PAGE_SIZE, prot, prot, MAP_SHARED | MAP_FIXED, vdso, 0);
}
