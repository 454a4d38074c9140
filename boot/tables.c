/* SPDX-License-Identifier: MIT */
/* boot/tables.c - LOADER - segments, interrupt vectors and the way in of system calls, for all CPUs: of all this the
 * kernel changes a TSS's rsp0 alone.
 *
 * Path:  loader.c > [tables.c]; jump.S and ap.S load them (tables.h) */
#include <stddef.h>

#include "boot/loader.h"

#define MSR_STAR    0xc0000081u
#define MSR_LSTAR   0xc0000082u
#define MSR_FMASK   0xc0000084u
#define KERNEL_CS   0x08u
#define FLAGS_OFF   0x47700u            /* of ring 3's: AC, NT, IOPL, DF, IF, TF */
#define CODE_0      0x00af9a000000ffffull
#define DATA_0      0x00cf92000000ffffull
#define DATA_3      0x00cff2000000ffffull
#define CODE_3      0x00affa000000ffffull
#define TSS_TYPE    0x89ull
#define GATE_TYPE   0x8eull             /* an interrupt gate */

_Static_assert(offsetof(struct boot_tables, idtr) == 16 && offsetof(struct boot_tables, msr) == 32, "tables.h");

static UINT64 direct(const void *p) { return DIRECT_BASE + (UINT64)p; }

/* SDM 3A 3.4.5, 8.2.3: a TSS's descriptor takes two places. */
static void segments_make(struct boot_tables *t)
{
	t->gdt[1] = CODE_0;
	t->gdt[2] = DATA_0;
	t->gdt[5] = DATA_3;
	t->gdt[6] = CODE_3;
	for (unsigned i = 0; i < BOOT_CPUS_MAX; i++) {
		struct boot_tss *tss = &t->tss[i];
		UINT64 base = direct(tss), *to = &t->gdt[BOOT_TSS(i) / 8];

		tss->ist[0] = direct(t->stack[i] + sizeof(t->stack[i]));
		tss->io_map = sizeof(*tss);
		to[0] = (sizeof(*tss) - 1) | (base & 0xffffff) << 16 | TSS_TYPE << 40 | (base >> 24 & 0xff) << 56;
		to[1] = base >> 32;
	}
}

/* Interrupt gates (SDM 3A 6.14.1): every entry starts with interrupts off.  Ring 3 may call vector 3 alone.  NMI,
 * double fault and machine check may come while the stack cannot be trusted (6.14.5): they are the end, so one stack
 * does for them. */
static void vectors_make(struct boot_tables *t, UINT64 at)
{
	for (unsigned i = 0; i < 256; i++, at += 16) {
		UINT64 dpl = i == 3 ? 3 : 0, ist = i == 2 || i == 8 || i == 18;

		t->idt[i][0] = (at & 0xffff) | KERNEL_CS << 16 | ist << 32 | (GATE_TYPE | dpl << 5) << 40 |
		               (at >> 16 & 0xffff) << 48;
		t->idt[i][1] = at >> 32;
	}
}

/* STAR is about the way in; the way back is IRET, as for traps. */
UINT64 tables_make(const struct boot_entries *kernel)
{
	struct boot_tables *t = page_alloc(PAGES(sizeof(*t)));

	segments_make(t);
	vectors_make(t, kernel->vectors);
	t->gdtr.last = sizeof(t->gdt) - 1;
	t->gdtr.base = direct(t->gdt);
	t->idtr.last = sizeof(t->idt) - 1;
	t->idtr.base = direct(t->idt);
	t->msr[0].number = MSR_STAR;
	t->msr[0].high = KERNEL_CS;
	t->msr[1].number = MSR_LSTAR;
	t->msr[1].low = kernel->syscall;
	t->msr[1].high = kernel->syscall >> 32;
	t->msr[2].number = MSR_FMASK;
	t->msr[2].low = FLAGS_OFF;
	return (UINT64)t;
}
