/* SPDX-License-Identifier: MIT */
/* kernel/klib.c - RING 0 - memory functions that the compiler and everybody else expect; formatted text into the log.
 *
 * Copies move 8 bytes at a time: under TCG a byte costs as much as a word.
 * kprintf is a part of C's printf (C11 7.21.6.1), as much as the kernel says: conversions d u x s c %, of them d u x
 * with l, and with a width, which zeros fill.
 * Locks: the console's, so that lines of several CPUs do not mix.
 */
#include "kernel/klib.h"

void *memcpy(void *dst, const void *src, size_t n)
{
	void *d = dst;
	size_t words = n / 8, rest = n % 8;

	__asm__ volatile("rep movsq" : "+D"(d), "+S"(src), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(rest) : : "memory");
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	uint64_t v = 0x0101010101010101ull * (uint8_t)c;
	size_t words = n / 8, rest = n % 8;
	void *d = dst;

	__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(v) : "memory");
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(v) : "memory");
	return dst;
}

/* ---- the log */

static void put_number(uint64_t v, unsigned base, unsigned width)
{
	char digits[24];
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	while (n < MIN(width, sizeof(digits))) digits[n++] = '0';
	while (n > 0) console_put(digits[--n]);
}

/* What the format says with the letter c. */
static void put_conversion(char c, unsigned width, bool is_long, va_list *ap)
{
	if (c == 'd') {
		int64_t v = is_long ? va_arg(*ap, int64_t) : va_arg(*ap, int);

		if (v < 0) console_put('-');
		put_number(v < 0 ? -(uint64_t)v : (uint64_t)v, 10, width);
	} else if (c == 'u' || c == 'x') {
		put_number(is_long ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned), c == 'x' ? 16 : 10, width);
	} else if (c == 's') {
		for (const char *text = va_arg(*ap, const char *); text && *text; text++) console_put(*text);
	} else {
		console_put(c == 'c' ? va_arg(*ap, int) : c);
	}
}

void kvprintf(const char *fmt, va_list *ap)
{
	console_lock();
	for (; *fmt; fmt++) {
		unsigned width = 0;
		bool is_long = false;

		if (*fmt != '%') {
			console_put(*fmt);
			continue;
		}
		for (fmt++; *fmt >= '0' && *fmt <= '9'; fmt++) width = width * 10 + (*fmt - '0');
		for (; *fmt == 'l'; fmt++) is_long = true;
		put_conversion(*fmt, width, is_long, ap);
	}
	console_unlock();
}

void kprintf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	kvprintf(fmt, &ap);
	va_end(ap);
}
