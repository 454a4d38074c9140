/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/pci.h - RING 3 - the registers of a virtio PCI function, found. */
#ifndef VIRTIO_PCI_H
#define VIRTIO_PCI_H

#include "abi/ipc.h"
#include "drivers/virtio-blk/virtio.h"

struct virtio_pci {
	volatile struct virtio_common *common;
	volatile struct virtio_blk_config *config;
	volatile uint8_t *notify;       /* queue q is notified at notify + queue_notify_off * notify_multiplier */
	uint64_t notify_len;
	uint32_t notify_multiplier;
	unsigned msix_entries;
};

int virtio_pci_find(struct virtio_pci *);       /* -ENODEV, and says the reason */
void virtio_reset(struct virtio_pci *);         /* and wait until the device says that it is */

#endif
