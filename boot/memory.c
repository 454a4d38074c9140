/* SPDX-License-Identifier: MIT */
/* boot/memory.c - LOADER - the memory map in the kernel's words, and the page tables it starts with. */
#include "boot/loader.h"

#define MIN_MEMORY (62ull << 20)        /* what a machine of 64 MiB shows of its memory */
#define MIN_TEXT   64
#define TABLE_PAGES 384

static UINT8 *tables;                   /* page-table pages, taken in order */
static UINTN tables_used;
static UINT64 *root;

void *pages_alloc(UINTN n)
{
	EFI_PHYSICAL_ADDRESS a = 0;

	if (uefi_call_wrapper(BS->AllocatePages, 4, AllocateAnyPages, EfiLoaderData, n, &a)) {
		say("\nquire loader: no memory for ");
		say_dec(n * 4);
		die("Quire needs at least 64 MiB of memory", " KiB");
	}
	SetMem((void *)a, n * PAGE, 0);
	return (void *)a;
}

static int range_kind(UINT32 type)
{
	switch (type) {
	case EfiConventionalMemory: case EfiBootServicesCode: case EfiBootServicesData: return BOOT_RAM_FREE;
	case EfiLoaderCode: case EfiLoaderData: return BOOT_RAM_LOADER;
	case EfiRuntimeServicesCode: case EfiRuntimeServicesData: case EfiACPIReclaimMemory: case EfiACPIMemoryNVS:
		return BOOT_RAM_FIRMWARE;
	default: return 0;
	}
}

/* The descriptors' stride is not sizeof (UEFI 2.9, GetMemoryMap). */
static UINT8 map_buf[64 * 1024];
static UINTN map_len, map_key, map_stride;

static EFI_STATUS map_get(void)
{
	UINT32 version;

	map_len = sizeof(map_buf);
	return uefi_call_wrapper(BS->GetMemoryMap, 5, &map_len, (EFI_MEMORY_DESCRIPTOR *)map_buf, &map_key, &map_stride, &version);
}

void memory_check(void)
{
	UINT64 bytes = 0;

	if (map_get()) die("the firmware gives no memory map", "");
	for (UINTN o = 0; o < map_len; o += map_stride) {
		EFI_MEMORY_DESCRIPTOR *d = (void *)(map_buf + o);

		if (range_kind(d->Type) || d->Type == EfiReservedMemoryType) bytes += d->NumberOfPages * PAGE;
	}
	if (bytes >= MIN_MEMORY) return;
	say("\nquire loader: this machine has ");
	say_dec(bytes >> 20);
	die("Quire needs at least 64 MiB of memory", " MiB");
}

void memory_tables_alloc(void)
{
	tables = pages_alloc(TABLE_PAGES);
	root = (void *)tables;
	tables_used = 1;
}

UINT64 memory_root(void)
{
	return (UINT64)root;
}

static void range_add(struct bootinfo *bi, UINT64 start, UINT64 len, UINT32 kind)
{
	UINT32 i = bi->nranges;

	if (len == 0) return;
	if (bi->nranges == BOOT_RANGES_MAX) die("too many memory ranges", "");
	for (; i > 0 && bi->range[i - 1].start > start; i--) bi->range[i] = bi->range[i - 1];
	bi->range[i] = (struct boot_range){start, len, kind, 0};
	bi->nranges++;
}

/* Neighbours of one kind become one range. */
static void ranges_merge(struct bootinfo *bi)
{
	UINT32 n = 0;

	for (UINT32 i = 1; i < bi->nranges; i++) {
		struct boot_range *a = &bi->range[n], *b = &bi->range[i];

		if (a->kind == b->kind && a->start + a->len == b->start) a->len += b->len;
		else bi->range[++n] = *b;
	}
	bi->nranges = n + 1;
}

/* The map may change until ExitBootServices succeeds: fetch and try again (UEFI 2.9, 7.4). */
void memory_leave(EFI_HANDLE image, struct bootinfo *bi)
{
	EFI_STATUS st = EFI_INVALID_PARAMETER;

	for (int i = 0; i < 16 && st; i++) {
		if (map_get()) die("the firmware gives no memory map", "");
		st = uefi_call_wrapper(BS->ExitBootServices, 2, image, map_key);
	}
	if (st) die("the firmware does not let go", "ExitBootServices");
	for (UINTN o = 0; o < map_len; o += map_stride) {
		EFI_MEMORY_DESCRIPTOR *d = (void *)(map_buf + o);

		if (range_kind(d->Type)) range_add(bi, d->PhysicalStart, d->NumberOfPages * PAGE, range_kind(d->Type));
	}
	ranges_merge(bi);
}

static UINT64 *slot(UINT64 va, int level)
{
	UINT64 *t = root;

	for (int l = 4; l > level; l--) {
		UINT64 *e = &t[va >> (12 + 9 * (l - 1)) & 511];

		if (!*e) {
			if (tables_used == TABLE_PAGES) die("out of page tables", "");
			*e = (UINT64)(tables + tables_used++ * PAGE) | PTE_P | PTE_W;
		}
		t = (UINT64 *)(*e & 0x000ffffffffff000ull);
	}
	return &t[va >> (12 + 9 * (level - 1)) & 511];
}

void page_map(UINT64 va, UINT64 pa, UINT64 flags)
{
	*slot(va, 1) = pa | flags;
}

/* All memory at DIRECT_BASE: 2 MiB pages where a range fills them and the kernel image is not near. */
void memory_map_all(const struct bootinfo *bi, const struct image *k)
{
	UINT64 big = 2ull << 20;

	for (UINT32 i = 0; i < bi->nranges; i++) {
		UINT64 at = bi->range[i].start, end = at + bi->range[i].len;

		while (at < end) {
			BOOLEAN near = at + big > k->phys && at < k->phys + k->len;

			if (at % big == 0 && end - at >= big && !near) {
				*slot(DIRECT_BASE + at, 2) = at | PTE_P | PTE_W | PTE_PS | PTE_NX;
				at += big;
			} else {
				page_map(DIRECT_BASE + at, at, PTE_P | PTE_W | PTE_NX);
				at += PAGE;
			}
		}
	}
}
