/* links: fs/tty.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_tty.c - HOST - the line discipline: typed at, read from, and its screen looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <cmocka.h>

#include "fs/tty.h"

static struct tty tty;
static char screen[8192];
static size_t shown;
static int signalled;

static void output(const char *s, size_t n)
{
	memcpy(screen + shown, s, n);
	shown += n;
	screen[shown] = 0;
}

static void raise_in_foreground(int signo)
{
	signalled = signo;
}

static int fresh(void **st)
{
	(void)st;
	tty_init(&tty, output, raise_in_foreground);
	shown = 0;
	screen[0] = 0;
	signalled = 0;
	return 0;
}

static int check(void **st)
{
	(void)st;
	tty_check(&tty);
	return 0;
}

static void type(const char *s)
{
	tty_input(&tty, s, strlen(s));
	tty_check(&tty);
}

/* What a read of `len` bytes gets; NULL: it would wait. */
static const char *take(size_t len)
{
	static char buf[TTY_IN + 1];
	uint32_t entries;
	size_t n;

	if (!tty_readable(&tty, len)) return NULL;
	n = tty_peek(&tty, buf, len, &entries);
	tty_consume(&tty, entries);
	buf[n] = 0;
	return buf;
}

static void raw(uint8_t min)
{
	struct tty_modes m = tty.modes;

	m.lflag &= ~(uint32_t)(ICANON | ECHO | ISIG);
	m.cc[VMIN] = min;
	tty_modes_set(&tty, &m);
}

static void cooked(void)
{
	struct tty_modes m = tty.modes;

	m.lflag |= ICANON | ECHO | ISIG;
	tty_modes_set(&tty, &m);
}

static void a_line_is_readable_when_it_ends(void **st)
{
	(void)st;
	type("ls");
	assert_null(take(100));
	type("\r");
	assert_string_equal(take(100), "ls\n");
	assert_string_equal(screen, "ls\r\n");
	assert_null(take(100));
}

static void a_read_gets_one_line_even_if_two_are_there(void **st)
{
	(void)st;
	type("one\rtwo\r");
	assert_string_equal(take(100), "one\n");
	assert_string_equal(take(100), "two\n");
}

static void a_short_read_leaves_the_rest_of_the_line(void **st)
{
	(void)st;
	type("abcdef\r");
	assert_string_equal(take(4), "abcd");
	assert_string_equal(take(4), "ef\n");
}

static void what_a_reader_did_not_get_is_there_for_the_next(void **st)
{
	uint32_t entries;
	char buf[10];

	(void)st;
	type("x\r");
	assert_int_equal(tty_peek(&tty, buf, sizeof(buf), &entries), 2);        /* and no tty_consume() */
	assert_string_equal(take(10), "x\n");
}

static void erase_takes_a_character_off_line_and_screen(void **st)
{
	(void)st;
	type("ax\177b\r");
	assert_string_equal(take(100), "ab\n");
	assert_string_equal(screen, "ax\b \bb\r\n");
}

static void erase_stops_at_the_start_of_the_line(void **st)
{
	(void)st;
	type("done\r\177\177ok\r");
	assert_string_equal(take(100), "done\n");
	assert_string_equal(take(100), "ok\n");
}

static void erase_takes_a_utf8_character_as_one(void **st)
{
	(void)st;
	type("a\xc3\xa4\177b\r");
	assert_string_equal(take(100), "ab\n");
	assert_string_equal(screen, "a\xc3\xa4\b \bb\r\n");
}

static void erase_of_a_control_character_takes_two_places(void **st)
{
	(void)st;
	type("\001\177");
	assert_string_equal(screen, "^A\b \b\b \b");
}

/* ^V: the byte behind it is one of the line, though it is ^C, ^D, or the end of a line. */
static void a_literal_byte_is_no_key(void **st)
{
	(void)st;
	type("a\x16\x03" "b\x16\x04\x16\x16\n");
	assert_int_equal(signalled, 0);
	assert_string_equal(take(99), "a\x03" "b\x04\x16\n");
	assert_string_equal(screen, "a^\b^Cb^\b^D^\b^V\r\n");
	type("\x16\n");
	assert_null(take(99));
	type("\n");
	assert_string_equal(take(99), "\n\n");
	type("x\x16");
	raw(1);
	type("\x16");
	assert_string_equal(take(99), "x\x16");
}

static void kill_and_word_erase_shorten_the_line(void **st)
{
	(void)st;
	type("one two  \027three\r");
	assert_string_equal(take(100), "one three\n");
	type("wrong\025right\r");
	assert_string_equal(take(100), "right\n");
}

static void eof_on_an_empty_line_is_an_end_of_file_once(void **st)
{
	(void)st;
	type("\004");
	assert_string_equal(take(100), "");
	assert_null(take(100));
}

