/* SPDX-License-Identifier: MIT */
/* kernel/device.h - RING 0 - a PCI function as its driver may use it: BARs, MSI-X interrupts, memory for rings. */
#ifndef KERNEL_DEVICE_H
#define KERNEL_DEVICE_H

#include "boot/bootinfo.h"
#include "kernel/handle.h"
#include "kernel/lock.h"

struct cpu;
struct map;
struct page;
struct port;

#define DEVICE_MAPS 64
#define DEVICE_ALLOC_MAX 256u           /* pages in one piece */

struct device {
	struct kobj obj;
	const struct boot_disk *disk;   /* [c] what boot/pci.c found.  Configuration space and MSI-X table are ring 0's:
	                                 * whoever writes them can make a device write any memory */
	struct mutex lock;              /* RANK_FILE */
	bool stopped;                   /* [d] no handle is left: nothing may be given out any more */
	struct map *map;                /* [d] of the one process that maps it; a reference */
	struct device_irq { int vector; struct port *port; uint64_t bits; } irq[BOOT_IRQS_MAX]; /* [d] by MSI-X entry */
	struct device_piece {           /* [d] what is mapped in the driver; len 0: free slot */
		uint64_t addr, len;
		struct page *mem;       /* wired memory, freed with the device; NULL: a BAR */
	} piece[DEVICE_MAPS];
};      /* [d] device->lock */

struct device *device_create(const struct boot_disk *);   /* NULL: no memory; one reference */
int device_map_bar(struct device *, struct map *, uint64_t bar, uint64_t off, uint64_t len, uint64_t *at);
int device_irq(struct device *, uint64_t entry, struct port *, uint64_t bits, const struct cpu *);
int device_alloc(struct device *, struct map *, uint64_t npages, uint64_t *at, paddr_t *phys);

#endif
