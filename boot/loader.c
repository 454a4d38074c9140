/* SPDX-License-Identifier: MIT */
/* boot/loader.c - LOADER - the UEFI application: from the firmware to the kernel's entry, in order.
 *
 * Path:  firmware > [loader.c] > file.c, cmdline.c, elf.c, paging.c, memmap.c, acpi.c, irq.c, clock.c, control.c,
 *        cpus.c, pci.c, servers.c, tables.c > jump.S > kernel/main.c
 * Use:   \EFI\BOOT\BOOTX64.EFI of the ESP.  Reads below \quire: kernel.elf, modules/{fs,virtio-blk,pm,init}, and
 *        when they are there sums.txt and cmdline.txt; text given by the firmware (LoadOptions) is appended.
 *
 * B1  The kernel gets everything by one pointer, struct bootinfo: nothing of the firmware is needed any more.
 * B2  What the kernel is told to be in use is in pages of the type EfiLoaderData. */
#include "boot/loader.h"
#include "boot/machine.h"

/* The RSDP of ACPI 2.0 or later if there is one, else that of 1.0 (UEFI 4.6). */
static UINT64 rsdp_find(void)
{
	static EFI_GUID acpi20 = ACPI_20_TABLE_GUID, acpi10 = ACPI_TABLE_GUID;
	UINT64 found = 0;

	for (UINTN i = 0; i < efi->NumberOfTableEntries; i++) {
		EFI_CONFIGURATION_TABLE *t = &efi->ConfigurationTable[i];
		UINT64 *a = (UINT64 *)&t->VendorGuid, *b = (UINT64 *)&acpi20, *c = (UINT64 *)&acpi10;

		if (a[0] == b[0] && a[1] == b[1]) return (UINT64)t->VendorTable;
		if (a[0] == c[0] && a[1] == c[1]) found = (UINT64)t->VendorTable;
	}
	return found;
}

/* Two pages for further CPUs: where they begin, for real mode reaches no further than 1 MiB, and their tables' root.
 * 0: there are none. */
static UINT64 cpu_pages(void)
{
	EFI_PHYSICAL_ADDRESS pa = MIB - 1;

	if (efi->BootServices->AllocatePages(AllocateMaxAddress, EfiLoaderData, 2, &pa) != EFI_SUCCESS) return 0;
	paging_cpus((UINT64 *)(pa + PAGE), pa);
	return pa;
}

/* Before anything is read: a machine that is too small shall not look like a damaged disk. */
static unsigned memory_measure(struct extent *mem, unsigned max)
{
	UINT64 total;
	unsigned n = memmap_extents(mem, max, &total);

	if (total + LOADER_MEM_SLACK < LOADER_MEM_MIN)
		fail_number("Quire needs at least 64 MiB; this machine has", (total + MIB - 1) / MIB, "MiB");
	return n;
}

/* A page for the clock, and the code. */
static UINT64 vdso_pages(void)
{
	extern const char vdso_image[], vdso_image_end[];       /* vdso.S */
	UINT64 len = vdso_image_end - vdso_image;
	UINT8 *pages = page_alloc(2);

	if (len > PAGE) fail("is longer than a page", "the vDSO");
	memcpy(pages + PAGE, vdso_image, len);
	return (UINT64)pages;
}

/* Holes among the memory have a struct page, too. */
static void page_array_make(struct bootinfo *bi, const struct extent *mem, unsigned n)
{
	bi->npages = mem[n - 1].end / PAGE;
	bi->page_array = (UINT64)page_alloc(PAGES(bi->npages * BOOT_PAGE_BYTES));
}

/* Called by gnu-efi's start code with the ABI of this compiler, not the firmware's. */
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
	static struct extent mem[BOOT_RANGES_MAX];
	static struct chipset chipset;
	struct image im = { 0 };
	unsigned n;

	efi = table;
	efi->BootServices->SetWatchdogTimer(0, 0, 0, NULL);     /* the firmware's five minutes are not ours */
	control_check();
	n = memory_measure(mem, BOOT_RANGES_MAX);
	file_volume_open(image);
	file_sums_read();

	struct bootinfo *bi = page_alloc(PAGES(sizeof(*bi)));
	struct blob kernel = file_read("kernel.elf", 0);

	page_array_make(bi, mem, n);
	bi->vdso = vdso_pages();
	elf_kernel_load(&kernel, &im);
	bi->tables = tables_make(im.entries);
	cmdline_make(image, bi);
	modules_read(bi);
	bi->magic = BOOTINFO_MAGIC;
	UINT64 rsdp = rsdp_find();

	elf_symbols_read(&kernel, bi);
	UINT64 cr3 = paging_build(&kernel, &im, mem, n, (UINT64)jump_kernel);
	UINT64 low = cpu_pages();

	paging_reserve();

	memmap_exit(image, bi);
	serial_init();
	acpi_read(rsdp, bi, &chipset);
	paging_registers(bi->machine.lapic, PAGE);
	irq_route(&chipset, &bi->machine);
	clock_read(&chipset, bi);
	control_prepare(&bi->control);
	cpus_start(bi, low, low + PAGE);
	pci_read(chipset.ecam, bi);
	servers_list(bi);
	jump_kernel(cr3, im.base + im.len, im.entries->main, DIRECT_BASE + (UINT64)bi, bi->control.cr4,
	            DIRECT_BASE + bi->tables);
}
