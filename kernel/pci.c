/* SPDX-License-Identifier: MIT */
/* kernel/pci.c - RING 0 - enumeration: which functions are there, where their BARs and MSI-X tables lie.
 *
 * It is in ring 0 because whoever writes BARs or MSI-X tables can make a device write any memory.
 * PCI Local Bus 3.0 ch. 6 (header, BARs, capabilities), 6.8.2 (MSI-X); PCIe 7.2.2 (ECAM).
 *
 * Path:  servers.c > [pci.c]
 * Locks: none: it runs once, at boot; later only the owner of a function (device.c) touches its registers. */
#include "kernel/pci.h"

#include "kernel/acpi.h"
#include "mm/pmap.h"

#define COMMAND 0x04
#define COMMAND_IO     BIT(0)
#define COMMAND_MEMORY BIT(1)
#define COMMAND_MASTER BIT(2)
#define COMMAND_NOINTX BIT(10)
#define STATUS  0x06
#define STATUS_CAPS    BIT(4)
#define HEADER_TYPE    0x0e
#define HEADER_MULTI   0x80
#define BAR0           0x10
#define BAR_IO         1u
#define BAR_64         4u               /* in bits 2:1 */
#define SECONDARY_BUS  0x19
#define CAP_FIRST      0x34
#define CAPS_MAX       48               /* more do not fit in 192 bytes: a damaged list that runs in circles ends */
#define DEPTH_MAX      8u

uint16_t pci_read16(const struct pci_function *f, unsigned off)
{
	return *(volatile uint16_t *)(f->config + off);
}

uint32_t pci_read32(const struct pci_function *f, unsigned off)
{
	return *(volatile uint32_t *)(f->config + off);
}

void pci_write16(const struct pci_function *f, unsigned off, uint16_t v)
{
	*(volatile uint16_t *)(f->config + off) = v;
}

static void pci_write32(const struct pci_function *f, unsigned off, uint32_t v)
{
	*(volatile uint32_t *)(f->config + off) = v;
}

void pci_enable(const struct pci_function *f, bool on)
{
	uint16_t c = pci_read16(f, COMMAND) & ~(COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER);

	pci_write16(f, COMMAND, c | COMMAND_NOINTX | (on ? COMMAND_MEMORY | COMMAND_MASTER : 0));
}

/* A BAR's size is what stays of all ones (6.2.5.1); decoding is off meanwhile.  => how many registers it takes */
static unsigned bar_read(struct pci_function *f, unsigned i)
{
	unsigned off = BAR0 + 4 * i;
	uint32_t low = pci_read32(f, off), high = 0, mask_low, mask_high = ~0u;
	bool wide = !(low & BAR_IO) && (low & 6) == BAR_64 && i < 5;

	if (low & BAR_IO) return 1;
	if (wide) high = pci_read32(f, off + 4);
	pci_write32(f, off, ~0u);
	mask_low = pci_read32(f, off) & ~15u;
	pci_write32(f, off, low);
	if (wide) {
		pci_write32(f, off + 4, ~0u);
		mask_high = pci_read32(f, off + 4);
		pci_write32(f, off + 4, high);
	}
	f->bar[i].base = (uint64_t)high << 32 | (low & ~15u);
	if ((mask_low || (wide && mask_high)) && f->bar[i].base)        /* 0: the firmware found no place for it */
		f->bar[i].len = ~((uint64_t)mask_high << 32 | mask_low) + 1;
	return wide ? 2 : 1;
}

unsigned pci_capability(const struct pci_function *f, uint8_t id, unsigned after)
{
	unsigned at = f->config[after ? after + 1 : CAP_FIRST] & ~3u;

	if (!(pci_read16(f, STATUS) & STATUS_CAPS)) return 0;
	for (int n = 0; at >= 0x40 && n < CAPS_MAX; n++, at = f->config[at + 1] & ~3u) {
		if (f->config[at] == id) return at;
	}
	return 0;
}

static void msix_read(struct pci_function *f)
{
	unsigned at = pci_capability(f, PCI_CAP_MSIX, 0);
	uint32_t table, pba, n;

	if (!at || at > 0xf4) return;
	n = (pci_read16(f, at + 2) & 0x7ff) + 1;
	table = pci_read32(f, at + 4);
	pba = pci_read32(f, at + 8);
	if ((table & 7) > 5 || (pba & 7) > 5) return;
	if ((table & ~7u) + 16ull * n > f->bar[table & 7].len) return;
	f->msix_cap = at;
	f->msix_entries = n;
	f->msix_bar = table & 7;
	f->msix_off = table & ~7u;
	f->pba_bar = pba & 7;
	f->pba_off = pba & ~7u;
}

void pci_probe(struct pci_function *f)
{
	uint16_t command = pci_read16(f, COMMAND);

	pci_write16(f, COMMAND, command & ~(COMMAND_IO | COMMAND_MEMORY));
	for (unsigned i = 0; i < 6;) i += bar_read(f, i);
	pci_write16(f, COMMAND, command);
	msix_read(f);
}

/* The firmware numbered the buses: what is behind a bridge has a higher number. */
static bool bus_scan(uint8_t bus, unsigned depth, bool (*fn)(struct pci_function *, void *), void *arg)
{
	volatile uint8_t *base;

	if (bus > acpi_ecam_last_bus() || depth > DEPTH_MAX) return true;
	base = pmap_map_device(acpi_ecam_base() + ((uint64_t)bus << 20), 1 << 20, false);
	if (!base) panic("no memory for the configuration space of PCI bus %u", bus);
	for (unsigned devfn = 0; devfn < 256; devfn++) {
		struct pci_function f = { .config = base + (devfn << 12), .bdf = bus << 8 | devfn };
		uint8_t header = f.config[HEADER_TYPE];

		f.vendor = pci_read16(&f, 0);
		f.device = pci_read16(&f, 2);
		if (f.vendor != 0xffff && (header & ~HEADER_MULTI) == 0) {
			if (!fn(&f, arg)) return false;
		} else if (f.vendor != 0xffff && (header & ~HEADER_MULTI) == 1 && f.config[SECONDARY_BUS] > bus) {
			if (!bus_scan(f.config[SECONDARY_BUS], depth + 1, fn, arg)) return false;
		}
		/* no function 0, or no more than that one: on to the next device */
		if (devfn % 8 == 0 && (f.vendor == 0xffff || !(header & HEADER_MULTI))) devfn += 7;
	}
	return true;
}

void pci_scan(bool (*fn)(struct pci_function *, void *), void *arg)
{
	if (acpi_ecam_base()) bus_scan(0, 0, fn, arg);
	else kprintf("pci: no MCFG table: no devices\n");
}
