/* SPDX-License-Identifier: MIT */
/* kernel/device.c - RING 0 - a disk's driver gets what the loader laid out for it (boot/disk.c), and nothing else.
 *
 * Path:  main.c > [device.c] > mm/mapops.c;  trap.c > device_interrupt() > ipc.c;  syscall.c > dev_segments() >
 *        mm/pager.c;  proc.c at the driver's end
 * Locks: none: the table of drivers is written before the first of them runs.
 *
 * Who drives no device gets -EBADF from dev_segments: so the file server learns no physical address (design rule 2).
 *
 * D2  When its driver ends the device is reset, and its bus mastering is off, before the runs that the driver held end.
 * D3  A device's memory is never used for anything else: one that does not answer the reset may still write to it.
 *     (Into pages of runs that it was given it may, too, but for the bus mastering that is off.) */
#include "kernel/syscalls.h"
#include "mm/map.h"

#define COMMAND 0x04                    /* PCI 3.0 6.2.2 */
#define COMMAND_NOINTX BIT(10)
#define RESET_NS 1000000000ull

static struct port *driver[BOOT_DISKS_MAX];     /* by disk: who gets its interrupts; NULL: there is no such disk */

void device_give(uint32_t disk, struct proc *p)
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

/* At most `max` segments; if the part needs more, they cover its beginning, as the caller sees from their lengths. */
SYSCALL(dev_segments, run, off, len, to, max)
{
	KOBJ_HELD struct kobj *r = object_get(run, KOBJ_RUN);
	struct dev_seg seg[RUN_MAX];            /* a run has no more pages */
	int n, rc = 0;

	if (!current_proc()->disk || !r) return -EBADF;
	n = run_segments(container_of(r, struct run, obj), off, len, seg, MIN(max, RUN_MAX));
	if (n > 0) rc = copy_out(to, seg, n * sizeof(seg[0]));
	return rc ? rc : n;
}
