/* SPDX-License-Identifier: MIT */
/* boot/say.c - LOADER - messages on COM1, and the end when something is missing.
 *
 * COM1 is written directly: it works before and after ExitBootServices, and OVMF has set it up.
 */
#include "boot/loader.h"

#define COM1 0x3f8
#define DEBUG_EXIT 0xf4
#define DEBUG_EXIT_LOADER 0x51          /* QEMU's status is (value << 1) | 1 = 163 */

static void port_out8(UINT16 port, UINT8 v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static void port_out32(UINT16 port, UINT32 v) { __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }

static UINT8 port_in8(UINT16 port)
{
	UINT8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static void put(char c)
{
	for (int i = 0; i < 100000 && !(port_in8(COM1 + 5) & 0x20); i++) { }    /* 16550: transmitter empty */
	port_out8(COM1, c);
}

void say(const char *text)
{
	for (; *text; text++) {
		if (*text == '\n') put('\r');
		put(*text);
	}
}

void say_hex(UINT64 v)
{
	for (int i = 60; i >= 0; i -= 4) put("0123456789abcdef"[v >> i & 15]);
}

void say_dec(UINT64 v)
{
	if (v >= 10) say_dec(v / 10);
	put('0' + v % 10);
}

void die(const char *what, const char *which)
{
	say("\nquire loader: ");
	say(which);
	say(*which ? ": " : "");
	say(what);
	say("\n");
	port_out32(DEBUG_EXIT, DEBUG_EXIT_LOADER);
	for (;;) __asm__ volatile("cli; hlt");
}
