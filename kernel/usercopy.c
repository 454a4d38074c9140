/* SPDX-License-Identifier: MIT */
/* kernel/usercopy.c - RING 0 - copies between the kernel and the current user's memory, checked and able to fail.
 *
 * Path:  system calls > [usercopy.c]   (fault: trap.c > vm_fault(), else usercopy_fixup())
 * Locks: none may be held: a copy can wait for a page from the disk.  But for user_load32() and user_swap32(): with one
 *        held they fail if the page is not there (trap.c), which is what futex.c wants.
 * SMAP (SDM 3A 4.6.1) is opened by stac for the access alone; a trap in between saves AC and comes back with it.
 */
#include "kernel/thread.h"

/* A table of the linker's: an instruction that may fault, and where it goes on when vm_fault() could not help. */
#define FIXUP(at, to) ".pushsection fixups, \"a\"; .quad " #at ", " #to "; .popsection; "
extern const struct { uint64_t at, to; } fixups[], fixups_end[];

uint64_t usercopy_fixup(uint64_t rip)
{
	for (size_t i = 0; &fixups[i] < fixups_end; i++)
		if (fixups[i].at == rip) return fixups[i].to;
	return 0;
}

static void user_open(void) { if (cpu_has_smap) __asm__ volatile("stac" : : : "memory"); }
static void user_close(void) { if (cpu_has_smap) __asm__ volatile("clac" : : : "memory"); }

bool user_range_ok(uaddr_t start, uint64_t len) { return start <= USER_TOP && len <= USER_TOP - start; }

/* How many bytes were not done.  Eight at a time, then single ones: with those go on the eights behind a fault, too, so
 * that all bytes before the bad page are done. */
static size_t copy(void *to, const void *from, uaddr_t user, size_t n)
{
	size_t left = n / 8;

	INVARIANT("K4", this_cpu()->lock_depth == 0);
	thread_pause();
	if (!user_range_ok(user, n)) return n;
	user_open();
	__asm__ volatile("1: rep movsq; 2: lea (%3,%2,8), %2; 3: rep movsb; 4: " FIXUP(1b, 2b) FIXUP(3b, 4b)
	                 : "+&D"(to), "+&S"(from), "+&c"(left) : "r"(n % 8) : "memory");
	user_close();
	return left;
}

size_t copy_in_part(void *dst, uaddr_t src, size_t n) { return copy(dst, (const void *)src, src, n); }
size_t copy_out_part(uaddr_t dst, const void *src, size_t n) { return copy((void *)dst, src, dst, n); }

int user_load32(uint32_t *to, uaddr_t from)
{
	int rc = -EFAULT;

	if (!user_range_ok(from, 4)) return rc;
	user_open();
	__asm__ volatile("1: mov (%2), %0; mov $0, %1; 2: " FIXUP(1b, 2b) : "+r"(*to), "+r"(rc) : "r"(from) : "memory");
	user_close();
	return rc;
}

int user_swap32(uaddr_t at, uint32_t *old, uint32_t new)
{
	int rc = -EFAULT;

	if (!user_range_ok(at, 4)) return rc;
	user_open();
	__asm__ volatile("1: lock cmpxchg %3, (%2); mov $0, %1; 2: " FIXUP(1b, 2b)
	                 : "+a"(*old), "+r"(rc) : "r"(at), "r"(new) : "memory");
	user_close();
	return rc;
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
