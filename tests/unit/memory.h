/* SPDX-License-Identifier: MIT */
/* tests/unit/memory.h - HOST - "physical memory" for tests of frame.c and what stands on it: one piece of the heap. */
#ifndef UNIT_MEMORY_H
#define UNIT_MEMORY_H

#include <stdlib.h>
#include <string.h>

#include "boot/bootinfo.h"
#include "mm/page.h"
#include "tests/checks/check.h"

#define MEMORY_PAGES 2048u
#define HOLE_FIRST   1200u              /* no memory here, as below 4 GiB */
#define HOLE_LAST    1299u
#define LOADER_FIRST 256u               /* the page array, the kernel image and the modules */
#define LOADER_LAST  511u

/* Pages in use: not given out by anybody. */
static inline bool memory_is_free_ram(uint64_t pfn)
{
	return pfn != 0 && pfn < MEMORY_PAGES && !(pfn >= LOADER_FIRST && pfn <= LOADER_LAST) &&
	       !(pfn >= HOLE_FIRST && pfn <= HOLE_LAST) && pfn != MEMORY_PAGES - 1;
}

static struct boot_range memory_range(uint64_t first, uint64_t last, uint32_t kind)
{
	return (struct boot_range){ first * PAGE_SIZE, (last + 1 - first) * PAGE_SIZE, kind, 0 };
}

static int memory_setup(void **st)
{
	static struct bootinfo bi = { .magic = BOOTINFO_MAGIC, .nranges = 5, .page_array = LOADER_FIRST * PAGE_SIZE,
	                              .npages = MEMORY_PAGES };
	void *ram = aligned_alloc(PAGE_SIZE, MEMORY_PAGES * PAGE_SIZE);

	(void)st;
	if (!ram) return -1;
	memset(ram, 0xa5, MEMORY_PAGES * PAGE_SIZE);    /* memory is not zero at power-on */
	direct_base = (uintptr_t)ram;
	memset(phys_to_virt(bi.page_array), 0, (LOADER_LAST + 1 - LOADER_FIRST) * PAGE_SIZE);
	bi.range[0] = memory_range(1, LOADER_FIRST - 1, BOOT_RAM_FREE);
	bi.range[1] = memory_range(LOADER_FIRST, LOADER_LAST, BOOT_RAM_LOADER);
	bi.range[2] = memory_range(LOADER_LAST + 1, HOLE_FIRST - 1, BOOT_RAM_FREE);
	bi.range[3] = memory_range(HOLE_LAST + 1, MEMORY_PAGES - 2, BOOT_RAM_FREE);
	bi.range[4] = memory_range(MEMORY_PAGES - 1, MEMORY_PAGES - 1, BOOT_RAM_FIRMWARE);
	frame_init(&bi);
	return 0;
}

static int memory_teardown(void **st)
{
	(void)st;
	free((void *)direct_base);
	return 0;
}

#endif
