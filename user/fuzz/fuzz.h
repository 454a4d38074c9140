/* SPDX-License-Identifier: MIT */
/* user/fuzz/fuzz.h - RING 3 - what the parts of the fuzzer share. */
#ifndef USER_FUZZ_H
#define USER_FUZZ_H

#include <stdint.h>

#define THREADS  2                      /* of each child */
#define REMEMBER 32                     /* calls of each thread */

struct call { const char *name, *kinds; long nr; };
extern const struct call calls[];
extern const unsigned ncalls;

struct made { uint64_t nr, arg[6]; };

/* In memory that the child shares with the supervisor, who believes nothing in it: the child may have written to it. */
struct report {
	uint64_t count[THREADS];
	struct made last[THREADS][REMEMBER];
};

/* The call itself: the child cannot use its C library any more once calls have changed what that stands on. */
static inline long raw(uint64_t nr, const uint64_t a[6])
{
	register uint64_t r10 __asm__("r10") = a[3], r8 __asm__("r8") = a[4], r9 __asm__("r9") = a[5];
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return r;
}

#define RAW(nr, ...) raw(nr, (const uint64_t[6]){__VA_ARGS__})

static inline uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;           /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}
static inline uint64_t below(uint64_t *state, uint64_t n) { return draw(state) % n; }

void things_make(uint64_t *state);                      /* descriptors, mappings and names to ask about; again and again */
int  things_mend(uintptr_t at);                         /* a fault in the memory of the things: 1, it is there again */
int  hint(uint64_t *state, const char *name, int arg, uint64_t *value);
void call_draw(uint64_t *state, int as_root, struct made *out);
const char *call_name(uint64_t nr);
void child_run(uint64_t seed, unsigned ncalls, int as_root, int verbose, struct report *r);

#endif
