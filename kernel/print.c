/* SPDX-License-Identifier: MIT */
/* kernel/print.c - RING 0 - formatted text, into a buffer or the log.
 *
 * A part of C's printf (C11 7.21.6.1): flags - and 0, a width, l ll z, conversions d u x p s c %.
 * Locks: the console's, so that lines of several CPUs do not mix.
 */
#include "kernel/console.h"
#include "kernel/klib.h"

struct out {
	char  *buf;             /* NULL: the console */
	size_t size, n;
};

static void put(struct out *o, char c)
{
	if (!o->buf) console_put(c);
	else if (o->n + 1 < o->size) o->buf[o->n] = c;
	o->n++;
}

/* One conversion as the format says it. */
struct spec { bool left, zero, is_signed; int width, longs; unsigned base; };

static void put_padded(struct out *o, const struct spec *s, const char *text, int len)
{
	for (int i = len; !s->left && i < s->width; i++) put(o, s->zero ? '0' : ' ');
	for (int i = 0; i < len; i++) put(o, text[i]);
	for (int i = len; s->left && i < s->width; i++) put(o, ' ');
}

static void put_number(struct out *o, const struct spec *s, uint64_t v)
{
	char digits[24];
	int at = sizeof(digits);
	bool minus = s->is_signed && (int64_t)v < 0;

	if (minus) v = -v;
	do {
		digits[--at] = "0123456789abcdef"[v % s->base];
		v /= s->base;
	} while (v);
	if (minus) digits[--at] = '-';
	put_padded(o, s, digits + at, sizeof(digits) - at);
}

static uint64_t next_number(struct spec *s, va_list *ap)
{
	if (s->longs) return va_arg(*ap, uint64_t);
	return s->is_signed ? (uint64_t)(int64_t)va_arg(*ap, int) : va_arg(*ap, unsigned);
}

/* s: what the format said before the letter c. */
static void put_conversion(struct out *o, struct spec *s, char c, va_list *ap)
{
	const char *text;
	char ch;

	s->base = c == 'x' || c == 'p' ? 16 : 10;
	s->is_signed = c == 'd';
	if (c == 'p') s->longs = 2;
	if (c == 'd' || c == 'u' || c == 'x' || c == 'p') {
		put_number(o, s, next_number(s, ap));
	} else if (c == 's') {
		text = va_arg(*ap, const char *);
		if (!text) text = "(null)";
		put_padded(o, s, text, strlen(text));
	} else {
		ch = c == 'c' ? va_arg(*ap, int) : c;
		put_padded(o, s, &ch, 1);
	}
}

static void format(struct out *o, const char *fmt, va_list *ap)
{
	for (; *fmt; fmt++) {
		struct spec s = {0};

		if (*fmt != '%') {
			put(o, *fmt);
			continue;
		}
		for (fmt++; *fmt == '-' || *fmt == '0'; fmt++) {
			if (*fmt == '-') s.left = true;
			else s.zero = true;
		}
		for (; *fmt >= '0' && *fmt <= '9'; fmt++) s.width = s.width * 10 + (*fmt - '0');
		for (; *fmt == 'l' || *fmt == 'z'; fmt++) s.longs++;
		if (!*fmt) return;
		put_conversion(o, &s, *fmt, ap);
	}
}

void kvprintf(const char *fmt, va_list ap)
{
	struct out o = {0};
	va_list copy;

	va_copy(copy, ap);
	console_lock();
	format(&o, fmt, &copy);
	console_unlock();
	va_end(copy);
}

void kprintf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	kvprintf(fmt, ap);
	va_end(ap);
}

int ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	struct out o = {.buf = buf, .size = size};
	va_list ap;

	va_start(ap, fmt);
	format(&o, fmt, &ap);
	va_end(ap);
	if (size) buf[MIN(o.n, size - 1)] = 0;
	return o.n;
}
