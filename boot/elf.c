/* SPDX-License-Identifier: MIT */
/* boot/elf.c - LOADER - ELF files: is a module one, and the kernel's segments into memory.
 *
 * Path:  loader.c > [elf.c]
 * Use:   elf_module_check() for each module; elf_kernel_load() once.
 * Source: System V ABI, chapter 5 (program headers), and its x86-64 supplement.
 *
 * L1  Nothing of the file is believed before it was compared with the file's length and the kernel's part of the
 *     address space; a bad kernel is a message, never a wild jump.
 * L2  No segment is writable and executable.
 * L3  Segments are page-aligned, in rising order, in physical memory exactly as far apart as linked. */
#include "boot/loader.h"

#define ET_EXEC    2
#define EM_X86_64  62
#define PT_LOAD    1
#define PF_X       1u
#define PF_W       2u
#define KERNEL_MAX (64 * MIB)

struct elf_header {
	UINT8  ident[16];
	UINT16 type, machine;
	UINT32 version;
	UINT64 entry, phoff, shoff;
	UINT32 flags;
	UINT16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
	UINT32 type, flags;
	UINT64 offset, vaddr, paddr, filesz, memsz, align;
};

/* Class 64, little-endian, x86-64, not position-independent. */
static int header_good(const struct blob *file)
{
	const struct elf_header *h = file->data;

	if (file->len < sizeof(*h)) return 0;
	if (h->ident[0] != 0x7f || h->ident[1] != 'E' || h->ident[2] != 'L' || h->ident[3] != 'F') return 0;
	if (h->ident[4] != 2 || h->ident[5] != 1) return 0;
	if (h->type != ET_EXEC || h->machine != EM_X86_64) return 0;
	if (h->phentsize != sizeof(struct elf_segment) || h->phnum == 0) return 0;
	return h->phoff <= file->len && (file->len - h->phoff) / sizeof(struct elf_segment) >= h->phnum;
}

void elf_module_check(const struct blob *file, const char *name)
{
	if (file->len == 0) fail("is empty", name);
	if (!header_good(file)) fail("is damaged: not a static x86-64 ELF program", name);
}

static const struct elf_segment *segment(const struct blob *file, unsigned i)
{
	const struct elf_header *h = file->data;
	const struct elf_segment *s = (const void *)((const UINT8 *)file->data + h->phoff);

	return i < h->phnum ? &s[i] : NULL;
}

int elf_segment(const struct blob *file, unsigned i, UINT64 *va, UINT64 *len, UINT32 *flags)
{
	const struct elf_segment *s = segment(file, i);

	if (!s) return 0;
	*va = s->vaddr;
	*len = s->type == PT_LOAD ? PAGES(s->memsz) * PAGE : 0;
	*flags = s->flags;
	return 1;
}

/* L1, L2, L3 for one segment that has to start at or after `from`. */
static const char *segment_fault(const struct blob *file, const struct elf_segment *s, UINT64 from)
{
	if (s->vaddr < from || s->vaddr % PAGE) return "is damaged: a segment out of order or not page-aligned";
	if (s->vaddr - KERNEL_BASE > KERNEL_MAX || s->memsz > KERNEL_MAX) return "is damaged: a segment too far up";
	if (s->filesz > s->memsz) return "is damaged: a segment longer in the file than in memory";
	if (s->offset > file->len || s->filesz > file->len - s->offset) return "is damaged: it is cut short";
	if ((s->flags & PF_W) && (s->flags & PF_X)) return "is bad: a segment both writable and executable";
	return NULL;
}

static void segments_check(const struct blob *file, struct image *im)
{
	const struct elf_header *h = file->data;
	UINT64 end = KERNEL_BASE;
	int entry_good = 0;
	const struct elf_segment *s;

	for (unsigned i = 0; (s = segment(file, i)); i++) {
		if (s->type != PT_LOAD || s->memsz == 0) continue;
		const char *fault = segment_fault(file, s, end);

		if (fault) fail(fault, "kernel.elf");
		if (!im->len) im->base = s->vaddr;
		end = s->vaddr + PAGES(s->memsz) * PAGE;
		im->len = end - im->base;
		if (!(s->flags & PF_W)) im->readonly = im->len;
		if ((s->flags & PF_X) && h->entry - s->vaddr < s->memsz) entry_good = 1;
	}
	if (!entry_good) fail("is damaged: no entry point in its text", "kernel.elf");
	im->entry = h->entry;
}

void elf_kernel_load(const struct blob *file, struct image *im)
{
	const struct elf_segment *s;

	if (!header_good(file)) fail("is damaged: not a static x86-64 ELF program", "kernel.elf");
	segments_check(file, im);

	/* page_alloc() gives zeros: what filesz leaves of memsz is .bss. */
	im->phys = (UINT64)page_alloc(im->len / PAGE);
	for (unsigned i = 0; (s = segment(file, i)); i++)
		if (s->type == PT_LOAD && s->filesz)
			efi->BootServices->CopyMem((void *)(im->phys + (s->vaddr - im->base)),
			                           (UINT8 *)file->data + s->offset, s->filesz);
}
