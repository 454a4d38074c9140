/* SPDX-License-Identifier: MIT */
/* kernel/device.h - RING 0 - a PCI function and its driver: registers, memory for rings, MSI-X interrupts.
 *
 * Configuration space and MSI-X table are the loader's and ring 0's: whoever writes them can make a device write any
 * memory. */
#ifndef KERNEL_DEVICE_H
#define KERNEL_DEVICE_H

#include "boot/bootinfo.h"

struct proc;

void device_give(uint32_t disk, struct proc *driver);   /* it has a map and a port, and does not run yet */
void device_interrupt(unsigned vector);                 /* of one of the disks; nothing if nobody wants it */
void device_stop(const struct boot_disk *);             /* its driver ends (D2) */

#endif
