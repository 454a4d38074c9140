/* links: drivers/virtio-blk/virtq.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_virtq.c - HOST - the split queue, the test being the device at its other end; cutting requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/virtio-blk/virtq.h"

#define SIZE 8u
static struct virtq q;
static _Alignas(4096) uint8_t memory[VIRTQ_BYTES];
static _Alignas(4096) struct virtq_desc tables[SIZE * TABLE_LEN];
static uint16_t seen;           /* by the device, of the avail ring */

static int with_tables(void **st)
{
	(void)st;
	virtq_init(&q, memory, SIZE, tables, (uintptr_t)tables);
	seen = 0;
	return 0;
}

static int with_chains(void **st)
{
	(void)st;
	virtq_init(&q, memory, SIZE, NULL, 0);
	seen = 0;
	return 0;
}

static int check(void **st)
{
	(void)st;
	virtq_check(&q);
	return 0;
}

/* ---- the device */

static int device_take(void)
{
	return seen == q.avail->idx ? -1 : q.avail->ring[seen++ % SIZE];
}

static void device_use(uint32_t id)
{
	q.used->ring[q.used->idx % SIZE] = (struct virtq_used_elem){id, 0};
	q.used->idx++;
}

/* Follow a request as 2.6.5 says; the buffers that the device sees. */
static unsigned device_buffers(unsigned head, struct virtq_buf *b)
{
	struct virtq_desc *d = q.desc, *at = &d[head];
	unsigned n = 0;

	if (at->flags & DESC_INDIRECT) {
		assert_false(at->flags & DESC_NEXT);    /* 2.6.5.3.1: not both */
		d = (struct virtq_desc *)at->addr;
		assert_int_equal(at->len % sizeof(*d), 0);
		at = d;
	}
	for (;;) {
		b[n++] = (struct virtq_buf){at->addr, at->len, at->flags & DESC_WRITE};
		if (!(at->flags & DESC_NEXT)) return n;
		at = &d[at->next];
	}
}

static int add(unsigned n, uint64_t first)
{
	struct virtq_buf b[BUFS_MAX];
	int head = virtq_head(&q, n);

	if (head < 0) return head;
	for (unsigned i = 0; i < n; i++) b[i] = (struct virtq_buf){first + i, 512 * (i + 1), i > 0};
	virtq_add(&q, b, n);
	virtq_check(&q);
	return head;
}

static void expect_buffers(unsigned head, unsigned n, uint64_t first)
{
	struct virtq_buf b[BUFS_MAX];

	assert_int_equal(device_buffers(head, b), n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(b[i].phys, first + i);
		assert_int_equal(b[i].len, 512 * (i + 1));
		assert_int_equal(b[i].device_writes, i > 0);
	}
}

static void the_device_sees_the_buffers_in_order(void **st)
{
	int head = add(5, 1000);

	(void)st;
	assert_int_equal(device_take(), head);
	expect_buffers(head, 5, 1000);
	device_use(head);
	assert_int_equal(virtq_get(&q), head);
	assert_int_equal(virtq_get(&q), -EAGAIN);
}

static void requests_finish_in_any_order(void **st)
{
	int a = add(2, 10), b = add(2, 20), c = add(2, 30);

	(void)st;
	device_use(c);
	device_use(a);
	assert_int_equal(virtq_get(&q), c);
	assert_int_equal(virtq_get(&q), a);
	assert_true(virtq_in_flight(&q, b));
	device_use(b);
	assert_int_equal(virtq_get(&q), b);
	assert_false(virtq_in_flight(&q, b));
}

static void a_full_queue_says_again_and_has_room_later(void **st)
{
	unsigned room = q.tables ? SIZE : SIZE / 3;     /* chained, two descriptors are left: too few */
	int head = -1;

	(void)st;
	for (unsigned i = 0; i < room; i++) assert_true((head = add(3, i)) >= 0);
	assert_int_equal(add(3, 99), -EAGAIN);
	device_use(head);
	assert_int_equal(virtq_get(&q), head);
	assert_true(add(3, 99) >= 0);
}

static void long_use_wraps_all_counters(void **st)
{
	int head[3];

	(void)st;
	for (unsigned turn = 0; turn < 70000; turn++) {
		unsigned n = 1 + turn % (q.tables ? 3 : 2);

		for (unsigned i = 0; i < n; i++) {
			head[i] = add(2 + i % 2, turn);
			assert_int_equal(device_take(), head[i]);
			expect_buffers(head[i], 2 + i % 2, turn);
		}
		while (n-- > 0) {
			device_use(head[n]);
			assert_int_equal(virtq_get(&q), head[n]);
		}
	}
}

static void an_id_out_of_range_is_a_broken_device(void **st)
{
	static const uint32_t bad[] = {SIZE, QUEUE_MAX, QUEUE_MAX + SIZE - 1, UINT32_MAX};

	(void)st;
	for (unsigned i = 0; i < SIZE; i++) add(q.tables ? 2 : 1, i);   /* every head that there is is in flight */
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		q.used->ring[0].id = bad[i];
		q.used->idx = 1;
		assert_int_equal(virtq_get(&q), -EPROTO);
	}
}

