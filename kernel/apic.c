/* SPDX-License-Identifier: MIT */
/* kernel/apic.c - RING 0 - local APIC in xAPIC mode (SDM 3A ch. 10), I/O APIC, and the table of handlers.
 *
 * Locks: irq_lock guards the handler table; it is not held while a handler runs.
 */
#include "kernel/apic.h"

#include "kernel/acpi.h"
#include "kernel/cpu.h"
#include "kernel/time.h"
#include "mm/pmap.h"

#define LAPIC_ID    0x020
#define LAPIC_TPR   0x080
#define LAPIC_EOI   0x0b0
#define LAPIC_SVR   0x0f0
#define LAPIC_TIMER 0x320
#define LAPIC_INIT  0x380
#define LAPIC_COUNT 0x390
#define LAPIC_DIV   0x3e0
#define LVT_MASKED  0x10000

static volatile uint32_t *lapic, *ioapic;
static uint64_t timer_hz;               /* counts per second, divider 16 */
static struct spinlock irq_lock = SPINLOCK_INIT(RANK_PORT, "interrupt handlers");
static struct { void (*fn)(void *); void *arg; } handler[256];

static uint32_t lapic_read(unsigned reg) { return lapic[reg / 4]; }
static void lapic_write(unsigned reg, uint32_t v) { lapic[reg / 4] = v; }

static uint32_t ioapic_read(uint32_t reg)
{
	ioapic[0] = reg;
	return ioapic[4];
}

static void ioapic_write(uint32_t reg, uint32_t v)
{
	ioapic[0] = reg;
	ioapic[4] = v;
}

void apic_init(void)
{
	outb(0x21, 0xff);               /* the old interrupt controllers stay silent */
	outb(0xa1, 0xff);
	lapic = pmap_map_device(acpi_lapic(), PAGE_SIZE, false);
	ioapic = pmap_map_device(acpi_ioapic(), PAGE_SIZE, false);
	if (!lapic || !ioapic) panic("no address for the APICs");
	this_cpu()->apic_id = lapic_read(LAPIC_ID) >> 24;
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_SVR, 0x100 | VECTOR_SPURIOUS);
	lapic_write(LAPIC_DIV, 3);      /* by 16 */
	lapic_write(LAPIC_TIMER, LVT_MASKED);
	for (uint32_t i = 0, n = (ioapic_read(1) >> 16 & 0xff) + 1; i < n; i++) ioapic_write(0x10 + 2 * i, LVT_MASKED);
}

/* Count against the clock that time.c has calibrated. */
void apic_timer_calibrate(void)
{
	uint64_t start = time_mono(), end;
	uint32_t left;

	lapic_write(LAPIC_INIT, ~0u);
	do end = time_mono(); while (end - start < 2 * 1000 * 1000);
	left = lapic_read(LAPIC_COUNT);
	lapic_write(LAPIC_INIT, 0);
	timer_hz = (uint64_t)(~0u - left) * 1000000000ull / (end - start);
	lapic_write(LAPIC_TIMER, VECTOR_TIMER);
}

void apic_timer_set(uint64_t ns)
{
	uint64_t count = ns >= 1000000000ull ? timer_hz : ns * timer_hz / 1000000000ull;

	lapic_write(LAPIC_INIT, ns ? MAX(count, 1ull) : 0);
}

void apic_eoi(void)
{
	lapic_write(LAPIC_EOI, 0);
}

/* MADT flags: bits 0-1 polarity (3: low), bits 2-3 trigger (3: level). */
void ioapic_route(uint8_t isa_irq, int vector)
{
	uint16_t flags;
	uint32_t gsi = acpi_isa_gsi(isa_irq, &flags), low = vector;

	if ((flags & 3) == 3) low |= BIT(13);
	if ((flags >> 2 & 3) == 3) low |= BIT(15);
	ioapic_write(0x11 + 2 * gsi, this_cpu()->apic_id << 24);
	ioapic_write(0x10 + 2 * gsi, low);
}

int irq_alloc(void (*fn)(void *), void *arg)
{
	int found = -ENOSPC;

	spin_lock(&irq_lock);
	for (int v = VECTOR_FIRST; v <= VECTOR_LAST && found < 0; v++) {
		if (handler[v].fn) continue;
		handler[v].arg = arg;
		handler[v].fn = fn;
		found = v;
	}
	spin_unlock(&irq_lock);
	return found;
}

void irq_free(int vector)
{
	spin_lock(&irq_lock);
	handler[vector].fn = NULL;
	spin_unlock(&irq_lock);
}

bool irq_dispatch(int vector)
{
	void (*fn)(void *);
	void *arg;

	spin_lock(&irq_lock);
	fn = handler[vector].fn;
	arg = handler[vector].arg;
	spin_unlock(&irq_lock);
	if (fn) fn(arg);
	return fn != NULL;
}

uint64_t msi_address(void)
{
	return 0xfee00000ull | (uint64_t)this_cpu()->apic_id << 12;
}

uint32_t msi_data(int vector)
{
	return vector;          /* fixed delivery, edge */
}
