/* SPDX-License-Identifier: MIT */
/* links: kernel/ipc.c kernel/carry.c tests/unit/ipcfix.c tests/unit/stub_kernel.c */
/* tests/unit/test_lend.c - HOST - lent buffers, and handles in messages. */
#include "tests/unit/ipcfix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "mm/page.h"
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

static void a_process_buffers_are_copied_where_they_are(void **st)
{
	struct kmsg k = lending(&client_map);

	(void)st;
	assert_int_equal(call(&k, serve_lend), 0);
	assert_memory_equal(lent, "answerx", 7);        /* what the server did not write is as it was */
	assert_int_equal(copies, 2);
	assert_int_equal(faults, 0);
}

static int served;

/* As a server does that needs both and changes something only when it has them. */
static void serve_when_it_is_there(void)
{
	struct ipc_msg lack = { .status = -EAGAIN };
	char here[8] = { 0 };

	served++;
	receive();
	assert_int_equal(got.arg[0], 21);               /* each time as it was sent */
	assert_ptr_equal(got_object(), &thing);
	if (lend(0, 2, here, 3, false)) memcpy(lack.arg, (uint64_t[]){ 2, 3, LEND_READ, 0 }, 32);
	else if (lend(1, 4, "answer", 6, true)) memcpy(lack.arg, (uint64_t[]){ 4, 6, LEND_WRITE, 1 }, 32);
	else lack.status = 0;
	reply_with(&lack);
}

/* For serve_when_it_is_there(). */
static struct kmsg asking(void)
{
	struct kmsg k = lending(&client_map);

	k.m.arg[0] = 21;
	k.obj[0] = &thing;
	kobj_ref(&thing);
	served = 0;
	faulted_in = NULL;
	return k;
}

static void what_is_missing_its_lender_brings_and_the_message_goes_again(void **st)
{
	KMSG_HELD struct kmsg k = asking();

	(void)st;
	assert_int_equal(call(&k, serve_when_it_is_there), 0);
	assert_int_equal(k.m.status, 0);
	assert_memory_equal(lent, "xxxxanswerx", 11);
	assert_int_equal(served, 2);
	assert_int_equal(fault_want, PROT_READ);
}

static bool ends;                       /* the client's thread */

bool thread_ends(const struct thread *t) { return ends && t == &client_thread; }

static void who_is_to_end_brings_nothing(void **st)
{
	KMSG_HELD struct kmsg k = asking();

	(void)st;
	ends = true;
	assert_int_equal(call(&k, serve_when_it_is_there), -EINTR);
	ends = false;
	assert_int_equal(served, 1);
	assert_int_equal(faults, 0);
}

static void serve_target(void)
{
	struct ipc_msg lack = { .status = -EAGAIN, .arg = { 4, 6, LEND_WRITE, 1 } };

	served++;
	receive();
	got_object();
	if (!lend(1, 4, "answer", 6, true)) lack = (struct ipc_msg){ 0 };
	reply_with(&lack);
}

static void a_target_is_another_map_which_is_brought_likewise(void **st)
{
	struct kmsg k = lending(&client_map);

	(void)st;
	k.m.arg[0] = 21;
	k.obj[0] = &thing;
	kobj_ref(&thing);
	k.m.lend[0].flags = 0;
	served = 0;
	k.target = &server_map;
	k.m.lend[1].flags = LEND_WRITE;
	assert_int_equal(call(&k, serve_target), 0);
	assert_int_equal(k.m.status, 0);
	assert_int_equal(served, 2);
	assert_ptr_equal(faulted_in, &server_map);
	assert_int_equal(fault_want, PROT_WRITE);
}

static void a_bad_buffer_is_told_to_the_caller_when_it_is_needed(void **st)
{
	const uint64_t bad[] = { 8, UINT64_MAX - 1 };   /* nothing there; its end is below its start */

	(void)st;
	for (int i = 0; i < 2; i++) {
		KMSG_HELD struct kmsg k = asking();

		k.m.lend[0].addr = bad[i];
		assert_int_equal(call(&k, serve_when_it_is_there), -EFAULT);
	}
}

static void serve_when_all_is_written(void)
{
	struct ipc_msg lack = { .status = -EAGAIN, .arg = { 0, 1, LEND_SYNC, 0 } };

	served++;
	receive();
	got_object();
	if (got.lend[0].flags & LEND_SYNC) lack = (struct ipc_msg){ 0 };
	reply_with(&lack);
}

