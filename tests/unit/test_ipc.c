/* SPDX-License-Identifier: MIT */
/* links: kernel/ipc.c kernel/lend.c kernel/handle.c kernel/sys_ipc.c tests/unit/stub_kernel.c */
/* tests/unit/test_ipc.c - HOST - messages between a client and a server.
 *
 * The test is the client's thread; where it would sleep for a reply, the hook plays the server, and changes who the
 * current thread is meanwhile. */
#include "kernel/ipc.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "mm/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/stub_kernel.h"

static struct proc client, server, stranger;
static struct map client_map, server_map;
static struct thread client_thread = { .proc = &client }, server_thread = { .proc = &server };
static struct thread stranger_thread = { .proc = &stranger };
static struct thread *current = &client_thread;
static struct port *port;
static struct kobj thing;
static int destroyed, dones, map_copies_by_server;
static bool no_memory;
static void (*worker)(void *);
static void (*during_copy)(void);
static struct ipc_msg got;              /* what the server received last */
static struct kobj *got_obj[IPC_HANDLES];

struct thread *current_thread(void) { return current; }
void *kalloc_pages(uint32_t n) { return no_memory ? NULL : calloc(n, PAGE_SIZE); }
void *kalloc(size_t n) { return no_memory ? NULL : calloc(1, n); }

struct thread *thread_kernel(const char *name, void (*fn)(void *), void *arg)
{
	(void)name, (void)arg;
	worker = fn;
	return &client_thread;
}

int map_copy(struct map *m, uaddr_t va, void *kbuf, uint64_t len, bool write)
{
	(void)m;
	if (current == &server_thread) map_copies_by_server++;
	if (va < PAGE_SIZE) return -EFAULT;
	if (during_copy) during_copy();
	if (write) memcpy((void *)va, kbuf, len);
	else memcpy(kbuf, (void *)va, len);
	return 0;
}

static void destroy(struct kobj *o) { (void)o; destroyed++; }

static int setup(void **st)
{
	(void)st;
	current = &client_thread;
	client_map.wired = false;
	server_map.wired = true;
	client.map = &client_map;
	server.map = &server_map;
	destroyed = dones = map_copies_by_server = 0;
	no_memory = false;
	during_copy = NULL;
	memset(&got, 0, sizeof(got));
	kobj_init(&thing, KOBJ_VMO, destroy);
	handles_init(&client.handles);
	handles_init(&server.handles);
	port = port_create(&server);
	server.port = port;
	assert_int_equal(handle_add(&server.handles, &port->obj), HANDLE_PORT);
	return 0;
}

static int teardown(void **st)
{
	(void)st;
	handles_destroy(&client.handles);
	handles_destroy(&server.handles);
	assert_int_equal(port->obj.refs, 1);
	kobj_unref(&port->obj);
	assert_int_equal(thing.refs, 1);
	host_mm_done();
	return 0;
}

/* ---- the server's side */
static int receive(void)
{
	struct thread *was = current;
	int rc;

	current = &server_thread;
	rc = ipc_recv(port, &got, got_obj, 0);
	current = was;
	return rc;
}

static int reply(int status, uint64_t arg0, struct kobj *obj)
{
	struct kobj *objs[IPC_HANDLES] = { obj };
	struct ipc_msg m = { .token = got.token, .status = status, .arg = { arg0 } };
	struct thread *was = current;
	int rc;

	current = &server_thread;
	rc = ipc_reply(&m, objs);
	current = was;
	return rc;
}

static int lend(unsigned which, uint64_t off, void *buf, uint64_t len, bool write)
{
	struct thread *was = current;
	int rc;

	current = &server_thread;
	rc = lend_copy(got.token, which, off, (uaddr_t)buf, len, write);
	current = was;
	return rc;
}

static void serve_double(void) { receive(); reply(0, 2 * got.arg[0], NULL); }
static void serve_nothing(void) { }
static void serve_take(void) { receive(); }
static void serve_die(void) { port_die(port); }
static void serve_take_and_die(void) { receive(); port_die(port); }

static int call(struct kmsg *k, void (*serve)(void))
{
	host_sleep_hook = serve;
	return ipc_call(port, k, true);
}

static void done_count(struct kmsg *k) { (void)k; dones++; }

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
	kobj_unref(&port->obj);
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

static void port_died(struct port *p) { dones += p == port; }

static void the_death_of_a_server_is_told_once(void **st)
{
	(void)st;
	port->died = port_died;
	port_die(port);
	port_die(port);
	assert_int_equal(dones, 1);
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
	assert_int_equal(a.state, KMSG_TAKEN);
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
	kobj_ref(&thing);
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
	assert_int_equal(ipc_recv(port, &got, got_obj, 0), -EPERM);
}

static struct kmsg late = { .m = { .op = 9 } };
static void post_late(void) { ipc_post(port, &late); }

