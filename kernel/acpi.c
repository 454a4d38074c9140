/* SPDX-License-Identifier: MIT */
/* kernel/acpi.c - RING 0 - finds RSDP > XSDT > MADT, MCFG, HPET, FADT (ACPI 6.4 ch. 5).
 *
 * Every table is checked to lie in memory that the loader listed and to have a valid checksum before it is read.
 */
#include "kernel/acpi.h"

#include "boot/bootinfo.h"
#include "kernel/cpu.h"
#include "mm/frame.h"

/* What every table begins with (5.2.6). */
struct sdt {
	char sig[4];
	uint32_t len;
	uint8_t rev, sum;
	char oem[6], table[8];
	uint32_t oemrev, creator, crev;
} __attribute__((packed));

static struct {
	uint64_t ecam;
	uint8_t  last_bus;
	paddr_t  lapic, ioapic, hpet;
	uint8_t  cpu[MAX_CPUS];         /* APIC ids */
	uint32_t ncpus;
	uint16_t pm_timer, pm1a;
	uint32_t gsi[16];
	uint16_t gsi_flags[16];
} found = {.lapic = 0xfee00000, .ioapic = 0xfec00000};

/* All of [pa, pa + len) is in one range of memory that is mapped. */
static bool readable(paddr_t pa, uint64_t len)
{
	const struct bootinfo *bi = frame_bootinfo;

	for (uint32_t i = 0; i < bi->nranges; i++) {
		const struct boot_range *r = &bi->range[i];

		if (pa >= r->start && pa - r->start < r->len && len <= r->len - (pa - r->start)) return true;
	}
	return false;
}

static bool sum_ok(const void *p, uint32_t len)
{
	const uint8_t *b = p;
	uint8_t sum = 0;

	while (len-- > 0) sum += *b++;
	return sum == 0;
}

static const struct sdt *table_at(paddr_t pa)
{
	const struct sdt *t = phys_to_virt(pa);

	if (!readable(pa, sizeof(*t)) || t->len < sizeof(*t) || !readable(pa, t->len)) return NULL;
	return sum_ok(t, t->len) ? t : NULL;
}

static uint64_t get(const void *p, unsigned off, unsigned n)
{
	uint64_t v = 0;

	memcpy(&v, (const char *)p + off, n);
	return v;
}

/* Interrupt controllers (ACPI 6.4 5.2.12): 0 a CPU, 1 an I/O APIC, 2 where an ISA interrupt really goes. */
static void madt(const struct sdt *t)
{
	const uint8_t *p = (const uint8_t *)t + 44, *end = (const uint8_t *)t + t->len;

	found.lapic = get(t, 36, 4);
	for (; p + 2 <= end && p[1] >= 2 && p + p[1] <= end; p += p[1]) {
		if (p[0] == 0 && p[1] >= 8 && (get(p, 4, 4) & 1) && found.ncpus < MAX_CPUS) found.cpu[found.ncpus++] = p[3];
		/* the one of the ISA interrupts */
		if (p[0] == 1 && p[1] >= 12 && get(p, 8, 4) == 0) found.ioapic = get(p, 4, 4);
		if (p[0] == 2 && p[1] >= 10 && p[3] < 16) {
			found.gsi[p[3]] = get(p, 4, 4);
			found.gsi_flags[p[3]] = get(p, 8, 2);
		}
	}
}

/* Offsets: MADT 5.2.12, HPET in IA-PC HPET 1.0a 3.2.4, MCFG in PCI Firmware 3.2 4.1.2, FADT 5.2.9. */
static void table_use(const struct sdt *t)
{
	if (!memcmp(t->sig, "APIC", 4) && t->len >= 44) madt(t);
	if (!memcmp(t->sig, "HPET", 4) && t->len >= 56) found.hpet = get(t, 44, 8);
	if (!memcmp(t->sig, "MCFG", 4) && t->len >= 60) {
		found.ecam = get(t, 44, 8);
		found.last_bus = get(t, 55, 1);
	}
	if (!memcmp(t->sig, "FACP", 4) && t->len >= 80) {
		found.pm1a = get(t, 64, 4);
		found.pm_timer = get(t, 76, 4);
	}
}

void acpi_init(paddr_t rsdp)
{
	const char *r = phys_to_virt(rsdp);
	const struct sdt *root;
	bool wide;

	for (int i = 0; i < 16; i++) found.gsi[i] = i;
	if (!rsdp || !readable(rsdp, 36) || memcmp(r, "RSD PTR ", 8) || !sum_ok(r, 20)) {
		kprintf("acpi: no valid RSDP: defaults are used\n");
		return;
	}
	wide = r[15] >= 2 && get(r, 24, 8) && sum_ok(r, 36);
	root = table_at(wide ? get(r, 24, 8) : get(r, 16, 4));
	if (!root) return;
	for (uint32_t off = sizeof(*root), n = wide ? 8 : 4; off + n <= root->len; off += n) {
		const struct sdt *t = table_at(get(root, off, n));

		if (t) table_use(t);
	}
}

uint64_t acpi_ecam_base(void) { return found.ecam; }
uint8_t acpi_ecam_last_bus(void) { return found.last_bus; }
uint32_t acpi_cpus(void) { return found.ncpus; }
uint32_t acpi_cpu(uint32_t i) { return found.cpu[i]; }
paddr_t acpi_lapic(void) { return found.lapic; }
paddr_t acpi_ioapic(void) { return found.ioapic; }
paddr_t acpi_hpet(void) { return found.hpet; }
uint16_t acpi_pm_timer(void) { return found.pm_timer; }
uint16_t acpi_pm1a_control(void) { return found.pm1a; }

uint32_t acpi_isa_gsi(uint8_t irq, uint16_t *flags)
{
	*flags = irq < 16 ? found.gsi_flags[irq] : 0;
	return irq < 16 ? found.gsi[irq] : irq;
}
