/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/virtq.c - RING 3 - the split virtqueue (virtio 1.1 2.6), a slot per request.
 *
 * Q1  A slot is free, or the device's from virtq_put() until virtq_done() gives it back.
 */
#include "drivers/virtio-blk/virtio.h"

void virtq_init(struct virtq *q, void *page, uint16_t size)
{
	q->desc = page;
	q->avail = (void *)((char *)page + VIRTQ_AVAIL_OFF);
	q->used = (void *)((char *)page + VIRTQ_USED_OFF);
	q->size = size;
	q->used_seen = 0;
	for (q->nfree = 0; q->nfree < size; q->nfree++) q->free[q->nfree] = size - 1 - q->nfree;
}

int virtq_take(struct virtq *q)
{
	return q->nfree ? q->free[--q->nfree] : -1;
}

void virtq_free(struct virtq *q, int slot)
{
	q->desc[slot].len = 0;
	q->free[q->nfree++] = slot;
}

void virtq_put(struct virtq *q, int slot, uint64_t table_phys, uint32_t ndesc)
{
	q->desc[slot] = (struct virtq_desc){table_phys, ndesc * sizeof(struct virtq_desc), DESC_INDIRECT, 0};
	q->avail->ring[q->avail->idx % q->size] = slot;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);        /* 2.6.13.2: the entry before the index */
	q->avail->idx++;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);        /* 2.6.13.3: the index before the notification */
}

int virtq_done(struct virtq *q)
{
	uint32_t id;

	if (q->used_seen == q->used->idx) return -1;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	id = q->used->ring[q->used_seen % q->size].id;
	q->used_seen++;
	return id < q->size && q->desc[id].len ? (int)id : -2;
}
