/* SPDX-License-Identifier: MIT */
/* links: kernel/ipc.c kernel/carry.c tests/unit/ipcfix.c tests/unit/stub_kernel.c */
/* tests/unit/test_ipc.c - HOST - calls, posts, notifications and objects between a client and a server. */
#include "tests/unit/ipcfix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "mm/page.h"
#include "tests/unit/stub_kernel.h"

static void serve_double(void) { receive(); reply(0, 2 * got.arg[0], NULL); }
static void serve_nothing(void) { }
static void serve_take(void) { receive(); }
static void serve_die(void) { port_die(port); }
static void serve_take_and_die(void) { receive(); port_die(port); }

/* ---- calls */
static void a_call_carries_its_arguments_there_and_the_reply_back(void **st)
{
	struct kmsg k = { .m = { .op = 7, .arg = { 21 } } };

	(void)st;
	assert_int_equal(call(&k, serve_double), 0);
	assert_int_equal(got.op, 7);
	assert_int_equal(k.m.status, 0);
	assert_int_equal(k.m.arg[0], 42);
}

static void a_status_that_is_no_errno_becomes_EIO(void **st)
{
	struct kmsg k = { .m = { .op = 1 } };

	(void)st;
	ipc_post(port, &k);
	k.caller = &client_thread;
	receive();
	assert_int_equal(reply(5, 0, NULL), 0);
	assert_int_equal(k.m.status, -EIO);
}

static void a_call_to_a_dead_port_fails_at_once(void **st)
{
	struct kmsg k = { .m = { .op = 1 } };

	(void)st;
	port_die(port);
	assert_int_equal(call(&k, NULL), -EIO);
}

static void the_death_of_the_server_ends_a_queued_call(void **st)
{
	struct kmsg k = { .m = { .op = 1 }, .obj = { &thing } };

	(void)st;
	kobj_ref(&thing);
	assert_int_equal(call(&k, serve_die), 0);
	assert_int_equal(k.m.status, -EIO);
	assert_null(k.obj[0]);
}

static void the_death_of_the_server_ends_a_call_it_had_taken(void **st)
{
	struct kmsg k = { .m = { .op = 1 } };

	(void)st;
	assert_int_equal(call(&k, serve_take_and_die), 0);
	assert_int_equal(k.m.status, -EIO);
	assert_int_equal(reply(0, 0, NULL), -ESRCH);
}

static void two_calls_are_told_apart_by_their_tokens(void **st)
{
	struct kmsg a = { .m = { .op = 1 }, .done = done_count }, b = { .m = { .op = 2 }, .done = done_count };

	(void)st;
	ipc_post(port, &a);
	ipc_post(port, &b);
	receive();
	receive();
	assert_int_equal(reply(-ENOENT, 0, NULL), 0);   /* the second one first */
	assert_int_equal(b.m.status, -ENOENT);
	assert_int_not_equal(a.m.token, 0);
	got.token--;
	assert_int_equal(reply(-EPERM, 0, NULL), 0);
	assert_int_equal(a.m.status, -EPERM);
}

static void a_signal_takes_a_queued_call_back(void **st)
{
	struct kmsg k = { .m = { .op = 1 } };

	(void)st;
	host_sleep_status = -EINTR;
	assert_int_equal(call(&k, serve_nothing), -EINTR);
	host_sleep_hook = NULL;
	assert_int_equal(receive(), -EINTR);
}

static void the_reply_to_a_withdrawn_call_finds_nobody(void **st)
{
	struct kmsg k = { .m = { .op = 1 } };

	(void)st;
	host_sleep_status = -EINTR;
	assert_int_equal(call(&k, serve_take), -EINTR);
	assert_int_equal(reply(0, 0, &thing), -ESRCH);  /* and the reference is dropped: see teardown */
}

static void a_reply_that_came_before_the_signal_wins(void **st)
{
	struct kmsg k = { .m = { .op = 1, .arg = { 4 } } };

	(void)st;
	host_sleep_status = -EINTR;
	assert_int_equal(call(&k, serve_double), 0);
	assert_int_equal(k.m.arg[0], 8);
}

