/* SPDX-License-Identifier: MIT */
/* boot/bootinfo.h - LOADER AND RING 0 - what the loader hands over, by pointer in %rdi (a direct-map address).
 *
 * On entry: long mode, interrupts off, CR0, CR4, EFER and XCR0 as control.c says, GDT, IDT and SYSCALL's registers as
 * tables.c says, CR3 = page tables made by the loader, %rsp = a boot stack inside the kernel image, everything below in
 * LOADER-owned pages.
 * The page tables map
 *   the kernel image     at its linked address (linker.ld), each segment with its own W^X rights, 4 KiB pages;
 *   all memory           at DIRECT_BASE + physical, writable, NX; the kernel's text and rodata, and what is the
 *                        firmware's, read-only there too;
 *   registers            there too, of the local APIC and of the disks (boot_disk.config, status), uncached;
 *   nothing else: no identity map but the one page of the loader's jump, which the kernel drops.
 * Each of the 256 slots in the root's upper half has its table: the kernel's half never changes there.
 */
#ifndef BOOTINFO_H
#define BOOTINFO_H

#include <stdint.h>

#include "abi/ipc.h"
#include "abi/pm.h"
#include "abi/vdso.h"

#define BOOTINFO_MAGIC   0x5155495245303031ull  /* "QUIRE001" */
#define BOOT_PIECES_MAX  8
#define BOOT_RANGES_MAX  256

#define BOOT_COM1_VECTOR 0x30                   /* of COM1's interrupt on this CPU; the I/O APIC masks all others */
#define BOOT_DISK_VECTOR 0x31                   /* from here on BOOT_DISK_IRQS of each disk */
#define BOOT_DISK_IRQS   2
#define BOOT_TIMER_VECTOR    0x20       /* of each CPU's local APIC, which is on, its timer divided by 16 and at rest */
#define BOOT_SPURIOUS_VECTOR 0xff
#define DIRECT_BASE      0xffff800000000000ull  /* all memory, 64 TiB at most */
#define KERNEL_BASE      0xffffffff80000000ull

enum boot_range_kind {
	BOOT_RAM_FREE = 1,      /* usable from the start (EFI conventional, boot services) */
	BOOT_RAM_LOADER,        /* kernel, modules, page tables, bootinfo: in use */
	BOOT_RAM_FIRMWARE,      /* ACPI tables, runtime services: never touched, but readable */
};

/* Bytes, page-aligned, sorted, disjoint, without page 0: physical address 0 means "none" to some. */
struct boot_range { uint64_t start, len; uint32_t kind, pad; };

#define BOOT_PAGE_BYTES 72              /* sizeof(struct page): the kernel has one for each page of memory */

enum { BOOT_FS, BOOT_VIRTIO_BLK, BOOT_PM, BOOT_INIT, BOOT_MODULES };

#define BOOT_CMDLINE_MAX 512

/* A program: pages of its own, which the kernel maps in each server that it becomes. */
struct boot_module {
	uint64_t start, len;            /* physical, page-aligned start; bytes */
	struct exec_piece piece[BOOT_PIECES_MAX];       /* object 0: the module; rising, no page twice */
};

/* What a server finds at its stack pointer (x86-64 psABI 3.4.1).  Its name is its only word; its environment is the
 * command line. */
struct boot_words {
	uint64_t argc, argv[2], envp[2], aux[7][2];
	char     name[32];
	char     env[8 + BOOT_CMDLINE_MAX];             /* "CMDLINE=..." */
	uint64_t random[2];
} __attribute__((aligned(16)));

struct boot_server {
	uint32_t module;
	struct exec_plan plan;
	struct boot_words words;
};

struct boot_symbol { uint64_t at, name; };      /* a function or label of the kernel; direct-map address of its name */

#define BOOT_CPUS_MAX  16
#define BOOT_DISKS_MAX 16
#define BOOT_DISK_MAPS (1 + DEV_PIECES)

/* What each CPU has loaded, as far as it must be known. */
#define BOOT_CR4_OSXSAVE (1ull << 18)   /* else FXSAVE is all there is */
#define BOOT_FPU_START   576            /* bytes: the area of old and XSAVE's header */
#define BOOT_FPU_MAX     3072           /* bytes: fpu_area is not longer */
#define BOOT_CR4_SMAP    (1ull << 21)   /* ring 0 touches no page of ring 3's by accident */
struct boot_control {
	uint64_t cr4;
	uint64_t xcr0;                  /* components of the FPU's state */
	uint32_t fpu_area;              /* bytes of it */
	uint8_t  fpu_start[BOOT_FPU_START] __attribute__((aligned(64)));        /* a new program's; behind it zeros */
};

