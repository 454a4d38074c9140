/* SPDX-License-Identifier: MIT */
/* kernel/sys_dev.c - RING 0 - the servers' system calls about a driver's runs, the console, boot and the end.
 *
 * Path:  entry.S > syscall.c > [sys_dev.c] > mm/pager.c, console.c
 * Locks: none here; objects are held by references.
 *
 * Who drives no device gets -EBADF from the call about devices, so the file server never learns a physical address
 * (design rule 2). */
#include "kernel/console.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/run.h"

#define SEGMENTS_MAX RUN_MAX            /* a run has no more pages */
#define PIECE 256u                      /* bytes on the kernel stack */

/* At most `max` segments; if the part needs more, they cover its beginning, as the caller sees from their lengths. */
SYSCALL(dev_segments, run, off, len, to, max)
{
	KOBJ_HELD struct kobj *r = object_get(run, KOBJ_RUN);
	struct dev_seg seg[SEGMENTS_MAX];
	uint64_t covered;
	int n, rc = 0;

	if (!current_proc()->disk || !r) return -EBADF;
	n = run_segments(container_of(r, struct run, obj), off, len, seg, MIN(max, SEGMENTS_MAX), &covered);
	if (n > 0) rc = copy_out(to, seg, n * sizeof(seg[0]));
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
	size_t n = console_read(piece, MIN(a1, sizeof(piece)));

	return copy_out(a0, piece, n) ? -EFAULT : (long)n;
}

SYSCALL(machine_stop)
{
	machine_stop(a0 & 0xff);
}
