/* SPDX-License-Identifier: MIT */
/* kernel/device.h - RING 0 - a PCI function as its driver may use it: BARs, MSI-X interrupts, memory for rings. */
#ifndef KERNEL_DEVICE_H
#define KERNEL_DEVICE_H

#include "kernel/kobj.h"
#include "kernel/lock.h"
#include "kernel/pci.h"

struct map;
struct page;
struct port;

#define DEVICE_IRQS 16
#define DEVICE_MAPS 64
#define DEVICE_ALLOC_MAX 256u           /* pages in one piece */

struct device {
	struct kobj obj;
	struct pci_function pci;        /* [c] */
	volatile uint32_t *msix;        /* [c] the table, which ring 3 never sees; NULL: no MSI-X */
	volatile uint8_t *virtio;       /* [c] virtio's common configuration, for the reset; NULL: not virtio */
	struct mutex lock;              /* RANK_FILE */
	bool stopped;                   /* [d] no handle is left: nothing may be given out any more */
	struct map *map;                /* [d] of the one process that maps it; a reference */
	struct device_irq { int vector; struct port *port; uint64_t bits; } irq[DEVICE_IRQS];  /* [d] by MSI-X entry */
	struct device_piece {           /* [d] what is mapped in the driver; len 0: free slot */
		uint64_t addr, len;
		struct page *mem;       /* wired memory, freed with the device; NULL: a BAR */
	} piece[DEVICE_MAPS];
};      /* [d] device->lock */

struct device *device_create(struct pci_function *);    /* NULL: no memory; one reference */
int device_map_bar(struct device *, struct map *, unsigned bar, uint64_t off, uint64_t len, uint64_t *at);
int device_irq(struct device *, unsigned entry, struct port *, uint64_t bits);
int device_alloc(struct device *, struct map *, uint32_t npages, uint64_t *at, paddr_t *phys);

#endif
