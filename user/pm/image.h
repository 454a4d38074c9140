/* SPDX-License-Identifier: MIT */
/* user/pm/image.h - RING 3 - what one ELF file adds to a new program, and the words that it is started with. */
#ifndef PM_IMAGE_H
#define PM_IMAGE_H

#include "abi/pm.h"
#include "user/pm/pm.h"

#define PIECES_MAX 128                  /* of one image: two a segment */

struct image {
	uint64_t entry, base;           /* base: what was added to addresses of the file */
	uint64_t phdr, phnum;           /* phdr: of the program headers in memory; 0: not loaded */
	uint64_t end;                   /* first byte past the last segment: brk starts there */
	bool     exec_stack;            /* PT_GNU_STACK asks for it */
	char     interp[128];           /* PT_INTERP; "": none */
	uint32_t npieces;
	struct exec_piece piece[PIECES_MAX];
};

/* elf.c.  All of these bytes.  -ENOEXEC: they are not there; -EIO */
int image_read(uint32_t object, uint64_t off, void *buf, uint64_t len);
/* which: the object's number in the plan; base: where a position-independent image goes.  -ENOEXEC, -EIO */
int image_plan(struct image *, uint32_t object, uint16_t which, uint64_t base);

/* Words that come before the caller's argv[1]: argv[0] alone, or what #! lines put there. */
struct prefix { char text[3072]; uint32_t len, count; };        /* they lie at its end */
int prefix_add(struct prefix *, const char *word);              /* before those that are there; -E2BIG */

/* words.c: the new program's stack (x86-64 psABI 3.4.1), written into its memory.
 * words_count() at first, then words_room(); words_copy() when the prefix is known; words_end(). */
struct words {
	uint64_t argv, envp;            /* the caller's vectors */
	uint64_t argc, envc, bytes;     /* how many pointers there are; what they and their strings take */
	uint64_t top, sp;               /* they lie in [sp, top) */
	uint64_t args, env, env_end;
};
int words_count(const struct call *, struct words *);   /* -EFAULT, -E2BIG */
/* Where all will lie, with a prefix and a path, and more bytes below.  -EFAULT: pages are missing */
int words_room(const struct call *, struct words *, const struct prefix *, const char *path, uint64_t more);
int words_copy(const struct call *, struct words *, const struct prefix *);     /* -EFAULT, -E2BIG */

struct aux { uint64_t type, value; };
/* AT_RANDOM, AT_PLATFORM and AT_EXECFN are filled in here.  n: all of them.  -EFAULT, -E2BIG */
int words_end(const struct call *, struct aux *, unsigned n, const char *path);

#endif
