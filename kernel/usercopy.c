/* SPDX-License-Identifier: MIT */
/* kernel/usercopy.c - RING 0 - copies between the kernel and the current user's memory, checked and able to fail.
 *
 * Path:  system calls > [usercopy.c] > usercopy.S   (fault: trap.c > vm_fault(), else usercopy_fixup())
 * Locks: none may be held: a copy can wait for a page from the disk.  But for user_load32() and user_swap32(): with one
 *        held they fail if the page is not there (trap.c), which is what futex.c wants.
 */
#include "kernel/usercopy.h"

#include "kernel/thread.h"
#include "kernel/trap.h"

size_t usercopy_move(void *dst, const void *src, size_t n);
size_t usercopy_load32(uint32_t *to, const uint32_t *from);
size_t usercopy_swap32(uint32_t *at, uint32_t *old, uint32_t new);
extern const char usercopy_load32_at[], usercopy_swap32_at[], usercopy_word_fault[];
extern const char usercopy_move_quads[], usercopy_move_quads_fault[], usercopy_move_bytes[], usercopy_move_end[];

/* The instructions that may fault, and where they go on when vm_fault() could not help. */
static const struct { const char *at, *next; bool no_wait; } fixups[] = {
	{usercopy_move_quads, usercopy_move_quads_fault, false}, {usercopy_move_bytes, usercopy_move_end, false},
	{usercopy_load32_at, usercopy_word_fault, true}, {usercopy_swap32_at, usercopy_word_fault, true},
};

uint64_t usercopy_fixup(uint64_t rip, bool *no_wait)
{
	for (size_t i = 0; i < ARRAY_LEN(fixups); i++) {
		*no_wait = fixups[i].no_wait;
		if (rip == (uint64_t)fixups[i].at) return (uint64_t)fixups[i].next;
	}
	return 0;
}

bool user_range_ok(uaddr_t start, uint64_t len) { return start <= USER_TOP && len <= USER_TOP - start; }

size_t copy_in_part(void *dst, uaddr_t src, size_t n)
{
	thread_pause();
	return user_range_ok(src, n) ? usercopy_move(dst, (const void *)src, n) : n;
}

size_t copy_out_part(uaddr_t dst, const void *src, size_t n)
{
	thread_pause();
	return user_range_ok(dst, n) ? usercopy_move((void *)dst, src, n) : n;
}

int user_load32(uint32_t *to, uaddr_t from)
{
	return user_range_ok(from, 4) && !usercopy_load32(to, (const uint32_t *)from) ? 0 : -EFAULT;
}

int user_swap32(uaddr_t at, uint32_t *old, uint32_t new)
{
	return user_range_ok(at, 4) && !usercopy_swap32((uint32_t *)at, old, new) ? 0 : -EFAULT;
}

int copy_in(void *dst, uaddr_t src, size_t n) { return copy_in_part(dst, src, n) ? -EFAULT : 0; }
int copy_out(uaddr_t dst, const void *src, size_t n) { return copy_out_part(dst, src, n) ? -EFAULT : 0; }

/* Strings come in pieces that end at multiples of 64: none crosses into a page that the string does not reach. */
int copy_in_str(char *dst, uaddr_t src, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t n = MIN(64 - (src + done) % 64, size - done);

		if (copy_in(dst + done, src + done, n)) return -EFAULT;
		for (size_t i = 0; i < n; i++)
			if (!dst[done + i]) return done + i;
		done += n;
	}
	return -ENAMETOOLONG;
}
