/* SPDX-License-Identifier: MIT */
/* kernel/vdso.S - RING 0 - the vDSO's code (user/vdso) as bytes to be copied: ring 0 never runs it. */
	.section .rodata
	.globl vdso_image, vdso_image_end
vdso_image:
	.incbin "vdso.so"
vdso_image_end:
	.section .note.GNU-stack, "", @progbits
