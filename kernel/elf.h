/* SPDX-License-Identifier: MIT */
/* kernel/elf.h - RING 0 - program images: where their bytes are, and what loading one into a map says. */
#ifndef KERNEL_ELF_H
#define KERNEL_ELF_H

#include "kernel/klib.h"

struct map;
struct vmo;

struct loaded {
	uaddr_t entry, base;            /* base: what was added to addresses of the file */
	uaddr_t phdr;                   /* of the program headers in memory; 0: not loaded */
	uint64_t phnum;
	uaddr_t end;                    /* first byte past the last segment: brk starts there */
	bool exec_stack;                /* PT_GNU_STACK asks for it */
	uaddr_t vdso;                   /* set by exec.c; 0: none */
	char interp[128];               /* PT_INTERP; "": none */
};

int image_read(struct vmo *, uint64_t off, void *buf, uint64_t len);   /* all of it; -ENOEXEC: not there */
/* Map an image privately.  base: where a position-independent one goes.  Nothing of the map is undone after an error.
 * 0, -ENOEXEC (malformed in any way), -ENOMEM, -EIO */
int elf_load(struct map *, struct vmo *, uaddr_t base, struct loaded *);

#endif
