/* SPDX-License-Identifier: MIT */
/* links: kernel/ipc.c kernel/lend.c kernel/handle.c kernel/sys_ipc.c tests/unit/ipcfix.c tests/unit/stub_kernel.c */
/* tests/unit/test_lend.c - HOST - lent buffers, and handles in messages. */
#include "tests/unit/ipcfix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "mm/frame.h"
#include "tests/unit/stub_kernel.h"

/* ---- lent buffers */
static char lent[100];

static void serve_lend(void)
{
	char here[8] = { 0 };

	receive();
	assert_int_equal(lend(0, 2, here, 3, false), 0);
	assert_string_equal(here, "llo");
	assert_int_equal(lend(1, 0, "answer", 6, true), 0);
	assert_int_equal(lend(0, 0, here, 1, true), -EPERM);            /* lent to be read */
	assert_int_equal(lend(1, 0, here, 1, false), -EPERM);
	assert_int_equal(lend(0, 4, here, 2, false), -EINVAL);          /* past its end */
	assert_int_equal(lend(0, UINT64_MAX, here, 2, false), -EINVAL);
	assert_int_equal(lend(2, 0, here, 1, false), -EINVAL);
	got.token++;
	assert_int_equal(lend(0, 0, here, 1, false), -ESRCH);
	got.token--;
	reply(0, 0, NULL);
}

static struct kmsg lending(struct map *m)
{
	memset(lent, 'x', sizeof(lent));
	return (struct kmsg){ .m = { .op = 1, .lend = { { (uintptr_t)"hello", 5, LEND_READ },
	                      { (uintptr_t)lent, sizeof(lent), LEND_WRITE } } }, .lender = m };
}

static void the_kernels_buffers_can_be_read_and_written_as_they_were_lent(void **st)
{
	struct kmsg k = lending(NULL);

	(void)st;
	assert_int_equal(call(&k, serve_lend), 0);
	assert_memory_equal(lent, "answerx", 7);
}

static void a_programs_buffers_are_copied_by_its_own_thread_alone(void **st)
{
	struct kmsg k = lending(&client_map);

	(void)st;
	assert_int_equal(call(&k, serve_lend), 0);
	assert_memory_equal(lent, "answerx", 7);        /* what the server did not write is as it was */
	assert_int_equal(map_copies_by_server, 0);
}

static void a_servers_buffers_are_copied_directly(void **st)
{
	struct kmsg k = lending(&server_map);

	(void)st;
	assert_int_equal(call(&k, serve_lend), 0);
	assert_memory_equal(lent, "answerx", 7);
	assert_int_equal(map_copies_by_server, 2);
}

static void what_is_lent_directly_is_copied_where_it_is(void **st)
{
	struct kmsg k = lending(&client_map);

	(void)st;
	k.direct = true;
	assert_int_equal(call(&k, serve_lend), 0);
	assert_memory_equal(lent, "answerx", 7);
	assert_int_equal(map_copies_by_server, 2);
}

static void serve_missing(void)
{
	char here[8] = { 0 };

	receive();
	assert_int_equal(lend(0, 2, here, 3, false), -EAGAIN);
	assert_int_equal(lend(1, 0, "answer", 6, true), -EAGAIN);
	pages_there = true;
	assert_int_equal(lend(0, 2, here, 3, false), 0);
	reply(-EAGAIN, 0, NULL);
}

static void nobody_waits_for_a_page_that_is_lent_directly(void **st)
{
	struct kmsg k = lending(&client_map);

	(void)st;
	k.direct = true;
	pages_there = false;
	assert_int_equal(call(&k, serve_missing), 0);
	assert_int_equal(k.m.status, -EAGAIN);
}

static void a_bad_buffer_is_told_to_the_caller_and_no_message_is_sent(void **st)
{
	struct kmsg k = lending(&client_map);

	(void)st;
	k.m.lend[0].addr = 8;
	assert_int_equal(call(&k, NULL), -EFAULT);
	k.m.lend[0] = (struct ipc_lend){ (uintptr_t)lent, 1 << 20, LEND_READ };
	assert_int_equal(call(&k, NULL), -EINVAL);
	k = lending(&client_map);
	no_memory = true;
	assert_int_equal(call(&k, NULL), -ENOMEM);
	assert_int_equal(k.m.lend[0].len, 5);
}

static struct kmsg *busy;
static int sleeps;

static void serve_signal_during_copy(void)
{
	if (++sleeps == 1) {            /* the call sleeps: a copy begins, and a signal comes */
		receive();
		busy->lend_busy = 1;
		host_sleep_status = -EINTR;
	} else {                        /* the withdrawal sleeps: the copy ends */
		assert_int_equal(busy->state, KMSG_TAKEN);
		busy->lend_busy = 0;
	}
}

static void a_withdrawal_waits_for_a_copy_under_way(void **st)
{
	struct kmsg k = lending(NULL);

	(void)st;
	busy = &k;
	sleeps = 0;
	assert_int_equal(call(&k, serve_signal_during_copy), -EINTR);
	assert_int_equal(sleeps, 2);
}

static void reply_too_early(void) { assert_int_equal(reply(0, 0, NULL), -EBUSY); }

static void serve_reply_during_copy(void)
{
	char here[5];

	receive();
	during_copy = reply_too_early;
	assert_int_equal(lend(0, 0, here, 5, false), 0);
	during_copy = NULL;
	assert_int_equal(reply(0, 0, NULL), 0);
}

