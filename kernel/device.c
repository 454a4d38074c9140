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
#include "kernel/ipc.h"
#include "kernel/time.h"
#include "mm/frame.h"
#include "mm/map.h"

#define MSIX_CONTROL 2                  /* message control: offset in the capability (PCI 3.0 6.8.2.3) */
#define MSIX_ENABLE  BIT(15)
#define MSIX_MASKALL BIT(14)
#define MSIX_MASKED  1u                 /* vector control of one entry */

#define COMMAND 0x04                    /* PCI 3.0 6.2.2 */
#define COMMAND_IO     BIT(0)
#define COMMAND_MEMORY BIT(1)
#define COMMAND_MASTER BIT(2)
#define COMMAND_NOINTX BIT(10)

#define VIRTIO_COMMON_LEN    0x38u      /* virtio 1.1 4.1.4.3 */
#define VIRTIO_DEVICE_STATUS 0x14
#define RESET_NS             1000000000ull

static void config_write16(const struct device *d, unsigned off, uint16_t v)
{
	*(volatile uint16_t *)(d->config + off) = v;
}

/* Memory and bus mastering; no port I/O, no INTx. */
static void device_enable(const struct device *d, bool on)
{
	uint16_t c = *(volatile uint16_t *)(d->config + COMMAND) & ~(COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER);

	config_write16(d, COMMAND, c | COMMAND_NOINTX | (on ? COMMAND_MEMORY | COMMAND_MASTER : 0));
}

/* Clearing the bus master bit does not call back requests that the device has begun; a virtio reset waits for them
 * (virtio 1.1 4.1.4.3.2: the driver writes 0 and reads until it is 0). => false: it does not answer */
static bool device_reset(struct device *d)
{
	uint64_t until = time_mono() + RESET_NS;

	if (d->virtio) d->virtio[VIRTIO_DEVICE_STATUS] = 0;
	while (d->virtio && d->virtio[VIRTIO_DEVICE_STATUS] != 0) {
		if (time_mono() > until) return false;
	}
	return true;
}

