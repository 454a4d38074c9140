/* SPDX-License-Identifier: MIT */
/* boot/machine.h - LOADER - what kind of machine this is: read once, so that ring 0 need not know how. */
#ifndef BOOT_MACHINE_H
#define BOOT_MACHINE_H

#include "boot/bootinfo.h"

struct ecam { uint64_t base; uint8_t last_bus; };       /* MCFG: configuration space of segment 0; base 0: none */

/* Where a physical address is in memory: the firmware maps everything at its own address.  Unit tests choose. */
#ifdef QUIRE_HOST
void *machine_memory(uint64_t pa);
#else
static inline void *machine_memory(uint64_t pa) { return (void *)pa; }
#endif

struct ecam acpi_read(uint64_t rsdp, struct bootinfo *);        /* fills bi->machine but for its PCI functions */
void pci_read(struct ecam, struct boot_machine *);
void clock_read(struct bootinfo *);              /* fills bi->clock and bi->apic_hz, with what acpi_read() found */
uint64_t clock_ns(void);                         /* ns of bi->clock */

#endif
