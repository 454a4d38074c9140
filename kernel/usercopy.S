/* SPDX-License-Identifier: MIT */
/* kernel/usercopy.S - RING 0 - the instructions that touch a user's memory, and where each continues after a fault.
 *
 * All return the number of bytes that were not done.  Eight bytes at a time, then single ones; a fault among the
 * eights continues with single bytes, so that all bytes before the bad page are done.  SMAP (SDM 3A 4.6.1) is
 * opened by stac for the copy alone; a trap in between saves AC and comes back with it.
 */
	.text

	.macro user_open
	cmpb	$0, cpu_has_smap(%rip)
	je	1f
	stac
1:
	.endm

	.macro user_close
	cmpb	$0, cpu_has_smap(%rip)
	je	1f
	clac
1:
	.endm

/* size_t usercopy_move(void *dst, const void *src, size_t n) */
	.globl	usercopy_move, usercopy_move_quads, usercopy_move_quads_fault, usercopy_move_bytes, usercopy_move_end
usercopy_move:
	user_open
	mov	%rdx, %rcx
	shr	$3, %rcx
	and	$7, %edx
usercopy_move_quads:
	rep movsq
	mov	%rdx, %rcx
usercopy_move_bytes:
	rep movsb
usercopy_move_end:
	user_close
	mov	%rcx, %rax
	ret
usercopy_move_quads_fault:
	lea	(%rdx,%rcx,8), %rcx
	jmp	usercopy_move_bytes

/* size_t usercopy_load32(uint32_t *to, const uint32_t *from): one aligned word at once */
	.globl	usercopy_load32, usercopy_load32_at
usercopy_load32:
	user_open
usercopy_load32_at:
	mov	(%rsi), %ecx
	user_close
	mov	%ecx, (%rdi)
	xor	%eax, %eax
	ret

/* size_t usercopy_swap32(uint32_t *at, uint32_t *old, uint32_t new): new goes in if *old is there; *old: what was */
	.globl	usercopy_swap32, usercopy_swap32_at, usercopy_word_fault
usercopy_swap32:
	user_open
	mov	(%rsi), %eax
usercopy_swap32_at:
	lock cmpxchg %edx, (%rdi)
	user_close
	mov	%eax, (%rsi)
	xor	%eax, %eax
	ret
usercopy_word_fault:
	user_close
	mov	$4, %eax
	ret

	.section .note.GNU-stack, "", @progbits
