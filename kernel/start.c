/* SPDX-License-Identifier: MIT */
/* kernel/start.c - RING 0 - the stack of a new program, built in kernel memory.
 *
 *   x86-64 psABI 3.4.1, from rsp (a multiple of 16) upwards:
 *   argc, argv..., NULL, envp..., NULL, auxv..., AT_NULL, strings and 16 random bytes
 *
 * Path:  exec.c > [start.c]
 * Use:   count, begin, push in the order above; then the whole is copied to the top of the new stack.
 * Locks: none.
 */
#include "kernel/start.h"

#include "kernel/proc.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"

/* Put words before those that are there. */
int prefix_add(struct prefix *p, const char *word)
{
	uint32_t n = strlen(word) + 1;

	if (p->len + n > sizeof(p->text)) return -E2BIG;
	p->len += n;
	memcpy(p->text + sizeof(p->text) - p->len, word, n);
	p->count++;
	return 0;
}

/* ---- counting: how much room do the words need? */

/* A quarter of what the stack may grow to, as on Linux. */
static uint64_t words_max(void)
{
	return MAX(WORDS_MIN, MIN(current_proc()->rlimit[RLIMIT_STACK][0] / 4, WORDS_MAX));
}

/* -EFAULT, -E2BIG */
static int64_t user_strlen(uaddr_t s)
{
	char piece[64];
	uint64_t done = 0;
	int n;

	while ((n = copy_in_str(piece, s + done, 64 - (s + done) % 64)) == -ENAMETOOLONG) {
		done += 64 - (s + done) % 64;
		if (done >= WORD_MAX) return -E2BIG;
	}
	return n < 0 ? n : done + n < WORD_MAX ? (int64_t)done + n : -E2BIG;
}

/* A NULL vector is an empty one (as on Linux). */
int64_t words_count(uaddr_t vec, uint64_t *bytes)
{
	uint64_t max = vec ? words_max() : 0;   /* a boot module's: there is no process to ask */
	int64_t n = 0, len;
	uaddr_t s;

	for (; vec; n++) {
		if (copy_in(&s, vec + n * 8, sizeof(s))) return -EFAULT;
		if (!s) break;
		len = user_strlen(s);
		if (len < 0) return len;
		*bytes += len + 1 + 8;
		if (*bytes > max) return -E2BIG;
	}
	return n;
}

/* ---- building */

uaddr_t start_addr(const struct start *s, uint64_t at) { return STACK_TOP - s->size + at; }

void push_word(struct start *s, uint64_t v)
{
	memcpy(s->buf + s->vec, &v, sizeof(v));
	s->vec += sizeof(v);
}

static uaddr_t push_bytes(struct start *s, const void *p, uint64_t n)
{
	uaddr_t at = start_addr(s, s->str);

	memcpy(s->buf + s->str, p, n);
	s->str += n;
	return at;
}

/* The user's words from index `first` on.  They may have changed since they were counted: too long ones are refused. */
int push_user_words(struct start *s, uaddr_t vec, int64_t first, int64_t count)
{
	for (int64_t i = first; i < count; i++) {
		uaddr_t from;
		int n = copy_in(&from, vec + i * 8, sizeof(from));

		if (!n) n = copy_in_str(s->buf + s->str, from, s->size - s->str);
		if (n < 0) return n == -EFAULT ? n : -E2BIG;
		push_word(s, start_addr(s, s->str));
		s->str += n + 1;
	}
	return 0;
}

void push_prefix(struct start *s, const struct prefix *p)
{
	uint32_t at = sizeof(p->text) - p->len;

	for (uint32_t i = 0; i < p->count; i++) {
		uint32_t n = strlen(p->text + at) + 1;

		push_word(s, push_bytes(s, p->text + at, n));
		at += n;
	}
}

static void push_aux(struct start *s, uint64_t type, uint64_t value)
{
	push_word(s, type);
	push_word(s, value);
}

#define AUX_PAIRS 21
#define PLATFORM "x86_64"

int push_auxv(struct start *s, const struct loaded *prog, uaddr_t interp_base, const char *path,
              const struct exec_ids *ids)
{
	uint32_t r[4];
	char random[16];

	/* the strings may have grown while they were copied */
	if (s->size - s->str < sizeof(random) + sizeof(PLATFORM) + strlen(path) + 1) return -E2BIG;
	random_fill(random, sizeof(random));
	cpuid(1, 0, r);
	push_aux(s, AT_PHDR, prog->phdr);
	push_aux(s, AT_PHENT, 56);
	push_aux(s, AT_PHNUM, prog->phnum);
	push_aux(s, AT_PAGESZ, PAGE_SIZE);
	push_aux(s, AT_BASE, interp_base);
	push_aux(s, AT_SYSINFO_EHDR, prog->vdso);
	push_aux(s, AT_FLAGS, 0);
	push_aux(s, AT_ENTRY, prog->entry);
	push_aux(s, AT_UID, ids->uid);
	push_aux(s, AT_EUID, ids->euid);
	push_aux(s, AT_GID, ids->gid);
	push_aux(s, AT_EGID, ids->egid);
	push_aux(s, AT_HWCAP, r[3]);
	push_aux(s, AT_HWCAP2, 0);        /* no FSGSBASE: CR4 does not let ring 3 */
	push_aux(s, AT_PLATFORM, push_bytes(s, PLATFORM, sizeof(PLATFORM)));
	push_aux(s, AT_CLKTCK, 100);
	push_aux(s, AT_SECURE, ids->secure);
	push_aux(s, AT_MINSIGSTKSZ, MINSIGSTKSZ + fpu_area_size());
	push_aux(s, AT_RANDOM, push_bytes(s, random, sizeof(random)));
	push_aux(s, AT_EXECFN, push_bytes(s, path, strlen(path) + 1));
	push_aux(s, AT_NULL, 0);
	return 0;
}

int start_begin(struct start *s, uint64_t words, uint64_t bytes, const char *path)
{
	uint64_t vec = (1 + words + 2 + 2 * AUX_PAIRS) * 8;

	*s = (struct start){.str = vec};
	s->size = ROUND_UP(vec + bytes + 16 + sizeof(PLATFORM) + strlen(path) + 1, 16);
	s->buf = kalloc(s->size);
	return s->buf ? 0 : -ENOMEM;
}

void start_free(struct start *s) { kfree(s->buf); }
