/* SPDX-License-Identifier: MIT */
/* kernel/device.c - RING 0 - what a driver gets of its PCI function, and nothing else.
 *
 * Path:  servers.c makes it; sys_dev.c > [device.c] > mm/map.c, apic.c; handle.c at the driver's end.
 * Locks: device->lock, a mutex outside the map's.
 *
 * D1  The pages of the MSI-X table and of its pending bits are never mapped to ring 3: who writes them chooses where
 *     the device writes an interrupt.
 * D2  When the last handle goes, the device is reset and its bus mastering is off before any memory that it was given
 *     is freed, and before the runs that the driver held end (handles_destroy() closes HANDLE_DEVICE first).
 * D3  Memory of a device is freed only when no process maps it. */
#include "kernel/device.h"

#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/ipc.h"
#include "kernel/time.h"
#include "mm/frame.h"
#include "mm/map.h"

#define MSIX_CONTROL 2                  /* message control: offset in the capability (PCI 3.0 6.8.2.3) */
#define MSIX_MASKALL BIT(14)
#define COMMAND 0x04                    /* PCI 3.0 6.2.2 */
#define COMMAND_NOINTX BIT(10)
#define MSI_ADDRESS 0xfee00000u         /* SDM 3A 10.11.1 */
#define RESET_NS 1000000000ull

static void config_write16(const struct device *d, unsigned off, uint16_t v)
{
	*(volatile uint16_t *)phys_to_virt(d->disk->config + off) = v;
}

/* Clearing the bus master bit does not call back requests that the device has begun; a virtio reset waits for them
 * (virtio 1.1 4.1.4.3.2: the driver writes 0 and reads until it is 0). => false: it does not answer */
static bool device_reset(const struct device *d)
{
	volatile uint8_t *status = phys_to_virt(d->disk->status);
	uint64_t until = time_mono() + RESET_NS;

	if (!d->disk->status) return true;
	*status = 0;
	while (*status != 0) {
		if (time_mono() > until) return false;
	}
	return true;
}

static void irqs_free(struct device *d)
{
	if (d->disk->msix) config_write16(d, d->disk->msix_cap + MSIX_CONTROL, MSIX_MASKALL);
	for (int i = 0; i < BOOT_IRQS_MAX; i++) {
		if (!d->irq[i].vector) continue;
		irq_free(d->irq[i].vector);
		kobj_unref(&d->irq[i].port->obj);
		d->irq[i].vector = 0;
	}
}

/* The driver is gone, or let its device go (D2, D3). */
static void device_no_handles(struct kobj *o)
{
	struct device *d = container_of(o, struct device, obj);
	bool quiet = device_reset(d);

	config_write16(d, COMMAND, COMMAND_NOINTX);     /* no memory, no ports, no bus mastering */
	if (!quiet) kprintf("pci %x: the device does not answer a reset; its memory is not used again\n", d->disk->bdf);
	mutex_lock(&d->lock);
	d->stopped = true;
	irqs_free(d);
	for (int i = 0; i < DEVICE_MAPS; i++) {
		struct device_piece *p = &d->piece[i];

		if (p->len) map_unmap(d->map, p->addr, p->len);
		for (uint64_t n = 0; quiet && p->mem && n < p->len >> PAGE_SHIFT; n++) frame_free(p->mem + n);
		p->len = 0;
	}
	mutex_unlock(&d->lock);
	if (d->map) map_put(d->map);
	d->map = NULL;
}

static void device_destroy(struct kobj *o)
{
	kfree(container_of(o, struct device, obj));
}

struct device *device_create(const struct boot_disk *f)
{
	struct device *d = kalloc(sizeof(*d));

	if (!d) return NULL;
	kobj_init(&d->obj, KOBJ_DEVICE, device_destroy);
	d->obj.no_handles = device_no_handles;
	mutex_init(&d->lock, RANK_FILE, "device");
	d->disk = f;
	return d;
}

/* Memory from pa on into the one map that may have it.  mem: wired pages, freed with the device; NULL: a BAR */
static int piece_map(struct device *d, struct map *m, paddr_t pa, uint64_t len, struct page *mem, uint64_t *at)
{
	struct device_piece *p = d->piece, *end = p + DEVICE_MAPS;
	int rc;

	mutex_lock(&d->lock);
	while (p < end && p->len) p++;
	*at = 0;
	if (d->stopped) rc = -ENODEV;
	else if (d->map && d->map != m) rc = -EPERM;
	else rc = p == end ? -ENOMEM : map_device(m, at, pa, len, mem != NULL);
	if (!rc) {
		*p = (struct device_piece){ *at, len, mem };
		if (!d->map) map_ref(m);
		d->map = m;
	}
	mutex_unlock(&d->lock);
	return rc;
}

int device_map_bar(struct device *d, struct map *m, uint64_t bar, uint64_t off, uint64_t len, uint64_t *at)
{
	const struct boot_disk *f = d->disk;
	paddr_t pa;

	if (bar >= ARRAY_LEN(f->bar) || len == 0 || off % PAGE_SIZE) return -EINVAL;
	if (off > f->info.bar[bar].len || len > f->info.bar[bar].len - off) return -EINVAL;
	pa = f->bar[bar] + off;
	len = ROUND_UP(len, PAGE_SIZE);
	for (unsigned i = 0; i < ARRAY_LEN(f->hidden); i++)             /* D1 */
		if (pa < f->hidden[i].end && f->hidden[i].start < pa + len) return -EPERM;

	return piece_map(d, m, pa, len, NULL, at);
}

static void device_interrupt(void *arg)
{
	struct device_irq *i = arg;

	port_notify(i->port, i->bits);
}

/* Once per entry: the vector belongs to it until the device stops. */
int device_irq(struct device *d, uint64_t entry, struct port *p, uint64_t bits, const struct cpu *cpu)
{
	volatile uint32_t *e = phys_to_virt(d->disk->msix + 16 * entry);
	int rc;

	if (entry >= d->disk->info.msix_entries) return -EINVAL;
	mutex_lock(&d->lock);
	rc = d->stopped ? -ENODEV : d->irq[entry].vector ? -EBUSY : irq_alloc(device_interrupt, &d->irq[entry]);
	if (rc > 0) {
		kobj_ref(&p->obj);
		d->irq[entry] = (struct device_irq){ rc, p, bits };
		e[0] = MSI_ADDRESS | cpu->apic_id << 12;
		e[1] = 0;
		e[2] = rc;              /* fixed delivery, edge */
		e[3] = 0;               /* not masked */
	}
	mutex_unlock(&d->lock);
	return MIN(rc, 0);
}

int device_alloc(struct device *d, struct map *m, uint64_t npages, uint64_t *at, paddr_t *phys)
{
	struct page *mem;
	int rc;

	if (npages == 0 || npages > DEVICE_ALLOC_MAX) return -EINVAL;
	mem = frame_alloc_contig(npages);
	if (!mem) return -ENOMEM;
	*phys = page_phys(mem);
	rc = piece_map(d, m, *phys, npages * PAGE_SIZE, mem, at);
	for (uint64_t i = 0; rc && i < npages; i++) frame_free(mem + i);
	return rc;
}
