/* SPDX-License-Identifier: MIT */
/* boot/machine.h - LOADER - what kind of machine this is: read once, so that ring 0 need not know how. */
#ifndef BOOT_MACHINE_H
#define BOOT_MACHINE_H

#include "boot/bootinfo.h"

struct ecam { uint64_t base; uint8_t last_bus; };       /* MCFG: configuration space of segment 0; base 0: none */

/* What the ACPI tables say for the loader alone.  0 where there is none. */
struct chipset {
	struct ecam ecam;
	uint64_t ioapic, hpet;                  /* physical */
	uint16_t pm_timer;                      /* FADT: an I/O port */
	uint16_t gsi_flags[16];                 /* MADT overrides of ISA interrupts: polarity and trigger */
	uint32_t gsi[16];                       /* their global interrupts */
};

/* Where a physical address is in memory: the firmware maps everything at its own address.  Unit tests choose. */
#ifdef QUIRE_HOST
void *machine_memory(uint64_t pa);
#else
static inline void *machine_memory(uint64_t pa) { return (void *)pa; }
#endif

void acpi_read(uint64_t rsdp, struct bootinfo *, struct chipset *);     /* bi->machine but for its disks */
void irq_route(const struct chipset *, const struct boot_machine *);
void pci_read(struct ecam, struct bootinfo *);          /* its disks, after cpus_start() */
void clock_read(const struct chipset *, struct bootinfo *);     /* the vDSO's clock and bi->apic_hz */
uint64_t clock_ns(void);                        /* ns of that clock */

#endif
