/* SPDX-License-Identifier: MIT */
/* fs/tty.c - RING 3 - the line discipline: editing, echo, signals, canonical and raw reads (POSIX.1-2017 11.1, 11.2).
 *
 * Path:  ttydev.c > [tty.c] > output() to the console, signal() to a process group
 * Pure: it knows no messages and no console, so that the unit test can type at it.
 *
 * L1  head <= edit <= tail <= head + TTY_IN: read, ready to be read, being edited.
 * L2  In canonical mode everything before `edit` is whole lines.
 * L3  A byte that finds no room is dropped with a bell; one entry is kept back for the end of the line, so that a
 *     full line can still be sent (POSIX 11.1.6, MAX_CANON).
 */
#include "fs/tty.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

#define BELL "\a"

/* tty_init: a terminal as a new one is expected to be: canonical, echoing, with the usual keys (stty sane). */
void tty_init(struct tty *t, void (*output)(const char *, size_t), void (*signal)(int))
{
	memset(t, 0, sizeof(*t));
	t->output = output;
	t->signal = signal;
	t->modes = (struct tty_modes){
		.iflag = ICRNL | IXON | IUTF8, .oflag = OPOST | ONLCR, .cflag = CS8 | CREAD | B38400,
		.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	};
	t->modes.cc[VINTR] = 'C' & 31;
	t->modes.cc[VQUIT] = '\\' & 31;
	t->modes.cc[VSUSP] = 'Z' & 31;
	t->modes.cc[VERASE] = 127;
	t->modes.cc[VKILL] = 'U' & 31;
	t->modes.cc[VWERASE] = 'W' & 31;
	t->modes.cc[VEOF] = 'D' & 31;
	t->modes.cc[VLNEXT] = 'V' & 31;
	t->modes.cc[VMIN] = 1;
}

/* c_lflag: ICANON, ECHO and so on. */
static bool local(const struct tty *t, uint32_t flag)
{
	return t->modes.lflag & flag;
}

/* Is c the special character `which`?  Value 0 switches one off (POSIX _POSIX_VDISABLE). */
static bool is_special(const struct tty *t, uint8_t c, int which)
{
	return t->modes.cc[which] && c == t->modes.cc[which];
}

/* ---- output */

/* tty_write: ONLCR, a newline is printed as return and newline.  Everything between goes out in one piece. */
void tty_write(struct tty *t, const char *s, size_t n)
{
	bool cook = (t->modes.oflag & OPOST) && (t->modes.oflag & ONLCR);
	size_t from = 0;

	for (size_t i = 0; cook && i < n; i++) {
		if (s[i] != '\n') continue;
		if (i > from) t->output(s + from, i - from);
		t->output("\r\n", 2);
		from = i + 1;
	}
	if (n > from) t->output(s + from, n - from);
}

/* Shown as ^X with ECHOCTL.  Tab and newline are shown as what they are. */
static bool is_control(uint8_t c)
{
	return (c < 32 && c != '\t' && c != '\n') || c == 127;
}

static void echo(struct tty *t, uint8_t c)
{
	char shown[2] = {'^', (char)(c ^ 64)};

	if (!local(t, ECHO)) return;
	if (is_control(c) && local(t, ECHOCTL)) t->output(shown, 2);
	else tty_write(t, (char *)&c, 1);
}

/* ---- editing */

/* Does this byte continue a character of several bytes (UTF-8)?  It has no place on the screen of its own. */
static bool is_continuation(const struct tty *t, uint8_t c)
{
	return (t->modes.iflag & IUTF8) && (c & 0xc0) == 0x80;
}

static uint8_t last_byte(const struct tty *t)
{
	return t->in[(t->tail - 1) % TTY_IN];
}

/* Take the last character off the line, and off the screen. */
static void erase_char(struct tty *t, bool show)
{
	uint8_t c;

	if (t->tail == t->edit) return;
	while (t->tail - t->edit > 1 && is_continuation(t, last_byte(t))) t->tail--;
	c = last_byte(t);
	t->tail--;
	if (!show || !local(t, ECHO)) return;
	t->output("\b \b", 3);
	if (is_control(c) && local(t, ECHOCTL)) t->output("\b \b", 3);
}

/* VWERASE: spaces, then what is between them and the spaces before. */
static void erase_word(struct tty *t)
{
	while (t->tail != t->edit && last_byte(t) == ' ') erase_char(t, local(t, ECHOE));
	while (t->tail != t->edit && last_byte(t) != ' ') erase_char(t, local(t, ECHOE));
}

/* VKILL: with ECHOKE the line vanishes, with ECHOK alone the cursor goes to a new one. */
static void erase_line(struct tty *t)
{
	bool show = local(t, ECHOE) && local(t, ECHOKE);

	while (t->tail != t->edit) erase_char(t, show);
	if (!show && local(t, ECHOK) && local(t, ECHO)) tty_write(t, "\n", 1);
}

/* Put an entry at the end; `spare` entries have to stay free behind it (L3). */
static bool store(struct tty *t, uint16_t entry, uint32_t spare)
{
	if (t->tail - t->head + spare >= TTY_IN) {
		t->output(BELL, 1);
		return false;
	}
	t->in[t->tail++ % TTY_IN] = entry;
	return true;
}

