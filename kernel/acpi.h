/* SPDX-License-Identifier: MIT */
/* kernel/acpi.h - RING 0 - what we take from the ACPI tables.  0 where there is none. */
#ifndef KERNEL_ACPI_H
#define KERNEL_ACPI_H

#include "kernel/klib.h"

void acpi_init(paddr_t rsdp);
uint64_t acpi_ecam_base(void);          /* MCFG: configuration space of segment 0 */
uint8_t acpi_ecam_last_bus(void);
paddr_t acpi_lapic(void), acpi_ioapic(void);
uint32_t acpi_cpus(void), acpi_cpu(uint32_t i);  /* how many the MADT lists; the APIC id of one */
uint32_t acpi_isa_gsi(uint8_t irq, uint16_t *flags);    /* MADT overrides: global interrupt, polarity and trigger */
paddr_t acpi_hpet(void);
uint16_t acpi_pm_timer(void), acpi_pm1a_control(void);  /* FADT: I/O ports */

#endif
