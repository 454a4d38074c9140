/* SPDX-License-Identifier: MIT */
/* kernel/servers.c - RING 0 - starts the ring-3 servers that the loader brought, and knows the disks.
 *
 * One driver process per virtio-blk function, each with a handle on that function alone; then the file server and
 * the processes of the process manager; then init, which is pid 1 (it is made first and started last).
 *
 * Path:  main.c > [servers.c] > device.c, proc.c; later sys_dev.c > [servers.c]
 * Locks: servers_lock guards the state of disks and file server.
 *
 * B1  What a server waits for here (a disk, the file server) ends when its provider is ready or dead: port->died. */
#include "kernel/servers.h"

#include "boot/bootinfo.h"
#include "kernel/console.h"
#include "kernel/device.h"
#include "kernel/forward.h"
#include "kernel/ipc.h"
#include "kernel/proc.h"
#include "mm/frame.h"
#include "mm/vmo.h"

#define DISKS_MAX 16
#define VIRTIO_VENDOR 0x1af4
#define VIRTIO_BLK 0x1042               /* virtio 1.1 4.1.2: modern */
#define VIRTIO_BLK_TRANSITIONAL 0x1001  /* usable if it has the modern capabilities: the driver looks */

struct server {
	struct proc *proc;
	struct thread *thread;
	struct port *port;              /* a reference */
};

static struct spinlock servers_lock = SPINLOCK_INIT(RANK_HANDLE, "servers");
static struct waitq servers_wait = { LIST_INIT(servers_wait.threads) };
static struct disk {
	struct server server;           /* [c] its driver */
	struct vmo *vmo;                /* [l] set once, when the driver registered */
	uint64_t sectors, flags;        /* [l] */
	bool dead;                      /* [l] */
} disks[DISKS_MAX];                     /* [l] servers_lock */
static uint32_t ndisks;                 /* [c] */
static struct server fs_server;         /* [c] */
static bool fs_dead;                    /* [l] */

/* The loader read them all. */
static const struct boot_module *module_find(const char *name)
{
	for (uint32_t i = 0; i < frame_bootinfo->nmodules; i++) {
		if (!strcmp(frame_bootinfo->module[i].name, name)) return &frame_bootinfo->module[i];
	}
	panic("the boot module %s is missing", name);
}

static void disk_name(char *name, size_t size, uint32_t index)
{
	ksnprintf(name, size, "vd%c", 'a' + (int)index);
}

/* => servers_lock held */
static struct disk *disk_of_port(const struct port *p)
{
	for (uint32_t i = 0; i < ndisks; i++) {
		if (disks[i].server.port == p) return &disks[i];
	}
	return NULL;
}

static void server_died(struct port *p)
{
	struct disk *d;

	spin_lock(&servers_lock);
	d = disk_of_port(p);
	if (d) d->dead = true;
	if (p == fs_server.port) fs_dead = true;
	waitq_wake_all(&servers_wait);
	spin_unlock(&servers_lock);
}

/* The process of a boot module, with its port as HANDLE_PORT and perhaps what it uses as HANDLE_DEVICE, HANDLE_FS. */
static void server_create(struct server *s, const char *module, const char *name, struct kobj *uses)
{
	const struct boot_module *m = module_find(module);
	int rc = proc_spawn_module(m, name, &s->proc, &s->thread);

	if (rc) {
		kprintf("quire: the boot module \"%s\" cannot be started: error %d\n", module, -rc);
		machine_exit(STOP_NOBOOT);
	}
	s->port = port_create(s->proc);
	if (!s->port || handle_add(&s->proc->handles, &s->port->obj) != HANDLE_PORT ||
	    (uses && handle_add(&s->proc->handles, uses) != HANDLE_DEVICE)) panic("no memory for server %s", name);
	kobj_ref(&s->port->obj);
	s->port->died = server_died;
	s->proc->port = s->port;
}

static void disk_add(const struct boot_pci *f)
{
	char name[32] = "virtio-blk:";  /* the program, its disk */
	struct device *d;

	if (f->vendor != VIRTIO_VENDOR) return;
	if (f->device != VIRTIO_BLK && f->device != VIRTIO_BLK_TRANSITIONAL) return;
	if (ndisks == DISKS_MAX) {
		kprintf("quire: more than %u disks; the rest is not used\n", DISKS_MAX);
		return;
	}
	d = device_create(f);
	if (!d) panic("no memory for a device");
	disk_name(name + strlen(name), sizeof(name) - strlen(name), ndisks);
	server_create(&disks[ndisks].server, "virtio-blk", name, &d->obj);
	kobj_unref(&d->obj);
	ndisks++;
}