/* A terminal sends DEL or BS for the same key; when one of them is VERASE, the other does as well. */
static bool edit_key(struct tty *t, uint8_t c)
{
	if (is_special(t, c, VERASE) || (c == '\b' && is_special(t, 127, VERASE))) erase_char(t, local(t, ECHOE));
	else if (is_special(t, c, VKILL)) erase_line(t);
	else if (local(t, IEXTEN) && is_special(t, c, VWERASE)) erase_word(t);
	else if (local(t, IEXTEN) && is_special(t, c, VLNEXT)) t->literal = true;
	else return false;
	if (t->literal && local(t, ECHO) && local(t, ECHOCTL)) t->output("^\b", 2);    /* as Linux: until it is typed */
	return true;
}

/* POSIX 11.1.6: input is a line at a time, ended by newline, EOL or EOF; a reader sees it when it has ended. */
static void input_canonical(struct tty *t, uint8_t c)
{
	if (edit_key(t, c)) return;
	if (is_special(t, c, VEOF)) {
		/* What was typed can be read as it stands; with nothing typed, the reader sees an end of file. */
		if (store(t, TTY_EOF | TTY_EOL, 0)) t->edit = t->tail;
		return;
	}
	if (c == '\n' || is_special(t, c, VEOL) || is_special(t, c, VEOL2)) {
		if (!store(t, c | TTY_EOL, 0)) return;
		if (c == '\n' && local(t, ECHONL) && !local(t, ECHO)) tty_write(t, "\n", 1);
		echo(t, c);
		t->edit = t->tail;
		return;
	}
	if (store(t, c, 1)) echo(t, c);
}

/* INTR, QUIT, SUSP: a signal instead of a byte, and the line so far is forgotten (POSIX 11.1.9). */
static bool signal_key(struct tty *t, uint8_t c)
{
	int signo = is_special(t, c, VINTR) ? SIGINT :
	            is_special(t, c, VQUIT) ? SIGQUIT :
	            is_special(t, c, VSUSP) ? SIGTSTP : 0;

	if (!local(t, ISIG) || !signo) return false;
	if (!local(t, NOFLSH)) tty_flush(t);
	echo(t, c);
	t->signal(signo);
	return true;
}

/* Behind VLNEXT: a part of the line, whatever it is. */
static void input_literal(struct tty *t, uint8_t c)
{
	t->literal = false;
	if (store(t, c, 1)) echo(t, c);
	if (!local(t, ICANON)) t->edit = t->tail;
}

/* The order is POSIX's: the byte is mapped, then it may be a signal, then a part of a line. */
static void input_byte(struct tty *t, uint8_t c)
{
	if (t->literal) {
		input_literal(t, c);
		return;
	}
	if (c == '\r' && (t->modes.iflag & IGNCR)) return;
	if (c == '\r' && (t->modes.iflag & ICRNL)) c = '\n';
	else if (c == '\n' && (t->modes.iflag & INLCR)) c = '\r';

	if (signal_key(t, c)) return;
	if (local(t, ICANON)) {
		input_canonical(t, c);
	} else if (store(t, c, 0)) {
		echo(t, c);
		t->edit = t->tail;
	}
}

void tty_input(struct tty *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) input_byte(t, (uint8_t)s[i]);
}

/* ---- reading */

size_t tty_waiting(const struct tty *t)
{
	size_t n = 0;

	for (uint32_t i = t->head; i != t->edit; i++) n += !(t->in[i % TTY_IN] & TTY_EOF);
	return n;
}

/* Canonical: a line is there.  Raw: MIN bytes, but never more than the reader asked for (POSIX 11.1.7; TIME is not
 * offered, MIN 0 answers at once with what there is). */
bool tty_readable(const struct tty *t, size_t want)
{
	size_t need = t->modes.cc[VMIN];

	if (local(t, ICANON)) return t->head != t->edit;
	return tty_waiting(t) >= (need < want ? need : want);
}

/* tty_peek: at most a line in canonical mode; in raw mode as much as there is.  Entries are counted apart from bytes,
 * since an EOF mark is an entry without a byte. */
size_t tty_peek(const struct tty *t, char *buf, size_t len, uint32_t *entries)
{
	uint32_t i = t->head;
	size_t n = 0;

	while (i != t->edit) {
		uint16_t e = t->in[i % TTY_IN];

		/* An EOF mark right behind the last byte goes with it: alone it would be read as an end of file. */
		if (n == len && !(e & TTY_EOF)) break;
		i++;
		if (!(e & TTY_EOF)) buf[n++] = (char)e;
		if ((e & TTY_EOL) && local(t, ICANON)) break;
	}
	*entries = i - t->head;
	return n;
}

void tty_consume(struct tty *t, uint32_t entries)
{
	t->head += entries;
}

/* tty_flush: the line being edited, too (POSIX tcflush(), TCIFLUSH). */
void tty_flush(struct tty *t)
{
	t->head = t->edit = t->tail;
	t->literal = false;
}

/* tty_modes_set: what was being edited can be read in raw mode as it stands.  The other way, a canonical reader needs
 * an end of line, or it would wait for bytes that are there: what is left becomes a line of its own (L2). */
void tty_modes_set(struct tty *t, const struct tty_modes *m)
{
	bool was = local(t, ICANON);

	t->modes = *m;
	if (was && !local(t, ICANON)) t->edit = t->tail;
	if (!was && local(t, ICANON) && t->edit != t->head) t->in[(t->edit - 1) % TTY_IN] |= TTY_EOL;
}

void tty_check(const struct tty *t)
{
	if (t->edit - t->head > t->tail - t->head || t->tail - t->head > TTY_IN) abort();                       /* L1 */
	if (local(t, ICANON) && t->edit != t->head && !(t->in[(t->edit - 1) % TTY_IN] & TTY_EOL)) abort();      /* L2 */
}
