/* SPDX-License-Identifier: MIT */
/* kernel/main.c - RING 0 - the boot, one step per line; the servers that the loader brought, and disks for their drivers.
 *
 * Path:  boot/jump.S > [main.c] > exec.c for the servers; then this thread idles;  trap.c > device_interrupt() > ipc.c;
 *        proc.c at a driver's end > device_stop()
 * Locks: none; interrupts are off until there are threads; the other CPUs, once started, only idle until then.
 *
 * D2  When its driver ends the device is reset, and its bus mastering is off, before the runs that the driver held end.
 * D3  A device's memory is never used for anything else: one that does not answer the reset may still write to it.
 *     (Into pages of runs that it was given it may, too, but for the bus mastering that is off.) */
#include "kernel/proc.h"
#include "mm/map.h"
#include "mm/vmo.h"

#define COMMAND 0x04                    /* PCI 3.0 6.2.2 */
#define COMMAND_NOINTX BIT(10)
#define RESET_NS 1000000000ull

static struct port *driver[BOOT_DISKS_MAX];     /* by disk: who gets its interrupts; NULL: there is no such disk */

/* What the loader laid out for it (boot/disk.c), and nothing else. */
static void device_give(uint32_t disk, struct proc *p)
{
	const struct boot_disk *d = p->disk = &frame_bootinfo->machine.disk[disk];

	driver[disk] = p->port;
	for (uint32_t i = 0; i < d->nmaps; i++)
		if (map_device(p->map, d->map[i].at, d->map[i].start, d->map[i].len, i == 0)) panic("no memory for a device");
}

void device_interrupt(unsigned vector)
{
	unsigned n = vector - BOOT_DISK_VECTOR, disk = n / BOOT_DISK_IRQS;

	this_cpu()->irqs++;
	if (disk < BOOT_DISKS_MAX && driver[disk]) port_notify(driver[disk], BIT(n % BOOT_DISK_IRQS));
}

/* Clearing the bus master bit does not call back requests that the device has begun; a virtio reset waits for them
 * (virtio 1.1 4.1.4.3.2: the driver writes 0 and reads until it is 0). */
void device_stop(const struct boot_disk *d)
{
	volatile uint8_t *status = phys_to_virt(d->status);
	uint64_t until = time_mono() + RESET_NS;

	if (d->status) *status = 0;
	while (d->status && *status && time_mono() < until) { }
	if (d->status && *status) kprintf("pci %x: the device does not answer a reset\n", d->bdf);
	*(volatile uint16_t *)phys_to_virt(d->config + COMMAND) = COMMAND_NOINTX; /* no bus mastering, no memory */
}

void server_uses(struct thread *t, struct port *port)
{
	if (handle_add(&t->proc->handles, &port->obj) < 0) panic("no memory for a handle");
}

/* Init, which is pid 1 and started last; one driver per disk, each with that PCI function alone; the file server, with
 * the drivers' ports; the two processes of the process manager.  Who asks another one before that is ready waits in its
 * port, and hears EIO if it dies. */
static void servers_start(void)
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

/* When everything runs, a kernel thread breaks the kernel as the word panic=HOW says; tests look at the report:
 * panic=test breaks an invariant, panic=stack overflows the stack, panic=fault follows a wild pointer. */
static void panic_on_purpose(void)
{
	uint32_t how = frame_bootinfo->panic;

	if (how == BOOT_PANIC_TEST) INVARIANT("T0", !"asked for on the command line");
	while (how == BOOT_PANIC_STACK) *(volatile char *)__builtin_alloca(512) = 0;
	if (how == BOOT_PANIC_FAULT) *(volatile char *)USER_TOP = 0;
}

void kernel_main(struct bootinfo *bi);
void kernel_main(struct bootinfo *bi)
{
	cpu_init(bi, 0, &boot_thread);
	if (bi->magic != BOOTINFO_MAGIC) panic("the loader's structure is not one of this kernel's");
	frame_init(bi);
	cpu_has_smap = bi->control.cr4 & BOOT_CR4_SMAP;
	pmap_kernel_init();
	time_clock = *(const struct vdso_clock *)phys_to_virt(bi->vdso);
	smp_start();
	kprintf("quire: %lu MiB of memory, %lu MiB free\n", frame_total >> 8, frame_free_count() >> 8);
	vm_split = bi->split;
	vdso_init();
	irq_enable();           /* from here on there are threads, who never switch without */
	thread_kernel("writeback", writeback_thread);
	servers_start();
	if (bi->panic) thread_kernel("panic test", panic_on_purpose);
	sched_idle();
}
