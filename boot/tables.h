/* SPDX-License-Identifier: MIT */
/* boot/tables.h - LOADER - assembly: a CPU loads what is in struct boot_tables, whose direct-map address a register
 * has.  On the kernel's stack; changes %rax, %rcx, %rdx.  SDM 3A 2.4, 5.8.8; CS is loaded by a far return. */
	.macro LOAD_TABLES at
	lgdt 6(\at)
	lidt 22(\at)
	.irp i, 0, 1, 2
	mov 32 + 12 * \i(\at), %ecx
	mov 36 + 12 * \i(\at), %eax
	mov 40 + 12 * \i(\at), %edx
	wrmsr
	.endr
	push $0x08
	lea 9f(%rip), %rax
	push %rax
	lretq
9:	mov $0x10, %eax
	mov %eax, %ss
	xor %eax, %eax
	.irp reg, ds, es, fs, gs
	mov %eax, %\reg
	.endr
	.endm
