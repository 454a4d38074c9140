/* SPDX-License-Identifier: MIT */
/* fs/random.c - RING 3 - random bytes: getrandom(2), /dev/random and /dev/urandom, /proc/sys/kernel/random.
 *
 * Path:  call.c, devfs.c, procfs_sys.c > [random.c]
 */
#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "fs/call.h"
#include "fs/random.h"

#define CALL_MAX 65536u                 /* bytes that one call gets: others wait meanwhile */
#define RDRAND   (1u << 30)             /* CPUID 1, ecx */

static bool has_rdrand(void)
{
	static int has = -1;
	uint32_t a, b, c, d;

	if (has < 0) {
		__cpuid(1, a, b, c, d);
		has = (c & RDRAND) != 0;
	}
	return has;
}

/* RDRAND where there is one (SDM 1 7.3.17; it may fail now and then), mixed with the clock by a multiplicative hash.
 * Without RDRAND the clock is all there is: good for hash seeds, not for secrets. */
static uint64_t random_word(void)
{
	static uint64_t state;
	uint64_t v = 0;
	uint8_t ok = 0;

	for (int i = 0; has_rdrand() && !ok && i < 10; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(v), "=qm"(ok));
	state = (state ^ __builtin_ia32_rdtsc()) * 0x9e3779b97f4a7c15ull;
	state ^= state >> 29;
	return v ^ state;
}

void random_fill(void *buf, size_t n)
{
	for (size_t done = 0; done < n; done += 8) {
		uint64_t w = random_word();

		memcpy((char *)buf + done, &w, n - done < sizeof(w) ? n - done : sizeof(w));
	}
}

/* What fits into one call, as if a signal had cut it short then; up to 256 bytes are given whole (getrandom(2)). */
long call_getrandom(const struct call *c)
{
	static char bytes[CALL_MAX];
	size_t n = c->arg[1] < CALL_MAX ? c->arg[1] : CALL_MAX;

	if (c->arg[2] & ~(uint64_t)(GRND_NONBLOCK | GRND_RANDOM | 4)) return -EINVAL;         /* 4: GRND_INSECURE */
	random_fill(bytes, n);
	return mem_out(c, c->arg[0], bytes, n) ? -EFAULT : (long)n;
}
