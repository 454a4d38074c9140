/* SPDX-License-Identifier: MIT */
/* kernel/usercopy.c - RING 0 - copies between the kernel and the current user's memory, checked and able to fail.
 *
 * Path:  system calls > [usercopy.c] > usercopy.S   (fault: trap.c > vm_fault(), else usercopy_fixup())
 * Locks: none may be held: a copy can wait for a page from the disk.  But for user_load32() and user_swap32(): with one
 *        held they fail if the page is not there (trap.c), which is what futex.c wants.
 */
#include "kernel/thread.h"

size_t usercopy_move(void *dst, const void *src, size_t n);
size_t usercopy_load32(uint32_t *to, const uint32_t *from);
size_t usercopy_swap32(uint32_t *at, uint32_t *old, uint32_t new);
extern const uint64_t usercopy_fixups[];        /* pairs; 0, 0 ends them */

uint64_t usercopy_fixup(uint64_t rip)
{
	const uint64_t *f = usercopy_fixups;

	while (f[0] && f[0] != rip) f += 2;
	return f[1];
}

bool user_range_ok(uaddr_t start, uint64_t len) { return start <= USER_TOP && len <= USER_TOP - start; }

static size_t copy(void *to, const void *from, uaddr_t user, size_t n)
{
	INVARIANT("K4", this_cpu()->lock_depth == 0);
	thread_pause();
	return user_range_ok(user, n) ? usercopy_move(to, from, n) : n;
}

size_t copy_in_part(void *dst, uaddr_t src, size_t n) { return copy(dst, (const void *)src, src, n); }
size_t copy_out_part(uaddr_t dst, const void *src, size_t n) { return copy((void *)dst, src, dst, n); }

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
