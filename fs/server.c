/* SPDX-License-Identifier: MIT */
/* fs/server.c - RING 3 - the file server: mounts the root, then answers messages, one after the other.
 *
 * Path:  kernel  ~message~>  [server.c] > call.c, srv_name.c, srv_file.c, srv_lock.c, srv_pager.c, devfs.c
 * It has one thread, which sleeps in q_reply_recv(), in a call to a driver, or in a fault on the mapping of a disk, which
 * the driver alone serves: it never waits for itself.  It maps no files, and its own memory is wired.
 *
 * Reading order: here, srv_name.c, vfs_path.c, vfs_name.c, then a file system: tmpfs.c or ext2_*.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/call.h"
#include "fs/procfs.h"

#define SYNC_QUIET    5u                /* seconds in which nobody asks for anything: dirty metadata is written back */
#define SYNC_BUSY     15u               /* and after so many all the same */

static sigjmp_buf bus_error;            /* where a fault on an unreadable metadata page goes on */

/* The operations of the protocols have numbers apart, so that one switch after the other finds the right one. */
static handler handler_of(uint32_t op)
{
	handler h = op >= NAME_CALL ? call_serve : srv_pager_handler(op);

	if (!h) h = srv_name_handler(op);
	if (!h) h = srv_file_handler(op);
	if (!h) h = srv_lock_handler(op);
	if (!h) h = srv_host_handler(op);
	return h ? h : dev_handler(op);
}

/* A metadata page could not be read from the disk: the kernel says so with SIGBUS at the load.  The message fails
 * with EIO; the server lives.  (SA_NODEFER, since the handler is left by a jump.) */
static void bus_handler(int sig)
{
	(void)sig;
	siglongjmp(bus_error, 1);
}

static void bus_catch(void)
{
	struct sigaction sa = {.sa_handler = bus_handler, .sa_flags = SA_NODEFER};

	sigaction(SIGBUS, &sa, NULL);
}

/* The handler, with a way out for a fault in the middle of it. */
static int handle(const struct ipc_msg *in, struct ipc_msg *out)
{
	handler h;

	if (sigsetjmp(bus_error, 0)) {
		say("I/O error reading metadata: operation 0x%x fails", in->op);
		return -EIO;
	}
	h = handler_of(in->op);
	return h ? h(in, out) : -ENOSYS;
}

/* Work on one request; the handles that came with it are ours to close.  => what is to be replied; token 0: nothing */
static void serve(const struct ipc_msg *in, struct ipc_msg *out)
{
	int rc;

	memset(out, 0, sizeof(*out));
	vfs_caller = (struct caller){(uint32_t)in->arg[6], (uint32_t)(in->arg[6] >> 32), msg_cred(in)};
	rc = handle(in, out);
	for (int i = 0; i < IPC_HANDLES; i++) {
		if (in->handle[i]) q_close(in->handle[i]);
	}
	if (rc < 0) memset(out->handle, 0, sizeof(out->handle));
	out->token = rc == LATER ? 0 : in->token;
	out->status = rc == LATER ? 0 : rc;
	lent_missing(out);
}

/* Nobody waits for this: an error is told to whoever syncs next, since what could not be written stays dirty. */
static void sync_quietly(void)
{
	if (sigsetjmp(bus_error, 0)) say("I/O error writing metadata back; it will be tried again");
	else vfs_sync(false);
}

long facts(enum facts_kind kind, uint32_t pid, uint64_t index, void *buf, size_t size)
{
	return q_facts(kind, pid, index, buf, size);
}

static void detached_end(void)
{
	if (sigsetjmp(bus_error, 0)) say("I/O error reading metadata: something detached stays mounted");
	else mounts_sweep();
}

/* A second went by.  quiet: without a request */
static void second(bool quiet)
{
	static unsigned seconds, still;

	detached_end();
	loadavg_tick();
	still = quiet ? still + 1 : 0;
	if (++seconds < SYNC_BUSY && still < SYNC_QUIET) return;
	seconds = still = 0;
	sync_quietly();
	shm_sweep();
}

/* It may have been the last thing that kept a file without a name: freeing it reads metadata. */
static void closed(const uint64_t note[2])
{
	if (sigsetjmp(bus_error, 0)) say("I/O error reading metadata: node %llu is not freed", (unsigned long long)note[0]);
	else name_closed(note[0], note[1]);
}

static void message_loop(void) __attribute__((noreturn));
/* Reply and receive are one call: a client that waits for us and is waited for by us costs one switch each way.
 * Console input comes as a notification among the messages, so there is one place to sleep.  Request and reply change
 * places at each turn. */
static void message_loop(void)
{
	struct ipc_msg msg[2] = {0}, *in = &msg[0], *out = &msg[1];
	uint64_t served = 0, before = 0;        /* now, and a second ago */

	for (;;) {
		struct ipc_msg *m = out;
		long rc = q_reply_recv_until(m, counters_run());

		out = in;
		in = m;
		out->token = 0;
		if (rc) continue;       /* time for a counter; or the receiver could not take the reply's handle: given up */
		if (in->note[0]) closed(in->note);
		if (in->token) {
			serve(in, out);
			served++;
			continue;
		}
		if (in->arg[0] & (NOTIFY_CONSOLE | NOTIFY_SESSION)) ttydev_notify(in->arg[0]);
		if (in->arg[0] & NOTIFY_SECOND) second(served == before);
		if (in->arg[0] & NOTIFY_SECOND) before = served;
	}
}

/* Mount on a directory, which is made if the root file system lacks it. */
static int mount_on(const char *path, const char *type, int (*mount)(struct mount *))
{
	struct cred root = {0};
	struct mount *m = mount_new(type, type, path, false);
	struct vnode *dir;
	int rc = path_lookup(vfs_root(), path, strlen(path), 0, root, &dir);

	if (rc == -ENOENT) {
		rc = vfs_mkdir(vfs_root(), path, strlen(path), 0755, root);
		if (!rc) rc = path_lookup(vfs_root(), path, strlen(path), 0, root, &dir);
	}
	if (!rc) {
		rc = m ? mount(m) : -ENOMEM;
		if (!rc) rc = mount_attach(m, dir);
		vnode_put(dir);
	}
	if (rc) say("%s: cannot mount %s: %s", path, type, strerror(-rc));
	return rc;
}

/* Without a root there is nothing to serve: the reason stands in the log, and our end is EIO for init. */
static int mount_all(void)
{
	char root[32] = "vda2", ro[2];
	int rc;

	cmdline_word("root", root, sizeof(root));
	if (sigsetjmp(bus_error, 0)) {
		say("%s: I/O error reading the disk", root);
		return -EIO;
	}
	disks_open();
	rc = mount_disk(root, "/", NULL, cmdline_word("ro", ro, sizeof(ro)));
	if (rc) return rc;
	if (!mount_on("/dev", "devfs", devfs_mount)) mount_on("/dev/shm", "tmpfs", tmpfs_mount);
	mount_on("/tmp", "tmpfs", tmpfs_mount);
	return 0;
}

int main(void)
{
	bus_catch();
	if (mount_all()) return 1;
	ttydev_init();
	message_loop();
}
