/* SPDX-License-Identifier: MIT */
/* kernel/sys_dev.c - RING 0 - the servers' system calls about devices, the console, boot and the end.
 *
 * Path:  entry.S > syscall.c > [sys_dev.c] > device.c, console.c
 * Locks: none here; objects are held by references.
 *
 * A caller without a handle on a device gets -EBADF from the calls about devices, so the
 * file server, which has none, never learns a physical address (design rule 2). */
#include "kernel/console.h"
#include "kernel/device.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"
#include "mm/run.h"

#define SEGMENTS_MAX RUN_MAX            /* a run has no more pages */
#define PIECE 256u                      /* bytes on the kernel stack */

static struct device *device_get(uint64_t h) { return container_of(object_get(h, KOBJ_DEVICE), struct device, obj); }

SYSCALL(dev_info)
{
	struct device *d = device_get(a0);
	int rc;

	if (!d) return -EBADF;
	rc = copy_out(a1, &d->disk->info, sizeof(d->disk->info));
	kobj_unref(&d->obj);
	return rc;
}

SYSCALL(dev_map)
{
	struct device *d = device_get(a0);
	uint64_t at = 0;
	int rc;

	if (!d) return -EBADF;
	rc = device_map_bar(d, current_proc()->map, a1, a2, a3, &at);
	kobj_unref(&d->obj);
	return rc ? rc : (long)at;
}

SYSCALL(dev_irq)
{
	struct device *d = device_get(a0);
	struct port *p;
	int rc = -EBADF;

	if (!d) return -EBADF;
	p = port_get(a2);
	if (a4 == IRQ_HERE) a4 = this_cpu()->id;
	if (p) rc = a4 >= ncpus ? -EINVAL : device_irq(d, a1, p, a3, &cpus[a4]);
	if (p) kobj_unref(&p->obj);
	kobj_unref(&d->obj);
	return rc;
}

SYSCALL(dev_alloc)
{
	struct device *d = device_get(a0);
	struct dev_mem mem = { 0 };
	int rc;

	if (!d) return -EBADF;
	rc = device_alloc(d, current_proc()->map, a2, &mem.addr, &mem.phys);
	kobj_unref(&d->obj);
	return rc ? rc : copy_out(a1, &mem, sizeof(mem)); /* a bad address: the pages stay with the device */
}

/* At most a5 segments; if the part needs more, they cover its beginning, as the caller sees from their lengths. */
SYSCALL(dev_segments)
{
	struct device *d = device_get(a0);
	struct dev_seg seg[SEGMENTS_MAX];
	uint64_t covered;
	struct kobj *o;
	int n = -EBADF, rc;

	if (!d) return -EBADF;
	o = object_get(a1, KOBJ_RUN);
	if (o) n = run_segments(container_of(o, struct run, obj), a2, a3, seg, MIN(a5, SEGMENTS_MAX), &covered);
	if (o) kobj_unref(o);
	kobj_unref(&d->obj);
	rc = n > 0 ? copy_out(a4, seg, n * sizeof(seg[0])) : 0;
	return rc ? rc : n;
}

SYSCALL(con_write)
{
	char piece[PIECE];

	if (a0 > CON_RESULT) return -EINVAL;
	for (uint64_t done = 0; done < a2;) {
		uint64_t n = MIN(a2 - done, sizeof(piece));

		if (copy_in(piece, a1 + done, n)) return done ? (long)done : -EFAULT;
		console_write(a0, piece, n);
		done += n;
	}
	return a2;
}

SYSCALL(con_read)
{
	char piece[PIECE];
	size_t n;

	n = console_read(piece, MIN(a1, sizeof(piece)));
	return copy_out(a0, piece, n) ? -EFAULT : (long)n;
}

SYSCALL(con_bind)
{
	struct port *p;

	p = port_get(a0);
	if (!p) return -EBADF;
	console_bind(p, a1);
	kobj_unref(&p->obj);
	return 0;
}

SYSCALL(machine_stop)
{
	machine_stop(a0 & 0xff);
}

SYSCALL(cmdline)
{
	size_t n = strlen(frame_bootinfo->cmdline) + 1;

	if (a1 < n) return -ERANGE;
	return copy_out(a0, frame_bootinfo->cmdline, n) ? -EFAULT : (long)n - 1;
}

/* One line; what would not print on a terminal is shown as a dot, so that a server cannot forge other lines. */
SYSCALL(log)
{
	char line[PIECE];
	size_t n = MIN(a1, sizeof(line) - 1);

	if (copy_in(line, a0, n)) return -EFAULT;
	while (n > 0 && line[n - 1] == '\n') n--;
	for (size_t i = 0; i < n; i++) {
		if (line[i] < ' ' && line[i] != '\t') line[i] = '.';
	}
	line[n] = 0;
	kprintf("%s: %s\n", current_proc()->name, line);
	return MIN(a1, sizeof(line) - 1);
}