static void a_message_that_comes_with_the_time_out_is_not_lost(void **st)
{
	(void)st;
	late.done = done_count;
	host_sleep_hook = post_late;
	assert_int_equal(receive(), 0);
	assert_int_equal(got.op, 9);
	assert_int_equal(reply(0, 0, NULL), 0);
}

static void receiving_times_out(void **st)
{
	(void)st;
	assert_int_equal(receive(), -ETIMEDOUT);
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
	kobj_ref(&thing);
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

static void a_post_to_a_dead_port_is_ended_by_the_worker_not_by_the_sender(void **st)
{
	struct kmsg k = { .m = { .op = 1 }, .done = done_count };

	(void)st;
	ipc_start();
	port_die(port);
	ipc_post(port, &k);
	assert_int_equal(dones, 0);
	expect_panic(worker(NULL));             /* until it sleeps for the next */
	assert_int_equal(dones, 1);
	assert_int_equal(k.m.status, -EIO);
}

static void the_last_handle_on_a_port_is_its_death(void **st)
{
	struct kmsg k = { .m = { .op = 1 }, .done = done_count };

	(void)st;
	ipc_post(port, &k);
	handle_close(&server.handles, HANDLE_PORT);
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

/* ---- objects */
static void serve_object(void)
{
	receive();
	assert_ptr_equal(got_obj[0], &thing);
	kobj_unref(got_obj[0]);
	kobj_ref(&thing);
	reply(0, 0, &thing);
}

static void objects_travel_with_references_both_ways(void **st)
{
	struct kmsg k = { .m = { .op = 1 }, .obj = { &thing } };

	(void)st;
	assert_int_equal(call(&k, serve_object), 0);
	assert_ptr_equal(k.obj[0], &thing);
	assert_int_equal(thing.refs, 2);
	kobj_unref(&thing);
}

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
	assert_int_equal(as_server(sys_ipc_recv, HANDLE_PORT, (uintptr_t)&user_msg), 0);
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
	assert_int_equal(sys_ipc_recv(1, (uintptr_t)&user_msg, 0, 0, 0, 0), -EBADF);    /* its port went with the table */
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
	struct kmsg next = { .m = { .op = 2 }, .done = done_count };
	uint32_t before;

	(void)st;
	for (uint32_t h = 2; h < PAGE_SIZE / sizeof(void *) - 1; h++) handle_add(&server.handles, &thing);
	before = thing.handles;
	no_memory = true;                               /* room for one handle, not for two */
	ipc_post(port, &k);
	ipc_post(port, &next);
	assert_int_equal(as_server(sys_ipc_recv, HANDLE_PORT, (uintptr_t)&user_msg), 0);
	assert_int_equal(user_msg.op, 2);
	assert_int_equal(dones, 1);
	assert_int_equal(k.m.status, -ENOMEM);
	assert_int_equal(thing.handles, before);
	as_server(sys_ipc_reply, (uintptr_t)&user_msg, 0);
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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_call_carries_its_arguments_there_and_the_reply_back),
		T(a_status_that_is_no_errno_becomes_EIO),
		T(a_call_to_a_dead_port_fails_at_once),
		T(the_death_of_the_server_ends_a_queued_call),
		T(the_death_of_the_server_ends_a_call_it_had_taken),
		T(the_death_of_a_server_is_told_once),
		T(two_calls_are_told_apart_by_their_tokens),
		T(a_signal_takes_a_queued_call_back),
		T(the_reply_to_a_withdrawn_call_finds_nobody),
		T(a_reply_that_came_before_the_signal_wins),
		T(a_token_is_good_once),
		T(only_the_owner_receives),
		T(a_message_that_comes_with_the_time_out_is_not_lost),
		T(receiving_times_out),
		T(a_post_is_done_once_when_the_reply_comes),
		T(done_may_post_again),
		T(the_death_of_the_server_ends_posts_queued_and_taken),
		T(a_post_to_a_dead_port_is_ended_by_the_worker_not_by_the_sender),
		T(the_last_handle_on_a_port_is_its_death),
		T(notifications_merge_and_go_before_messages),
		T(objects_travel_with_references_both_ways),
		T(the_kernels_buffers_can_be_read_and_written_as_they_were_lent),
		T(a_programs_buffers_are_copied_by_its_own_thread_alone),
		T(a_servers_buffers_are_copied_directly),
		T(a_bad_buffer_is_told_to_the_caller_and_no_message_is_sent),
		T(a_withdrawal_waits_for_a_copy_under_way),
		T(a_reply_during_a_copy_of_another_thread_is_refused),
		T(handles_are_installed_in_the_receivers_table_and_back),
		T(a_message_whose_handles_cannot_be_installed_fails_whole),
		T(a_message_with_a_bad_handle_is_refused),
		T(a_server_that_lost_its_handles_receives_no_more),
	};

	return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
