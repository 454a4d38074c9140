/* SPDX-License-Identifier: MIT */
/* boot/ap.S - LOADER - where a further CPU begins: copied to a page below 1 MiB, from real to long mode at once, and
 * then a wait for the kernel.
 *
 * SDM 3A 8.4.4: a CPU that gets a SIPI starts in real mode at page << 12.  9.8.5: PAE, CR3, EFER.LME, then PE and PG
 * together.  cpus.c fills in what depends on the page's place, and what the waiting is about: struct boot_door.
 */
#include "boot/tables.h"

	.section .rodata
	.balign 16
	.global ap_code, ap_code_end, ap_cr3, ap_far, ap_gdt_at, ap_control, ap_door, ap_came
	.code16
ap_code:
	cli
	mov %cs, %ax
	mov %ax, %ds
	xor %edi, %edi
	mov %ax, %di
	shl $4, %edi                    /* where this page is */
	mov $0xa0, %eax                 /* PAE, PGE */
	mov %eax, %cr4
	mov (ap_cr3 - ap_code), %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx           /* EFER: LME, NXE, SCE */
	rdmsr
	or $0x901, %eax
	wrmsr
	lgdtl (ap_gdtr - ap_code)
	mov $0x80010033, %eax           /* PG, WP, NE, ET, MP, PE; caches on */
	mov %eax, %cr0
	ljmpl *(ap_far - ap_code)
	.code64
ap_long:
	mov $0x10, %eax
	mov %eax, %ss
	mov ap_control - ap_code(%rdi), %rax
	mov %rax, %cr4
	bt $18, %rax                    /* OSXSAVE */
	jnc 1f
	mov 8 + ap_control - ap_code(%rdi), %eax
	xor %edx, %edx
	xor %ecx, %ecx
	xsetbv
1:	mov 16 + ap_control - ap_code(%rdi), %rax
	movl $0x1ff, 0xf0(%rax)         /* the local APIC's SVR and timer divider, as clock.c has the first's */
	movl $3, 0x3e0(%rax)
	movl $0x20, 0x320(%rax)         /* BOOT_TIMER_VECTOR */
	mov $1, %eax
	cpuid
	shr $24, %ebx                   /* its APIC id (SDM 2A CPUID) */
	mov $1, %al
	xchg %al, ap_came - ap_code(%rdi, %rbx)
	test %al, %al
	jnz ap_late
1:	pause
	cmp %ebx, ap_next - ap_code(%rdi)
	jne 1b
	mov ap_stack - ap_code(%rdi), %rsp
	mov 24 + ap_control - ap_code(%rdi), %rbx
	LOAD_TABLES %rbx
	mov ap_entry - ap_code(%rdi), %rax
	xor %ebp, %ebp
	push %rbp
	jmp *%rax
ap_late:                                /* cpus.c does not wait for it any more */
	cli
	hlt
	jmp ap_late

	.balign 8
ap_gdt:
	.quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
ap_cr3:
	.long 0
ap_far:
	.long ap_long - ap_code         /* + the page's address */
	.word 0x08
ap_gdtr:
	.word 23
ap_gdt_at:
	.long ap_gdt - ap_code          /* + the page's address */
	.balign 8
ap_control: .quad 0, 0, 0, 0            /* CR4, XCR0, where the local APIC is, and struct boot_tables */
ap_door:                                /* struct boot_door */
ap_stack: .quad 0
ap_entry: .quad 0
ap_next:  .long ~0
ap_came:                                /* by APIC id: 0 awaited, 1 waits at the door, 2 given up */
	.fill 256, 1, 0
ap_code_end:

	.section .note.GNU-stack, "", @progbits
