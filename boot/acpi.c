/* SPDX-License-Identifier: MIT */
/* boot/acpi.c - LOADER - finds RSDP > XSDT > MADT, MCFG, HPET, FADT (ACPI 6.4 ch. 5).
 *
 * Path:  loader.c > [acpi.c], after the firmware is left: the memory map is final, memory lies at its own address
 *
 * Every table is checked to lie in memory that bootinfo lists and to have a valid checksum before it is read. */
#include "boot/machine.h"

/* What every table begins with (5.2.6). */
struct sdt {
	char sig[4];
	uint32_t len;
	uint8_t rev, sum;
	char oem[6], table[8];
	uint32_t oemrev, creator, crev;
} __attribute__((packed));

static struct bootinfo *bi;
static struct chipset *chipset;

/* All of [pa, pa + len) is in one range of memory. */
static int readable(uint64_t pa, uint64_t len)
{
	for (uint32_t i = 0; i < bi->nranges; i++) {
		const struct boot_range *r = &bi->range[i];

		if (pa >= r->start && pa - r->start < r->len && len <= r->len - (pa - r->start)) return 1;
	}
	return 0;
}

static int sum_ok(const void *p, uint32_t len)
{
	const uint8_t *b = p;
	uint8_t sum = 0;

	while (len-- > 0) sum += *b++;
	return sum == 0;
}

static const struct sdt *table_at(uint64_t pa)
{
	const struct sdt *t = machine_memory(pa);

	if (!readable(pa, sizeof(*t)) || t->len < sizeof(*t) || !readable(pa, t->len)) return 0;
	return sum_ok(t, t->len) ? t : 0;
}

/* n bytes, little-endian, wherever they lie. */
static uint64_t get(const void *p, unsigned off, unsigned n)
{
	const uint8_t *b = (const uint8_t *)p + off;
	uint64_t v = 0;

	while (n-- > 0) v = v << 8 | b[n];
	return v;
}

static int sig_is(const struct sdt *t, const char *sig)
{
	return get(t->sig, 0, 4) == get(sig, 0, 4);
}

/* Interrupt controllers (5.2.12): 0 a CPU, 1 an I/O APIC, 2 where an ISA interrupt really goes. */
static void madt(const struct sdt *t)
{
	const uint8_t *p = (const uint8_t *)t + 44, *end = (const uint8_t *)t + t->len;
	struct boot_machine *m = &bi->machine;

	m->lapic = get(t, 36, 4);
	for (; p + 2 <= end && p[1] >= 2 && p + p[1] <= end; p += p[1]) {
		if (p[0] == 0 && p[1] >= 8 && (get(p, 4, 4) & 1) && m->ncpus < BOOT_CPUS_MAX) m->cpu[m->ncpus++] = p[3];
		/* the one of the ISA interrupts */
		if (p[0] == 1 && p[1] >= 12 && get(p, 8, 4) == 0) chipset->ioapic = get(p, 4, 4);
		if (p[0] == 2 && p[1] >= 10 && p[3] < 16) {
			chipset->gsi[p[3]] = get(p, 4, 4);
			chipset->gsi_flags[p[3]] = get(p, 8, 2);
		}
	}
}

/* Offsets: MADT 5.2.12, HPET in IA-PC HPET 1.0a 3.2.4, MCFG in PCI Firmware 3.2 4.1.2, FADT 5.2.9. */
static void table_use(const struct sdt *t)
{
	if (sig_is(t, "APIC") && t->len >= 44) madt(t);
	if (sig_is(t, "HPET") && t->len >= 56) chipset->hpet = get(t, 44, 8);
	if (sig_is(t, "MCFG") && t->len >= 60) chipset->ecam = (struct ecam){ get(t, 44, 8), get(t, 55, 1) };
	if (sig_is(t, "FACP") && t->len >= 80) {
		bi->machine.pm1a = get(t, 64, 4);
		chipset->pm_timer = get(t, 76, 4);
	}
}

static void machine_defaults(void)
{
	bi->machine.lapic = 0xfee00000;
	*chipset = (struct chipset){ .ioapic = 0xfec00000 };
	for (int i = 0; i < 16; i++) chipset->gsi[i] = i;
}

void acpi_read(uint64_t rsdp, struct bootinfo *info, struct chipset *c)
{
	const char *r = machine_memory(rsdp);
	const struct sdt *root;
	int wide;

	bi = info;
	chipset = c;
	machine_defaults();
	if (!rsdp || !readable(rsdp, 36) || get(r, 0, 8) != get("RSD PTR ", 0, 8) || !sum_ok(r, 20)) return;
	wide = r[15] >= 2 && get(r, 24, 8) && sum_ok(r, 36);
	root = table_at(wide ? get(r, 24, 8) : get(r, 16, 4));
	for (uint32_t off = sizeof(*root), n = wide ? 8 : 4; root && off + n <= root->len; off += n) {
		const struct sdt *t = table_at(get(root, off, n));

		if (t) table_use(t);
	}
}
