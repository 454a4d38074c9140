/* SPDX-License-Identifier: MIT */
/* kernel/apic.c - RING 0 - local APIC in xAPIC mode (SDM 3A ch. 10), and the table of handlers.
 *
 * Locks: irq_lock guards who gets which vector.  An interrupt takes no lock:
 *
 * Q1  A handler's argument is there before the handler is seen, and until no CPU runs it any more (irq_free).
 */
#include "kernel/apic.h"

#include "boot/bootinfo.h"
#include "kernel/cpu.h"
#include "kernel/smp.h"
#include "kernel/time.h"
#include "mm/frame.h"
#include "mm/page.h"

#define LAPIC_ID    0x020
#define LAPIC_TPR   0x080
#define LAPIC_EOI   0x0b0
#define LAPIC_SVR   0x0f0
#define LAPIC_ICR   0x300               /* the second half, at 0x310, says to whom */
#define LAPIC_TIMER 0x320
#define LAPIC_INIT  0x380
#define LAPIC_DIV   0x3e0
#define ICR_NMI     0x400u              /* SDM 3A 10.6.1 */
#define ICR_PENDING BIT(12)
#define ICR_ASSERT  BIT(14)

static volatile uint32_t *lapic;
static struct spinlock irq_lock = SPINLOCK_INIT(RANK_PORT, "interrupt handlers");
static struct { void (*fn)(void *); void *arg; } handler[256];

static uint32_t lapic_read(unsigned reg) { return lapic[reg / 4]; }
static void lapic_write(unsigned reg, uint32_t v) { lapic[reg / 4] = v; }

void apic_cpu_init(void)
{
	this_cpu()->apic_id = lapic_read(LAPIC_ID) >> 24;
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_SVR, 0x100 | VECTOR_SPURIOUS);
	lapic_write(LAPIC_DIV, 3);      /* by 16 */
	lapic_write(LAPIC_TIMER, VECTOR_TIMER);
}

void apic_init(void)
{
	lapic = phys_to_virt(frame_bootinfo->machine.lapic);
	apic_cpu_init();
}

/* A second at most, so that nothing overflows: an interrupt too early does no harm (time.c T2). */
void apic_timer_set(uint64_t ns)
{
	uint64_t count = MIN(ns, 1000000000ull) * frame_bootinfo->apic_hz / 1000000000ull;

	lapic_write(LAPIC_INIT, MAX(count, 1ull));
}

/* Two registers: no interrupt of ours may send between them. */
static void icr_write(uint32_t apic_id, uint32_t what)
{
	bool on = irq_off();

	while (lapic_read(LAPIC_ICR) & ICR_PENDING) __builtin_ia32_pause();
	lapic_write(LAPIC_ICR + 0x10, apic_id << 24);
	lapic_write(LAPIC_ICR, what | ICR_ASSERT);
	if (on) irq_enable();
}

void apic_send(uint32_t apic_id, int vector) { icr_write(apic_id, vector); }
void apic_send_nmi(uint32_t apic_id) { icr_write(apic_id, ICR_NMI); }

void apic_eoi(void)
{
	lapic_write(LAPIC_EOI, 0);
}

int irq_alloc(void (*fn)(void *), void *arg)
{
	int found = -ENOSPC;

	spin_lock(&irq_lock);
	for (int v = VECTOR_FIRST; v <= VECTOR_LAST && found < 0; v++) {
		if (handler[v].fn) continue;
		handler[v].arg = arg;
		__atomic_store_n(&handler[v].fn, fn, __ATOMIC_RELEASE);
		found = v;
	}
	spin_unlock(&irq_lock);
	return found;
}

void irq_free(int vector)
{
	spin_lock(&irq_lock);
	__atomic_store_n(&handler[vector].fn, NULL, __ATOMIC_SEQ_CST);
	for (struct cpu *c = cpus; c < cpus + ncpus; c++) {
		while (__atomic_load_n(&c->irq_vector, __ATOMIC_SEQ_CST) == vector) {
			shootdown_poll();       /* N2 */
			__builtin_ia32_pause();
		}
	}
	spin_unlock(&irq_lock);
}

void irq_dispatch(int vector)
{
	struct cpu *c = this_cpu();
	void (*fn)(void *);

	c->irqs++;
	__atomic_store_n(&c->irq_vector, vector, __ATOMIC_SEQ_CST);     /* Q1: before the look at the table */
	fn = __atomic_load_n(&handler[vector].fn, __ATOMIC_SEQ_CST);
	if (fn) fn(handler[vector].arg);
	__atomic_store_n(&c->irq_vector, 0, __ATOMIC_RELEASE);
}
