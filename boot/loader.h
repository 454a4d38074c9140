/* SPDX-License-Identifier: MIT */
/* boot/loader.h - LOADER - what the loader's files share: the firmware's tables, files, pages, text, the end.
 *
 * Runs before both rings, in the firmware's identity map, one CPU, no interrupts of its own.  UEFI 2.9 is the
 * source of every firmware call; functions of the firmware have the Microsoft ABI (EFIAPI), ours do not. */
#ifndef BOOT_LOADER_H
#define BOOT_LOADER_H

#include <efi.h>

#include "boot/bootinfo.h"

#define PAGE 4096ull
#define PAGES(bytes) (((bytes) + PAGE - 1) / PAGE)

#define MIB              (1024ull * 1024)
#define LOADER_MEM_MIN   (64 * MIB)     /* what a user is told to give */
#define LOADER_MEM_SLACK (4 * MIB)      /* of which the firmware may hide so much (its variables, video, SMM) */

#define PORT_DEBUG_EXIT  0xf4           /* QEMU's isa-debug-exit; elsewhere nothing listens */
#define EXIT_LOADER      0x51           /* QEMU's status is this * 2 + 1 = 163 */

struct blob { void *data; UINTN len; };         /* a file in memory: page-aligned, in pages of its own */

struct image {                  /* the kernel in memory */
	UINT64 phys, len;       /* of all its segments, page-aligned */
	UINT64 base;            /* linked address of its first byte */
	const struct boot_entries *entries;
	UINT64 readonly;        /* bytes at its start that hold text and rodata */
};

struct extent { UINT64 start, end; int firmware; };     /* physical memory, page-aligned; whose it is */

extern EFI_SYSTEM_TABLE *efi;

static inline void outb(UINT16 port, UINT8 v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }

/* text.c: messages; a failed start ends here, with the name of what is wrong */
void __attribute__((noreturn)) fail(const char *what, const char *which);
void say_number(const char *what, UINT64 number, const char *unit);
void __attribute__((noreturn)) fail_number(const char *what, UINT64 number, const char *unit);
void serial_init(void);         /* COM1 as the kernel wants it; the firmware has it no more */
int text_equal(const char *a, const char *b);
UINTN text_len(const char *s);
void *memcpy(void *dst, const void *src, UINTN n);

/* file.c: files of the partition that the loader was started from; all of these fail() by themselves */
void file_volume_open(EFI_HANDLE image);
struct blob file_read(const char *path, int optional);          /* "modules/fs": below \quire; data NULL: not there */
void file_sums_read(void);                      /* from here on file_read() verifies checksums */

/* pages that stay the kernel's: BOOT_RAM_LOADER; zeroed */
void *page_alloc(UINTN n);

/* cmdline.c */
extern char cmdline[BOOT_CMDLINE_MAX];          /* NUL-terminated */
void cmdline_make(EFI_HANDLE image, struct bootinfo *bi);       /* and what its words are to ring 0 */
UINT64 cmdline_number(const char *word);        /* behind "word="; 0: it is not there */

/* elf.c */
void elf_module_plan(const struct blob *file, const char *name, struct boot_module *out, struct boot_server *server);
void elf_kernel_load(const struct blob *file, struct image *out);
void elf_symbols_read(const struct blob *file, struct bootinfo *bi);   /* none if the table is damaged */
int elf_segment(const struct blob *file, unsigned i, UINT64 *va, UINT64 *len, UINT32 *flags);  /* 0: no such one */

/* paging.c: the root of tables as boot/bootinfo.h promises; jump_va is also mapped at its own address */
UINT64 paging_build(const struct blob *kernel, const struct image *im, const struct extent *mem, unsigned n,
                    UINT64 jump_va);
/* Afterwards: the root of tables for further CPUs, with the kernel's half, and cpu_page at its own address. */
void paging_cpus(UINT64 *cpu_root, UINT64 cpu_page);
void paging_reserve(void);      /* the firmware's last pages for it; then, registers at DIRECT_BASE + physical: */
void paging_registers(UINT64 pa, UINT64 len);

/* memmap.c */
unsigned memmap_extents(struct extent *out, unsigned max, UINT64 *total);      /* all memory, whatever its use */
void memmap_exit(EFI_HANDLE image, struct bootinfo *bi);        /* fills bi->range; the firmware is gone afterwards */
void *memmap_take(struct bootinfo *bi, UINT64 npages);  /* then: zeroed, contiguous, in no range, so not the kernel's */

/* control.c */
void control_check(void);       /* the firmware left nothing on that stands in the way */
void control_prepare(struct boot_control *);    /* chosen, and this CPU has them, but for CR4 */

/* tables.c: where they are, once the kernel is in memory */
UINT64 tables_make(const struct boot_entries *kernel);

/* servers.c: the programs, while the firmware reads files; when the disks are known, the servers that they become */
void modules_read(struct bootinfo *bi);
void servers_list(struct bootinfo *bi);

/* cpus.c: at: the page below 1 MiB where they begin, or 0; cr3: their tables */
void cpus_start(struct bootinfo *bi, UINT64 at, UINT64 cr3);

/* jump.S */
void __attribute__((noreturn)) jump_kernel(UINT64 cr3, UINT64 rsp, UINT64 entry, UINT64 bootinfo, UINT64 cr4,
                                           UINT64 tables);

#endif
