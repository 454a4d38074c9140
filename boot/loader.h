/* SPDX-License-Identifier: MIT */
/* boot/loader.h - LOADER - what the files of the UEFI loader share. */
#ifndef BOOT_LOADER_H
#define BOOT_LOADER_H

#include <efi.h>
#include <efilib.h>

#include "boot/bootinfo.h"

struct file { UINT8 *data; UINT64 len; };       /* data: whole pages of EfiLoaderData */

/* say.c: one line on COM1 (and, while there are boot services, nothing else is needed: OVMF shows COM1). */
void say(const char *text);
void say_hex(UINT64 v);
void say_dec(UINT64 v);
/* The end: the message, then QEMU's exit status 163 (isa-debug-exit), or a halt. */
void die(const char *what, const char *which) __attribute__((noreturn));

/* files.c: the ESP we were loaded from. */
void files_open(EFI_HANDLE image);
struct file file_read(const char *path);        /* data NULL: not there */
void file_check(const char *path, const struct file *);         /* against \quire\sums.txt; dies on damage */
void cmdline_read(EFI_HANDLE image, char *buf, UINTN size);

/* kernel.c */
struct image { UINT64 entry, phys, len; };      /* where the kernel is in memory */
struct image kernel_load(const struct file *);
void kernel_map(const struct file *, const struct image *);     /* each segment with its rights */

/* memory.c: the memory map and the page tables. */
void *pages_alloc(UINTN n);                     /* zeroed EfiLoaderData; dies when there is none */
void memory_check(void);                        /* dies when the machine has too little */
void memory_tables_alloc(void);                 /* before the boot services go */
void memory_leave(EFI_HANDLE image, struct bootinfo *);         /* memory map > ranges, ExitBootServices */
void memory_map_all(const struct bootinfo *, const struct image *);
void page_map(UINT64 va, UINT64 pa, UINT64 flags);      /* one 4 KiB page */
UINT64 memory_root(void);

#define PAGE 4096ull
#define PTE_P 1ull
#define PTE_W 2ull
#define PTE_PS (1ull << 7)
#define PTE_NX (1ull << 63)

#endif
