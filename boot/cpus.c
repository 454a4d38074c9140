/* SPDX-License-Identifier: MIT */
/* boot/cpus.c - LOADER - starts the further CPUs; they wait at a door (boot/bootinfo.h) until the kernel wants them.
 *
 * The waiting is that of ACPI's wakeup mailbox (ACPI 6.4 5.2.12.19), the starting SDM 3A 8.4.4.1: INIT, 10 ms, then
 * SIPI twice with 200 us between.
 *
 * Path:  loader.c > [cpus.c] ~SIPI~> ap.S, after acpi.c, clock.c and control.c
 *
 * C1  Each CPU of the kernel's boot_machine.cpu[] but this one waits at the door; one that comes later than START_WAIT
 *     halts. */
#include "boot/loader.h"
#include "boot/machine.h"

#define START_WAIT  5000000000ull       /* ns: a busy host starts QEMU's threads late */
#define LAPIC_ID    (0x020 / 4)         /* SDM 3A table 10-1 */
#define LAPIC_ICR   (0x300 / 4)         /* 10.6.1; the second half says to whom */
#define LAPIC_ICR2  (0x310 / 4)
#define ICR_INIT    0x500u
#define ICR_START   0x600u
#define ICR_PENDING (1u << 12)
#define ICR_ASSERT  (1u << 14)

extern char ap_code[], ap_code_end[], ap_cr3[], ap_far[], ap_gdt_at[], ap_control[], ap_door[], ap_came[];

static UINT8 *page;                     /* where they begin */

/* Something of ap.S in the page. */
static void *in_page(const char *label) { return page + (label - ap_code); }
static UINT8 *came(UINT8 apic_id) { return (UINT8 *)in_page(ap_came) + apic_id; }

static void wait_ns(UINT64 ns)
{
	UINT64 end = clock_ns() + ns;

	while (clock_ns() < end) __builtin_ia32_pause();
}

static void icr_write(volatile UINT32 *lapic, UINT8 apic_id, UINT32 what)
{
	while (lapic[LAPIC_ICR] & ICR_PENDING) __builtin_ia32_pause();
	lapic[LAPIC_ICR2] = (UINT32)apic_id << 24;
	lapic[LAPIC_ICR] = what | ICR_ASSERT;
}

/* To all others that have not come. */
static void send(const struct boot_machine *m, UINT32 what, UINT64 wait)
{
	for (UINT32 i = 1; i < m->ncpus; i++)
		if (!__atomic_load_n(came(m->cpu[i]), __ATOMIC_ACQUIRE))
			icr_write(machine_memory(m->lapic), m->cpu[i], what);
	wait_ns(wait);
}

/* This one first; no others, if there is no page for them. */
static void list_this_first(struct boot_machine *m)
{
	UINT8 me = ((volatile UINT32 *)machine_memory(m->lapic))[LAPIC_ID] >> 24, all[BOOT_CPUS_MAX];
	UINT32 n = 1;

	memcpy(all, m->cpu, sizeof(all));
	m->cpu[0] = me;
	for (UINT32 i = 0; page && i < m->ncpus; i++)
		if (all[i] != me && n < BOOT_CPUS_MAX) m->cpu[n++] = all[i];
	m->ncpus = n;
}

/* C1 */
static void list_those_that_came(struct boot_machine *m)
{
	UINT64 end = clock_ns() + START_WAIT;
	UINT32 n = 1;

	for (UINT32 i = 1; i < m->ncpus; i++) {
		UINT8 *at = came(m->cpu[i]);

		while (!__atomic_load_n(at, __ATOMIC_ACQUIRE) && clock_ns() < end) __builtin_ia32_pause();
		if (__atomic_exchange_n(at, 2, __ATOMIC_ACQ_REL) == 1) m->cpu[n++] = m->cpu[i];
		else say_number("the CPU with APIC id", m->cpu[i], "does not start");
	}
	m->ncpus = n;
}

void cpus_start(struct bootinfo *bi, UINT64 at, UINT64 cr3)
{
	struct boot_machine *m = &bi->machine;

	page = (UINT8 *)at;
	list_this_first(m);
	if (m->ncpus == 1) return;
	memcpy(page, ap_code, ap_code_end - ap_code);
	*(UINT32 *)in_page(ap_cr3) = (UINT32)cr3;
	*(UINT32 *)in_page(ap_far) += (UINT32)at;
	*(UINT32 *)in_page(ap_gdt_at) += (UINT32)at;
	((UINT64 *)in_page(ap_control))[0] = bi->control.cr4;
	((UINT64 *)in_page(ap_control))[1] = bi->control.xcr0;
	((UINT64 *)in_page(ap_control))[2] = DIRECT_BASE + m->lapic;
	((UINT64 *)in_page(ap_control))[3] = DIRECT_BASE + bi->tables;
	bi->cpu_door = (UINT64)in_page(ap_door);
	send(m, ICR_INIT, 10000000);
	send(m, ICR_START | (UINT32)(at / PAGE), 200000);
	send(m, ICR_START | (UINT32)(at / PAGE), 0);
	list_those_that_came(m);
}
