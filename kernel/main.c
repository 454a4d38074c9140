/* SPDX-License-Identifier: MIT */
/* kernel/main.c - RING 0 - the boot, one step per line.
 *
 * Path:  boot/jump.S > [main.c] > servers.c, then this thread idles
 * Locks: none; interrupts are off until there are threads; the other CPUs, once started, only idle until then.
 */
#include "boot/bootinfo.h"
#include "kernel/proc.h"
#include "mm/pmap.h"
#include "mm/vmo.h"

/* One frame of 512 bytes after the other, until the guard page. */
__attribute__((noinline)) static uint64_t stack_eat(uint64_t n)
{
	volatile uint64_t fill[64];

	fill[n % 64] = n;
	return n == ~0ull ? fill[0] : stack_eat(n + 1) + fill[0];
}

/* When everything runs, a kernel thread breaks the kernel as the word panic=HOW says; tests look at the report:
 * panic=test breaks an invariant, panic=stack overflows the stack, panic=fault follows a wild pointer. */
static void panic_on_purpose(void)
{
	uint32_t how = frame_bootinfo->panic;
	uint64_t nowhere = USER_TOP;

	__asm__ volatile("" : "+r"(nowhere));         /* the compiler must not know what it is */
	if (how == BOOT_PANIC_TEST) INVARIANT("T0", !"asked for on the command line");
	if (how == BOOT_PANIC_STACK) stack_eat(0);
	if (how == BOOT_PANIC_FAULT) *(volatile char *)nowhere = 0;
}

void kernel_main(struct bootinfo *bi);
void kernel_main(struct bootinfo *bi)
{
	cpu_init(bi, 0, &boot_thread);
	if (bi->magic != BOOTINFO_MAGIC) panic("the loader's structure is not one of this kernel's");
	frame_init(bi);
	cpu_has_smap = bi->control.cr4 & BOOT_CR4_SMAP;
	pmap_kernel_init();
	time_clock = bi->clock;
	smp_start();
	kprintf("quire: %lu MiB of memory, %lu MiB free\n", frame_total >> 8, frame_free_count() >> 8);
	if (bi->delay) lock_delays_start(bi->delay);
	vm_split = bi->split;
	vdso_init();
	irq_enable();           /* from here on there are threads, who never switch without */
	thread_kernel("writeback", writeback_thread);
	thread_kernel("reclaim", reclaim_thread);
	servers_start();
	if (bi->panic) thread_kernel("panic test", panic_on_purpose);
	sched_idle();
}
