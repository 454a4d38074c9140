/* SPDX-License-Identifier: MIT */
/* boot/paging.c - LOADER - the page tables that the kernel wakes up in (boot/bootinfo.h says what they map).
 *
 * Path:  loader.c > [paging.c]
 * Use:   paging_build() while the firmware still gives pages; the root goes to jump.S.
 * Source: Intel SDM 3A 4.5 (four-level paging).
 *
 * G1  Nothing is writable and executable by any of its addresses: text and rodata are read-only in the direct map.
 *     But for the page where further CPUs begin, on the tables that they begin with.
 * G2  Only memory is mapped, and the registers that the kernel uses: uncached (SDM 3A 11.3), so that reads and writes
 *     reach the device one by one. */
#include "boot/loader.h"

#define PTE_P    1ull
#define PTE_W    2ull
#define PTE_UC   0x18ull                        /* PWT, PCD: uncached */
#define PTE_PS   0x80ull                        /* in a page directory: a 2 MiB page */
#define PTE_G    0x100ull
#define PTE_NX   (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull
#define HUGE     (2 * MIB)
#define CHUNK    32                             /* tables allocated at a time: few ranges in the memory map */
#define LATER    64                             /* tables for registers, which are found when the firmware is gone */
#define DIRECT_MAX (1ull << 46)
#define PF_X     1u
#define PF_W     2u

static UINT64 *root;

static UINT8 *next;                             /* tables that are not used yet */
static unsigned left;

static void tables_get(unsigned n)
{
	next = page_alloc(n);
	left = n;
}

static UINT64 *table_alloc(void)
{
	if (!left && !efi) fail("has too many devices, too far apart", "this machine");
	if (!left) tables_get(CHUNK);
	left--;
	next += PAGE;
	return (UINT64 *)(next - PAGE);
}

/* The slot for va in the table of this level (1: 4 KiB pages, 2: 2 MiB pages), with the tables above it. */
static UINT64 *slot_below(UINT64 *t, UINT64 va, int level)
{
	for (int l = 4; l > level; l--) {
		UINT64 *e = &t[va >> (12 + 9 * (l - 1)) & 511];

		if (*e & PTE_PS) fail("has registers in the midst of memory", "this machine");
		/* Rights are restricted in the last level only. */
		if (!*e) *e = (UINT64)table_alloc() | PTE_P | PTE_W;
		t = (UINT64 *)(*e & PTE_ADDR);
	}
	return &t[va >> (12 + 9 * (level - 1)) & 511];
}

static UINT64 *slot(UINT64 va, int level) { return slot_below(root, va, level); }

static int overlaps(UINT64 pa, UINT64 len, const struct image *im)
{
	return pa < im->phys + im->len && pa + len > im->phys;
}

static void direct_map(const struct extent *e, const struct image *im)
{
	for (UINT64 pa = e->start; pa < e->end;) {
		int huge = pa % HUGE == 0 && e->end - pa >= HUGE && !overlaps(pa, HUGE, im);
		UINT64 rights = PTE_P | PTE_G | PTE_NX;

		/* G1; the subtraction wraps for what lies below the image */
		if (!e->firmware && pa - im->phys >= im->readonly) rights |= PTE_W;
		if (huge) *slot(DIRECT_BASE + pa, 2) = pa | rights | PTE_PS;
		else      *slot(DIRECT_BASE + pa, 1) = pa | rights;
		pa += huge ? HUGE : PAGE;
	}
}

/* Pages between two segments are mapped nowhere: so is the guard page below the boot stack. */
static void image_map(const struct blob *kernel, const struct image *im)
{
	UINT64 va, len;
	UINT32 flags;

	for (unsigned i = 0; elf_segment(kernel, i, &va, &len, &flags); i++)
		for (UINT64 off = 0; off < len; off += PAGE)
			*slot(va + off, 1) = (im->phys + (va - im->base) + off) | PTE_P | PTE_G |
			                     (flags & PF_W ? PTE_W : 0) | (flags & PF_X ? 0 : PTE_NX);
}

UINT64 paging_build(const struct blob *kernel, const struct image *im, const struct extent *mem, unsigned n,
                    UINT64 jump_va)
{
	root = table_alloc();
	for (unsigned i = 0; i < n; i++)
		direct_map(&mem[i], im);
	image_map(kernel, im);
	for (UINT64 va = DIRECT_BASE; va; va += 1ull << 39)
		slot(va, 3);

	/* The instruction after the write of CR3 is fetched through the new tables, at its old address
	 * (SDM 3A 4.10.4). */
	*slot(jump_va, 1) = (jump_va & PTE_ADDR) | PTE_P;
	return (UINT64)root;
}

void paging_cpus(UINT64 *cpu_root, UINT64 cpu_page)
{
	for (int i = 0; i < 512; i++)
		cpu_root[i] = i < 256 ? 0 : root[i];
	*slot_below(cpu_root, cpu_page, 1) = cpu_page | PTE_P | PTE_W;
}

void paging_reserve(void)
{
	if (left < LATER) tables_get(LATER);
}

void paging_registers(UINT64 pa, UINT64 len)
{
	if (pa > DIRECT_MAX - len) fail("has registers above 64 TiB", "this machine");
	for (UINT64 at = pa / PAGE * PAGE; at < pa + len; at += PAGE)
		*slot(DIRECT_BASE + at, 1) = at | PTE_P | PTE_W | PTE_UC | PTE_G | PTE_NX;
}
