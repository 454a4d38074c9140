/* SPDX-License-Identifier: MIT */
/* kernel/servers.c - RING 0 - starts the ring-3 servers that the loader brought.
 *
 * One driver process per disk, each with a handle on that PCI function alone; then the file server, with the drivers'
 * ports, and the processes of the process manager; then init, which is pid 1 (it is made first and started last).
 * Who asks another one before that is ready waits in its port, and hears EIO if it dies.
 *
 * Path:  main.c > [servers.c] > device.c, proc.c
 */
#include "kernel/servers.h"

#include "boot/bootinfo.h"
#include "kernel/device.h"
#include "kernel/forward.h"
#include "kernel/ipc.h"
#include "kernel/proc.h"
#include "mm/frame.h"

struct server {
	struct proc *proc;
	struct thread *thread;
	struct port *port;              /* a reference */
};

/* The process of a boot module, with its port as HANDLE_PORT and perhaps what it uses as HANDLE_DEVICE, HANDLE_FS. */
static void server_create(struct server *s, int module, const char *name, struct kobj *uses)
{
	if (proc_spawn_module(&frame_bootinfo->module[module], name, &s->proc, &s->thread))
		panic("the server %s cannot be started; give the machine 64 MiB", name);
	s->port = port_create(s->proc);
	if (!s->port || handle_add(&s->proc->handles, &s->port->obj) != HANDLE_PORT ||
	    (uses && handle_add(&s->proc->handles, uses) != HANDLE_DEVICE)) panic("no memory for server %s", name);
	kobj_ref(&s->port->obj);
	s->proc->port = s->port;
}

/* The driver of disk n. */
static void driver_create(struct server *s, uint32_t n)
{
	struct device *d = device_create(&frame_bootinfo->machine.disk[n]);
	char name[] = "virtio-blk:vda"; /* the program, its disk */

	if (!d) panic("no memory for a device");
	name[sizeof(name) - 2] += n;
	server_create(s, BOOT_VIRTIO_BLK, name, &d->obj);
	kobj_unref(&d->obj);
}

void servers_start(const struct bootinfo *bi)
{
	struct server init, fs, pm, exec, disks[BOOT_DISKS_MAX];
	uint32_t ndisks = bi->machine.ndisks;

	ipc_start();
	server_create(&init, BOOT_INIT, "init", NULL);
	for (uint32_t i = 0; i < ndisks; i++) driver_create(&disks[i], i);
	server_create(&fs, BOOT_FS, "fs", NULL);
	for (uint32_t i = 0; i < ndisks; i++)
		if (handle_add(&fs.proc->handles, &disks[i].port->obj) < 0) panic("no memory for the disks");
	server_create(&pm, BOOT_PM, "pm", &fs.port->obj);
	server_create(&exec, BOOT_PM, "pm:exec", &fs.port->obj);
	pm.thread->reserve = exec.thread->reserve = false;     /* not needed to clean memory */
	fs_port = fs.port;
	pm_port = pm.port;
	exec_port = exec.port;

	for (uint32_t i = 0; i < ndisks; i++) thread_start(disks[i].thread);
	thread_start(fs.thread);
	thread_start(pm.thread);
	thread_start(exec.thread);
	thread_start(init.thread);
}
