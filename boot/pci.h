/* SPDX-License-Identifier: MIT */
/* boot/pci.h - LOADER - a PCI function. */
#ifndef BOOT_PCI_H
#define BOOT_PCI_H

#include "boot/machine.h"

/* A function as it describes itself.  Offsets are bytes within a BAR. */
struct function {
	uint64_t config;                        /* physical */
	uint16_t vendor, device, bdf;
	uint8_t  msix_cap;                      /* 0: none */
	uint8_t  msix_bar, pba_bar, virtio_bar;
	uint32_t msix_entries, virtio_len;      /* 0: none */
	uint64_t msix_off, pba_off, virtio_off;
	struct { uint64_t base, len; } bar[6];  /* memory BARs; len 0: none, not placed, or port I/O */
};

/* disk.c: what the driver of this function gets.  info: DEV_MEMORY_LEN bytes, zeroed, of memory */
void disk_lay_out(const struct function *, struct boot_disk *, struct dev_info *);

#endif
