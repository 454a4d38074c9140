/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/vblk.c - RING 3 - a virtio block device (virtio 1.1 5.2): started, given requests, listened to.
 *
 * Path:  main.c > [vblk.c] > virtq.c; interrupts come back through vblk_interrupt()
 * Data goes between the disk and page-cache pages directly: the kernel says where a run's bytes are in memory
 * (SYS_dev_segments), the device reads and writes them there.
 *
 * B1  The header and status byte of a head, and its table of descriptors, belong to the device while it is in flight.
 * B2  A device that breaks the protocol, or asks for a reset, is reset before anything else: from then on it touches
 *     no page, so all its requests can be failed, and their pages used again.
 */
#include "drivers/virtio-blk/vblk.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "abi/quire.h"
#include "drivers/virtio-blk/pci.h"
#include "drivers/virtio-blk/virtq.h"

#define SECTOR    512u
#define SEGS_ALL  256u          /* of one job; a run has at most 128 pages */
#define WANTED    (F_SIZE_MAX | F_SEG_MAX | F_RO | F_BLK_SIZE | F_FLUSH | F_INDIRECT_DESC | F_VERSION_1 | \
                   F_ACCESS_PLATFORM)

/* By head; the first two are shared with the device. */
struct slot {
	struct virtio_blk_header header;
	uint8_t status;
	uint8_t pad[15];
};
struct part { struct job *job; uint64_t off, len; };

/* DEV_MEMORY.  The device must not see memory of ours that is anything else. */
struct shared {
	struct dev_info info;
	uint8_t ring[VIRTQ_BYTES] __attribute__((aligned(4096)));
	struct slot slot[QUEUE_MAX] __attribute__((aligned(4096)));
	struct virtq_desc table[QUEUE_MAX * TABLE_LEN] __attribute__((aligned(4096)));
};
_Static_assert(sizeof(struct shared) <= DEV_MEMORY_LEN, "the loader gives so much");
static struct shared *const shared = (struct shared *)DEV_MEMORY;

static uint64_t phys_of(const void *at) { return shared->info.phys + ((uintptr_t)at - DEV_MEMORY); }

/* One process drives one device: its state is the process's. */
static struct virtio_pci dev;
static struct virtq queue;
static struct part parts[QUEUE_MAX];
static volatile uint16_t *notify;
static uint64_t features;
static uint32_t seg_max = 1, size_max = 1u << 30;       /* of one request: segments; bytes of a segment */
static bool dead;               /* B2: nothing is sent any more */

/* ---- starting: the steps of 3.1.1, in its order */

/* 2.2: only bits that the device offers and we understand are accepted; it says whether it can live with them.
 * Without VERSION_1 it is a legacy device, whose structures are laid out differently. */
static int features_negotiate(void)
{
	uint64_t offered;

	dev.common->device_feature_select = 0;
	offered = dev.common->device_feature;
	dev.common->device_feature_select = 1;
	offered |= (uint64_t)dev.common->device_feature << 32;
	features = offered & WANTED;
	if (!(features & F_VERSION_1)) {
		say("the device does not speak virtio 1.x (VERSION_1)");
		return -ENODEV;
	}
	dev.common->driver_feature_select = 0;
	dev.common->driver_feature = (uint32_t)features;
	dev.common->driver_feature_select = 1;
	dev.common->driver_feature = (uint32_t)(features >> 32);
	dev.common->device_status |= STATUS_FEATURES_OK;
	if (dev.common->device_status & STATUS_FEATURES_OK) return 0;
	say("the device refuses features 0x%lx of its 0x%lx", features, offered);
	return -ENODEV;
}

