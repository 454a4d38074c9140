/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/vblk.c - RING 3 - requests of a virtio block device (virtio 1.1 5.2), several in flight.
 *
 * Path:  main.c > [vblk.c] > virtq.c; the device reads and writes page-cache pages at their physical addresses.
 *
 * B1  A slot's header, status byte and table belong to the device until it finished.
 * B2  A device that breaks the protocol is reset, and all its requests fail: nothing of it is believed.
 */
#include "drivers/virtio-blk/vblk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/quire.h"

#define SLOT_BYTES 2048u                /* table of 128 descriptors */
#define WANTED (F_VERSION_1 | F_BLK_FLUSH | F_BLK_SEG_MAX | F_INDIRECT_DESC)

static struct virtio_dev dev;
static struct virtq queue;
static uint64_t features;
static uint32_t segs_max;
static struct { struct virtq_desc *table; uint64_t phys; } slot_table[QUEUE_SIZE];
struct header { struct virtio_blk_req req; uint8_t status, pad[15]; };
static struct header *headers;          /* by slot */
static uint64_t headers_phys;
static struct vblk_request request[QUEUE_SIZE];
static uint16_t notify_off;

static uint64_t features_read(void)
{
	uint64_t f;

	dev.common->device_feature_select = 1;
	f = (uint64_t)dev.common->device_feature << 32;
	dev.common->device_feature_select = 0;
	return f | dev.common->device_feature;
}

static int features_agree(void)
{
	uint64_t offered = features_read();

	features = offered & WANTED;
	if (!(features & F_VERSION_1) || !(features & F_INDIRECT_DESC)) return -ENODEV;
	dev.common->driver_feature_select = 0;
	dev.common->driver_feature = features;
	dev.common->driver_feature_select = 1;
	dev.common->driver_feature = features >> 32;
	dev.common->device_status |= STATUS_FEATURES_OK;
	if (!(dev.common->device_status & STATUS_FEATURES_OK)) return -ENODEV;
	features |= offered & F_BLK_RO;
	return 0;
}

static int queue_start(void)
{
	struct dev_mem ring, head, tables;
	uint16_t size;
	int rc;

	dev.common->queue_select = 0;
	size = dev.common->queue_size;
	if (size == 0) return -ENODEV;
	if (size > QUEUE_SIZE) size = QUEUE_SIZE;
	rc = q_dev_alloc(HANDLE_DEVICE, &ring, 1);
	if (!rc) rc = q_dev_alloc(HANDLE_DEVICE, &head, 1);
	if (!rc) rc = q_dev_alloc(HANDLE_DEVICE, &tables, QUEUE_SIZE * SLOT_BYTES / 4096);
	if (rc) return rc;
	headers = (void *)head.addr;
	headers_phys = head.phys;
	for (unsigned i = 0; i < QUEUE_SIZE; i++) {
		slot_table[i].table = (void *)(tables.addr + i * SLOT_BYTES);
		slot_table[i].phys = tables.phys + i * SLOT_BYTES;
	}
	virtq_init(&queue, (void *)ring.addr, size);
	dev.common->queue_size = size;
	dev.common->queue_desc = ring.phys;
	dev.common->queue_driver = ring.phys + VIRTQ_AVAIL_OFF;
	dev.common->queue_device = ring.phys + VIRTQ_USED_OFF;
	rc = q_dev_irq(HANDLE_DEVICE, 0, HANDLE_PORT, DONE_BIT);
	if (rc) return rc;
	dev.common->msix_config = 0xffff;
	dev.common->queue_msix_vector = 0;
	if (dev.common->queue_msix_vector != 0) return -EIO;    /* 4.1.5.1.2.2: it had no room for the vector */
	notify_off = dev.common->queue_notify_off;
	dev.common->queue_enable = 1;
	return 0;
}

int vblk_start(uint64_t *sectors, bool *readonly)
{
	struct dev_info info;
	int rc = q_dev_info(HANDLE_DEVICE, &info);

	if (!rc) rc = virtio_find(&dev, &info);
	if (rc) return rc;
	dev.common->device_status = 0;          /* 3.1.1: reset, acknowledge, driver, features, queues, ok */
	while (dev.common->device_status) { }
	dev.common->device_status |= STATUS_ACKNOWLEDGE;
	dev.common->device_status |= STATUS_DRIVER;
	rc = features_agree();
	if (!rc) rc = queue_start();
	if (rc) {
		dev.common->device_status |= STATUS_FAILED;
		return rc;
	}
	segs_max = features & F_BLK_SEG_MAX ? dev.config->seg_max : 1;
	if (segs_max > SEGS_MAX) segs_max = SEGS_MAX;
	*sectors = dev.config->capacity;
	*readonly = features & F_BLK_RO;
	dev.common->device_status |= STATUS_DRIVER_OK;
	return 0;
}

bool vblk_has_flush(void)
{
	return features & F_BLK_FLUSH;
}

uint64_t vblk_part_max(void)
{
	return (segs_max > 1 ? segs_max - 1 : 1) * 4096ull;     /* a part may begin and end within a page */
}

/* Header, data, status: 5.2.6. The number of descriptors, or -errno. */
static int table_fill(const struct vblk_request *r, int slot)
{
	struct virtq_desc *d = slot_table[slot].table;
	struct dev_seg seg[SEGS_MAX];
	uint64_t head = headers_phys + slot * sizeof(struct header);
	long n = 0;

	if (r->type != BLK_T_FLUSH) n = q_dev_segments(HANDLE_DEVICE, r->run, r->off, r->len, seg, segs_max);
	if (n < 0) return n;
	headers[slot] = (struct header){.req = {r->type, 0, r->sector}, .status = 0xff};
	*d++ = (struct virtq_desc){head, sizeof(struct virtio_blk_req), DESC_NEXT, 1};
	for (long i = 0; i < n; i++, d++)
		*d = (struct virtq_desc){seg[i].phys, seg[i].len, DESC_NEXT | (r->type == BLK_T_IN ? DESC_WRITE : 0), i + 2};
	*d = (struct virtq_desc){head + sizeof(struct virtio_blk_req), 1, DESC_WRITE, 0};
	return n + 2;
}

int vblk_submit(const struct vblk_request *r)
{
	int slot = virtq_take(&queue), n;

	if (slot < 0) return -EAGAIN;
	n = table_fill(r, slot);
	if (n < 0) {
		virtq_free(&queue, slot);
		return n;
	}
	request[slot] = *r;
	virtq_put(&queue, slot, slot_table[slot].phys, n);
	*(volatile uint16_t *)(dev.notify + notify_off * dev.notify_multiplier) = 0;
	return 0;
}

static int status_errno(uint8_t status)
{
	return status == 0 ? 0 : status == 2 ? -EOPNOTSUPP : -EIO;      /* 5.2.6: OK, IOERR, UNSUPP */
}

static void device_fail(void)
{
	fprintf(stderr, "the device broke the protocol: reset, all requests fail\n");
	dev.common->device_status = 0;
	while (dev.common->device_status) { }
	for (unsigned i = 0; i < queue.size; i++) {
		if (!queue.desc[i].len) continue;
		virtq_free(&queue, i);
		request[i].done(&request[i], -EIO);
	}
}

void vblk_interrupt(void)
{
	int slot;

	while ((slot = virtq_done(&queue)) >= 0) {
		struct vblk_request r = request[slot];
		int status = status_errno(headers[slot].status);

		virtq_free(&queue, slot);
		r.done(&r, status);
	}
	if (slot == -2) device_fail();
}
