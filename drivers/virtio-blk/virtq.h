/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/virtq.h - RING 3 - one split virtqueue (virtio 1.1 2.6), and how requests are cut to fit it. */
#ifndef VIRTQ_H
#define VIRTQ_H

#include <stdbool.h>

#include "abi/ipc.h"
#include "drivers/virtio-blk/virtio.h"

#define QUEUE_MAX 64u           /* requests in flight; a power of two, as every queue size is (2.6) */
#define TABLE_LEN 128u          /* descriptors of an indirect table: half a page */
#define BUFS_MAX  TABLE_LEN

struct virtq_buf { uint64_t phys; uint32_t len; bool device_writes; };

struct virtq {
	/* Shared with the device. */
	struct virtq_desc *desc;
	struct virtq_avail *avail;
	struct virtq_used *used;
	struct virtq_desc *tables;      /* one of TABLE_LEN descriptors for each head; NULL: no indirect descriptors */
	uint64_t tables_phys;
	/* Ours alone: what the device wrote is compared with it, never followed. */
	uint16_t size, nfree, used_seen;
	uint16_t free[QUEUE_MAX];       /* a stack of free descriptors */
	uint16_t next[QUEUE_MAX];       /* by descriptor: the next one of its chain */
	uint16_t length[QUEUE_MAX];     /* by head: descriptors in the chain; 0: not a head in flight */
};

/* Where the parts of a queue of `size` lie in its memory, from its start (2.6: aligned to 16, 2 and 4). */
#define VIRTQ_DESC_OFF  0u
#define VIRTQ_AVAIL_OFF 2048u
#define VIRTQ_USED_OFF  3072u
#define VIRTQ_BYTES     4096u

void virtq_init(struct virtq *, void *memory, uint16_t size, void *tables, uint64_t tables_phys);
int virtq_head(const struct virtq *, unsigned n);               /* the head that n buffers will get; -EAGAIN: no room */
void virtq_add(struct virtq *, const struct virtq_buf *, unsigned n);   /* n as in a virtq_head() that succeeded */
bool virtq_wants_kick(const struct virtq *);                    /* has the device asked to be notified? */
int virtq_get(struct virtq *);          /* the head of a finished request; -EAGAIN: none; -EPROTO: the device lies */
bool virtq_in_flight(const struct virtq *, unsigned head);
void virtq_check(const struct virtq *);                         /* aborts */

/* Cutting data into requests: a place in a list of segments, and the next request's share of it. */
struct cut { const struct dev_seg *seg; unsigned nseg; uint64_t off; };
unsigned segs_join(struct dev_seg *, unsigned n);
uint64_t cut_next(struct cut *, struct virtq_buf *, unsigned max, uint32_t size_max, bool device_writes, unsigned *n);

#endif