/* Configuration can change while it is read: read again if its generation did (2.4.1). */
static int config_read(struct vblk_info *info)
{
	uint32_t blk_size = SECTOR, size = 0, seg = 0;
	uint8_t before;

	do {
		before = dev.common->config_generation;
		info->sectors = dev.config->capacity[0] | (uint64_t)dev.config->capacity[1] << 32;
		if (features & F_SIZE_MAX) size = dev.config->size_max;
		if (features & F_SEG_MAX) seg = dev.config->seg_max;
		if (features & F_BLK_SIZE) blk_size = dev.config->blk_size;
	} while (before != dev.common->config_generation);

	info->readonly = features & F_RO;
	info->flush = features & F_FLUSH;
	if (blk_size > SECTOR) {
		say("sectors of %u bytes are not supported, only %u", blk_size, SECTOR);
		return -EOPNOTSUPP;
	}
	if (size >= SECTOR) size_max = size & ~(SECTOR - 1);
	if (seg) seg_max = seg;
	if (seg_max > BUFS_MAX - 2) seg_max = BUFS_MAX - 2;             /* header and status take two */
	/* Without indirect descriptors leave room for more than one request. */
	if (!queue.tables && seg_max > queue.size / 4u) seg_max = queue.size / 4u;
	return 0;
}

/* 4.1.5.1.2: an event without a vector reads back as NO_VECTOR; then it would never be heard of. */
static int vectors_set(void)
{
	uint16_t config = dev.msix_entries > ENTRY_CONFIG ? ENTRY_CONFIG : NO_VECTOR;

	dev.common->config_msix_vector = config;
	dev.common->queue_msix_vector = ENTRY_QUEUE;
	if (dev.common->config_msix_vector == config && dev.common->queue_msix_vector == ENTRY_QUEUE) return 0;
	say("the device has no room for its interrupt vectors");
	return -EBUSY;
}

/* 4.1.3.1: a 64-bit register is written as two halves. */
static void write64(volatile uint32_t reg[2], uint64_t v)
{
	reg[0] = (uint32_t)v;
	reg[1] = (uint32_t)(v >> 32);
}

/* 4.1.5.1.3: select the queue, cut its size to ours, say where its three parts are, give it a vector, enable it.
 * One queue is enough for one thread. */
static int queue_start(void)
{
	struct virtq_desc *tables = features & F_INDIRECT_DESC ? shared->table : NULL;
	uint64_t at, ring = phys_of(shared->ring);
	uint16_t size;
	int rc;

	dev.common->queue_select = 0;
	size = dev.common->queue_size;
	if (size > QUEUE_MAX) size = QUEUE_MAX;
	if (size < 4 || (size & (size - 1))) {
		say("a queue of %u entries is of no use", size);
		return -ENODEV;
	}
	rc = vectors_set();
	if (rc) return rc;
	virtq_init(&queue, shared->ring, size, tables, phys_of(shared->table));
	dev.common->queue_size = size;
	write64(dev.common->queue_desc, ring + VIRTQ_DESC_OFF);
	write64(dev.common->queue_driver, ring + VIRTQ_AVAIL_OFF);
	write64(dev.common->queue_device, ring + VIRTQ_USED_OFF);
	at = (uint64_t)dev.common->queue_notify_off * dev.notify_multiplier;    /* 4.1.4.4 */
	if (at + sizeof(*notify) > dev.notify_len) return -ENODEV;
	notify = (volatile uint16_t *)(dev.notify + at);
	dev.common->queue_enable = 1;
	return 0;
}

/* vblk_start: after this the device works, and interrupts come to HANDLE_PORT as notifications.
 * => 0 and what the disk is like in *info; -errno, and the device is told that it has been given up (FAILED) */
int vblk_start(struct vblk_info *info)
{
	int rc = virtio_pci_find(&dev);

	if (rc) return rc;
	virtio_reset(&dev);
	dev.common->device_status |= STATUS_ACKNOWLEDGE;
	dev.common->device_status |= STATUS_DRIVER;
	rc = features_negotiate();
	if (!rc) rc = queue_start();
	if (!rc) rc = config_read(info);
	if (rc) {
		dev.common->device_status |= STATUS_FAILED;
		return rc;
	}
	dev.common->device_status |= STATUS_DRIVER_OK;
	return 0;
}

