/* SPDX-License-Identifier: MIT */
/* kernel/servers.c - RING 0 - starts the ring-3 servers that the loader brought.
 *
 * Init, which is pid 1 and started last; one driver per disk, each with that PCI function alone; the file server, with
 * the drivers' ports; the two processes of the process manager.
 * Who asks another one before that is ready waits in its port, and hears EIO if it dies.
 *
 * Path:  main.c > [servers.c] > device.c, proc.c
 */
#include "boot/bootinfo.h"
#include "kernel/proc.h"

void server_uses(struct thread *t, struct port *port)
{
	if (handle_add(&t->proc->handles, &port->obj) < 0) panic("no memory for a handle");
}

void servers_start(void)
{
	struct thread *server[ARRAY_LEN(frame_bootinfo->server)], *fs, *pm, *exec;
	uint32_t ndisks = frame_bootinfo->machine.ndisks, n = ndisks + 4;

	for (uint32_t i = 0; i < n; i++) server[i] = server_create(&frame_bootinfo->server[i]);
	fs = server[n - 3];
	pm = server[n - 2];
	exec = server[n - 1];
	for (uint32_t i = 0; i < ndisks; i++) {
		device_give(i, server[1 + i]->proc);
		server_uses(fs, server[1 + i]->proc->port);
	}
	fs_port = fs->proc->port;
	server_uses(pm, fs_port);
	server_uses(exec, fs_port);
	exec->reserve = false;          /* not needed to clean memory, nor to say whom the want of it ends */
	pm_port = pm->proc->port;
	exec_port = exec->proc->port;

	while (n > 0) thread_start(server[--n]);
}
