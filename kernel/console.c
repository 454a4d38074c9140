/* SPDX-License-Identifier: MIT */
/* kernel/console.c - RING 0 - the serial line and the result channel.
 *
 * Output is polled, so that a panic can always be seen; of input an interrupt tells the file server (the terminal lives
 * there), which fetches it.
 * Locks: out_lock for output.  The one who reads is the file server.
 */
#include "kernel/syscalls.h"

#define COM1 0x3f8              /* 16550, set up by the loader: data, IER +1, LSR +5 */
#define LSR_DATA  0x01
#define LSR_EMPTY 0x20          /* the transmitter's FIFO */
#define LSR_DONE  0x40          /* and its shift register */
#define FIFO_SIZE 16
#define PIECE     256u          /* bytes of a call: on the kernel stack, and in one piece on the line */
#define PATIENCE  1000000       /* readings of LSR: a line that takes nothing must not stop a panic */
#define RESULT_PORT 0xe9
#define DEBUG_EXIT  0xf4

static struct spinlock out_lock = SPINLOCK_INIT(RANK_CONSOLE, "console output");
static unsigned fifo_room;                      /* [out_lock] bytes that the transmitter takes without being asked */

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

void console_lock(void) { if (!panicking) spin_lock(&out_lock); }
void console_unlock(void) { if (!panicking) spin_unlock(&out_lock); }

void console_put(char c)
{
	if (c == '\n') serial_put('\r');
	serial_put(c);
}

/* Off until the input has been read: then the line is as good as level-triggered, and what came meanwhile raises it. */
void console_interrupt(void)
{
	this_cpu()->irqs++;
	outb(COM1 + 1, 0);
	if (fs_port) port_notify(fs_port, NOTIFY_CONSOLE);
}

void machine_exit(unsigned code)
{
	irq_disable();
	serial_wait(LSR_DONE);
	outb(DEBUG_EXIT, code);
	if (frame_bootinfo && frame_bootinfo->machine.pm1a)
		outw(frame_bootinfo->machine.pm1a, 1 << 13);    /* SLP_EN, SLP_TYP 0: off on QEMU's q35 */
	for (;;) __asm__ volatile("cli; hlt");
}

/* ---- the servers' calls */

SYSCALL(con_write, channel, from, len)
{
	char piece[PIECE];
	uint64_t n = MIN(len, sizeof(piece));

	if (channel > CON_RESULT) return -EINVAL;
	if (copy_in(piece, from, n)) return -EFAULT;
	console_lock();
	for (uint64_t i = 0; i < n; i++) {
		if (channel == CON_RESULT) outb(RESULT_PORT, piece[i]);
		else serial_put(piece[i]);      /* the terminal has done its own line ends */
	}
	console_unlock();
	return n;
}

/* A machine without this line reads as all ones. */
static bool serial_has_input(void)
{
	uint8_t lsr = inb(COM1 + 5);

	return lsr != 0xff && (lsr & LSR_DATA);
}

/* What is not fetched waits in the receiver's FIFO, and in QEMU, whose monitor's keys (Ctrl-A) then wait as well. */
SYSCALL(con_read, to, len)
{
	char piece[PIECE];
	uint64_t n = 0;

	for (len = MIN(len, sizeof(piece)); n < len && serial_has_input(); n++) piece[n] = inb(COM1);
	if (n < len) outb(COM1 + 1, 1);         /* the next character interrupts */
	return copy_out(to, piece, n) ? -EFAULT : (long)n;
}

/* "[end] status=N" tells an end from something that broke. */
SYSCALL(machine_stop, status)
{
	kprintf("[end] status=%lu\n", status & 0xff);
	machine_exit(status & 0x7f);
}
