/* SPDX-License-Identifier: MIT */
/* kernel/ap.S - RING 0 - where a further CPU begins: copied to a page below 1 MiB, from real to long mode at once.
 *
 * SDM 3A 8.4.4: a CPU that gets a SIPI starts in real mode at page << 12.  9.8.5: PAE, CR3, EFER.LME, then PE and PG
 * together.  smp.c fills in what stands at the end, as struct ap_start.
 */
	.section .rodata
	.balign 16
	.global ap_code, ap_code_end, ap_params
	.code16
ap_code:
	cli
	mov %cs, %ax
	mov %ax, %ds
	xor %ebx, %ebx
	mov %ax, %bx
	shl $4, %ebx                    /* where this page is */
	mov $0xa0, %eax                 /* PAE, PGE */
	mov %eax, %cr4
	mov (ap_cr3 - ap_code), %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx           /* EFER: LME, NXE */
	rdmsr
	or $0x900, %eax
	wrmsr
	lgdtl (ap_gdtr - ap_code)
	mov $0x80000011, %eax           /* PG, ET, PE; caches on */
	mov %eax, %cr0
	ljmpl *(ap_far - ap_code)
	.code64
ap_long:
	mov $0x10, %eax
	mov %eax, %ss
	mov ap_stack - ap_code(%rbx), %rsp
	mov ap_entry - ap_code(%rbx), %rax
	xor %ebp, %ebp
	push %rbp
	jmp *%rax

	.balign 8
ap_gdt:
	.quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
ap_params:                              /* struct ap_start */
ap_cr3:    .quad 0
ap_stack:  .quad 0
ap_entry:  .quad 0
ap_far:    .long ap_long - ap_code      /* + the page's address */
	.word 0x08, 0
ap_gdtr:   .word 23
	.long ap_gdt - ap_code          /* + the page's address */
	.word 0
ap_code_end:

	.section .note.GNU-stack, "", @progbits
