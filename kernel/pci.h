/* SPDX-License-Identifier: MIT */
/* kernel/pci.h - RING 0 - PCI functions found at boot, by their configuration space in memory (PCIe ECAM). */
#ifndef KERNEL_PCI_H
#define KERNEL_PCI_H

#include "kernel/klib.h"

#define PCI_CAP_VENDOR 0x09
#define PCI_CAP_MSIX   0x11

struct pci_function {
	volatile uint8_t *config;       /* 4 KiB of configuration space */
	uint16_t vendor, device, bdf;   /* bdf: bus << 8 | device << 3 | function */
	struct { paddr_t base; uint64_t len; } bar[6];          /* memory BARs; len 0: none, not placed, or port I/O */
	uint8_t  msix_cap;              /* offset of the capability, 0: none */
	uint8_t  msix_bar, pba_bar;     /* < 6 when there is one */
	uint32_t msix_entries;          /* of 16 bytes */
	uint64_t msix_off, pba_off;     /* bytes within the BAR */
};

/* Call fn for each function on bus 0 and behind its bridges, in order; it returns false to stop.  BARs and MSI-X are
 * known only after pci_probe(), which disturbs the function for a moment: for those that we are going to use. */
void pci_scan(bool (*fn)(struct pci_function *, void *), void *arg);
void pci_probe(struct pci_function *);
uint16_t pci_read16(const struct pci_function *, unsigned off);
uint32_t pci_read32(const struct pci_function *, unsigned off);
void pci_write16(const struct pci_function *, unsigned off, uint16_t v);
unsigned pci_capability(const struct pci_function *, uint8_t id, unsigned after);      /* the next one; 0: none */
void pci_enable(const struct pci_function *, bool on);  /* memory and bus mastering; no port I/O, no INTx */

#endif
