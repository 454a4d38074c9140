/* SPDX-License-Identifier: MIT */
/* kernel/elf.c - RING 0 - ELF programs (System V gABI 4 and 5; x86-64 psABI): checked, then mapped.
 *
 * Path:  exec.c > [elf.c] > mm/map.c
 * Locks: none.
 *
 * L1  Nothing in a file is believed: every offset, size and address is checked before it is used, and a file that
 *     fails any check is -ENOEXEC before its segments are mapped.
 * L2  Segments are in rising order and share no page. */
#include "kernel/elf.h"

#include "mm/frame.h"
#include "mm/map.h"

#define PT_LOAD      1
#define PT_INTERP    3
#define PT_PHDR      6
#define PT_GNU_STACK 0x6474e551u
#define PF_X 1
#define PF_W 2
#define PF_R 4
#define ET_EXEC 2
#define ET_DYN  3
#define PHNUM_MAX 64
#define ADDR_LOW  0x10000ull            /* nothing is mapped below: a null pointer with an offset must fault */
#define ADDR_HIGH 0x00007e0000000000ull /* stacks, mmap and the interpreter lie above */
#define SPAN_MAX  (1ull << 38)          /* from the first to the last byte of a position-independent image */

struct elf_header {
	uint8_t  ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct program_header { uint32_t type, flags; uint64_t offset, vaddr, paddr, filesz, memsz, align; };

int image_read(struct vmo *image, uint64_t off, void *buf, uint64_t len)
{
	int64_t n = pcache_read_kernel(image, off, buf, len);

	return n < 0 ? n : (uint64_t)n == len ? 0 : -ENOEXEC;
}

static int header_check(const struct elf_header *h)
{
	static const uint8_t magic[7] = {0x7f, 'E', 'L', 'F', 2, 1, 1};        /* 64 bits, little-endian, version 1 */

	if (memcmp(h->ident, magic, sizeof(magic))) return -ENOEXEC;
	if ((h->type != ET_EXEC && h->type != ET_DYN) || h->machine != 62) return -ENOEXEC;
	if (h->phentsize != sizeof(struct program_header)) return -ENOEXEC;
	return h->phnum == 0 || h->phnum > PHNUM_MAX ? -ENOEXEC : 0;
}

static bool load_ok(uint64_t size, const struct program_header *p, uint64_t prev_end, bool fixed)
{
	uint64_t end = p->vaddr + p->memsz;

	if (p->filesz > p->memsz || p->offset > size || p->filesz > size - p->offset) return false;
	if (p->vaddr % PAGE_SIZE != p->offset % PAGE_SIZE && p->filesz) return false;
	if (end < p->vaddr || end > (fixed ? ADDR_HIGH : SPAN_MAX)) return false;
	if (fixed && p->vaddr < ADDR_LOW) return false;
	/* zeros behind the file's bytes have to be written */
	if (p->filesz && p->memsz > p->filesz && !(p->flags & PF_W)) return false;
	return ROUND_DOWN(p->vaddr, PAGE_SIZE) >= prev_end;     /* L2 */
}

/* L1: all program headers, before anything is mapped. */
static int segments_check(struct vmo *image, const struct elf_header *h, const struct program_header *ph,
                          struct loaded *out)
{
	uint64_t end = 0;
	int loads = 0, rc = 0;

	for (int i = 0; i < h->phnum && !rc; i++) {
		const struct program_header *p = &ph[i];

		if (p->type == PT_LOAD && p->memsz) {
			if (!load_ok(image->size, p, end, h->type == ET_EXEC)) return -ENOEXEC;
			end = ROUND_UP(p->vaddr + p->memsz, PAGE_SIZE);
			loads++;
			if (h->phoff >= p->offset && h->phoff - p->offset < p->filesz)
				out->phdr = p->vaddr + (h->phoff - p->offset);
		} else if (p->type == PT_GNU_STACK) {
			out->exec_stack = p->flags & PF_X;
		} else if (p->type == PT_INTERP) {
			if (p->filesz < 2 || p->filesz > sizeof(out->interp)) return -ENOEXEC;
			rc = image_read(image, p->offset, out->interp, p->filesz);
			if (!rc && out->interp[p->filesz - 1]) return -ENOEXEC;
		}
	}
	out->end = end;
	return rc || loads ? rc : -ENOEXEC;
}

static uint32_t segment_prot(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
}

static int map_anon(struct map *m, uaddr_t start, uaddr_t end, uint32_t prot)
{
	if (start >= end) return 0;
	return map_map(m, &start, end - start, prot, PROT_READ | PROT_WRITE | PROT_EXEC,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
}

/* Its pages are shared out of the page cache until they are stored to; then zeros. */
static int segment_map(struct map *m, struct vmo *image, const struct program_header *p, uaddr_t base)
{
	uaddr_t start = base + ROUND_DOWN(p->vaddr, PAGE_SIZE), file_end = base + p->vaddr + p->filesz;
	uaddr_t file_top = ROUND_UP(file_end, PAGE_SIZE), top = ROUND_UP(base + p->vaddr + p->memsz, PAGE_SIZE);
	uint32_t prot = segment_prot(p->flags);
	int rc = 0;

	if (!p->filesz) return map_anon(m, start, top, prot);
	rc = map_map(m, &start, file_top - start, prot, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_FIXED,
	             image, ROUND_DOWN(p->offset, PAGE_SIZE));
	if (!rc && p->memsz > p->filesz && file_top > file_end) {
		char *zeros = kalloc(PAGE_SIZE);        /* one page of zeros is enough: the tail is shorter */

		rc = zeros ? map_copy(m, file_end, zeros, file_top - file_end, true) : -ENOMEM;
		kfree(zeros);
	}
	return rc ? rc : map_anon(m, file_top, top, prot);
}

static int segments_load(struct map *m, struct vmo *image, const struct elf_header *h,
                         const struct program_header *ph, uaddr_t base)
{
	int rc = 0;

	for (int i = 0; i < h->phnum && !rc; i++) {
		if (ph[i].type == PT_LOAD && ph[i].memsz) rc = segment_map(m, image, &ph[i], base);
	}
	return rc;
}

int elf_load(struct map *m, struct vmo *image, uaddr_t base, struct loaded *out)
{
	struct program_header *ph = NULL;
	struct elf_header h;
	int rc = image_read(image, 0, &h, sizeof(h));

	*out = (struct loaded){0};
	if (!rc) rc = header_check(&h);
	if (rc) return rc;
	ph = kalloc(h.phnum * sizeof(*ph));
	rc = ph ? image_read(image, h.phoff, ph, h.phnum * sizeof(*ph)) : -ENOMEM;
	if (!rc) rc = segments_check(image, &h, ph, out);
	if (h.type == ET_EXEC) base = 0;
	if (!rc && (h.entry >= ADDR_HIGH || base + h.entry >= USER_TOP)) rc = -ENOEXEC;
	if (!rc) rc = segments_load(m, image, &h, ph, base);
	kfree(ph);
	if (rc == -EFAULT || rc == -EINVAL || rc == -EACCES) rc = -ENOEXEC;
	out->base = base;
	out->entry = base + h.entry;
	out->phnum = h.phnum;
	out->end += base;
	if (out->phdr) out->phdr += base;
	return rc;
}
