/* SPDX-License-Identifier: MIT */
/* kernel/time.c - RING 0 - what time it is, and what is to happen later.
 *
 * The TSC is calibrated once against a clock of known rate, the HPET or the ACPI timer: no CPU model here tells its
 * rate, and counted ticks are not time on a machine whose host takes breaks.
 *
 * Path:  trap.c > clock_interrupt() > a timer's function
 * Use:   timer_arm(t, when, fn, arg), timer_cancel(t).
 * Locks: each CPU's timer_lock guards its list.  A timer's function runs with none held.
 *
 * T1  A CPU's list is sorted by time; exactly the armed timers are on one.
 * T2  The APIC timer never stands later than the first timer and the end of a quantum that somebody waits for;
 *     an interrupt that comes too early sets it again.
 */
#include "kernel/time.h"

#include "boot/bootinfo.h"
#include "kernel/apic.h"
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "mm/frame.h"
#include "mm/pmap.h"

#define CALIBRATE_NS 5000000ull         /* 5 ms; an end misread by 0.5 us is an error of 0.01 % */
#define SAMPLES 8
#define PM_TICK_FS 279365115ull         /* 1 / 3.579545 MHz (ACPI 6.4 4.8.3.3) */
#define PM_MASK 0xffffffu               /* 24 bits everywhere; 32 are optional */

static uint64_t tsc_base, tsc_mult;     /* ns = ticks * tsc_mult >> 32 */
static int64_t real_base;
static volatile uint32_t *hpet;

/* ---- calibration */

/* Of several readings the closest one: a break that the host takes between the two clocks does not count. */
struct clock_sample clock_sample(uint32_t (*read)(void))
{
	struct clock_sample s = {0};
	uint64_t best = ~0ull;

	for (int i = 0; i < SAMPLES; i++) {
		uint64_t before = rdtsc();
		uint32_t count = read();
		uint64_t took = rdtsc() - before;

		if (took >= best) continue;
		best = took;
		s = (struct clock_sample){before + took / 2, count};
	}
	return s;
}

static uint32_t hpet_read(void)
{
	return hpet[0xf0 / 4];          /* the low half: no 64-bit read is torn (IA-PC HPET 1.0a 2.4.7) */
}

static uint32_t pm_read(void)
{
	return inl(frame_bootinfo->machine.pm_timer) & PM_MASK;
}

/* Femtoseconds per tick of the HPET, running; 0: there is none (IA-PC HPET 1.0a 2.3.4: at most 100 ns). */
static uint64_t hpet_start(void)
{
	uint32_t period;

	if (frame_bootinfo->machine.hpet) hpet = pmap_map_device(frame_bootinfo->machine.hpet, PAGE_SIZE, false);
	if (!hpet) return 0;
	period = hpet[1];
	if (period == 0 || period > 100000000) return 0;
	hpet[0x10 / 4] |= 1;
	return period;
}

static void tsc_calibrate(void)
{
	uint64_t tick_fs = hpet_start(), ns;
	uint32_t (*read)(void) = tick_fs ? hpet_read : pm_read, mask = tick_fs ? ~0u : PM_MASK;
	struct clock_sample start, end;

	if (!tick_fs && !frame_bootinfo->machine.pm_timer) panic("no HPET and no ACPI timer: time cannot be measured");
	if (!tick_fs) tick_fs = PM_TICK_FS;
	start = clock_sample(read);
	do {
		end = clock_sample(read);
		ns = ((end.count - start.count) & mask) * tick_fs / 1000000;
	} while (ns < CALIBRATE_NS);
	tsc_base = end.tsc;
	tsc_mult = (ns << 32) / MAX(end.tsc - start.tsc, 1ull);
}

/* ---- the date */

static uint8_t cmos(uint8_t reg)
{
	outb(0x70, reg);
	return inb(0x71);
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
	static const uint8_t reg[6] = {0, 2, 4, 7, 8, 9};       /* s, min, h, day, month, year */
	uint8_t a[6], b[6], st = cmos(0x0b);
	int64_t day;

	do {
		for (int i = 0; i < 6; i++) a[i] = cmos(reg[i]);
		for (int i = 0; i < 6; i++) b[i] = cmos(reg[i]);
	} while (memcmp(a, b, sizeof(a)));
	day = days(2000 + from_bcd(a[5], st), from_bcd(a[4], st), from_bcd(a[3], st));
	return ((day * 24 + from_bcd(a[2], st)) * 60 + from_bcd(a[1], st)) * 60 + from_bcd(a[0], st);
}

void time_init(void)
{
	tsc_calibrate();
	real_base = rtc_seconds() * 1000000000ll - (int64_t)time_mono();
}

uint64_t clock_ns(uint64_t tsc)
{
	return (unsigned __int128)(tsc - tsc_base) * tsc_mult >> 32;
}

uint64_t time_mono(void)
{
	return clock_ns(rdtsc());
}

int64_t time_real(void)
{
	return real_base + (int64_t)time_mono();
}

void time_real_set(int64_t ns)
{
	real_base = ns - (int64_t)time_mono();
	vdso_update();
}

struct vdso_clock time_clock(void) { return (struct vdso_clock){tsc_base, tsc_mult, real_base}; }

/* Before there is a scheduler, or where it cannot be used. */
void clock_spin(uint64_t ns)
{
	uint64_t end = time_mono() + ns;

	while (time_mono() < end) __builtin_ia32_pause();
}

/* ---- timers */

/* T2 */
void clock_want(uint64_t when)
{
	struct cpu *c = this_cpu();
	uint64_t now;

	if (when >= c->clock_at) return;
	c->clock_at = when;
	now = time_mono();
	apic_timer_set(when > now ? when - now : 1);
}

void timer_arm(struct timer *t, uint64_t when, void (*fn)(void *), void *arg)
{
	struct list *at;
	struct cpu *c;

	timer_cancel(t);
	t->fn = fn;
	t->arg = arg;
	c = t->cpu = this_cpu();
	spin_lock(&c->timer_lock);
	t->when = MAX(when, 1ull);
	at = c->timers.prev;
	while (at != &c->timers && container_of(at, struct timer, link)->when > t->when) at = at->prev;
	list_insert(&t->link, at);
	clock_want(t->when);
	spin_unlock(&c->timer_lock);
}

void timer_cancel(struct timer *t)
{
	struct cpu *c = t->cpu;
	bool runs;

	if (!c) return;
	do {
		spin_lock(&c->timer_lock);
		if (t->when) list_remove(&t->link);
		t->when = 0;
		runs = c != this_cpu() && c->timer_running == t;
		spin_unlock(&c->timer_lock);
	} while (runs);
}

/* The first timer whose time has come, off the list; what ran before has finished. */
static struct timer *timer_due(struct cpu *c)
{
	struct timer *t = NULL;

	spin_lock(&c->timer_lock);
	if (!list_empty(&c->timers)) t = container_of(c->timers.next, struct timer, link);
	if (t && t->when > time_mono()) {
		clock_want(t->when);
		t = NULL;
	}
	if (t) {
		list_remove(&t->link);
		t->when = 0;
	}
	c->timer_running = t;
	spin_unlock(&c->timer_lock);
	return t;
}

void clock_interrupt(void)
{
	struct cpu *c = this_cpu();
	struct timer *t;

	c->clock_at = ~0ull;
	while ((t = timer_due(c))) t->fn(t->arg);
	sched_tick();
}
