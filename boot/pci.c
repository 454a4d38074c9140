/* SPDX-License-Identifier: MIT */
/* boot/pci.c - LOADER - enumeration: which disks are there, where their BARs and MSI-X tables lie; what the firmware
 * did with them ends.
 *
 * PCI Local Bus 3.0 ch. 6 (header, BARs, capabilities), 6.8.2 (MSI-X); PCIe 7.2.2 (ECAM).
 *
 * Path:  loader.c > [pci.c], after the firmware is left: nobody else uses the devices */
#include "boot/loader.h"
#include "boot/machine.h"

#define COMMAND 0x04
#define COMMAND_DECODE 3u               /* ports and memory */
#define COMMAND_MEMORY 2u
#define COMMAND_MASTER 4u
#define COMMAND_NOINTX 0x400u
#define STATUS  0x06
#define STATUS_CAPS    0x10u
#define HEADER_TYPE    0x0e
#define HEADER_MULTI   0x80
#define BAR0           0x10
#define BAR_IO         1u
#define BAR_64         4u               /* in bits 2:1 */
#define SECONDARY_BUS  0x19
#define CAP_FIRST      0x34
#define CAP_VENDOR     0x09
#define CAP_MSIX       0x11
#define MSIX_CONTROL   2                /* message control: offset in the capability */
#define MSIX_ENABLE    0x8000u
#define MSIX_MASKED    1u               /* vector control of one entry */
#define CAPS_MAX       48               /* more do not fit in 192 bytes: a damaged list that runs in circles ends */
#define DEPTH_MAX      8u
#define VIRTIO_VENDOR  0x1af4
#define VIRTIO_BLK     0x1042           /* virtio 1.1 4.1.2: modern */
#define VIRTIO_BLK_TRANSITIONAL 0x1001  /* usable if it has the modern capabilities: the driver looks */
#define VIRTIO_COMMON  1                /* cfg_type (virtio 1.1 4.1.4) */
#define VIRTIO_COMMON_LEN 0x38u         /* 4.1.4.3 */
#define VIRTIO_STATUS  0x14u
#define RESET_NS       1000000000ull

/* A function as it describes itself.  Offsets are bytes within a BAR. */
struct function {
	uint64_t config;                        /* physical */
	uint16_t vendor, device, bdf;
	uint8_t  msix_cap;                      /* 0: none */
	uint8_t  msix_bar, pba_bar, virtio_bar;
	uint32_t msix_entries, virtio_len;      /* 0: none */
	uint64_t msix_off, pba_off, virtio_off;
	struct { uint64_t base, len; } bar[6];  /* memory BARs; len 0: none, not placed, or port I/O */
};

static volatile uint8_t *reg(const struct function *f, unsigned off)
{
	return (volatile uint8_t *)machine_memory(f->config) + off;
}

static uint16_t read16(const struct function *f, unsigned off) { return *(volatile uint16_t *)reg(f, off); }
static uint32_t read32(const struct function *f, unsigned off) { return *(volatile uint32_t *)reg(f, off); }
static void write16(const struct function *f, unsigned off, uint16_t v) { *(volatile uint16_t *)reg(f, off) = v; }

/* A register's size mask: what stays of all ones (6.2.5.1). */
static uint32_t mask_read(const struct function *f, unsigned off)
{
	volatile uint32_t *r = (volatile uint32_t *)reg(f, off);
	uint32_t was = *r, mask;

	*r = ~0u;
	mask = *r;
	*r = was;
	return mask;
}

/* Decoding is off meanwhile.  => how many registers the BAR takes */
static unsigned bar_read(struct function *f, unsigned i)
{
	unsigned off = BAR0 + 4 * i;
	uint32_t low = read32(f, off);
	int wide = !(low & BAR_IO) && (low & 6) == BAR_64 && i < 5;
	uint64_t mask;

	if (low & BAR_IO) return 1;
	f->bar[i].base = low & ~15u;
	mask = mask_read(f, off) & ~15u;
	if (wide) {
		f->bar[i].base |= (uint64_t)read32(f, off + 4) << 32;
		mask |= (uint64_t)mask_read(f, off + 4) << 32;
	} else if (mask) {
		mask |= ~0ull << 32;
	}
	if (mask && f->bar[i].base) f->bar[i].len = ~mask + 1;  /* no base: the firmware found no place for it */
	return wide ? 2 : 1;
}

static void msix_read(struct function *f, unsigned at)
{
	uint32_t table, pba, n;

	if (at > 0xf4) return;
	n = (read16(f, at + 2) & 0x7ff) + 1;
	table = read32(f, at + 4);
	pba = read32(f, at + 8);
	if ((table & 7) > 5 || (pba & 7) > 5) return;
	if ((table & ~7u) + 16ull * n > f->bar[table & 7].len) return;
	f->msix_cap = at;
	f->msix_entries = n;
	f->msix_bar = table & 7;
	f->msix_off = table & ~7u;
	f->pba_bar = pba & 7;
	f->pba_off = pba & ~7u;
}

static void virtio_read(struct function *f, unsigned at)
{
	uint8_t bar = *reg(f, at + 4);
	uint32_t off = read32(f, at + 8), len = read32(f, at + 12);

	if (f->vendor != VIRTIO_VENDOR || *reg(f, at + 3) != VIRTIO_COMMON || bar > 5) return;
	if (off + (uint64_t)len > f->bar[bar].len) return;
	f->virtio_bar = bar;
	f->virtio_off = off;
	f->virtio_len = len;
}

