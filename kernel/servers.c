/* SPDX-License-Identifier: MIT */
/* kernel/servers.c - RING 0 - starts the ring-3 servers that the loader brought.
 *
 * One driver process per disk, each with a handle on that PCI function alone; then the file server, with the drivers'
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

/* The process of a boot module, with its port as HANDLE_PORT and perhaps what it uses as HANDLE_DEVICE, HANDLE_FS. */
static struct thread *server_create(int module, const char *name, struct kobj *uses)
{
	struct thread *t = proc_spawn_module(&frame_bootinfo->module[module], name);
	struct port *port = t ? port_create(t->proc) : NULL;

	if (!port || handle_add(&t->proc->handles, &port->obj) != HANDLE_PORT ||
	    (uses && handle_add(&t->proc->handles, uses) != HANDLE_DEVICE)) panic("no memory for the server %s", name);
	kobj_ref(&port->obj);           /* for ever: who asks a dead one shall hear so */
	t->proc->port = port;
	return t;
}

static struct thread *driver_create(uint32_t disk)
{
	struct device *d = device_create(&frame_bootinfo->machine.disk[disk]);
	char name[] = "virtio-blk:vda"; /* the program, its disk */
	struct thread *t;

	if (!d) panic("no memory for a device");
	name[sizeof(name) - 2] += disk;
	t = server_create(BOOT_VIRTIO_BLK, name, &d->obj);
	kobj_unref(&d->obj);
	return t;
}

void servers_start(void)
{
	struct thread *init, *fs, *pm, *exec, *driver[BOOT_DISKS_MAX];
	uint32_t ndisks = frame_bootinfo->machine.ndisks;

	ipc_start();
	init = server_create(BOOT_INIT, "init", NULL);
	for (uint32_t i = 0; i < ndisks; i++) driver[i] = driver_create(i);
	fs = server_create(BOOT_FS, "fs", NULL);
	for (uint32_t i = 0; i < ndisks; i++)
		if (handle_add(&fs->proc->handles, &driver[i]->proc->port->obj) < 0) panic("no memory for the disks");
	fs_port = fs->proc->port;
	pm = server_create(BOOT_PM, "pm", &fs_port->obj);
	exec = server_create(BOOT_PM, "pm:exec", &fs_port->obj);
	pm->reserve = exec->reserve = false;    /* not needed to clean memory */
	pm_port = pm->proc->port;
	exec_port = exec->proc->port;

	for (uint32_t i = 0; i < ndisks; i++) thread_start(driver[i]);
	thread_start(fs);
	thread_start(pm);
	thread_start(exec);
	thread_start(init);
}