static void irqs_free(struct device *d)
{
	if (d->msix) config_write16(d, d->pci->msix_cap + MSIX_CONTROL, MSIX_MASKALL);
	for (int i = 0; i < DEVICE_IRQS; i++) {
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

	device_enable(d, false);
	if (!quiet) kprintf("pci %x: the device does not answer a reset; its memory is not used again\n", d->pci->bdf);
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

struct device *device_create(const struct boot_pci *f)
{
	struct device *d = kalloc(sizeof(*d));

	if (!d) return NULL;
	kobj_init(&d->obj, KOBJ_DEVICE, device_destroy);
	d->obj.no_handles = device_no_handles;
	mutex_init(&d->lock, RANK_FILE, "device");
	d->pci = f;
	d->config = pmap_map_device(f->config, PAGE_SIZE, false);
	if (f->virtio_len >= VIRTIO_COMMON_LEN)
		d->virtio = pmap_map_device(f->bar[f->virtio_bar].base + f->virtio_off, VIRTIO_COMMON_LEN, false);
	if (f->msix_cap) d->msix = pmap_map_device(f->bar[f->msix_bar].base + f->msix_off, 16 * f->msix_entries, false);
	device_enable(d, true);
	device_reset(d);                /* the firmware read the kernel through it: its rings are forgotten */
	if (!d->msix) return d;
	for (uint32_t i = 0; i < f->msix_entries; i++) d->msix[4 * i + 3] = MSIX_MASKED;
	config_write16(d, f->msix_cap + MSIX_CONTROL, MSIX_ENABLE);
	return d;
}

/* Does [off, off + len) of the BAR share a page with n bytes at `at`? */
static bool page_overlap(uint64_t off, uint64_t len, uint64_t at, uint64_t n)
{
	return off < ROUND_UP(at + n, PAGE_SIZE) && ROUND_DOWN(at, PAGE_SIZE) < off + len;
}

/* D1 */
static bool msix_overlap(const struct boot_pci *f, unsigned bar, uint64_t off, uint64_t len)
{
	if (!f->msix_cap) return false;
	if (bar == f->msix_bar && page_overlap(off, len, f->msix_off, 16ull * f->msix_entries)) return true;
	return bar == f->pba_bar && page_overlap(off, len, f->pba_off, f->msix_entries / 8 + 8);
}

/* A free slot of a device that still lives, for the one map that may have it.  => device->lock held */
static int piece_find_locked(struct device *d, struct map *m, struct device_piece **out)
{
	if (d->stopped) return -ENODEV;
	if (d->map && d->map != m) return -EPERM;
	for (int i = 0; i < DEVICE_MAPS; i++) {
		*out = &d->piece[i];
		if ((*out)->len == 0) return 0;
	}
	return -ENOMEM;
}

static int piece_map_locked(struct device *d, struct map *m, struct device_piece *p, paddr_t pa, uint64_t len)
{
	uaddr_t at = 0;
	int rc = map_device(m, &at, pa, len, p->mem != NULL);

	if (rc) return rc;
	p->addr = at;
	p->len = len;
	if (!d->map) map_ref(m);
	d->map = m;
	return 0;
}

int device_map_bar(struct device *d, struct map *m, unsigned bar, uint64_t off, uint64_t len, uint64_t *at)
{
	const struct boot_pci *f = d->pci;
	struct device_piece *p;
	int rc;

	if (bar >= 6 || len == 0 || off % PAGE_SIZE) return -EINVAL;
	if (off > f->bar[bar].len || len > f->bar[bar].len - off) return -EINVAL;
	len = ROUND_UP(len, PAGE_SIZE);
	if (len > f->bar[bar].len - off) return -EINVAL;        /* a small BAR may share its page */
	if (msix_overlap(f, bar, off, len)) return -EPERM;

	mutex_lock(&d->lock);
	rc = piece_find_locked(d, m, &p);
	if (!rc) {
		p->mem = NULL;
		rc = piece_map_locked(d, m, p, f->bar[bar].base + off, len);
	}
	if (!rc) *at = p->addr;
	mutex_unlock(&d->lock);
	return rc;
}

static void device_interrupt(void *arg)
{
	struct device_irq *i = arg;

	port_notify(i->port, i->bits);
}

/* Once per entry: the vector belongs to it until the device stops. */
int device_irq(struct device *d, unsigned entry, struct port *p, uint64_t bits, const struct cpu *cpu)
{
	volatile uint32_t *e;
	int rc;

	if (!d->msix || entry >= d->pci->msix_entries || entry >= DEVICE_IRQS) return -EINVAL;
	e = d->msix + 4 * entry;
	mutex_lock(&d->lock);
	rc = d->stopped ? -ENODEV : d->irq[entry].vector ? -EBUSY : irq_alloc(device_interrupt, &d->irq[entry]);
	if (rc > 0) {
		kobj_ref(&p->obj);
		d->irq[entry] = (struct device_irq){ rc, p, bits };
		e[0] = msi_address(cpu);
		e[1] = msi_address(cpu) >> 32;
		e[2] = msi_data(rc);
		e[3] = 0;               /* not masked */
	}
	mutex_unlock(&d->lock);
	return MIN(rc, 0);
}

int device_alloc(struct device *d, struct map *m, uint32_t npages, uint64_t *at, paddr_t *phys)
{
	struct page *mem = NULL;
	struct device_piece *p;
	int rc;

	if (npages == 0 || npages > DEVICE_ALLOC_MAX) return -EINVAL;
	mutex_lock(&d->lock);
	rc = piece_find_locked(d, m, &p);
	if (!rc && !(mem = frame_alloc_contig(npages))) rc = -ENOMEM;
	if (!rc) {
		p->mem = mem;
		rc = piece_map_locked(d, m, p, page_phys(mem), npages * PAGE_SIZE);
	}
	if (!rc) {
		*at = p->addr;
		*phys = page_phys(mem);
	}
	mutex_unlock(&d->lock);
	for (uint32_t i = 0; rc && mem && i < npages; i++) frame_free(mem + i);
	return rc;
}
