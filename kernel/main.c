/* SPDX-License-Identifier: MIT */
/* kernel/main.c - RING 0 - the boot, one step per line, and the command line.
 *
 * Path:  boot/jump.S > entry.S kernel_entry > [main.c] > servers.c, then this thread idles
 * Locks: none: interrupts are off; the other CPUs, once started, only idle until the servers do.
 */
#include "boot/bootinfo.h"
#include "kernel/apic.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/panic.h"
#include "kernel/servers.h"
#include "kernel/smp.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "mm/frame.h"
#include "mm/pmap.h"
#include "mm/split.h"

#define MEMORY_MIN (16ull << 8)          /* pages: 16 MiB */

static char cmdline[512];

/* The next word of the command line from *at on; its length, 0: none. */
static size_t word_next(const char **at)
{
	size_t n = 0;

	while (**at == ' ') (*at)++;
	while ((*at)[n] && (*at)[n] != ' ') n++;
	return n;
}

/* Words are separated by blanks; there is no quoting. */
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

static void panic_thread(void *how)
{
	debug_panic_test(how);
}

/* panic=...: when everything runs, a kernel thread breaks the kernel on purpose; tests look at the report. */
static void panic_on_purpose(void)
{
	static char how[16];

	if (cmdline_get("panic", how, sizeof(how))) thread_kernel("panic test", panic_thread, how);
}

/* Below this the servers would not start; then it is better to say so than to fail somewhere. */
static void memory_check(void)
{
	if (frame_free_count() >= MEMORY_MIN) return;
	kprintf("quire: too little memory: %lu MiB are free, at least %llu are needed; give the machine 64 MiB\n",
	        frame_free_count() >> 8, MEMORY_MIN >> 8);
	machine_exit(STOP_NOBOOT);
}

void kernel_main(struct bootinfo *bi);
void kernel_main(struct bootinfo *bi)
{
	static char seed[24];

	console_init();
	cpu_init(0);
	sched_init();
	if (bi->magic != BOOTINFO_MAGIC) panic("the loader's structure is not one of this kernel's");
	kstrlcpy(cmdline, bi->cmdline, sizeof(cmdline));
	symbols_init(bi->symbols, bi->symbols_len);
	frame_init(bi);
	smp_prepare();
	pmap_kernel_init();
	memory_check();
	apic_init();
	time_init();
	console_input_init();
	smp_start();
	kprintf("quire: %lu MiB of memory, %lu MiB free\n", frame_total() >> 8, frame_free_count() >> 8);
	if (cmdline_get("delay", seed, sizeof(seed))) lock_delays_start(seed);
	vm_split = cmdline_has("vm=split");
	vdso_init();
	writeback_start();
	reclaim_start();
	servers_start(bi);
	panic_on_purpose();
	irq_enable();
	sched_idle();
}
