/* SPDX-License-Identifier: MIT */
/* boot/elf.c - LOADER - ELF files: what of a module lies where, and the kernel's segments into memory.
 *
 * Path:  loader.c > [elf.c]
 * Use:   elf_module_plan() for each module; elf_kernel_load() once.
 * Source: System V ABI, chapter 5 (program headers), and its x86-64 supplement.
 *
 * L1  Nothing of the file is believed before it was compared with the file's length and the kernel's part of the
 *     address space; a bad kernel is a message, never a wild jump.
 * L2  No segment is writable and executable.
 * L3  Segments are page-aligned, in rising order, in physical memory exactly as far apart as linked. */
#include <stddef.h>

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

#define SHT_SYMTAB  2
#define STT_NOTYPE  0
#define STT_FUNC    2

struct elf_section {
	UINT32 name, type;
	UINT64 flags, addr, offset, size;
	UINT32 link, info;
	UINT64 align, entsize;
};

struct elf_symbol {
	UINT32 name;
	UINT8  info, other;
	UINT16 section;
	UINT64 value, size;
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
		if ((s->flags & PF_X) && s->memsz >= sizeof(*im->entries))
			entry_good |= h->entry - s->vaddr <= s->memsz - sizeof(*im->entries);
	}
	if (!entry_good) fail("is damaged: no entry point in its text", "kernel.elf");
}

void elf_kernel_load(const struct blob *file, struct image *im)
{
	const struct elf_segment *s;

	if (!header_good(file)) fail("is damaged: not a static x86-64 ELF program", "kernel.elf");
	segments_check(file, im);

	/* page_alloc() gives zeros: what filesz leaves of memsz is .bss. */
	im->phys = (UINT64)page_alloc(im->len / PAGE);
	im->entries = (const void *)(im->phys + ((const struct elf_header *)file->data)->entry - im->base);
	for (unsigned i = 0; (s = segment(file, i)); i++)
		if (s->type == PT_LOAD && s->filesz)
			efi->BootServices->CopyMem((void *)(im->phys + (s->vaddr - im->base)),
			                           (UINT8 *)file->data + s->offset, s->filesz);
}

/* ---- modules: the kernel maps what is said here */

#define PF_R        4u
#define MODULE_LOW  (64 * 1024ull)
#define MODULE_HIGH (1ull << 40)
#define STACK_TOP   (VDSO_AT - PAGE)
#define STACK_LEN   (128 * 1024ull)     /* wired, so not more than needed */
#define PROT_RW     3

static struct exec_plan *plan;          /* of the module that is looked at */

static void piece_add(struct boot_module *m, const char *name, struct exec_piece x)
{
	if (plan->npieces == BOOT_PIECES_MAX) fail("is damaged: too many segments", name);
	m->piece[plan->npieces++] = x;
}

/* The pages of the file, the last one zero behind its end; then pages of zeros. */
static void module_segment(const struct blob *file, const struct elf_segment *s, const char *name, struct boot_module *m)
{
	UINT64 off = s->offset / PAGE * PAGE, at = s->vaddr / PAGE * PAGE, end = s->vaddr + s->filesz;
	UINT64 top = PAGES(end) * PAGE, last = PAGES(s->vaddr + s->memsz) * PAGE;
	UINT16 prot = (UINT16)((s->flags & PF_R ? 1 : 0) | (s->flags & PF_W ? 2 : 0) | (s->flags & PF_X ? 4 : 0));

	if (s->vaddr < MODULE_LOW || s->vaddr > MODULE_HIGH || s->memsz > MODULE_HIGH || at < plan->program.brk)
		fail("is damaged: a segment out of order or too far up", name);
	if (s->filesz > s->memsz || s->offset > file->len || s->filesz > file->len - s->offset)
		fail("is damaged: it is cut short", name);
	if (s->filesz && s->vaddr % PAGE != s->offset % PAGE) fail("is damaged: a segment not aligned", name);
	if (s->filesz) piece_add(m, name, (struct exec_piece){at, off, end - at, s->memsz > s->filesz ? top - end : 0, prot, 0});
	else top = at;
	if (last > top) piece_add(m, name, (struct exec_piece){top, 0, last - top, 0, prot, EXEC_ZEROS});
	plan->program.brk_start = plan->program.brk = last;
}

