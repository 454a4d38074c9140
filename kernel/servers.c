/* SPDX-License-Identifier: MIT */
/* kernel/servers.c - RING 0 - starts the ring-3 servers that the loader brought.
 *
 * One driver process per disk, each with that PCI function alone; then the file server, with the drivers'
 * ports, and the processes of the process manager; then init, which is pid 1 (it is made first and started last).
 * Who asks another one before that is ready waits in its port, and hears EIO if it dies.
 *
 * Path:  main.c > [servers.c] > device.c, proc.c
 */
#include "boot/bootinfo.h"
#include "kernel/device.h"
#include "kernel/forward.h"
#include "kernel/ipc.h"
#include "kernel/proc.h"
#include "mm/frame.h"

/* The process of a boot module, with its port as HANDLE_PORT. */
static struct thread *server_create(int module, const char *name)
{
	struct thread *t = proc_spawn_module(&frame_bootinfo->module[module], name);
	struct port *port = t ? port_create(t->proc) : NULL;

	if (!port || handle_add(&t->proc->handles, &port->obj) != HANDLE_PORT) panic("no memory for the server %s", name);
	kobj_ref(&port->obj);           /* for ever: who asks a dead one shall hear so */
	t->proc->port = port;
	return t;
}

static struct thread *driver_create(uint32_t disk)
{
	char name[] = "virtio-blk:vda"; /* the program, its disk */
	struct thread *t;

	name[sizeof(name) - 2] += disk;
	t = server_create(BOOT_VIRTIO_BLK, name);
	device_give(disk, t->proc);
	return t;
}

/* The server knows the other one's port by its next handle: HANDLE_DISKS, HANDLE_FS. */
static void server_uses(struct thread *t, struct port *port)
{
	if (handle_add(&t->proc->handles, &port->obj) < 0) panic("no memory for a handle");
}

void servers_start(void)
{
	struct thread *init, *fs, *pm, *exec, *driver[BOOT_DISKS_MAX];
	uint32_t ndisks = frame_bootinfo->machine.ndisks;

	ipc_start();
	init = server_create(BOOT_INIT, "init");
	for (uint32_t i = 0; i < ndisks; i++) driver[i] = driver_create(i);
	fs = server_create(BOOT_FS, "fs");
	for (uint32_t i = 0; i < ndisks; i++) server_uses(fs, driver[i]->proc->port);
	fs_port = fs->proc->port;
	pm = server_create(BOOT_PM, "pm");
	exec = server_create(BOOT_PM, "pm:exec");
	server_uses(pm, fs_port);
	server_uses(exec, fs_port);
	pm->reserve = exec->reserve = false;    /* not needed to clean memory */
	pm_port = pm->proc->port;
	exec_port = exec->proc->port;

	for (uint32_t i = 0; i < ndisks; i++) thread_start(driver[i]);
	thread_start(fs);
	thread_start(pm);
	thread_start(exec);
	thread_start(init);
}
