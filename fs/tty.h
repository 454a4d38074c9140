/* SPDX-License-Identifier: MIT */
/* fs/tty.h - RING 3 - the line discipline of a terminal (POSIX.1-2017 chapter 11), apart from where bytes come from. */
#ifndef FS_TTY_H
#define FS_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel's struct termios of Linux x86-64 (asm-generic/termbits.h): TCGETS and TCSETS carry this, not libc's. */
#define TTY_NCCS 19
struct tty_modes {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t  line, cc[TTY_NCCS];
};
_Static_assert(sizeof(struct tty_modes) == 36, "as the kernel's struct termios");

#define TTY_IN 4096u            /* entries of input that wait; POSIX MAX_CANON and MAX_INPUT are 255 at least */

/* Input is a ring of entries: a byte, perhaps the last of its line.  What lies before `edit` can be read; what lies
 * behind it is the line being edited (canonical mode alone). */
#define TTY_EOL 0x100u          /* a line ends with this entry */
#define TTY_EOF 0x200u          /* ... which is no byte, but an end of file (^D) */
struct tty {
	struct tty_modes modes;
	uint16_t in[TTY_IN];
	uint32_t head, edit, tail;      /* count up; the entry is in[x % TTY_IN] */
	bool literal;                   /* VLNEXT was typed: the next byte means nothing special */
	void (*output)(const char *, size_t);   /* to the screen, already processed */
	void (*signal)(int signo);              /* to the foreground process group */
};

void tty_init(struct tty *, void (*output)(const char *, size_t), void (*signal)(int));
void tty_input(struct tty *, const char *, size_t);             /* typed */
void tty_write(struct tty *, const char *, size_t);             /* printed: ONLCR and so on */
bool tty_readable(const struct tty *, size_t want);             /* would a read of `want` bytes be answered now? */
/* What a read gets: n bytes in buf.  Nothing is taken away before tty_consume(entries): the reader may have gone. */
size_t tty_peek(const struct tty *, char *buf, size_t len, uint32_t *entries);
void tty_consume(struct tty *, uint32_t entries);
size_t tty_waiting(const struct tty *);                         /* bytes that can be read: FIONREAD */
void tty_flush(struct tty *);                                   /* throw input away */
void tty_modes_set(struct tty *, const struct tty_modes *);
void tty_check(const struct tty *);                             /* aborts if the ring is inconsistent */

#endif