#define AT_PHDR   3
#define AT_PHENT  4
#define AT_PHNUM  5
#define AT_PAGESZ 6
#define AT_RANDOM 25
#define AT_SYSINFO_EHDR 33

static void words_make(const struct elf_header *h, UINT64 phdr, struct boot_words *w)
{
	UINT64 at = STACK_TOP - sizeof(*w);

	*w = (struct boot_words){
		.argc = 1, .argv = { at + offsetof(struct boot_words, name) },
		.envp = { at + offsetof(struct boot_words, env) }, .env = "CMDLINE=",
		.aux = {
			{ AT_PHDR, phdr }, { AT_PHENT, h->phentsize }, { AT_PHNUM, h->phnum }, { AT_PAGESZ, PAGE },
			{ AT_RANDOM, at + offsetof(struct boot_words, random) }, { AT_SYSINFO_EHDR, VDSO_AT },
		},
	};
	memcpy(w->env + 8, cmdline, BOOT_CMDLINE_MAX);
	plan->program.stack = at;
	plan->program.args = w->argv[0];
}

void elf_module_plan(const struct blob *file, const char *name, struct boot_module *m, struct boot_server *server)
{
	const struct elf_header *h = file->data;
	const struct elf_segment *s;
	UINT64 phdr = 0;

	plan = &server->plan;
	if (file->len == 0) fail("is empty", name);
	if (!header_good(file)) fail("is damaged: not a static x86-64 ELF program", name);
	for (unsigned i = 0; (s = segment(file, i)); i++) {
		if (s->type != PT_LOAD || s->memsz == 0) continue;
		module_segment(file, s, name, m);
		if (h->phoff >= s->offset && h->phoff - s->offset < s->filesz) phdr = s->vaddr + h->phoff - s->offset;
	}
	m->start = (UINT64)file->data;
	m->len = file->len;
	plan->entry = h->entry;
	piece_add(m, name, (struct exec_piece){STACK_TOP - STACK_LEN, 0, STACK_LEN, 0, PROT_RW, EXEC_ZEROS});
	words_make(h, phdr, &server->words);
}

/* ---- the kernel's symbols */

/* Section i, if it and its bytes lie in the file (L1). */
static const struct elf_section *section(const struct blob *file, UINT64 i)
{
	const struct elf_header *h = file->data;
	const struct elf_section *s = (const void *)((const UINT8 *)file->data + h->shoff);

	if (h->shoff > file->len || i >= h->shnum || (file->len - h->shoff) / sizeof(*s) <= i) return NULL;
	return s[i].offset > file->len || s[i].size > file->len - s[i].offset ? NULL : &s[i];
}

/* Functions and labels of .symtab whose names end within their table. */
void elf_symbols_read(const struct blob *file, struct bootinfo *bi)
{
	const UINT8 *data = file->data;
	const struct elf_section *t = NULL, *names;
	struct boot_symbol *out;

	for (UINT64 i = 0; i < ((const struct elf_header *)file->data)->shnum && !t; i++) {
		t = section(file, i);
		if (t && t->type != SHT_SYMTAB) t = NULL;
	}
	names = t ? section(file, t->link) : NULL;
	if (!names || !names->size || data[names->offset + names->size - 1]) return;

	const struct elf_symbol *s = (const void *)(data + t->offset);
	UINT64 n = t->size / sizeof(*s);

	out = page_alloc(PAGES(n * sizeof(*out)) + 1);
	bi->symbols = DIRECT_BASE + (UINT64)out;
	for (UINT64 i = 0; i < n; i++) {
		if (((s[i].info & 15) != STT_FUNC && (s[i].info & 15) != STT_NOTYPE) || s[i].name >= names->size) continue;
		out[bi->nsymbols].at = s[i].value;
		out[bi->nsymbols++].name = DIRECT_BASE + (UINT64)(data + names->offset + s[i].name);
	}
}
