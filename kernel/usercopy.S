/* SPDX-License-Identifier: MIT */
/* kernel/usercopy.S - RING 0 - the instructions that touch a user's memory, and where each continues after a fault.
 *
 * All return the number of bytes that were not done.  Eight bytes at a time, then single ones; a fault among the
 * eights continues with single bytes, so that all bytes before the bad page are done.  SMAP (SDM 3A 4.6.1) is
 * opened by stac for the copy alone; a trap in between saves AC and comes back with it.
 */
	.text

	/* user stac: open; user clac: close */
	.macro user insn
	cmpb	$0, cpu_has_smap(%rip)
	je	1f
	\insn
1:
	.endm

/* size_t usercopy_move(void *dst, const void *src, size_t n) */
	.globl	usercopy_move
usercopy_move:
	user	stac
	mov	%rdx, %rcx
	shr	$3, %rcx
	and	$7, %edx
usercopy_move_quads:
	rep movsq
	mov	%rdx, %rcx
usercopy_move_bytes:
	rep movsb
usercopy_move_end:
	user	clac
	mov	%rcx, %rax
	ret
usercopy_move_quads_fault:
	lea	(%rdx,%rcx,8), %rcx
	jmp	usercopy_move_bytes

/* size_t usercopy_load32(uint32_t *to, const uint32_t *from): one aligned word at once */
	.globl	usercopy_load32
usercopy_load32:
	user	stac
usercopy_load32_at:
	mov	(%rsi), %ecx
	user	clac
	mov	%ecx, (%rdi)
	xor	%eax, %eax
	ret

/* size_t usercopy_swap32(uint32_t *at, uint32_t *old, uint32_t new): new goes in if *old is there; *old: what was */
	.globl	usercopy_swap32
usercopy_swap32:
	user	stac
	mov	(%rsi), %eax
usercopy_swap32_at:
	lock cmpxchg %edx, (%rdi)
	user	clac
	mov	%eax, (%rsi)
	xor	%eax, %eax
	ret
usercopy_word_fault:
	user	clac
	mov	$4, %eax
	ret

	/* Pairs: an instruction that may fault, and where it goes on when vm_fault() could not help. */
	.section .rodata
	.balign	8
	.globl	usercopy_fixups
usercopy_fixups:
	.quad	usercopy_move_quads, usercopy_move_quads_fault, usercopy_move_bytes, usercopy_move_end
	.quad	usercopy_load32_at, usercopy_word_fault, usercopy_swap32_at, usercopy_word_fault, 0, 0

	.section .note.GNU-stack, "", @progbits
