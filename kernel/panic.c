/* SPDX-License-Identifier: MIT */
/* kernel/panic.c - RING 0 - the end, with what a person needs to find the cause: the broken invariant, registers, a
 * symbolised backtrace, and what the CPU was doing.
 *
 * Path:  INVARIANT(), trap.c > [panic.c] > console.c
 * Locks: takes none, and breaks the console's: nobody may have to let go of anything for the report to appear.
 */
#include "kernel/proc.h"
#include "mm/pmap.h"

struct cpu *panicking;

/* The last symbol at or below the address, if it is near enough to be meant. */
static void print_address(uint64_t addr)
{
	const struct bootinfo *b = frame_bootinfo;
	const struct boot_symbol *s = b ? (const struct boot_symbol *)b->symbols : NULL;
	uint64_t off = 0x10000;
	const char *name = NULL;

	for (uint32_t i = 0; s && i < b->nsymbols; i++) {
		if (addr - s[i].at >= off) continue;
		off = addr - s[i].at;
		name = (const char *)s[i].name;
	}
	kprintf("  %016lx %s+0x%lx\n", addr, name ? name : "?", name ? off : 0);
}

/* Frames are followed on the thread's own stack only: a damaged frame pointer ends the list, and no second fault.
 * Recursion prints once, with a count of the calls that look the same. */
static void backtrace_print(const struct thread *t, uint64_t rip, uint64_t fp)
{
	uint64_t end = t ? t->kstack + KSTACK_PAGES * PAGE_SIZE : 0, last = 0;
	unsigned again = 0;

	kprintf("backtrace:\n");
	if (rip) print_address(rip);
	while (t && fp % 8 == 0 && fp >= t->kstack && fp + 16 <= end) {
		const uint64_t *frame = (const uint64_t *)fp;   /* caller's rbp, return address */
		bool same = frame[1] == last;

		if (!frame[1]) break;
		if (again && !same) kprintf("  ... %u more\n", again);
		again = same ? again + 1 : 0;
		if (!same) print_address(frame[1] - 1);         /* within the call, not after it */
		last = frame[1];
		if (frame[0] <= fp) break;
		fp = frame[0];
	}
	if (again) kprintf("  ... %u more\n", again);
}

static void print_registers(const struct trapframe *tf)
{
	kprintf("rip %016lx rsp %016lx rflags %08lx cs %02lx vector %ld error %lx\n", tf->rip, tf->rsp, tf->rflags,
	        tf->cs, tf->vector, tf->error);
	kprintf("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", tf->rax, tf->rbx, tf->rcx, tf->rdx);
	kprintf("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", tf->rsi, tf->rdi, tf->rbp, tf->r8);
	kprintf("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", tf->r9, tf->r10, tf->r11, tf->r12);
	kprintf("r13 %016lx r14 %016lx r15 %016lx\n", tf->r13, tf->r14, tf->r15);
}

static void print_context(void)
{
	struct cpu *c = this_cpu();
	struct thread *t = c->thread;
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	kprintf("cpu %u was doing: %s\n", c->id, t ? t->doing : "?");
	kprintf("cr2 %016lx cr3 %016lx cr4 %08lx\n", read_cr2(), read_cr3(), cr4);
	if (t && t->proc)
		kprintf("process %u (%s), last system call %lu\n", t->proc->pid, t->proc->name, t->syscall_nr);
	else if (t) kprintf("kernel thread %s\n", t->name ? t->name : "?");
	DEBUG_CALL(locks_print());
}

/* A panic inside a panic ends at once: what was printed so far is all there is. */
static void panic_begin(void)
{
	struct cpu *nobody = NULL;

	irq_disable();
	if (!__atomic_compare_exchange_n(&panicking, &nobody, this_cpu(), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		if (nobody == this_cpu()) machine_exit(STOP_PANIC);
		for (;;) __asm__ volatile("hlt");       /* another CPU's panic is being told */
	}
	smp_stop_others();
}

void panic(const char *fmt, ...)
{
	struct thread *t = current_thread();
	va_list ap;

	panic_begin();
	kprintf("\nPANIC: ");
	va_start(ap, fmt);
	kvprintf(fmt, &ap);
	va_end(ap);
	kprintf("\n");
	print_context();
	backtrace_print(t, 0, (uint64_t)__builtin_frame_address(0));
	if (t && t->proc && t->tf) {
		kprintf("ring 3 was at:\n");
		print_registers(t->tf);
	}
	machine_exit(STOP_PANIC);
}

void trap_fatal(struct trapframe *tf)
{
	static const char *const name[] = {
		"divide error", "debug", "NMI", "breakpoint", "overflow", "bound range", "invalid opcode", "no FPU",
		"double fault", "", "invalid TSS", "segment not present", "stack fault", "general protection",
		"page fault", "", "x87 error", "alignment check", "machine check", "SIMD error",
	};
	bool guard = (tf->vector == 8 || tf->vector == 14) && read_cr2() - VMAP_BASE < VMAP_BYTES;

	panic_begin();
	kprintf("\nPANIC: %s in ring %lu\n", tf->vector < ARRAY_LEN(name) ? name[tf->vector] : "trap", tf->cs & 3);
	if (guard) kprintf("kernel stack overflow: a guard page was hit\n");
	print_context();
	print_registers(tf);
	backtrace_print(current_thread(), tf->rip, tf->rbp);
	machine_exit(STOP_PANIC);
}