static void serve_let_signals(void)
{
	receive();
	current = &server_thread;
	assert_int_equal(sys_call_signals(got.token, true, 0, 0, 0, 0), 0);
	assert_true(interrupted == &client_thread && !client_thread.fatal_only);
	assert_int_equal(sys_call_signals(got.token, false, 0, 0, 0, 0), 0);
	assert_true(client_thread.fatal_only);
	current = &client_thread;
	reply(0, 0, NULL);
}

static void the_server_says_which_signals_end_a_call(void **st)
{
	struct kmsg k = { .m = { .op = 1 } };

	(void)st;
	client_thread.fatal_only = true;
	assert_int_equal(call(&k, serve_let_signals), 0);
	current = &server_thread;
	assert_int_equal(sys_call_signals(got.token, true, 0, 0, 0, 0), -ESRCH);
	assert_true(client_thread.fatal_only);
	current = &stranger_thread;
	assert_int_equal(sys_call_signals(got.token, true, 0, 0, 0, 0), -ESRCH);
	current = &client_thread;
	client_thread.fatal_only = false;
}

static void a_token_is_good_once(void **st)
{
	struct kmsg k = { .m = { .op = 1 } };

	(void)st;
	call(&k, serve_double);
	assert_int_equal(reply(0, 0, NULL), -ESRCH);
}

static void only_the_owner_receives(void **st)
{
	(void)st;
	current = &stranger_thread;
	assert_int_equal(sys_ipc_reply_recv((uintptr_t)&got, 0, 0, 0, 0, 0), -EPERM);
}

static struct kmsg late = { .m = { .op = 9 } };
static void post_late(void) { ipc_post(port, &late); }

static void a_message_that_comes_with_a_signal_is_not_lost(void **st)
{
	(void)st;
	late.done = done_count;
	host_sleep_hook = post_late;
	assert_int_equal(receive(), 0);
	assert_int_equal(got.op, 9);
	assert_int_equal(reply(0, 0, NULL), 0);
}

/* ---- posts */

static void done_again(struct kmsg *k)
{
	if (++dones < 3) ipc_post(port, k);
}

static void a_post_is_done_once_when_the_reply_comes(void **st)
{
	struct kmsg k = { .m = { .op = 3 }, .done = done_count };

	(void)st;
	ipc_post(port, &k);
	receive();
	assert_int_equal(dones, 0);
	assert_int_equal(reply(-ENOSPC, 0, &thing), 0);         /* nobody takes the object: dropped */
	assert_int_equal(dones, 1);
	assert_int_equal(k.m.status, -ENOSPC);
}

static void done_may_post_again(void **st)
{
	struct kmsg k = { .m = { .op = 3 }, .done = done_again };

	(void)st;
	ipc_post(port, &k);
	while (receive() == 0) reply(0, 0, NULL);
	assert_int_equal(dones, 3);
}

static void the_death_of_the_server_ends_posts_queued_and_taken(void **st)
{
	struct kmsg a = { .m = { .op = 1 }, .done = done_count }, b = { .m = { .op = 2 }, .done = done_count };

	(void)st;
	ipc_post(port, &a);
	ipc_post(port, &b);
	receive();
	port_die(port);
	assert_int_equal(dones, 2);
	assert_int_equal(a.m.status, -EIO);
	assert_int_equal(b.m.status, -EIO);
}

static void a_post_to_a_dead_port_is_refused(void **st)
{
	struct kmsg k = { .m = { .op = 1 }, .done = done_count };

	(void)st;
	port_die(port);
	assert_false(ipc_post(port, &k));
	assert_int_equal(dones, 0);
	assert_int_equal(k.m.token, 0);
}

static void a_server_needs_no_handle_to_receive(void **st)
{
	struct kmsg k = { .m = { .op = 1 }, .done = done_count };

	(void)st;
	ipc_post(port, &k);
	handle_close(&server.handles, HANDLE_PORT);
	assert_int_equal(receive(), 0);
	assert_int_equal(reply(0, 0, NULL), 0);
	assert_int_equal(dones, 1);
}

/* ---- notifications */
static void notifications_merge_and_go_before_messages(void **st)
{
	struct kmsg k = { .m = { .op = 3 }, .done = done_count };

	(void)st;
	ipc_post(port, &k);
	port_notify(port, 1);
	port_notify(port, 4);
	assert_int_equal(receive(), 0);
	assert_int_equal(got.token, 0);
	assert_int_equal(got.op, OP_NOTIFY);
	assert_int_equal(got.arg[0], 5);
	assert_int_equal(receive(), 0);
	assert_int_equal(got.op, 3);
	reply(0, 0, NULL);
}

