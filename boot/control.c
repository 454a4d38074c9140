/* SPDX-License-Identifier: MIT */
/* boot/control.c - LOADER - control registers and XSAVE, for ring 0 and programs: chosen once, loaded by each CPU.
 *
 * Bits that CPUID does not offer are not set: on a model that lacks them a CR4 write hangs the CPU.
 *
 * X1  The state of a thread's registers fits where the kernel keeps it (kernel/thread.c).
 *
 * Path:  loader.c > [control.c]; what is loaded with the kernel's tables alone, jump.S and ap.S load */
#include "boot/loader.h"

#define CR0_MP (1ull << 1)
#define CR0_EM (1ull << 2)
#define CR0_TS (1ull << 3)
#define CR0_NE (1ull << 5)              /* x87 errors are exception 16, not an interrupt of old */
#define CR0_WP (1ull << 16)             /* ring 0 respects read-only pages */
#define CR4_PAE (1ull << 5)
#define CR4_MCE (1ull << 6)             /* a machine check is exception 18, not a reset */
#define CR4_PGE (1ull << 7)
#define CR4_OSFXSR (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define CR4_UMIP (1ull << 11)
#define CR4_SMEP (1ull << 20)           /* ring 0 runs no page of ring 3's by accident */
#define CR4_LA57 (1ull << 12)
#define EFER     0xc0000080u
#define EFER_SCE 1u
#define EFER_NXE (1u << 11)
#define XCR0_WANTED 0xe7u               /* x87, SSE, AVX, the three of AVX-512: 2,688 bytes (SDM 1 ch. 13) */

static void cpuid(UINT32 leaf, UINT32 r[4])
{
	__asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
}

static UINT64 cr4_read(void)
{
	UINT64 v;

	__asm__ volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}

void control_check(void)
{
	if (cr4_read() & CR4_LA57) fail("is on: Quire knows four levels; use -cpu max,-la57", "five-level paging");
}

/* How long an area is XSAVE says for what XCR0 enables now. */
static void xsave_choose(struct boot_control *c)
{
	UINT32 r[4];

	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4_read() | BOOT_CR4_OSXSAVE));
	cpuid(13, r);
	c->xcr0 = r[0] & XCR0_WANTED;
	__asm__ volatile("xsetbv" : : "c"(0), "a"((UINT32)c->xcr0), "d"(0));
	cpuid(13, r);
	c->fpu_area = r[1];
	if (c->fpu_area > BOOT_FPU_MAX) fail("needs more than 3 KiB for the registers of a thread", "this CPU");
}

/* As an area that is saved (SDM 1 10.5.1): all exceptions masked, 64 bits of precision, registers 0. */
static void fpu_start_make(struct boot_control *c)
{
	*(UINT16 *)c->fpu_start = 0x37f;                /* FCW */
	*(UINT32 *)(c->fpu_start + 24) = 0x1f80;        /* MXCSR */
}

static void choose(struct boot_control *c)
{
	UINT32 f1[4], f7[4];

	cpuid(1, f1);
	cpuid(7, f7);
	c->cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	if (f1[3] & 1u << 7) c->cr4 |= CR4_MCE;
	if (f7[1] & 1u << 7) c->cr4 |= CR4_SMEP;
	if (f7[1] & 1u << 20) c->cr4 |= BOOT_CR4_SMAP;
	if (f7[2] & 1u << 2) c->cr4 |= CR4_UMIP;
	if (f1[2] & 1u << 26) c->cr4 |= BOOT_CR4_OSXSAVE;
	c->xcr0 = 3;                    /* x87, SSE: what FXSAVE has */
	c->fpu_area = 512;
	if (c->cr4 & BOOT_CR4_OSXSAVE) xsave_choose(c);
}

/* NXE before a CR3 whose tables use NX, or the bit is a reserved one and faults (SDM 3A 4.1.4).  CR4 comes after CR3:
 * the firmware's tables may make all memory ring 3's, which SMEP and SMAP forbid to ring 0. */
void control_prepare(struct boot_control *c)
{
	UINT32 lo, hi;
	UINT64 cr0;

	__asm__ volatile("cli; rdmsr" : "=a"(lo), "=d"(hi) : "c"(EFER));
	__asm__ volatile("wrmsr" : : "a"(lo | EFER_SCE | EFER_NXE), "d"(hi), "c"(EFER));
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4_read() & ~CR4_PGE));  /* global pages are forgotten, and none come */
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("mov %0, %%cr0" : : "r"((cr0 | CR0_WP | CR0_MP | CR0_NE) & ~(CR0_EM | CR0_TS)));
	choose(c);
	fpu_start_make(c);
}