static void a_reply_during_a_copy_of_another_thread_is_refused(void **st)
{
	struct kmsg k = lending(&server_map);

	(void)st;
	assert_int_equal(call(&k, serve_reply_during_copy), 0);
}

/* ---- handles in messages: the system calls */
static struct ipc_msg user_msg;         /* "user memory" of the server */

static long as_server(long (*fn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t), uint64_t a, uint64_t b)
{
	struct thread *was = current;
	long rc;

	current = &server_thread;
	rc = fn(a, b, 0, 0, 0, 0);
	current = was;
	return rc;
}

static void serve_handle_back(void)
{
	user_msg.token = 0;
	assert_int_equal(as_server(sys_ipc_reply_recv, HANDLE_PORT, (uintptr_t)&user_msg), 0);
	assert_int_not_equal(user_msg.handle[0], 0);
	assert_int_equal(user_msg.lend[0].addr, 0);     /* a server learns no addresses */
	user_msg.status = 0;
	assert_int_equal(as_server(sys_ipc_reply, (uintptr_t)&user_msg, 0), 0);
	as_server(sys_handle_close, user_msg.handle[0], 0);
}

static void serve_without_memory_for_handles(void)
{
	handles_destroy(&server.handles);
	no_memory = true;
	host_sleep_hook = NULL;
	current = &server_thread;
	got = (struct ipc_msg){ 0 };
	/* its port went with the table */
	user_msg.token = 0;
	assert_int_equal(sys_ipc_reply_recv(1, (uintptr_t)&user_msg, 0, 0, 0, 0), -EBADF);
	current = &client_thread;
}

static void handles_are_installed_in_the_receivers_table_and_back(void **st)
{
	struct ipc_msg m = { .op = 1, .lend = { { (uintptr_t)lent, 4, LEND_READ } } };
	int p = handle_add(&client.handles, &port->obj);

	(void)st;
	m.handle[0] = handle_add(&client.handles, &thing);
	host_sleep_hook = serve_handle_back;
	assert_int_equal(sys_ipc_call(p, (uintptr_t)&m, 0, 0, 0, 0), 0);
	assert_int_equal(m.status, 0);
	assert_int_equal(m.handle[0], 3);               /* a duplicate of its own */
	assert_int_equal(thing.handles, 2);
}

static void a_message_whose_handles_cannot_be_installed_fails_whole(void **st)
{
	struct kmsg k = { .m = { .op = 1 }, .obj = { &thing, &port->obj }, .done = done_count };
	struct note *n = kalloc(sizeof(*n));
	uint32_t before;

	(void)st;
	for (uint32_t h = 2; h < PAGE_SIZE / sizeof(void *) - 1; h++) handle_add(&server.handles, &thing);
	before = thing.handles;
	no_memory = true;                               /* room for one handle, not for two */
	ipc_post(port, &k);
	n->word[0] = 8;
	ipc_note(port, n);
	user_msg.token = 0;
	assert_int_equal(as_server(sys_ipc_reply_recv, HANDLE_PORT, (uintptr_t)&user_msg), 0);
	assert_int_equal(user_msg.op, OP_NOTIFY);       /* of nothing, with the note that came with the message */
	assert_int_equal(user_msg.token, 0);
	assert_int_equal(user_msg.arg[0], 0);
	assert_int_equal(user_msg.note[0], 8);
	assert_int_equal(dones, 1);
	assert_int_equal(k.m.status, -ENOMEM);
	assert_int_equal(thing.handles, before);
}

static void a_message_with_a_bad_handle_is_refused(void **st)
{
	struct ipc_msg m = { .op = 1, .handle = { 0, 77 } };
	int p = handle_add(&client.handles, &port->obj);

	(void)st;
	assert_int_equal(sys_ipc_call(p, (uintptr_t)&m, 0, 0, 0, 0), -EBADF);
	assert_int_equal(sys_ipc_call(77, (uintptr_t)&m, 0, 0, 0, 0), -EBADF);
}

static void a_server_that_lost_its_handles_receives_no_more(void **st)
{
	struct kmsg k = { .m = { .op = 1 } };

	(void)st;
	assert_int_equal(call(&k, serve_without_memory_for_handles), 0);
	assert_int_equal(k.m.status, -EIO);
}

#define T(f) cmocka_unit_test_setup_teardown(f, ipc_setup, ipc_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_kernels_buffers_can_be_read_and_written_as_they_were_lent),
		T(a_programs_buffers_are_copied_by_its_own_thread_alone),
		T(a_servers_buffers_are_copied_directly),
		T(what_is_lent_directly_is_copied_where_it_is),
		T(nobody_waits_for_a_page_that_is_lent_directly),
		T(a_bad_buffer_is_told_to_the_caller_and_no_message_is_sent),
		T(a_withdrawal_waits_for_a_copy_under_way),
		T(a_reply_during_a_copy_of_another_thread_is_refused),
		T(handles_are_installed_in_the_receivers_table_and_back),
		T(a_message_whose_handles_cannot_be_installed_fails_whole),
		T(a_message_with_a_bad_handle_is_refused),
		T(a_server_that_lost_its_handles_receives_no_more),
	};

	return cmocka_run_group_tests_name("lend", tests, NULL, NULL);
}
