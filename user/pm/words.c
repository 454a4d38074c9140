/* SPDX-License-Identifier: MIT */
/* user/pm/words.c - RING 3 - the stack of a new program: arguments, environment, auxiliary vector.
 *
 *   x86-64 psABI 3.4.1, from rsp (a multiple of 16) upwards:
 *   argc, argv..., NULL, envp..., NULL, auxv..., AT_NULL, strings and 16 random bytes
 *
 * Path:  exec.c > [words.c] > main.c mem_in(), mem_new()
 * Nothing is kept of the words, which may be many: they are counted, then copied, through windows of a piece.  The
 * caller's other threads may change them meanwhile; what does not fit then is refused.
 */
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

#include "user/pm/image.h"

#define PIECE     1024u                 /* bytes that are copied at once; divides a page */
#define WORD_MAX  (32 * 4096)           /* bytes of one string with its NUL, as on Linux (execve(2)) */
#define WORDS_MIN (128ull << 10)        /* bytes of strings and pointers that every stack takes, */
#define WORDS_MAX (6ull << 20)          /* and none takes more */
#define RLIMIT_STACK_ 3
#define PLATFORM  "x86_64"
#define RANDOM    16
#define AUX_PAIRS 21

int prefix_add(struct prefix *p, const char *word)
{
	uint32_t n = (uint32_t)strlen(word) + 1;

	if (p->len + n > sizeof(p->text)) return -E2BIG;
	p->len += n;
	memcpy(p->text + sizeof(p->text) - p->len, word, n);
	p->count++;
	return 0;
}

/* ---- reading: a piece of the caller's memory that is looked at more than once */

struct window { uint64_t at; char bytes[PIECE]; };
static struct window vector, text;

/* What stands at `at`, and how many bytes of it are in the window.  NULL: EFAULT */
static const char *window(const struct call *c, struct window *w, uint64_t at, size_t *n)
{
	uint64_t from = at - at % PIECE;

	if (w->at != from) {
		w->at = 1;                      /* none */
		if (mem_in(c, w->bytes, from, PIECE)) return NULL;
		w->at = from;
	}
	*n = PIECE - at % PIECE;
	return w->bytes + at % PIECE;
}

static int pointer_in(const struct call *c, uint64_t at, uint64_t *to)
{
	const char *p;
	size_t n;

	if (at % 8) return mem_in(c, to, at, 8);
	p = window(c, &vector, at, &n);
	if (p) memcpy(to, p, 8);
	return p ? 0 : -EFAULT;
}

/* Without the NUL.  -EFAULT, -E2BIG */
static int text_len(const struct call *c, uint64_t at)
{
	for (size_t done = 0, n; done < WORD_MAX; done += n) {
		const char *p = window(c, &text, at + done, &n), *end = p ? memchr(p, 0, n) : NULL;

		if (!p) return -EFAULT;
		if (end && done + (size_t)(end - p) < WORD_MAX) return (int)(done + (size_t)(end - p));
	}
	return -E2BIG;
}

/* A quarter of what the stack may grow to, as on Linux. */
static uint64_t words_max(const struct call *c)
{
	uint64_t max = c->me.attr.rlimit[RLIMIT_STACK_][0] / 4;

	return max < WORDS_MIN ? WORDS_MIN : max > WORDS_MAX ? WORDS_MAX : max;
}

/* A NULL vector is an empty one (as on Linux). */
static int vector_count(const struct call *c, struct words *w, uint64_t at, uint64_t *count)
{
	uint64_t s;

	for (*count = 0; at; ++*count) {
		int len;

		if (pointer_in(c, at + *count * 8, &s)) return -EFAULT;
		if (!s) break;
		len = text_len(c, s);
		if (len < 0) return len;
		w->bytes += (uint64_t)len + 1 + 8;
		if (w->bytes > words_max(c)) return -E2BIG;
	}
	return 0;
}

int words_count(const struct call *c, struct words *w)
{
	int rc;

	vector.at = text.at = 1;
	w->bytes = 0;
	rc = vector_count(c, w, w->argv, &w->argc);
	return rc ? rc : vector_count(c, w, w->envp, &w->envc);
}

/* ---- writing: pointers from sp upwards, strings behind all of these */

static struct stream { uint64_t at, end; size_t n; char bytes[PIECE]; } pointers, strings;

static int flush(const struct call *c, struct stream *s)
{
	int rc = mem_new(c, s->at, s->bytes, s->n);

	s->at += s->n;
	s->n = 0;
	return rc;
}

