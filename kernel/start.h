/* SPDX-License-Identifier: MIT */
/* kernel/start.h - RING 0 - the stack of a new program: arguments, environment, auxiliary vector. */
#ifndef KERNEL_START_H
#define KERNEL_START_H

#include "kernel/elf.h"

#define STACK_TOP (USER_TOP - PAGE_SIZE)
#define WORD_MAX  (32 * PAGE_SIZE)              /* bytes of one string with its NUL, as on Linux (execve(2)) */
#define WORDS_MIN (128ull << 10)                /* bytes of strings and pointers that every stack takes, */
#define WORDS_MAX (6ull << 20)                  /* and none takes more */
#define STACK_MAX (64ull << 20)                 /* bytes of a stack without a limit */

/* The words that come before the user's argv[1]: argv[0] alone, or what #! lines put there. */
struct prefix { char text[3072]; uint32_t len, count; };         /* they lie at its end */

struct exec_ids;

struct start {                          /* the stack as it is built */
	char *buf;                      /* [c] copied to [STACK_TOP - size, STACK_TOP) */
	uint64_t size;                  /* bytes, a multiple of 16 */
	uint64_t vec, str;              /* where the next pointer and the next string go */
};

int prefix_add(struct prefix *, const char *word);      /* before those that are there; -E2BIG */
/* Pointers up to NULL at vec: their number, and the bytes they and their strings take added up.  -EFAULT, -E2BIG */
int64_t words_count(uaddr_t vec, uint64_t *bytes);

/* Room for `words` pointers and `bytes` of strings beside what every program gets.  0, -ENOMEM */
int start_begin(struct start *, uint64_t words, uint64_t bytes, const char *path);
void start_free(struct start *);
uaddr_t start_addr(const struct start *, uint64_t at);  /* where byte `at` of it will lie */
void push_word(struct start *, uint64_t);
void push_prefix(struct start *, const struct prefix *);
int push_user_words(struct start *, uaddr_t vec, int64_t first, int64_t count);        /* -EFAULT, -E2BIG */
/* The last.  -E2BIG */
int push_auxv(struct start *, const struct loaded *, uaddr_t interp_base, const char *path, const struct exec_ids *);

#endif