/* ---- requests */

/* Header, data, status (5.2.6), as buffers for one request of at most what is left of the job. */
static int part_send(struct job *j, struct cut *c)
{
	struct virtq_buf buf[BUFS_MAX];
	unsigned ndata = 0;
	uint64_t len = c ? cut_next(c, buf + 1, seg_max, size_max, j->type == BLK_T_IN, &ndata) : 0;
	int head = virtq_head(&queue, ndata + 2);
	struct slot *slot;

	if (head < 0) return head;
	/* The head is known before it is taken, so that header and status can be those of its slot (B1). */
	slot = &shared->slot[head];
	slot->header = (struct virtio_blk_header){.type = j->type, .sector = j->sector};
	slot->status = 0xff;
	buf[0] = (struct virtq_buf){phys_of(&slot->header), sizeof(slot->header), false};
	buf[ndata + 1] = (struct virtq_buf){phys_of(&slot->status), 1, true};
	parts[head] = (struct part){j, j->off, len};
	virtq_add(&queue, buf, ndata + 2);
	j->parts++;
	j->off += len;
	j->len -= len;
	j->sector += len / SECTOR;
	return 0;
}

/* Where the rest of the job's bytes are in memory, in as many requests as that takes.  When the queue fills up in the
 * middle the job keeps what is left, and the next attempt asks for the segments of that. */
static int data_send(struct job *j)
{
	static struct dev_seg seg[SEGS_ALL];
	struct cut c = {.seg = seg};
	long n = q_dev_segments(j->run, j->off, j->len, seg, SEGS_ALL);
	int rc = 0;

	if (n <= 0) return n ? (int)n : -EINVAL;
	c.nseg = segs_join(seg, (unsigned)n);
	while (!rc && j->len) rc = part_send(j, &c);
	return rc;
}

/* vblk_submit: one notification for all requests that this adds; none if the device asked not to be told (2.6.10).
 * => 0; -EAGAIN: try again after an interrupt; -EIO, or what SYS_dev_segments says: the rest will not be done */
int vblk_submit(struct job *j)
{
	int rc;

	if (dead) return -EIO;
	if (j->type == BLK_T_FLUSH) {
		rc = part_send(j, NULL);
		j->flush_sent = !rc;
	} else {
		rc = data_send(j);
	}
	if (virtq_wants_kick(&queue)) *notify = 0;      /* 4.1.5.2: the number of the queue */
	return rc;
}

/* 5.2.6: the last byte of a request.  Anything unknown is an error, 0xff among it: the device has not written it. */
static int status_errno(uint8_t status)
{
	return status == BLK_S_OK ? 0 : status == BLK_S_UNSUPP ? -EOPNOTSUPP : -EIO;
}

/* (B2)  It stays dead: what it did with the requests it had is not known, and so would be what it does with others. */
static void device_fail(const char *why)
{
	say("%s: device reset, its requests fail", why);
	dead = true;
	virtio_reset(&dev);
	for (unsigned h = 0; h < queue.size; h++) {
		if (virtq_in_flight(&queue, h)) job_part_done(parts[h].job, parts[h].off, parts[h].len, -EIO);
	}
}

/* vblk_interrupt: all that has finished; interrupts are merged, so there may be many, or none left. */
void vblk_interrupt(void)
{
	int head = -EAGAIN;

	while (!dead && (head = virtq_get(&queue)) >= 0)
		job_part_done(parts[head].job, parts[head].off, parts[head].len,
		              status_errno(shared->slot[head].status));
	if (!dead && head == -EPROTO) device_fail("the used ring names a request that is not in flight");
}

/* A changed capacity is not followed: the disk object has the size it was registered with. */
void vblk_config_interrupt(void)
{
	if (!dead && (dev.common->device_status & STATUS_NEEDS_RESET)) device_fail("the device asks for a reset");
}
