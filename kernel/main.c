/* SPDX-License-Identifier: MIT */
/* kernel/main.c - RING 0 - the boot, one step per line, and the command line.
 *
 * Path:  boot/jump.S > [main.c] > servers.c, then this thread idles
 * Locks: none: interrupts are off; the other CPUs, once started, only idle until the servers do.
 */
#include "boot/bootinfo.h"
#include "kernel/apic.h"
#include "kernel/proc.h"
#include "kernel/smp.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "mm/frame.h"
#include "mm/pmap.h"
#include "mm/split.h"

const char *cmdline_get(const char *key)
{
	const char *line = frame_bootinfo->cmdline;

	for (const char *at = line; *at; at++) {
		if ((at == line || at[-1] == ' ') && !strncmp(at, key, strlen(key))) return at + strlen(key);
	}
	return NULL;
}

/* One frame of 512 bytes after the other, until the guard page. */
__attribute__((noinline)) static uint64_t stack_eat(uint64_t n)
{
	volatile uint64_t fill[64];

	fill[n % 64] = n;
	return n == ~0ull ? fill[0] : stack_eat(n + 1) + fill[0];
}

/* When everything runs, a kernel thread breaks the kernel as the word panic=HOW says; tests look at the report:
 * panic=test breaks an invariant, panic=stack overflows the stack, panic=fault follows a wild pointer. */
static void panic_on_purpose(void *arg)
{
	const char *how = arg;
	uint64_t nowhere = USER_TOP;

	__asm__ volatile("" : "+r"(nowhere));         /* the compiler must not know what it is */
	if (!strncmp(how, "test", 4)) INVARIANT("T0", !"asked for on the command line");
	if (!strncmp(how, "stack", 5)) stack_eat(0);
	if (!strncmp(how, "fault", 5)) *(volatile char *)nowhere = 0;
}

void kernel_main(struct bootinfo *bi);
void kernel_main(struct bootinfo *bi)
{
	const char *word;

	cpu_init(0);
	sched_init();
	if (bi->magic != BOOTINFO_MAGIC) panic("the loader's structure is not one of this kernel's");
	frame_init(bi);
	fpu_init(&bi->control);
	cpu_has_smap = bi->control.cr4 & BOOT_CR4_SMAP;
	pmap_kernel_init();
	apic_init();
	time_init();
	smp_start();
	kprintf("quire: %lu MiB of memory, %lu MiB free\n", frame_total() >> 8, frame_free_count() >> 8);
	if ((word = cmdline_get("delay="))) lock_delays_start(word);
	vm_split = cmdline_get("vm=split");
	vdso_init();
	writeback_start();
	reclaim_start();
	servers_start();
	if ((word = cmdline_get("panic="))) thread_kernel("panic test", panic_on_purpose, (void *)word);
	irq_enable();
	sched_idle();
}