static void eof_behind_text_sends_the_text_alone(void **st)
{
	(void)st;
	type("abc\004");
	assert_string_equal(take(100), "abc");
	assert_null(take(100));
	type("abc\004");
	assert_string_equal(take(3), "abc");    /* the mark goes with a read that ends right before it */
	assert_null(take(100));
}

static void interrupt_signals_and_forgets_the_line(void **st)
{
	(void)st;
	type("rm -rf\003");
	assert_int_equal(signalled, SIGINT);
	assert_string_equal(screen, "rm -rf^C");
	type("ls\r");
	assert_string_equal(take(100), "ls\n");
}

static void quit_and_suspend_have_keys_too(void **st)
{
	(void)st;
	type("\034");
	assert_int_equal(signalled, SIGQUIT);
	type("\032");
	assert_int_equal(signalled, SIGTSTP);
}

static void without_isig_the_keys_are_bytes(void **st)
{
	(void)st;
	raw(1);
	type("\003\004\177\r");
	assert_int_equal(signalled, 0);
	assert_string_equal(take(100), "\003\004\177\n");
	assert_string_equal(screen, "");
}

static void a_key_that_is_switched_off_is_a_byte(void **st)
{
	struct tty_modes m = tty.modes;

	(void)st;
	m.cc[VINTR] = 0;
	tty_modes_set(&tty, &m);
	type("\003");
	tty_input(&tty, "", 1);                 /* a NUL, which is no key's value but "off" */
	type("\r");
	assert_int_equal(signalled, 0);
	assert_memory_equal(take(100), "\003\0\n", 4);
}

static void raw_reads_wait_for_min_bytes(void **st)
{
	(void)st;
	raw(3);
	type("ab");
	assert_null(take(100));
	assert_string_equal(take(2), "ab");     /* never for more than was asked for */
	type("abcd");
	assert_string_equal(take(100), "abcd");
}

static void raw_reads_with_min_0_never_wait(void **st)
{
	(void)st;
	raw(0);
	assert_string_equal(take(100), "");
}

static void a_line_being_edited_is_readable_once_raw(void **st)
{
	(void)st;
	type("abc");
	raw(1);
	assert_string_equal(take(100), "abc");
}

static void what_was_left_raw_is_a_line_once_canonical(void **st)
{
	(void)st;
	raw(1);
	type("abc");
	cooked();
	tty_check(&tty);
	assert_string_equal(take(100), "abc");
	type("\177d\r");
	assert_string_equal(take(100), "d\n");
}

static void a_full_line_can_still_be_sent(void **st)
{
	(void)st;
	for (unsigned i = 0; i < TTY_IN + 10; i++) type("x");
	assert_int_equal(screen[shown - 1], '\a');
	type("\r");
	assert_int_equal(strlen(take(TTY_IN)), TTY_IN);
	type("ok\r");
	assert_string_equal(take(100), "ok\n");
}

static void newlines_are_printed_with_a_return(void **st)
{
	(void)st;
	tty_write(&tty, "a\nb\n\n", 5);
	assert_string_equal(screen, "a\r\nb\r\n\r\n");
	tty.modes.oflag = 0;
	tty_write(&tty, "c\n", 2);
	assert_string_equal(screen, "a\r\nb\r\n\r\nc\n");
}

static void fionread_counts_bytes_that_can_be_read(void **st)
{
	(void)st;
	type("ab\rcd");
	assert_int_equal(tty_waiting(&tty), 3);
	type("\004");
	assert_int_equal(tty_waiting(&tty), 5);
	tty_flush(&tty);
	assert_int_equal(tty_waiting(&tty), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fresh, check)
	const struct CMUnitTest tests[] = {
		T(a_line_is_readable_when_it_ends), T(a_read_gets_one_line_even_if_two_are_there),
		T(a_short_read_leaves_the_rest_of_the_line), T(what_a_reader_did_not_get_is_there_for_the_next),
		T(erase_takes_a_character_off_line_and_screen), T(erase_stops_at_the_start_of_the_line),
		T(erase_takes_a_utf8_character_as_one), T(erase_of_a_control_character_takes_two_places),
		T(a_literal_byte_is_no_key), T(kill_and_word_erase_shorten_the_line), T(eof_on_an_empty_line_is_an_end_of_file_once),
		T(eof_behind_text_sends_the_text_alone), T(interrupt_signals_and_forgets_the_line),
		T(quit_and_suspend_have_keys_too), T(without_isig_the_keys_are_bytes),
		T(a_key_that_is_switched_off_is_a_byte),
		T(raw_reads_wait_for_min_bytes), T(raw_reads_with_min_0_never_wait),
		T(a_line_being_edited_is_readable_once_raw),
		T(what_was_left_raw_is_a_line_once_canonical), T(a_full_line_can_still_be_sent),
		T(newlines_are_printed_with_a_return), T(fionread_counts_bytes_that_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