static uint64_t stream_at(const struct stream *s) { return s->at + s->n; }

static int put(const struct call *c, struct stream *s, const void *from, size_t len)
{
	int rc = 0;

	if (len > s->end - stream_at(s)) return -E2BIG;
	for (size_t done = 0, n; done < len && !rc; done += n) {
		n = len - done < PIECE - s->n ? len - done : PIECE - s->n;
		memcpy(s->bytes + s->n, (const char *)from + done, n);
		s->n += n;
		if (s->n == PIECE) rc = flush(c, s);
	}
	return rc;
}

static int put_number(const struct call *c, uint64_t v) { return put(c, &pointers, &v, sizeof(v)); }

/* rc: what went wrong so far.  A word, and the pointer to it. */
static int put_word(const struct call *c, int rc, const char *word)
{
	if (!rc) rc = put_number(c, stream_at(&strings));
	return rc ? rc : put(c, &strings, word, strlen(word) + 1);
}

static int copy_text(const struct call *c, uint64_t from)
{
	const char *p, *end = NULL;
	int rc = 0;

	for (size_t n; !end && !rc; from += n) {
		p = window(c, &text, from, &n);
		if (!p) return -EFAULT;
		end = memchr(p, 0, n);
		rc = put(c, &strings, p, end ? (size_t)(end - p) + 1 : n);
	}
	return rc;
}

static int copy_words(const struct call *c, uint64_t vec, uint64_t first, uint64_t count)
{
	uint64_t from;
	int rc = 0;

	for (uint64_t i = first; i < count && !rc; i++) {
		rc = pointer_in(c, vec + i * 8, &from);
		if (!rc) rc = put_number(c, stream_at(&strings));
		if (!rc) rc = copy_text(c, from);
	}
	return rc;
}

/* argv[0] of a program is the caller's; a script's words replace it. */
static uint64_t first_word(const struct words *w, const struct prefix *p) { return p->count && w->argc; }

int words_room(const struct call *c, struct words *w, const struct prefix *p, const char *path, uint64_t more)
{
	uint64_t n = 1 + p->count + w->argc - first_word(w, p) + 1 + w->envc + 1 + 2 * AUX_PAIRS;
	uint64_t size = n * 8 + w->bytes + p->len + RANDOM + sizeof(PLATFORM) + strlen(path) + 1;
	const uint64_t zero = 0;

	size = (size + 15) & ~15ull;
	w->sp = w->top - size;
	pointers = (struct stream){.at = w->sp, .end = w->sp + n * 8};
	strings = (struct stream){.at = pointers.end, .end = w->top};
	vector.at = text.at = 1;
	return mem_new(c, w->sp - more, &zero, sizeof(zero));   /* the lowest page: if it is there all are */
}

int words_copy(const struct call *c, struct words *w, const struct prefix *p)
{
	const char *word = p->text + sizeof(p->text) - p->len;
	int rc = put_number(c, p->count + w->argc - first_word(w, p));

	w->args = stream_at(&strings);
	for (uint32_t i = 0; i < p->count; i++, word += strlen(word) + 1) rc = put_word(c, rc, word);
	if (!rc) rc = copy_words(c, w->argv, first_word(w, p), w->argc);
	if (!rc) rc = put_number(c, 0);
	w->env = stream_at(&strings);
	if (!rc) rc = copy_words(c, w->envp, 0, w->envc);
	if (!rc) rc = put_number(c, 0);
	w->env_end = stream_at(&strings);
	return rc;
}

static int aux_text(const struct call *c, struct aux *a, const void *bytes, size_t n)
{
	a->value = stream_at(&strings);
	return put(c, &strings, bytes, n);
}

int words_end(const struct call *c, struct aux *a, unsigned n, const char *path)
{
	char random[RANDOM];
	int rc = n > AUX_PAIRS ? -E2BIG : 0;

	getrandom(random, sizeof(random), 0);
	for (unsigned i = 0; i < n && !rc; i++) {
		if (a[i].type == AT_RANDOM) rc = aux_text(c, &a[i], random, sizeof(random));
		if (a[i].type == AT_PLATFORM) rc = aux_text(c, &a[i], PLATFORM, sizeof(PLATFORM));
		if (a[i].type == AT_EXECFN) rc = aux_text(c, &a[i], path, strlen(path) + 1);
		if (!rc) rc = put(c, &pointers, &a[i], sizeof(a[i]));
	}
	if (!rc) rc = flush(c, &pointers);
	return rc ? rc : flush(c, &strings);
}
