/* SPDX-License-Identifier: MIT */
/* boot/kernel.c - LOADER - the kernel's ELF file: checked, copied to one piece of memory, mapped with W^X. */
#include "boot/loader.h"

#include <elf.h>

#define NAME "\\quire\\kernel.elf"

static const Elf64_Ehdr *header(const struct file *f)
{
	const Elf64_Ehdr *e = (const void *)f->data;

	if (f->len < sizeof(*e) || e->e_ident[0] != 0x7f || e->e_ident[1] != 'E' || e->e_ident[2] != 'L' || e->e_ident[3] != 'F')
		die("is no ELF file", NAME);
	if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_machine != EM_X86_64 || e->e_type != ET_EXEC)
		die("is no x86-64 executable", NAME);
	if (e->e_phentsize != sizeof(Elf64_Phdr) || e->e_phoff > f->len ||
	    e->e_phnum > (f->len - e->e_phoff) / sizeof(Elf64_Phdr))
		die("has damaged program headers", NAME);
	return e;
}

static const Elf64_Phdr *segment(const struct file *f, unsigned i)
{
	const Elf64_Ehdr *e = header(f);
	const Elf64_Phdr *p = (const void *)(f->data + e->e_phoff);

	if (i >= e->e_phnum) return 0;
	p += i;
	if (p->p_type != PT_LOAD) return p;
	if (p->p_offset > f->len || p->p_filesz > f->len - p->p_offset || p->p_memsz < p->p_filesz ||
	    p->p_vaddr < KERNEL_BASE || p->p_vaddr % PAGE || p->p_memsz > 64 << 20 || p->p_vaddr + p->p_memsz < p->p_vaddr)
		die("has a damaged segment", NAME);
	return p;
}

struct image kernel_load(const struct file *f)
{
	struct image k = {.entry = header(f)->e_entry};
	UINT64 low = ~0ull, high = 0;
	const Elf64_Phdr *p;

	for (unsigned i = 0; (p = segment(f, i)); i++) {
		if (p->p_type != PT_LOAD || p->p_memsz == 0) continue;
		if (p->p_vaddr < low) low = p->p_vaddr;
		if (p->p_vaddr + p->p_memsz > high) high = p->p_vaddr + p->p_memsz;
	}
	if (high <= low || k.entry < low || k.entry >= high) die("has nothing to run", NAME);
	k.len = high - KERNEL_BASE;             /* kernel_phys is where KERNEL_BASE would be */
	k.phys = (UINT64)pages_alloc((high - low) / PAGE + 1) - (low - KERNEL_BASE);
	for (unsigned i = 0; (p = segment(f, i)); i++) {
		if (p->p_type == PT_LOAD) CopyMem((void *)(k.phys + (p->p_vaddr - KERNEL_BASE)), f->data + p->p_offset, p->p_filesz);
	}
	return k;
}

void kernel_map(const struct file *f, const struct image *k)
{
	const Elf64_Phdr *p;

	for (unsigned i = 0; (p = segment(f, i)); i++) {
		UINT64 flags = PTE_P | (p->p_flags & PF_W ? PTE_W : 0) | (p->p_flags & PF_X ? 0 : PTE_NX);

		if (p->p_type != PT_LOAD) continue;
		for (UINT64 at = 0; at < p->p_memsz; at += PAGE)
			page_map(p->p_vaddr + at, k->phys + (p->p_vaddr - KERNEL_BASE) + at, flags);
		if (p->p_flags & PF_W) continue;
		for (UINT64 at = 0; at < p->p_memsz; at += PAGE)        /* W^X in the direct map as well */
			page_map(DIRECT_BASE + k->phys + (p->p_vaddr - KERNEL_BASE) + at,
			         k->phys + (p->p_vaddr - KERNEL_BASE) + at, PTE_P | PTE_NX);
	}
}
