/* SPDX-License-Identifier: MIT */
/* boot/disk.c - LOADER - what a disk's driver gets, and where: memory for its rings, then the device's registers.
 *
 * Path:  pci.c > [disk.c];  kernel/main.c maps it, drivers/virtio-blk finds it by struct dev_info
 *
 * D1  The pages of the MSI-X table and of its pending bits are never mapped to ring 3: who writes them chooses where
 *     the device writes an interrupt. */
#include "boot/pci.h"

#define PAGE           4096ull
#define REGISTERS_MAX  (1024 * 1024ull) /* virtio-blk has some 16 KiB */

/* Of a BAR, from `at` on: does the page at off have any of these bytes? */
static int page_has(uint64_t off, uint64_t at, uint64_t len) { return off < at + len && off + PAGE > at; }

/* D1 */
static int page_hidden(const struct function *f, unsigned bar, uint64_t off)
{
	if (!f->msix_cap) return 0;
	return (bar == f->msix_bar && page_has(off, f->msix_off, 16ull * f->msix_entries)) ||
	       (bar == f->pba_bar && page_has(off, f->pba_off, f->msix_entries / 8 + 8));
}

/* One more page of registers, behind the others in the driver's address space; neighbours in a BAR are one piece.
 * 0: there is no more room */
static int page_add(const struct function *f, struct boot_disk *d, struct dev_info *info, unsigned bar, uint64_t off)
{
	struct boot_map *last = &d->map[d->nmaps - 1];
	struct dev_piece *p = info->piece + d->nmaps - 1;       /* map[0] is the memory */
	uint64_t at = last->at + last->len;

	if (at >= DEV_MEMORY + DEV_MEMORY_LEN + REGISTERS_MAX) return 0;
	if (d->nmaps > 1 && p[-1].bar == bar && p[-1].off + p[-1].len == off) {
		p[-1].len += PAGE;
		last->len += PAGE;
		return 1;
	}
	if (d->nmaps == BOOT_DISK_MAPS) return 0;
	*p = (struct dev_piece){ bar, off, PAGE, at };
	d->map[d->nmaps++] = (struct boot_map){ at, f->bar[bar].base + off, PAGE };
	return 1;
}

/* No part of a page: something else may be in it. */
static void registers_add(const struct function *f, struct boot_disk *d, struct dev_info *info)
{
	for (unsigned bar = 0; bar < 6; bar++)
		for (uint64_t off = 0; off + PAGE <= f->bar[bar].len; off += PAGE)
			if (!page_hidden(f, bar, off) && !page_add(f, d, info, bar, off)) return;
}

void disk_lay_out(const struct function *f, struct boot_disk *d, struct dev_info *info)
{
	*d = (struct boot_disk){ .config = f->config, .bdf = f->bdf, .nmaps = 1 };
	d->map[0] = (struct boot_map){ DEV_MEMORY, (uint64_t)info, DEV_MEMORY_LEN };
	info->phys = (uint64_t)info;
	info->msix_entries = f->msix_entries < BOOT_DISK_IRQS ? f->msix_entries : BOOT_DISK_IRQS;
	registers_add(f, d, info);
}
