/* SPDX-License-Identifier: MIT */
/* boot/irq.c - LOADER - the interrupt controllers of the chipset: COM1 interrupts this CPU, with the vector that the
 * kernel knows, and nothing else interrupts any.  Devices with MSI-X need no controller.
 *
 * Intel 82093AA (I/O APIC) 3.1, 3.2.
 *
 * Path:  loader.c > [irq.c], after acpi.c */
#include "boot/loader.h"
#include "boot/machine.h"

#define PIC1_MASK 0x21
#define PIC2_MASK 0xa1
#define COM1_IRQ  4
#define LAPIC_ID  (0x020 / 4)           /* SDM 3A table 10-1 */
#define IOAPIC_VERSION    1
#define IOAPIC_INPUT(n)   (0x10 + 2 * (n))      /* the next one says which CPU */
#define INPUT_LOW    (1u << 13)
#define INPUT_LEVEL  (1u << 15)
#define INPUT_MASKED (1u << 16)

static volatile UINT32 *ioapic;

/* It has two registers: which one is meant, and its contents. */
static UINT32 ioapic_read(UINT32 reg)
{
	ioapic[0] = reg;
	return ioapic[4];
}

static void ioapic_write(UINT32 reg, UINT32 v)
{
	ioapic[0] = reg;
	ioapic[4] = v;
}

/* Flags of MADT: bits 0-1 polarity (3: low), bits 2-3 trigger (3: level). */
void irq_route(const struct chipset *c, const struct boot_machine *m)
{
	UINT32 gsi = c->gsi[COM1_IRQ], flags = c->gsi_flags[COM1_IRQ], inputs, what = BOOT_COM1_VECTOR;

	outb(PIC1_MASK, 0xff);
	outb(PIC2_MASK, 0xff);
	ioapic = machine_memory(c->ioapic);
	inputs = (ioapic_read(IOAPIC_VERSION) >> 16 & 0xff) + 1;
	for (UINT32 i = 0; i < inputs; i++) ioapic_write(IOAPIC_INPUT(i), INPUT_MASKED);
	if (gsi >= inputs) return;      /* a table that is wrong */
	if ((flags & 3) == 3) what |= INPUT_LOW;
	if ((flags >> 2 & 3) == 3) what |= INPUT_LEVEL;
	ioapic_write(IOAPIC_INPUT(gsi) + 1, ((volatile UINT32 *)machine_memory(m->lapic))[LAPIC_ID]);
	ioapic_write(IOAPIC_INPUT(gsi), what);
}