void servers_start(const struct bootinfo *bi)
{
	struct server init = { NULL }, pm = { NULL }, names = { NULL }, exec = { NULL };

	ipc_start();
	server_create(&init, "init", "init", NULL);
	for (uint32_t i = 0; i < bi->machine.npci; i++) disk_add(&bi->machine.pci[i]);
	server_create(&fs_server, "fs", "fs", NULL);
	server_create(&pm, "pm", "pm", &fs_server.port->obj);
	server_create(&names, "pm", "pm:names", &fs_server.port->obj);
	server_create(&exec, "pm", "pm:exec", &fs_server.port->obj);
	pm.thread->reserve = names.thread->reserve = exec.thread->reserve = false;     /* not needed to clean memory */
	pm_port = pm.port;
	names_port = names.port;
	exec_port = exec.port;

	for (uint32_t i = 0; i < ndisks; i++) thread_start(disks[i].server.thread);
	thread_start(fs_server.thread);
	thread_start(pm.thread);
	thread_start(names.thread);
	thread_start(exec.thread);
	thread_start(init.thread);
}

/* The disk's object: its dirty pages are written by vm_write of the file server, whose mapping made them dirty, or by
 * the fsync of a program that wrote to /dev/vda (mm/writeback.c W4). */
int disk_register(struct port *p, uint64_t sectors, uint64_t flags)
{
	struct disk *d = disk_of_port(p);
	struct vmo *v;
	bool twice;

	if (!d || current_proc()->port != p) return -ENODEV;
	if (sectors > INT64_MAX / 512 || flags & ~(uint64_t)DISK_READONLY) return -EINVAL;
	v = vmo_create(p, d - disks, sectors * 512, sectors * 512,
	               VMO_NOGROW | (flags & DISK_READONLY ? VMO_READONLY : 0));
	if (!v) return -ENOMEM;

	spin_lock(&servers_lock);
	twice = d->vmo != NULL;
	if (!twice) {
		d->vmo = v;
		d->sectors = sectors;
		d->flags = flags;
	}
	waitq_wake_all(&servers_wait);
	spin_unlock(&servers_lock);
	if (twice) vmo_unref(v);
	return twice ? -EBUSY : (int)(d - disks);
}

static bool disks_settled_locked(void)
{
	for (uint32_t i = 0; i < ndisks; i++) {
		if (!disks[i].vmo && !disks[i].dead) return false;
	}
	return true;
}

int disk_open(uint64_t i, struct disk_info *info, struct vmo **vmo, struct port **port)
{
	int rc = 0;

	spin_lock(&servers_lock);
	while (!disks_settled_locked() && !rc) rc = waitq_sleep(&servers_wait, &servers_lock, WAIT_FOREVER, true);
	if (!rc && i >= ndisks) rc = -ENXIO;
	if (!rc && disks[i].dead) rc = -EIO;
	spin_unlock(&servers_lock);
	if (rc) return rc;

	*info = (struct disk_info){ .sectors = disks[i].sectors, .flags = disks[i].flags };
	disk_name(info->name, sizeof(info->name), i);
	*vmo = disks[i].vmo;
	*port = disks[i].server.port;
	vmo_ref(*vmo);
	kobj_ref(&(*port)->obj);
	return 0;
}

int fs_ready(struct port *p)
{
	int rc = 0;

	if (p != fs_server.port || current_proc() != fs_server.proc) return -EPERM;
	spin_lock(&servers_lock);
	if (fs_port) rc = -EBUSY;
	fs_port = p;
	waitq_wake_all(&servers_wait);
	spin_unlock(&servers_lock);
	return rc;
}

int fs_wait(void)
{
	int rc = 0;

	spin_lock(&servers_lock);
	while (!fs_port && !fs_dead && !rc) rc = waitq_sleep(&servers_wait, &servers_lock, WAIT_FOREVER, true);
	if (fs_dead) rc = -EIO;
	spin_unlock(&servers_lock);
	return rc;
}