/* What the kernel says of itself: the ELF file's entry is the address of this, in its text. */
struct boot_entries {
	uint64_t main;                  /* a C function: on entry as above */
	uint64_t syscall;               /* where SYSCALL goes: interrupts off */
	uint64_t vectors;               /* where the 256 vectors go, 16 bytes each: interrupts off */
};

/* SDM 3A 8.7 */
struct boot_tss {
	uint32_t none;
	uint64_t rsp0, unused[3];       /* rsp0: the kernel's, for an entry from ring 3 */
	uint64_t ist[8];                /* [0]: the stack of NMI, double fault and machine check, which are the end */
	uint16_t none_either, io_map;   /* ring 3 has no port */
} __attribute__((packed));

/* What each CPU has loaded that comes to the kernel, but for TR.  Segments: 0x08 code, 0x10 data of ring 0; 0x28 data,
 * 0x30 code of ring 3; the TSS of CPU n at BOOT_TSS(n). */
#define BOOT_TSS(n) (0x38 + 16 * (n))
struct boot_tables {
	struct { uint16_t unused[3], last; uint64_t base; } gdtr, idtr;         /* tables.h */
	struct { uint32_t number, low, high; } msr[3];                          /* tables.h */
	uint32_t unused;
	uint64_t gdt[BOOT_TSS(BOOT_CPUS_MAX) / 8];
	uint64_t idt[256][2];
	struct boot_tss tss[BOOT_CPUS_MAX];
	uint8_t  stack[BOOT_CPUS_MAX][4096] __attribute__((aligned(16)));
};

/* Where the further CPUs wait: interrupts off, on tables of their own with the kernel's half.  The one whose APIC id is
 * in next takes the stack and jumps to the entry, %rbp and the word on the stack 0. */
struct boot_door { uint64_t stack, entry; uint32_t next; };

/* The PCI function of a virtio disk: reset, memory and bus mastering on, port I/O and INTx off; MSI-X on, the first
 * BOOT_DISK_IRQS entries with the disk's vectors, all others masked. */
struct boot_disk {
	uint64_t config;                /* physical: 4 KiB of configuration space (PCIe ECAM) */
	uint64_t status;                /* physical: the byte whose 0 is a reset (virtio 1.1 4.1.4.3); 0: it has none */
	uint16_t bdf;                   /* bus << 8 | device << 3 | function */
	uint32_t nmaps;
	/* At these addresses of its driver; start: physical; whole pages.  map[0] is DEV_MEMORY, the others are registers. */
	struct boot_map { uint64_t at, start, len; } map[BOOT_DISK_MAPS];
};

/* What the ACPI tables and the PCI buses say.  0 where there is none. */
struct boot_machine {
	uint64_t lapic;                         /* physical */
	uint16_t pm1a;                          /* FADT: an I/O port */
	uint32_t ncpus, ndisks;
	uint8_t  cpu[BOOT_CPUS_MAX];            /* APIC ids: of this one, and of those that wait at the door */
	struct boot_disk disk[BOOT_DISKS_MAX];
};

enum { BOOT_PANIC_NONE, BOOT_PANIC_TEST, BOOT_PANIC_STACK, BOOT_PANIC_FAULT };

struct bootinfo {
	uint64_t magic;
	uint64_t symbols;               /* direct-map address of nsymbols struct boot_symbol, for backtraces */
	uint64_t page_array, npages;    /* physical: room for those of all pages below page npages, zeroed */
	uint32_t nsymbols, nranges;
	struct boot_range  range[BOOT_RANGES_MAX];
	struct boot_module module[BOOT_MODULES];
	struct boot_server server[BOOT_DISKS_MAX + 4];  /* init, the driver of each disk, fs, pm, pm:exec */
	struct boot_machine machine;
	uint64_t vdso;                  /* physical: two pages, the clock (ns since the start, and the date then), code */
	struct boot_control control;
	uint64_t tables;                /* physical: struct boot_tables */
	uint64_t cpu_door;              /* physical: a struct boot_door */
	uint64_t apic_hz;               /* counts per second of the local APIC's timer, divided by 16 */
	/* Words of the command line, which all servers have: */
	uint64_t delay;                 /* delay=SEED, and one more; 0: no delays */
	uint32_t split;                 /* vm=split */
	uint32_t panic;                 /* panic=HOW: BOOT_PANIC_* */
};

#endif
