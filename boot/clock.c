/* SPDX-License-Identifier: MIT */
/* boot/clock.c - LOADER - how fast the CPU's clocks run, and what time it is: measured once, so that ring 0 need not.
 *
 * The TSC and the local APIC's timer are measured against a clock of known rate, the HPET or the ACPI timer: no CPU
 * model here tells its rate, and counted ticks are not time on a machine whose host takes breaks.
 *
 * Path:  loader.c > [clock.c], after acpi.c: the firmware is left, registers lie at their own addresses */
#include "boot/loader.h"
#include "boot/machine.h"

#define CALIBRATE_NS 5000000ull         /* 5 ms; an end misread by 0.5 us is an error of 0.01 % */
#define APIC_NS      2000000ull
#define SAMPLES      8
#define PM_TICK_FS   279365115ull       /* 1 / 3.579545 MHz (ACPI 6.4 4.8.3.3) */
#define PM_MASK      0xffffffu          /* 24 bits everywhere; 32 are optional */
#define MSR_APIC_BASE 0x1bu
#define APIC_X2       (1u << 10)
#define LAPIC_TPR     (0x080 / 4)       /* SDM 3A table 10-1 */
#define LAPIC_SVR     (0x0f0 / 4)
#define LAPIC_TIMER   (0x320 / 4)
#define LAPIC_INIT    (0x380 / 4)
#define LAPIC_COUNT   (0x390 / 4)
#define LAPIC_DIV     (0x3e0 / 4)
#define LVT_MASKED    0x10000u

struct sample { uint64_t tsc; uint32_t count; };

static volatile uint32_t *hpet, *lapic;
static uint16_t pm_port;
static struct vdso_clock *clock;

static uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return lo | (uint64_t)hi << 32;
}

/* The low half: no 64-bit read is torn (IA-PC HPET 1.0a 2.4.7). */
static uint32_t hpet_count(void) { return hpet[0xf0 / 4]; }
static uint32_t lapic_count(void) { return lapic[LAPIC_COUNT]; }

static uint32_t pm_count(void)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(pm_port));
	return v & PM_MASK;
}

/* The same moment on the TSC and on another counter.  Of several readings the closest one: a break that the host takes
 * between the two clocks does not count. */
static struct sample sample(uint32_t (*read)(void))
{
	struct sample s = { 0, 0 };
	uint64_t best = ~0ull;

	for (int i = 0; i < SAMPLES; i++) {
		uint64_t before = rdtsc();
		uint32_t count = read();
		uint64_t took = rdtsc() - before;

		if (took >= best) continue;
		best = took;
		s = (struct sample){ before + took / 2, count };
	}
	return s;
}

/* Femtoseconds per tick of the HPET, running; 0: there is none (IA-PC HPET 1.0a 2.3.4: at most 100 ns). */
static uint64_t hpet_start(uint64_t pa)
{
	uint32_t period;

	hpet = machine_memory(pa);
	period = pa ? hpet[1] : 0;
	if (period == 0 || period > 100000000) return 0;
	hpet[0x10 / 4] |= 1;
	return period;
}

static void tsc_measure(const struct chipset *c)
{
	uint64_t tick_fs = hpet_start(c->hpet), ns;
	uint32_t (*read)(void) = tick_fs ? hpet_count : pm_count, mask = tick_fs ? ~0u : PM_MASK;
	struct sample start, end;

	pm_port = c->pm_timer;
	if (!tick_fs && !pm_port) fail("has no HPET and no ACPI timer: time cannot be measured", "this machine");
	if (!tick_fs) tick_fs = PM_TICK_FS;
	start = sample(read);
	do {
		end = sample(read);
		ns = ((end.count - start.count) & mask) * tick_fs / 1000000;
	} while (ns < CALIBRATE_NS);
	clock->tsc_base = end.tsc;
	clock->tsc_mult = (ns << 32) / (end.tsc > start.tsc ? end.tsc - start.tsc : 1);
}

static uint64_t ns_of(uint64_t ticks) { return (unsigned __int128)ticks * clock->tsc_mult >> 32; }

uint64_t clock_ns(void) { return ns_of(rdtsc() - clock->tsc_base); }

/* Switch the local APIC on.  => counts per second of its timer, by 16; the kernel knows xAPIC mode alone. */
static uint64_t apic_measure(uint64_t pa)
{
	struct sample start, end;
	uint32_t lo, hi;
	uint64_t ns;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(MSR_APIC_BASE));
	if (lo & APIC_X2) fail("left the local APIC in x2APIC mode", "the firmware");
	lapic = machine_memory(pa);
	lapic[LAPIC_TPR] = 0;
	lapic[LAPIC_SVR] = 0x100 | BOOT_SPURIOUS_VECTOR;
	lapic[LAPIC_TIMER] = LVT_MASKED;
	lapic[LAPIC_DIV] = 3;
	lapic[LAPIC_INIT] = ~0u;
	start = sample(lapic_count);
	do {
		end = sample(lapic_count);
		ns = ns_of(end.tsc - start.tsc);
	} while (ns < APIC_NS);
	lapic[LAPIC_INIT] = 0;
	lapic[LAPIC_TIMER] = BOOT_TIMER_VECTOR;
	return (uint64_t)(start.count - end.count) * 1000000000ull / ns;
}

static uint8_t cmos(uint8_t reg)
{
	uint8_t v;

	__asm__ volatile("outb %1, $0x70; inb $0x71, %0" : "=a"(v) : "a"(reg));
	return v;
}

static unsigned from_bcd(uint8_t v, uint8_t status)
{
	return status & 4 ? v : (v >> 4) * 10 + (v & 15);
}

/* Days since 1970-01-01 in the Gregorian calendar, with years that begin in March: the leap day comes last. */
static int64_t days(int64_t y, unsigned m, unsigned d)
{
	y -= m <= 2;
	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1 - 719468;
}

/* The RTC, which QEMU keeps in UTC and 24-hour mode.  Two equal readings: no update went on between them. */
static int64_t rtc_seconds(void)
{
	static const uint8_t reg[6] = { 0, 2, 4, 7, 8, 9 };     /* s, min, h, day, month, year */
	uint8_t a[6], st = cmos(0x0b);
	int64_t day;
	int same;

	do {
		same = 1;
		for (int i = 0; i < 6; i++) a[i] = cmos(reg[i]);
		for (int i = 0; i < 6; i++) same &= a[i] == cmos(reg[i]);
	} while (!same);
	day = days(2000 + from_bcd(a[5], st), from_bcd(a[4], st), from_bcd(a[3], st));
	return ((day * 24 + from_bcd(a[2], st)) * 60 + from_bcd(a[1], st)) * 60 + from_bcd(a[0], st);
}

void clock_read(const struct chipset *c, struct bootinfo *bi)
{
	__asm__ volatile("cli");
	clock = (struct vdso_clock *)bi->vdso;
	tsc_measure(c);
	bi->apic_hz = apic_measure(bi->machine.lapic);
	clock->real_base = rtc_seconds() * 1000000000ll - (int64_t)clock_ns();
}
