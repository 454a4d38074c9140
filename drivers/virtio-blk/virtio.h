/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/virtio.h - RING 3 - what the device and the driver agree on: layouts and numbers of virtio 1.1.
 *
 * Everything is little-endian (2.4), as this CPU is.  Section numbers are those of the OASIS specification 1.1.
 */
#ifndef VIRTIO_H
#define VIRTIO_H

#include <stdint.h>

/* 4.1.4.3: the common configuration structure.  64-bit fields are written as two halves (4.1.3.1). */
struct virtio_common {
	uint32_t device_feature_select, device_feature, driver_feature_select, driver_feature;
	uint16_t config_msix_vector, num_queues;
	uint8_t  device_status, config_generation;
	uint16_t queue_select, queue_size, queue_msix_vector, queue_enable, queue_notify_off;
	uint32_t queue_desc[2], queue_driver[2], queue_device[2];
};

/* 4.1.4: vendor capabilities in configuration space, and where their fields are. */
#define PCI_CAP_POINTER  0x34u
#define PCI_CAP_VENDOR   0x09u
enum { CAP_NEXT = 1, CAP_LEN = 2, CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12,
       CAP_NOTIFY_MULTIPLIER = 16 };
enum { CFG_COMMON = 1, CFG_NOTIFY = 2, CFG_ISR = 3, CFG_DEVICE = 4 };

/* 2.1: device status. */
#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER      2u
#define STATUS_DRIVER_OK   4u
#define STATUS_FEATURES_OK 8u
#define STATUS_NEEDS_RESET 64u
#define STATUS_FAILED      128u

#define NO_VECTOR 0xffffu       /* 4.1.5.1.2 */

/* 5.2.3 and 6: features by bit. */
#define F_SIZE_MAX        (1ull << 1)
#define F_SEG_MAX         (1ull << 2)
#define F_RO              (1ull << 5)
#define F_BLK_SIZE        (1ull << 6)
#define F_FLUSH           (1ull << 9)
#define F_INDIRECT_DESC   (1ull << 28)
#define F_VERSION_1       (1ull << 32)
#define F_ACCESS_PLATFORM (1ull << 33)

/* 5.2.4: configuration of a block device, as far as we read it. */
struct virtio_blk_config {
	uint32_t capacity[2];           /* 512-byte sectors */
	uint32_t size_max, seg_max;
	uint16_t cylinders;
	uint8_t  heads, sectors;
	uint32_t blk_size;
};

/* 5.2.6: a request is this header, the data, and one byte of status written by the device. */
struct virtio_blk_header { uint32_t type, reserved; uint64_t sector; };
#define BLK_T_IN    0u
#define BLK_T_OUT   1u
#define BLK_T_FLUSH 4u
#define BLK_S_OK     0u
#define BLK_S_IOERR  1u
#define BLK_S_UNSUPP 2u

/* 2.6.5 to 2.6.8: the split virtqueue. */
struct virtq_desc { uint64_t addr; uint32_t len; uint16_t flags, next; };
#define DESC_NEXT     1u
#define DESC_WRITE    2u        /* the device writes */
#define DESC_INDIRECT 4u        /* 2.6.5.3: a table of descriptors */
struct virtq_avail { uint16_t flags, idx, ring[]; };
struct virtq_used_elem { uint32_t id, len; };
struct virtq_used { uint16_t flags, idx; struct virtq_used_elem ring[]; };
#define USED_NO_NOTIFY 1u

#endif
