/* SPDX-License-Identifier: MIT */
/* boot/pci.c - LOADER - enumeration: which disks are there; what the firmware did with them ends; their interrupts.
 *
 * PCI Local Bus 3.0 ch. 6 (header, BARs, capabilities), 6.8.2 (MSI-X); PCIe 7.2.2 (ECAM).
 *
 * Path:  loader.c > [pci.c] > disk.c, after the firmware is left: nobody else uses the devices */
#include "boot/loader.h"
#include "boot/pci.h"

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
#define MSI_ADDRESS    0xfee00000u      /* SDM 3A 10.11.1; data: the vector, fixed delivery, edge */
#define CAPS_MAX       48               /* more do not fit in 192 bytes: a damaged list that runs in circles ends */
#define DEPTH_MAX      8u
#define VIRTIO_VENDOR  0x1af4
#define VIRTIO_BLK     0x1042           /* virtio 1.1 4.1.2: modern */
#define VIRTIO_BLK_TRANSITIONAL 0x1001  /* usable if it has the modern capabilities: the driver looks */
#define VIRTIO_COMMON  1                /* cfg_type (virtio 1.1 4.1.4) */
#define VIRTIO_COMMON_LEN 0x38u         /* 4.1.4.3 */
#define VIRTIO_STATUS  0x14u
#define RESET_NS       1000000000ull

static uint8_t apic_id;                 /* of the CPU that the disks interrupt */

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

static void disk_describe(const struct function *f, struct boot_disk *d, struct dev_info *info)
{
	disk_lay_out(f, d, info);
	if (f->virtio_len >= VIRTIO_COMMON_LEN) d->status = f->bar[f->virtio_bar].base + f->virtio_off + VIRTIO_STATUS;
	for (unsigned i = 0; i < sizeof(info->config); i += 4) {
		uint32_t v = read32(f, i);

		memcpy(info->config + i, &v, sizeof(v));
	}
	paging_registers(d->config, PAGE);
	if (d->status) paging_registers(d->status, 1);
}

/* It is changed while it is masked (6.8.2.7 to 6.8.2.9).  vector 0: and stays so. */
static void msix_set(const struct function *f, unsigned i, uint32_t vector)
{
	volatile uint32_t *entry = machine_memory(f->bar[f->msix_bar].base + f->msix_off + 16 * i);

	entry[3] = MSIX_MASKED;
	entry[0] = MSI_ADDRESS | (uint32_t)apic_id << 12;
	entry[1] = 0;
	entry[2] = vector;
	if (vector) entry[3] = 0;
}

/* The firmware read the kernel through it: its rings are forgotten (4.1.4.3.2: written 0, it is reset when it reads 0).
 * One that does not answer is the driver's to complain of. */
static void disk_prepare(const struct function *f, const struct boot_disk *d, uint32_t vector)
{
	volatile uint8_t *status = machine_memory(d->status);
	uint64_t until = clock_ns() + RESET_NS;

	write16(f, COMMAND, COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NOINTX);
	if (d->status) *status = 0;
	while (d->status && *status && clock_ns() < until) { }
	for (unsigned i = 0; i < f->msix_entries; i++) msix_set(f, i, i < BOOT_DISK_IRQS ? vector + i : 0);
	if (f->msix_cap) write16(f, f->msix_cap + MSIX_CONTROL, MSIX_ENABLE);
}

/* irqcpu=N: CPU N has the disks' interrupts.  Without it the first one, where the drivers run: the shortest way. */
static uint8_t irq_cpu(const struct bootinfo *bi)
{
	const struct boot_machine *m = &bi->machine;
	UINT64 n = cmdline_number("irqcpu=");

	if (n >= m->ncpus) say_number("irqcpu: there is no CPU", n, "");
	return m->cpu[n < m->ncpus ? n : 0];
}

static void function_read(struct bootinfo *bi, struct function *f)
{
	struct boot_machine *m = &bi->machine;
	struct boot_disk *d = &m->disk[m->ndisks];
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
	disk_describe(f, d, memmap_take(bi, DEV_MEMORY_LEN / PAGE));
	disk_prepare(f, d, BOOT_DISK_VECTOR + BOOT_DISK_IRQS * m->ndisks++);
}

/* The firmware numbered the buses: what is behind a bridge has a higher number. */
static void bus_read(struct ecam ecam, struct bootinfo *bi, uint8_t bus, unsigned depth)
{
	if (bus > ecam.last_bus || depth > DEPTH_MAX) return;
	for (unsigned devfn = 0; devfn < 256; devfn++) {
		struct function f = { .bdf = bus << 8 | devfn };
		uint8_t header;

		f.config = ecam.base + ((uint64_t)f.bdf << 12);
		header = *reg(&f, HEADER_TYPE);
		if (read16(&f, 0) == 0xffff) header = 0xff & ~HEADER_MULTI;
		if ((header & ~HEADER_MULTI) == 0) function_read(bi, &f);
		else if ((header & ~HEADER_MULTI) == 1 && *reg(&f, SECONDARY_BUS) > bus)
			bus_read(ecam, bi, *reg(&f, SECONDARY_BUS), depth + 1);
		/* no function 0, or no more than that one: on to the next device */
		if (devfn % 8 == 0 && !(header & HEADER_MULTI)) devfn += 7;
	}
}

void pci_read(struct ecam ecam, struct bootinfo *bi)
{
	bi->machine.ndisks = 0;
	apic_id = irq_cpu(bi);
	if (ecam.base) bus_read(ecam, bi, 0, 0);
}
