/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/virtq.c - RING 3 - the split virtqueue of virtio 1.1 2.6.
 *
 * Path:  vblk.c > [virtq.c]  ~shared memory~>  the device
 * Pure: no system call, no register.  The unit test is the device at the other end of the memory.
 *
 * Q1  A descriptor is free, or part of one chain; a chain's head is in flight from virtq_add() to virtq_get().
 * Q2  Nothing that the device can write is followed: heads, lengths and links are kept in memory of our own, and what
 *     the used ring says is checked against them.
 */
#include "drivers/virtio-blk/virtq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* virtq_init: memory is VIRTQ_BYTES, tables size * TABLE_LEN descriptors or NULL; both stay the queue's.  size is a
 * power of two, at most QUEUE_MAX. */
void virtq_init(struct virtq *q, void *memory, uint16_t size, void *tables, uint64_t tables_phys)
{
	memset(q, 0, sizeof(*q));
	memset(memory, 0, VIRTQ_BYTES);
	q->desc = (void *)((char *)memory + VIRTQ_DESC_OFF);
	q->avail = (void *)((char *)memory + VIRTQ_AVAIL_OFF);
	q->used = (void *)((char *)memory + VIRTQ_USED_OFF);
	q->tables = tables;
	q->tables_phys = tables_phys;
	q->size = size;
	for (unsigned i = 0; i < size; i++) q->free[i] = size - 1 - i;
	q->nfree = size;
}

/* With indirect descriptors every request takes one, whatever its length (2.6.5.3). */
static unsigned descs_for(const struct virtq *q, unsigned n)
{
	return q->tables ? 1 : n;
}

/* virtq_head: told before the request is made, so that its header and status byte can be those of the head. */
int virtq_head(const struct virtq *q, unsigned n)
{
	return q->nfree >= descs_for(q, n) ? q->free[q->nfree - 1] : -EAGAIN;
}

/* 2.6.5: the last descriptor of a request is the one without NEXT. */
static struct virtq_desc desc_of(const struct virtq_buf *b, bool last, uint16_t next)
{
	return (struct virtq_desc){
		.addr = b->phys, .len = b->len, .next = last ? 0 : next,
		.flags = (last ? 0 : DESC_NEXT) | (b->device_writes ? DESC_WRITE : 0),
	};
}

/* The whole request in the head's own table: the ring has room for as many requests as it has descriptors. */
static uint16_t add_indirect(struct virtq *q, const struct virtq_buf *b, unsigned n)
{
	uint16_t head = q->free[--q->nfree];
	uint64_t off = (uint64_t)head * TABLE_LEN * sizeof(struct virtq_desc);
	struct virtq_desc *table = q->tables + (size_t)head * TABLE_LEN;

	for (unsigned i = 0; i < n; i++) table[i] = desc_of(&b[i], i == n - 1, i + 1);
	q->desc[head] = (struct virtq_desc){
		.addr = q->tables_phys + off, .len = n * sizeof(struct virtq_desc), .flags = DESC_INDIRECT,
	};
	q->length[head] = 1;
	return head;
}

/* A chain through the ring's own descriptors, for devices without INDIRECT_DESC. */
static uint16_t add_chain(struct virtq *q, const struct virtq_buf *b, unsigned n)
{
	uint16_t head = q->free[q->nfree - 1];

	for (unsigned i = 0; i < n; i++) {
		uint16_t at = q->free[--q->nfree];

		q->next[at] = i == n - 1 ? 0 : q->free[q->nfree - 1];
		q->desc[at] = desc_of(&b[i], i == n - 1, q->next[at]);
	}
	q->length[head] = n;
	return head;
}

/* virtq_add: make n buffers available as one request, those that the device only reads first (2.6.4.2). */
void virtq_add(struct virtq *q, const struct virtq_buf *b, unsigned n)
{
	uint16_t head = q->tables ? add_indirect(q, b, n) : add_chain(q, b, n);
	uint16_t idx = q->avail->idx;

	q->avail->ring[idx % q->size] = head;
	/* 2.6.13.3: the device must not see the index before the entry that it counts. */
	__atomic_store_n(&q->avail->idx, (uint16_t)(idx + 1), __ATOMIC_RELEASE);
}

bool virtq_wants_kick(const struct virtq *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);        /* 2.6.13.4.1: the index before the look at the flag */
	return !(__atomic_load_n(&q->used->flags, __ATOMIC_RELAXED) & USED_NO_NOTIFY);
}

bool virtq_in_flight(const struct virtq *q, unsigned head)
{
	return head < q->size && q->length[head] != 0;
}

/* By our own links (Q2): those in the ring are for the device to read, and it may have scribbled on them. */
static void chain_free(struct virtq *q, uint16_t head)
{
	uint16_t at = head;

	for (unsigned n = q->length[head]; n > 0; n--) {
		q->free[q->nfree++] = at;
		at = q->next[at];
	}
	q->length[head] = 0;
}

/* virtq_get: take back one request that the device has finished.
 * -EPROTO: more is said to be used than was given, or an id that is not in flight (2.6.8.2). */
int virtq_get(struct virtq *q)
{
	uint16_t idx = __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE);        /* 2.6.14: index before ring */
	uint32_t id;

	if (idx == q->used_seen) return -EAGAIN;
	if ((uint16_t)(idx - q->used_seen) > q->size) return -EPROTO;
	id = __atomic_load_n(&q->used->ring[q->used_seen % q->size].id, __ATOMIC_RELAXED);
	if (!virtq_in_flight(q, id)) return -EPROTO;

	q->used_seen++;
	chain_free(q, id);
	return id;
}

/* segs_join: neighbours in memory become one.  => how many are left, of n > 0 */
unsigned segs_join(struct dev_seg *seg, unsigned n)
{
	unsigned last = 0;

	for (unsigned i = 1; i < n; i++) {
		if (seg[last].phys + seg[last].len == seg[i].phys) seg[last].len += seg[i].len;
		else seg[++last] = seg[i];
	}
	return last + 1;
}

/* cut_next: the next request's buffers, at most `max` of at most size_max bytes each.  => bytes; 0: nothing is left.
 * size_max is a multiple of 512, as all segments are, so that requests are whole sectors. */
uint64_t cut_next(struct cut *c, struct virtq_buf *b, unsigned max, uint32_t size_max, bool device_writes, unsigned *n)
{
	uint64_t total = 0;

	for (*n = 0; *n < max && c->nseg > 0; (*n)++) {
		uint64_t left = c->seg->len - c->off, len = left < size_max ? left : size_max;

		b[*n] = (struct virtq_buf){c->seg->phys + c->off, (uint32_t)len, device_writes};
		total += len;
		c->off += len;
		if (c->off < c->seg->len) continue;
		c->seg++;
		c->nseg--;
		c->off = 0;
	}
	return total;
}

/* virtq_check: Q1.  Called by the unit test after every step. */
void virtq_check(const struct virtq *q)
{
	uint8_t seen[QUEUE_MAX] = {0};
	unsigned total = q->nfree;

	for (unsigned i = 0; i < q->nfree; i++) {
		if (q->free[i] >= q->size || seen[q->free[i]]++) abort();
	}
	for (unsigned h = 0; h < q->size; h++) {
		uint16_t at = h;

		for (unsigned n = 0; n < q->length[h]; n++, total++, at = q->next[at]) {
			if (at >= q->size || seen[at]++) abort();
		}
	}
	if (total != q->size) abort();
}
