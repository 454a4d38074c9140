/* SPDX-License-Identifier: MIT */
/* boot/memmap.c - LOADER - the firmware's memory map, in our words, and the farewell to the firmware.
 *
 * Path:  loader.c > [memmap.c] > GetMemoryMap, ExitBootServices (UEFI 7.2, 7.4)
 * Use:   memmap_extents() before the page tables are made; memmap_exit() last; then memmap_take().
 *
 * M1  Ranges are sorted, disjoint, page-aligned; neighbours of one kind are one range.
 * M2  Device registers and what the firmware calls reserved are not in the list: only memory is.
 * M3  Page 0 is left out: physical address 0 means "none" in too many places.
 * M4  After ExitBootServices no firmware function is called, not even to complain. */
#include "boot/loader.h"

#define MAP_BYTES (32 * 1024)           /* some 600 descriptors; OVMF has about 100 */
#define ATTEMPTS  8

static UINT8 map[MAP_BYTES] __attribute__((aligned(8)));
static UINTN map_len, map_key, map_stride;

/* The stride is the firmware's, larger than the structure we know (UEFI 7.2, GetMemoryMap). */
static EFI_MEMORY_DESCRIPTOR *descriptor(UINTN i)
{
	return i < map_len / map_stride ? (EFI_MEMORY_DESCRIPTOR *)(map + i * map_stride) : NULL;
}

static void map_read(void)
{
	UINT32 version;

	map_len = sizeof(map);
	if (efi->BootServices->GetMemoryMap(&map_len, (EFI_MEMORY_DESCRIPTOR *)map, &map_key, &map_stride,
	                                    &version) != EFI_SUCCESS)
		fail("is too long", "the firmware's memory map");
}

/* What becomes of each of the firmware's types (UEFI 7.2, table 7-6 "after ExitBootServices"); 0: not memory (M2).
 * The loader's own code is free once the kernel runs: tables, files and bootinfo are in loader data. */
static UINT32 kind_of(UINT32 type)
{
	switch (type) {
	case EfiConventionalMemory:
	case EfiBootServicesCode:
	case EfiBootServicesData:
	case EfiLoaderCode:
		return BOOT_RAM_FREE;
	case EfiLoaderData:
		return BOOT_RAM_LOADER;
	case EfiACPIReclaimMemory:
	case EfiACPIMemoryNVS:
	case EfiRuntimeServicesCode:
	case EfiRuntimeServicesData:
		return BOOT_RAM_FIRMWARE;
	default:
		return 0;
	}
}

/* Insert in order of address; n ranges are there. */
static void range_insert(struct boot_range *r, UINT32 n, UINT64 start, UINT64 len, UINT32 kind)
{
	while (n > 0 && r[n - 1].start > start) {
		r[n] = r[n - 1];
		n--;
	}
	r[n] = (struct boot_range){ .start = start, .len = len, .kind = kind };
}

static UINT32 ranges_merge(struct boot_range *r, UINT32 n)
{
	UINT32 out = 0;

	for (UINT32 i = 0; i < n; i++) {
		if (out && r[out - 1].kind == r[i].kind && r[out - 1].start + r[out - 1].len == r[i].start)
			r[out - 1].len += r[i].len;
		else
			r[out++] = r[i];
	}
	return out;
}

/* The list of M1 from the map as last read.  It is merged whenever it is full, so that only the result counts. */
static UINT32 ranges_make(struct boot_range *r)
{
	EFI_MEMORY_DESCRIPTOR *d;
	UINT32 n = 0;

	for (UINTN i = 0; (d = descriptor(i)); i++) {
		UINT64 start = d->PhysicalStart, len = d->NumberOfPages * PAGE;
		UINT32 kind = kind_of(d->Type);

		if (start == 0 && len) {        /* M3 */
			start += PAGE;
			len -= PAGE;
		}
		if (!kind || !len) continue;
		if (n == BOOT_RANGES_MAX) n = ranges_merge(r, n);
		if (n == BOOT_RANGES_MAX) fail("has too many pieces", "the firmware's memory map");
		range_insert(r, n++, start, len, kind);
	}
	return ranges_merge(r, n);
}

unsigned memmap_extents(struct extent *out, unsigned max, UINT64 *total)
{
	static struct boot_range r[BOOT_RANGES_MAX];
	unsigned n = 0;
	UINT32 count;

	map_read();
	count = ranges_make(r);
	*total = 0;
	for (UINT32 i = 0; i < count; i++) {
		int firmware = r[i].kind == BOOT_RAM_FIRMWARE;

		*total += r[i].len;
		if (n && out[n - 1].end == r[i].start && out[n - 1].firmware == firmware) {
			out[n - 1].end += r[i].len;
			continue;
		}
		if (n == max) fail("has too many pieces", "the firmware's memory map");
		out[n++] = (struct extent){ r[i].start, r[i].start + r[i].len, firmware };
	}
	return n;
}

/* The first call of ExitBootServices may change the map by its own events, and then wants the new key: again. */
void memmap_exit(EFI_HANDLE image, struct bootinfo *bi)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		map_read();
		bi->nranges = ranges_make(bi->range);
		if (efi->BootServices->ExitBootServices(image, map_key) == EFI_SUCCESS) {
			efi = NULL;             /* M4 */
			return;
		}
	}
	fail("does not let go: ExitBootServices failed", "the firmware");
}

/* Of what the firmware left alone: its tables and stack, which are still in use, are elsewhere. */
void *memmap_take(struct bootinfo *bi, UINT64 npages)
{
	EFI_MEMORY_DESCRIPTOR *d;
	UINT64 *memory;

	for (UINTN i = 0; (d = descriptor(i)); i++) {
		if (d->Type != EfiConventionalMemory || d->PhysicalStart == 0 || d->NumberOfPages < npages) continue;
		d->NumberOfPages -= npages;
		bi->nranges = ranges_make(bi->range);
		memory = (UINT64 *)(d->PhysicalStart + d->NumberOfPages * PAGE);
		for (UINT64 n = 0; n < npages * PAGE / 8; n++) memory[n] = 0;
		return memory;
	}
	fail("has no memory for a disk", "this machine");
}
