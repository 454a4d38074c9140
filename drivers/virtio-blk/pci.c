/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/pci.c - RING 3 - where a virtio function's registers are: its PCI capabilities (virtio 1.1 4.1.4).
 *
 * Path:  vblk.c > [pci.c]: what is mapped the loader has laid out (boot/disk.c)
 * A transitional device (id 0x1001) has the same capabilities as a modern one (0x1042): its legacy registers are I/O
 * ports, which a driver of ours cannot reach and does not need.
 */
#include "drivers/virtio-blk/pci.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "abi/quire.h"
#include "drivers/virtio-blk/vblk.h"

#define CAP_FIRST 0x40u                 /* PCI 3.0 6.7: capabilities lie behind the header */
#define CAPS_MAX 48u                    /* more than fit: a list that goes round is left */

/* Fields of capabilities are little-endian and need not be aligned. */
static uint32_t read32(const struct dev_info *d, unsigned at)
{
	uint32_t v;

	memcpy(&v, d->config + at, sizeof(v));
	return v;
}

/* Where the structure is that a capability points to.  Whole pages are mapped, and never that of the MSI-X table. */
static volatile void *cap_find(const struct dev_info *d, unsigned cap, uint32_t need, uint64_t *len)
{
	unsigned bar = d->config[cap + CAP_BAR];
	uint64_t off = read32(d, cap + CAP_OFFSET);

	*len = read32(d, cap + CAP_LENGTH);
	if (*len < need || off % 4) return NULL;
	for (unsigned i = 0; i < DEV_PIECES; i++) {
		uint64_t first = d->piece[i].off, end = first + d->piece[i].len;

		if (d->piece[i].bar != bar || off < first || off + need > end) continue;
		if (off + *len > end) *len = end - off;
		return (volatile char *)(d->piece[i].addr + off - first);
	}
	say("BAR %u at 0x%lx: not mapped", bar, (unsigned long)off);
	return NULL;
}

/* 4.1.4.1: of several capabilities of a type the first that can be used counts. */
static void cap_use(struct virtio_pci *v, const struct dev_info *d, unsigned cap)
{
	uint64_t len;

	switch (d->config[cap + CAP_TYPE]) {
	case CFG_COMMON:
		if (!v->common) v->common = cap_find(d, cap, sizeof(*v->common), &len);
		break;
	case CFG_DEVICE:
		if (!v->config) v->config = cap_find(d, cap, sizeof(*v->config), &len);
		break;
	case CFG_NOTIFY:
		if (v->notify || d->config[cap + CAP_LEN] < CAP_NOTIFY_MULTIPLIER + 4) break;
		v->notify = cap_find(d, cap, sizeof(uint16_t), &v->notify_len);
		v->notify_multiplier = read32(d, cap + CAP_NOTIFY_MULTIPLIER);
		break;
	default:
		break;                  /* the ISR register is for interrupts without MSI-X */
	}
}

/* virtio_pci_find: walk the list of capabilities in the loader's copy of configuration space: a driver cannot touch the
 * real one, with which it could give itself other memory. */
int virtio_pci_find(struct virtio_pci *v)
{
	const struct dev_info *d = (const struct dev_info *)DEV_MEMORY;
	unsigned cap = d->config[PCI_CAP_POINTER] & ~3u, n;

	for (n = 0; cap >= CAP_FIRST && cap + CAP_NOTIFY_MULTIPLIER + 4 <= sizeof(d->config) && n < CAPS_MAX; n++) {
		if (d->config[cap] == PCI_CAP_VENDOR) cap_use(v, d, cap);
		cap = d->config[cap + CAP_NEXT] & ~3u;
	}
	v->msix_entries = d->msix_entries;
	if (!v->common || !v->config || !v->notify) {
		say("no virtio 1.x registers: a device of before 2016, or disable-modern=on?");
		return -ENODEV;
	}
	if (!v->msix_entries) {
		say("the device has no MSI-X");
		return -ENODEV;
	}
	return 0;
}

/* 4.1.4.3.2: after writing 0 wait until 0 is read back; then the device touches no memory any more. */
void virtio_reset(struct virtio_pci *v)
{
	static const struct timespec pause = {.tv_nsec = 100000};

	v->common->device_status = 0;
	while (v->common->device_status != 0) nanosleep(&pause, NULL);
}
