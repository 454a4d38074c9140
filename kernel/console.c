/* SPDX-License-Identifier: MIT */
/* kernel/console.c - RING 0 - the serial line and the result channel.
 *
 * Output is polled, so that a panic can always be seen; input comes by interrupt into a ring that the file server
 * (the terminal lives there) empties.
 * Locks: out_lock for output, in_lock for the ring and who is notified.
 */
#include "kernel/console.h"

#include "abi/ipc.h"
#include "boot/bootinfo.h"
#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/ipc.h"
#include "mm/frame.h"

#define COM1 0x3f8              /* 16550, set up by the loader: data, IER +1, LSR +5 */
#define LSR_DATA  0x01
#define LSR_EMPTY 0x20          /* the transmitter's FIFO */
#define LSR_DONE  0x40          /* and its shift register */
#define FIFO_SIZE 16
#define PATIENCE  1000000       /* readings of LSR: a line that takes nothing must not stop a panic */
#define RESULT_PORT 0xe9
#define DEBUG_EXIT  0xf4

static struct spinlock out_lock = SPINLOCK_INIT(RANK_CONSOLE, "console output");
static struct spinlock in_lock = SPINLOCK_INIT(RANK_HANDLE, "console input");
static bool lock_broken;
static unsigned fifo_room;                      /* [out_lock] bytes that the transmitter takes without being asked */
static char ring[1024];
static unsigned ring_head, ring_tail;           /* [in_lock] head: next to read; both only grow */
static struct port *in_port;                    /* [in_lock] a reference */
static uint64_t in_bits;                        /* [in_lock] */

static void serial_wait(uint8_t lsr)
{
	for (int i = 0; i < PATIENCE && !(inb(COM1 + 5) & lsr); i++) { }
}

static void serial_put(char c)
{
	if (fifo_room == 0) {
		serial_wait(LSR_EMPTY);
		fifo_room = FIFO_SIZE;
	}
	fifo_room--;
	outb(COM1, c);
}

void console_lock(void)
{
	if (!lock_broken) spin_lock(&out_lock);
}

void console_unlock(void)
{
	if (!lock_broken) spin_unlock(&out_lock);
}

void console_break_lock(void)
{
	lock_broken = true;
}

void console_put(char c)
{
	if (c == '\n') serial_put('\r');
	serial_put(c);
}

void console_write(unsigned channel, const char *buf, size_t len)
{
	console_lock();
	for (size_t i = 0; i < len; i++) {
		if (channel == CON_RESULT) outb(RESULT_PORT, buf[i]);
		else serial_put(buf[i]);        /* the terminal has done its own line ends */
	}
	console_unlock();
}

/* Until the receiver is empty, or the edge-triggered interrupt would not come again.  A full ring drops. */
static void serial_interrupt(void *arg)
{
	bool got = false;

	spin_lock(&in_lock);
	while (inb(COM1 + 5) & LSR_DATA) {
		char c = inb(COM1);

		if (ring_tail - ring_head < sizeof(ring)) ring[ring_tail++ % sizeof(ring)] = c;
		got = true;
	}
	if (got && in_port) port_notify(in_port, in_bits);
	spin_unlock(&in_lock);
}

void console_input_init(void)
{
	if (irq_alloc(serial_interrupt, NULL) == BOOT_COM1_VECTOR) outb(COM1 + 1, 1);   /* interrupt on input */
}

size_t console_read(char *buf, size_t len)
{
	size_t n = 0;

	spin_lock(&in_lock);
	while (n < len && ring_head != ring_tail) buf[n++] = ring[ring_head++ % sizeof(ring)];
	spin_unlock(&in_lock);
	return n;
}

void console_bind(struct port *p, uint64_t bits)
{
	struct port *old;

	spin_lock(&in_lock);
	old = in_port;
	in_port = p;
	in_bits = bits;
	if (ring_head != ring_tail) port_notify(p, bits);
	spin_unlock(&in_lock);
	if (old) kobj_unref(&old->obj);
}

void machine_exit(unsigned code)
{
	irq_disable();
	serial_wait(LSR_DONE);
	outl(DEBUG_EXIT, code);
	if (frame_bootinfo && frame_bootinfo->machine.pm1a)
		outw(frame_bootinfo->machine.pm1a, 1 << 13);    /* SLP_EN, SLP_TYP 0: off on QEMU's q35 */
	for (;;) __asm__ volatile("cli; hlt");
}

void machine_stop(int status)
{
	kprintf("[end] status=%d\n", status);
	machine_exit(status & 0x7f);
}
