/* SPDX-License-Identifier: MIT */
/* kernel/time.c - RING 0 - the TSC, calibrated once against the HPET or the ACPI timer; timers on a sorted list.
 *
 * Locks: timer_lock guards the list.  A timer's function runs with none held.
 *
 * T1  The list is sorted by `when`; an armed timer is on it.
 */
#include "kernel/time.h"

#include "kernel/acpi.h"
#include "kernel/apic.h"
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "mm/pmap.h"

#define CALIBRATE_NS 5000000ull         /* 5 ms: 0.01 % of error by a reading 0.5 us late */
#define PM_HZ 3579545ull                /* ACPI 6.4 4.8.3.3 */

static uint64_t tsc_base, tsc_hz, tsc_mult;     /* ns = ticks * tsc_mult >> 32 */
static int64_t real_base;
static struct spinlock timer_lock = SPINLOCK_INIT(RANK_TIMER, "timers");
static struct list timers = LIST_INIT(timers);

static volatile uint64_t *hpet;
static uint64_t hpet_fs;                /* femtoseconds per tick */

/* ns of a reference clock with an origin of its own; the PM timer has 24 bits and wraps after 4.7 s. */
static uint64_t reference_ns(void)
{
	if (hpet) return (unsigned __int128)hpet[0xf0 / 8] * hpet_fs / 1000000;
	return (inl(acpi_pm_timer()) & 0xffffff) * 1000000000ull / PM_HZ;
}

static bool reference_init(void)
{
	if (acpi_hpet()) {
		hpet = pmap_map_device(acpi_hpet(), PAGE_SIZE, false);
		hpet_fs = hpet ? hpet[0] >> 32 : 0;
		if (hpet_fs == 0 || hpet_fs > 100000000) hpet = NULL;   /* IA-PC HPET 1.0a 2.3.4 */
		else hpet[0x10 / 8] |= 1;       /* run */
	}
	return hpet || acpi_pm_timer();
}

static uint8_t cmos(uint8_t reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static unsigned bcd(uint8_t v, uint8_t status)
{
	return status & 4 ? v : (v >> 4) * 10 + (v & 15);
}

/* Days since 1970-01-01 of a date in the Gregorian calendar. */
static int64_t days(int64_t y, unsigned m, unsigned d)
{
	y -= m <= 2;
	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1 - 719468;
}

/* The RTC, which QEMU keeps in UTC.  Read until two readings agree (an update may be going on). */
static int64_t rtc_seconds(void)
{
	static const uint8_t reg[6] = {0, 2, 4, 7, 8, 9};
	uint8_t a[6], b[6], status = cmos(0x0b);

	do {
		for (int i = 0; i < 6; i++) a[i] = cmos(reg[i]);
		for (int i = 0; i < 6; i++) b[i] = cmos(reg[i]);
	} while (memcmp(a, b, sizeof(a)));
	return ((days(2000 + bcd(a[5], status), bcd(a[4], status), bcd(a[3], status)) * 24 + bcd(a[2] & 0x7f, status)) * 60 +
	        bcd(a[1], status)) * 60 + bcd(a[0], status);
}

void time_init(void)
{
	uint64_t tsc, ref, end_tsc, end_ref;

	if (!reference_init()) panic("no HPET and no ACPI timer: time cannot be measured");
	ref = reference_ns();
	tsc = rdtsc();
	do {
		end_ref = reference_ns();
		end_tsc = rdtsc();
	} while (end_ref - ref < CALIBRATE_NS && end_ref >= ref);
	tsc_base = end_tsc;
	tsc_hz = (unsigned __int128)(end_tsc - tsc) * 1000000000ull / MAX(end_ref - ref, 1ull);
	tsc_mult = ((unsigned __int128)1000000000ull << 32) / MAX(tsc_hz, 1000ull);
	real_base = rtc_seconds() * 1000000000ll;
}

uint64_t time_mono(void)
{
	return (unsigned __int128)(rdtsc() - tsc_base) * tsc_mult >> 32;
}

int64_t time_real(void)
{
	return real_base + (int64_t)time_mono();
}

void timer_arm(struct timer *t, uint64_t when, void (*fn)(void *), void *arg)
{
	struct list *at;

	spin_lock(&timer_lock);
	if (t->when) list_remove(&t->link);
	t->when = MAX(when, 1ull);
	t->fn = fn;
	t->arg = arg;
	at = timers.prev;
	while (at != &timers && container_of(at, struct timer, link)->when > t->when) at = at->prev;
	list_insert(&t->link, at);
	spin_unlock(&timer_lock);
	clock_program();
}

void timer_cancel(struct timer *t)
{
	spin_lock(&timer_lock);
	if (t->when) list_remove(&t->link);
	t->when = 0;
	spin_unlock(&timer_lock);
}

static struct timer *timer_due(uint64_t now)
{
	struct timer *t = NULL;

	spin_lock(&timer_lock);
	if (!list_empty(&timers)) t = container_of(timers.next, struct timer, link);
	if (t && t->when <= now) {
		list_remove(&t->link);
		t->when = 0;
	} else {
		t = NULL;
	}
	spin_unlock(&timer_lock);
	return t;
}

/* When the next timer is due; ~0: none. */
static uint64_t timer_next(void)
{
	uint64_t when = ~0ull;

	spin_lock(&timer_lock);
	if (!list_empty(&timers)) when = container_of(timers.next, struct timer, link)->when;
	spin_unlock(&timer_lock);
	return when;
}

/* Ask for the next interrupt: the first timer, or the end of the running thread's time if another one waits. */
void clock_program(void)
{
	uint64_t when = MIN(timer_next(), sched_deadline()), now = time_mono();

	apic_timer_set(when == ~0ull ? 0 : when > now ? when - now : 1);
}

void clock_interrupt(void)
{
	struct timer *t;

	while ((t = timer_due(time_mono()))) t->fn(t->arg);
	sched_tick();
	clock_program();
}
