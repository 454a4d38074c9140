/* SPDX-License-Identifier: MIT */
/* kernel/entry.S - RING 0 - the ways in and out: 256 vectors, the system call, the switch of threads.
 *
 * Every entry from ring 3 builds a struct trapframe (cpu.h) at the top of the thread's kernel stack, with GS on the
 * CPU's struct cpu.  Flags are set to 2 on entry, so AC (SMAP), DF and TF of ring 3 do not reach ring 0.
 */
	.text
	.global boot_entries
	.balign 8
boot_entries:                           /* struct boot_entries, for the loader */
	.quad kernel_main, syscall_entry, vector_stubs

	.macro SAVE
	.irp reg, rcx, rax, rdx, rbx, rbp, rsi, rdi, r15, r14, r13, r12, r11, r10, r9, r8
	push %\reg
	.endr
	.endm

	.macro RESTORE
	.irp reg, r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx
	pop %\reg
	.endr
	.endm

	/* A stub per vector, 16 bytes each.  Those where the CPU pushes no error code push 0 (SDM 3A 6.15). */
	.balign 16
vector_stubs:
	.set v, 0
	.rept 256
	.balign 16
	.if !(v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21 || v == 29 || v == 30)
	push $0
	.endif
	push $v
	.if v == 2 || v == 8 || v == 18
	jmp trap_ist
	.else
	jmp trap_common
	.endif
	.set v, v + 1
	.endr

trap_common:
	testb $3, 24(%rsp)
	jz 1f
	swapgs
1:	SAVE
	push $2
	popfq
	mov %rsp, %rdi
	xor %ebp, %ebp
	testb $3, 144(%rsp)
	jnz 2f
	mov 80(%rsp), %rbp              /* the interrupted frame, for backtraces */
2:	call trap_handle
trap_return:                            /* rsp: the trapframe; interrupts off */
	testb $3, 144(%rsp)
	jz 1f
	swapgs
1:	RESTORE
	add $16, %rsp
	iretq

	/* NMI, double fault, machine check: on another stack; which GS is in force is read from the MSR. */
trap_ist:
	SAVE
	push $2
	popfq
	mov $0xc0000101, %ecx
	rdmsr
	test %edx, %edx
	js 1f
	swapgs
1:	mov %rsp, %rdi
	mov 80(%rsp), %rbp
	call trap_fatal
2:	hlt
	jmp 2b

syscall_entry:                          /* SDM 2B SYSCALL: rcx = rip, r11 = rflags; IF, DF, TF, AC cleared by FMASK */
	swapgs
	mov %rsp, %gs:16                /* user_rsp, tss of struct cpu */
	mov %gs:24, %rsp
	mov 4(%rsp), %rsp               /* rsp0 */
	push $0x2b
	push %gs:16
	push %r11
	push $0x33
	push %rcx
	push %rax
	push $0x100
	SAVE
	mov %rsp, %rdi
	xor %ebp, %ebp
	call syscall_handle
	jmp trap_return

	/* void context_switch(uint64_t *save_rsp, uint64_t load_rsp) */
	.global context_switch
context_switch:
	.irp reg, rbx, rbp, r12, r13, r14, r15
	push %\reg
	.endr
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	.irp reg, r15, r14, r13, r12, rbp, rbx
	pop %\reg
	.endr
	ret

	/* where a new thread comes out of its first switch: r12 is its function, or 0: it goes to ring 3 */
	.global thread_first
thread_first:
	mov %r12, %rdi
	call thread_begun
	mov %rsp, %rdi
	call trap_exit
	jmp trap_return

	.section .note.GNU-stack, "", @progbits
