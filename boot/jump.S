/* SPDX-License-Identifier: MIT */
/* boot/jump.S - LOADER - the jump: new page tables, the kernel's boot stack, its entry.
 *
 * Path:  loader.c > [jump.S] > kernel/main.c
 * Use:   jump_kernel(%rdi = CR3, %rsi = stack, %rdx = entry, %rcx = bootinfo, %r8 = CR4, %r9 = boot_tables, both at
 *        their direct-map addresses); does not return.
 *
 * J1  All of it lies in one page, the only one that the new tables map at its old address: hence the alignment.
 * J2  The kernel's entry, a C function that does not return, finds bootinfo in %rdi, and no frame above: %rbp and the
 *     return address are 0, the stack as psABI 3.2.2 wants it. */
#include "boot/tables.h"

	.section .text
	.globl	jump_kernel
	.balign	256
jump_kernel:
	cli
	mov	%rdi, %cr3
	mov	%r8, %cr4
	mov	%rsi, %rsp
	mov	%rcx, %rdi
	mov	%rdx, %rbx
	LOAD_TABLES %r9
	xor	%ebp, %ebp
	push	%rbp
	jmp	*%rbx

	.section .note.GNU-stack, "", @progbits
