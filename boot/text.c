/* SPDX-License-Identifier: MIT */
/* boot/text.c - LOADER - messages, and the end of a start that failed.
 *
 * Path:  every file of the loader > [text.c] > COM1 and the firmware's console
 * Use:   fail("is missing", "modules/fs"): prints, ends QEMU with EXIT_LOADER, or stops.
 *
 * T1  No start ends without a message that names the file or the figure at fault. */
#include "boot/loader.h"

#define COM1     0x3f8          /* 16550: data, IER +1, FCR +2, LCR +3, MCR +4, LSR +5, of which bit 5: may write */
#define LSR      (COM1 + 5)
#define LSR_THRE 0x20
#define WAIT_MAX 1000000        /* a port that is never ready must not hang the message on the screen */

EFI_SYSTEM_TABLE *efi;

static inline UINT8 inb(UINT16 port)
{
	UINT8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static void serial_put(char c)
{
	for (unsigned n = 0; n < WAIT_MAX && !(inb(LSR) & LSR_THRE); n++)
		;
	outb(COM1, (UINT8)c);
}

void serial_init(void)
{
	outb(COM1 + 1, 0);      /* no interrupts */
	outb(COM1 + 3, 0x80);
	outb(COM1, 1);          /* 115200 baud */
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3);      /* 8n1 */
	outb(COM1 + 2, 7);      /* FIFOs on and empty */
	outb(COM1 + 4, 0x0b);   /* DTR, RTS, interrupt out */
}

/* On the firmware's screen while there is one, and on the serial line by ourselves: OVMF's console may be either,
 * and a line that went through its terminal emulation is hard to find for a program. */
static void print(const char *s)
{
	for (; *s; s++) {
		CHAR16 wide[2] = { (CHAR16)*s, 0 };

		if (efi && efi->ConOut) efi->ConOut->OutputString(efi->ConOut, wide);
	}
}

static void print_serial(const char *s)
{
	for (; *s; s++)
		serial_put(*s);
}

static void __attribute__((noreturn)) stop(void)
{
	outb(PORT_DEBUG_EXIT, EXIT_LOADER);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void say(const char *const *part, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		print(part[i]);
	for (unsigned i = 0; i < n; i++)
		print_serial(part[i]);
}

void fail(const char *what, const char *which)
{
	const char *part[] = { "\r\nquire loader: ", which, " ", what, "\r\n" };

	say(part, 5);
	stop();
}

void say_number(const char *what, UINT64 number, const char *unit)
{
	char digits[21], *p = digits + sizeof(digits) - 1;

	*p = 0;
	do {
		*--p = (char)('0' + number % 10);
	} while (number /= 10);
	const char *part[] = { "\r\nquire loader: ", what, " ", p, " ", unit, "\r\n" };

	say(part, 7);
}

void fail_number(const char *what, UINT64 number, const char *unit)
{
	say_number(what, number, unit);
	stop();
}

int text_equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

UINTN text_len(const char *s)
{
	UINTN n = 0;

	while (s[n])
		n++;
	return n;
}

/* The compiler may call these for structures, whatever the flags say (gcc manual, 2.1). */
void *memcpy(void *dst, const void *src, UINTN n)
{
	for (UINTN i = 0; i < n; i++)
		((volatile UINT8 *)dst)[i] = ((const UINT8 *)src)[i];
	return dst;
}

void *memset(void *dst, int c, UINTN n)
{
	for (UINTN i = 0; i < n; i++)
		((volatile UINT8 *)dst)[i] = (UINT8)c;
	return dst;
}
