/* SPDX-License-Identifier: MIT */
/* kernel/apic.c - RING 0 - local APIC in xAPIC mode (SDM 3A ch. 10), which the loader switched on.
 *
 * Locks: none: each CPU has its own.
 */
#include "boot/bootinfo.h"
#include "kernel/thread.h"
#include "mm/page.h"

#define LAPIC_ID    0x020
#define LAPIC_EOI   0x0b0
#define LAPIC_ICR   0x300               /* the second half, at 0x310, says to whom */
#define LAPIC_TIMER 0x320
#define LAPIC_INIT  0x380
#define ICR_PENDING BIT(12)             /* SDM 3A 10.6.1 */
#define ICR_ASSERT  BIT(14)

static volatile uint32_t *lapic(unsigned reg) { return phys_to_virt(frame_bootinfo->machine.lapic + reg); }
static uint32_t lapic_read(unsigned reg) { return *lapic(reg); }
static void lapic_write(unsigned reg, uint32_t v) { *lapic(reg) = v; }

void apic_cpu_init(void)
{
	this_cpu()->apic_id = lapic_read(LAPIC_ID) >> 24;
	lapic_write(LAPIC_TIMER, VECTOR_TIMER);
}

/* A second at most, so that nothing overflows: an interrupt too early does no harm (sched.c S6). */
void apic_timer_set(uint64_t ns)
{
	uint64_t count = MIN(ns, 1000000000ull) * frame_bootinfo->apic_hz / 1000000000ull;

	lapic_write(LAPIC_INIT, MAX(count, 1ull));
}

/* Two registers: no interrupt of ours may send between them. */
void apic_send(uint32_t apic_id, uint32_t what)
{
	bool on = irq_off();

	while (lapic_read(LAPIC_ICR) & ICR_PENDING) __builtin_ia32_pause();
	lapic_write(LAPIC_ICR + 0x10, apic_id << 24);
	lapic_write(LAPIC_ICR, what | ICR_ASSERT);
	if (on) irq_enable();
}

void apic_eoi(void)
{
	lapic_write(LAPIC_EOI, 0);
}
