/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/virtio.h - RING 3 - layouts of virtio 1.1: PCI capabilities (4.1.4), split ring (2.6), block (5.2). */
#ifndef VIRTIO_H
#define VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/ipc.h"

struct virtio_common {                  /* 4.1.4.3 */
	uint32_t device_feature_select, device_feature, driver_feature_select, driver_feature;
	uint16_t msix_config, num_queues;
	uint8_t  device_status, config_generation;
	uint16_t queue_select, queue_size, queue_msix_vector, queue_enable, queue_notify_off;
	uint64_t queue_desc, queue_driver, queue_device;
};
#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER      2
#define STATUS_DRIVER_OK   4
#define STATUS_FEATURES_OK 8
#define STATUS_FAILED      128

#define F_BLK_SEG_MAX   (1ull << 2)     /* 5.2.3 */
#define F_BLK_RO        (1ull << 5)
#define F_BLK_FLUSH     (1ull << 9)
#define F_INDIRECT_DESC (1ull << 28)    /* 6 */
#define F_VERSION_1     (1ull << 32)

struct virtio_blk_config { uint64_t capacity; uint32_t size_max, seg_max; };    /* 5.2.4 */
struct virtio_blk_req { uint32_t type, reserved; uint64_t sector; };            /* 5.2.6 */
#define BLK_T_IN    0
#define BLK_T_OUT   1
#define BLK_T_FLUSH 4

struct virtq_desc { uint64_t addr; uint32_t len; uint16_t flags, next; };       /* 2.6.5 */
#define DESC_NEXT     1
#define DESC_WRITE    2
#define DESC_INDIRECT 4
struct virtq_avail { uint16_t flags, idx, ring[]; };
struct virtq_used_elem { uint32_t id, len; };
struct virtq_used { uint16_t flags, idx; struct virtq_used_elem ring[]; };

/* virtq.c: one queue of QUEUE_SIZE slots; each request takes one slot, which points to an indirect table of its own. */
#define QUEUE_SIZE 64u
#define SEGS_MAX   126u                 /* data segments of a request: with header and status 128 descriptors, half a page */

struct virtq {
	struct virtq_desc *desc;
	volatile struct virtq_avail *avail;
	volatile struct virtq_used *used;
	uint16_t size, used_seen, nfree;
	uint16_t free[QUEUE_SIZE];
};
void virtq_init(struct virtq *, void *page, uint16_t size);     /* page: 4 KiB, zeroed */
#define VIRTQ_AVAIL_OFF 1024u           /* within the page: descriptors, avail ring, used ring (2.6: aligned 16, 2, 4) */
#define VIRTQ_USED_OFF  2048u
int virtq_take(struct virtq *);         /* a free slot, -1: none */
void virtq_put(struct virtq *, int slot, uint64_t table_phys, uint32_t ndesc);  /* make it available */
int virtq_done(struct virtq *);         /* a finished slot, freed by virtq_free(); -1: none; -2: the device lies */
void virtq_free(struct virtq *, int slot);

/* pci.c: find and map the structures of the device. */
struct virtio_dev {
	volatile struct virtio_common *common;
	volatile struct virtio_blk_config *config;
	volatile uint8_t *notify;
	uint32_t notify_multiplier;
};
int virtio_find(struct virtio_dev *, const struct dev_info *);  /* 0, -ENODEV and why on stderr */

#endif
