/* SPDX-License-Identifier: MIT */
/* user/pm/elf.c - RING 3 - ELF programs (System V gABI 4 and 5; x86-64 psABI): checked, then said in pieces to be mapped.
 *
 * Path:  exec.c > [elf.c]  ~SYS_vmo_read~>
 *
 * L1  Nothing in a file is believed: every offset, size and address is checked before it is used, and a file that fails
 *     any check is -ENOEXEC.  How long the file is, ring 0 checks when it maps.
 * L2  Segments are in rising order and share no page. */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "user/pm/image.h"

#define PAGE      4096ull
#define PHNUM_MAX 64
#define ADDR_LOW  0x10000ull            /* nothing is mapped below: a null pointer with an offset must fault */
#define ADDR_HIGH 0x00007e0000000000ull /* stacks, mmap and the interpreter lie above */
#define ADDR_END  0x00007ffffffff000ull
#define SPAN_MAX  (1ull << 38)          /* from the first to the last byte of a position-independent image */

static uint64_t page_down(uint64_t at) { return at & ~(PAGE - 1); }
static uint64_t page_up(uint64_t at) { return page_down(at + PAGE - 1); }

int image_read(uint32_t object, uint64_t off, void *buf, uint64_t len)
{
	long n = q_vmo_read(object, off, buf, len);

	return n < 0 ? (int)n : (uint64_t)n == len ? 0 : -ENOEXEC;
}

static int header_check(const Elf64_Ehdr *h)
{
	static const uint8_t magic[7] = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT};

	if (memcmp(h->e_ident, magic, sizeof(magic))) return -ENOEXEC;
	if ((h->e_type != ET_EXEC && h->e_type != ET_DYN) || h->e_machine != EM_X86_64) return -ENOEXEC;
	if (h->e_phentsize != sizeof(Elf64_Phdr)) return -ENOEXEC;
	return h->e_phnum == 0 || h->e_phnum > PHNUM_MAX ? -ENOEXEC : 0;
}

static int load_check(const Elf64_Phdr *p, uint64_t prev_end, int fixed)
{
	uint64_t end = p->p_vaddr + p->p_memsz;

	if (p->p_filesz > p->p_memsz || p->p_offset + p->p_filesz < p->p_offset) return -ENOEXEC;
	if (p->p_vaddr % PAGE != p->p_offset % PAGE && p->p_filesz) return -ENOEXEC;
	if (end < p->p_vaddr || end > (fixed ? ADDR_HIGH : SPAN_MAX)) return -ENOEXEC;
	if (fixed && p->p_vaddr < ADDR_LOW) return -ENOEXEC;
	/* zeros behind the file's bytes have to be written */
	if (p->p_filesz && p->p_memsz > p->p_filesz && !(p->p_flags & PF_W)) return -ENOEXEC;
	return page_down(p->p_vaddr) >= prev_end ? 0 : -ENOEXEC;        /* L2 */
}

static uint16_t segment_prot(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
}

/* Pages of the file; then pages of zeros. */
static void segment_add(struct image *im, const Elf64_Phdr *p, uint64_t base, uint16_t object)
{
	uint64_t start = base + page_down(p->p_vaddr), end = base + p->p_vaddr + p->p_filesz;
	uint64_t top = p->p_filesz ? page_up(end) : start, last = page_up(base + p->p_vaddr + p->p_memsz);
	uint16_t prot = segment_prot(p->p_flags);

	if (p->p_filesz)
		im->piece[im->npieces++] = (struct exec_piece){
			.addr = start, .off = page_down(p->p_offset), .bytes = end - start,
			.zeros = p->p_memsz > p->p_filesz ? (uint32_t)(top - end) : 0, .prot = prot, .object = object,
		};
	if (last > top)
		im->piece[im->npieces++] = (struct exec_piece){
			.addr = top, .bytes = last - top, .prot = prot, .object = EXEC_ZEROS,
		};
}

static int interp_read(struct image *im, const Elf64_Phdr *p, uint32_t object)
{
	int rc;

	if (p->p_filesz < 2 || p->p_filesz > sizeof(im->interp)) return -ENOEXEC;
	rc = image_read(object, p->p_offset, im->interp, p->p_filesz);
	return rc ? rc : im->interp[p->p_filesz - 1] ? -ENOEXEC : 0;
}

/* base: what is added to addresses of the file. */
static int segments_add(struct image *im, const Elf64_Ehdr *h, const Elf64_Phdr *ph, uint32_t object, uint16_t which)
{
	uint64_t end = 0;
	int loads = 0, rc = 0;

	for (const Elf64_Phdr *p = ph; p < ph + h->e_phnum && !rc; p++) {
		if (p->p_type == PT_LOAD && p->p_memsz) {
			rc = load_check(p, end, h->e_type == ET_EXEC);
			if (rc) break;
			end = page_up(p->p_vaddr + p->p_memsz);
			loads++;
			segment_add(im, p, im->base, which);
			if (h->e_phoff >= p->p_offset && h->e_phoff - p->p_offset < p->p_filesz)
				im->phdr = im->base + p->p_vaddr + (h->e_phoff - p->p_offset);
		} else if (p->p_type == PT_GNU_STACK) {
			im->exec_stack = p->p_flags & PF_X;
		} else if (p->p_type == PT_INTERP) {
			rc = interp_read(im, p, object);
		}
	}
	im->end = im->base + end;
	return rc || loads ? rc : -ENOEXEC;
}

int image_plan(struct image *im, uint32_t object, uint16_t which, uint64_t base)
{
	static Elf64_Phdr ph[PHNUM_MAX];
	Elf64_Ehdr h;
	int rc = image_read(object, 0, &h, sizeof(h));

	im->npieces = 0;
	im->phdr = 0;
	im->exec_stack = false;
	im->interp[0] = 0;
	if (!rc) rc = header_check(&h);
	if (!rc) rc = image_read(object, h.e_phoff, ph, h.e_phnum * sizeof(*ph));
	if (rc) return rc == -EINVAL || rc == -EFAULT ? -ENOEXEC : rc;
	im->base = h.e_type == ET_EXEC ? 0 : base;
	im->phnum = h.e_phnum;
	im->entry = im->base + h.e_entry;
	if (h.e_entry >= ADDR_HIGH || im->entry >= ADDR_END) return -ENOEXEC;
	return segments_add(im, &h, ph, object, which);
}
