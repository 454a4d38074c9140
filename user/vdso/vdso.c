/* SPDX-License-Identifier: MIT */
/* user/vdso/vdso.c - RING 3 - the clock without a system call: a shared object that ring 0 maps into every program.
 *
 * The C library finds it by AT_SYSINFO_EHDR and calls these functions (Linux's vdso(7)); what they cannot answer they ask
 * the kernel.  The page before it is written by ring 0 (abi/vdso.h). */
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "abi/vdso.h"

extern const struct vdso_clock vdso_clock __attribute__((visibility("hidden")));       /* vdso.lds */

/* As time_mono() of kernel/cpu.c; the TSC read is not moved before what came earlier in the program (SDM 2B, RDTSC). */
static uint64_t mono_ns(void)
{
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (unsigned __int128)(((uint64_t)hi << 32 | lo) - vdso_clock.tsc_base) * vdso_clock.tsc_mult >> 32;
}

static uint64_t real_ns(void)
{
	return mono_ns() + *(const volatile int64_t *)&vdso_clock.real_base;
}

static long ask_kernel(long clock, struct timespec *ts)
{
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(SYS_clock_gettime), "D"(clock), "S"(ts) : "rcx", "r11", "memory");
	return r;
}

int __vdso_clock_gettime(clockid_t clock, struct timespec *ts)
{
	uint64_t ns;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE: ns = real_ns(); break;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME: ns = mono_ns(); break;
	default: return ask_kernel(clock, ts);
	}
	ts->tv_sec = ns / 1000000000;
	ts->tv_nsec = ns % 1000000000;
	return 0;
}

int __vdso_gettimeofday(struct timeval *tv, void *zone)
{
	uint64_t us = real_ns() / 1000;

	if (tv) *tv = (struct timeval){us / 1000000, us % 1000000};
	if (zone) *(uint64_t *)zone = 0;        /* struct timezone: UTC */
	return 0;
}

time_t __vdso_time(time_t *t)
{
	time_t now = real_ns() / 1000000000;

	if (t) *t = now;
	return now;
}