static void an_id_that_is_not_in_flight_is_a_broken_device(void **st)
{
	int head = add(2, 1);

	(void)st;
	device_use(head);
	assert_int_equal(virtq_get(&q), head);
	device_use(head);                       /* twice */
	assert_int_equal(virtq_get(&q), -EPROTO);
}

static void more_used_than_the_queue_holds_is_a_broken_device(void **st)
{
	(void)st;
	add(2, 1);
	q.used->idx += SIZE + 1;
	assert_int_equal(virtq_get(&q), -EPROTO);
}

static void a_descriptor_within_a_chain_is_no_head(void **st)
{
	int head = add(3, 1);

	(void)st;
	device_use(q.desc[head].next);
	assert_int_equal(virtq_get(&q), -EPROTO);
}

static void links_spoilt_by_the_device_are_not_followed(void **st)
{
	int head = add(3, 1);

	(void)st;
	for (unsigned i = 0; i < SIZE; i++) q.desc[i].next = 0xffff;
	device_use(head);
	assert_int_equal(virtq_get(&q), head);
	virtq_check(&q);
}

static void the_device_can_ask_not_to_be_notified(void **st)
{
	(void)st;
	assert_true(virtq_wants_kick(&q));
	q.used->flags = USED_NO_NOTIFY;
	assert_false(virtq_wants_kick(&q));
}

/* ---- cutting */

static void all_bytes_come_out_in_order_whatever_the_limits(void **st)
{
	static const struct dev_seg seg[] = {{0x10000, 4096}, {0x30000, 12288}, {0x20000, 512}, {0x50000, 65536}};
	static const uint64_t start[] = {0, 4096, 16384, 16896, 82432};

	(void)st;
	for (unsigned max = 1; max < 6; max++) {
		for (uint32_t size_max = 512; size_max <= 1u << 20; size_max *= 2) {
			struct cut c = {seg, 4, 0};
			struct virtq_buf b[8];
			uint64_t done = 0, len;
			unsigned n;

			while ((len = cut_next(&c, b, max, size_max, true, &n))) {
				assert_in_range(n, 1, max);
				for (unsigned i = 0; i < n; i++) {
					unsigned s = 0;

					while (done >= start[s + 1]) s++;
					assert_in_range(b[i].len, 512, size_max);
					assert_int_equal(b[i].phys, seg[s].phys + (done - start[s]));
					assert_true(b[i].device_writes);
					done += b[i].len;
					len -= b[i].len;
				}
				assert_int_equal(len, 0);
			}
			assert_int_equal(done, start[4]);
		}
	}
}

static void what_fits_is_one_request(void **st)
{
	static const struct dev_seg seg[] = {{0x10000, 4096}, {0x30000, 8192}};
	struct cut c = {seg, 2, 0};
	struct virtq_buf b[8];
	unsigned n;

	(void)st;
	assert_int_equal(cut_next(&c, b, 8, 1u << 30, false, &n), 12288);
	assert_int_equal(n, 2);
	assert_int_equal(cut_next(&c, b, 8, 1u << 30, false, &n), 0);
}

static void neighbours_in_memory_become_one(void **st)
{
	struct dev_seg seg[] = {{0x10e00, 512}, {0x11000, 4096}, {0x12000, 512}, {0x30000, 4096}, {0x10000, 512}};

	(void)st;
	assert_int_equal(segs_join(seg, 5), 3);
	assert_true(seg[0].phys == 0x10e00 && seg[0].len == 5120);
	assert_true(seg[1].phys == 0x30000 && seg[1].len == 4096);
	assert_true(seg[2].phys == 0x10000 && seg[2].len == 512);
	assert_int_equal(segs_join(seg, 1), 1);
}

int main(void)
{
#define I(f) cmocka_unit_test_setup_teardown(f, with_tables, check)
#define C(f) {#f "_chained", f, with_chains, check, NULL}
	const struct CMUnitTest tests[] = {
		I(the_device_sees_the_buffers_in_order), C(the_device_sees_the_buffers_in_order),
		I(requests_finish_in_any_order), C(requests_finish_in_any_order),
		I(a_full_queue_says_again_and_has_room_later), C(a_full_queue_says_again_and_has_room_later),
		I(long_use_wraps_all_counters), C(long_use_wraps_all_counters),
		I(an_id_out_of_range_is_a_broken_device), I(an_id_that_is_not_in_flight_is_a_broken_device),
		I(more_used_than_the_queue_holds_is_a_broken_device), C(a_descriptor_within_a_chain_is_no_head),
		C(links_spoilt_by_the_device_are_not_followed), I(the_device_can_ask_not_to_be_notified),
		cmocka_unit_test(all_bytes_come_out_in_order_whatever_the_limits),
		cmocka_unit_test(what_fits_is_one_request), cmocka_unit_test(neighbours_in_memory_become_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
