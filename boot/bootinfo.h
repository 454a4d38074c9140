/* SPDX-License-Identifier: MIT */
/* boot/bootinfo.h - LOADER AND RING 0 - what the loader hands over, by pointer in %rdi (a direct-map address).
 *
 * On entry: long mode, interrupts off, CR0.WP, EFER.NXE and CR4.PGE/PAE set, CR3 = page tables made by the
 * loader, %rsp = a boot stack inside the kernel image, everything below in LOADER-owned pages.
 * The page tables map
 *   the kernel image     at its linked address (linker.ld), each segment with its own W^X rights, 4 KiB pages;
 *   all memory           at DIRECT_BASE + physical, writable, NX; the kernel's text and rodata read-only there too;
 *   nothing else: no identity map but the one page of the loader's jump, which the kernel drops.
 */
#ifndef BOOTINFO_H
#define BOOTINFO_H

#include <stdint.h>

#define BOOTINFO_MAGIC   0x5155495245303031ull  /* "QUIRE001" */
#define BOOT_MODULES_MAX 8
#define BOOT_RANGES_MAX  256

#define DIRECT_BASE      0xffff800000000000ull  /* all memory, 64 TiB at most */
#define KERNEL_BASE      0xffffffff80000000ull

enum boot_range_kind {
	BOOT_RAM_FREE = 1,      /* usable from the start (EFI conventional, boot services) */
	BOOT_RAM_LOADER,        /* kernel, modules, page tables, bootinfo: in use */
	BOOT_RAM_FIRMWARE,      /* ACPI tables, runtime services: never touched, but readable */
};

struct boot_range { uint64_t start, len; uint32_t kind, pad; };         /* bytes, page-aligned, sorted, disjoint */
struct boot_module { uint64_t start, len; char name[32]; };             /* physical, page-aligned start; bytes */

struct bootinfo {
	uint64_t magic;
	uint64_t acpi_rsdp;             /* physical; 0: none */
	uint64_t kernel_phys;           /* where KERNEL_BASE is in memory */
	uint64_t kernel_len;            /* bytes */
	uint64_t symbols, symbols_len;  /* physical: the kernel's own ELF file, for symbolised backtraces; 0: none */
	uint32_t nranges, nmodules;
	struct boot_range  range[BOOT_RANGES_MAX];
	struct boot_module module[BOOT_MODULES_MAX];    /* "fs", "virtio-blk", "init" */
	char     cmdline[512];          /* NUL-terminated */
};

#endif