/* ---- notes */

/* The port frees them. */
static void tell(uint64_t word)
{
	struct note *n = kalloc(100);

	n->word[0] = word;
	n->word[1] = 10 * word;
	ipc_note(port, n);
}

static void notes_come_before_what_was_sent_after_them_and_the_last_with_it(void **st)
{
	struct kmsg k = { .m = { .op = 3, .note = { 77 } }, .done = done_count };

	(void)st;
	tell(1);
	tell(2);
	ipc_post(port, &k);
	assert_int_equal(receive(), 0);
	assert_int_equal(got.op, OP_NOTIFY);
	assert_int_equal(got.token, 0);
	assert_int_equal(got.arg[0], 0);
	assert_int_equal(got.note[0], 1);
	assert_int_equal(receive(), 0);
	assert_int_equal(got.op, 3);
	assert_int_equal(got.note[0], 2);
	assert_int_equal(got.note[1], 20);
	reply(0, 0, NULL);
}

static void a_note_alone_is_received_and_none_is_made_up(void **st)
{
	struct kmsg k = { .m = { .op = 3, .note = { 77 } }, .done = done_count };

	(void)st;
	tell(5);
	assert_int_equal(receive(), 0);
	assert_int_equal(got.op, OP_NOTIFY);
	assert_int_equal(got.note[0], 5);
	assert_int_equal(receive(), -EINTR);
	ipc_post(port, &k);
	receive();
	assert_int_equal(got.note[0], 0);       /* the sender's word is not taken for one */
	reply(0, 0, NULL);
}

static void a_notification_brings_a_note_along(void **st)
{
	(void)st;
	tell(6);
	port_notify(port, 4);
	assert_int_equal(receive(), 0);
	assert_int_equal(got.arg[0], 4);
	assert_int_equal(got.note[0], 6);
	assert_int_equal(receive(), -EINTR);
}

/* The sanitizer sees that they are freed. */
static void notes_end_with_the_server_and_a_dead_one_gets_none(void **st)
{
	(void)st;
	tell(1);
	port_die(port);
	tell(2);
	assert_int_equal(receive(), -EPERM);
}

/* ---- objects */
static void serve_object(void)
{
	receive();
	assert_ptr_equal(got_object(), &thing);
	reply(0, 0, &thing);
}

static void objects_travel_with_references_both_ways(void **st)
{
	struct kmsg k = { .m = { .op = 1 }, .obj = { &thing } };

	(void)st;
	kobj_ref(&thing);
	assert_int_equal(call(&k, serve_object), 0);
	assert_ptr_equal(k.obj[0], &thing);
	assert_int_equal(thing.refs, 2);        /* that of the request is dropped */
	kobj_unref(&thing);
}

#define T(f) cmocka_unit_test_setup_teardown(f, ipc_setup, ipc_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_call_carries_its_arguments_there_and_the_reply_back),
		T(a_status_that_is_no_errno_becomes_EIO),
		T(a_call_to_a_dead_port_fails_at_once),
		T(the_death_of_the_server_ends_a_queued_call),
		T(the_death_of_the_server_ends_a_call_it_had_taken),
		T(two_calls_are_told_apart_by_their_tokens),
		T(a_signal_takes_a_queued_call_back),
		T(the_reply_to_a_withdrawn_call_finds_nobody),
		T(a_reply_that_came_before_the_signal_wins),
		T(the_server_says_which_signals_end_a_call),
		T(a_token_is_good_once),
		T(only_the_owner_receives),
		T(a_message_that_comes_with_a_signal_is_not_lost),
		T(a_post_is_done_once_when_the_reply_comes),
		T(done_may_post_again),
		T(the_death_of_the_server_ends_posts_queued_and_taken),
		T(a_post_to_a_dead_port_is_refused),
		T(a_server_needs_no_handle_to_receive),
		T(notifications_merge_and_go_before_messages),
		T(notes_come_before_what_was_sent_after_them_and_the_last_with_it),
		T(a_note_alone_is_received_and_none_is_made_up),
		T(a_notification_brings_a_note_along),
		T(notes_end_with_the_server_and_a_dead_one_gets_none),
		T(objects_travel_with_references_both_ways),
	};

	return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