static void what_programs_wrote_is_written_by_who_lends_and_the_message_says_so(void **st)
{
	struct kmsg k = lending(&client_map), own = lending(&client_map);
	static struct port fs;

	(void)st;
	fs_port = &fs;
	served = synced = 0;
	assert_int_equal(call(&k, serve_when_all_is_written), 0);
	assert_int_equal(k.m.status, 0);
	assert_int_equal(served, 2);
	assert_int_equal(synced, 1);
	client.port = &fs;              /* the file server itself would wait for its own answers */
	assert_int_equal(call(&own, serve_when_all_is_written), -EFAULT);
	assert_int_equal(synced, 1);
	client.port = NULL;
}

static void serve_lies(void)
{
	struct ipc_msg lack = { .status = -EAGAIN, .arg = { UINT64_MAX, UINT64_MAX, 77, UINT64_MAX } };

	receive();
	reply_with(&lack);
}

static void a_server_that_lacks_what_there_is_not_does_no_harm(void **st)
{
	struct kmsg k = lending(&client_map), mine = lending(NULL);

	(void)st;
	assert_int_equal(call(&k, serve_lies), -EFAULT);
	assert_int_equal(call(&mine, serve_lies), 0);   /* the kernel's memory is there */
	assert_int_equal(mine.m.status, -EAGAIN);
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
		assert_int_not_equal(busy->m.token, 0);
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
	struct kmsg k = lending(&client_map);

	(void)st;
	assert_int_equal(call(&k, serve_reply_during_copy), 0);
}

/* ---- handles in messages: the system calls */
static struct ipc_msg user_msg;         /* "user memory" of the server */
static uintptr_t bad_address;           /* this part of it cannot be written */

int copy_out(uaddr_t dst, const void *src, size_t n)
{
	if (dst == bad_address) return -EFAULT;
	memcpy((void *)dst, src, n);
	return 0;
}

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
	assert_int_equal(as_server(sys_ipc_reply_recv, (uintptr_t)&user_msg, 0), 0);
	assert_int_not_equal(user_msg.handle[0], 0);
	assert_int_equal(user_msg.lend[0].addr, 0);     /* a server learns no addresses */
	user_msg.status = 0;
	assert_int_equal(as_server(sys_ipc_reply, (uintptr_t)&user_msg, 0), 0);
	as_server(sys_handle_close, user_msg.handle[0], 0);
}

/* Nothing can be copied to the address that it gives. */
static void serve_at_a_bad_address(void)
{
	user_msg.token = 0;
	bad_address = (uintptr_t)&user_msg;
	assert_int_equal(as_server(sys_ipc_reply_recv, (uintptr_t)&user_msg, 0), -EFAULT);
	bad_address = 0;
	assert_int_equal(as_server(sys_ipc_reply_recv, (uintptr_t)&user_msg, 0), -EPERM);
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
	assert_int_equal(as_server(sys_ipc_reply_recv, (uintptr_t)&user_msg, 0), 0);
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

static void a_server_that_gives_a_bad_address_is_dead_for_its_callers(void **st)
{
	struct kmsg k = { .m = { .op = 1 } };

	(void)st;
	assert_int_equal(call(&k, serve_at_a_bad_address), 0);
	assert_int_equal(k.m.status, -EIO);
}

#define T(f) cmocka_unit_test_setup_teardown(f, ipc_setup, ipc_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_kernels_buffers_can_be_read_and_written_as_they_were_lent),
		T(a_process_buffers_are_copied_where_they_are),
		T(what_is_missing_its_lender_brings_and_the_message_goes_again),
		T(who_is_to_end_brings_nothing),
		T(a_target_is_another_map_which_is_brought_likewise),
		T(a_bad_buffer_is_told_to_the_caller_when_it_is_needed),
		T(what_programs_wrote_is_written_by_who_lends_and_the_message_says_so),
		T(a_server_that_lacks_what_there_is_not_does_no_harm),
		T(a_withdrawal_waits_for_a_copy_under_way),
		T(a_reply_during_a_copy_of_another_thread_is_refused),
		T(handles_are_installed_in_the_receivers_table_and_back),
		T(a_message_whose_handles_cannot_be_installed_fails_whole),
		T(a_message_with_a_bad_handle_is_refused),
		T(a_server_that_gives_a_bad_address_is_dead_for_its_callers),
	};

	return cmocka_run_group_tests_name("lend", tests, NULL, NULL);
}