static void capabilities_read(struct function *f)
{
	unsigned at = *reg(f, CAP_FIRST) & ~3u;

	if (!(read16(f, STATUS) & STATUS_CAPS)) return;
	for (int n = 0; at >= 0x40 && n < CAPS_MAX; n++, at = *reg(f, at + 1) & ~3u) {
		if (*reg(f, at) == CAP_MSIX) msix_read(f, at);
		if (*reg(f, at) == CAP_VENDOR && at <= 0xf0) virtio_read(f, at);
	}
}

static uint64_t page_down(uint64_t at) { return at / PAGE * PAGE; }

/* The firmware read the kernel through it: its rings are forgotten (4.1.4.3.2: written 0, it is reset when it reads 0).
 * One that does not answer is the driver's to complain of. */
static void disk_prepare(const struct function *f, const struct boot_disk *d)
{
	volatile uint8_t *status = machine_memory(d->status);
	volatile uint32_t *entry = machine_memory(d->msix);
	uint64_t until = clock_ns() + RESET_NS;

	write16(f, COMMAND, COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NOINTX);
	if (d->status) *status = 0;
	while (d->status && *status && clock_ns() < until) { }
	for (uint32_t i = 0; i < f->msix_entries; i++) entry[4 * i + 3] = MSIX_MASKED;
	if (f->msix_cap) write16(f, f->msix_cap + MSIX_CONTROL, MSIX_ENABLE);
}

static void disk_map(const struct boot_disk *d)
{
	paging_registers(d->config, PAGE);
	if (d->status) paging_registers(d->status, 1);
	if (d->msix) paging_registers(d->msix, 16 * d->info.msix_entries);
}

static void disk_describe(struct function *f, struct boot_disk *d)
{
	uint64_t pba = f->bar[f->pba_bar].base + f->pba_off;

	*d = (struct boot_disk){ .config = f->config, .bdf = f->bdf, .msix_cap = f->msix_cap };
	if (f->virtio_len >= VIRTIO_COMMON_LEN) d->status = f->bar[f->virtio_bar].base + f->virtio_off + VIRTIO_STATUS;
	if (f->msix_cap) {
		d->msix = f->bar[f->msix_bar].base + f->msix_off;
		d->info.msix_entries = f->msix_entries < BOOT_IRQS_MAX ? f->msix_entries : BOOT_IRQS_MAX;
		d->hidden[0].start = page_down(d->msix);
		d->hidden[0].end = page_down(d->msix + 16 * f->msix_entries + PAGE - 1);
		d->hidden[1].start = page_down(pba);
		d->hidden[1].end = page_down(pba + f->msix_entries / 8 + 8 + PAGE - 1);
	}
	for (unsigned i = 0; i < 6; i++) {      /* no part of a page: something else may be in it */
		d->bar[i] = f->bar[i].base;
		d->info.bar[i].len = page_down(f->bar[i].len);
	}
	for (unsigned i = 0; i < sizeof(d->info.config); i += 4) {
		uint32_t v = read32(f, i);

		memcpy(d->info.config + i, &v, sizeof(v));
	}
}

static void function_read(struct boot_machine *m, struct function *f)
{
	uint16_t command = read16(f, COMMAND);

	f->vendor = read16(f, 0);
	f->device = read16(f, 2);
	if (f->vendor != VIRTIO_VENDOR || (f->device != VIRTIO_BLK && f->device != VIRTIO_BLK_TRANSITIONAL)) return;
	if (m->ndisks == BOOT_DISKS_MAX) {
		say_number("more than", BOOT_DISKS_MAX, "disks; the rest is not used");
		return;
	}
	write16(f, COMMAND, command & ~COMMAND_DECODE);
	for (unsigned i = 0; i < 6;) i += bar_read(f, i);
	write16(f, COMMAND, command);
	capabilities_read(f);
	disk_describe(f, &m->disk[m->ndisks]);
	disk_prepare(f, &m->disk[m->ndisks]);
	disk_map(&m->disk[m->ndisks++]);
}

/* The firmware numbered the buses: what is behind a bridge has a higher number. */
static void bus_read(struct ecam ecam, struct boot_machine *m, uint8_t bus, unsigned depth)
{
	if (bus > ecam.last_bus || depth > DEPTH_MAX) return;
	for (unsigned devfn = 0; devfn < 256; devfn++) {
		struct function f = { .bdf = bus << 8 | devfn };
		uint8_t header;

		f.config = ecam.base + ((uint64_t)f.bdf << 12);
		header = *reg(&f, HEADER_TYPE);
		if (read16(&f, 0) == 0xffff) header = 0xff & ~HEADER_MULTI;
		if ((header & ~HEADER_MULTI) == 0) function_read(m, &f);
		else if ((header & ~HEADER_MULTI) == 1 && *reg(&f, SECONDARY_BUS) > bus)
			bus_read(ecam, m, *reg(&f, SECONDARY_BUS), depth + 1);
		/* no function 0, or no more than that one: on to the next device */
		if (devfn % 8 == 0 && !(header & HEADER_MULTI)) devfn += 7;
	}
}

void pci_read(struct ecam ecam, struct boot_machine *m)
{
	m->ndisks = 0;
	if (ecam.base) bus_read(ecam, m, 0, 0);
}
