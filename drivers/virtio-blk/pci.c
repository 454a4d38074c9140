/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/pci.c - RING 3 - virtio over PCI: the capabilities that say where its structures are (virtio 1.1 4.1.4). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/quire.h"
#include "drivers/virtio-blk/virtio.h"

#define CAP_VENDOR 0x09
#define CFG_COMMON 1
#define CFG_NOTIFY 2
#define CFG_DEVICE 4

/* Map a structure of `need` bytes; whole pages around it. */
static void *cap_map(const struct dev_info *d, unsigned at, uint32_t need)
{
	uint8_t bar = d->config[at + 4];
	uint32_t off, len;
	long va;

	memcpy(&off, d->config + at + 8, 4);
	memcpy(&len, d->config + at + 12, 4);
	if (bar >= 6 || len < need || (uint64_t)off + len > d->bar[bar].len) return NULL;
	va = q_dev_map(HANDLE_DEVICE, bar, off & ~4095u, (off & 4095u) + len);
	if (va < 0 && va > -4096) {
		fprintf(stderr, "bar %u at 0x%x: %s\n", bar, off, strerror(-va));
		return NULL;
	}
	return (char *)va + (off & 4095u);
}

int virtio_find(struct virtio_dev *v, const struct dev_info *d)
{
	unsigned at = d->config[0x34] & ~3u;

	for (int n = 0; at >= 0x40 && at <= 0xec && n < 48; n++, at = d->config[at + 1] & ~3u) {
		if (d->config[at] != CAP_VENDOR || d->config[at + 2] < 16) continue;
		switch (d->config[at + 3]) {
		case CFG_COMMON:
			if (!v->common) v->common = cap_map(d, at, sizeof(*v->common));
			break;
		case CFG_NOTIFY:
			if (!v->notify) v->notify = cap_map(d, at, 2);
			memcpy(&v->notify_multiplier, d->config + at + 16, 4);
			break;
		case CFG_DEVICE:
			if (!v->config) v->config = cap_map(d, at, sizeof(*v->config));
			break;
		}
	}
	if (v->common && v->notify && v->config) return 0;
	fprintf(stderr, "no virtio 1.x structures in configuration space\n");
	return -ENODEV;
}
