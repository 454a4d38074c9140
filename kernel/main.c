/* SPDX-License-Identifier: MIT */
/* kernel/main.c - RING 0 - the boot, one step per line, and the command line. */
#include "boot/bootinfo.h"
#include "kernel/acpi.h"
#include "kernel/apic.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/fpu.h"
#include "kernel/panic.h"
#include "kernel/servers.h"
#include "kernel/thread.h"
#include "mm/frame.h"
#include "mm/pmap.h"
#include "mm/vmo.h"

static char cmdline[512];

/* The next word of the command line from *at on; its length, 0: none. */
static size_t word_next(const char **at)
{
	size_t n = 0;

	while (**at == ' ') (*at)++;
	while ((*at)[n] && (*at)[n] != ' ') n++;
	return n;
}

bool cmdline_has(const char *word)
{
	const char *at = cmdline;

	for (size_t n; (n = word_next(&at)) > 0; at += n) {
		if (n == strlen(word) && !strncmp(at, word, n)) return true;
	}
	return false;
}

const char *cmdline_get(const char *key, char *buf, size_t size)
{
	const char *at = cmdline;
	size_t k = strlen(key);

	for (size_t n; (n = word_next(&at)) > 0; at += n) {
		if (n <= k || strncmp(at, key, k) || at[k] != '=') continue;
		memcpy(buf, at + k + 1, MIN(n - k - 1, size - 1));
		buf[MIN(n - k - 1, size - 1)] = 0;
		return buf;
	}
	return NULL;
}

const char *cmdline_all(void)
{
	return cmdline;
}

/* Overflows the stack on purpose: panic=stack shows that the guard page is there. */
__attribute__((noinline)) static uint64_t deep(uint64_t n)
{
	volatile uint64_t fill[64];

	fill[n % 64] = n;
	return n == ~0ull ? fill[0] : deep(n + 1) + fill[0];
}

static void panic_on_purpose(void)
{
	char how[16];

	if (!cmdline_get("panic", how, sizeof(how))) return;
	if (!strcmp(how, "test")) INVARIANT("T0", !"asked for on the command line");
	if (!strcmp(how, "stack")) deep(0);
}

void kernel_main(struct bootinfo *bi);
void kernel_main(struct bootinfo *bi)
{
	console_init();
	cpu_init(0);
	if (bi->magic != BOOTINFO_MAGIC) panic("the loader's structure is not one of this kernel's");
	kstrlcpy(cmdline, bi->cmdline, sizeof(cmdline));
	symbols_init(bi->symbols, bi->symbols_len);
	frame_init(bi);
	pmap_kernel_init();
	sched_init();
	acpi_init(bi->acpi_rsdp);
	apic_init();
	time_init();
	apic_timer_calibrate();
	console_input_init();
	kprintf("quire: %lu MiB of memory, %lu MiB free\n", frame_total() >> 8, frame_free_count() >> 8);
	panic_on_purpose();
	writeback_start();
	reclaim_start();
	servers_start(bi);
	irq_enable();
	sched_idle();
}
