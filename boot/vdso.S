/* SPDX-License-Identifier: MIT */
/* boot/vdso.S - LOADER - the vDSO's code (user/vdso) as bytes to be copied: programs run it. */
	.section .rodata
	.globl vdso_image, vdso_image_end
vdso_image:
	.incbin "vdso.so"
vdso_image_end:
	.section .note.GNU-stack, "", @progbits
