/* SPDX-License-Identifier: MIT */
/* tests/unit/ipcfix.c - HOST - a client and a server for the tests of messages (ipcfix.h). */
#include "tests/unit/ipcfix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/stub_kernel.h"

struct proc client, server, stranger;
struct map client_map, server_map;
struct thread client_thread = { .proc = &client }, server_thread = { .proc = &server };
struct thread stranger_thread = { .proc = &stranger };
struct thread *current = &client_thread;
struct port *port;
struct kobj thing;
int dones, faults, copies, synced;
bool no_memory;
void (*during_copy)(void);
struct ipc_msg got;              /* what the server received last */

struct thread *interrupted;
struct map *faulted_in;
uint32_t fault_want;

struct thread *current_thread(void) { return current; }
void *kalloc(size_t n) { return no_memory ? NULL : calloc(1, n); }

void thread_interrupt(struct thread *t) { interrupted = t; }

uint64_t map_peek(struct map *m, uaddr_t va, void *kbuf, uint64_t len, bool write)
{
	if (m != faulted_in || va < PAGE_SIZE) return 0;
	copies++;
	if (during_copy) during_copy();
	if (write) memcpy((void *)va, kbuf, len);
	else memcpy(kbuf, (void *)va, len);
	return len;
}

/* Only who lends brings pages. */
int vm_fault(struct map *m, uaddr_t va, uint32_t want)
{
	assert_ptr_equal(current, &client_thread);
	fault_want = want;
	faults++;
	if (va < PAGE_SIZE) return -EFAULT;
	faulted_in = m;
	return 0;
}

void sync_round(bool due, bool wait) { synced += wait; }

static void destroy(struct kobj *o) { (void)o; }

int ipc_setup(void **st)
{
	(void)st;
	current = &client_thread;
	client.map = &client_map;
	server.map = &server_map;
	dones = faults = copies = 0;
	interrupted = NULL;
	no_memory = false;
	faulted_in = &client_map;
	during_copy = NULL;
	memset(&got, 0, sizeof(got));
	kobj_init(&thing, KOBJ_VMO, destroy);
	client.handles = server.handles = (struct handles){.lock = SPINLOCK_INIT(RANK_HANDLE, "handles")};
	port = port_create(&server);
	server.port = port;
	assert_int_equal(handle_add(&server.handles, &port->obj), HANDLE_PORT);
	return 0;
}

int ipc_teardown(void **st)
{
	(void)st;
	handles_destroy(&client.handles);
	handles_destroy(&server.handles);
	assert_int_equal(port->obj.refs, 1);
	assert_true(list_empty(&port->queue) && list_empty(&port->taken) && list_empty(&port->notes));
	free(port);
	assert_int_equal(thing.refs, 1);
	host_mm_done();
	return 0;
}

/* ---- the server's side */
static void nothing(void) { }

static long as_server(long (*fn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t), struct ipc_msg *m)
{
	struct thread *was = current;
	long rc;

	current = &server_thread;
	rc = fn((uintptr_t)m, 0, 0, 0, 0, 0);
	current = was;
	return rc;
}

int receive(void)
{
	int rc, signal = host_sleep_status;
	void (*hook)(void) = host_sleep_hook;

	host_sleep_status = -EINTR;             /* with nothing there it would sleep for ever */
	if (!hook) host_sleep_hook = nothing;
	got.token = 0;
	rc = as_server(sys_ipc_reply_recv, &got);
	host_sleep_status = signal;
	if (!hook) host_sleep_hook = NULL;
	return rc;
}

struct kobj *got_object(void)
{
	struct thread *was = current;
	struct kobj *o;

	current = &server_thread;
	o = object_get(got.handle[0], KOBJ_ANY);
	current = was;
	if (!o) return NULL;
	kobj_unref(o);
	handle_close(&server.handles, got.handle[0]);
	return o;
}

int reply_with(const struct ipc_msg *reply)
{
	struct ipc_msg m = *reply;

	m.token = got.token;
	return as_server(sys_ipc_reply, &m);
}

int reply(int status, uint64_t arg0, struct kobj *obj)
{
	int h = obj ? handle_add(&server.handles, obj) : 0;
	int rc = reply_with(&(struct ipc_msg){ .status = status, .arg = { arg0 }, .handle = { h } });

	if (h) handle_close(&server.handles, h);
	return rc;
}

int lend(unsigned which, uint64_t off, void *buf, uint64_t len, bool write)
{
	struct thread *was = current;
	int rc;

	current = &server_thread;
	rc = (write ? sys_lend_write : sys_lend_read)(got.token, which, off, (uaddr_t)buf, len, 0);
	current = was;
	return rc;
}

int call(struct kmsg *k, void (*serve)(void))
{
	host_sleep_hook = serve;
	return ipc_call(port, k, true);
}

void done_count(struct kmsg *k) { (void)k; dones++; }
