/* SPDX-License-Identifier: MIT */
/* kernel/print.c - RING 0 - formatted text into the log.
 *
 * A part of C's printf (C11 7.21.6.1), as much as the kernel says: conversions d u x s c %, of them d u x with l, and
 * with a width, which zeros fill.
 * Locks: the console's, so that lines of several CPUs do not mix.
 */
#include "kernel/klib.h"

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
