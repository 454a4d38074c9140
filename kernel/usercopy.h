/* SPDX-License-Identifier: MIT */
/* kernel/usercopy.h - RING 0 - the only place where ring 0 touches a user's memory.
 *
 * All check the range against USER_TOP, open SMAP for the copy, and survive a fault that vm_fault() cannot
 * mend: -EFAULT (also for SIGBUS cases).  They may sleep: no spinlock and no map mutex held.
 */
#ifndef KERNEL_USERCOPY_H
#define KERNEL_USERCOPY_H

#include "kernel/klib.h"

int copy_in(void *dst, uaddr_t src, size_t n);          /* 0 or -EFAULT */
int copy_out(uaddr_t dst, const void *src, size_t n);
/* The same, but tell how many bytes were NOT copied (0: all): for short reads and writes. */
size_t copy_in_part(void *dst, uaddr_t src, size_t n);
size_t copy_out_part(uaddr_t dst, const void *src, size_t n);
int copy_in_str(char *dst, uaddr_t src, size_t size);   /* length without NUL; -EFAULT, -ENAMETOOLONG */
/* A word at once, for futex.c: may be called with a spinlock held, and then fails if the page has to be fetched. */
int user_load32(uint32_t *to, uaddr_t from);
int user_swap32(uaddr_t at, uint32_t *old, uint32_t new);       /* compare and swap; *old: what was there */
/* A read or a write: what is moved, and how. */
struct io {
	uaddr_t buf;                    /* a user's buffer, or of a vector; or the kernel's */
	uint64_t len;                   /* bytes; or pieces of the vector */
	uint32_t flags;                 /* O_APPEND, O_SYNC ... of the descriptor, and for this call */
	bool write, vector, kernel;
};
static inline void io_advance(struct io *io, uint64_t n)
{
	io->buf += n;
	io->len -= n;
}
/* Between the buffer's first n bytes and a page.  As copy_in_part(): of the kernel's none is left. */
static inline size_t io_copy(const struct io *io, void *page, size_t n)
{
	if (!io->kernel) return io->write ? copy_in_part(page, io->buf, n) : copy_out_part(io->buf, page, n);
	if (io->write) memcpy(page, (void *)io->buf, n);
	else memcpy((void *)io->buf, page, n);
	return 0;
}
bool user_range_ok(uaddr_t start, uint64_t len);        /* lies below USER_TOP without wrapping */

#endif
